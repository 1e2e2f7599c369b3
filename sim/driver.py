"""The driver: offers words on a stream, each behind its gap."""

from collections.abc import Sequence
from typing import Any

from cocotb.triggers import RisingEdge, Timer

PERIOD = 8
"""Clock period in simulator steps; a multiple of 4."""


class StreamRuleError(Exception):
    """The design broke a rule of its streams; the message says which."""


class StreamDriver:
    """Puts words on the stream ``<prefix>`` of ``dut`` by the rules in ``rtl/stream/aer.py``.

    A word that is not taken at once costs two wake-ups however long it waits: the edge of ``ready``
    and the clock edge behind it. A gap costs one, whatever its length.

    Parameters
    ----------
    dut
        The design.
    prefix
        ``i`` for ports ``i__payload``, ``i__valid`` and ``i__ready``.
    """

    def __init__(self, dut: Any, prefix: str) -> None:
        self._payload = getattr(dut, f"{prefix}__payload")
        self._valid = getattr(dut, f"{prefix}__valid")
        self._ready = getattr(dut, f"{prefix}__ready")
        self._edge = RisingEdge(dut.clk)
        self._ready_rises = RisingEdge(self._ready)

    def rest(self) -> None:
        """Offer nothing."""
        self._valid.value = 0
        self._payload.value = 0

    async def send(self, words: Sequence[int], gaps: Sequence[int]) -> None:
        """Offer every word until it is taken; returns at the clock edge that takes the last one.

        ``gaps`` are the cycles without an offer ahead of each.
        """
        payload, ready, edge = self._payload, self._ready, self._edge
        offering = False
        for word, gap in zip(words, gaps, strict=True):
            if gap:
                self._valid.value = 0
                offering = False
                # Input that changes a quarter period behind the edge is settled before the next one.
                await Timer(PERIOD * gap + PERIOD // 4, unit="step")
            payload.value = word
            if not offering:
                self._valid.value = 1
                offering = True
            await edge
            while (level := str(ready.value)) != "1":
                if level != "0":
                    raise StreamRuleError(f"{ready._name} is {level}, neither 0 nor 1")
                await self._ready_rises
                await edge
        self._valid.value = 0
