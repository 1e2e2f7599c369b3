"""The designs of bench_hardware.py: networks, boards, shapes and the bounds they are held against."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import HardwarePlan, IoOptions, PlanOptions
from qsnn_hw.resources import resource_folder
from qsnn_hw.rtl.top import SpikingNetwork


@dataclass(frozen=True)
class Source:
    """A trained network and its samples.

    Parameters
    ----------
    title
        For the tables.
    model, data
        Files; under the shared data folder or under examples/.
    convention, settings, clip
        As for ``qsnn-hw build``; below 8 bits ``clip`` is "mse".
    readout
        What the network was trained for: the class with the most spikes or with the first one.
    """

    title: str
    model: str
    data: str
    convention: str
    settings: dict[str, str] = field(default_factory=dict)
    clip: str = "max"
    readout: Literal["count", "first"] = "count"

    def files(self, shared: Path) -> tuple[Path, Path]:
        """(model, data); the files may not exist."""
        folder = resource_folder("examples") if self.model.startswith(("digits/", "mnist_")) else shared
        return folder / self.model, folder / self.data


MNIST = Source(
    "MNIST 784-128-10 (M)", "snntorch_mnist_784-128-10.nir", "snntorch_mnist_784-128-10.npz", "snntorch"
)
DIGITS = Source("digits 64-32-10", "snntorch_digits_64-32-10.nir", "snntorch_digits_64-32-10.npz", "snntorch")


@dataclass(frozen=True)
class Design:
    """One row of the table.

    Parameters
    ----------
    name
        Short, unique.
    target
        What hardware the row is held against, in words.
    source, bits, board, options
        What is built; ``options`` without the device's own fields.
    harness
        Place the network between shift registers, so that no pin and no host link counts; otherwise
        the board's whole design with its serial link is built.
    most_logic, least_mhz, most_cycles, most_us
        The target's bounds; None where it has none.
    """

    name: str
    target: str
    source: Source
    bits: int
    board: str
    options: PlanOptions
    harness: bool = True
    most_logic: int | None = None
    least_mhz: float | None = None
    most_cycles: int | None = None
    most_us: float | None = None


FAST = Source(
    "MNIST, latency coded",
    "mnist_fast/mnist_fast.nir",
    "mnist_fast/mnist_fast_test.npz",
    "norse",
    clip="mse",
    readout="first",
)
CONV = Source(
    "MNIST, convolutional",
    "mnist_conv/mnist_conv.nir",
    "mnist_conv/mnist_conv_test.npz",
    "snntorch",
    clip="mse",
)

# One fold of accumulators in registers and two neurons updated a cycle; the output layer in memory.
_WIDE = PlanOptions(
    lanes=[128, 2], update_lanes=[2, 1], event_lanes=[1, 1], accumulators=["registers", "memory"]
)
_WIDE_EVENTS = PlanOptions(
    lanes=[128, 10], update_lanes=[8, 1], event_lanes=[4, 1], accumulators=["registers", "registers"]
)

DESIGNS: tuple[Design, ...] = (
    Design(
        name="m8",
        target="1: M at 8 bits",
        source=MNIST,
        bits=8,
        board="ulx3s-85f",
        options=_WIDE,
        most_logic=5000,
        least_mhz=100.0,
        most_cycles=3400,
    ),
    Design(
        name="m8e4",
        target="1: M at 8 bits, four event lanes",
        source=MNIST,
        bits=8,
        board="ulx3s-85f",
        options=_WIDE_EVENTS,
        most_logic=12000,
        most_cycles=900,
        most_us=9.0,
    ),
    Design(
        name="m4",
        target="2: M at 4 bits fits an LFE5U-25F",
        source=MNIST,
        bits=4,
        board="ulx3s-25f",
        options=_WIDE,
    ),
    Design(
        name="m4s",
        target="2: smallest folded form of M at 4 bits",
        source=MNIST,
        bits=4,
        board="ulx3s-25f",
        options=PlanOptions(lanes=[2, 1], update_lanes=[1, 1]),
        most_logic=1000,
    ),
    Design(
        name="d8x",
        target="none: digits beside the peers of docs/peers.md",
        source=DIGITS,
        bits=8,
        board="ulx3s-85f",
        options=PlanOptions(
            lanes=[32, 2],
            update_lanes=[2, 1],
            event_lanes=[1, 1],
            accumulators=["registers", "memory"],
        ),
    ),
    Design(
        name="d8",
        target="3: digits on UP5K, serial link included",
        source=DIGITS,
        bits=8,
        board="icebreaker",
        options=PlanOptions(lanes=[2, 1], update_lanes=[1, 1]),
        harness=False,
        most_logic=1000,
        least_mhz=24.0,
    ),
    Design(
        name="m8ram",
        target="3: MNIST at 97 % on UP5K, weights in SPRAM, serial link included",
        source=MNIST,
        bits=8,
        board="icebreaker",
        options=PlanOptions(lanes=[8, 1], update_lanes=[1, 1], buffer_depth=1, synapse_store="ram"),
        harness=False,
        most_logic=1600,
    ),
    Design(
        name="fast",
        target="5: first-spike MNIST network",
        source=FAST,
        bits=8,
        board="ulx3s-85f",
        options=_WIDE_EVENTS,
        most_us=3.0,
    ),
    Design(
        name="fastio",
        target="5, pixels in and classes out: encoder, readout and serial link on the board",
        source=FAST,
        bits=8,
        board="ulx3s-85f",
        options=replace(_WIDE_EVENTS, io=IoOptions("latency", "first", steps=4, floor=128)),
        harness=False,
        most_us=3.0,
    ),
    Design(
        name="conv",
        target="6: convolutional MNIST network",
        source=CONV,
        bits=8,
        board="ulx3s-85f",
        options=PlanOptions(optimize="balanced"),
        most_us=100.0,
    ),
)


class StreamHarness(wiring.Component):
    """A network between shift registers: four pins whatever its streams are wide.

    Fmax is then that of the network, and the harness adds registers and one XOR, no multiplexers.
    Members as ``BoardTop``'s.
    """

    def __init__(self, plan: HardwarePlan) -> None:
        self._plan = plan
        super().__init__({"clk": In(1), "rx": In(1), "tx": Out(1), "led": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.domains.raw = ClockDomain(reset_less=True)
        m.d.comb += [ClockSignal("sync").eq(self.clk), ClockSignal("raw").eq(self.clk)]
        m.submodules.network = network = SpikingNetwork(self._plan)
        payload = Value.cast(network.i.payload)
        word = Signal(len(payload) + 3)
        m.d.raw += word.eq(Cat(self.rx, word))
        held = Signal(len(word))
        # Registers on both sides: the streams see flip-flops, as they would inside a larger design.
        m.d.raw += held.eq(word)
        m.d.comb += [
            ResetSignal("sync").eq(held[-1]),
            payload.eq(held),
            network.i.valid.eq(held[-2]),
            network.o.ready.eq(held[-3]),
        ]
        seen = Signal(len(Value.cast(network.o.payload)) + 2)
        m.d.raw += seen.eq(Cat(network.o.payload, network.o.valid, network.i.ready))
        m.d.raw += [self.tx.eq(seen.xor()), self.led.eq(network.o.valid)]
        return m
