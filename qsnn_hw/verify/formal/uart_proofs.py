"""The serial port."""

from collections.abc import Callable
from typing import Any

from qsnn_hw.rtl.io import uart
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness
from qsnn_hw.verify.formal.transmitter_properties import SendsStuffed
from qsnn_hw.verify.formal.uart_properties import HearsByte


def _hears(divisor: int, slack: int) -> Callable[[Any], Harness]:
    return lambda module: HearsByte(module.UartReceiver(divisor), divisor, slack)


def _proof(divisor: int, slack: int, *, fast: bool = False) -> Proof:
    width = f"{divisor} cycles a bit, edges {slack} early or late"
    return Proof(f"uart_hears_{divisor}", uart, _hears(divisor, slack), "prove", 0, width, fast, "pdr")


def _sends(divisor: int) -> Callable[[Any], Harness]:
    return lambda module: SendsStuffed(module.StuffingTransmitter(divisor), divisor)


UART_PROOFS = (
    _proof(4, 0),
    _proof(8, 2),
    Proof("uart_sends_4", uart, _sends(4), "prove", 0, "4 cycles a bit", False, "pdr"),
)
