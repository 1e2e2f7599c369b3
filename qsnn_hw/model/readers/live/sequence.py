"""Modules that apply their children in order: read without running them."""

from collections.abc import Iterator
from typing import Any

from qsnn_hw.model.readers.live.catalog import Catalog
from qsnn_hw.model.readers.live.parts import INPUT_NODE, Wiring, node_name
from qsnn_hw.support.errors import UserError


def out_of_order(catalog: Catalog, module: Any, path: str = "") -> tuple[str, Any] | None:
    """The first module that is neither known nor a sequence, with its path; None where all are."""
    if catalog.is_neuron(module) or catalog.is_layer(module) or catalog.is_passive(module):
        return None
    children = catalog.children(module)
    if children is None:
        return path, module
    for name, child in children:
        first = out_of_order(catalog, child, f"{path}.{name}" if path else name)
        if first is not None:
            return first
    return None


def needs_example(catalog: Catalog, path: str, module: Any) -> UserError:
    """The error for a module that only its forward could explain, or nothing could."""
    package = type(module).__module__.partition(".")[0]
    if package in ("torch", catalog.framework) and (path or not list(module.children())):
        return catalog.unknown(path, module)
    return UserError(
        f"{catalog.where(path, module)} is not a plain sequence, so the order of its layers is unknown; pass "
        "example=, an input tensor that the whole model's forward takes"
    )


def wire_sequence(catalog: Catalog, module: Any, output: str | None) -> Wiring:
    """The modules of a sequence, one after the other.

    Raises
    ------
    UserError
        A module of unknown type, no neurons, one neuron module at two places, or no such output.
    """
    wiring = Wiring()
    previous = INPUT_NODE
    seen: dict[int, str] = {}
    for path, leaf in _leaves(catalog, module, ""):
        if catalog.is_passive(leaf):
            continue
        name = node_name(path, leaf)
        if catalog.is_neuron(leaf):
            if id(leaf) in seen:
                raise UserError(
                    f"{catalog.where(path, leaf)} is the same object as {seen[id(leaf)]!r}, so both share "
                    "one state; make two modules"
                )
            seen[id(leaf)] = path
            entry = wiring.add_neuron(name, catalog.neuron(path, leaf))
            wiring.output = name
        else:
            wiring.nodes[name] = catalog.layer(path, leaf, name)
            entry = name
        wiring.edges[previous, entry] = 0
        previous = name
    if not wiring.neurons:
        raise UserError(f"{catalog.where('', module)} holds no {catalog.framework} neurons; nothing to read")
    if output is not None:
        wiring.output = chosen_output(catalog, wiring, output)
        return cut(wiring)
    if previous != wiring.output:
        raise UserError(
            f"{catalog.where('', module)} ends with {previous!r}, not with neurons; add a neuron module, or "
            f"pass output={wiring.output!r} to stop there"
        )
    return wiring


def chosen_output(catalog: Catalog, wiring: Wiring, output: str) -> str:
    """``output`` if it is a neuron's path; UserError lists those there are."""
    if output not in wiring.neurons:
        raise UserError(
            f"output={output!r} is no neuron of this {catalog.framework} model; it has "
            f"{', '.join(wiring.neurons)}"
        )
    return output


def cut(wiring: Wiring) -> Wiring:
    """The part of a wiring that leads to its output."""
    leading = {wiring.output}
    grown = True
    while grown:
        more = {pre for pre, post in wiring.edges if post in leading} - leading
        leading |= more
        grown = bool(more)
    return Wiring(
        {name: node for name, node in wiring.nodes.items() if name in leading},
        {name: neuron for name, neuron in wiring.neurons.items() if name in leading},
        {edge: late for edge, late in wiring.edges.items() if edge[1] in leading},
        wiring.output,
    )


def _leaves(catalog: Catalog, module: Any, path: str) -> Iterator[tuple[str, Any]]:
    if catalog.is_neuron(module) or catalog.is_layer(module) or catalog.is_passive(module):
        yield path, module
        return
    children = catalog.children(module)
    for name, child in children or ():
        yield from _leaves(catalog, child, f"{path}.{name}" if path else name)
