"""What the bitstream of a plan says about itself to the host."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from qsnn_hw import __version__
from qsnn_hw.host.identity import Identity
from qsnn_hw.plan.hardware_plan import HardwarePlan
from qsnn_hw.support.record_tree import TreeWriter


def plan_identity(plan: HardwarePlan, clock_mhz: float) -> Identity:
    """The identity of the board's design of ``plan``."""
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
