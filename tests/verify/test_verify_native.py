"""The bench without Python: what it finds and measures is what cocotb's benches find and measure."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.support.errors import MismatchError, ToolError, UserError
from qsnn_hw.verify import Verification, design, native, runner, shares, verify, work
from qsnn_hw.verify.design import Compared, Reference, verify_reference
from qsnn_hw.verify.drawn_words import as_integers, draw_gaps, draw_stalls, input_words, limbs_of
from qsnn_hw.verify.layout import StreamLayout
from qsnn_hw.verify.native import model_glue, verilog_ports
from qsnn_hw.verify.stimulus import Stimulus
from sim.checker import trace_values
from sim.native import potentials, word_characters
from tests.support.tampered import FAULTS, Tampered
from tests.support.verification_record import RECORD
from tests.support.verify_networks import Example, chain_network, example, export, skip_network

SHAPES: dict[str, Callable[[], Example]] = {
    "registers": lambda: planned(chain_network(2), lanes=(5, 3), accumulators=["registers"]),
    "memory": lambda: planned(chain_network(3), lanes=(2, 1), accumulators=["memory"]),
    "event lanes": lambda: planned(
        chain_network(4), lanes=(5, 3), event_lanes=(2, 2), accumulators=["registers"]
    ),
    "several routes": lambda: planned(skip_network(), lanes=(2,)),
    "loaded": lambda: planned(chain_network(5), lanes=(5, 3), event_lanes=(2, 1), synapse_store="ram"),
}


def planned(network: Any, **options: Any) -> Example:
    item = example(network, samples=5, steps=8)
    return replace(item, plan=make_plan(network, PlanOptions(**options)))


def run(item: Example, verilog: Path, folder: Path, **options: Any) -> Verification:
    chosen: dict = {"simulator": "verilator", "processes": 1, **options}
    return verify(item.plan, verilog, item.inputs, item.golden, folder, **chosen)


def figures(found: Verification) -> dict[str, Any]:
    """Everything but which simulator it was and how long it took."""
    return {k: v for k, v in asdict(found).items() if k not in ("simulator", "cocotb", "seconds")}


# One stimulus and one checker: every figure is the same, the stress pass's cycles included.


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
@pytest.mark.parametrize("shape", [pytest.param(s, marks=pytest.mark.slow) for s in SHAPES])
def test_every_figure_is_that_of_icarus_under_cocotb(tmp_path: Path, shape: str) -> None:
    item = SHAPES[shape]()
    verilog = export(item.plan, tmp_path)
    found = run(item, verilog, tmp_path / "work", backpressure=0.5, idle=0.4)
    other = run(item, verilog, tmp_path / "work", backpressure=0.5, idle=0.4, simulator="icarus")
    assert found.cocotb is None
    assert other.cocotb is not None
    # Registers that were never written are undefined in Icarus, and then nothing is said of what switched.
    without = {"toggles", "toggle_bits"} if other.toggles is None else set()
    without |= {"rest_toggles"} if other.rest_toggles is None else set()
    assert {k: v for k, v in figures(found).items() if k not in without} == {
        k: v for k, v in figures(other).items() if k not in without
    }


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_every_figure_is_that_of_verilator_under_cocotb(tmp_path: Path, shape: str) -> None:
    item = SHAPES[shape]()
    verilog = export(item.plan, tmp_path)
    found, other = (
        run(item, verilog, tmp_path / "work", processes=2, simulator=name) for name in ("verilator", "cocotb")
    )
    assert found.simulator == other.simulator
    assert figures(found) == figures(other)


# The reference.


def test_benches_that_disagree_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    item = example(chain_network())
    compared = Compared(item.plan, tmp_path, tmp_path, item.inputs, None, item.golden)
    record = replace(RECORD, samples=6, cycles_per_sample=(100_000, 200_000), stress_cycles=50, seed=3)
    asked: list[dict[str, Any]] = []

    def verify_design(*args: object, **options: Any) -> Verification:
        asked.append(options)
        own = {"cocotb": "2.1.0", "seconds": 2.5} if options["simulator"] == "cocotb" else {}
        return replace(record, **{**own, **(changes if own else {})})

    changes: dict[str, Any] = {}
    monkeypatch.setattr(design, "verify_design", verify_design)
    found = verify_reference(compared, tmp_path, record)
    assert found == Reference(1, "verilator 5.48", "2.1.0")
    assert found.text() == (
        "reference: verilator 5.48 under cocotb 2.1.0: first 1 samples, every figure the same"
    )
    assert [(o["simulator"], o["samples"], o["seed"]) for o in asked] == [
        ("verilator", 1, 3),
        ("cocotb", 1, 3),
    ]
    found.save(tmp_path / "reference.json")
    assert Reference.load(tmp_path / "reference.json") == found
    changes["stress_cycles"] = 51
    with pytest.raises(
        ToolError,
        match=r"^the benches disagree on stress_cycles of 1 samples: without cocotb 50, under cocotb 51$",
    ):
        verify_reference(compared, tmp_path, record)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Example, Path]:
    """One design for tests that change what it is compared with."""
    item = example(chain_network())
    folder = tmp_path_factory.mktemp("design") / "in a folder with spaces"
    folder.mkdir()
    return item, export(item.plan, folder)


@pytest.mark.slow
def test_parts_compare_the_same_samples(
    built: tuple[Example, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, verilog = built
    # GNU make, which builds the bench, takes no such name.
    whole = run(item, verilog, tmp_path / "in a folder with spaces")
    monkeypatch.setattr(shares, "PART_BYTES", 1)
    case = runner.make_case(item.plan, item.inputs, item.golden)
    assert shares.parts_of(case, 3, 6) == [[3, 4], [4, 5], [5, 6]]
    # Only under stress do samples of different parts not follow one another.
    parts = run(item, verilog, tmp_path, processes=2)
    changes = {k for k, v in figures(parts).items() if v != figures(whole)[k]}
    assert changes == {"stress_cycles"}


@pytest.mark.slow
def test_few_cycles_are_not_optimised_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless what is optimised is there already; every figure is the same."""
    monkeypatch.setattr(native, "cache_folder", lambda: tmp_path)
    item = example(chain_network())
    verilog = export(item.plan, tmp_path)

    def level() -> str:
        (found,) = re.findall(r"OPT_FAST=(\S+)", (tmp_path / "work" / "compiler-build.log").read_text())
        return str(found)

    def programs() -> set[Path]:
        return set((tmp_path / "benches").iterdir())

    quick = run(item, verilog, tmp_path / "work")
    (first,) = programs()
    assert level() == "-O0"
    with monkeypatch.context() as patch:
        patch.setattr(work, "SHORT_CYCLES", 0)
        optimised = run(item, verilog, tmp_path / "work")
    assert level() == "-O2"
    assert figures(quick) == figures(optimised)
    (second,) = programs() - {first}
    first.unlink()
    assert figures(run(item, verilog, tmp_path / "work")) == figures(quick)
    assert programs() == {second}


def test_another_folder_builds_nothing(
    built: tuple[Example, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, verilog = built
    run(item, verilog, tmp_path / "first")

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a tool was started")

    monkeypatch.setattr(native, "run_tool", refuse)
    assert run(item, verilog, tmp_path / "second").samples == 6
    changed = tmp_path / "changed.v"
    changed.write_text(verilog.read_text(encoding="utf-8") + "// changed\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="a tool was started"):
        run(item, changed, tmp_path / "third")


# Seeded faults.


@pytest.mark.parametrize("name", ["alone", "stress", "stream"])
@pytest.mark.parametrize(("group", "step", "sample", "neuron"), [("lif1", 3, 4, 2), ("lif2", 11, 5, 1)])
def test_a_changed_golden_potential_is_found(
    built: tuple[Example, Path], tmp_path: Path, name: str, group: str, step: int, sample: int, neuron: int
) -> None:
    item, verilog = built
    changed = item.golden.potentials[group].copy()
    changed[step, sample, neuron] += 1
    golden = replace(item.golden, potentials={**item.golden.potentials, group: changed})
    value = int(changed[step, sample, neuron])
    place = f"sample {sample}, time step {step}, group '{group}' neuron {neuron}"
    with pytest.raises(MismatchError) as caught:
        run(replace(item, golden=golden), verilog, tmp_path, passes=(name,), processes=2)
    assert str(caught.value) == (
        f"hardware and golden differ (verilator, pass {name}): {place}: "
        f"potential is {value - 1}, golden {value}"
    )


@pytest.mark.parametrize("group", ["lif1", "lif2"])
def test_a_changed_golden_spike_is_found(built: tuple[Example, Path], tmp_path: Path, group: str) -> None:
    item, verilog = built
    changed = item.golden.spikes[group].copy()
    step, sample, neuron = (int(n) for n in np.argwhere(changed == 0)[-1])
    changed[step, sample, neuron] = 1
    golden = replace(item.golden, spikes={**item.golden.spikes, group: changed})
    message = (
        rf"sample {sample}, time step {step}, group '{group}' neuron {neuron}: did not spike, golden did"
    )
    with pytest.raises(MismatchError, match=message):
        run(replace(item, golden=golden), verilog, tmp_path)


def test_a_changed_line_of_rtl_is_found(built: tuple[Example, Path], tmp_path: Path) -> None:
    item, verilog = built
    text = verilog.read_text(encoding="utf-8")
    wrong = text.replace("($signed(x)) >= ", "($signed(x)) > ")
    if wrong == text:
        wrong = text.replace("$signed(x) >= ", "$signed(x) > ")
    assert wrong != text
    changed = tmp_path / "design.v"
    changed.write_text(wrong, encoding="utf-8")
    with pytest.raises(MismatchError, match=r"sample \d+, time step \d+, group 'lif[12]' neuron \d: "):
        run(item, changed, tmp_path / "work")


@pytest.mark.parametrize(
    "fault",
    [f if f == "unstable" else pytest.param(f, marks=pytest.mark.slow) for f in FAULTS],
)
def test_a_tampered_output_stream_is_found(tmp_path: Path, fault: str) -> None:
    item = example(chain_network(), samples=3)
    verilog = export(item.plan, tmp_path, lambda plan: Tampered(plan, fault))
    with pytest.raises(MismatchError, match=FAULTS[fault]):
        run(item, verilog, tmp_path / "work")


@pytest.mark.slow
def test_a_design_without_trace_is_a_tool_error(tmp_path: Path) -> None:
    item = example(chain_network())
    verilog = export(item.plan, tmp_path, lambda plan: SpikingNetwork(plan))
    with pytest.raises(ToolError, match=r"without a verdict on pass alone: .*trace_lif1.*simulation.log$"):
        run(item, verilog, tmp_path / "work")


# Its parts.


def as_words(payloads: Sequence[int], bits: int) -> np.ndarray:
    """The inverse of ``as_integers``: uint32, shape (words, limbs)."""
    size = 4 * limbs_of(bits)
    data = b"".join(payload.to_bytes(size, "little") for payload in payloads)
    return np.frombuffer(data, dtype="<u4").reshape(-1, size // 4)


@given(
    lanes=st.integers(1, 9), v_bits=st.integers(2, 32), words=st.integers(1, 4), seed=st.integers(0, 2**32)
)
def test_potentials_are_those_of_bit_strings(lanes: int, v_bits: int, words: int, seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 2, (words, lanes * v_bits))
    texts = ["".join(map(str, word)) for word in bits.tolist()]
    limbs = as_words([int(text, 2) for text in texts], lanes * v_bits)
    wanted, _ = trace_values(texts, lanes, v_bits)
    assert np.array_equal(potentials(limbs, lanes, v_bits), wanted)
    shown = word_characters(limbs, lanes * v_bits)
    assert [word.tobytes().decode() for word in shown] == texts


@given(st.lists(st.integers(0, 2**100 - 1), max_size=5))
def test_payloads_come_back(payloads: list[int]) -> None:
    assert as_integers(as_words(payloads, 100)) == payloads


@given(
    slots=st.sampled_from([1, 2, 8]),
    seed=st.integers(0, 2**32),
    weights=st.binary(max_size=5),
    stalls=st.booleans(),
)
def test_a_stimulus_comes_back(slots: int, seed: int, weights: bytes, stalls: bool, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    chance = np.random.default_rng(seed)
    inputs = chance.integers(0, 3, (3, 4, 9)).astype(np.uint8)
    words, ends = input_words(inputs, StreamLayout(np.arange(9), slots), chance)
    made = Stimulus(
        words=words,
        gaps=draw_gaps(chance, len(words), 0.5),
        ends=ends,
        marks=np.array([4, 8, 12]),
        every_word=False,
        alone=True,
        weights=np.frombuffer(weights, np.uint8),
        weight_gaps=draw_gaps(chance, len(weights), 0.5),
        weights_first=False,
        stalls=draw_stalls(chance, 0.3 if stalls else 0.0),
        before=1,
        after=2,
        hang_cycles=3,
    )
    path = tmp_path_factory.mktemp("stimulus") / "stimulus"
    made.save(path)
    found = Stimulus.load(path)
    for name, value in vars(made).items():
        assert np.array_equal(getattr(found, name), value), name
    path.write_bytes(path.read_bytes()[:-1] if made.stalls.size + len(weights) else b"")
    with pytest.raises(UserError, match="is no stimulus"):
        Stimulus.load(path)


def test_gaps_and_stalls_are_as_frequent_as_asked_for() -> None:
    chance = np.random.default_rng(1)
    gaps = draw_gaps(chance, 20_000, 0.4)
    # One gap in nine is of no cycle at all.
    assert 0.3 < (gaps > 0).mean() < 0.4
    assert gaps.max() == 63
    runs = draw_stalls(chance, 0.3)
    assert runs.min() == 1
    assert runs[1::2].max() == 256
    assert 0.25 < runs[1::2].sum() / runs.sum() < 0.35
    assert not draw_gaps(chance, 10, 0.0).any()
    assert not draw_stalls(chance, 0.0).size


VERILOG = r"""
module other(clk, a);
  input clk;
  input [7:0] a;
endmodule
(* top =  1  *)
module top(clk, i__valid, i__payload, o__payload);
  input clk;
  input i__valid;
  wire i__valid;
  input [11:0] i__payload;
  output [70:0] o__payload;
  reg [70:0] o__payload;
endmodule
"""


def test_ports_of_the_verilog() -> None:
    ports = verilog_ports(VERILOG, "top")
    assert ports == {"clk": 1, "i__valid": 1, "i__payload": 12, "o__payload": 71}
    glue = model_glue(ports, Path("design.h"))
    assert '{"i__payload", &model_.i___05Fpayload, sizeof(model_.i___05Fpayload)},' in glue
    assert "PAYLOAD_BITS = 71;" in glue
    with pytest.raises(ToolError, match="no module missing"):
        verilog_ports(VERILOG, "missing")
