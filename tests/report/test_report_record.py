"""report.json: its stable names, what it refuses, and reading it back."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.report import Report
from qsnn_hw.report.bounds import Bounds
from qsnn_hw.report.framework import Framework
from qsnn_hw.report.record import told
from qsnn_hw.report.sections.accuracy import Accuracy
from qsnn_hw.report.sections.activity import ActivityPerSample
from qsnn_hw.report.sections.network import GroupSummary, NetworkSummary
from qsnn_hw.report.sections.verification import Verification
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.record_tree import decode, encode
from qsnn_hw.targets.fpga.sections import SECTIONS
from qsnn_hw.targets.fpga.sections.energy import Energy
from qsnn_hw.targets.fpga.sections.latency import Latency
from qsnn_hw.targets.fpga.sections.power import PowerMw
from qsnn_hw.targets.fpga.sections.prediction import PREDICTION, Prediction
from qsnn_hw.targets.fpga.sections.resources import Resource
from qsnn_hw.targets.fpga.sections.speed import Throughput
from qsnn_hw.targets.fpga.sections.timing import Timing
from tests.support.report_examples import empty_report, full_report, report_of

BOUNDS = {"low", "typical", "high"}
STABLE = {
    "accuracy": {"float", "quantized", "readout", "standard_error_pp"},
    "verification": {
        "samples",
        "spikes_compared",
        "potentials_compared",
        "mismatches",
        "simulator",
        "answers",
        "distinct_samples",
        "spikes_by_group",
        "repeated_samples",
        "repeated_spikes",
        "repeated_potentials",
        "matched_registers",
        "matched_memory_bits",
        "framework",
    },
    "timing": {"fmax_mhz", "constraint_mhz"},
    "clock": {"board_mhz"},
    "latency": {
        "cycles_per_sample_mean",
        "cycles_per_sample_max",
        "us_per_sample_mean",
        "us_on_board_mean",
        "link_us_mean",
        "host_us_mean",
        "network_cycles_mean",
    },
    "link": {"baud", "bytes_in_mean", "bytes_out_mean", "us_in_mean", "us_out_mean", "name"},
    "throughput": {"on_chip_per_s", "link_per_s", "limited_by", "per_watt", "link_per_watt"},
    "operating_point": {"clock_mhz", "us_per_sample_mean"},
    "power_mw": {"low", "typical", "high", "terms", "kinds", "calibration"},
    "power_io_mw": {"low", "typical", "high"},
    "at_rest": {"toggles", "memory_reads", "toggles_working"},
    "comparison": {"design", "clock_driven", "ann", "ann_macs"},
    "energy": {
        "per_sample_uj",
        "per_spike_nj",
        "static_uj",
        "dynamic_uj",
        "static_share",
        "link_per_sample_uj",
        "link_per_spike_nj",
        "per_spike_target",
        "link_per_spike_target",
        "static_per_spike_nj",
        "dynamic_per_spike_nj",
    },
    "metrics": {"synaptic_operations_per_sample", "spikes_per_sample", "spike_efficiency"},
    "files": {"verilog", "bitstream", "weights"},
}
RANGES = {
    "throughput": ("per_watt", "link_per_watt"),
    "energy": (
        *("per_sample_uj", "per_spike_nj", "static_uj", "dynamic_uj"),
        *("link_per_sample_uj", "link_per_spike_nj", "static_per_spike_nj", "dynamic_per_spike_nj"),
    ),
}


def saved(report: Report, folder: Path) -> Any:
    report.save(folder / "report.json")
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_stable_names(tmp_path: Path) -> None:
    content = saved(full_report(), tmp_path)
    assert {key: set(content[key]) for key in STABLE} == STABLE
    assert content["resources"]["DP16KD"] == {"used": 200, "available": 208}
    assert content["tools"] == {"yosys": "0.70"}
    assert content["files"] == {"verilog": "top.v", "bitstream": "top.bit", "weights": None}
    wanted = {"float": 0.9622, "quantized": 0.96, "readout": "most spikes", "standard_error_pp": 0.22}
    assert content["accuracy"] == wanted
    wanted = {"samples": 256, "labelled": True, "float": 0.98, "quantized": 0.97, "standard_error_pp": 0.4}
    assert content["calibration"] == wanted
    for part, names in RANGES.items():
        assert all(set(content[part][name]) == BOUNDS for name in names)
    term = {*BOUNDS, "part", "source", "assumed", "activity", "kind", "amount"}
    assert set(content["power_mw"]["terms"]["static"]) == term
    point = {*BOUNDS, "samples_per_s", "events_per_s", "what"}
    assert [set(found) for found in content["power_at_rate"]] == [point, point]
    way = {"energy_uj", "us", "synapse_reads", "times"}
    assert set(content["comparison"]["clock_driven"]) == way
    assert content["activity"]["hidden"]["busy_share"] == 0.75
    assert content["verification"]["framework"] == {
        **{"values": 112500, "differ": 0, "what": "spikes", "reason": None, "tolerance": None},
        **{"greatest_difference": None, "largest": None},
    }
    assert content["verification"]["spikes_by_group"] == {"hidden": 14000, "output": 8866}


def test_every_part_and_every_field_that_needs_it_has_a_meaning() -> None:
    basis, definitions = told(SECTIONS)
    parts = {
        *STABLE,
        "resources",
        "spikes_per_sample",
        "diagnostics",
        "activity",
        "prediction",
        "designs",
        "power_at_rate",
    } - {"files"}
    meant = {key.split(".")[0] for key in definitions}
    assert parts - meant == {"operating_point"}
    known = {key.split(".")[0] for key in basis}
    assert parts - known == set()
    for key in (*definitions, *basis):
        part, _, name = key.partition(".")
        assert part in parts, key
        assert not name or name in STABLE[part], key


_NONE = dict.fromkeys(("low", "typical", "high"))


def test_absent_is_null(tmp_path: Path) -> None:
    content = saved(empty_report(), tmp_path)
    for key, names in STABLE.items():
        ranges = dict.fromkeys(RANGES.get(key, ()), dict.fromkeys(("low", "typical", "high")))
        empty: dict[str, Any] = {name: {} for name in ("terms", "spikes_by_group", "kinds") if name in names}
        if key == "comparison":
            no_way = {
                **dict.fromkeys(("us", "synapse_reads")),
                **dict.fromkeys(("energy_uj", "times"), _NONE),
            }
            empty = dict.fromkeys(("design", "clock_driven", "ann"), no_way)
        assert content[key] == {**dict.fromkeys(names), **ranges, **empty}, key
    assert content["activity"] == {}
    assert content["resources"] == {}
    assert content["diagnostics"] is None
    assert content["tools"] == {}


@pytest.mark.parametrize("report", [full_report(), empty_report()])
def test_round_trip(report: Report, tmp_path: Path) -> None:
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json", SECTIONS) == report


def test_numpy_scalars_become_numbers(tmp_path: Path) -> None:
    report = report_of(
        NetworkSummary("n", np.int64(64)),
        convention={"dt": np.float64(0.5)},
        accuracy=Accuracy(np.float32(0.5), np.float64(0.25)),
        spikes_per_sample={"input": np.float64(2.5)},
    )
    content = saved(report, tmp_path)
    assert content["network"]["inputs"] == 64
    assert (content["accuracy"]["float"], content["accuracy"]["quantized"]) == (0.5, 0.25)
    assert content["convention"] == {"dt": 0.5}
    assert content["spikes_per_sample"] == {"input": 2.5}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Accuracy(math.nan), "accuracy.float must be finite (null when absent), not nan"),
        (lambda: Accuracy(None, 96.2), "accuracy.quantized must be at most 1, not 96.2"),
        (lambda: Timing(math.inf), "timing.fmax_mhz must be finite (null when absent), not inf"),
        (lambda: Timing(True), "timing.fmax_mhz must be a number or null, not True"),
        (lambda: Verification(mismatches=-1), "verification.mismatches must be at least 0, not -1"),
        (lambda: Verification(samples=1.5), "verification.samples must be a whole number or null, not 1.5"),
        (lambda: Resource("12"), "resource.used must be a number or null, not '12'"),
        (lambda: PowerMw(5.0, 4.0, 6.0), "power_mw must have low <= typical <= high, not (5.0, 4.0, 6.0)"),
        (lambda: Bounds(5.0, 4.0, 6.0), "estimate must have low <= typical <= high, not (5.0, 4.0, 6.0)"),
        (lambda: Energy(static_share=1.2), "energy.static_share must be at most 1, not 1.2"),
        (lambda: Energy(per_spike_target="ok"), "energy.per_spike_target must be one of kept, not kept"),
        (lambda: ActivityPerSample(1.28), "activity.busy_share must be at most 1, not 1.28"),
        (lambda: Throughput(limited_by="usb"), "throughput.limited_by must be one of link, core, not 'usb'"),
        (lambda: Framework(3, 4), "verification.framework.differ must be at most 3, not 4"),
        (
            lambda: Verification(spikes_by_group={"h": 1.5}),
            "verification.spikes_by_group.h must be a whole number or null, not 1.5",
        ),
        (lambda: Latency(5, 4), "latency.cycles_per_sample_mean must be at most the maximum 4, not 5"),
        (lambda: GroupSummary("h", None), "group 'h'.neurons must be a number, not None"),
        (lambda: GroupSummary("h", 4, scale_low=math.nan), "group 'h'.scale_low must be finite"),
        (
            lambda: report_of(NetworkSummary("n"), spikes_per_sample={"input": math.nan}),
            "spikes_per_sample.input must be finite",
        ),
        (
            lambda: Latency.of(np.zeros(0), 10.0),
            "cycles must have shape (samples,) with samples > 0, not (0,)",
        ),
    ],
)
def test_refuses(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        make()
    assert message in str(caught.value)


def test_latency_units() -> None:
    latency = Latency.of(np.array([1000, 1200]), 50.0, 25.0)
    assert latency == Latency(1100.0, 1200, 22.0, 44.0)
    assert Latency.of(np.array([1000]), None).us_per_sample_mean is None
    assert Latency.of(np.array([1000]), None).us_on_board_mean is None


@pytest.mark.parametrize(
    ("verification", "passed"),
    [
        (Verification(), None),
        (Verification(450, 0, 0, 0), None),
        (Verification(450, 10, 0, 0), True),
        (Verification(450, 0, 10, 0), True),
        (Verification(450, 10, 10, 1), False),
        (Verification(mismatches=1), False),
    ],
)
def test_nothing_compared_is_not_passed(verification: Verification, passed: bool | None) -> None:
    assert verification.passed is passed


def _remove_fmax(content: dict[str, Any]) -> None:
    del content["timing"]["fmax_mhz"]


def _older(content: dict[str, Any]) -> None:
    del content["diagnostics"]


def _dead_number(content: dict[str, Any]) -> None:
    content["diagnostics"]["groups"][0]["dead"] = 1


def _score(content: dict[str, Any]) -> None:
    content["diagnostics"]["sensitivity"][1]["score"] = 50


def _add_key(content: dict[str, Any]) -> None:
    content["latency"]["ns"] = 3


def _layer_text(content: dict[str, Any]) -> None:
    content["network"]["layers"][0] = "hidden"


def _text_number(content: dict[str, Any]) -> None:
    content["energy"]["per_spike_nj"]["typical"] = "3"


def _number_text(content: dict[str, Any]) -> None:
    content["files"]["verilog"] = 3


def _nan(content: dict[str, Any]) -> None:
    content["power_mw"]["low"] = math.nan


def _resources_list(content: dict[str, Any]) -> None:
    content["resources"] = []


def _warnings_text(content: dict[str, Any]) -> None:
    content["warnings"] = "one"


def _format(content: dict[str, Any]) -> None:
    content["format"] = "qsnn-hw report 9"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_remove_fmax, "report.timing lacks the key 'fmax_mhz'"),
        (_older, "report lacks the key 'diagnostics'"),
        (_dead_number, "report.diagnostics.groups[0].dead must be true or false, not 1"),
        (_score, "sensitivity of 'hidden'.score must be at most 1, not 50"),
        (_add_key, "report.latency has an unknown key 'ns'"),
        (_layer_text, "report.network.layers[0] must be an object, not 'hidden'"),
        (_text_number, "report.energy.per_spike_nj.typical must be a number, not '3'"),
        (_number_text, "report.files.verilog must be text, not 3"),
        (_resources_list, "report.resources must be an object, not []"),
        (_warnings_text, "report.warnings must be a list, not 'one'"),
        (_format, "format is 'qsnn-hw report 9', this version reads 'qsnn-hw report 4'"),
    ],
)
def test_load_says_what_is_wrong(
    damage: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    content = saved(full_report(), tmp_path)
    damage(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        Report.load(path, SECTIONS)
    text = str(caught.value)
    assert message in text
    assert text.startswith(str(path))
    assert text.endswith("run the build again")
    assert "\n" not in text


def test_nan_is_no_number_of_a_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    content = saved(full_report(), tmp_path)
    _nan(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=r"report\.json is not readable JSON: NaN is no JSON number"):
        Report.load(path, SECTIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not readable JSON"),
        ("[]", "it must be an object, not"),
        ("{}", "format is None"),
        ("", "is not readable JSON"),
    ],
)
def test_load_refuses_damaged_files(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        Report.load(tmp_path / "report.json", SECTIONS)


def test_load_of_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        Report.load(tmp_path / "report.json", SECTIONS)


def test_a_prediction_holds_counts_and_comes_back() -> None:
    given = full_report().but(prediction=Prediction({"ICESTORM_LC": 900}, 541.5, 541.5, 20, 0))
    assert decode(Prediction, encode(given[PREDICTION]), "prediction") == given[PREDICTION]
    assert empty_report()[PREDICTION] == Prediction()
    with pytest.raises(ValueError, match=r"prediction\.samples_differ must be a whole number"):
        Prediction(samples_differ=0.5)  # type: ignore[arg-type]
    assert given[PREDICTION].cycles_in_words() == "542 cycles"
    around = replace(given[PREDICTION], network_cycles_mean=400.0)
    assert around.cycles_in_words() == "542 cycles, the network alone 400"
    assert Prediction().cycles_in_words() is None
