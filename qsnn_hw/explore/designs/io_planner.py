"""Which encoder and which readout stand around a planned network, and with what numbers."""

from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.hardware_plan import HardwarePlan
from qsnn_hw.plan.io_plan import EncoderPlan, ReadoutPlan
from qsnn_hw.support.choices import ENCODERS, READOUTS, EncoderKind, ReadoutKind
from qsnn_hw.support.errors import UserError

_OPTIONS = {
    "Floor": "--encoder-floor",
    "Shift": "--encoder-shift",
    "Seed": "--encoder-seed",
    "Buffers": "--encoder-buffers",
    "Steps": "--steps",
}
"""Field of a plan, as its errors call it -> the option that gives it."""


@dataclass(frozen=True)
class IoOptions:
    """What the host sends and gets instead of AER words; None leaves those.

    Parameters
    ----------
    encoder
        Pixels to spikes on the chip.
    readout
        Spikes or potentials to one class on the chip.
    steps
        Time steps of a sample; needed with either.
    floor, shift, seed, buffers
        As of :class:`~qsnn_hw.plan.io_plan.EncoderPlan`.
    answer
        Where no readout is asked for and the output group never fires, "membrane" answers if it can:
        nothing else of such a group leaves the chip.
    """

    encoder: EncoderKind | None = None
    readout: ReadoutKind | None = None
    steps: int | None = None
    floor: int = 1
    shift: int = 0
    seed: int = 1
    buffers: int = 2
    answer: bool = False

    def __post_init__(self) -> None:
        for name, kind, kinds in (
            ("encoder", self.encoder, ENCODERS),
            ("readout", self.readout, READOUTS),
        ):
            if kind is not None and kind not in kinds:
                raise UserError(f"--{name} must be one of {', '.join(kinds)}, not {kind!r}")
            if kind is not None and self.steps is None:
                raise UserError(f"--{name} {kind} needs the time steps of a sample: give --steps N")
        for field, value, default, owner in (
            ("Floor", self.floor, 1, "latency"),
            ("Shift", self.shift, 0, "direct"),
            ("Seed", self.seed, 1, "rate"),
        ):
            if value != default and self.encoder != owner:
                mine = self.encoder or "none"
                raise UserError(f"{_OPTIONS[field]} belongs to --encoder {owner}, not to {mine}")
        if self.buffers != 2 and self.encoder is None:
            raise UserError("--encoder-buffers belongs to --encoder: without one no pixels are kept")

    def make_encoder(self, space: AddressSpace, slots: int = 1) -> EncoderPlan | None:
        """The encoder for an input with these addresses; what it sends depends on neither.

        Raises
        ------
        UserError
            A number is out of range.
        """
        if self.encoder is None:
            return None
        assert self.steps is not None
        # The random sequence of "rate" runs through the slots: with one, spikes depend on pixels alone.
        slots = 1 if self.encoder == "rate" else slots
        try:
            return EncoderPlan(
                self.encoder,
                space,
                self.steps,
                slots=slots,
                floor=self.floor,
                shift=self.shift,
                seed=self.seed,
                buffers=self.buffers,
            )
        except ValueError as error:
            text = str(error)
            for field, option in _OPTIONS.items():
                text = text.replace(f"{field} must", f"{option} must")
            raise UserError(text) from error


def with_io(plan: HardwarePlan, options: IoOptions) -> HardwarePlan:
    """The plan with the encoder and the readout asked for.

    Raises
    ------
    UserError
        They do not fit the network.
    """
    return replace(plan, encoder=_encoder(plan, options), readout=_readout(plan, options))


def _encoder(plan: HardwarePlan, options: IoOptions) -> EncoderPlan | None:
    encoder = options.make_encoder(plan.input_space, plan.input_lanes)
    if encoder is not None and encoder.input_max > plan.input_max:
        raise UserError(
            f"encoder {encoder.kind} sends up to {encoder.input_max} events of an address in a step, the "
            f"network was quantized for {plan.input_max}"
        )
    return encoder


def _readout(plan: HardwarePlan, options: IoOptions) -> ReadoutPlan | None:
    kind = options.readout
    group = plan.output_group
    space = plan.output_space
    # Channels of a single place are a list, whatever they came out of.
    listed = np.array_equal(space.addresses(), np.arange(space.neurons))
    ordered = np.array_equal(group.neuron_of_slot[: group.neurons], np.arange(group.neurons))
    if kind is None:
        if not (options.answer and group.neuron.readout and listed and ordered):
            return None
        kind = "membrane"
    if not listed:
        grid = " x ".join(str(size) for size in space.shape)
        raise UserError(
            f"--readout {kind} needs an output that is a list of classes, not a grid of {grid}: leave "
            "--readout out, and the host decides from what comes back"
        )
    if kind == "membrane":
        if not ordered:
            raise UserError(
                f"--readout membrane needs potentials in the order of classes; {group.group} has not"
            )
        return ReadoutPlan(kind, group.neurons, lanes=group.update_lanes, v_bits=group.neuron.v_bits)
    if group.neuron.readout:
        raise UserError(f"--readout {kind} needs spikes, and group {group.group} has none: give membrane")
    if kind == "first":
        return ReadoutPlan(kind, space.neurons, slots=plan.output_lanes)
    # No neuron can spike more often: a counter that stopped would make classes equal that are not.
    assert options.steps is not None
    most = options.steps * plan.output_max
    return ReadoutPlan(kind, space.neurons, slots=plan.output_lanes, count_bits=most.bit_length())
