"""The FPGA's rows in the comparison of targets: the network on a board, and one without spikes beside it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.compare import Known, Row, Size
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.report import Report
from qsnn_hw.report.words import figure, rounded
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.predicted_rows import predicted_rows
from qsnn_hw.targets.fpga.row_parts import POWER_SOURCE, USE, against, ann_row
from qsnn_hw.targets.fpga.sections.comparison import COMPARISON
from qsnn_hw.targets.fpga.sections.energy import ENERGY
from qsnn_hw.targets.fpga.sections.latency import CLOCK, LATENCY
from qsnn_hw.targets.fpga.sections.resources import RESOURCES
from qsnn_hw.targets.fpga.sections.speed import THROUGHPUT
from qsnn_hw.targets.fpga.steps import PLAN
from qsnn_hw.targets.rows import Asked, Contribution, Maker

USUAL = (
    ("icebreaker", "ice40-hx8k-evn"),
    ("ulx3s-12f", "ulx3s-25f", "ulx3s-45f", "ulx3s-85f"),
)
"""Of each family, boards from small to large: the first that holds the network."""


def makers(asked: Asked) -> Sequence[Maker]:
    """One for each board; UserError where a board is not known or given twice."""
    if asked.boards is None:
        return [Maker(f"{boards[0]} or larger", partial(_on_smallest, asked, boards)) for boards in USUAL]
    names = [load_board(name).name for name in asked.boards]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--boards names {name} twice; leave one of them out")
    return [Maker(name, partial(_on, asked, board)) for name, board in zip(names, asked.boards, strict=True)]


FPGA_ROWS = Contribution("fpga", makers)


def _on_smallest(asked: Asked, boards: Sequence[str]) -> Sequence[Row]:
    refused: list[UserError] = []
    for board in boards:
        options = _options(asked, board)
        run = asked.in_memory(options)
        try:
            run.get(PLAN)
        except UserError as error:
            refused.append(error)
            continue
        return predicted_rows(asked, run) if asked.predict else _built(asked, options)
    raise refused[-1]


def _options(asked: Asked, board: str) -> BuildOptions:
    return replace(asked.options, target="fpga", board=board)


def _on(asked: Asked, board: str) -> Sequence[Row]:
    options = _options(asked, board)
    return predicted_rows(asked, asked.in_memory(options)) if asked.predict else _built(asked, options)


def _built(asked: Asked, options: BuildOptions) -> Sequence[Row]:
    assert options.board is not None
    board = load_board(options.board)
    return built_rows(asked, board, asked.build(board.name, options))


def built_rows(asked: Asked, board: Board, report: Report) -> list[Row]:
    """What the report of a build says, as rows."""
    accuracy, samples = asked.accuracy
    clock, latency, rate = report[CLOCK].board_mhz, report[LATENCY], report[THROUGHPUT]
    at = f"at {figure(clock, 4)} MHz, the bitstream's clock"
    energy, kinds = report[ENERGY], board.limits.available()
    link = ""
    if rate.link_per_s is not None:
        link = f" Through its link {rounded(rate.link_per_s)} inferences/s, computed."
    spiking = Row(
        board.name,
        "fpga",
        f"{board.name}: {board.family} {board.device}",
        USE,
        f"Power is the core supply's, by no meter.{link}{against(report[COMPARISON].ann.times)}",
        accuracy,
        samples,
        Known.exactly(latency.us_on_board_mean, "simulated", f"cycles of a sample alone, {at}"),
        Known.exactly(rate.on_chip_per_s, "simulated", f"cycles of samples back to back, {at}"),
        Known.bounds(energy.per_sample_uj, "estimated", POWER_SOURCE),
        Known.bounds(energy.per_spike_nj, "estimated", f"{POWER_SOURCE}, shared by all spikes"),
        Known.bounds(rate.per_watt, "estimated", f"{POWER_SOURCE}, samples back to back"),
        {
            unit: Size(Known.exactly(one.used, "tool report", "place and route"), one.available)
            for unit, one in report[RESOURCES].items()
            if unit in kinds
        },
    )
    ann = report[COMPARISON].ann
    if ann.us is None:
        return [spiking]
    return [spiking, ann_row(board, ann.us, ann.energy_uj)]
