"""The monitors: record what leaves the design, and nothing else.

They keep the simulator's own bit strings: turning a wide word into numbers costs more than the
simulation does, so the checker does it for a whole sample at once.
"""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

from cocotb.triggers import RisingEdge, Timer

from sim.driver import PERIOD, StreamRuleError


class StreamMonitor:
    """Takes words from the output stream, always or with stalls.

    Parameters
    ----------
    dut
        The design.
    prefix
        ``o`` for ports ``o__payload``, ``o__valid`` and ``o__ready``.
    stalls
        Cycles with ``ready`` at 1, at 0, at 1 and so on, see ``Stimulus``; none for always 1.
    on_word
        Called with the payload's bit string at the clock edge that moves it.
    """

    def __init__(self, dut: Any, prefix: str, stalls: Sequence[int], on_word: Callable[[str], None]) -> None:
        self._payload = getattr(dut, f"{prefix}__payload")
        self._valid = getattr(dut, f"{prefix}__valid")
        self._ready = getattr(dut, f"{prefix}__ready")
        self._edge = RisingEdge(dut.clk)
        self._valid_rises = RisingEdge(self._valid)
        self._stalls = stalls
        self._on_word = on_word

    async def watch(self) -> None:
        """Record words for ever; StreamRuleError when a rule is broken."""
        payload, valid, ready, edge = self._payload, self._valid, self._ready, self._edge
        waiting: str | None = None
        while True:
            await edge
            level = str(valid.value)
            if level == "1":
                word = str(payload.value)
                if waiting is not None and word != waiting:
                    raise StreamRuleError(f"payload changed from {waiting} to {word} before it was taken")
                if str(ready.value) == "1":
                    self._on_word(word)
                    waiting = None
                else:
                    waiting = word
            elif level != "0":
                raise StreamRuleError(f"valid is {level}, neither 0 nor 1")
            elif waiting is not None:
                raise StreamRuleError(f"valid fell before {waiting} was taken")
            else:
                await self._valid_rises

    async def drive_ready(self) -> None:
        """Drive ``ready`` for ever."""
        if not self._stalls:
            self._ready.value = 1
            return
        self._ready.value = 0
        await self._edge
        await Timer(PERIOD // 4, unit="step")
        for place, cycles in cycle(enumerate(self._stalls)):
            self._ready.value = 1 - place % 2
            await Timer(PERIOD * cycles, unit="step")


class SentMonitor:
    """Records the words that one group gave to the router, several to a bit string.

    Parameters
    ----------
    dut
        The design.
    port
        The port's signals are ``<port>__valid``, ``<port>__filled`` and ``<port>__words``.
    width
        Bits of one word.
    on_words
        Called when words have been recorded.

    Attributes
    ----------
    chunks : list of str
        What was recorded, the oldest word first in each.
    ticks : int
        How many ticks were among them.
    """

    def __init__(self, dut: Any, port: str, width: int, on_words: Callable[[], None]) -> None:
        self._valid = getattr(dut, f"{port}__valid")
        self._filled = getattr(dut, f"{port}__filled")
        self._words = getattr(dut, f"{port}__words")
        self._edge = RisingEdge(dut.clk)
        self._valid_rises = RisingEdge(self._valid)
        self._width = width
        self._on_words = on_words
        self.chunks: list[str] = []
        self.ticks = 0

    def take(self) -> None:
        """Record what the port shows, whether it is complete or not."""
        count = int(str(self._filled.value), 2)
        if count:
            chunk = str(self._words.value)[-count * self._width :]
            self.chunks.append(chunk)
            self.ticks += chunk[:: self._width].count("1")

    async def watch(self) -> None:
        """Record for ever."""
        valid, edge = self._valid, self._edge
        while True:
            await edge
            level = str(valid.value)
            if level == "1":
                self.take()
                self._on_words()
            elif level != "0":
                raise StreamRuleError(f"{valid._name} is {level}, neither 0 nor 1")
            else:
                await self._valid_rises


class TraceMonitor:
    """Records the words of one group's trace port as pairs of bit strings.

    Parameters
    ----------
    dut
        The design.
    port, row_port
        The port's signals are ``<port>__valid``, ``<port>__<row_port>`` and ``<port>__v``.
    on_row
        Called when a word has been recorded.
    """

    def __init__(self, dut: Any, port: str, row_port: str, on_row: Callable[[], None]) -> None:
        self._valid = getattr(dut, f"{port}__valid")
        self._row = getattr(dut, f"{port}__{row_port}")
        self._v = getattr(dut, f"{port}__v")
        self._edge = RisingEdge(dut.clk)
        self._valid_rises = RisingEdge(self._valid)
        self._on_row = on_row
        self.rows: list[str] = []
        self.words: list[str] = []

    async def watch(self) -> None:
        """Record for ever."""
        valid, row, v, edge = self._valid, self._row, self._v, self._edge
        rows, words = self.rows, self.words
        while True:
            await edge
            level = str(valid.value)
            if level == "1":
                rows.append(str(row.value))
                words.append(str(v.value))
                self._on_row()
            elif level != "0":
                raise StreamRuleError(f"{valid._name} is {level}, neither 0 nor 1")
            else:
                await self._valid_rises
