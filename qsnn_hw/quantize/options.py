"""How floats become integers: one set of choices for the network, changed group by group."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal

import numpy as np

from qsnn_hw.model.network import MAX_SPIKES
from qsnn_hw.quantize.integers import check_bits
from qsnn_hw.quantize.schemes import PLAIN, Scheme, default_scheme
from qsnn_hw.support.choices import CLIPS, KEEP_INTEGERS, LEAK_ROUNDINGS, Clip, KeepIntegers, LeakRounding
from qsnn_hw.support.errors import UserError

MAX_FRACTIONAL_BITS = 8
MAX_LEAK_SHIFT = 24
# Potentials wider than this need more than one DSP or a very long carry chain; nothing seen in
# practice comes near (16-bit weights with 4 fractional bits: 25 bits).
MAX_POTENTIAL_BITS = 32
Rounding = Literal["nearest", "compensate"]
ROUNDINGS: tuple[Rounding, ...] = ("nearest", "compensate")


def _check_range(value: object, low: int, high: int, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{what} must be a whole number from {low} to {high}, not {value!r}")


def _check_rounding(options: "QuantizeOptions | GroupOptions", where: str) -> None:
    if options.weight_bits is not None:
        check_bits(options.weight_bits, f"{where}weight bits")
    if options.clip is not None and options.clip not in CLIPS:
        raise UserError(f"{where}clip must be one of {', '.join(CLIPS)}, not {options.clip!r}")
    if options.fractional_bits is not None:
        _check_range(options.fractional_bits, 0, MAX_FRACTIONAL_BITS, f"{where}fractional bits")
    if options.leak_bits is not None:
        _check_range(options.leak_bits, 1, MAX_LEAK_SHIFT, f"{where}leak bits")
    if options.keep_integers is not None and options.keep_integers not in KEEP_INTEGERS:
        raise UserError(
            f"{where}keep integers must be one of {', '.join(KEEP_INTEGERS)}, not {options.keep_integers!r}"
        )
    factor = options.threshold_factor
    if factor is not None and not (np.isfinite(factor) and 0.1 <= factor <= 10):
        raise UserError(f"{where}threshold factor must be a number from 0.1 to 10, not {factor!r}")


@dataclass(frozen=True)
class GroupOptions:
    """What one neuron group does otherwise than the rest; None keeps the network's choice.

    The fields are those of :class:`QuantizeOptions`.
    """

    weight_bits: int | None = None
    clip: Clip | None = None
    per_neuron: bool | None = None
    fractional_bits: int | None = None
    leak_bits: int | None = None
    threshold_factor: float | None = None
    keep_integers: KeepIntegers | None = None


@dataclass(frozen=True)
class QuantizeOptions:
    """How floats become integers.

    ``clip``, ``per_neuron`` and ``fractional_bits`` are None for the default scheme of the width, see
    ``quantize/schemes.py``; where one of them is said, the others are "max", False and 0.

    Parameters
    ----------
    weight_bits
        Signed weight width, 2 to 16.
    clip
        Where weights saturate: "max", "mse" or "percentile" (see ``weight_scale``).
    per_neuron
        One weight scale for each post neuron (each output channel of a convolution); becomes that
        neuron's own integer threshold.
    fractional_bits
        Extra low bits of the potential, 0 to 8.
    leak_bits
        Fractional bits of the leak, 1 to 24: the decay is rounded to a multiple of 2**-leak_bits. None
        takes the fewest from 8 on that keep the leak, see ``leak.leak_bits_for``.
    leak_rounding
        "floor" rounds the loss of each step down; "zero" rounds what is kept toward 0, as Loihi, Lava
        and SYNtzulA do. See ``quantize/network.py``.
    potential_bits
        None proves the width from worst-case fan-in. A number makes the potential saturate to
        that signed width once per step.
    threshold_factor
        Multiplies every threshold and what a spike subtracts, 0.1 to 10: a correction of the gain
        that rounding and clipping changed. Calibration chooses it; 1 otherwise.
    rounding
        "nearest", or "compensate": errors are made up for in other weights, see
        ``quantize/compensate.py``. Needs statistics from calibration samples, and then chooses the
        clipping itself.
    input_max
        The most spikes of one input address in one step, 1 to 255. The proofs count on it.
    power_of_two
        Weight scales are powers of two: a step of any group is a shift of another's.
    keep_integers
        Weights that lie on a grid already keep its integers and its step, where they fit
        ``weight_bits``: "rows" also where each neuron or channel has a step of its own, "group" only
        where all have the same, "none" rounds them like any others. See ``quantize/own_integers.py``.
    groups
        Group name -> what this group does otherwise, as :class:`GroupOptions` or its dictionary.

    Raises
    ------
    UserError
        A value is out of its range.
    """

    weight_bits: int = 8
    clip: Clip | None = None
    per_neuron: bool | None = None
    fractional_bits: int | None = None
    leak_bits: int | None = None
    leak_rounding: LeakRounding = "floor"
    potential_bits: int | None = None
    threshold_factor: float = 1.0
    rounding: Rounding = "nearest"
    input_max: int = 1
    power_of_two: bool = False
    keep_integers: KeepIntegers = "rows"
    groups: Mapping[str, GroupOptions] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_rounding(self, "")
        if self.potential_bits is not None:
            _check_range(self.potential_bits, 4, MAX_POTENTIAL_BITS, "potential bits")
        if self.rounding not in ROUNDINGS:
            raise UserError(f"rounding must be one of {', '.join(ROUNDINGS)}, not {self.rounding!r}")
        if self.leak_rounding not in LEAK_ROUNDINGS:
            raise UserError(
                f"leak rounding must be one of {', '.join(LEAK_ROUNDINGS)}, not {self.leak_rounding!r}"
            )
        if self.power_of_two and self.rounding == "compensate":
            raise UserError("compensated rounding chooses its own scales: use power-of-two scales without it")
        _check_range(self.input_max, 1, MAX_SPIKES, "input maximum")
        groups = {name: _group_options(name, own) for name, own in self.groups.items()}
        object.__setattr__(self, "groups", groups)

    def of(self, group: str) -> "QuantizeOptions":
        """The choices that hold for ``group``: its own over the network's."""
        own = self.groups.get(group)
        if own is None:
            return self
        own_fields = {f.name: getattr(own, f.name) for f in fields(own) if getattr(own, f.name) is not None}
        return replace(self, groups={}, **own_fields)

    @property
    def by_default(self) -> bool:
        """Whether nothing of the scheme is said, so that it is the default of the width."""
        said = (self.clip, self.per_neuron, self.fractional_bits) != (None, None, None)
        # Compensated rounding chooses its clipping itself.
        return not said and self.rounding == "nearest"

    @property
    def scheme(self) -> Scheme:
        """The scheme of the width, or what was said: clipping, scales and fractional bits."""
        scheme = default_scheme(self.weight_bits) if self.by_default else PLAIN
        return Scheme(
            clip=scheme.clip if self.clip is None else self.clip,
            per_neuron=scheme.per_neuron if self.per_neuron is None else self.per_neuron,
            fractional_bits=scheme.fractional_bits if self.fractional_bits is None else self.fractional_bits,
        )

    def settled(self) -> "QuantizeOptions":
        """A copy that says its scheme, and that of every group with options of its own."""
        groups = {name: replace(own, **asdict(self.of(name).scheme)) for name, own in self.groups.items()}
        return replace(self, groups=groups, **asdict(self.scheme))

    def with_group(self, group: str, **changes: object) -> "QuantizeOptions":
        """A copy in which ``group`` has other :class:`GroupOptions` fields."""
        own = replace(self.groups.get(group, GroupOptions()), **changes)  # type: ignore[arg-type]
        return replace(self, groups={**self.groups, group: own})

    def rounding_all(self) -> "QuantizeOptions":
        """A copy that keeps no weights' own integers, in no group."""
        groups = {name: replace(own, keep_integers=None) for name, own in self.groups.items()}
        return replace(self, keep_integers="none", groups=groups)

    def one_scale(self, group: str) -> "QuantizeOptions":
        """A copy in which all neurons of ``group`` share a scale, so that their potentials compare."""
        own = self.of(group)
        shared = self.with_group(group, keep_integers="group") if own.keep_integers == "rows" else self
        if not own.scheme.per_neuron:
            return shared
        return shared.with_group(group, **asdict(replace(own.scheme, per_neuron=False)))


def _group_options(name: str, own: object) -> GroupOptions:
    if isinstance(own, Mapping):
        known = [f.name for f in fields(GroupOptions)]
        for key in own:
            if key not in known:
                raise UserError(f"group {name}: unknown option {key!r}; a group takes {', '.join(known)}")
        own = GroupOptions(**own)
    if not isinstance(own, GroupOptions):
        raise UserError(f"group {name}: options must be a mapping of fields, not {own!r}")
    _check_rounding(own, f"group {name}: ")
    return own
