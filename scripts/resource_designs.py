"""The designs that resource prediction is fitted on and held against.

:data:`EXAMPLES` are random networks of varied shape; :data:`TRAINED` the shipped and shared models as a
user builds them. Both are measured by the build that a user calls.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from resource_models import Model, random_network, write_model

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.io_plan import PIXEL_MAX
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.quantize.leak import LEAK_BITS
from qsnn_hw.support.choices import SynapseStore

ROOT = Path(__file__).resolve().parent.parent
ICE, ECP, GOWIN = "icebreaker", "ulx3s-85f", "tang-nano-20k"
BOARDS = {"i": ICE, "e": ECP, "g": GOWIN}
"""By the letter that an example's name begins with."""


@dataclass(frozen=True)
class Example:
    """One random network and its shape.

    Parameters
    ----------
    name
        Unique.
    board_name
        Of the board that it is built for.
    sizes, features, loop, delay
        See ``Model``.
    options
        Shapes.
    bits
        Of a weight.
    fractional_bits
        Of a potential.
    unseen
        Not used by the fit: what the prediction is judged by.
    io
        Encoder and readout on the chip.
    store
        Weights in "rom" or "ram".
    leak_bits
        Fractional bits of a leak.
    """

    name: str
    board_name: str
    sizes: tuple[int, ...] | str
    options: PlanOptions
    bits: int = 8
    features: dict[str, Any] = field(default_factory=dict)
    fractional_bits: int = 2
    loop: bool = False
    delay: int = 0
    unseen: bool = False
    io: IoOptions = field(default_factory=IoOptions)
    store: SynapseStore = "rom"
    leak_bits: int = LEAK_BITS

    @property
    def model(self) -> Model:
        """The network alone."""
        return Model(self.name, self.sizes, self.features, self.loop, self.delay)

    @property
    def board(self) -> Board:
        """The board it is built for."""
        return load_board(self.board_name)

    def build_options(self, folder: Path) -> BuildOptions:
        """What a user would ask for; the model becomes a file in ``folder``."""
        path = folder / "model.npz"
        options = self.options
        return BuildOptions(
            model=str(path),
            convention="nir",
            settings=write_model(random_network(self.model), path),
            board=self.board.name,
            quantize=QuantizeOptions(
                weight_bits=self.bits, fractional_bits=self.fractional_bits, leak_bits=self.leak_bits
            ),
            lanes=tuple(options.lanes or ()),
            update_lanes=tuple(options.update_lanes or ()),
            event_lanes=tuple(options.event_lanes or ()),
            weights=self.store,
            encoder=self.io.encoder,
            readout=self.io.readout,
            steps=self.io.steps if self.io.encoder is not None else None,
        )

    def plan(self, measured: Mapping[str, Any]) -> HardwarePlan:
        """The plan of what was measured, without a build."""
        options = QuantizeOptions(
            weight_bits=self.bits,
            fractional_bits=self.fractional_bits,
            leak_bits=self.leak_bits,
            # A pixel may stand for as many events as its value says.
            input_max=PIXEL_MAX if self.io.encoder == "direct" else 1,
        )
        quantized = quantize(random_network(self.model), options)
        changes = {"limits": self.board.limits, "io": self.io, "synapse_store": self.store}
        if "shapes" in measured:
            changes |= _shapes(measured)
        plan = make_plan(quantized, PlanOptions(**{**vars(self.options), **changes}))
        # Measured before ECP5 had registers behind its reads.
        early = {"registered_reads": measured["registered_reads"]} if "registered_reads" in measured else {}
        return replace(plan, groups=tuple(replace(group, **early) for group in plan.groups))


@dataclass(frozen=True)
class Trained:
    """A shipped or shared model as a user builds it; the fit never sees one.

    Parameters
    ----------
    name
        Unique.
    model, data
        Files, in examples/ or in the shared data folder.
    convention, settings
        As for ``qsnn-hw build``.
    board_name
        Of the board that it is built for.
    samples
        Of the data, for the activity that the choice of shapes counts on.
    changes
        Further fields of ``BuildOptions``.
    """

    name: str
    model: str
    data: str
    convention: str
    board_name: str
    settings: dict[str, str] = field(default_factory=dict)
    samples: int = 20
    changes: Mapping[str, Any] = field(default_factory=dict)
    unseen: bool = True

    @property
    def board(self) -> Board:
        """The board it is built for."""
        return load_board(self.board_name)

    def file(self, name: str) -> Path:
        """Where a file of the model is; it may not exist."""
        shared = Path(os.environ.get("QSNN_DATA") or ROOT.parent / "shared" / "data")
        shipped = ROOT / "examples" / name
        return shipped if shipped.exists() else shared / name

    @property
    def present(self) -> bool:
        """Whether the model is there."""
        return self.file(self.model).exists()

    def build_options(self, folder: Path) -> BuildOptions:
        """What a user would ask for."""
        return BuildOptions(
            model=str(self.file(self.model)),
            convention=self.convention,
            settings=self.settings,
            data=str(self.file(self.data)),
            samples=self.samples,
            board=self.board.name,
            **self.changes,
        )

    def plan(self, measured: Mapping[str, Any]) -> HardwarePlan:
        """The plan of what was measured, without a build."""
        convention = Convention.preset(self.convention).with_settings(self.settings)
        network = read_network(self.file(self.model), convention)
        quantized = quantize(network, QuantizeOptions(input_max=measured["input_max"]))
        store = self.changes.get("weights", "rom")
        # A readout by potentials does not depend on how many steps there are.
        io = IoOptions(readout=self.changes.get("readout"), steps=1)
        plan = make_plan(
            quantized,
            PlanOptions(limits=self.board.limits, io=io, synapse_store=store, **_shapes(measured)),
        )
        # Shapes by hand leave parameters to synthesis, a design that is chosen may not.
        places = measured.get("parameters_in", ["auto"] * len(plan.groups))
        groups = zip(plan.groups, places, strict=True)
        return replace(plan, groups=tuple(replace(group, parameters_in=place) for group, place in groups))


def _shapes(measured: Mapping[str, Any]) -> dict[str, Any]:
    """The shapes that were measured, as ``PlanOptions`` takes them."""
    return {**measured["shapes"], "buffer_depth": measured["buffer_depth"]}


def shapes(
    lanes: Sequence[int],
    update: Sequence[int],
    events: Sequence[int] | None = None,
    registers: Sequence[bool] | None = None,
) -> PlanOptions:
    """Plan options from bare numbers."""
    events = [1] * len(lanes) if events is None else events
    registers = [False] * len(lanes) if registers is None else registers
    return PlanOptions(
        list(lanes), list(update), list(events), ["registers" if r else "memory" for r in registers]
    )


def with_io(name: str, encoder: Any, readout: Any, options: PlanOptions, **changes: Any) -> Example:
    """An example with encoder and readout around a small network; its name says the board."""
    fields: dict[str, Any] = {"sizes": (64, 32, 10), "bits": 6, **changes}
    return Example(name, BOARDS[name[0]], options=options, io=IoOptions(encoder, readout, steps=25), **fields)


R, M = True, False
EXAMPLES: tuple[Example, ...] = (
    Example("e_reg32", ECP, (64, 32, 10), shapes([32, 10], [8, 1], None, [R, M])),
    Example("i_small", ICE, (64, 32, 10), shapes([2, 1], [1, 1])),
    Example("e_reg64e4", ECP, (128, 64, 10), shapes([64, 10], [4, 1], [4, 1], [R, M])),
    Example("i_mem8", ICE, (64, 32, 10), shapes([8, 2], [4, 1])),
    Example("e_reg48", ECP, (100, 48, 10), shapes([48, 10], [16, 10], None, [R, M]), 4),
    Example("i_reg32", ICE, (64, 32, 10), shapes([32, 10], [4, 1], None, [R, M]), 4),
    Example("e_small", ECP, (128, 64, 10), shapes([2, 1], [1, 1])),
    Example("i_own", ICE, (64, 32, 10), shapes([4, 1], [2, 1]), 8, {"own": True}),
    Example("e_mem16", ECP, (128, 64, 10), shapes([16, 5], [4, 1]), 6),
    Example("i_mem16", ICE, (100, 48, 10), shapes([16, 10], [2, 10]), 6),
    Example("e_mem8", ECP, (128, 64, 10), shapes([8, 2], [8, 2]), 8, {"own": True}),
    Example("i_e2", ICE, (64, 32, 10), shapes([8, 2], [4, 1], [2, 1])),
    Example("e_three", ECP, (64, 40, 24, 10), shapes([40, 6, 2], [8, 3, 1], [2, 1, 1], [R, M, M])),
    Example("i_conv", ICE, "conv", shapes([4, 4, 2], [2, 2, 1]), 4),
    Example("e_conv", ECP, "conv", shapes([8, 12, 5], [4, 6, 1]), 6),
    Example("i_current", ICE, (48, 24, 10), shapes([4, 2], [2, 1]), 8, {"current": True}),
    Example(*("e_current", ECP, (48, 24, 10), shapes([24, 2], [4, 1], None, [R, M]), 8, {"current": True})),
    Example("i_refractory", ICE, (48, 24, 10), shapes([4, 2], [2, 1]), 8, {"refractory": 3, "v_min": -1.0}),
    Example(
        "e_refractory",
        ECP,
        (48, 24, 10),
        shapes([24, 5], [4, 5], None, [R, M]),
        features={"refractory": 3, "v_min": -1.0},
    ),
    Example("i_loop", ICE, (48, 24, 10), shapes([4, 2], [2, 1]), 8, {}, 2, True, 1),
    Example("e_loop", ECP, (48, 24, 10), shapes([24, 2], [4, 1], None, [R, M]), 8, {}, 2, True, 1),
    Example("i_multi", ICE, (48, 24, 10), shapes([4, 2], [2, 1]), 8, {"max_spikes": None}),
    Example("e_multi", ECP, (48, 24, 10), shapes([24, 2], [4, 1], None, [R, M]), 8, {"max_spikes": None}),
    Example("i_own_decay", ICE, (48, 24, 10), shapes([4, 2], [1, 1]), 8, {"own_decay": True}),
    Example("e_own_decay", ECP, (48, 24, 10), shapes([24, 2], [2, 1], None, [R, M]), 8, {"own_decay": True}),
    Example("i_board", ICE, (64, 32, 10), shapes([2, 1], [1, 1])),
    Example("e_board", ECP, (64, 32, 10), shapes([32, 10], [8, 1], None, [R, M])),
    Example("e_reg128", ECP, (200, 128, 10), shapes([128, 2], [2, 1], None, [R, M]), 6),
    Example("i_one", ICE, (100, 16, 10), shapes([16, 10], [16, 10]), 4),
    Example("e_reads", ECP, (128, 64, 10), shapes([16, 5], [4, 1]), 6),
    Example("e_reads8", ECP, (128, 64, 10), shapes([8, 2], [8, 1])),
    Example("e_deep", ECP, (784, 128, 10), shapes([2, 1], [1, 1]), 4),
    Example(
        "e_unseen4",
        ECP,
        (400, 160, 10),
        shapes([4, 1], [1, 1]),
        bits=4,
        unseen=True,
    ),
    Example(
        "e_unseen1",
        ECP,
        (150, 80, 10),
        shapes([80, 10], [8, 2], [2, 1], [R, M]),
        bits=5,
        unseen=True,
    ),
    Example("i_unseen1", ICE, (80, 40, 10), shapes([10, 5], [5, 1]), 6, unseen=True),
    Example("e_unseen2", ECP, (90, 60, 30, 12), shapes([15, 10, 4], [5, 2, 2]), 7, unseen=True),
    Example("i_unseen2", ICE, (80, 24, 12), shapes([24, 3], [3, 1], None, [R, M]), 8, unseen=True),
    Example("i_unseen3", ICE, (60, 30, 10), shapes([6, 2], [3, 2]), 5, unseen=True),
    Example(
        "e_unseen3",
        ECP,
        (60, 30, 10),
        shapes([30, 2], [2, 1], None, [R, M]),
        features={"own": True, "reset_delay": True},
        unseen=True,
    ),
    with_io("i_rate", "rate", "count", shapes([2, 1], [1, 1])),
    with_io("e_rate", "rate", "count", shapes([2, 1], [1, 1])),
    with_io("i_latency", "latency", "first", shapes([2, 1], [1, 1])),
    with_io("e_latency", "latency", "first", shapes([32, 10], [4, 10], [4, 1], [R, R])),
    with_io("i_direct", "direct", "membrane", shapes([2, 1], [1, 1])),
    with_io("e_direct", "direct", "membrane", shapes([2, 5], [1, 5])),
    with_io("i_load", None, None, shapes([2, 1], [1, 1]), store="ram"),
    with_io("e_load", None, None, shapes([32, 5], [2, 1], None, [R, M]), store="ram"),
    with_io(
        "i_unseen4",
        "latency",
        "count",
        shapes([4, 2], [2, 1]),
        sizes=(100, 24, 6),
        unseen=True,
        store="ram",
    ),
    with_io(
        "e_unseen5",
        "rate",
        "first",
        shapes([40, 2], [4, 1], None, [R, M]),
        sizes=(300, 40, 8),
        unseen=True,
        bits=8,
    ),
    with_io(
        "e_unseen6",
        "direct",
        "membrane",
        shapes([12, 7], [4, 7], [2, 1]),
        sizes=(120, 48, 7),
        unseen=True,
    ),
)


_TINY: tuple[tuple[str, tuple[int, ...], PlanOptions, dict[str, Any]], ...] = (
    ("single", (1, 1), shapes([1], [1]), {}),
    ("single4", (1, 1), shapes([1], [1]), {"bits": 4}),
    ("pair", (2, 2), shapes([2], [2]), {}),
    ("folded", (4, 3), shapes([1], [1]), {}),
    ("shared", (8, 4), shapes([4], [1], None, [R]), {}),
    ("layers", (12, 6, 3), shapes([2, 1], [1, 1]), {}),
    ("many_in", (200, 2), shapes([2], [2]), {}),
    ("many_out", (16, 200), shapes([4], [1]), {}),
    ("events", (16, 4), shapes([4], [4], [2], [R]), {}),
)
"""Networks so small that what stands around them decides: of one and two bytes a word either way."""
_FOLDED = ((64, 32, 10), shapes([4, 1], [2, 1]))
_SIDE_BY_SIDE = ((64, 32, 10), shapes([32, 10], [4, 1], None, [R, R]))
_ROUNDED: tuple[tuple[str, tuple[int, ...], PlanOptions, dict[str, Any]], ...] = (
    ("own3", *_FOLDED, {"bits": 3, "features": {"own": True}}),
    ("own3_reg", *_SIDE_BY_SIDE, {"bits": 3, "features": {"own": True}}),
    ("decay3", *_FOLDED, {"bits": 3, "features": {"own_decay": True, "own": True}}),
    ("leak24", *_FOLDED, {"leak_bits": 24}),
    ("leak24_reg", *_SIDE_BY_SIDE, {"leak_bits": 24}),
    ("decay24", *_FOLDED, {"leak_bits": 24, "features": {"own_decay": True}}),
    ("leak16", *_FOLDED, {"leak_bits": 16}),
    ("leak12", *_FOLDED, {"leak_bits": 12, "unseen": True}),
    ("leak20", *_FOLDED, {"leak_bits": 20, "unseen": True}),
)
"""Weights of few bits with thresholds and leaks of each neuron's own, and leaks of many bits."""
EXAMPLES += tuple(
    Example(f"{short}_{name}", board, sizes, options, **more)
    for name, sizes, options, more in (*_TINY, *_ROUNDED)
    for short, board in (("i", ICE), ("e", ECP))
)
# Fewer of them: it is their coefficients that differ, not what is counted.
EXAMPLES += (
    Example("g_small", GOWIN, (64, 32, 10), shapes([2, 1], [1, 1])),
    Example("g_reg32", GOWIN, (64, 32, 10), shapes([32, 10], [4, 1], None, [R, M]), 4),
    Example("g_mem16", GOWIN, (100, 48, 10), shapes([16, 5], [4, 1]), 6),
    Example("g_own", GOWIN, (64, 32, 10), shapes([4, 1], [2, 1]), 8, {"own": True}),
    Example("g_current", GOWIN, (48, 24, 10), shapes([24, 2], [4, 1], None, [R, M]), 8, {"current": True}),
    Example("g_loop", GOWIN, (48, 24, 10), shapes([4, 2], [2, 1]), 8, {}, 2, True, 1),
    Example("g_single", GOWIN, (1, 1), shapes([1], [1])),
    with_io("g_rate", "rate", "count", shapes([2, 1], [1, 1])),
    with_io("g_load", None, None, shapes([32, 5], [2, 1], None, [R, M]), store="ram"),
    Example("g_unseen1", GOWIN, (80, 40, 10), shapes([10, 5], [5, 1]), 6, unseen=True),
    Example("g_unseen2", GOWIN, (80, 24, 12), shapes([24, 3], [3, 1], None, [R, M]), 8, unseen=True),
)


_DIGITS = ("digits/digits_64-32-10.nir", "digits/digits_test.npz", "snntorch")
_MNIST = ("snntorch_mnist_784-128-10.nir", "snntorch_mnist_784-128-10.npz", "snntorch")
_BRAILLE = ("nir_paper/braille_noDelay_noBias_subtract.nir", "nir_paper/braille.npz", "snntorch")
TRAINED: tuple[Trained, ...] = (
    Trained("digits_ice", *_DIGITS, ICE),
    Trained("digits_ram_ice", *_DIGITS, ICE, changes={"weights": "ram"}),
    Trained("digits_ecp", *_DIGITS, ECP),
    Trained("digits_gowin", *_DIGITS, "tang-nano-9k"),
    Trained("digits_buffers_ice", *_DIGITS, ICE, changes={"buffer_depth": 256}),
    # Words that leave the network unread: their buffer is no memory.
    Trained(
        *("digits_shown_ice", *_DIGITS, ICE),
        changes={"buffer_depth": 256, "readout": "membrane"},
    ),
    Trained("digits_buffers_ecp", *_DIGITS, ECP, changes={"buffer_depth": 16}),
    Trained("braille_ice", *_BRAILLE, ICE, {"reset_delay": "false"}, 5),
    Trained("mnist_ram_ice", *_MNIST, ICE, changes={"weights": "ram"}),
    Trained("mnist_area_ecp", *_MNIST, ECP, changes={"optimize": "area"}),
    Trained("mnist_conv_ecp", "mnist_conv/mnist_conv.nir", "mnist_conv/mnist_conv_test.npz", "snntorch", ECP),
)
DESIGNS: tuple[Example | Trained, ...] = (*EXAMPLES, *TRAINED)
