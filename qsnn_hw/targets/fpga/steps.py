"""From integers to a bitstream: the steps that only a board has, and those that have more with one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.elaborate import elaborate_is_decided_by, write_network
from qsnn_hw.build.steps.forms import Form, has_classifier, network_forms
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.plan import load_plan, plan_options, save_plan, say_cycles, say_shapes
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.build.steps.verification import (
    Match,
    reference_step,
    traced_match,
    verified,
    verify_step,
)
from qsnn_hw.build.steps.verilog import form_files, verilog_is_decided_by, write_forms
from qsnn_hw.build.steps.ways_out import ways_out
from qsnn_hw.cost.predict import in_words
from qsnn_hw.cost.predict import predict as predict_usage
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.quantize.operators import weight_bits
from qsnn_hw.rtl.board_top import board_top
from qsnn_hw.rtl.text.export import write_rtlil
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.bitstream import pack_bitstream
from qsnn_hw.targets.fpga.calibration import Calibration
from qsnn_hw.targets.fpga.capacity import Way, check_fits
from qsnn_hw.targets.fpga.least import least_cells
from qsnn_hw.targets.fpga.place_route import place_and_route
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.synthesis import NETLIST, Synthesis, synthesize
from qsnn_hw.toolchain.tools import find_tool
from qsnn_hw.verify import Verification


def _board(job: Job) -> Board:
    if job.options.board is None:
        raise UserError("a bitstream is for a board: give --board NAME")
    return load_board(job.options.board)


BOARD: Step[Board] = Step("board", make=_board)
"""The board that the user names."""


def _calibration(job: Job, board: Board) -> Calibration | None:
    if job.options.power is None:
        return None
    calibration = Calibration.load(job.options.power)
    # Of another device, it is refused before anything is built.
    calibration.of(board)
    return calibration


CALIBRATION: Step[Calibration | None] = Step("power coefficients", needs=(BOARD,), make=_calibration)
"""The user's own coefficients of the power estimate; None where the published ones are used."""


def _plan(
    job: Job, quantization: Quantization, data: Dataset | None, golden: GoldenResult | None, board: Board
) -> HardwarePlan:
    limits = board.limits
    wanted = plan_options(job.options, data, golden, limits)
    plan = make_plan(quantization.quantized, wanted)
    # Before any tool runs.
    check_fits(
        lambda other: predict_usage(plan, other).usage,
        board,
        ways=_ways(quantization.quantized, wanted),
        weight_bits=weight_bits(quantization.quantized),
    )
    say_shapes(job, plan)
    job.progress.say(f"plan: predicted {in_words(predict_usage(plan, limits).usage, limits)}")
    say_cycles(job, plan, data, golden)
    return plan


def _ways(quantized: QuantizedNetwork, wanted: PlanOptions) -> list[Way]:
    """What else a user may try on the same board, and what the design would take."""
    limits = wanted.limits
    assert limits is not None

    def way(option: str, **changes: Any) -> Way:
        return option, lambda: predict_usage(make_plan(quantized, replace(wanted, **changes)), limits).usage

    ways = []
    if wanted.lanes is None and wanted.optimize != "area":
        ways.append(way("--optimize area", optimize="area"))
    elif wanted.lanes is not None and max(wanted.lanes) > 1:
        ways.append(way("--lanes 1", lanes=(1,), update_lanes=None, event_lanes=None))
    if wanted.synapse_store == "rom":
        ways.append(way("--weights ram", synapse_store="ram"))
    return ways


def _plan_is_decided_by(
    job: Job, quantization: Quantization, data: Dataset | None, golden: GoldenResult | None, board: Board
) -> dict[str, object]:
    return {
        "plan": repr(plan_options(job.options, data, golden, board.limits)),
        "board": {
            "name": board.name,
            "clock": board.clock_mhz,
            "baud": board.baud,
            "active": {name: port.active for name, port in board.ports.items()},
            "limits": repr(board.limits),
        },
    }


PLAN: Step[HardwarePlan] = Step(
    "plan",
    needs=(QUANTIZE, DATA, GOLDEN, BOARD),
    make=_plan,
    leaves=[outputs.PLAN],
    save=save_plan,
    load=load_plan,
    decided_by=_plan_is_decided_by,
)
"""The network laid out for the board; what cannot fit is refused."""


def _forms(plan: HardwarePlan) -> list[Form]:
    """The board's design, and the network alone in every form."""
    return [(outputs.BOARD_RTLIL, outputs.BOARD_VERILOG), *network_forms(plan)]


def _elaborate(job: Job, plan: HardwarePlan, board: Board) -> None:
    with job.progress.task("elaborate"):
        write_rtlil(board_top(plan, board), "top", job.path(outputs.BOARD_RTLIL))
        write_network(job, plan)


def _rtlil_files(job: Job, plan: HardwarePlan, board: Board) -> list[str]:
    return [rtlil for rtlil, _ in _forms(plan)]


ELABORATE: Step[None] = Step(
    "elaborate",
    needs=(PLAN, BOARD),
    make=_elaborate,
    leaves=_rtlil_files,
    decided_by=elaborate_is_decided_by,
)
"""The RTLIL of the board's design, and of the network alone."""


def _write_verilog(job: Job, plan: HardwarePlan) -> None:
    write_forms(job, plan, _forms(plan))


def _verilog_files(job: Job, plan: HardwarePlan) -> Sequence[str]:
    return form_files(plan, _forms(plan))


VERILOG: Step[None] = Step(
    "verilog",
    # What the host loads comes from the plan.
    needs=(PLAN,),
    after=(ELABORATE,),
    make=_write_verilog,
    leaves=_verilog_files,
    decided_by=verilog_is_decided_by,
)
"""The Verilog of the board's design, and of the network alone."""


def _verify(job: Job, plan: HardwarePlan, data: Dataset | None, golden: GoldenResult | None) -> Verification:
    network = (outputs.BOARD_VERILOG, "top.classifier.network")
    matches = [traced_match(plan, network, in_classifier=True)]
    if has_classifier(plan):
        around = (outputs.BOARD_VERILOG, "top.classifier")
        matches.append(Match(around, (outputs.CLASSIFIER_VERILOG, plan.name)))
    return verified(job, plan, data, golden, matches)


VERIFY = verify_step(PLAN, VERILOG, _verify)
"""Every spike and every potential of the Verilog against golden, and that the board's design is the same."""

REFERENCE = reference_step(PLAN, VERILOG, VERIFY)
"""Some of the same vectors again under cocotb."""


def _synthesize(job: Job, plan: HardwarePlan, board: Board) -> Synthesis:
    output = plan.output_group
    if output.neuron.readout and plan.readout is None:
        raise UserError(
            f"group {output.group} never spikes and no readout answers by its potentials, so nothing "
            "would leave the chip: --readout membrane answers for an output that is a list of classes; "
            "simulate compares any output"
        )
    return synthesize(
        job.path(outputs.BOARD_VERILOG),
        "top",
        board,
        job.path(outputs.SYNTHESIS_FOLDER),
        least=least_cells(plan, board.limits),
        ways_out=ways_out(plan),
        progress=job.progress,
    )


def _save_synthesis(job: Job, synthesis: Synthesis) -> None:
    synthesis.save(job.path(outputs.SYNTHESIS))


def _load_synthesis(job: Job, *_: object) -> Synthesis:
    return Synthesis.load(job.path(outputs.SYNTHESIS))


def _synthesis_is_decided_by(job: Job, plan: HardwarePlan, board: Board) -> dict[str, object]:
    return {"board": repr(board), "yosys": _version("yosys")}


SYNTHESIZE: Step[Synthesis] = Step(
    "synthesize",
    needs=(PLAN, BOARD),
    after=(VERILOG,),
    make=_synthesize,
    leaves=[outputs.SYNTHESIS, f"{outputs.SYNTHESIS_FOLDER}/{NETLIST}"],
    save=_save_synthesis,
    load=_load_synthesis,
    decided_by=_synthesis_is_decided_by,
)
"""The cells of the board's design, by yosys."""


def _implement(job: Job, plan: HardwarePlan, synthesis: Synthesis, board: Board) -> Implementation:
    folder, progress = job.path(outputs.IMPLEMENTATION_FOLDER), job.progress
    bitstream = job.path(_bitstream(plan, board))
    placed = place_and_route(synthesis, board, folder, seed=job.options.seed, progress=progress)
    packed = pack_bitstream(placed, board, folder, progress=progress)
    files.write_bytes(bitstream, packed.path.read_bytes())
    packed = replace(packed, path=bitstream)
    progress.say(f"implement: to load the bitstream: {board.load_command(bitstream)}")
    return Implementation.of(job.path(outputs.BOARD_VERILOG), synthesis, placed, packed)


def _bitstream(plan: HardwarePlan, board: Board) -> str:
    return f"{plan.name}_{board.name}{board.bitstream_suffix}"


def _implementation_files(job: Job, plan: HardwarePlan, synthesis: Synthesis, board: Board) -> list[str]:
    return [outputs.IMPLEMENTATION, _bitstream(plan, board)]


def _save_implementation(job: Job, implementation: Implementation) -> None:
    implementation.save(job.path(outputs.IMPLEMENTATION))


def _load_implementation(job: Job, *_: object) -> Implementation:
    return Implementation.load(job.path(outputs.IMPLEMENTATION))


def _implementation_is_decided_by(
    job: Job, plan: HardwarePlan, synthesis: Synthesis, board: Board
) -> dict[str, object]:
    return {"seed": job.options.seed, "nextpnr": _version(board.family.flow.place.name)}


IMPLEMENT: Step[Implementation] = Step(
    "implement",
    needs=(PLAN, SYNTHESIZE, BOARD),
    make=_implement,
    leaves=_implementation_files,
    save=_save_implementation,
    load=_load_implementation,
    decided_by=_implementation_is_decided_by,
)
"""Place and route, and the bitstream."""


def _version(tool: str) -> str | None:
    """Of a tool that a step runs; None where it states none or is missing, which the step then says."""
    try:
        return find_tool(tool).version
    except UserError:
        return None
