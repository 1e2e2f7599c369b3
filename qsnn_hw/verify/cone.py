"""What outputs of a netlist depend on, in classes of what holds equal values."""

from collections.abc import Iterable, Mapping
from typing import Any

from qsnn_hw.verify.netlist import Bit, Netlist

_REGISTERS = ("$dff", "$dffe", "$adff", "$adffe", "$sdff", "$sdffe", "$sdffce")
_BITWISE = ("$and", "$or", "$xor", "$xnor", "$not", "$mux")
_MEMORY = "$mem_v2"
# In place of what a gate is.
_WIRE = -1


class Classes:
    """Gives equal things equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self._zero, self._one = (self.of(("constant", value)) for value in "01")
        # What is always the opposite.
        self._turned: dict[int, int] = {}
        self._kinds = {self.of(kind): kind for kind in _BITWISE}

    def of(self, thing: object) -> int:
        """The number of a thing."""
        return self._numbers.setdefault(thing, len(self._numbers))

    def gate(self, label: int, inputs: tuple[int, ...]) -> int:
        """The class of what a gate gives; gates that a constant decides are left out, as they may be."""
        if label == _WIRE:
            return inputs[0]
        kind = self._kinds.get(label)
        if kind is not None and (self._zero in inputs or self._one in inputs):
            known = self._with_constant(kind, inputs)
            if known is not None:
                return known
        if kind == "$mux" and inputs[0] == inputs[1]:
            return inputs[0]
        if kind in ("$and", "$or") and self._turned.get(inputs[0]) == inputs[1]:
            return self._zero if kind == "$and" else self._one
        number = self.of((label, *inputs))
        if kind == "$not":
            self._turned |= {number: inputs[0], inputs[0]: number}
        return number

    def _with_constant(self, kind: str, inputs: tuple[int, ...]) -> int | None:
        zero, one = self._zero, self._one
        if kind == "$not":
            return zero if inputs[0] == one else one
        if kind == "$mux":
            selected = {zero: inputs[0], one: inputs[1]}
            return selected.get(inputs[2])
        # The constant, and what stands beside it.
        fixed, other = inputs if inputs[0] in (zero, one) else inputs[::-1]
        if kind == "$and":
            return zero if fixed == zero else other
        if kind == "$or":
            return one if fixed == one else other
        same = (kind == "$xor") == (fixed == zero)
        return other if same else self.gate(self.of("$not"), (other,))


# A net; or a cell that is taken whole, a read port of a memory, a memory.
_Node = Bit | tuple[str, int, int]


class Cone:
    """What some outputs of one netlist depend on, and the class of each part of it."""

    def __init__(self, netlist: Netlist, classes: Classes) -> None:
        self._netlist, self._classes = netlist, classes
        self.leaves: dict[int, int] = {}
        # Of registers by net, of memories, and of nets in a loop of gates.
        self.states: dict[_Node, int] = {}
        self._state_inputs: dict[_Node, tuple[Bit, ...]] = {}
        self._order: list[tuple[_Node, int, tuple[_Node, ...]]] = []
        self._values: dict[_Node, int] = {}
        self._labels: dict[int, int] = {}
        self._ahead: list[Bit] = []
        self.registers = self.memory_bits = 0

    def follow(self, outputs: Iterable[Bit]) -> None:
        """Find all that ``outputs`` depend on, and an order in which to work the gates out."""
        self._ahead = list(outputs)
        done: set[_Node] = set()
        while self._ahead:
            self._follow_gates(self._ahead.pop(), done)

    def _follow_gates(self, root: Bit, done: set[_Node]) -> None:
        """Gates before ``root``, deepest first."""
        stack: list[tuple[_Node, bool]] = [(root, False)]
        path: set[_Node] = set()
        while stack:
            node, inputs_done = stack.pop()
            if inputs_done:
                path.discard(node)
                done.add(node)
                self._order.append((node, *self._gate(node)))
            elif node in done:
                continue
            elif node in path:
                # A loop: it is cut here, and this net is refined like a register.
                self._add_state(node, "loop", ())
            elif self._is_end(node):
                done.add(node)
            else:
                path.add(node)
                stack.append((node, True))
                stack += [(before, False) for before in self._gate(node)[1]]

    def evaluate(self) -> None:
        """Work out the classes of all gates from those of registers and memories."""
        for node, label, inputs in self._order:
            self._values[node] = self._classes.gate(label, tuple(map(self.value, inputs)))

    def refine(self) -> None:
        """Give every register and memory a class by what drives it."""
        new = {}
        for node, known in self.states.items():
            own = self._values.get(node, 0)
            new[node] = self._classes.of((known, own, *map(self.value, self._state_inputs[node])))
        self.states = new

    def value(self, node: _Node) -> int:
        """The class of a node."""
        if isinstance(node, str):
            return self._classes.of(("constant", node))
        known = self.states.get(node)
        return self._values[node] if known is None else known

    def describe(self, node: _Node) -> str:
        """A register, a memory or a net of a loop, in words."""
        if isinstance(node, tuple):
            return f"memory {self._netlist.cells[node[1]]['parameters']['MEMID'].strip(chr(92))}"
        assert isinstance(node, int)
        kind = "register" if self._state_inputs[node] else "net"
        return f"{kind} {self._netlist.name_of(node)}"

    def _is_end(self, node: _Node) -> bool:
        """Whether no gate stands before ``node``; then its class is known, or that of its register."""
        if isinstance(node, str):
            return True
        if isinstance(node, tuple):
            kind, index, _ = node
            if kind == "memory":
                self._add_memory(node, index)
            return kind == "memory"
        if node in self._netlist.through:
            return False
        if node in self.leaves:
            self._values[node] = self.leaves[node]
            return True
        if node not in self._netlist.drivers:
            self._values[node] = self._classes.of(("nothing drives it", id(self), node))
            return True
        index, _, k = self._netlist.drivers[node]
        cell = self._netlist.cells[index]
        if cell["type"] in _REGISTERS:
            self._add_register(node, cell, k)
        return cell["type"] in _REGISTERS

    def _add_register(self, node: int, cell: Mapping[str, Any], k: int) -> None:
        label: list[object] = [cell["type"], self._netlist.start.get(node, "x")]
        for name, value in sorted(cell["parameters"].items()):
            if name.endswith("_VALUE"):
                label.append((name, str(value)[-1 - k]))
            elif name != "WIDTH":
                label.append((name, value))
        nets = cell["connections"]
        controls = [bit for name in sorted(nets) if name not in ("D", "Q") for bit in nets[name]]
        if self._add_state(node, tuple(label), (nets["D"][k], *controls)):
            self.registers += 1

    def _add_memory(self, node: _Node, index: int) -> None:
        cell = self._netlist.cells[index]
        inputs = [bit for port in _input_ports(cell) for bit in cell["connections"][port]]
        if self._add_state(node, self._label(index), tuple(inputs)):
            self.memory_bits += int(cell["parameters"]["WIDTH"], 2) * int(cell["parameters"]["SIZE"], 2)

    def _add_state(self, node: _Node, label: object, inputs: tuple[Bit, ...]) -> bool:
        if node in self.states:
            return False
        self.states[node] = self._classes.of(("state", label))
        self._state_inputs[node] = inputs
        self._ahead += inputs
        return True

    def _gate(self, node: _Node) -> tuple[int, tuple[_Node, ...]]:
        """What a node is, as a number, and the nodes it is made of."""
        if isinstance(node, tuple):
            kind, index, number = node
            cell = self._netlist.cells[index]
            nets = cell["connections"]
            if kind == "read":
                bits = len(nets["RD_ADDR"]) // len(nets["RD_EN"])
                address = nets["RD_ADDR"][number * bits : (number + 1) * bits]
                memory = ("memory", index, 0)
                return self._classes.of(("read port", number)), (memory, nets["RD_EN"][number], *address)
            return self._label(index), tuple(bit for port in _input_ports(cell) for bit in nets[port])
        assert isinstance(node, int)
        if node in self._netlist.through:
            return _WIRE, (self._netlist.through[node],)
        index, port, k = self._netlist.drivers[node]
        cell = self._netlist.cells[index]
        nets = cell["connections"]
        if cell["type"] == _MEMORY:
            width = int(cell["parameters"]["WIDTH"], 2)
            return self._classes.of(("bit", k % width)), (("read", index, k // width),)
        # Bit by bit where bits do not meet: a word may be in front of itself, its bits are not.
        if cell["type"] in _BITWISE and all(len(nets[p]) == len(nets["Y"]) for p in nets if p != "S"):
            inputs = [nets[p][k] if p != "S" else nets[p][0] for p in _input_ports(cell)]
            return self._classes.of(cell["type"]), tuple(inputs)
        return self._classes.of(("output", port, k)), (("cell", index, 0),)

    def _label(self, index: int) -> int:
        if index not in self._labels:
            cell = self._netlist.cells[index]
            parameters = {name: value for name, value in cell["parameters"].items() if name != "MEMID"}
            self._labels[index] = self._classes.of((cell["type"], tuple(sorted(parameters.items()))))
        return self._labels[index]


def _input_ports(cell: Mapping[str, Any]) -> list[str]:
    return sorted(port for port in cell["connections"] if cell["port_directions"][port] == "input")
