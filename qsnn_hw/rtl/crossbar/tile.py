"""A crossbar tile between two AER streams: rows of synapses, columns of neurons."""

from qsnn_hw.rtl.crossbar.columns import Columns
from qsnn_hw.rtl.group.neuron_group import NeuronGroup


class CrossbarTile(NeuronGroup):
    """Events in, spikes out: N rows of synapses x M columns, and the neurons below the columns.

    An event names rows (a walker: address arithmetic for convolutions), a row's words wake the one array that
    holds them, and each column with a weight adds it to its neuron's state. At a tick the columns go
    through the neuron circuits: one for all of them, time-multiplexed ("shared": one update lane), or one for
    each ("parallel": as many update lanes as columns). Spikes leave as addresses, then the tick.

    Nothing switches without an event: arrays that hold no wanted row, columns without a weight in it and
    neuron circuits between sweeps are off by enables, of which synthesis makes clock gates.

    Throughput: one synapse word a cycle, ``folds`` words an event of a dense projection; the sweep of
    ``update_rows`` cycles follows the events of its step. Latency: that of its parts, which
    ``cost/cycles.py`` follows word by word. Handshake: the stream rules in ``rtl/stream/aer.py``.

    Parameters and members: as :class:`~qsnn_hw.rtl.group.neuron_group.NeuronGroup`; ``load`` where synapses
    are in SRAM or latches.
    """

    accumulators_name = "columns"

    @property
    def description(self) -> str:
        """What the tile's module says of itself in the Verilog."""
        plan = self._plan
        kinds = " + ".join(projection.kind for projection in plan.projections)
        return (
            f"Crossbar tile of {plan.network_group}: {plan.neurons} neurons, {plan.lanes} columns at a time "
            f"in {plan.folds} turns, {plan.update_lanes} neuron circuits; {plan.synapse_rows} words of "
            f"{plan.lanes * plan.weight_bits} bits in {plan.synapse_style} ({kinds}), "
            f"{plan.neuron.v_bits}-bit potentials"
        )

    def _make_accumulators(self) -> Columns:
        return Columns(self._plan)
