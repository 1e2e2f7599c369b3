"""Amaranth's way from a design to RTLIL text, without what makes it slow on networks.

Nothing here changes what is written. Four things cost three quarters of the time: the contents of memories,
made bit by bit; the search for combinational cycles, bit by bit; a check of every bit of every value that is
passed on; and Python's collector, which walks through millions of objects that are all in use.
"""

import copy
import gc
import graphlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import _nir

_EMITTING = threading.Lock()


class _Emitter(rtlil.ModuleEmitter):
    """Writes the contents of a memory as one number in binary a word."""

    def emit_memory(self, cell_idx: int, cell: Any) -> None:
        empty = copy.copy(cell)
        empty.init = ()
        super().emit_memory(cell_idx, empty)
        mask = (1 << cell.width) - 1
        # The first word is in the lowest bits.
        words = [f"{row & mask:0{cell.width}b}" for row in reversed(cell.init)]
        emitted = next(reversed(self.builder.contents.values()))
        emitted.ports["DATA"] = f"{cell.width * len(words)}'{''.join(words)}"


class _Netlist(_nir.Netlist):
    """Looks at single bits only where cells as a whole do not tell."""

    def __init__(self) -> None:
        super().__init__()
        # Nets below 0 stand for others; here for those that drive them.
        self._drivers: dict[_nir.Net, _nir.Net] = {}

    def check_comb_cycles(self) -> None:
        if not (self._find_drivers() and self._cells_are_ordered()):
            super().check_comb_cycles()
            self._find_drivers()

    def _find_drivers(self) -> bool:
        """Follow every net that stands for another one; whether all of them end somewhere."""
        drivers = self._drivers
        for first in self.connections:
            net, passed = first, []
            while net < 0 and net not in drivers:
                passed.append(net)
                if len(passed) > len(self.connections):
                    return False
                net = self.connections[net]
            end = drivers.get(net, net)
            drivers.update((one, end) for one in passed)
        return True

    def _cells_are_ordered(self) -> bool:
        """Whether no cell depends on itself through cells without a clock; then no bit of one does."""
        drivers = self._drivers
        # Nets count bits; the cells' numbers are above them, and constants are bits of cell 0.
        before = {
            index: {drivers.get(net, net) >> 16 for net in cell.input_nets()}
            for index, cell in enumerate(self.cells)
            if not isinstance(cell, _CLOCKED)
        }
        try:
            graphlib.TopologicalSorter(before).prepare()
        except graphlib.CycleError:
            return False
        return True

    def resolve_value(self, value: _nir.Value) -> _nir.Value:
        if not value or min(value) >= 0:
            return value
        drivers = self._drivers
        return _nir.Value([drivers.get(net, net) for net in value])


# Their outputs depend on their inputs at a clock edge alone, or on nothing.
_CLOCKED = (_nir.Top, _nir.FlipFlop, _nir.SyncReadPort, _nir.SyncWritePort, _nir.Memory)


def _value(cls: type[_nir.Value], nets: "_nir.Net | Iterable[_nir.Net]" = ()) -> _nir.Value:
    """``_nir.Value.__new__`` that takes every item for the net it is."""
    return tuple.__new__(cls, (nets,) if isinstance(nets, _nir.Net) else nets)


@contextmanager
def quick_amaranth() -> Iterator[None]:
    """Amaranth works with what is above meanwhile, and Python's collector rests; one thread at a time."""
    with _EMITTING:
        usual = rtlil.ModuleEmitter, _nir.Netlist, _nir.Value.__new__
        collects = gc.isenabled()
        gc.disable()
        rtlil.ModuleEmitter, _nir.Netlist, _nir.Value.__new__ = _Emitter, _Netlist, _value
        try:
            yield
        finally:
            rtlil.ModuleEmitter, _nir.Netlist, _nir.Value.__new__ = usual
            if collects:
                gc.enable()
