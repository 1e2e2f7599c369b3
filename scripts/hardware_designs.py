"""The designs of bench_hardware.py: what a user types for each, and the bounds it is held against."""

from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.shipped import resource_folder


@dataclass(frozen=True)
class Source:
    """A trained network and its samples.

    Parameters
    ----------
    title
        For the tables.
    model, data
        Files; under the shared data folder or under examples/.
    options
        What the network needs on the command line besides, such as its convention.
    """

    title: str
    model: str
    data: str
    options: tuple[str, ...]

    def files(self, shared: Path) -> tuple[Path, Path]:
        """(model, data); the files may not exist."""
        folder = resource_folder("examples") if self.model.startswith(("digits/", "mnist_")) else shared
        return folder / self.model, folder / self.data


MNIST = Source(
    "MNIST 784-128-10 (M)",
    "snntorch_mnist_784-128-10.nir",
    "snntorch_mnist_784-128-10.npz",
    ("--convention", "snntorch"),
)
DIGITS = Source(
    "digits 64-32-10",
    "snntorch_digits_64-32-10.nir",
    "snntorch_digits_64-32-10.npz",
    ("--convention", "snntorch"),
)
FAST = Source(
    "MNIST, latency coded",
    "mnist_fast/mnist_fast.nir",
    "mnist_fast/mnist_fast_test.npz",
    ("--convention", "norse", "--clip", "mse"),
)
CONV = Source(
    "MNIST, convolutional",
    "mnist_conv/mnist_conv.nir",
    "mnist_conv/mnist_conv_test.npz",
    ("--convention", "snntorch", "--clip", "mse"),
)


@dataclass(frozen=True)
class Design:
    """One row of the table.

    Parameters
    ----------
    name
        Short, unique.
    target
        What hardware the row is held against, in words.
    source, board, options
        What is built: ``qsnn-hw build MODEL --data DATA --board BOARD`` and these options.
    samples
        To simulate; fewer where a sample takes many cycles.
    most_logic, least_mhz, most_cycles, most_us
        The target's bounds; None where it has none. ``most_us`` is for the core at Fmax.
    """

    name: str
    target: str
    source: Source
    board: str
    options: tuple[str, ...] = ()
    samples: int = 40
    most_logic: int | None = None
    least_mhz: float | None = None
    most_cycles: int | None = None
    most_us: float | None = None

    def arguments(self, shared: Path) -> list[str]:
        """What follows ``qsnn-hw``, but for the output folder."""
        model, data = self.source.files(shared)
        return [
            *("build", str(model), *self.source.options, "--data", str(data)),
            *("--samples", str(self.samples), "--board", self.board, *self.options),
        ]


DESIGNS: tuple[Design, ...] = (
    Design(
        *("m8", "1: M at 8 bits", MNIST, "ulx3s-85f"),
        most_logic=5000,
        least_mhz=100.0,
        most_cycles=3400,
    ),
    Design(
        *("m8e4", "1: M at 8 bits, four event lanes", MNIST, "ulx3s-85f"),
        ("--lanes", "128,10", "--update-lanes", "8,1", "--event-lanes", "4,1"),
        most_logic=12000,
        most_cycles=900,
        most_us=9.0,
    ),
    Design(
        *("m4", "2: M at 4 bits fits an LFE5U-25F", MNIST, "ulx3s-25f"),
        ("--bits", "4", "--clip", "mse"),
    ),
    Design(
        *("m4s", "2: smallest form of M at 4 bits", MNIST, "ulx3s-25f"),
        ("--bits", "4", "--clip", "mse", "--optimize", "area"),
        samples=4,
        most_logic=1000,
    ),
    Design("d8x", "none: digits beside the peers of docs/peers.md", DIGITS, "ulx3s-85f"),
    Design(
        *("d8", "3: digits on UP5K", DIGITS, "icebreaker"),
        ("--optimize", "area"),
        most_logic=1000,
        least_mhz=24.0,
    ),
    Design(
        *("m8ram", "3: MNIST at 97 % on UP5K, weights in SPRAM", MNIST, "icebreaker"),
        ("--weights", "ram", "--lanes", "8,1", "--update-lanes", "1", "--buffer-depth", "1"),
        samples=10,
        most_logic=1600,
    ),
    Design(
        *("fast", "5: first-spike MNIST network", FAST, "ulx3s-85f"),
        ("--optimize", "latency"),
        most_us=3.0,
    ),
    Design(
        *("fastio", "5, pixels in and classes out: encoder and readout on the chip", FAST, "ulx3s-85f"),
        (
            *("--optimize", "latency", "--encoder", "latency", "--steps", "4"),
            *("--encoder-floor", "128", "--readout", "first"),
        ),
        most_us=3.0,
    ),
    Design("conv", "6: convolutional MNIST network", CONV, "ulx3s-85f", most_us=100.0),
)
