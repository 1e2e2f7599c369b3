"""Wiring and dynamics to a :class:`Network`.

Shapes, paths and order are those of ``build.py``: neurons stand in its graph as placeholders, and the
groups it makes are replaced by the modules' own.
"""

from dataclasses import replace

import numpy as np

from qsnn_hw.model.build import build_network
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.graph import Graph, Node
from qsnn_hw.model.network import INPUT, Network
from qsnn_hw.model.readers.batch_norm import fold_batch_norm
from qsnn_hw.model.readers.live.catalog import Catalog
from qsnn_hw.model.readers.live.layers import BATCH_NORM
from qsnn_hw.model.readers.live.parts import INPUT_NODE, OUTPUT_NODE, Wiring
from qsnn_hw.support.errors import UserError

# Only for the placeholders: nothing of it is left in the network.
_PLACEHOLDER = Convention(name="live", dt=None, reset="zero", integrator_gain="one")


def assemble(catalog: Catalog, wiring: Wiring, input_shape: tuple[int, ...], name: str) -> Network:
    """Build the network.

    Raises
    ------
    UserError
        Shapes do not fit, a batch norm has no weights to fold into, a layer is not connected, or a
        connection takes a number of time steps that cannot be expressed.
    """
    _fold(wiring, catalog)
    _merge_synapses(wiring)
    nodes = {INPUT_NODE: Node(INPUT_NODE, "Input", {"shape": np.array(input_shape)})}
    nodes |= wiring.nodes
    for key, neuron in wiring.neurons.items():
        # A LIF stand-in fires; an integrator stands for what does not.
        fires = {"r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}
        nodes[key] = Node(key, "IF", fires) if neuron.threshold is not None else Node(key, "I", {"r": 1.0})
    nodes[OUTPUT_NODE] = Node(OUTPUT_NODE, "Output")
    edges = (*wiring.edges, (wiring.output, OUTPUT_NODE))
    source = f"{catalog.framework} model {name}"
    network = build_network(Graph(source, name, nodes, edges), _PLACEHOLDER)
    groups = tuple(wiring.neurons[group.name].group(group.name, group.shape) for group in network.groups)
    network = replace(
        network,
        groups=groups,
        convention={"name": f"{catalog.framework} (live)", "version": catalog.version},
        warnings=(*network.warnings, *(w for neuron in wiring.neurons.values() for w in neuron.warnings)),
    )
    _check_time(network, wiring, source)
    return network


def _fold(wiring: Wiring, catalog: Catalog) -> None:
    """Fold every batch norm into the layer before it."""
    for name in [key for key, node in wiring.nodes.items() if node.type == BATCH_NORM]:
        before = [pre for pre, post in wiring.edges if post == name]
        first = wiring.nodes.get(before[0]) if len(before) == 1 else None
        shared = [post for pre, post in wiring.edges if before and pre == before[0]]
        if first is None or first.type not in ("Linear", "Affine", "Conv1d", "Conv2d") or len(shared) != 1:
            raise UserError(
                f"{catalog.framework} module {name!r} is a batch norm that does not follow one Linear or "
                "Conv layer "
                "of its own; move it there"
            )
        if wiring.edges[first.name, name]:
            raise UserError(
                f"{catalog.framework} module {name!r} reads {first.name!r} of an earlier time step"
            )
        weight, bias = fold_batch_norm(
            first.parameters["weight"], first.parameters.get("bias"), **wiring.nodes[name].parameters
        )
        kind = "Affine" if first.type == "Linear" else first.type
        wiring.nodes[first.name] = Node(
            first.name, kind, {**first.parameters, "weight": weight, "bias": bias}
        )
        del wiring.nodes[name], wiring.edges[first.name, name]
        for pre, post in list(wiring.edges):
            if pre == name:
                wiring.edges[first.name, post] = wiring.edges.pop((pre, post))


def _merge_synapses(wiring: Wiring) -> None:
    """Fold a synapse into the neurons behind it, where each is all the other has: it is their current."""
    for name, synapse in list(wiring.neurons.items()):
        after = [post for pre, post in wiring.edges if pre == name]
        if not synapse.synapse or len(after) != 1 or after[0] not in wiring.neurons:
            continue
        (follower,) = after
        neuron = wiring.neurons[follower]
        alone = [pre for pre, post in wiring.edges if post == follower] == [name]
        if not alone or wiring.edges[name, follower] or neuron.current_decay is not None:
            continue
        wiring.neurons[follower] = replace(
            neuron,
            current_decay=synapse.decay,
            current_gain=synapse.input_gain,
            warnings=(*synapse.warnings, *neuron.warnings),
        )
        del wiring.neurons[name], wiring.edges[name, follower]
        for pre, post in list(wiring.edges):
            if post == name:
                wiring.edges[pre, follower] = wiring.edges.pop((pre, post))


def _check_time(network: Network, wiring: Wiring, source: str) -> None:
    """A connection is late by one step exactly where the network's order makes it recurrent."""
    position = {group.name: index for index, group in enumerate(network.groups)}
    for target in position:
        for start, late in _sources(wiring, target, 0, ()):
            loops = start != INPUT_NODE and position[start] >= position[target]
            if late != loops:
                shown = INPUT if start == INPUT_NODE else start
                raise UserError(
                    f"{source}: {target!r} reads {shown!r} of {late} time steps before, which this reader "
                    f"cannot express ({int(loops)} is expected here); feed it without that delay"
                )


def _sources(wiring: Wiring, name: str, late: int, stack: tuple[str, ...]) -> set[tuple[str, int]]:
    sources: set[tuple[str, int]] = set()
    for (pre, post), more in wiring.edges.items():
        if post != name or pre in stack:
            continue
        if pre == INPUT_NODE or pre in wiring.neurons:
            sources.add((pre, late + more))
        else:
            sources |= _sources(wiring, pre, late + more, (*stack, pre))
    return sources
