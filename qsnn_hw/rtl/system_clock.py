"""The clock that a board's design runs at: the pin's, a PLL's made of it, or the device's own."""

from amaranth.hdl import ClockDomain, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.families.on_chip import OscillatorCell
from qsnn_hw.families.pll import PllCell
from qsnn_hw.rtl.sleep_control import SleepControl


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


class SleepingClock(wiring.Component):
    """The device's own oscillator as system clock, stopped while nobody asks for it.

    The clock comes within ``WAKE_PERIODS`` of the slow one, and stops ``AWAKE_PERIODS`` behind the last
    request (``families/on_chip.py``); what it drives stands still meanwhile and goes on where it stood. The
    data sheet has the oscillator's output start and stop by whole cycles.

    Parameters
    ----------
    fast, slow
        The oscillators.

    Members
    -------
    request : In(1)
        Of no clock domain: high while the clock is wanted.
    clk : Out(1)
        The system clock.
    drowsy : Out(1)
        Of the slow clock: the system clock stops two of its cycles later, unless there is a request.
    """

    def __init__(self, fast: OscillatorCell, slow: OscillatorCell) -> None:
        self._fast, self._slow = fast, slow
        super().__init__({"request": In(1), "clk": Out(1), "drowsy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # It runs from configuration on, and what it clocks starts from its configured values.
        m.domains.slow = ClockDomain(reset_less=True, local=True)
        m.submodules.control = control = SleepControl()
        m.d.comb += [control.request.eq(self.request), self.drowsy.eq(control.drowsy)]
        m.submodules.slow = _oscillator(self._slow, Const(1, 1), Const(1, 1), ClockSignal("slow"))
        m.submodules.fast = _oscillator(self._fast, control.power, control.enable, self.clk)
        return m


def _oscillator(cell: OscillatorCell, power: object, enable: object, out: object) -> Instance:
    ports: dict[str, object] = {f"i_{cell.power}": power, f"i_{cell.enable}": enable, f"o_{cell.out}": out}
    return Instance(cell.name, **ports, **{f"p_{name}": value for name, value in cell.parameters.items()})
