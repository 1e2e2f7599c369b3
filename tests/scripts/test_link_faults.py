"""The campaign of line faults: a spoiled line to a model of the board, a driver that believes anything."""

from pathlib import Path

import link_faults
import numpy as np
import pytest
from link_proxy import KINDS, Faults

from qsnn_hw.build.board_run import golden_answers
from qsnn_hw.build.built import Built
from qsnn_hw.build.options import OPTIONS, BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.host import frames
from tests.support.board_model import BoardModel, ModelPort
from tests.support.verify_networks import chain_network

pytest.importorskip("serial", reason="serial is not installed here")


@pytest.fixture
def bench(tmp_path: Path) -> link_faults.Bench:
    network = chain_network()
    plan = make_plan(network, PlanOptions(lanes=(2,)))
    plan.save(tmp_path / outputs.PLAN)
    BuildOptions(model="m.nir", board="icebreaker").save(tmp_path / OPTIONS)
    inputs = (np.random.default_rng(4).random((30, 40, network.input_size)) < 0.6).astype(np.uint8)
    spikes = run_clocked(network, inputs).spikes[network.output]
    return link_faults.Bench(Built.of(tmp_path), inputs, golden_answers(plan, spikes, None), 1_000_000)


def run(bench: link_faults.Bench, kind: str, count: int = 6_000) -> link_faults.Tally:
    with ModelPort(BoardModel(bench.built.plan, chain_network())) as model:
        return link_faults.campaign(
            bench, model.port, model.model.start_over, kind, count=count, every=400, seed=5
        )


QUICK = ("flip", "truncate", "reset")


@pytest.mark.parametrize(
    "kind",
    [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in link_faults.ALL],
)
def test_no_wrong_answer_is_taken_for_right(bench: link_faults.Bench, kind: str) -> None:
    tally = run(bench, kind)
    assert tally.wrong == 0
    assert tally.answers >= len(bench.wanted.label)
    assert tally.faults >= (3 if kind == "reset" else 10)
    assert tally.sessions if kind == "reset" else tally.repeated + tally.timeouts


def test_a_driver_that_skips_the_crc_is_caught(
    bench: link_faults.Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = frames.opened

    def credulous(raw: bytes, nonce: int) -> bytes | None:
        body = honest(raw, nonce)
        return raw[: -frames.CRC_BYTES] if body is None and len(raw) > frames.CRC_BYTES + 4 else body

    monkeypatch.setattr("qsnn_hw.host.link.opened", credulous)
    try:
        assert run(bench, "flip").wrong
    except Exception as error:
        # Words that no board sends.
        assert "answer must be words" in str(error) or "no neuron has" in str(error)  # noqa: PT017


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_is_what_it_says(kind: str) -> None:
    data = bytes(range(256)) * 40
    faults = Faults({kind: 1 / 500}, seed=2)
    spoiled = b"".join(faults.spoil(data[k : k + 97]) for k in range(0, len(data), 97))
    count = faults.counts[kind]
    assert 5 < count < 60
    longer = {"flip": 0, "drop": -count, "insert": count, "swap": 0}
    if kind in longer:
        assert len(spoiled) - len(data) == longer[kind]
    else:
        assert len(spoiled) < len(data) - count
    assert spoiled != data
    assert Faults({}, seed=2).spoil(data) == data


@pytest.mark.parametrize("kind", KINDS)
def test_faults_of_spi_keep_the_number_of_bytes(kind: str) -> None:
    data = bytes(range(256)) * 4
    faults = Faults({kind: 1 / 300}, seed=2, filled=True)
    for k in range(0, len(data), 97):
        part = data[k : k + 97]
        assert len(faults.spoil(part)) == len(part)
    assert faults.counts[kind]
