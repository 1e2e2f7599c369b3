"""Plain dictionaries of NIR nodes for tests."""

import numpy as np


def lif(n: int, **changes: object) -> dict[str, object]:
    """A LIF node of ``n`` neurons with decay 0.9 and gain 1 at dt 1e-4."""
    made: dict[str, object] = {
        "type": "LIF",
        "tau": np.full(n, 1e-3),
        "r": np.full(n, 10.0),
        "v_leak": np.zeros(n),
        "v_threshold": np.ones(n),
        "v_reset": np.zeros(n),
    }
    return {**made, **changes}


def small_nodes(**changes: dict[str, object]) -> dict[str, dict[str, object]]:
    """Input(3) - Affine - LIF(2) - Output(2); keyword arguments replace whole nodes."""
    nodes: dict[str, dict[str, object]] = {
        "in": {"type": "Input", "shape": [3]},
        "fc": {"type": "Affine", "weight": np.eye(2, 3), "bias": np.zeros(2)},
        "lif": lif(2),
        "out": {"type": "Output", "shape": [2]},
    }
    return {**nodes, **changes}
