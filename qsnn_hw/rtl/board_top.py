"""The design as it sits on a board: clock, power-on reset, serial line, light."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.families.boards import Board
from qsnn_hw.families.on_chip import OscillatorCell
from qsnn_hw.families.pins import LEVELS
from qsnn_hw.families.pll import PllCell
from qsnn_hw.host.protocol import PIXEL_BITS
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.identity import DesignTools, plan_identity
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.io.host_link import HostLink, line_members
from qsnn_hw.rtl.io.pixels import WordPixels
from qsnn_hw.rtl.stream.lane_adapter import LaneAdapter
from qsnn_hw.rtl.system_clock import SleepingClock, SystemClock

_POWER_ON_CYCLES = 512
"""Reset cycles after configuration. iCE40 block RAM reads zeros for the first microseconds
(Lattice TN-02001 asks for 3 us); 512 cycles are 5 us even at 100 MHz."""

_BREAK_BITS = 16
"""The line low for so many bits is no byte (10 bits) but a break, even from a slow sender."""


def reset_cycles(divisor: int) -> int:
    """Cycles of the reset after configuration, and of the line low that cause another one."""
    return max(_POWER_ON_CYCLES, 1 << ceil_log2(_BREAK_BITS * divisor))


class BoardTop(wiring.Component):
    """The spiking network, with encoder and readout where the plan has them, behind a serial port.

    It starts in reset after configuration and again whenever ``rx`` is low for ``reset_cycles(divisor)``
    cycles on end, which a host calls a break, or the button at ``rst`` is pressed; each reset lasts as
    long, a button's from its release on. A reset forgets everything: the session, words on their way, and
    weights that were loaded. A new session resets all but what receives frames, for one cycle, the one behind
    that in which it began.

    Parameters
    ----------
    plan
        The network.
    divisor
        Clock cycles per bit of a UART; None: the line is SPI, which has no break: a new session resets all
        but what receives frames, and that finds its place at the next flag, whatever came before.
    clock_mhz
        Of the design, which the host is told.
    leds
        1 or 2.
    led_active
        Level that lights the LED: "high" or "low".
    reset_active
        Level of a pressed reset button; None where the board has none.
    pll
        What makes the system clock of ``clk``, and holds the reset until it is locked; None: ``clk`` is the
        system clock, as in every simulation.
    own
        The device's fast and slow oscillator, of which the first, stopped between transfers, is the system
        clock; ``clk`` then clocks nothing. None: the system clock comes from ``clk``.
    tools
        Of the bitstream, which the host is told; None of a simulation.

    Members
    -------
    clk : In(1)
    rx : In(1), tx : Out(1)
        Of a UART.
    sck, cs, mosi : In(1), miso : Out(1)
        Of SPI (``HostLink``).
    rst : In(1)
        Only with ``reset_active``; asynchronous, it passes a synchronizer.
    led : Out(leds)
        The first is lit once an answer was lost, or an event with an address that nobody has was ignored,
        until the next reset or session. The second blinks, 2**23 cycles on and as many off; where there is
        but one, it blinks until it is lit for good.
    """

    def __init__(
        self,
        plan: HardwarePlan,
        divisor: int | None,
        *,
        clock_mhz: float = 12.0,
        leds: int = 1,
        led_active: str = "high",
        reset_active: str | None = None,
        pll: PllCell | None = None,
        own: tuple[OscillatorCell, OscillatorCell] | None = None,
        tools: DesignTools | None = None,
    ) -> None:
        for level in (led_active, reset_active or "high"):
            if level not in LEVELS:
                raise ValueError(f"Active level must be 'high' or 'low', not {level!r}")
        if own is not None and (pll is not None or divisor is not None):
            raise ValueError("A design with a clock of its own has no PLL and no UART")
        self._plan, self._divisor, self._pll, self._tools = plan, divisor, pll, tools
        self._own = own
        self._clock_mhz, self._leds = clock_mhz, leds
        self._led_active, self._reset_active = led_active, reset_active
        members: dict[str, wiring.Member] = {"clk": In(1)}
        if reset_active is not None:
            members["rst"] = In(1, init=int(reset_active == "low"))
        super().__init__({**members, **line_members(divisor), "led": Out(leds)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._deaf = Signal()
        self._domains(m)
        plan = self._plan
        encoder, readout = plan.encoder, plan.readout
        m.submodules.link = link = HostLink(
            plan.input_space if encoder is None else encoder.space,
            plan.output_addresses if readout is None else readout.classes,
            self._divisor,
            plan_identity(plan, self._clock_mhz, self._tools),
            registered=any(group.registered_reads for group in plan.groups),
            value_bits=0 if encoder is None else PIXEL_BITS,
        )
        m.d.comb += self._restart.eq(link.restart)
        # The link already leaves out what the network does not know.
        m.submodules.classifier = classifier = Classifier(plan, guarded=False)
        if plan.loaded_groups:
            wiring.connect(m, link.load, classifier.load)
            m.d.comb += link.loaded.eq(classifier.loaded)
        # The serial line brings one event or pixel at a time and takes one word at a time.
        if encoder is None:
            m.submodules.widen = widen = LaneAdapter(
                plan.input_addresses, 1, 0, plan.input_addresses, plan.input_lanes
            )
            wiring.connect(m, link.o, widen.i)
            wiring.connect(m, widen.o, classifier.i)
        else:
            m.submodules.pixels = pixels = WordPixels(plan.input_addresses, encoder.slots)
            wiring.connect(m, link.o, pixels.i)
            wiring.connect(m, pixels.o, classifier.i)
        if readout is None:
            m.submodules.narrow = narrow = LaneAdapter(
                plan.output_addresses, plan.output_lanes, 0, plan.output_addresses, 1
            )
            wiring.connect(m, classifier.o, narrow.i)
            words = narrow.o
            m.d.comb += link.i.payload.tick.eq(words.payload.tick)
            m.d.comb += link.i.payload.address.eq(words.payload.address)
        else:
            words = classifier.o
            m.d.comb += link.i.payload.address.eq(words.payload.label)
            m.d.comb += link.i.payload.tick.eq(words.payload.silent)
        m.d.comb += [link.i.valid.eq(words.valid), words.ready.eq(link.i.ready)]
        if "lost" in classifier.signature.members:
            m.d.comb += link.lost.eq(classifier.lost)
        lit = link.ignored | link.lost
        shown = lit | link.beat if self._leds == 1 else Cat(lit, link.beat)
        unlit = (1 << self._leds) - 1 if self._led_active == "low" else 0
        m.d.comb += self.led.eq(shown ^ unlit)
        for name, member in line_members(self._divisor).items():
            pin, inner = getattr(self, name), getattr(link, name)
            if name == "cs" and self._own is not None:
                pin = pin | self._deaf
            m.d.comb += inner.eq(pin) if member.flow == In else pin.eq(inner)
        return m

    def _domains(self, m: Module) -> None:
        """Clock domains of the system clock: "link" and, also reset by a new session, "sync"."""
        m.domains.sync = ClockDomain()
        m.domains.link = ClockDomain()
        # The power-on counter starts from its configured value, so it needs no reset of its own.
        m.domains.power_on = ClockDomain(reset_less=True)
        cycles = _POWER_ON_CYCLES if self._divisor is None else reset_cycles(self._divisor)
        count = Signal(ceil_log2(cycles) + 1)
        line = Signal(init=1)
        self._restart = Signal()
        # A register, because it reaches every other one: the way to them has the whole cycle. So "sync"
        # leaves each reset a cycle after "link".
        reset = Signal(init=1)
        m.d.power_on += reset.eq(~count[-1] | self._restart)
        made = self._made_clock(m)
        m.d.comb += [
            *(ClockSignal(name).eq(made) for name in ("sync", "link", "power_on")),
            ResetSignal("link").eq(~count[-1]),
            ResetSignal("sync").eq(reset),
        ]
        if self._divisor is not None:
            m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1, o_domain="power_on")
        # The top bit ends the reset. From then on the others count cycles with the line low, and an
        # overflow is a break: back to 0.
        with m.If(count[-1] & line):
            m.d.power_on += count.eq(cycles)
        with m.Else():
            m.d.power_on += count.eq(count + 1)
        if self._reset_active is not None:
            pressed = Signal()
            m.submodules.button = FFSynchronizer(self._pressed(), pressed, o_domain="power_on")
            with m.If(pressed):
                m.d.power_on += count.eq(0)
        if self._pll is not None:
            locked = Signal()
            m.submodules.lock = FFSynchronizer(self._locked, locked, o_domain="power_on")
            with m.If(~locked):
                m.d.power_on += count.eq(0)

    def _made_clock(self, m: Module) -> Signal:
        """The system clock."""
        if self._own is not None:
            m.submodules.clock = own = SleepingClock(*self._own)
            m.d.comb += own.request.eq(~self.cs | self._pressed())
            drowsy, high = Signal(), Signal()
            m.submodules.drowsy = FFSynchronizer(own.drowsy, drowsy, o_domain="power_on")
            m.submodules.high = FFSynchronizer(self.cs, high, o_domain="power_on")
            # A transfer that wakes the design would be heard from somewhere in it on: none of it is.
            with m.If(drowsy):
                m.d.power_on += self._deaf.eq(1)
            with m.Elif(high):
                m.d.power_on += self._deaf.eq(0)
            return own.clk
        m.submodules.clock = clock = SystemClock(self._pll)
        m.d.comb += clock.pin.eq(self.clk)
        self._locked = clock.locked
        return clock.clk

    def _pressed(self) -> Value:
        """Whether the button is, of no clock domain; 0 without one."""
        if self._reset_active is None:
            return Const(0, 1)
        return self.rst ^ int(self._reset_active == "low")


def board_top(
    plan: HardwarePlan, board: Board, *, simulated: bool = False, tools: DesignTools | None = None
) -> BoardTop:
    """The design for one board: its clock, its link, the level that lights its LED, its reset button.

    Parameters
    ----------
    simulated
        ``clk`` is the system clock, of ``board.clock_mhz``, where a PLL would make it: all but the PLL,
        which no simulator here knows, is as in the bitstream, the divisor of the serial line too.
    tools
        As for :class:`BoardTop`.
    """
    if plan.link != board.link:
        raise ValueError(f"link must be {plan.link}, as planned, not {board.link}")
    button = board.ports.get("rst")
    return BoardTop(
        plan,
        board.divisor,
        clock_mhz=board.clock_mhz,
        leds=min(2, len(board.ports["led"].pins)),
        led_active=board.ports["led"].active,
        reset_active=None if button is None else button.active,
        pll=None if simulated else board.pll_cell,
        own=None if simulated else board.own_oscillators,
        tools=tools,
    )
