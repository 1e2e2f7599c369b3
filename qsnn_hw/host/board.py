"""The driver: a network on a board, or on a virtual board, as a Python object."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from qsnn_hw.build.built import Built
from qsnn_hw.families.boards import list_boards
from qsnn_hw.families.registry import families
from qsnn_hw.host import words
from qsnn_hw.host.identity import Counters, Identity
from qsnn_hw.host.link import Link
from qsnn_hw.host.port import Port
from qsnn_hw.host.protocol import PIXEL_BITS, sample_spikes
from qsnn_hw.host.repairs import Patience
from qsnn_hw.host.serial_port import SerialPort
from qsnn_hw.host.spi_controllers import link_of
from qsnn_hw.host.spi_port import open_spi
from qsnn_hw.model.readouts import count_class
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.identity import plan_digest
from qsnn_hw.support.errors import UserError

_SLOW_HZ = 1_000_000
"""Of ``sck`` where nothing says which board it is; the clocks of all that ship are six times as fast."""


@dataclass(frozen=True)
class Answer:
    """What a board says of one sample.

    Parameters
    ----------
    sample
        Which, from 0 on.
    spikes
        int64, shape (time, *output shape): counts of output spikes; None where classes are answered.
    label
        The class: of the readout on the chip, or the one with the most spikes, the lowest among equals.
    silent
        No output neuron spiked.
    """

    sample: int
    spikes: np.ndarray | None
    label: int
    silent: bool


class Board:
    """A board whose bitstream was made by this program; a context manager.

    :meth:`open` makes one. Lost, damaged and doubled bytes, a board that starts over and a port that comes
    back are mended behind these calls; ``repairs`` counts how often. What is returned was whole.

    Attributes
    ----------
    plan
        What the board holds; None where no folder was given.
    repairs
        What went wrong on the line and was mended, counted since :meth:`open`.

    Raises
    ------
    UserError
        Of every method: nothing answers, or the arguments do not fit the design.
    PortGoneError
        Of every method: the port vanished, and did not come back within some seconds.
    ToolError
        Of every method: the board answers, and does not do what it should.
    """

    def __init__(self, link: Link, plan: HardwarePlan | None) -> None:
        self._link, self.plan = link, plan
        self.repairs = link.repairs

    @classmethod
    def open(
        cls,
        port: str,
        folder: Path | str | None = None,
        *,
        baud: int | None = None,
        patience: Patience | None = None,
    ) -> "Board":
        """Open ``port`` and begin a session with the board behind it.

        Parameters
        ----------
        port
            As the system calls it, ``/dev/ttyUSB1``; of a board behind SPI ``spi:/dev/spidev0.0`` or
            ``ftdi://ftdi:2232h/1``; or what ``qsnn-hw virtual-board`` prints.
        folder
            Output folder of the build that is in the board; its design is compared with the board's. Without
            one, only :meth:`identity`, :meth:`counters` and :meth:`reset` are of use.
        baud
            Of the board's line; that of the folder's board by default, and without a folder the first rate
            of a board that ships at which it answers, of SPI one that every board takes.
        patience
            How long to wait for what.

        Raises
        ------
        UserError
            The port cannot be opened, or is no port of the folder's link, no board of this program answers,
            or it holds another design than the folder.
        """
        built = None if folder is None else Built.of(folder)
        plan = None if built is None else built.plan
        link = link_of(port)
        if built is not None:
            _check_link(built, port)
        elif baud is None and link == "uart":
            return _at_any_rate(cls, port, patience)
        if baud is None:
            baud = _SLOW_HZ if built is None else built.baud
        if link == "spi":
            # Who says nothing of the board may have one that is asleep.
            wakes = _any_wakes() if built is None else built.board.wakes
            line: Port = open_spi(port, baud, wakes)
        else:
            line = SerialPort(port, baud)
        try:
            board = cls(_link(line, plan, patience), plan)
            board._link.begin()
            if built is not None:
                board._check_design(built)
        except BaseException:
            line.close()
            raise
        return board

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self._link.port.close()

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes to the board and from it since :meth:`open`: all, what was sent again included."""
        return self._link.port.bytes_out, self._link.port.bytes_in

    def identity(self) -> Identity:
        """Which design the board holds."""
        return Identity.unpack(self._link.status())

    def counters(self) -> Counters:
        """What the board has counted since its configuration."""
        return Counters.unpack(self._link.status())

    def reset(self) -> None:
        """Reset the board as after configuration; weights that were loaded are forgotten."""
        self._link.reset()

    def load(self, weights: bytes | None = None) -> None:
        """Give a design of ``--weights ram`` its weights, or others in their place.

        Parameters
        ----------
        weights
            As in ``06_weights.bin``; the folder's by default.
        """
        plan = self._known()
        if not plan.loaded_groups:
            raise UserError("this design has its weights in the bitstream: only --weights ram takes others")
        wanted = plan.weight_bytes()
        data = wanted if weights is None else bytes(weights)
        if len(data) != len(wanted):
            raise UserError(f"weights must be {len(wanted):,} bytes, as 06_weights.bin, not {len(data):,}")
        self._link.load(data)

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Output spikes of samples.

        Parameters
        ----------
        inputs
            Spike counts, integers of shape (time, sample, *input shape); of a design with an encoder, pixels
            from 0 to 255, integers of shape (sample, *input shape).

        Returns
        -------
        numpy.ndarray
            int64, shape (time, sample, *output shape): how often each output neuron spiked in each step.
        """
        plan = self._known()
        if plan.readout is not None:
            raise UserError("this design answers with classes, not spikes: call classify")
        # An answer has the steps that were sent, or those of the encoder.
        spikes = [answer.spikes for answer in self._in_order(inputs) if answer.spikes is not None]
        return np.stack(spikes, axis=1)

    def classify(self, inputs: np.ndarray) -> np.ndarray:
        """The class of each sample, int64 of shape (sample,); ``inputs`` as for :meth:`run`.

        By the readout on the chip where the design has one, else that with the most spikes, the lowest among
        equals.
        """
        return np.array([answer.label for answer in self._in_order(inputs)], dtype=np.int64)

    def answers(self, inputs: np.ndarray) -> Iterator[Answer]:
        """Each sample's answer as soon as it is there, mostly in order; ``inputs`` as for :meth:`run`."""
        plan = self._known()
        if not self._link.loaded:
            raise UserError("the board has no weights yet: call load first")
        samples = _samples(inputs, plan)
        flat = _flat_addresses(plan)
        for sample, payload in self._link.exchange(len(samples), lambda k: _words(samples[k], plan, flat)):
            yield _answer(sample, payload, plan)

    def _in_order(self, inputs: np.ndarray) -> list[Answer]:
        return sorted(self.answers(inputs), key=lambda answer: answer.sample)

    def _known(self) -> HardwarePlan:
        if self.plan is None:
            raise UserError("give Board.open the output folder of the build that is in the board")
        return self.plan

    def _check_design(self, built: Built) -> None:
        """Raise UserError where the board holds another design than the folder."""
        found = self.identity()
        if found.digest == plan_digest(built.plan):
            return
        outputs = "classes" if found.readout else "outputs"
        what = [f"{found.inputs} inputs, {found.outputs} {outputs}"]
        what += ["encoder"] * found.encoder + ["readout"] * found.readout + ["loaded weights"] * found.loads
        raise UserError(
            f"the board at {self._link.port.path} holds another design than {built.folder}: "
            f"{', '.join(what)}, by qsnn-hw {found.version}; load the folder's with: "
            f"qsnn-hw program -o {built.folder}"
        )


def _check_link(built: Built, port: str) -> None:
    """Raise UserError where the port's name is not of the folder's link."""
    if built.board.link == link_of(port):
        return
    if built.board.link == "spi":
        raise UserError(
            f"{built.folder} was built with --link spi, and {port} names a serial port: give --port "
            "spi:/dev/spidev0.0, ftdi://ftdi:2232h/1 or what virtual-board prints"
        )
    raise UserError(
        f"{port} names SPI, and {built.folder} was built for the board's serial port: give that one's path, "
        "or build with --link spi"
    )


def _any_wakes() -> tuple[float, float] | None:
    """Seconds that wake any board that there is, and that all stay awake; None where none sleeps."""
    found = [family.on_chip for family in families().values() if family.on_chip is not None]
    if not found:
        return None
    return max(on_chip.wake_s for on_chip in found), min(on_chip.awake_s[0] for on_chip in found)


def _at_any_rate(cls: type[Board], port: str, patience: Patience | None) -> Board:
    """The board behind ``port`` at the first rate at which it answers; else the last one's error."""
    rates = sorted({baud for board in list_boards() for baud in board.bauds}, reverse=True)
    last: UserError | None = None
    for baud in rates:
        try:
            return cls.open(port, baud=baud, patience=patience or Patience(begin_s=1.0))
        except UserError as error:
            last = error
    assert last is not None
    raise last


def _link(port: Port, plan: HardwarePlan | None, patience: Patience | None) -> Link:
    if plan is None:
        # The status is asked for and answered in words of any size.
        return Link(port, 2, 2, per_sample=False, patience=patience)
    encoder = plan.encoder
    inputs = plan.input_addresses if encoder is None else encoder.space.size << PIXEL_BITS
    outputs = plan.output_addresses if plan.readout is None else plan.readout.classes
    return Link(port, inputs, outputs, per_sample=plan.readout is not None, patience=patience)


def _samples(inputs: np.ndarray, plan: HardwarePlan) -> np.ndarray:
    """Sample first, neurons flat: (sample, time, input) of spikes, (sample, input) of pixels."""
    array = np.asarray(inputs)
    lead = 2 if plan.encoder is None else 1
    space = plan.input_space if plan.encoder is None else plan.encoder.space
    neurons = len(space.addresses())
    shape = "(time, sample, " if plan.encoder is None else "(sample, "
    if array.ndim <= lead or int(np.prod(array.shape[lead:])) != neurons:
        raise UserError(f"inputs must have shape {shape}{neurons}), not {array.shape}")
    if array.dtype.kind not in "uib":
        raise UserError(f"inputs must be integers, not {array.dtype}")
    flat = array.reshape(*array.shape[:lead], neurons)
    if flat.size and (flat.min() < 0 or flat.max() > (255 if plan.encoder is not None else plan.input_max)):
        most = 255 if plan.encoder is not None else plan.input_max
        raise UserError(f"inputs must be from 0 to {most}, not {flat.min()} to {flat.max()}")
    return flat if plan.encoder is not None else flat.transpose(1, 0, 2)


def _flat_addresses(plan: HardwarePlan) -> np.ndarray:
    return (plan.input_space if plan.encoder is None else plan.encoder.space).addresses()


def _words(sample: np.ndarray, plan: HardwarePlan, addresses: np.ndarray) -> Sequence[bytes]:
    if plan.encoder is None:
        return words.sample(sample, addresses, plan.input_addresses)
    return words.pixels(sample, addresses, plan.encoder.space.size)


def _answer(sample: int, payload: bytes, plan: HardwarePlan) -> Answer:
    if plan.readout is not None:
        label, silent = words.class_answer(payload, plan.readout.classes)
        return Answer(sample, None, label, silent)
    spikes = sample_spikes(words.answers(payload, plan.output_addresses), plan.output_space)
    labels, silent_ones = count_class(spikes.reshape(len(spikes), 1, -1))
    return Answer(sample, spikes, int(labels[0]), bool(silent_ones[0]))
