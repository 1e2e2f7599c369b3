"""Routers that cannot come to a standstill."""

from collections.abc import Callable
from typing import Any

from qsnn_hw.rtl.stream import router, step_delay
from qsnn_hw.rtl.stream.router import RouterRoute
from qsnn_hw.verify.formal.progress_properties import Loop, Progress
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness

_MOST = 1


def _late(source: int, destination: int, offset: int, steps: int, *, ahead: bool) -> RouterRoute:
    """A delayed route with the room that the plan gives it."""
    words = step_delay.delay_words(steps, ahead, _MOST)
    return RouterRoute(source, destination, offset, steps, ahead, words)


def _build(loop: Loop, limit: int) -> Callable[[Any], Harness]:
    def build(module: Any) -> Harness:
        sizes = [1] * loop.endpoints
        into = [sum(route.destination == k for route in loop.routes) for k in range(loop.endpoints)]
        return Progress(module.AerRouter(sizes, into, loop.routes, loop.depth), loop, limit)

    return build


_CHAIN = (RouterRoute(0, 1, 0), RouterRoute(1, 0, 0))
_SKIP = (RouterRoute(0, 1, 0), RouterRoute(1, 2, 0), RouterRoute(0, 2, 1), RouterRoute(2, 0, 0))
_LOOP = (*_CHAIN, _late(1, 1, 1, 1, ahead=True))
_LATE = (*_CHAIN, _late(0, 1, 1, 1, ahead=False))


def _proof(name: str, loop: Loop, limit: int, *, fast: bool = False) -> Proof:
    width = f"{loop.endpoints - 1} groups, buffers of {loop.depth}, a tick every {limit} cycles"
    return Proof(f"progress_{name}", router, _build(loop, limit), "prove", 0, width, fast, "pdr")


PROGRESS_PROOFS = (
    _proof("chain", Loop(2, _CHAIN, 1, _MOST), 20, fast=True),
    _proof("skip", Loop(3, _SKIP, 1, _MOST), 30),
    _proof("loop", Loop(2, _LOOP, 1, _MOST), 30),
    # The tighter the limit, the sooner an invariant is found.
    _proof("late", Loop(2, _LATE, 1, _MOST), 14),
)
