"""A crossbar tile: its walkers, its columns, and what rests without a word."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from amaranth.hdl import Assert, Cat, Module, Signal, Value

from qsnn_hw.plan import GroupPlan
from qsnn_hw.rtl.crossbar import columns
from qsnn_hw.rtl.group import encoder, projection_walkers
from qsnn_hw.rtl.group.synapse_memory import SynapseSums
from qsnn_hw.rtl.stream import router
from qsnn_hw.rtl.stream.aer import AerLayout
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import BufferOrder, EncoderExact, Harness
from qsnn_hw.verify.formal.sum_proofs import sum_plan
from qsnn_hw.verify.formal.sum_properties import MemorySums
from qsnn_hw.verify.formal.walk_proofs import WALK_PLANS, walk_of

_SILENT_ROW = 4


def tile_of(plan: GroupPlan) -> GroupPlan:
    """The same group as a crossbar tile of constants, in one array, with a row of zeros."""
    synapses = plan.synapses.copy()
    if plan.synapse_rows > _SILENT_ROW:
        synapses[:, _SILENT_ROW] = 0
    deep = 1 << (plan.synapse_rows - 1).bit_length()
    return replace(
        plan,
        synapses=synapses,
        synapse_style="constants",
        synapse_store="rom",
        synapse_shape=(deep, plan.lanes * plan.weight_bits),
        neuron_memory="distributed",
    )


def _columns(plan: GroupPlan) -> Callable[[Any], Harness]:
    """Columns of ``module`` that assert, beside what sums must be, that a row of zeros writes nothing."""

    def build(module: Any) -> Harness:
        class Checked(module.Columns):
            def _memory(self, m: Module, sums: SynapseSums, taken: list[Signal], folds: list[Value]) -> None:
                super()._memory(m, sums, taken, folds)
                silent = ~Cat(getattr(sums, f"sum{lane}").any() for lane in range(plan.lanes)).any()
                writes = m.submodules.neurons.write_en
                m.d.comb += Assert(~(taken[-1] & silent) | self.link.busy | ~writes)

        return MemorySums(Checked(plan), plan)

    return build


def _sums(name: str, lanes: int, folds: int, update_lanes: int, *, fast: bool = False) -> Proof:
    plan = tile_of(sum_plan("memory", lanes, folds, update_lanes))
    width = f"{lanes}x{folds} columns, {update_lanes} updated, 8 rows, weight 3, potential 6 bits"
    return Proof(f"tile_sums_{name}", columns, _columns(plan), "prove", 0, width, fast, "pdr")


def _source_by_source(plan: GroupPlan) -> GroupPlan:
    """A dense projection with the words of a source side by side, as a tile has them."""
    (projection,) = plan.projections
    beside = replace(projection, rows_per_fold=1, rows_per_source=plan.folds)
    rows = projection.first_row + projection.size * plan.folds
    return replace(plan, projections=(beside,), synapses=np.zeros((1, rows, 1), dtype=np.int16))


def _walk(name: str) -> Proof:
    plan, _, width = WALK_PLANS[name]
    plan = tile_of(_source_by_source(plan) if plan.projections[0].kind == "dense" else plan)
    return Proof(f"tile_walker_{name}", projection_walkers, walk_of(plan), "prove", 0, width, solver="pdr")


TILE_PROOFS = (
    _walk("dense"),
    _walk("sparse"),
    _walk("grid"),
    _sums("folds", 1, 2, 1, fast=True),
    _sums("parts", 2, 2, 1),
    _sums("one_fold", 2, 1, 1),
    Proof(
        "tile_buffer",
        router,
        lambda module: BufferOrder(module.ElasticBuffer(AerLayout(4), 2, rests=True), 2),
        "prove",
        2,
        "2 words",
    ),
    Proof(
        "tile_encoder",
        encoder,
        lambda module: EncoderExact(module.SpikeEncoder(7, 3, rests=True)),
        "prove",
        2,
        "3 lanes",
    ),
)
