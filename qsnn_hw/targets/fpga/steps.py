"""From integers to a bitstream: the steps that only a board has, and those that have more with one."""

import importlib.metadata
from dataclasses import replace
from typing import Any

from qsnn_hw.build.steps import elaborate, outputs, verilog
from qsnn_hw.build.steps.code import source_digest
from qsnn_hw.build.steps.forms import has_classifier
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.plan import plan_options, say_cycles, say_shapes
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.build.steps.verification import (
    Match,
    match_step,
    matched,
    reference_step,
    simulate_step,
    traced_match,
)
from qsnn_hw.build.steps.ways_out import ways_out
from qsnn_hw.cost.predict import in_words
from qsnn_hw.cost.predict import predict as predict_usage
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.families.board_clock import clock_record
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.identity import DesignTools
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.quantize.operators import weight_bits
from qsnn_hw.rtl.board_top import board_top
from qsnn_hw.rtl.text.export import write_rtlil, write_verilog
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.bitstream import pack_bitstream
from qsnn_hw.targets.fpga.calibration import Calibration
from qsnn_hw.targets.fpga.capacity import Way, check_fits
from qsnn_hw.targets.fpga.clock import by_hand, chosen, rate_by_hand
from qsnn_hw.targets.fpga.clock import in_words as clock_words
from qsnn_hw.targets.fpga.constraints import constraint_text
from qsnn_hw.targets.fpga.least import least_cells
from qsnn_hw.targets.fpga.met import check_timing
from qsnn_hw.targets.fpga.place_route import PlaceRoute, place_and_route
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.seeds import best_seed
from qsnn_hw.targets.fpga.synthesis import Synthesis, synthesize
from qsnn_hw.targets.fpga.tried import TriedFile
from qsnn_hw.toolchain.tools import find_tool
from qsnn_hw.verify import Verification


def _board(job: Job) -> Board:
    if job.options.board is None:
        raise UserError("a bitstream is for a board: give --board NAME")
    board = load_board(job.options.board).linked(job.options.link).sleeping(job.options.sleep)
    baud = job.options.baud
    return board if baud is None else rate_by_hand(board, baud)


BOARD: Step[Board] = Step("board", make=_board)
"""The board that the user names, with its link, and the rate of that where the user gives one."""


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
    wanted = plan_options(job.options, data, golden, limits, board.link)
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
        "plan": repr(plan_options(job.options, data, golden, board.limits, board.link)),
        "board": {
            "name": board.name,
            "clock": board.clock_mhz,
            "bauds": board.bauds,
            "active": {name: port.active for name, port in board.ports.items()},
            "limits": repr(board.limits),
        },
    }


PLAN: Step[HardwarePlan] = Step(
    "plan",
    needs=(QUANTIZE, DATA, GOLDEN, BOARD),
    make=_plan,
    record=(HardwarePlan, outputs.PLAN),
    decided_by=_plan_is_decided_by,
)
"""The network laid out for the board; what cannot fit is refused."""


ELABORATE = replace(elaborate.ELABORATE, needs=(PLAN,))
"""The RTLIL of the network alone."""

VERILOG = replace(verilog.VERILOG, needs=(PLAN,), after=(ELABORATE,))
"""The Verilog of the network alone, which no clock changes."""


def _clock(job: Job, plan: HardwarePlan, board: Board) -> Board:
    options = job.options
    if options.clock_mhz is not None:
        found = by_hand(board, options.clock_mhz)
    else:
        tried = [] if job.folder is None else _tried(job, plan, board).of(_seeds(job))
        found = chosen(board, predict_usage(plan, board.limits).usage, tried, search=len(_seeds(job)) > 1)
        if tried and found.clock_mhz not in [one.clock_mhz for one in tried]:
            last = tried[-1]
            job.progress.say(
                f"clock: {last.clock_mhz:.6g} MHz routed to {last.fmax_mhz:.2f} MHz; once more for "
                f"{found.clock_mhz:.6g} MHz"
            )
    return found


def _save_clock(job: Job, board: Board) -> None:
    files.write_json(job.path(outputs.CLOCK), clock_record(board))


def _clock_is_decided_by(job: Job, plan: HardwarePlan, board: Board) -> dict[str, object]:
    # By what comes of the routings, not by them: what rests on the clock need not be made again for one more.
    return {"board": repr(_clock(job, plan, board))}


CLOCK: Step[Board] = Step(
    "clock",
    needs=(PLAN, BOARD),
    make=_clock,
    leaves=[outputs.CLOCK],
    save=_save_clock,
    load=_clock,
    decided_by=_clock_is_decided_by,
)
"""The board with the clock of the design: by hand, by what its routings so far allow, or by an estimate."""


def _seeds(job: Job) -> range:
    """Of the placer; the best of them is kept."""
    first = job.options.seed
    return range(first, first + (job.options.seed_search or 1))


def _tried(job: Job, plan: HardwarePlan, board: Board) -> TriedFile:
    """The routings of this design that the folder remembers."""
    decides = {
        "plan": job.digest(str(job.path(outputs.PLAN))),
        "board": repr(board.clocked(None)),
        "tools": [_version("yosys"), *(_version(tool.name) for tool in board.family.flow.tools[:1])],
        "source": source_digest("rtl", "families", "targets/fpga"),
    }
    return TriedFile(job.path(outputs.TRIED), decides)


def _design_tools(board: Board) -> DesignTools:
    """What decides the bitstream beside the plan."""
    place = board.family.flow.place
    names = ["yosys"] if place is None else ["yosys", place.name]
    versions = {name: _version(name) for name in names}
    return DesignTools({"amaranth": importlib.metadata.version("amaranth"), **versions})


def _design(job: Job, plan: HardwarePlan, board: Board) -> DesignTools:
    job.progress.say(f"design: clock {clock_words(board)}")
    tools = _design_tools(board)
    with job.progress.task("elaborate"):
        write_rtlil(board_top(plan, board, tools=tools), "top", job.path(outputs.BOARD_RTLIL))
    write_verilog(
        job.path(outputs.BOARD_RTLIL),
        job.path(outputs.BOARD_VERILOG),
        log=job.path(outputs.DESIGN_LOG),
        progress=job.progress,
        ways_out=ways_out(plan),
    )
    return tools


def _design_is_decided_by(job: Job, plan: HardwarePlan, board: Board) -> dict[str, object]:
    return {"board": repr(board), "tools": dict(_design_tools(board).versions)}


DESIGN: Step[DesignTools] = Step(
    "design",
    needs=(PLAN, CLOCK),
    make=_design,
    record=(DesignTools, outputs.DESIGN_TOOLS),
    leaves=[outputs.BOARD_RTLIL, outputs.BOARD_VERILOG],
    decided_by=_design_is_decided_by,
)
"""The Verilog of the board's design, with its clock, and what makes a bitstream of it."""

SIMULATE = simulate_step(PLAN, VERILOG)
"""Every spike and every potential of the Verilog against golden."""


def _verify(job: Job, plan: HardwarePlan, simulation: Verification) -> Verification:
    network = (outputs.BOARD_VERILOG, "top.classifier.network")
    matches = [traced_match(plan, network, in_classifier=True)]
    if has_classifier(plan):
        around = (outputs.BOARD_VERILOG, "top.classifier")
        matches.append(Match(around, (outputs.CLASSIFIER_VERILOG, plan.name)))
    return matched(job, plan, simulation, matches)


VERIFY = match_step(PLAN, SIMULATE, (VERILOG, DESIGN), _verify)
"""That the board's design is what was simulated."""

REFERENCE = reference_step(PLAN, VERILOG, VERIFY)
"""Some of the same vectors again under cocotb."""


def _synthesize(job: Job, plan: HardwarePlan, board: Board) -> Synthesis:
    for needed in board.family.flow.tools:
        # Before synthesis, which takes a minute.
        find_tool(needed.name)
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


def _synthesis_is_decided_by(job: Job, plan: HardwarePlan, board: Board) -> dict[str, object]:
    return {"board": repr(board), "yosys": _version("yosys")}


SYNTHESIZE: Step[Synthesis] = Step(
    "synthesize",
    needs=(PLAN, CLOCK),
    after=(DESIGN,),
    make=_synthesize,
    record=(Synthesis, outputs.SYNTHESIS),
    leaves=[outputs.NETLIST],
    decided_by=_synthesis_is_decided_by,
)
"""The cells of the board's design, by yosys."""


def _route(job: Job, plan: HardwarePlan, synthesis: Synthesis, board: Board) -> PlaceRoute | None:
    if board.family.flow.place is None:
        return None
    folder, seeds = job.path(outputs.IMPLEMENTATION_FOLDER), _seeds(job)
    tried = _tried(job, plan, board)

    def routed(seed: int) -> PlaceRoute:
        found = place_and_route(synthesis, board, folder, seed=seed, progress=job.progress)
        tried.add(board.clock_mhz, seed, found.fmax_mhz)
        return found

    return best_seed(seeds, routed, lambda seed: tried.fmax(board.clock_mhz, seed), job.progress)


def _routes_nothing(job: Job, plan: HardwarePlan, synthesis: Synthesis, board: Board) -> bool:
    return board.family.flow.place is None


def _route_files(job: Job, plan: HardwarePlan, synthesis: Synthesis, board: Board) -> list[str]:
    return [f"{outputs.IMPLEMENTATION_FOLDER}/routed{board.family.flow.routed_suffix}"]


def _route_is_decided_by(
    job: Job, plan: HardwarePlan, synthesis: Synthesis, board: Board
) -> dict[str, object]:
    seeds, place = _seeds(job), board.family.flow.place
    version = None if place is None else _version(place.name)
    return {"seeds": [seeds.start, seeds.stop], "nextpnr": version}


ROUTE: Step[PlaceRoute | None] = Step(
    "route",
    needs=(PLAN, SYNTHESIZE, CLOCK),
    make=_route,
    record=(PlaceRoute, outputs.ROUTE),
    leaves=_route_files,
    absent=_routes_nothing,
    decided_by=_route_is_decided_by,
)
"""Place and route, with the best of the seeds, whether it meets its clock or not; None without a tool."""


def _implement(
    job: Job, plan: HardwarePlan, synthesis: Synthesis, placed: PlaceRoute | None, board: Board
) -> Implementation:
    folder, progress = job.path(outputs.IMPLEMENTATION_FOLDER), job.progress
    if placed is None:
        pins = folder / f"pins{board.family.flow.pins_suffix}"
        files.write_text(pins, constraint_text(synthesis.ports, board))
        progress.say(
            f"implement: no bitstream here: {board.name} {board.family.flow.unplaced}; "
            f"netlist and pins are {synthesis.netlist} and {pins}"
        )
        design = job.path(outputs.BOARD_VERILOG)
        return Implementation.of_netlist(design, synthesis, board, pins, job.options.seed)
    bitstream = job.path(_bitstream(plan, board))
    # That of an earlier routing is none of this design.
    bitstream.unlink(missing_ok=True)
    check_timing(placed, board, plan)
    packed = pack_bitstream(placed, board, folder, progress=progress)
    files.write_bytes(bitstream, packed.path.read_bytes())
    packed = replace(packed, path=bitstream)
    progress.say(f"implement: to load the bitstream: {board.load_command(bitstream)}")
    return Implementation.of(job.path(outputs.BOARD_VERILOG), synthesis, placed, packed)


def _bitstream(plan: HardwarePlan, board: Board) -> str:
    return f"{plan.name}_{board.name}{board.bitstream_suffix}"


def _implementation_files(
    job: Job, plan: HardwarePlan, synthesis: Synthesis, placed: PlaceRoute | None, board: Board
) -> list[str]:
    return [] if placed is None else [_bitstream(plan, board)]


IMPLEMENT: Step[Implementation] = Step(
    "implement",
    needs=(PLAN, SYNTHESIZE, ROUTE, CLOCK),
    make=_implement,
    record=(Implementation, outputs.IMPLEMENTATION),
    leaves=_implementation_files,
)
"""The bitstream of a routing that meets its clock."""


def _version(tool: str) -> str | None:
    """Of a tool that a step runs; None where it states none or is missing, which the step then says."""
    try:
        return find_tool(tool).version
    except UserError:
        return None
