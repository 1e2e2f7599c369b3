"""Frames on the serial link."""

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.host.frames import NONCE_BYTES
from qsnn_hw.rtl.io import frame_receiver, frame_sender
from qsnn_hw.rtl.io.uart import BIT
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness
from qsnn_hw.verify.formal.receiver_properties import TakesFrames
from qsnn_hw.verify.formal.sender_properties import SendsFrames


class _Line(wiring.Component):
    """In the place of a serial receiver: bytes of the solver's choice."""

    def __init__(self) -> None:
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(unsigned(8)))})

    def elaborate(self, platform: object) -> Module:
        return Module()


class _Check(wiring.Component):
    """In the place of the CRC: right or wrong as the solver likes."""

    def __init__(self) -> None:
        told = {name: In(1) for name in ("start", "plain", "step", "bit", "drain")}
        super().__init__({"key": In(8 * NONCE_BYTES), **told, "out": Out(1), "good": Out(1)})

    def elaborate(self, platform: object) -> Module:
        return Module()


class _Transmitter(wiring.Component):
    """In the place of a transmitter: it takes bits as the solver likes."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(BIT)), "index": Out(3), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        return Module()


def _taken(module: Any) -> Harness:
    line, check = _Line(), _Check()
    usual = module.UartReceiver, module.FrameCheck
    module.UartReceiver, module.FrameCheck = (lambda divisor: line), (lambda: check)
    try:
        return TakesFrames(module.FrameReceiver(4), line, check).elaborated()
    finally:
        module.UartReceiver, module.FrameCheck = usual


def _sent(module: Any) -> Harness:
    line, check = _Transmitter(), _Check()
    usual = module.StuffingTransmitter, module.FrameCheck
    module.StuffingTransmitter, module.FrameCheck = (lambda divisor: line), (lambda: check)
    try:
        return SendsFrames(module.FrameSender(4, 4), line, check).elaborated()
    finally:
        module.StuffingTransmitter, module.FrameCheck = usual


LINK_PROOFS = (
    Proof("frames_sent", frame_sender, _sent, "prove", 0, "answers of a byte", False, "pdr"),
    Proof("frames_taken", frame_receiver, _taken, "prove", 0, "a byte in 40 cycles", False, "pdr"),
)
