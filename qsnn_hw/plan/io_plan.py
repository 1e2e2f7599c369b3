"""What stands between the network's streams and the host: an encoder, a readout, in plain numbers."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.model import readouts
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.support.choices import ENCODERS, READOUTS, EncoderKind, ReadoutKind

PIXEL_MAX = 255
"""The brightest pixel."""

RANDOM_STATE_BITS = 41
"""Width of the shift register that "rate" draws from."""


def _check_slots(slots: int) -> None:
    if slots < 1 or slots & (slots - 1):
        raise ValueError(f"Number of slots must be a power of two, not {slots!r}")


@dataclass(frozen=True)
class EncoderPlan:
    """Pixels to spikes on the chip; docs/host_link.md says which, ``qsnn_hw.golden.encoders`` makes them.

    Parameters
    ----------
    kind
        "rate", "latency" or "direct".
    space
        Addresses of the network's input stream.
    steps
        Time steps of a sample.
    slots
        Events per word of the input stream, a power of two.
    floor
        "latency": darker pixels never spike.
    shift
        "direct": low bits of a pixel that are dropped.
    seed
        "rate": start of the random sequence, from 1.
    buffers
        2: the next sample is taken while one is sent; 1: half the memory.
    """

    kind: EncoderKind
    space: AddressSpace
    steps: int
    slots: int = 1
    floor: int = 1
    shift: int = 0
    seed: int = 1
    buffers: int = 2

    def __post_init__(self) -> None:
        if self.kind not in ENCODERS:
            raise ValueError(f"Encoder must be rate, latency or direct, not {self.kind!r}")
        _check_slots(self.slots)
        most = PIXEL_MAX + 1 if self.kind == "latency" else 65536
        if not 1 <= self.steps <= most:
            raise ValueError(f"Steps must be from 1 to {most} with encoder {self.kind}, not {self.steps!r}")
        if self.buffers not in (1, 2):
            raise ValueError(f"Buffers must be 1 or 2, not {self.buffers!r}")
        for name, value, owner, default, least, greatest in (
            ("Floor", self.floor, "latency", 1, 1, PIXEL_MAX),
            ("Shift", self.shift, "direct", 0, 0, 7),
            ("Seed", self.seed, "rate", 1, 1, 2**32 - 1),
        ):
            if self.kind != owner and value != default:
                raise ValueError(f"{name} must be {default} with encoder {self.kind}, not {value!r}")
            if not least <= value <= greatest:
                raise ValueError(f"{name} must be from {least} to {greatest}, not {value!r}")

    @property
    def rows(self) -> int:
        """Addresses of one slot."""
        return -(-self.space.size // self.slots)

    @property
    def input_max(self) -> int:
        """The most events of one address in one step."""
        return PIXEL_MAX >> self.shift if self.kind == "direct" else 1


@dataclass(frozen=True)
class ReadoutPlan:
    """Output spikes or potentials to one class per sample; ``qsnn_hw.model.readouts`` says which.

    Parameters
    ----------
    kind
        "count": most spikes; "first": first spike; "membrane": highest potential.
    classes
        Addresses of the network's output stream, or neurons of its readout group.
    slots
        "count", "first": events per word of the output stream.
    count_bits
        "count": width of a counter, which stops at its highest value.
    early
        "first": the class is given with the tick of the step that decides it.
    lanes, v_bits
        "membrane": potentials per row, and the width of each.
    every_step
        "membrane": the maximum is taken over all steps of the sample, not its last.
    """

    kind: ReadoutKind
    classes: int
    slots: int = 1
    count_bits: int = 8
    early: bool = False
    lanes: int = 1
    v_bits: int = 16
    every_step: bool = False

    def __post_init__(self) -> None:
        if self.kind not in READOUTS:
            raise ValueError(f"Readout must be count, first or membrane, not {self.kind!r}")
        if self.classes < 1:
            raise ValueError(f"Number of classes must be at least 1, not {self.classes!r}")
        _check_slots(self.slots)
        for name, value in (("Counter", self.count_bits), ("Potential", self.v_bits), ("Row", self.lanes)):
            if value < 1:
                raise ValueError(f"{name} width must be at least 1, not {value!r}")
        for name, value, owners, default in (
            ("Number of slots", self.slots, ("count", "first"), 1),
            ("Counter width", self.count_bits, ("count",), 8),
            ("Early decision", self.early, ("first",), False),
            ("Row width", self.lanes, ("membrane",), 1),
            ("Potential width", self.v_bits, ("membrane",), 16),
            ("Maximum over every step", self.every_step, ("membrane",), False),
        ):
            if self.kind not in owners and value != default:
                raise ValueError(f"{name} must be {default} with readout {self.kind}, not {value!r}")

    @property
    def potentials(self) -> bool:
        """Whether it reads potentials, not spikes."""
        return self.kind == "membrane"

    @property
    def rows(self) -> int:
        """Rows of potentials that hold classes."""
        return -(-self.classes // self.lanes)

    @property
    def latency(self) -> int:
        """Cycles from what decides, a sample's last tick or its last row of potentials, to the answer."""
        return {"count": 2, "first": 1, "membrane": 2 + max(1, (self.lanes - 1).bit_length())}[self.kind]

    def answers(self, spikes: np.ndarray, potentials: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Each sample's class, and whether it was silent.

        Parameters
        ----------
        spikes, potentials
            Of the output group, shape (time, sample, class); ``potentials`` for "membrane" only.
        """
        if self.kind == "count":
            return readouts.count_class(spikes, count_bits=self.count_bits)
        if self.kind == "first":
            return readouts.first_class(spikes)
        if potentials is None:
            raise ValueError("Potentials must be given for readout membrane, not None")
        return readouts.membrane_class(potentials, every_step=self.every_step)
