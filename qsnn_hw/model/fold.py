"""Nodes that compute one group together: leaky integrators before neurons, thresholds behind integrators."""

from dataclasses import replace

import numpy as np

from qsnn_hw.model.graph import Graph, Node
from qsnn_hw.support.errors import UserError

_SILENT_TYPES = ("LI", "I", "CubaLI")
_LINEAR_TYPES = (
    *("Affine", "Linear", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"),
    *("Flatten", "Scale", "Delay", "Identity"),
)


def folded(graph: Graph) -> Graph:
    """``graph`` with spikes alone between its neuron nodes.

    Raises
    ------
    UserError
        A potential travels on where no synaptic current says the same.
    """
    return _fold_thresholds(_fold_currents(_swapped(graph)))


def _swapped(graph: Graph) -> Graph:
    """``LI -> weights -> LIF`` as ``weights -> LI -> LIF``, which gives the LIF the same.

    A leaky integrator adds up and fades, and so it does to sums: where all its neurons fade alike, weighing
    its potentials is integrating what the weights make of its input.
    """
    for name in [node.name for node in graph.nodes.values() if node.type == "LI"]:
        between, after = _onward(graph, name)
        if not between or after is None or _obstacle(graph, name) is not None:
            continue
        last = between[-1]
        edges = [(pre, between[0] if post == name else post) for pre, post in graph.edges if pre != name]
        edges = [(pre, name if (pre, post) == (last, after) else post) for pre, post in edges]
        nodes = dict(graph.nodes)
        # One number each: the integrator now has as many neurons as the LIF.
        alike = {key: np.ravel(graph.numbers(name, key, infinite=True))[0] for key in ("tau", "r")}
        nodes[name] = Node(name, "LI", {**nodes[name].parameters, "v_leak": 0.0, **alike})
        bias = _bias(graph, last)
        if bias is not None:
            # What does not come from the integrator does not pass it.
            free = {key: value for key, value in nodes[last].parameters.items() if key != "bias"}
            kind = "Linear" if nodes[last].type == "Affine" else nodes[last].type
            nodes[last] = Node(last, kind, free)
            follower = nodes[after]
            nodes[after] = Node(after, follower.type, {**follower.parameters, "drive": bias})
        graph = replace(graph, nodes=nodes, edges=(*edges, (name, after)))
    return graph


def _onward(graph: Graph, name: str) -> tuple[list[str], str | None]:
    """The linear nodes that a potential passes one after another, and the LIF behind them, if it is one."""
    between: list[str] = []
    at = name
    while True:
        after = graph.after(at)
        if len(after) != 1 or after[0] in between:
            return between, None
        at = after[0]
        if graph.nodes[at].type not in _LINEAR_TYPES:
            return between, at if graph.nodes[at].type == "LIF" else None
        between.append(at)


def _obstacle(graph: Graph, name: str) -> str | None:
    """Why a potential cannot become a synaptic current; None where it can."""
    between, after = _onward(graph, name)
    if graph.nodes[name].type != "LI":
        return "it is an LI"
    if after is None:
        return "one LIF alone is behind it"
    if any(len(graph.before(node)) != 1 for node in (*between, after)):
        return "that LIF has no other input"
    for key in ("tau", "r"):
        values = graph.numbers(name, key, infinite=True)
        if np.any(values != values.flat[0]):
            return f"all its neurons have the same {key}"
    if np.any(graph.numbers(name, "v_leak")):
        return "its v_leak is 0"
    if any(_bias(graph, node) is not None for node in between[:-1]):
        return "only the last layer between has a bias"
    return None


def _bias(graph: Graph, name: str) -> np.ndarray | None:
    """The bias of a node, of a shape that spreads over what the node gives."""
    node = graph.nodes[name]
    if node.parameters.get("bias") is None:
        return None
    bias = graph.numbers(name, "bias")
    return bias.reshape(-1, *(1,) * (int(node.type[-2]) if node.type.startswith("Conv") else 0))


def _fold_currents(graph: Graph) -> Graph:
    """Fold ``LI -> LIF``, where each is all the other has, into one group with a synaptic current.

    That is how Rockpool's ExpSynTorch drives a LIFNeuronTorch. The LI keeps the gain that it has on its own.
    """
    nodes, edges = dict(graph.nodes), list(graph.edges)
    for node in graph.nodes.values():
        after = graph.after(node.name)
        if node.type != "LI" or len(after) != 1 or graph.nodes[after[0]].type != "LIF":
            continue
        follower = nodes[after[0]]
        if len(graph.before(follower.name)) != 1 or np.any(graph.numbers(node.name, "v_leak")):
            continue
        own = {key: value for key, value in follower.parameters.items() if key != "tau"}
        merged = {**own, "tau_mem": follower.parameters.get("tau")}
        merged |= {"tau_syn": node.parameters.get("tau"), "r_syn": node.parameters.get("r")}
        nodes[follower.name] = Node(follower.name, "CubaLIF", merged)
        del nodes[node.name]
        edges = [(a, follower.name if b == node.name else b) for a, b in edges if a != node.name]
    return replace(graph, nodes=nodes, edges=tuple(edges))


def _fold_thresholds(graph: Graph) -> Graph:
    """Fold ``LI -> Threshold`` into one group that fires without reset."""
    nodes, edges = dict(graph.nodes), list(graph.edges)
    for node in graph.nodes.values():
        after = graph.after(node.name)
        if node.type not in _SILENT_TYPES or not any(graph.nodes[n].type != "Output" for n in after):
            continue
        follower = after[0]
        if len(after) != 1 or graph.nodes[follower].type != "Threshold" or len(graph.before(follower)) != 1:
            raise UserError(
                f"{graph.where(node.name)} hands its potential to {', '.join(map(repr, after))}, and only "
                "spikes travel between groups here; it becomes the synaptic current of the LIF behind the "
                f"next weights where {_obstacle(graph, node.name)}; otherwise put one Threshold node after "
                "it or use it as the output"
            )
        threshold = graph.nodes[follower].parameters.get("threshold")
        nodes[node.name] = Node(node.name, node.type, {**node.parameters, "threshold": threshold})
        del nodes[follower]
        edges = [(node.name if a == follower else a, b) for a, b in edges if b != follower]
    return replace(graph, nodes=nodes, edges=tuple(edges))
