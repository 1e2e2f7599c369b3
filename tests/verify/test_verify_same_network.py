"""The network on the board is the one that is simulated; a planted difference is found and named."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.text.export import write_rtlil, write_verilogs
from qsnn_hw.support.errors import MismatchError, ToolError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.toolchain.tools import find_tool, run_tool
from qsnn_hw.verify.bisimulation import Difference, Matched, compare
from qsnn_hw.verify.netlist import Netlist
from qsnn_hw.verify.same_network import Form, same_network
from tests.support.thinned import slow
from tests.support.verify_networks import chain_network, skip_network

NETWORK = "top.classifier.network"


def write_forms(plan: HardwarePlan, folder: Path) -> None:
    """Verilog of the board's design, of the traced network and of the classifier, as the chain makes it."""
    forms = {"design": ("top", BoardTop(plan, 4)), "traced": (plan.name, SpikingNetwork(plan, trace=True))}
    if plan.encoder is not None or plan.readout is not None:
        forms["classifier"] = (plan.name, Classifier(plan))
    folder.mkdir(parents=True, exist_ok=True)
    for name, (top, component) in forms.items():
        write_rtlil(component, top, folder / f"{name}.il")
    pairs = [(folder / f"{name}.il", folder / f"{name}.v") for name in forms]
    write_verilogs(pairs, log=folder / "export.log", progress=SILENT)


def match(plan: HardwarePlan, folder: Path, module: str = NETWORK, other: str = "traced") -> Matched:
    built, simulated = Form(folder / "design.v", module), Form(folder / f"{other}.v", plan.name)
    membrane = plan.readout is not None and plan.readout.kind == "membrane" and other == "traced"
    shown = f"trace_{plan.output_group.name}" if membrane else None
    return same_network(built, simulated, folder, shown=shown, progress=SILENT)


def tiny(**options: Any) -> HardwarePlan:
    return make_plan(chain_network(), PlanOptions(**{"lanes": (2,), **options}))


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(lambda: tiny(), id="six inputs: a guard"),
        pytest.param(
            lambda: make_plan(chain_network(2, (8, 5, 3)), PlanOptions(lanes=(2,))),
            id="no guard",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda: tiny(lanes=(5, 3), update_lanes=(5, 3), event_lanes=(2, 2)),
            id="event lanes",
            marks=pytest.mark.slow,
        ),
        pytest.param(lambda: tiny(synapse_store="ram"), id="loaded weights"),
        pytest.param(
            lambda: make_plan(skip_network(), PlanOptions(lanes=(1,))),
            id="merging routes",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_board_and_trace_hold_one_network(plan: Callable[[], HardwarePlan], tmp_path: Path) -> None:
    made = plan()
    write_forms(made, tmp_path)
    found = match(made, tmp_path)
    bits = sum(group.synapses.size * group.weight_bits for group in made.groups)
    assert found.memory_bits >= bits
    neurons = sum(group.neurons * group.neuron.v_bits for group in made.groups)
    assert found.registers + found.memory_bits >= bits + neurons
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("encoder", "readout"),
    [
        ("latency", "membrane"),
        *map(slow, ((None, "count"), ("rate", "count"), ("latency", "first"))),
    ],
)
def test_encoder_and_readout_are_those_that_are_simulated(encoder: Any, readout: Any, tmp_path: Path) -> None:
    plan = tiny(io=IoOptions(encoder, readout, 4))
    write_forms(plan, tmp_path)
    network = match(plan, tmp_path)
    whole = match(plan, tmp_path, "top.classifier", "classifier")
    assert whole.registers > network.registers > 0


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[HardwarePlan, Path]:
    folder = tmp_path_factory.mktemp("forms")
    plan = make_plan(chain_network(2, (8, 5, 3)), PlanOptions(lanes=(2,)))
    write_forms(plan, folder)
    return plan, folder


def plant(text: str, pattern: str, replacement: str) -> str:
    """Change the first place in a module of the network."""
    start = text.index(f"module \\{NETWORK} ")
    changed, count = re.subn(pattern, replacement, text[start:], count=1, flags=re.MULTILINE)
    assert count == 1, pattern
    return text[:start] + changed


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        pytest.param(r"(bank0\[\d+\] = \d+'[bh].*)0;", r"\g<1>1;", id="a weight"),
        pytest.param(r" >= ", " > ", id="a comparison"),
        pytest.param(r"(assign \S+ = \S+) \+ ", r"\g<1> - ", id="an adder"),
        pytest.param(r"(assign o__valid = )", r"\g<1>~", id="an output turned round"),
        pytest.param(r"^  reg (\[\d+:0\] )?(\w+) = (\d+'h)0;", r"  reg \g<1>\g<2> = \g<3>1;", id="a start"),
        pytest.param(r"always @\(posedge clk\)", "always @(negedge clk)", id="a clock edge"),
    ],
)
def test_a_planted_difference_is_found(
    pattern: str, replacement: str, written: tuple[HardwarePlan, Path], tmp_path: Path
) -> None:
    plan, folder = written
    text = (folder / "design.v").read_text(encoding="utf-8")
    (tmp_path / "traced.v").write_bytes((folder / "traced.v").read_bytes())
    (tmp_path / "design.v").write_text(plant(text, pattern, replacement), encoding="utf-8")
    what = r"(memory|register|output) \S+ of (top\.classifier\.network in design\.v|\w+ in traced\.v)"
    with pytest.raises(MismatchError, match=f"is not what is simulated: {what} has no counterpart in"):
        match(plan, tmp_path)


def test_another_design_with_the_same_ports_is_no_match(
    written: tuple[HardwarePlan, Path], tmp_path: Path
) -> None:
    plan, folder = written
    other = make_plan(chain_network(3, (8, 5, 3)), PlanOptions(lanes=(2,)))
    write_forms(other, tmp_path)
    (tmp_path / "design.v").write_bytes((folder / "design.v").read_bytes())
    with pytest.raises(MismatchError, match="no counterpart"):
        match(plan, tmp_path)


def test_nothing_to_compare_is_no_match(written: tuple[HardwarePlan, Path], tmp_path: Path) -> None:
    plan, folder = written
    for name in ("design", "traced"):
        text = (folder / f"{name}.v").read_text(encoding="utf-8")
        (tmp_path / f"{name}.v").write_text(text.replace("o__payload", "o__data"), encoding="utf-8")
    with pytest.raises(ToolError, match="no register or no output that could be compared"):
        match(plan, tmp_path)


def cell(
    kind: str, inputs: dict[str, list[Any]], output: dict[str, list[Any]], **parameters: str
) -> dict[str, Any]:
    directions = {**dict.fromkeys(inputs, "input"), **dict.fromkeys(output, "output")}
    return {
        "type": kind,
        "parameters": parameters,
        "connections": {**inputs, **output},
        "port_directions": directions,
    }


def ring(starts: str) -> Netlist:
    """Registers in a ring behind one clock, the first one's content is the output."""
    count = len(starts)
    cells = {}
    for k in range(count):
        inputs = {"CLK": [2], "D": [10 + (k + 1) % count]}
        cells[f"r{k}"] = cell("$dff", inputs, {"Q": [10 + k]}, CLK_POLARITY="1", WIDTH="1")
    names = {f"r{k}": {"bits": [10 + k], "attributes": {"init": start}} for k, start in enumerate(starts)}
    return Netlist({"cells": cells, "ports": {}, "netnames": names})


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("01", "01", True),
        ("01", "10", False),
        # Another number of registers, and for ever the same content.
        ("01", "0101", True),
        ("00", "0", True),
        ("0001", "01", False),
        ("0111", "0011", False),
        ("x0", "x0", True),
        ("x0", "00", False),
    ],
)
def test_equal_means_equal_for_ever(first: str, second: str, equal: bool) -> None:
    found = compare((ring(first), ring(second)), [([2], [2])], {"o": ([10], [10])})
    assert isinstance(found, Matched) is equal
    assert isinstance(found, Difference) is not equal


def test_inputs_count_as_equal_only_where_they_are_said_to_be() -> None:
    def wire(bit: Any) -> Netlist:
        return Netlist({"cells": {"n": cell("$not", {"A": [bit]}, {"Y": [9]})}, "ports": {}, "netnames": {}})

    out = {"o": ([9], [9])}
    assert isinstance(compare((wire(2), wire(3)), [([2], [3])], out), Matched)
    assert isinstance(compare((wire(2), wire(3)), [], out), Difference)
    assert isinstance(compare((wire(2), wire(3)), [([2, 3], [2, 3])], out), Difference)
    # A constant of the first holds for the second, too, and for nothing else.
    assert isinstance(compare((wire("1"), wire(3)), [(["1"], [3])], out), Matched)
    assert isinstance(compare((wire("1"), wire(3)), [(["0"], [3])], out), Difference)


# Its own solver, by names: wires are paired by them, and numbered ones mean other things in each form.
PROOF = """read_verilog -sv "{file}"
hierarchy -top {top}
proc
flatten
{delete}
memory
opt_clean -purge
rename -hide w:*_next w:*.and_* w:and_*
rename {top} {name}
design -stash {name}
design -reset
"""
PROVE = """design -copy-from gold -as gold gold
design -copy-from gate -as gate gate
equiv_make gold gate equiv
hierarchy -top equiv
equiv_struct
equiv_simple
equiv_induct -seq 4
equiv_status -assert
"""
TRACE = " ".join(f"o:{name}" for name in ("trace_*", "sent_*", "activity_*", "around*", "bad_words"))


@pytest.mark.slow
def test_the_solver_of_yosys_says_the_same_of_a_small_network(tmp_path: Path) -> None:
    plan = make_plan(chain_network(2, (4, 2, 2)), PlanOptions(lanes=(1,)))
    write_forms(plan, tmp_path)
    text = (tmp_path / "design.v").read_text(encoding="utf-8")
    (tmp_path / "planted.v").write_text(plant(text, " >= ", " > "), encoding="utf-8")

    def proved(file: str) -> bool:
        script = PROOF.format(file=file, top=NETWORK, delete="", name="gold")
        script += PROOF.format(file="traced.v", top=plan.name, delete=f"delete {TRACE}", name="gate") + PROVE
        (tmp_path / "prove.ys").write_text(script, encoding="utf-8")
        log = tmp_path / f"{file}.log"
        try:
            yosys = find_tool("yosys")
            run_tool(yosys, ["prove.ys"], log=log, cwd=tmp_path, progress=SILENT, name="prove")
        except ToolError as error:
            return "unproven" not in str(error)
        return "Equivalence successfully proven" in log.read_text(encoding="utf-8")

    assert proved("design.v")
    assert match(plan, tmp_path).registers
    assert not proved("planted.v")
    (tmp_path / "design.v").write_bytes((tmp_path / "planted.v").read_bytes())
    with pytest.raises(MismatchError, match="has no counterpart"):
        match(plan, tmp_path)
