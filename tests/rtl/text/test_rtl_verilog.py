"""The Verilog of a network of all kinds: three readers accept it, and a person can find the way."""

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, NeuronGroup, Projection
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.text.export import export_verilog, split_contents
from qsnn_hw.rtl.text.memory_style import memory_attributes
from qsnn_hw.rtl.text.readable import About, readable
from qsnn_hw.rtl.trace.activity import COUNTERS
from qsnn_hw.support.progress import SILENT
from qsnn_hw.toolchain.tools import find_tool, run_tool
from tests.support.float_groups import lif
from tests.support.lint import icarus_lint, verilator_lint


def sloping(name: str, shape: tuple[int, ...], **changes: Any) -> NeuronGroup:
    """Neurons that differ in their leak."""
    return lif(name, shape, leak=np.linspace(-0.05, 0.05, int(np.prod(shape))), **changes)


def plan_of_all_kinds() -> HardwarePlan:
    """A convolution, a recurrent group in registers, a sparse one, event lanes, and a delay."""
    rng = np.random.default_rng(1)

    def weights(*shape: int) -> np.ndarray:
        return rng.normal(0.1, 0.4, shape)

    several = {"current_decay": np.full(18, 0.6), "current_gain": np.ones(18), "reset_delay": True}
    groups = (
        sloping("conv", (2, 6, 6), max_spikes=None, v_min=-1.0),
        sloping("hidden", (18,), **several),
        sloping("folded", (10,), refractory=2, reset_retest=True),
        sloping("out", (5,)),
    )
    halves = weights(10, 18) * (np.arange(18) % 2 == np.arange(10)[:, np.newaxis] // 5)
    convolution = Conv2d(weights(2, 1, 3, 3), None, (1, 6, 6), padding=(1, 1))
    projections = (
        Projection("p0", INPUT, "conv", (convolution,)),
        Projection("p1", "conv", "hidden", (Dense(weights(18, 72)),)),
        Projection("p2", "hidden", "hidden", (Dense(weights(18, 18)),)),
        Projection("p3", "hidden", "folded", (Dense(halves),)),
        Projection("p4", "folded", "out", (Dense(weights(5, 10)),), delay=2),
    )
    network = Network("kinds", (1, 6, 6), groups, projections, "out")
    plan = make_plan(
        quantize(network, QuantizeOptions(weight_bits=5)),
        PlanOptions(
            lanes=[2, 18, 5, 5],
            update_lanes=[2, 4, 5, 5],
            event_lanes=[1, 1, 1, 2],
            accumulators=["memory", "registers", "memory", "memory"],
        ),
    )
    assert [[p.kind for p in g.projections] for g in plan.groups] == [
        ["grid"],
        ["grid", "dense"],
        ["sparse"],
        ["dense"],
    ]
    return plan


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ``kinds.v``, the network with its trace ports, and ``top.v``, the same on a board."""
    folder = tmp_path_factory.mktemp("verilog")
    plan = plan_of_all_kinds()
    for component, name in ((SpikingNetwork(plan, trace=True), "kinds"), (BoardTop(plan, 12), "top")):
        export_verilog(component, name, folder, SILENT)
    return folder


TOPS = ["kinds", "top"]


def modules(text: str) -> dict[str, tuple[list[str], str]]:
    """Module name -> (ports, what stands between the port list and the end)."""
    found = {}
    for name, ports, body in re.findall(
        r"^module (\S+) ?\((.*?)\);\n(.*?)^endmodule", text, re.MULTILINE | re.DOTALL
    ):
        found[name.lstrip("\\")] = ([port.strip().lstrip("\\") for port in ports.split(",")], body)
    return found


def network_in(found: dict[str, tuple[list[str], str]]) -> str:
    """Where the spiking network is."""
    (name,) = [name for name in found if name.endswith(".router")]
    return name.removesuffix(".router")


@pytest.mark.parametrize("top", TOPS)
def test_verilator_lint(design: Path, top: str) -> None:
    kinds, left = verilator_lint(design / f"{top}.v", top)
    assert kinds >= {"DECLFILENAME", "UNUSEDSIGNAL"}, "Verilator did not look at it"
    assert not left


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
@pytest.mark.parametrize("top", TOPS)
def test_icarus_accepts_it_without_a_word(design: Path, top: str) -> None:
    assert icarus_lint(design / f"{top}.v", top) == (0, "", "")


@pytest.mark.parametrize("top", TOPS)
def test_yosys_reads_it_and_finds_every_driver(design: Path, top: str) -> None:
    script = f"read_verilog {top}.v; hierarchy -check -top {top}; proc; check -assert"
    run_tool(
        find_tool("yosys"),
        ["-q", "-p", script],
        log=design / f"{top}-read.log",
        cwd=design,
        progress=SILENT,
        name="read Verilog",
    )


@pytest.mark.parametrize("top", TOPS)
def test_names_are_those_of_the_design(design: Path, top: str) -> None:
    found = modules((design / f"{top}.v").read_text(encoding="utf-8"))
    network = network_in(found)
    for part in (
        *(
            "router",
            "router.multicast2",
            "router.merge2",
            "router.buffer2",
            "router.delay2",
            "router.adapter4",
        ),
        *("conv", "conv.walker", "conv.accumulators.neurons", "conv.sweep.lane1", "conv.sweep.encoder"),
        *("hidden.accumulators.sums.banks", "hidden.walker.projection1", "hidden.sweep.lane3"),
    ):
        assert f"{network}.{part}" in found
    for name, (ports, body) in found.items():
        assert "$" not in name
        assert not [port for port in ports if "$" in port], name
        # Instances: a module's name, then the instance's.
        for module, instance in re.findall(r"^  \\(\S+) +\\?(\S+) \($", body, re.MULTILINE):
            assert module == f"{name}.{instance}"


@pytest.mark.parametrize("top", TOPS)
def test_ports_are_those_of_the_components(design: Path, top: str) -> None:
    found = modules((design / f"{top}.v").read_text(encoding="utf-8"))
    network = network_in(found)
    stream = {"i__payload", "i__valid", "i__ready", "o__payload", "o__valid", "o__ready"}
    clock = {"clk", "rst"}
    group = set(found[f"{network}.hidden"][0])
    assert stream | clock <= group
    counted = {port for port in group if re.fullmatch(rf"({'|'.join(COUNTERS)})(\d+|_hidden)", port)}
    # Counters are in the traced form only.
    assert bool(counted) == (top == "kinds")
    assert {port.split("__")[0] for port in group - clock - counted} <= {"i", "o", "trace"}
    lane = set(found[f"{network}.hidden.sweep.lane0"][0])
    assert {"x", "stored", "state", "fired", "en", "advance", "clear"} <= lane
    # The walker's operation crosses three modules under one name.
    fields = {f"payload_{field}" for field in ("row0", "fold", "present", "tick_last")}
    walker, accumulators = (set(found[f"{network}.conv.{part}"][0]) for part in ("walker", "accumulators"))
    assert {f"o__{field}" for field in fields} <= walker
    assert {f"i__{field}" for field in fields} <= accumulators
    assert {"link__start__valid", "link__busy", "link__read_en", "link__x"} <= accumulators


def test_ports_of_the_tops_stand_in_order(design: Path) -> None:
    tops = {top: modules((design / f"{top}.v").read_text(encoding="utf-8"))[top][0] for top in TOPS}
    assert tops["top"] == ["clk", "rx", "tx", "led"]
    stream = [f"{port}__{part}" for port in "io" for part in ("payload", "valid", "ready")]
    assert tops["kinds"][:9] == ["clk", "rst", *stream, "bad_words"]
    shown = ("trace_", "sent_", "activity_", "around__")
    assert all(port.startswith(shown) for port in tops["kinds"][9:])


def test_ports_of_every_module_stand_in_order(design: Path) -> None:
    """Clock and reset first; of a stream what it carries, then valid and ready, side by side."""
    for name, (ports, _) in modules((design / "kinds.v").read_text(encoding="utf-8")).items():
        assert [port for port in ports if port in ("clk", "rst")] == ports[: len({"clk", "rst"} & {*ports})]
        places = {port: place for place, port in enumerate(ports)}
        for port, place in places.items():
            if port.endswith("__valid") and f"{port[:-5]}ready" in places:
                assert places[f"{port[:-5]}ready"] == place + 1, (name, ports)


def declared(ports: list[str], body: str) -> dict[str, int]:
    """Names and widths of the wires and registers of a module."""
    found = re.findall(
        r"^  (?:input|output|wire|reg) (?:signed )?(?:\[(\d+):0\] )?\\?(\S+?)(?: ?;| +=)", body, re.MULTILINE
    )
    return {name: int(high or 0) + 1 for high, name in found}


def test_memory_ports_are_called_what_they_are(design: Path) -> None:
    """By width, and by what really indexes the memory, enables it and carries its word."""
    shapes, checked = set(), Counter[str]()
    for name, (ports, body) in modules((design / "kinds.v").read_text(encoding="utf-8")).items():
        memories = re.findall(r"^  reg (?:\[(\d+):0\] )?\\?(\S+) \[(\d+):0\];$", body, re.MULTILINE)
        if not memories:
            continue
        widths, aliases = declared(ports, body), dict[str, set[str]]()
        for left, right in re.findall(r"^  assign \\?(\S+) += \\?(.*?) ?;$", body, re.MULTILINE):
            aliases.setdefault(left, {left}).add(right)
            aliases.setdefault(right, {right}).add(left)
        logic = re.sub(r"^  initial begin\n(?:    .*\n)*  end\n", "", body, flags=re.MULTILINE)
        depths = {int(last).bit_length() for _, _, last in memories}
        words = {int(high or 0) + 1 for high, _, _ in memories}
        shapes |= {(int(last) + 1, int(high or 0) + 1) for high, _, last in memories}
        indices = {
            index
            for _, memory, _ in memories
            for index in re.findall(rf"\b{memory} ?\[\\?((?:[^][]|\[[^]]*\])+?) ?\](?: <=|;)", logic)
        }
        assert indices, name
        for wire, width in widths.items():
            what = re.fullmatch(r"\w+__(addr|en|data)(_\d+)?", wire)
            if what is None or wire in ports:
                continue
            allowed = {"addr": depths, "en": {1}, "data": words}[what[1]]
            assert width in allowed, f"{name}: {wire} has {width} bits, not {allowed}"
            same = aliases.get(wire, {wire})
            if what[1] == "addr":
                assert same & indices, (
                    f"{name}: {wire} is {same}, the memory is read and written at {indices}"
                )
            checked[what[1]] += 1
    assert len(shapes) > 8
    assert min(checked["addr"], checked["en"], checked["data"]) >= 8, checked


@pytest.mark.parametrize("top", TOPS)
def test_few_names_are_numbers(design: Path, top: str) -> None:
    """Only what the Verilog writer adds itself: a trigger for blocks that read nothing."""
    text = (design / f"{top}.v").read_text(encoding="utf-8")
    found = re.findall(r"^  (?:wire|reg) (?:signed )?(?:\[\d+:\d+\] )?(\S*\$\S*)", text, re.MULTILINE)
    assert not [name for name in found if not name.startswith("\\$auto$verilog_backend")]
    # A register's next value is told by the register's name, other values by their operation.
    assert re.search(r"\bpending_next\b", text)
    assert re.search(r"\band_\d+\b", text)


def test_memories_say_where_they_go_in_every_tools_words(design: Path) -> None:
    text = (design / "kinds.v").read_text(encoding="utf-8")
    found = re.findall(r"((?:^  \(\* .* \*\)\n)+)  reg .*\[\d+:0\];$", text, re.MULTILINE)
    styles = {tuple(sorted(re.findall(r"\b(\w+) = \"(.*?)\"", attributes))) for attributes in found}
    assert styles
    for style in styles:
        words = dict(style)
        if "rom_style" in words:
            assert words["syn_romstyle"] == {"block": "block_rom", "logic": "logic"}[words["rom_style"]]
            assert words.get("romstyle") == {"block": None, "logic": "logic"}[words["rom_style"]]
        else:
            assert words["syn_ramstyle"] == f"{words['ram_style']}_ram"
            assert "no_rw_check" in words["ramstyle"]
    assert {dict(style).get("rom_style") for style in styles} >= {"logic"}


def test_memory_attributes() -> None:
    assert memory_attributes("ram", "auto") == {}
    with pytest.raises(ValueError, match=r"^Style of a rom must be one that it has, not 'huge'$"):
        memory_attributes("rom", "huge")


def test_every_module_says_what_it_is(design: Path) -> None:
    text = (design / "kinds.v").read_text(encoding="utf-8")
    described = re.findall(
        r"^\(\* description = \"(.+)\" \*\)(?:\n\(\*.*)*\nmodule (\S+)", text, re.MULTILINE
    )
    assert len(described) == len(modules(text))
    said = {name: words for words, name in described}
    assert said[r"\kinds.hidden"] == (
        "Neuron group hidden: 18 neurons as 20 lanes x 1 folds, 4 updated and 1 events taken a cycle, "
        "accumulators in registers; 5-bit weights (grid + dense), "
        + re.search(r"\d+-bit potentials$", said[r"\kinds.hidden"])[0]  # type: ignore[index]
    )
    assert "`" not in text


RTLIL = r"""attribute \top 1
module \t
  wire width 1 input 0 \a
  cell \t.m \m
    connect \port$7$0 \a [0]
    connect \o \i$3 [0]
  end
end

module \t.m
  wire width 1 input 0 \port$7$0
  wire width 1 output 1 \o
  wire width 1 \i
  wire width 1 \inner
  wire width 0 \nothing
connect \i \port$7$0 [0]
connect \o \inner [0]
connect \nothing {  }
end
"""


def test_renaming_reaches_the_instance_and_keeps_every_name_apart() -> None:
    about = {"t.m": About({"i": "data", "o": "i"}, "One.")}
    text = readable(RTLIL, about)
    assert 'attribute \\description "One."\nmodule \\t.m' in text
    assert "connect \\data \\a [0]" in text
    # Port o has the interface's name i; the wire that had it stands aside.
    assert "connect \\i \\i$3 [0]" in text
    assert "wire width 1 output 2 \\i\n" in text
    # It passes on the port that is called data now, and must not be taken for the other.
    assert "connect \\i_inner \\data [0]" in text
    declared = re.findall(r"wire .*(\\\S+)$", text.partition("module \\t.m")[2], re.MULTILINE)
    assert len(declared) == len(set(declared)) == 4
    assert "nothing" not in text


def test_two_ports_never_get_one_name() -> None:
    """A port without a name in the interface whose own name another port takes."""
    text = RTLIL.replace("  wire width 1 \\i\n", "  wire width 1 \\i\n  wire width 1 input 2 \\data\n")
    text = text.replace(
        "    connect \\o \\i$3 [0]\n", "    connect \\o \\i$3 [0]\n    connect \\data \\b [0]\n"
    )
    text = readable(text, {"t.m": About({"i": "data", "o": "i"}, "One.")})
    assert "connect \\data \\a [0]" in text
    assert "connect \\data_inner \\b [0]" in text
    assert "input 3 \\data_inner\n" in text or "input 2 \\data_inner\n" in text


@given(st.lists(st.integers(0, 700), max_size=3))
def test_split_contents(sizes: list[int]) -> None:
    """Every memory keeps its words in their order, in blocks of 256 at most; all else stays."""
    words = [[f"    \\mem {k} [{i}] = 8'd{i % 256};\n" for i in range(size)] for k, size in enumerate(sizes)]
    head, end = (
        "module m;\n  reg a = 1'h0;\n",
        "  always @(posedge clk) begin\n    a <= 1;\n  end\nendmodule\n",
    )
    text = head + "".join("  initial begin\n" + "".join(block) + "  end\n" for block in words) + end

    split = split_contents(text)

    assert split.startswith(head)
    assert split.endswith(end)
    blocks = re.findall(r"^  initial begin\n((?:    .*\n)*)  end\n", split, re.MULTILINE)
    assert all(block.count("\n") <= 256 for block in blocks)
    assert len(blocks) == sum(max(1, -(-size // 256)) for size in sizes)
    assert "".join(blocks) == "".join(line for block in words for line in block)
    assert len(split) == len(text) + (len(blocks) - len(sizes)) * len("  end\n  initial begin\n")
