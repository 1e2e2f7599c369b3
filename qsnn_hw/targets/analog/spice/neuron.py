"""The behavioural neuron at the feet of a pair of columns: ideal parts, every effect written down.

The feet are virtual grounds: a column's current is then the plain sum of its devices' currents, whatever the
potential. An integrator that let its columns move would weigh every event by the potential so far.
"""

import numpy as np

from qsnn_hw.targets.analog.spice.circuit import PHASES, NeuronCircuit, StepTiming
from qsnn_hw.targets.analog.spice.names import number

PINS = ("plus", "minus", "spike", *PHASES, "clear")
"""Of every neuron's subcircuit, in this order: the feet of its two columns, which it holds at 0 V; its spike,
held from the end of one compare phase to the end of the next; a line for each phase, high while it lasts; and
one that is high between samples and brings the potential back to its start."""

LOGIC_VOLTS = 1.8
"""Of spikes and phases."""

# Within its phase a switch pulls for so many of its own time constants: 4e-18 of the difference is left.
_TIME_CONSTANTS = 40
_OFF_OHM = "1e15"
# A decision is held on a capacitor this much smaller than the neuron's.
_HOLD_PART = 1000
_HALF = number(LOGIC_VOLTS / 2)


def parameters(neuron: NeuronCircuit) -> dict[str, np.ndarray]:
    """What each instance is given, by name: SI units, shape (n,)."""
    same = np.ones(neuron.size)
    given = {
        "c": same * neuron.capacitor,
        "gl": neuron.leak,
        "gp": same * neuron.leakage,
        "vth": np.where(np.isfinite(neuron.threshold), neuron.threshold, 0.0),
        "vr": neuron.reset_amount if neuron.reset == "subtract" else neuron.reset_to,
        "vb": neuron.bias,
        "v0": neuron.start,
        "vdd": same * neuron.swing,
    }
    if neuron.refractory:
        given["nref"] = same * neuron.refractory
    if neuron.current_leak is not None and neuron.current_bias is not None:
        given |= {"gi": neuron.current_leak, "vib": neuron.current_bias}
    return given


def subcircuit(name: str, neuron: NeuronCircuit, timing: StepTiming) -> str:
    """The subcircuit ``name``, with what these neurons have: leak, comparator, reset, synaptic current."""
    given = parameters(neuron)
    c = number(neuron.capacitor)
    has_current = neuron.current_leak is not None
    lines = [
        f".subckt {name} {' '.join(PINS)}",
        "+ " + " ".join(f"{p}={c if p == 'c' else number(float(given[p][0]))}" for p in given),
        "* the feet, held at 0 V; the difference of their currents charges the capacitor",
        "vplus plus 0 0",
        "vminus minus 0 0",
    ]
    into = "u" if has_current else "v"
    lines += [f"fplus 0 {into} vplus 1", f"fminus {into} 0 vminus 1", "cv v 0 {c} ic={v0}"]
    if has_current:
        lines += _current(timing, neuron)
    if (neuron.bias != 0).any():
        lines.append(_charge("bbias 0 v", "{vb}", "read", timing))
    lines += _leak("v", "gl", neuron.leak)
    if neuron.leakage:
        lines.append("gleakage v 0 v 0 {gp}")
    lines += ["* the rails", _rail("v", timing)]
    if has_current:
        lines.append(_rail("u", timing))
    lines += _comparator(neuron, timing) if neuron.fires else ["vspike spike 0 0"]
    if neuron.fires:
        lines += _reset(neuron, timing)
    if neuron.fires and neuron.refractory:
        lines += _refractory(timing)
    lines += [
        "* between samples",
        "vstart start 0 {v0}",
        "sclear v start clear 0 pull",
        _switch("pull", timing.reset_s / (_TIME_CONSTANTS * neuron.capacitor)),
    ]
    if has_current:
        lines.append("sclearu u 0 clear 0 pull")
    return "\n".join([*lines, f".ends {name}"])


def _current(timing: StepTiming, neuron: NeuronCircuit) -> list[str]:
    return [
        "* the synaptic current: a capacitor of its own, whose voltage the potential takes on top",
        "cu u 0 {c} ic=0",
        _charge("bcbias 0 u", "{vib}", "read", timing),
        _charge("btransfer 0 v", "v(u)", "transfer", timing),
        *_leak("u", "gi", neuron.current_leak),
    ]


def _rail(node: str, timing: StepTiming) -> str:
    # So steep that a current that moves the potential by a rail in the phase lifts it by a millionth.
    steep = f"{{c*1e6/{number(timing.read_s)}}}"
    return f"brail{node} {node} 0 i={steep}*(v({node})-min(max(v({node}),{{-vdd}}),{{vdd}}))"


def _leak(node: str, parameter: str, leak: np.ndarray | None) -> list[str]:
    if leak is None or not (leak != 0).any():
        return []
    return [
        "* a resistor while the leak phase lasts",
        f"bleak{node} {node} 0 i={{{parameter}}}*v({node})*v(leak)/{number(LOGIC_VOLTS)}",
    ]


def _charge(nodes: str, volts: str, phase: str, timing: StepTiming) -> str:
    """A source between ``nodes`` that moves the capacitor by ``volts`` over a phase."""
    per_volt = f"{{c/({number(timing.pulse(phase)[1])}*{number(LOGIC_VOLTS)})}}"
    return f"{nodes} i={per_volt}*{volts}*v({phase})"


def _comparator(neuron: NeuronCircuit, timing: StepTiming) -> list[str]:
    hold = neuron.capacitor / _HOLD_PART
    on = timing.compare_s / (_TIME_CONSTANTS * hold)
    free = " && v(silent)<0.5" if neuron.refractory else ""
    decision = f"v(v)>={{vth}}{free}"
    return [
        "* comparator, sampled until the compare phase ends",
        f"bcompare above 0 v={decision} ? {number(LOGIC_VOLTS)} : 0",
        "ssample above held compare 0 sample",
        f"chold held 0 {number(hold)} ic=0",
        "espike spike 0 held 0 1",
        "sforget held 0 clear 0 sample",
        _switch("sample", on),
    ]


def _reset(neuron: NeuronCircuit, timing: StepTiming) -> list[str]:
    fired = f"(v(held)>{_HALF} ? 1 : 0)"
    if neuron.reset == "subtract":
        phase = "read" if neuron.reset_delay else "reset"
        return ["* reset: a charge", _charge("breset v 0", f"{{vr}}*{fired}", phase, timing)]
    if neuron.reset == "value":
        return [
            "* reset: a switch to a level",
            "vlevel level 0 {vr}",
            f"bpull discharge 0 v={fired}*v(reset)",
            "sreset v level discharge 0 pull",
        ]
    return []


def _refractory(timing: StepTiming) -> list[str]:
    fired = f"(v(held)>{_HALF} ? 1 : 0)"
    # A volt a step; close to 0 it stops, far below the half volt that is asked for.
    left = "min(1,max(0,20*v(silent)))"
    return [
        "* steps of silence that are left, a volt each: a spike sets them, every leak phase takes one off",
        "csilent silent 0 {c} ic=0",
        _charge("bpasses silent 0", left, "leak", timing),
        "vfull full 0 {nref+1}",
        f"bsets sets 0 v={fired}*v(reset)",
        "ssilent silent full sets 0 pull",
        "sclears silent 0 clear 0 pull",
    ]


def _switch(name: str, on: float) -> str:
    return f".model {name} sw vt={_HALF} vh=0 ron={number(on)} roff={_OFF_OHM}"
