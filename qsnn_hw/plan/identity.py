"""What the bitstream of a plan says about itself to the host."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qsnn_hw import __version__
from qsnn_hw.host.identity import TOOLS_BYTES, Identity
from qsnn_hw.plan.hardware_plan import HardwarePlan
from qsnn_hw.support.record_tree import TreeWriter
from qsnn_hw.support.records import StoredRecord


@dataclass(frozen=True)
class DesignTools(StoredRecord, form="design tools 1", again="run the build again"):
    """What makes a bitstream of a plan.

    Parameters
    ----------
    versions
        By tool name; None where a tool states none.
    """

    versions: Mapping[str, str | None]

    def digest(self) -> bytes:
        """8 bytes of the sha256 of names and versions."""
        text = json.dumps(dict(self.versions), sort_keys=True)
        return hashlib.sha256(text.encode()).digest()[:TOOLS_BYTES]

    def text(self) -> str:
        """Names and versions on one line."""
        return ", ".join(
            f"{name} {version or 'of unknown version'}" for name, version in self.versions.items()
        )


def plan_identity(plan: HardwarePlan, clock_mhz: float, tools: DesignTools | None = None) -> Identity:
    """The identity of the board's design of ``plan``; None: of a design that no tool makes a bitstream of."""
    encoder, readout = plan.encoder, plan.readout
    return Identity(
        encoder=encoder is not None,
        readout=readout is not None,
        loads=bool(plan.loaded_groups),
        steps=0 if encoder is None else encoder.steps,
        inputs=(plan.input_space if encoder is None else encoder.space).size,
        outputs=plan.output_addresses if readout is None else readout.classes,
        weight_bytes=len(plan.weight_bytes()),
        clock_hz=round(clock_mhz * 1e6),
        digest=plan_digest(plan),
        version=__version__,
        tools=bytes(TOOLS_BYTES) if tools is None else tools.digest(),
    )


def plan_digest(plan: HardwarePlan) -> bytes:
    """16 bytes of the sha256 of everything in a plan that is built, weights included, and of the version."""
    writer = TreeWriter(Path())
    tree = writer.tree(replace(plan, notes=(), designs=()))
    total = hashlib.sha256(f"{__version__}\n{json.dumps(tree, sort_keys=True)}".encode())
    for name in sorted(writer.arrays):
        array = np.ascontiguousarray(writer.arrays[name])
        # The same numbers in another width, or byte order, are the same design.
        total.update(f"{name} {array.shape}\n".encode())
        total.update(array.astype("<f8" if array.dtype.kind == "f" else "<i8").tobytes())
    return total.digest()[:16]
