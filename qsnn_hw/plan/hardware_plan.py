"""The hardware plan: what is built, in plain numbers, before any hardware description exists."""

import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw import files
from qsnn_hw.errors import UserError

FORMAT = "qsnn-hw hardware plan 1"

HOST = "host"
"""The endpoint outside the chip: source of the input stream, destination of the output stream."""


@dataclass(frozen=True)
class GroupPlan:
    """One neuron group as hardware: ``lanes`` LIF datapaths sweeping ``folds`` memory words.

    Neuron ``j`` lives in lane ``j % lanes`` of fold ``j // lanes``. The last fold is padded with
    neurons that get no weight and no bias and so never fire.

    Parameters
    ----------
    name
        Verilog identifier, unique.
    group
        Name of the group in the quantized network.
    neurons, sources, lanes, folds
        Neurons without padding, addresses the group listens to, and the folding.
    neuron_memory
        Where potentials are kept: "registers" (one fold), "block" RAM, or "auto" for the smallest
        memory that synthesis finds on the device.
    weight_bits, fractional_bits, v_bits, leak_numerator, leak_shift, reset, reset_delay, v_low, v_high
        As in ``QuantizedGroup``.
    bias, threshold, reset_amount, reset_value
        int64, shape (folds * lanes,).
    synapses
        int16 (wider for reference builds past 16 bits), shape (folds, sources, lanes): the weight ROM,
        row ``fold * sources + address``.
    """

    name: str
    group: str
    neurons: int
    sources: int
    lanes: int
    folds: int
    neuron_memory: str
    weight_bits: int
    fractional_bits: int
    v_bits: int
    leak_numerator: int
    leak_shift: int
    reset: str
    reset_delay: bool
    v_low: int | None
    v_high: int | None
    bias: np.ndarray
    threshold: np.ndarray
    reset_amount: np.ndarray
    reset_value: np.ndarray
    synapses: np.ndarray

    @property
    def synapse_rows(self) -> int:
        """Depth of the weight ROM."""
        return self.folds * self.sources

    @property
    def synapse_bits(self) -> int:
        """Size of the weight ROM in bits, padding included."""
        return self.synapse_rows * self.lanes * self.weight_bits

    def synapse_words(self) -> list[int]:
        """The weight ROM row by row; lane 0 in the lowest bits, two's complement."""
        mask = (1 << self.weight_bits) - 1
        rows = self.synapses.reshape(self.synapse_rows, self.lanes)
        words = []
        for row in rows.tolist():
            word = 0
            for lane, weight in enumerate(row):
                word |= (weight & mask) << (lane * self.weight_bits)
            words.append(word)
        return words


@dataclass(frozen=True)
class Route:
    """Every event of ``source`` goes to ``destination``, its address raised by ``offset``."""

    source: str
    destination: str
    offset: int


@dataclass(frozen=True)
class HardwarePlan:
    """Groups and the routes between them; the input and the output are both ``HOST``.

    Parameters
    ----------
    name
        Verilog identifier of the design's top module.
    input_size, output_size
        Addresses of the input and the output stream.
    groups
        In topological order.
    routes
        Source and destination are names of groups or ``HOST``.
    buffer_depth
        Words each router destination can hold.
    """

    name: str
    input_size: int
    output_size: int
    groups: tuple[GroupPlan, ...]
    routes: tuple[Route, ...]
    buffer_depth: int

    def group(self, name: str) -> GroupPlan:
        """The group plan called ``name``; KeyError when there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)

    @property
    def synapse_bits(self) -> int:
        """All weight ROMs together, in bits."""
        return sum(g.synapse_bits for g in self.groups)

    def save(self, path: Path) -> None:
        """Write the plan as one .npz, whole or not at all."""
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "name": self.name,
            "sizes": np.array([self.input_size, self.output_size, self.buffer_depth, len(self.groups)]),
            "routes": np.array(
                [[r.source, r.destination, str(r.offset)] for r in self.routes], dtype=np.str_
            ),
        }
        for index, group in enumerate(self.groups):
            for key, value in asdict(group).items():
                if value is not None:
                    arrays[f"group{index}.{key}"] = value
        files.write_npz(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "HardwarePlan":
        """Read what :meth:`save` wrote; UserError when it is not such a file."""
        arrays = files.read_npz(path)
        try:
            if str(arrays["format"]) != FORMAT:
                raise UserError(f"{path}: format is {arrays['format']}, this version reads {FORMAT}")
            input_size, output_size, depth, groups = (int(n) for n in arrays["sizes"])
            return cls(
                name=str(arrays["name"]),
                input_size=input_size,
                output_size=output_size,
                groups=tuple(_read_group(arrays, f"group{i}.") for i in range(groups)),
                routes=tuple(Route(str(s), str(d), int(o)) for s, d, o in arrays["routes"]),
                buffer_depth=depth,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{path} is not a hardware plan of this version: {error!r}") from error


def _read_group(arrays: dict[str, np.ndarray], prefix: str) -> GroupPlan:
    values: dict[str, Any] = {}
    for item in fields(GroupPlan):
        value = arrays.get(prefix + item.name)
        if value is None:
            if item.name not in ("v_low", "v_high"):
                raise KeyError(prefix + item.name)
            values[item.name] = None
        else:
            values[item.name] = value.item() if value.ndim == 0 else value
    return GroupPlan(**values)


# Words Verilog reserves that a model's node names are likely to hit.
_RESERVED = {
    *("input", "output", "inout", "reg", "wire", "signed", "integer", "real", "time", "parameter", "module"),
    *(
        "begin",
        "end",
        "if",
        "else",
        "case",
        "for",
        "while",
        "initial",
        "always",
        "assign",
        "function",
        "task",
    ),
    *(
        "task",
        "table",
        "and",
        "or",
        "not",
        "buf",
        "nand",
        "nor",
        "xor",
        "xnor",
        "host",
        "clk",
        "rst",
        "router",
    ),
}


def identifier(name: str, prefix: str = "group") -> str:
    """A Verilog identifier made from ``name``: "lif1.lif" -> "lif1_lif", "3" -> "group_3"."""
    cleaned = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    if not cleaned or not cleaned[0].isalpha() or cleaned.lower() in _RESERVED:
        cleaned = f"{prefix}_{cleaned}".rstrip("_")
    return cleaned
