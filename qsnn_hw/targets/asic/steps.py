"""The steps of the ASIC target up to Verilog that equals the golden model."""

from dataclasses import replace

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.elaborate import elaborate_is_decided_by
from qsnn_hw.build.steps.forms import Form, has_classifier
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA, io_options
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.plan import say_cycles
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.build.steps.verification import Match, reference_step, traced_match, verified, verify_step
from qsnn_hw.build.steps.verilog import form_files, verilog_is_decided_by, write_forms
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.tiles import TileSize
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.macros import CHIP, verilog_of
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.text.export import write_rtlil
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.asic.plan import AsicPlan, asic_plan
from qsnn_hw.targets.asic.sharing import chip_plan
from qsnn_hw.verify import Verification

DEFAULT_TILE = (256, 256)
"""N x M where none is given: the array of ODIN and tinyODIN."""


def tile_size(job: Job) -> TileSize:
    """``--tile``, or the default."""
    rows, columns = job.options.tile or DEFAULT_TILE
    return TileSize(rows, columns)


def _refuse(job: Job) -> None:
    """Values that a chip has not, and options that say the same thing twice; UserError, one line."""
    options = job.options
    if options.optimize == "energy":
        raise UserError("--optimize energy is not for --target asic: give area, latency or balanced")
    if options.optimize != "balanced" and options.neurons not in (None, "auto"):
        raise UserError(
            f"--optimize {options.optimize} chooses how neurons work, and --neurons {options.neurons} says "
            "it: leave one out"
        )
    if options.cycle_budget is not None and options.neurons not in (None, "auto"):
        raise UserError("--cycle-budget chooses how neurons work, and --neurons says it: leave one out")


def _plan(
    job: Job, quantization: Quantization, data: Dataset | None, golden: GoldenResult | None
) -> HardwarePlan:
    _refuse(job)
    options = job.options
    if options.cycle_budget is not None and (data is None or golden is None):
        raise UserError("--cycle-budget counts cycles of a sample: give --data FILE")

    def cycles(plan: HardwarePlan) -> float | None:
        assert data is not None
        assert golden is not None
        took = PredictedCycles.of(plan, data.input, golden.integer.spikes).design
        return float(took.mean()) if took.size else None

    plan = chip_plan(
        quantization.quantized,
        tile_size(job),
        options.synapses or "sram",
        options.neurons or "auto",
        aim=options.optimize,
        cycle_budget=options.cycle_budget,
        cycles=cycles,
        buffer_depth=options.buffer_depth,
        io=io_options(options, None if data is None else data.steps),
    )
    for note in plan.notes:
        job.progress.say(f"plan: {note}")
    say_cycles(job, plan, data, golden)
    return plan


def _plan_is_decided_by(
    job: Job, quantization: Quantization, data: Dataset | None, golden: GoldenResult | None
) -> dict[str, object]:
    options = job.options
    names = ("optimize", "neurons", "synapses", "cycle_budget", "buffer_depth")
    steps = None if data is None else data.steps
    return {
        "plan": repr({name: getattr(options, name) for name in names}),
        "tile": repr(tile_size(job)),
        "io": repr(io_options(options, steps)),
    }


PLAN: Step[HardwarePlan] = Step(
    "plan",
    needs=(QUANTIZE, DATA, GOLDEN),
    make=_plan,
    record=(HardwarePlan, outputs.PLAN),
    decided_by=_plan_is_decided_by,
)
"""The network cut into crossbar tiles."""


def _tiles(job: Job, plan: HardwarePlan) -> AsicPlan:
    chip = asic_plan(plan, tile_size(job))
    for tile in chip.tiles:
        job.progress.say(
            f"tiles: {tile.name}: {tile.neurons} neurons, {tile.rows:,} words of {tile.lanes} x "
            f"{tile.weight_bits} bits in {tile.storage}, {tile.style} ({tile.lanes} columns at a time, "
            f"{tile.update_lanes} neuron circuit{'s' if tile.update_lanes > 1 else ''})"
        )
    return chip


def _tiles_are_decided_by(job: Job, plan: HardwarePlan) -> dict[str, object]:
    return {"tile": repr(tile_size(job))}


TILES: Step[AsicPlan] = Step(
    "tiles",
    needs=(PLAN,),
    make=_tiles,
    record=(AsicPlan, outputs.TILES),
    decided_by=_tiles_are_decided_by,
)
"""The tiles and the memory macros that they need."""


def chip_forms(plan: HardwarePlan) -> list[Form]:
    """Traced, with AER streams, and with a readout where there is one."""
    forms = [
        (outputs.TRACED_RTLIL, outputs.TRACED_VERILOG),
        (outputs.NETWORK_RTLIL, outputs.NETWORK_VERILOG),
    ]
    if has_classifier(plan):
        forms.append((outputs.CLASSIFIER_RTLIL, outputs.CLASSIFIER_VERILOG))
    return forms


def _elaborate(job: Job, plan: HardwarePlan) -> None:
    with job.progress.task("elaborate"):
        write_rtlil(SpikingNetwork(plan, trace=True), plan.name, job.path(outputs.TRACED_RTLIL), CHIP)
        write_rtlil(SpikingNetwork(plan), plan.name, job.path(outputs.NETWORK_RTLIL), CHIP)
        if has_classifier(plan):
            write_rtlil(Classifier(plan), plan.name, job.path(outputs.CLASSIFIER_RTLIL), CHIP)


def _rtlil(job: Job, plan: HardwarePlan) -> list[str]:
    return [rtlil for rtlil, _ in chip_forms(plan)]


ELABORATE: Step[None] = Step(
    "elaborate", needs=(PLAN,), make=_elaborate, leaves=_rtlil, decided_by=elaborate_is_decided_by
)
"""The RTLIL of the chip, memories as instances of macro modules."""


def _write(job: Job, plan: HardwarePlan, chip: AsicPlan) -> None:
    write_forms(job, plan, chip_forms(plan))
    bodies = verilog_of(use.macro for use in chip.macros)
    files.write_text(job.path(outputs.MACROS), f"/* Every memory module of {plan.name}. */\n{bodies}")
    # What is simulated is one file.
    for name in (outputs.TRACED_VERILOG, outputs.CLASSIFIER_VERILOG):
        if name in form_files(plan, chip_forms(plan)):
            path = job.path(name)
            files.write_text(path, path.read_text(encoding="utf-8") + bodies)


def _verilog(job: Job, plan: HardwarePlan, chip: AsicPlan) -> list[str]:
    return [*form_files(plan, chip_forms(plan)), outputs.MACROS]


VERILOG: Step[None] = Step(
    "verilog",
    needs=(PLAN, TILES),
    after=(ELABORATE,),
    make=_write,
    leaves=_verilog,
    decided_by=verilog_is_decided_by,
)
"""The Verilog of the chip, and a body for every memory module."""


def matches(plan: HardwarePlan) -> list[Match]:
    """What is handed out holds the network of ``06_traced.v``; the bare network last."""
    forms = []
    if has_classifier(plan):
        inside = (outputs.CLASSIFIER_VERILOG, f"{plan.name}.network")
        forms.append(traced_match(plan, inside, in_classifier=True))
    bare = traced_match(plan, (outputs.NETWORK_VERILOG, plan.name), in_classifier=False)
    return [*forms, replace(bare, beside=outputs.MACROS)]


def _verify(job: Job, plan: HardwarePlan, data: Dataset | None, golden: GoldenResult | None) -> Verification:
    return verified(job, plan, data, golden, matches(plan))


VERIFY = verify_step(PLAN, VERILOG, _verify)
"""Every spike and every potential of every tile against golden."""

REFERENCE = reference_step(PLAN, VERILOG, VERIFY)
"""Some of the same vectors again under cocotb."""
