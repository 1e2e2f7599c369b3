"""How each part of a report is known, and what it means: ``basis`` and ``definitions`` of report.json.

Words of ``basis``: "measured" by running float and integer network on the test samples; "simulated", counted
cycle by cycle in the simulated RTL; "tool report" of place and route; "predicted" by the plan; "board
file", as the board's hardware spec says; "computed" from the others by what the definition says;
"estimated" by a model with a range, by no meter; "proved" by comparing structures, nothing sampled.
"""

from collections.abc import Mapping

BASIS: Mapping[str, str] = {
    "accuracy": "measured",
    "verification": "simulated",
    "verification.matched_registers": "proved",
    "verification.matched_memory_bits": "proved",
    "verification.framework": "measured",
    "resources": "tool report",
    "timing": "tool report",
    "clock": "board file",
    "latency": "simulated",
    "latency.us_per_sample_mean": "computed",
    "latency.us_on_board_mean": "computed",
    "latency.link_us_mean": "computed",
    "latency.host_us_mean": "computed",
    "operating_point": "computed",
    "link": "computed",
    "throughput": "computed",
    "throughput.per_watt": "estimated",
    "power_mw": "estimated",
    "energy": "estimated",
    "metrics": "measured",
    "activity": "simulated",
    "spikes_per_sample": "measured",
    "prediction": "predicted",
    "diagnostics": "measured",
}
"""How each part of a report is known when its maker does not say otherwise."""

DEFINITIONS: Mapping[str, str] = {
    "accuracy": "Fraction of test samples whose answer is the label; accuracy.readout says what answers, the "
    "lowest address among equals. The standard error is that of the difference on the same samples.",
    "verification": "Spikes and membrane potentials of the simulated RTL compared one by one with the "
    "golden model; a mismatch is any difference in value, order or number. Nothing was loaded into a "
    "board.",
    "verification.distinct_samples": "Samples, spikes (also group by group) and potentials count once "
    "each; what was simulated again under random gaps and backpressure stands apart as repeated.",
    "verification.matched_registers": "Bits of registers, and matched_memory_bits of memories, of the "
    "network inside the board's design (06_design.v): each has its counterpart in the network that was "
    "simulated (06_traced.v), driven by the same logic, so both always give the same words. The guard "
    "against unknown addresses counts as wires: on a board the serial link does its work. The serial link "
    "itself is not simulated in a build.",
    "verification.framework": "Output of the float network compared with what the framework itself put "
    "out, where the data hold it (out): whether the model file was read as it was meant. Spikes are equal "
    "or not; potentials count as equal within tolerance, a part of the framework's largest.",
    "resources": "Cells used and available on the device, under the names the place-and-route tool reports.",
    "timing": "Highest clock frequency that the place-and-route tool's static timing analysis allows "
    "(Fmax), and the one asked for, which is the board's clock.",
    "clock.board_mhz": "Clock that the bitstream runs at: the board's oscillator. Fmax is no clock of "
    "this bitstream.",
    "latency": "Clock cycles from the edge that takes a sample's first input word to the edge on which "
    "its last output word leaves, counted in simulation, with encoder and readout where the design has "
    "them.",
    "latency.us_per_sample_mean": "The core alone, at Fmax: cycles divided by Fmax.",
    "latency.us_on_board_mean": "The core in this bitstream: cycles divided by the board's clock; no link.",
    "latency.link_us_mean": "What a sample occupies the serial line for: its bytes to the board or from "
    "it, whichever take longer, as both directions go at once; 10 bits a byte at the board's baud rate. "
    "Computed from the bytes of the test samples, no line was timed.",
    "latency.host_us_mean": "From the first bit sent to the last bit of the answer received: a step's "
    "answer waits for the tick that ends the step, for the core, and for the bytes before it. Computed "
    "likewise; a step takes the core its share of the sample's cycles.",
    "latency.network_cycles_mean": "Cycles of the bare network where encoder or readout stand around it.",
    "link": "Bytes of a mean test sample in the format of docs/host_link.md: events and ticks, or pixels, "
    "to the board; events and ticks, or the class, back.",
    "throughput.on_chip_per_s": "Samples a second back to back at the board's clock when words always "
    "wait at the input: board clock divided by the cycles a sample of the back-to-back simulation, which "
    "may take fewer samples than the rest: assumptions says how many.",
    "throughput.link_per_s": "Samples a second that a host gets: the slower of link and core decides "
    "(limited_by).",
    "throughput.per_watt": "Inferences a second and watt: on_chip_per_s (link_per_watt: link_per_s) "
    "divided by the power of the core supply at that rate; low and high from high and low power.",
    "power_mw": "Estimate for the FPGA's core supply (VCC) while samples come back to back at the board's "
    "clock. Pins, auxiliary supply, oscillator, flash, USB bridge and regulators of the board are not in "
    "it. Low and high: every coefficient at that end at once.",
    "power_mw.terms": "The terms that add up to it, each with its source; assumed: no measurement or data "
    "sheet stands behind the coefficient, or the activity is assumed.",
    "energy": "E = P_static x T + E_dynamic, of the core supply. T is the sample's latency in the core at "
    "the board's clock; per spike, T_spike is T / spikes. E_dynamic is the clock tree for T and the "
    "work of a sample of the back-to-back simulation.",
    "energy.static_share": "P_static x T as a share of the typical energy of a sample.",
    "energy.link_per_sample_uj": "The same with T the time from one sample to the next through the serial "
    "link: leakage and clock go on while the core waits, the work stays the same.",
    "energy.per_spike_target": "Less than 1 uJ a spike: kept over the whole range, not kept anywhere in "
    "it, or it depends on where in the range the truth lies.",
    "prediction": "What the plan promised before any tool ran; cycles beside the simulated ones of the same "
    "samples, of the design as built. network_cycles_mean, network_simulated_mean: likewise of the network "
    "alone, where an encoder or a readout is around it.",
    "spikes_per_sample": "Mean number of spikes per test sample in the integer network.",
    "metrics.synaptic_operations_per_sample": "Synapses with a non-zero integer weight that the spikes of "
    "a mean sample drive, over all projections, convolutions included; pooling has no weights and counts "
    "none.",
    "metrics.spikes_per_sample": "Input, hidden and output spikes of a mean sample together.",
    "metrics.spike_efficiency": "Synaptic operations divided by spikes, input spikes included: the mean "
    "fan-out of a spike.",
    "activity": "Counted in the simulated RTL of the network alone, over back-to-back samples at full speed; "
    "an encoder or a readout around it makes the shares smaller. busy_share: share of the cycles in which "
    "a group adds synapses or updates neurons or both, so never above 1.",
    "diagnostics": "Each neuron group of the integer network against the same group of the float network, "
    "run on the same samples.",
}
"""What each part of a report means; a key with a dot is one field of a part."""
