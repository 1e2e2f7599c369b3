"""Cases and records as files, and what they refuse."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.golden import GoldenRun
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import read_json, write_json
from qsnn_hw.verify import Case, Verification, make_case
from qsnn_hw.verify.record import GroupActivity
from qsnn_hw.verify.shares import shards
from tests.support.verification_record import RECORD as EVERY_MEASUREMENT
from tests.support.verify_networks import Example, chain_network, example


@pytest.fixture(scope="module")
def item() -> Example:
    return example(chain_network(), samples=4, steps=5)


def test_a_case_comes_back_from_its_file(item: Example, tmp_path: Path) -> None:
    case = make_case(item.plan, item.inputs, item.golden, seed=7, idle=0.25, backpressure=0.5)
    case.save(tmp_path / "case.npz")
    back = Case.load(tmp_path / "case.npz")
    assert case.counters == back.counters
    arrays = ("inputs", "outputs", "weights")
    for mine, theirs in ((getattr(case, name), getattr(back, name)) for name in arrays):
        assert np.array_equal(mine, theirs)
    for a, b in zip(case.groups, back.groups, strict=True):
        assert np.array_equal(a.potentials, b.potentials)
        assert np.array_equal(a.spikes, b.spikes)
        assert np.array_equal(a.trace.sent.addresses, b.trace.sent.addresses)
        assert a.trace.sent.slots == b.trace.sent.slots
        assert np.array_equal(a.trace.neuron_of_slot, b.trace.neuron_of_slot)
        assert a.group == b.group
        for name in ("port", "row_port", "rows", "lanes", "v_bits", "sent_port", "activity_port"):
            assert getattr(a.trace, name) == getattr(b.trace, name)
    for mine, theirs in ((case.input_stream, back.input_stream), (case.output_stream, back.output_stream)):
        assert np.array_equal(mine.addresses, theirs.addresses)
        assert mine.slots == theirs.slots
    plain = {
        "weights": None,
        "inputs": None,
        "groups": (),
        "input_stream": None,
        "output_stream": None,
    }
    assert replace(case, **plain) == replace(back, **plain)
    assert back.top == "tiny"
    assert [g.trace.port for g in back.groups] == ["trace_lif1", "trace_lif2"]
    assert (back.steps, back.samples, back.output_group) == (5, 4, "lif2")


def test_a_part_holds_its_samples_only(item: Example) -> None:
    part = make_case(item.plan, item.inputs, item.golden).part(1, 3)
    assert part.samples == 2
    assert np.array_equal(part.inputs, item.inputs[:, 1:3])
    assert np.array_equal(part.groups[0].potentials, item.golden.potentials["lif1"][:, 1:3])
    assert np.array_equal(part.groups[0].spikes, item.golden.spikes["lif1"][:, 1:3])
    assert np.array_equal(part.outputs, item.golden.spikes["lif2"][:, 1:3])


@pytest.mark.parametrize("name", ["idle", "backpressure"])
def test_probabilities(item: Example, name: str) -> None:
    with pytest.raises(UserError, match=rf"^{name} must be a probability from 0 to below 1, not 1.0$"):
        make_case(item.plan, item.inputs, item.golden, **{name: 1.0})


def test_a_golden_run_that_does_not_fit(item: Example) -> None:
    without = GoldenRun(item.golden.spikes, {"lif2": item.golden.potentials["lif2"]})
    with pytest.raises(ValueError, match="must hold the potentials of group 'lif1'"):
        make_case(item.plan, item.inputs, without)
    with pytest.raises(ValueError, match=r"group 'lif1' must have shape \(5, 3, 5\), not \(5, 4, 5\)"):
        make_case(item.plan, item.inputs[:, :3], item.golden)
    with pytest.raises(ValueError, match="must have 6 addresses, not 5"):
        make_case(item.plan, item.inputs[:, :, :5], item.golden)
    with pytest.raises(ValueError, match="at least one time step and one sample, not 5 and 0"):
        make_case(item.plan, item.inputs[:, :0], item.golden)
    many = item.inputs.astype(np.int64) * 300
    with pytest.raises(ValueError, match=r"Input must be 0 to 255 events of each address .*, not 0 to 300"):
        make_case(item.plan, many, item.golden)
    wide = {name: v.copy() for name, v in item.golden.potentials.items()}
    wide["lif2"][0, 0, 0] = 1 << 20
    with pytest.raises(ValueError, match=r"group 'lif2' must fit \d+ bits, not reach from -?\d+ to 1048576"):
        make_case(item.plan, item.inputs, GoldenRun(item.golden.spikes, wide))


def test_repeated_events_come_back(item: Example, tmp_path: Path) -> None:
    case = make_case(item.plan, item.inputs * 3, item.golden)
    case.save(tmp_path / "case.npz")
    assert np.array_equal(Case.load(tmp_path / "case.npz").inputs, item.inputs * 3)


def test_potentials_stay_in_their_file_until_needed(item: Example, tmp_path: Path) -> None:
    make_case(item.plan, item.inputs, item.golden).save(tmp_path / "case.npz")
    part = Case.load(tmp_path / "case.npz").part(1, 3)
    potentials = part.groups[0].potentials
    assert isinstance(potentials, np.memmap)
    assert potentials.dtype == np.int16
    assert np.array_equal(potentials[:, 1], item.golden.potentials["lif1"][:, 2])
    (tmp_path / "case.potentials1.npy").unlink()
    with pytest.raises(UserError, match="holds no verification case of this version"):
        Case.load(tmp_path / "case.npz")


def test_a_file_that_is_no_case(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^no such file: .*case.npz$"):
        Case.load(tmp_path / "case.npz")
    np.savez(tmp_path / "case.npz", other=1)
    with pytest.raises(UserError, match="holds no verification case of this version"):
        Case.load(tmp_path / "case.npz")
    np.savez(tmp_path / "case.npz", format="older")
    with pytest.raises(
        UserError, match="format is 'older', this version reads 'qsnn-hw verification case 7'"
    ):
        Case.load(tmp_path / "case.npz")


@pytest.mark.parametrize(
    ("count", "processes", "expected"),
    [(5, 2, [(0, 2), (2, 5)]), (1, 2, [(0, 1)]), (4, 1, [(0, 4)]), (450, 2, [(0, 225), (225, 450)])],
)
def test_shards_cover_every_sample_once(count: int, processes: int, expected: list) -> None:
    assert shards(count, processes) == expected


RECORD = replace(
    EVERY_MEASUREMENT,
    answer_cycles_per_sample=(60, 61),
    groups={"lif1": GroupActivity(*range(30, 43)), "lif2": GroupActivity(*range(6, 19))},
    toggles={"lif1": 1.5, "around": 0.5},
)


def test_a_record_comes_back_from_its_file(tmp_path: Path) -> None:
    RECORD.save(tmp_path / "record.json")
    back = Verification.load(tmp_path / "record.json")
    assert back == RECORD
    assert asdict(back) == asdict(RECORD)


def test_what_a_record_derives() -> None:
    assert RECORD.cycles_per_sample_mean == 30
    assert RECORD.cycles_per_sample_max == 40
    assert RECORD.stream_cycles_per_sample == 25
    assert RECORD.activity == {"lif1": 0.6, "lif2": 0.12}


def test_a_record_of_one_pass_claims_nothing_else() -> None:
    only = replace(RECORD, cycles_per_sample=(), stress_samples=0, stress_cycles=0)
    assert only.cycles_per_sample_mean is None
    assert only.cycles_per_sample_max is None
    neither = replace(only, stream_samples=0, stream_cycles=0, activity_cycles=0, groups={})
    assert neither.stream_cycles_per_sample is None
    with pytest.raises(ValueError, match="needs the pass alone or the pass stream: neither was run"):
        _ = neither.activity


def test_a_file_that_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_json(path, {"format": "older"})
    with pytest.raises(UserError, match="format is 'older', this version reads 'qsnn-hw verification 5'"):
        Verification.load(path)
    RECORD.save(path)
    values = read_json(path)
    del values["samples"]
    write_json(path, values)
    with pytest.raises(UserError, match="holds no verification of this version: it lacks the key 'samples'"):
        Verification.load(path)
    write_json(path, [1])
    with pytest.raises(UserError, match="holds no verification of this version: it must be an object"):
        Verification.load(path)
