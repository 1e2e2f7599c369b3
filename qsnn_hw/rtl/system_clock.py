"""The clock that a board's design runs at: the pin's, or a PLL's made of it."""

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.families.pll import PllCell


class SystemClock(wiring.Component):
    """From the clock at a pin to the system clock; no register, no cycle.

    Parameters
    ----------
    cell
        The PLL between them; None: the pin's clock is the system clock, as every simulation takes it.

    Members
    -------
    pin : In(1)
        The oscillator.
    clk : Out(1)
        The system clock.
    locked : Out(1)
        The system clock has its rate. Of no clock domain; high without a PLL. What the clock drives must
        stay in reset until then.
    """

    def __init__(self, cell: PllCell | None) -> None:
        self._cell = cell
        super().__init__({"pin": In(1), "clk": Out(1), "locked": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cell = self._cell
        if cell is None:
            m.d.comb += [self.clk.eq(self.pin), self.locked.eq(1)]
            return m
        ports: dict[str, object] = {
            f"i_{cell.clock_in}": self.pin,
            f"o_{cell.clock_out}": self.clk,
            f"o_{cell.locked}": self.locked,
        }
        ports |= {f"i_{name}": Const(value, 1) for name, value in cell.constants.items()}
        if cell.feedback is not None:
            loop = Signal(name="feedback")
            ports |= {f"o_{cell.feedback[0]}": loop, f"i_{cell.feedback[1]}": loop}
        for name, value in cell.parameters.items():
            ports[f"p_{name}"] = Const(*value) if isinstance(value, tuple) else value
        ports |= {f"a_{name}": value for name, value in cell.attributes.items()}
        m.submodules.pll = Instance(cell.name, **ports)
        return m
