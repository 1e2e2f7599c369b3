"""A neuron of transistors in sky130: an axon-hillock circuit, whose energy a spike is simulated.

The circuit is C. Mead's (Analog VLSI and Neural Systems, 1989, chapter 12), with two changes against the
current that a slow membrane draws through an inverter: the first inverter is starved (G. Indiveri et al.,
Neuromorphic silicon neuron circuits, Frontiers in Neuroscience 5, 2011, give the family), and a transistor
that the spike switches on takes the starving away once it has begun. The membrane ``iin`` integrates the
input; at the first inverter's threshold node ``x`` falls, ``spike`` rises and lifts the membrane through
the feedback capacitor; the spike also opens the path that discharges the membrane, and ends itself.

==========  =======================================================================
part        what it does
==========  =======================================================================
xcmem       membrane, metal-insulator-metal capacitor of 5 um x 5 um
xcfb        feedback, 3 um x 3 um
xmleak      leak, its gate at ``vlk``: a current, not a resistor
xm1p xm1n   first inverter: the comparator, its threshold the inverter's own
xmst        starves it, its gate at ``vst``
xmby        takes the starving away while ``spike`` is high
xm2p xm2n   second inverter: drives the spike
xmr1 xmr2   reset, while ``spike`` is high; ``vpw`` sets how fast, so the spike's width
==========  =======================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qsnn_hw.targets.analog.spice.names import number
from qsnn_hw.toolchain.raw_file import RawFile

SUPPLY_V = 1.2
LEAK_V, STARVE_V, RESET_V = 0.15, 0.45, 0.8
LOAD_F = 2e-15
"""At the output: a gate of what takes the spike."""

BEGUN = 0.02
"""Of the supply: a spike has begun, and has hardly moved the membrane yet."""

CORNERS = ("tt", "ss", "ff", "sf", "fs")
MISMATCH = "tt_mm"

SUBCIRCUIT = """.subckt axon_hillock iin spike vlk vst vpw vdd vss
xcmem iin vss sky130_fd_pr__cap_mim_m3_1 w=5 l=5
xcfb spike iin sky130_fd_pr__cap_mim_m3_1 w=3 l=3
xmleak iin vlk vss vss sky130_fd_pr__nfet_01v8 w=0.42 l=4
xm1p x iin vdd vdd sky130_fd_pr__pfet_01v8 w=0.42 l=1
xm1n x iin foot vss sky130_fd_pr__nfet_01v8 w=0.42 l=0.5
xmst foot vst vss vss sky130_fd_pr__nfet_01v8 w=0.42 l=4
xmby foot spike vss vss sky130_fd_pr__nfet_01v8 w=0.42 l=0.15
xm2p spike x vdd vdd sky130_fd_pr__pfet_01v8 w=1 l=0.35
xm2n spike x vss vss sky130_fd_pr__nfet_01v8 w=0.42 l=1
xmr1 iin spike r vss sky130_fd_pr__nfet_01v8 w=0.42 l=0.5
xmr2 r vpw vss vss sky130_fd_pr__nfet_01v8 w=0.42 l=1
.ends axon_hillock"""


@dataclass(frozen=True)
class Firing:
    """What a neuron did under a constant current.

    Parameters
    ----------
    input_a
        The current.
    spikes
        In the time that was simulated.
    rate_hz
        Between the first and the last spike; None with fewer than three.
    energy_j
        From the supply, a spike, over whole periods between the same: what flows between spikes is in it.
    width_s
        Of the second spike at half the supply.
    threshold_v
        The membrane's voltage where the second spike begins, its node at a fiftieth of the supply; None
        with fewer than three.
    power_w
        From the supply over the whole time; without input over its last quarter, the power at rest.
    """

    input_a: float
    spikes: int
    rate_hz: float | None
    energy_j: float | None
    width_s: float | None
    threshold_v: float | None
    power_w: float


def transistor_deck(models: str, currents: Sequence[float], seconds: float, seed: int = 1) -> str:
    """A deck with a neuron for each current, each at a supply of its own so that its current is its own.

    Parameters
    ----------
    models
        The file of :func:`~qsnn_hw.targets.analog.spice.models.cut_library`, as the deck's folder sees it.
        Of the corner :data:`MISMATCH` every neuron is drawn for itself.
    seed
        Of what is drawn.
    """
    lines = [
        "* axon-hillock neurons in sky130",
        # Before the models, whose expressions are what is drawn.
        f".option seed={seed}",
        f".include {models}",
        SUBCIRCUIT,
        f"vlk vlk 0 {number(LEAK_V)}",
        f"vst vst 0 {number(STARVE_V)}",
        f"vpw vpw 0 {number(RESET_V)}",
    ]
    starts, saved = [], []
    for k, current in enumerate(currents):
        lines += [
            f"vdd{k} vdd{k} 0 {number(SUPPLY_V)}",
            f"iin{k} 0 m{k} {number(current)}",
            f"xn{k} m{k} s{k} vlk vst vpw vdd{k} 0 axon_hillock",
            f"cload{k} s{k} 0 {number(LOAD_F)}",
            # What has left the supply, 1 V a picocoulomb: summed by ngspice's own integration, so that a peak
            # between two points is not guessed at.
            f"fq{k} 0 q{k} vdd{k} -1",
            f"cq{k} q{k} 0 1p",
        ]
        starts.append(f"v(m{k})=0 v(s{k})=0 v(q{k})=0 v(xn{k}.x)={number(SUPPLY_V)}")
        saved.append(f"v(s{k}) v(q{k}) v(m{k})")
    lines += [
        f".save {' '.join(saved)}",
        ".options reltol=3e-4 abstol=1e-14 gmin=1e-15 method=gear",
        f".ic {' '.join(starts)}",
        f".tran {number(seconds / 1000)} {number(seconds)} 0 {number(seconds / 100)} uic",
        ".end",
    ]
    return "\n".join(lines) + "\n"


def firing(raw: RawFile, neuron: int, input_a: float) -> Firing:
    """What neuron ``neuron`` of a run of :func:`transistor_deck` did."""
    times, spike = raw.axis, raw[f"v(s{neuron})"]
    energy = raw[f"v(q{neuron})"] * 1e-12 * SUPPLY_V
    half = SUPPLY_V / 2
    rises = np.flatnonzero((spike[:-1] < half) & (spike[1:] >= half))
    falls = np.flatnonzero((spike[:-1] >= half) & (spike[1:] < half))
    # Of what happens at the start, nothing: a neuron without input is at rest long before the last quarter.
    late = int(np.searchsorted(times, 0.75 * times[-1])) if not input_a else 0
    whole = float((energy[-1] - energy[late]) / (times[-1] - times[late]))
    if len(rises) < 3:
        return Firing(input_a, len(rises), None, None, None, None, whole)
    first, last = int(rises[0]), int(rises[-1])
    periods = len(rises) - 1
    ends = falls[falls > rises[1]]
    begins = int(np.flatnonzero(spike[: rises[1] + 1] < BEGUN * SUPPLY_V)[-1])
    part = (BEGUN * SUPPLY_V - spike[begins]) / (spike[begins + 1] - spike[begins])
    membrane = raw[f"v(m{neuron})"]
    return Firing(
        input_a=input_a,
        spikes=len(rises),
        rate_hz=float(periods / (times[last] - times[first])),
        energy_j=float((energy[last] - energy[first]) / periods),
        width_s=float(times[ends[0]] - times[rises[1]]) if len(ends) else None,
        threshold_v=float(membrane[begins] + part * (membrane[begins + 1] - membrane[begins])),
        power_w=whole,
    )
