"""The golden model, event-driven form: neurons are touched when an event reaches them.

The integer form consumes the hardware's own stream (events, then a tick) and equals the clocked
form exactly. A neuron that got no event and cannot fire by itself is left alone; its missed leak
steps are made up when the next event arrives. The float form,
:func:`process_spikes_event_driven`, is the same idea for a single layer in real numbers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from qsnn_hw.golden.clocked import GoldenRun, checked_input, tick
from qsnn_hw.golden.columns import Columns
from qsnn_hw.golden.event_general import GeneralEventGroup
from qsnn_hw.model.network import INPUT
from qsnn_hw.quantize.integers import finite_numbers
from qsnn_hw.quantize.interval_step import leak
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork
from qsnn_hw.support.errors import UserError


class EventDrivenGroup:
    """One neuron group that takes events one at a time; leak, fire and reset only.

    Parameters
    ----------
    group
        Integer parameters.
    columns
        What an event adds, for each projection into the group.
    """

    def __init__(self, group: QuantizedGroup, columns: Sequence[Columns]) -> None:
        self._group = group
        self._columns = tuple(columns)
        self._self_driven = _self_driven(group)
        self.reset()

    def reset(self) -> None:
        """Return to the state before the first step of a sample."""
        self._state = self._group.bias.astype(np.int64).copy()
        self._step = 0
        self._updated = np.zeros(self._group.size, dtype=np.int64)
        self._touched = self._self_driven.copy()

    def event(self, projection: int, address: int, count: int) -> None:
        """Add ``count`` spikes of one address of the group's ``projection``-th projection."""
        targets, values = self._columns[projection][address]
        self._catch_up(targets)
        self._state[targets] += values * count
        self._touched[targets] = True

    def tick(self) -> tuple[np.ndarray, np.ndarray]:
        """End the time step; return the addresses that fired, ascending, and how often: once."""
        active = np.flatnonzero(self._touched)
        self._catch_up(active)
        _, fired, state, _ = tick(_subset(self._group, active), self._state[active])
        self._state[active] = state
        self._step += 1
        self._updated[active] = self._step
        # A state already at threshold fires in the next step without any event.
        self._touched = self._self_driven | (self._state >= self._group.threshold) | self._outside_clamp()
        addresses = active[fired]
        return addresses, np.ones(addresses.size, dtype=np.int64)

    def _outside_clamp(self) -> np.ndarray | bool:
        """Where the next tick's clamp will bind: a reset value may lie outside it."""
        if self._group.v_low is None or self._group.v_high is None:
            return False
        return (self._state < self._group.v_low) | (self._state > self._group.v_high)

    def potentials(self) -> np.ndarray:
        """The stored state of every neuron, int64 (n,), with missed leak steps made up."""
        self._catch_up(np.arange(self._group.size))
        return self._state.copy()

    def _catch_up(self, neurons: np.ndarray) -> None:
        """Apply the leak steps ``neurons`` missed while nothing happened to them."""
        behind = neurons[self._updated[neurons] < self._step]
        while behind.size:
            group = self._group
            leaked = leak(self._state[behind], group.leak_numerator, group.leak_shift, group.leak_rounding)
            self._state[behind] = leaked + group.bias[behind]
            self._updated[behind] += 1
            behind = behind[self._updated[behind] < self._step]


def _self_driven(group: QuantizedGroup) -> np.ndarray:
    """Neurons that must be visited every step: a bias could make them fire, or a clamp bind."""
    bias = group.bias
    if group.leak_numerator:
        # Leak and bias alone settle no higher than here, started from below threshold. A loss that
        # is rounded down is the least, so this holds for the other rounding, too.
        ceiling = -((-(bias << group.leak_shift)) // group.leak_numerator)
    else:
        ceiling = np.where(bias > 0, np.iinfo(np.int64).max, 0)
    driven = ceiling >= group.threshold
    if group.v_low is not None:
        driven = driven | (bias != 0)
    return np.asarray(driven | (group.threshold <= 0))


def _subset(group: QuantizedGroup, index: np.ndarray) -> QuantizedGroup:
    return replace(
        group,
        shape=(index.size,),
        bias=group.bias[index],
        threshold=group.threshold[index],
        reset_amount=group.reset_amount[index],
        reset_value=group.reset_value[index],
    )


def run_event_driven(network: QuantizedNetwork, inputs: np.ndarray) -> GoldenRun:
    """Run every sample event by event; spikes and readouts equal :func:`run_clocked`'s.

    Parameters
    ----------
    network
        The integer network.
    inputs
        Spikes of any dtype, shape (time, sample, ...).

    Raises
    ------
    UserError
        As :func:`run_clocked`.
    """
    flat = checked_input(network, inputs)
    steps, samples = flat.shape[:2]
    machines = {g.name: _machine(network, g) for g in network.groups}
    spikes = {g.name: np.zeros((steps, samples, g.size), dtype=np.uint8) for g in network.groups}
    readouts = {
        g.name: np.zeros((steps, samples, g.size), dtype=np.int32) for g in network.groups if g.readout
    }
    for sample in range(samples):
        for machine in machines.values():
            machine.reset()
        for step in range(steps):
            for group in network.groups:
                machine = machines[group.name]
                for number, projection in enumerate(network.into(group.name)):
                    then = step - projection.delay - network.recurrent(projection)
                    if then < 0:
                        continue
                    source = flat if projection.source == INPUT else spikes[projection.source]
                    now = source[then, sample]
                    for address in np.flatnonzero(now):
                        machine.event(number, int(address), int(now[address]))
                fired, count = machine.tick()
                spikes[group.name][step, sample, fired] = count
                if isinstance(machine, GeneralEventGroup) and group.readout:
                    readouts[group.name][step, sample] = machine.trace
    return GoldenRun(spikes=spikes, potentials=readouts)


def _machine(network: QuantizedNetwork, group: QuantizedGroup) -> "GeneralEventGroup | EventDrivenGroup":
    into = network.into(group.name)
    columns = [Columns(p.all_operators, group.fractional_bits + p.shift) for p in into]
    return EventDrivenGroup(group, columns) if _is_plain(group) else GeneralEventGroup(group, columns)


def _is_plain(group: QuantizedGroup) -> bool:
    """Whether leak, fire and reset are all the group does, so that missed steps can be made up."""
    return not (
        group.readout
        or group.multi_spike
        or group.refractory
        or group.reset_drops_input
        or group.reset_retest
        or group.v_min is not None
        or group.start is not None
        or group.leak_numerators is not None
        or group.current_leak_numerator is not None
    )


def process_spikes_event_driven(
    spike_times: Iterable[tuple[float, int]],
    weights: np.ndarray,
    *,
    v_threshold: float = 1.0,
    tau: float = 20.0,
    reset: str = "subtract",
    v_reset: float = 0.0,
    refractory: float = 0.0,
    v_init: object = 0.0,
) -> list[tuple[float, int]]:
    """Run one layer of leaky integrate-and-fire neurons in continuous time, event by event.

    Between events nothing is computed: when an event arrives, the potential first decays by
    ``exp(-dt / tau)`` (the exact solution of ``tau dv/dt = -v``), then the event's weight is
    added, then the threshold is tested: ``v <- v exp(-(t - t_last) / tau) + w``, and a spike where
    ``v > v_threshold``. Events with equal times act together: all their weights are added before the
    test. Only an event is tested, so a neuron that starts above its threshold fires at its first one.

    Parameters
    ----------
    spike_times
        (time, address) pairs in any order; address is the pre neuron, 0 to pre - 1.
    weights
        Real or integer, shape (post, pre), in the units of ``v_threshold``.
    v_threshold
        Firing threshold, > 0.
    tau
        Membrane time constant in the units of the times; ``inf`` for no leak.
    reset
        "subtract" the threshold or set to "v_reset".
    v_reset
        Potential after a spike with reset "v_reset".
    refractory
        Time after a spike in which the neuron ignores events, in the units of the times.
    v_init
        Potential at time 0, or at the first event where that is earlier: one number, or shape (post,).

    Returns
    -------
    list of (time, address)
        Output spikes of the post neurons, ordered by time, then address.

    Raises
    ------
    UserError
        Weights are not a finite matrix, an address is out of range, a time is not finite, or a
        parameter is out of range.

    Examples
    --------
    Two inputs together reach the threshold; one alone leaks away before the next:

    >>> process_spikes_event_driven([(0, 0), (0, 1), (50, 0), (110, 1)], [[0.6, 0.6]])
    [(0.0, 0)]

    What a quarter of the time constant leaves of 0.8, 0.8 exp(-5 / 20) = 0.62, and one event's weight
    are above 1:

    >>> process_spikes_event_driven([(5, 0)], [[0.6]], v_init=0.8)
    [(5.0, 0)]
    """
    matrix = finite_numbers(weights, "weights")
    if matrix.ndim != 2:
        raise UserError(f"weights must be a finite matrix of shape (post, pre), not of shape {matrix.shape}")
    _check_neuron(v_threshold, tau, reset, v_reset, refractory)
    events = _sorted_events(spike_times, matrix.shape[1])
    v = finite_numbers(v_init, "v_init")
    if v.shape not in ((), (matrix.shape[0],)):
        raise UserError(f"v_init must be one number or of shape {(matrix.shape[0],)}, not of shape {v.shape}")
    v = np.broadcast_to(v, matrix.shape[:1]).copy()
    # Not counted from 0 where events are earlier: that would decay backwards and overflow.
    last_time = np.full(matrix.shape[0], min(events[0][0], 0.0) if events else 0.0)
    blocked_until = np.full(matrix.shape[0], -np.inf)
    spikes: list[tuple[float, int]] = []
    index = 0
    while index < len(events):
        time = events[index][0]
        drive = np.zeros(matrix.shape[0])
        reached = np.zeros(matrix.shape[0], dtype=bool)
        while index < len(events) and events[index][0] == time:
            column = matrix[:, events[index][1]]
            drive += column
            reached |= column != 0
            index += 1
        targets = np.flatnonzero(reached & (time >= blocked_until))
        v[targets] = v[targets] * np.exp(-(time - last_time[targets]) / tau) + drive[targets]
        last_time[targets] = time
        fired = targets[v[targets] > v_threshold]
        v[fired] = v[fired] - v_threshold if reset == "subtract" else v_reset
        blocked_until[fired] = time + refractory
        spikes += [(time, int(neuron)) for neuron in fired]
    return spikes


def _check_neuron(v_threshold: float, tau: float, reset: str, v_reset: float, refractory: float) -> None:
    """Refuse parameters that are no numbers or out of range."""
    numbers = {"v_threshold": v_threshold, "tau": tau, "v_reset": v_reset, "refractory": refractory}
    for name, value in numbers.items():
        try:
            float(value)
        except (TypeError, ValueError) as error:
            raise UserError(f"{name} must be a real number, not {value!r}") from error
    if not np.isfinite(v_threshold) or v_threshold <= 0:
        raise UserError(f"v_threshold must be a finite number above 0, not {v_threshold!r}")
    if not tau > 0:
        raise UserError(f"tau must be above 0, not {tau!r}")
    if reset not in ("subtract", "v_reset"):
        raise UserError(f'reset must be "subtract" or "v_reset", not {reset!r}')
    if not np.isfinite(v_reset):
        raise UserError(f"v_reset must be a finite number, not {v_reset!r}")
    if not refractory >= 0:
        raise UserError(f"refractory must be at least 0, not {refractory!r}")


def _sorted_events(spike_times: Iterable[tuple[float, int]], pre: int) -> list[tuple[float, int]]:
    """(time, address) pairs by time, then address; every time finite, every address below ``pre``."""
    try:
        events = sorted((float(time), int(address)) for time, address in spike_times)
    except (TypeError, ValueError) as error:
        raise UserError(f"spike times must be pairs of a time and an address: {error}") from error
    for time, address in events:
        if not np.isfinite(time):
            raise UserError(f"spike time must be finite, not {time!r} (address {address})")
        if not 0 <= address < pre:
            raise UserError(f"address must be from 0 to {pre - 1}, not {address} (time {time})")
    return events
