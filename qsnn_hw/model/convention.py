"""What a NIR file leaves out: how the source framework turns its parameters into time steps.

NIR holds neither the time step, nor the reset mode and its delay, nor the comparison, nor several
spikes per step, nor a clamp. A :class:`Convention` holds all of them; every field is part of the
model, so a reader never guesses one. Presets describe what each framework's own exporter writes and
what its own neurons compute.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, get_args

from qsnn_hw.model.network import MAX_SPIKES, Comparison, Reset
from qsnn_hw.support.errors import UserError

DecayForm = Literal["euler", "exponential", "direct"]
InputGain = Literal["euler", "complement", "r", "one", "rockpool"]
IntegratorGain = Literal["r*dt", "r", "one"]
CurrentGain = Literal["euler", "w_in", "decayed", "decayed_euler", "one"]
DropsInput = Literal["never", "always", "snntorch"]
Update = Literal["retain", "relax"]
Start = Literal["zero", "rest"]
TauFix = Literal["none", "divide_by_dt"]
DelayUnit = Literal["time", "steps"]
MaxSpikes = int | Literal["unlimited"]


@dataclass(frozen=True)
class Convention:
    """How parameters in a file become a step equation; see each field's comment.

    Raises
    ------
    UserError
        A field has a value that is not allowed, or two fields contradict each other.
    """

    # Preset this convention started from; for reports only.
    name: str
    # Integration step in the unit of the file's time constants (seconds, except sinabs: steps).
    # None only where nothing in the file needs it.
    dt: float | None
    # Retention per step: 1 - dt/tau (euler), exp(-dt/tau) (exponential), or the file's tau is
    # itself the retention (direct).
    decay: DecayForm = "euler"
    # Fires when v > threshold (gt) or v >= threshold (ge).
    comparison: Comparison = ">"
    # What a spike does to the potential; "v_reset" sets it to the file's v_reset.
    reset: Reset = "v_reset"
    # The reset acts in the next step's update (snnTorch's default) instead of at once.
    reset_delay: bool = False
    # With reset_delay and reset=zero: does the late reset drop that step's input too? "snntorch":
    # in groups with a synaptic current or recurrence (Synaptic, RLeaky, RSynaptic), not in others.
    reset_drops_input: DropsInput = "never"
    # With reset_delay=false: snnTorch's retest, see NeuronGroup.reset_retest.
    reset_retest: bool = False
    # The most spikes of a neuron in one step: min(floor(v / threshold), max_spikes), each taking one
    # threshold off; of "unlimited" each is as many as v holds thresholds.
    max_spikes: MaxSpikes = 1
    # Lower clamp of the potential after reset, or none.
    v_min: float | None = None
    # Factor on the input of LIF and LI: r*dt/tau (euler), r*(1 - decay) (complement), r, or 1; rockpool:
    # 1 in LIF, the retention in LI, whose input decays in the step that brings it.
    # v_leak is driven by dt/tau (euler) or 1 - decay (otherwise).
    input_gain: InputGain = "euler"
    # Factor on the input of IF and I.
    integrator_gain: IntegratorGain = "r*dt"
    # Factor on the input of a synaptic current: w_in*dt/tau_syn (euler), w_in, w_in times the
    # current's retention (decayed), both (decayed_euler), or 1.
    current_gain: CurrentGain = "euler"
    # Potential before the first step: 0, or the neuron's rest (v_leak; v_reset where it has no leak).
    start: Start = "zero"
    # Order of float operations: decay*v + gain*x (retain) or v + a*(x - v) (relax).
    update: Update = "retain"
    # A retention outside 0 to 1 counts as the nearer end, as snnTorch clamps beta and alpha when it runs;
    # of a tau only where r = tau/dt, as its exporter writes it. Otherwise an error.
    clamp_decay: bool = False
    # Whole steps a neuron stays silent after a spike.
    refractory: int = 0
    # divide_by_dt undoes Norse's exporter, which writes tau times dt.
    tau_fix: TauFix = "none"
    # Delay nodes hold a time, in the unit of dt, or whole steps.
    delay_unit: DelayUnit = "time"
    # Decays and gains within this relative distance of a number with four decimals become that
    # number: a float32 tau turns 0.9 into 0.9000000047. 0 switches it off.
    snap: float = 1e-6

    def __post_init__(self) -> None:
        _validate(self)

    @classmethod
    def preset(cls, name: str) -> "Convention":
        """The convention called ``name``; UserError lists the known ones."""
        try:
            return PRESETS[name]
        except KeyError:
            known = ", ".join(PRESETS)
            raise UserError(f"unknown convention {name!r}; --convention takes one of {known}") from None

    def with_settings(self, settings: Mapping[str, str]) -> "Convention":
        """A copy with fields parsed from text, as ``--set FIELD=VALUE`` gives them.

        Raises
        ------
        UserError
            Unknown field, or a value that field does not allow; names the field and the choices.
        """
        known = [item.name for item in fields(self) if item.name != "name"]
        changes: dict[str, object] = {}
        if {"max_spikes", "multi_spike"} <= settings.keys():
            raise UserError("--set multi_spike says what --set max_spikes says; give max_spikes alone")
        for field_name, text in settings.items():
            if field_name == "multi_spike":
                changes["max_spikes"] = _max_spikes_of(_truth("multi_spike", text.strip()))
                continue
            if field_name not in known:
                raise UserError(f"unknown convention field {field_name!r}; --set knows {', '.join(known)}")
            changes[field_name] = _parse(field_name, text.strip())
        return replace(self, **changes)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, object]:
        """Field name -> value, for reports."""
        return asdict(self)


CHOICES: dict[str, tuple[str, ...]] = {
    "decay": get_args(DecayForm),
    "comparison": get_args(Comparison),
    "reset": get_args(Reset),
    "reset_drops_input": get_args(DropsInput),
    "input_gain": get_args(InputGain),
    "integrator_gain": get_args(IntegratorGain),
    "current_gain": get_args(CurrentGain),
    "start": get_args(Start),
    "update": get_args(Update),
    "tau_fix": get_args(TauFix),
    "delay_unit": get_args(DelayUnit),
}
"""Fields with a fixed set of values."""

SWITCHES = ("reset_delay", "reset_retest", "clamp_decay")
"""Fields that are true or false."""

COMPARISON_WORDS: dict[str, str] = {"gt": ">", "ge": ">="}
"""Other spellings of the comparison, which a shell takes without quotes."""

_WHOLE = {
    "refractory": "a whole number of steps",
    "max_spikes": f"a whole number from 1 to {MAX_SPIKES} or unlimited",
}

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _parse(field_name: str, text: str) -> object:
    where = f"--set {field_name}={text}"
    if field_name in CHOICES:
        return COMPARISON_WORDS.get(text, text) if field_name == "comparison" else text
    if field_name in SWITCHES:
        return _truth(field_name, text)
    if field_name == "max_spikes" and text.lower() == "unlimited":
        return "unlimited"
    if field_name in _WHOLE:
        try:
            return int(text)
        except ValueError:
            raise UserError(f"{where}: {field_name} is {_WHOLE[field_name]}, not {text!r}") from None
    if field_name in ("v_min", "dt") and text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        allowed = "a number" if field_name in ("snap", "dt") else "a number or none"
        raise UserError(f"{where}: {field_name} is {allowed}, not {text!r}") from None


def _truth(field_name: str, text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise UserError(f"--set {field_name}={text}: {field_name} is true or false, not {text!r}")
    return _TRUTH[text.lower()]


def _max_spikes_of(multi_spike: object) -> MaxSpikes:
    # Files and command lines of before there was a limit: any number of spikes a step, or one.
    return "unlimited" if multi_spike else 1


def current_fields(saved: Mapping[str, object]) -> dict[str, object]:
    """What :meth:`Convention.as_dict` of this or an earlier version gave, by the names of this one."""
    values = dict(saved)
    if "multi_spike" in values:
        values["max_spikes"] = _max_spikes_of(values.pop("multi_spike"))
    return values


def _validate(convention: Convention) -> None:
    for field_name, choices in CHOICES.items():
        value = getattr(convention, field_name)
        if value not in choices:
            raise UserError(f"convention field {field_name} is one of {', '.join(choices)}, not {value!r}")
    dt = convention.dt
    if dt is not None and not (math.isfinite(dt) and dt > 0):
        raise UserError(f"convention field dt is a positive number, not {dt!r}")
    if convention.v_min is not None and not math.isfinite(convention.v_min):
        raise UserError(f"convention field v_min is a finite number or none, not {convention.v_min!r}")
    if convention.refractory < 0:
        raise UserError(f"convention field refractory is 0 or more steps, not {convention.refractory!r}")
    most = convention.max_spikes
    whole = isinstance(most, int) and not isinstance(most, bool) and 1 <= most <= MAX_SPIKES
    if not whole and most != "unlimited":
        raise UserError(
            f"convention field max_spikes is a whole number from 1 to {MAX_SPIKES} or unlimited, not {most!r}"
        )
    if not 0 <= convention.snap < 1e-2:
        raise UserError(f"convention field snap is a number from 0 to below 0.01, not {convention.snap!r}")
    _validate_pairs(convention)


def _validate_pairs(convention: Convention) -> None:
    late = str(convention.reset_delay).lower()
    if convention.max_spikes != 1 and (convention.reset != "subtract" or convention.reset_delay):
        raise UserError(
            f"convention field max_spikes={convention.max_spikes} needs reset=subtract and "
            f"reset_delay=false, not reset={convention.reset} and reset_delay={late}"
        )
    if convention.reset_delay and convention.reset == "v_reset":
        raise UserError(
            "convention field reset_delay=true needs reset=subtract, zero or none, not v_reset; "
            "set reset=zero, or reset_delay=false"
        )
    if convention.decay == "direct" and (
        convention.input_gain == "euler" or convention.current_gain in ("euler", "decayed_euler")
    ):
        raise UserError(
            "convention field decay=direct means tau is the retention itself, so input_gain is one of "
            "complement, r, one, rockpool and current_gain one of w_in, decayed, one, not euler"
        )


PRESETS: dict[str, Convention] = {
    # snnTorch writes dt 1e-4 time constants, v_reset 0 and no reset mode; Leaky's defaults are here.
    "snntorch": Convention(
        name="snntorch",
        dt=1e-4,
        reset="subtract",
        reset_delay=True,
        reset_drops_input="snntorch",
        reset_retest=True,
        integrator_gain="r",
        clamp_decay=True,
    ),
    # Norse cells relax towards the input with dt 1e-3, jump their synaptic current by the input, and
    # start at rest.
    "norse": Convention(
        name="norse", dt=1e-3, integrator_gain="r", current_gain="w_in", start="rest", update="relax"
    ),
    # Sinabs counts time constants in steps, normalises the input and clamps at -1 (from_model's
    # default); its default spike function emits several spikes per step.
    "sinabs": Convention(
        name="sinabs",
        dt=1.0,
        decay="exponential",
        comparison=">=",
        reset="subtract",
        max_spikes="unlimited",
        v_min=-1.0,
        input_gain="complement",
        integrator_gain="r",
        current_gain="decayed",
    ),
    # SpikingJelly relaxes towards the input, resets hard to v_reset and starts there.
    "spikingjelly": Convention(name="spikingjelly", dt=1e-4, comparison=">=", start="rest", update="relax"),
    # Rockpool: exponential decay, several spikes per step. Its exporter writes an r that the forward passes
    # of LIFTorch and LIFNeuronTorch do not have.
    "rockpool": Convention(
        name="rockpool",
        dt=1e-3,
        decay="exponential",
        comparison=">=",
        reset="subtract",
        max_spikes="unlimited",
        input_gain="rockpool",
        current_gain="decayed",
    ),
    # The equations of the NIR specification, integrated by Euler's method; dt must be given.
    "nir": Convention(name="nir", dt=None),
}
"""Preset name -> convention."""
