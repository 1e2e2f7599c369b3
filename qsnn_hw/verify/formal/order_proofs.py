"""The step and the slot that an event comes out in."""

from collections.abc import Callable
from typing import Any

from qsnn_hw.rtl.group import encoder
from qsnn_hw.rtl.stream import router, step_delay
from qsnn_hw.verify.formal.order_properties import DelayContent, EncoderSlots, RouteOrder
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness


def _delay(steps: int, ahead: bool) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        dut = module.StepDelay(4, 1, steps, module.delay_words(steps, ahead, 2), ahead)
        return DelayContent(dut, steps, ahead, 2)

    return build


def _slots(neurons: int, lanes: int, slots: int, *, aligned: bool = False) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        dut = module.SpikeEncoder(neurons, lanes, slots, aligned=aligned)
        return EncoderSlots(dut, neurons, lanes, slots, aligned=aligned)

    return build


def _router(depth: int) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        # As in the proofs of its streams: the second destination is fed by both sources.
        routes = [(0, 0, 0), (0, 1, 0), (1, 1, 2)]
        return RouteOrder(module.AerRouter([2, 2], [2, 4], routes, depth), [2, 2], routes, 2)

    return build


ORDER_PROOFS = (
    Proof("content_1", step_delay, _delay(1, False), "bmc", 11, "1 step, 2 words a step", solver="minisat"),
    Proof("content_2", step_delay, _delay(2, False), "bmc", 12, "2 steps, 2 words a step", solver="minisat"),
    Proof("content_ahead_1", step_delay, _delay(1, True), "bmc", 11, "1 step, 2 words", solver="minisat"),
    Proof("content_ahead_2", step_delay, _delay(2, True), "bmc", 12, "2 steps, 2 words", solver="minisat"),
    Proof("slots_4_of_2", encoder, _slots(16, 4, 2), "prove", 2, "4 lanes, 2 slots"),
    Proof("slots_4_of_4", encoder, _slots(16, 4, 4), "prove", 2, "4 lanes, 4 slots"),
    Proof("slots_2_of_4", encoder, _slots(16, 2, 4), "prove", 2, "2 lanes, 4 slots"),
    Proof("slots_aligned", encoder, _slots(16, 4, 2, aligned=True), "prove", 2, "4 lanes, 2 slots, aligned"),
    Proof("slots_aligned_1", encoder, _slots(16, 4, 1, aligned=True), "prove", 2, "4 lanes, 1 slot, aligned"),
    Proof("order_1", router, _router(1), "prove", 0, "2 to 2 streams, buffers of 1", solver="pdr"),
    Proof("order_2", router, _router(2), "prove", 0, "2 to 2 streams, buffers of 2", solver="pdr"),
)
