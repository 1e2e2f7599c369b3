"""Saved networks as version 1 of their file was written: users have such files, and they stay readable."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.model.network import Network


def save_first(network: Network, path: Path) -> None:
    """Write ``network`` as "qsnn-hw network 1": a JSON description, arrays called a0, a1 and so on."""
    arrays: dict[str, Any] = {}

    def pack(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            arrays[f"a{len(arrays)}"] = value
            return {"@": f"a{len(arrays) - 1}"}
        if isinstance(value, dict):
            return {key: pack(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [pack(item) for item in value]
        return value.item() if isinstance(value, np.generic) else value

    described = asdict(network)
    for saved, projection in zip(described["projections"], network.projections, strict=True):
        for item, operator in zip(saved["operators"], projection.operators, strict=True):
            item["operator"] = type(operator).__name__
    np.savez(path, format="qsnn-hw network 1", description=json.dumps(pack(described)), **arrays)
