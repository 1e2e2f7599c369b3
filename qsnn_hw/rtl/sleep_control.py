"""When the clock of a design runs: from a request on, and for a while behind the last one."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from qsnn_hw.families.on_chip import AWAKE_PERIODS


class SleepControl(wiring.Component):
    """Powers the fast oscillator, and lets its clock out two cycles of the slow clock later.

    It runs in the domain ``slow``. A request is seen two cycles later, and lengthens what is left to
    ``awake`` cycles. ``enable`` rises two cycles behind ``power``, so that the oscillator has started by
    then, and at the latest ``WAKE_PERIODS`` behind a request; ``power`` falls one behind ``enable``. After
    configuration it is as if there had been a request: a design is awake to come out of its reset.

    Parameters
    ----------
    awake
        Cycles from the last cycle with a request, as it is seen, to the fall of ``enable``; at least 4.

    Members
    -------
    request : In(1)
        Of no domain: the board is talked to, or its button is pressed.
    power, enable : Out(1)
        Of the fast oscillator; both registers.
    drowsy : Out(1)
        A register: unless a request comes, ``enable`` falls two cycles later; it stays until there is one.
    """

    def __init__(self, awake: int = AWAKE_PERIODS) -> None:
        if awake < 4:
            raise ValueError(f"awake must be at least 4, not {awake}")
        self._awake = awake
        super().__init__({"request": In(1), **{name: Out(1) for name in ("power", "enable", "drowsy")}})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        seen, wanted, started = Signal(), Signal(), Signal()
        left = Signal(range(self._awake + 1), init=self._awake)
        m.submodules.synchronizer = FFSynchronizer(self.request, seen, o_domain="slow")
        with m.If(seen):
            m.d.slow += left.eq(self._awake)
        with m.Elif(left != 0):
            m.d.slow += left.eq(left - 1)
        m.d.comb += wanted.eq(left != 0)
        m.d.slow += [
            self.power.eq(wanted | self.enable),
            started.eq(self.power),
            self.enable.eq(wanted & self.power & started),
            self.drowsy.eq((left < 3) & ~seen),
        ]
        return m
