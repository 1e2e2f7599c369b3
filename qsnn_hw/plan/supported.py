"""What the hardware can do today: everything else is refused before a plan exists.

The integer semantics of ``quantize/network.py`` are wider than the hardware's. Each feature beyond
it has one line here, so that no design is ever built that leaves a feature out in silence.
"""

from qsnn_hw.errors import UserError
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection

_INSTEAD = "the golden model runs it (qsnn-hw infer --bits)"


def refuse_unsupported(network: QuantizedNetwork) -> None:
    """Raise UserError for the first feature of ``network`` that hardware cannot have yet."""
    if network.input_max > 1:
        raise UserError(
            f"an input of up to {network.input_max} spikes of one address in one step is not supported in "
            f"hardware yet; {_INSTEAD}, hardware takes one event per address and step"
        )
    for group in network.groups:
        for feature, cure in _group_features(group):
            raise UserError(
                f"group {group.name}: {feature} not supported in hardware yet; {_INSTEAD}, {cure}"
            )
    for projection in network.projections:
        for feature, cure in _projection_features(network, projection):
            raise UserError(
                f"projection {projection.name}: {feature} not supported in hardware yet; {_INSTEAD}, {cure}"
            )


def _group_features(group: QuantizedGroup) -> list[tuple[str, str]]:
    """(what is not supported, what to do for hardware) of each feature the group has."""
    found = [
        (group.readout, "a readout without a threshold is", "hardware needs a spiking output layer"),
        (
            group.current_leak_numerator is not None,
            "a synaptic current (CubaLIF) is",
            "hardware needs LIF or IF neurons",
        ),
        (
            group.multi_spike,
            "several spikes per step are",
            "for hardware pass --set multi_spike=false if the model allows it",
        ),
        (group.refractory > 0, "a refractory period is", "for hardware train without it"),
        (
            group.reset_retest,
            "snnTorch's reset_delay=False retest is",
            "for hardware train with reset_delay=True",
        ),
        (
            group.reset_drops_input,
            "a delayed zero reset that drops input is",
            'for hardware train with reset_mechanism="subtract"',
        ),
        (
            group.v_min is not None,
            "a lower clamp of the potential (v_min) is",
            "for hardware pass --set v_min=none if the model allows it",
        ),
        (
            group.leak_numerators is not None,
            "a decay of each neuron's own is",
            "for hardware train with one decay per group",
        ),
    ]
    return [(feature, cure) for has, feature, cure in found if has]


def _projection_features(network: QuantizedNetwork, projection: QuantizedProjection) -> list[tuple[str, str]]:
    found = []
    if network.recurrent(projection):
        found.append(
            (
                f"a recurrent connection ({projection.source} -> {projection.target}) is",
                "hardware needs a feed-forward network",
            )
        )
    if projection.operators is not None:
        names = " -> ".join(type(o).__name__ for o in projection.operators)
        found.append((f"{names} is", "hardware needs one Linear or Affine node between neuron groups"))
    if projection.shift:
        found.append(("a grid of its own is", "hardware needs one weight step for all inputs of a group"))
    if projection.delay:
        found.append((f"a delay of {projection.delay} steps is", "hardware needs projections without delay"))
    return found
