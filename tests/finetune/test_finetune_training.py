"""Training: it learns, it can be interrupted, and it refuses what it cannot use."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.finetune.settings import Epoch, FinetuneSettings, best_of, need_torch
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Dense, Network
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import Progress
from tests.support import finetune_networks as nets

OPTIONS = QuantizeOptions(weight_bits=3, per_neuron=True)
QUICK = FinetuneSettings(epochs=4, batch=16, learning_rate=2e-2, validation_part=0.25)


def test_torch_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^fine-tuning needs torch: pip install torch$"):
        need_torch()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1, not 0"),
        ({"batch": True}, "batch must be a whole number from 1, not True"),
        ({"seed": -1}, "seed must be a whole number from 0, not -1"),
        ({"learning_rate": 0.0}, r"learning rate must be above 0 and at most 1, not 0\.0"),
        ({"validation_part": 0.95}, r"validation part must be above 0 and at most 0\.9, not 0\.95"),
        ({"surrogate_slope": float("nan")}, "surrogate slope must be above 0 and at most 1000, not nan"),
        ({"winner_logit": 0.0}, r"winner logit must be above 0 and at most 1000, not 0\.0"),
        ({"label_smoothing": 1.0}, r"label smoothing must be a number from 0 to below 1, not 1\.0"),
        ({"candidate_part": 2.0}, r"candidate part must be above 0 and at most 1, not 2\.0"),
        ({"sigma": -0.1}, r"sigma must be a fraction from 0 to 2, not -0\.1"),
        ({"sigma": float("nan")}, "sigma must be a fraction from 0 to 2, not nan"),
        ({"gradient_limit": 0.0}, r"gradient limit must be a number above 0 or None, not 0\.0"),
    ],
)
def test_settings_are_checked(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(FinetuneSettings(), **changes)  # type: ignore[arg-type]


def test_only_candidates_are_chosen() -> None:
    history = [Epoch(0, None, 0.5), Epoch(1, 1.0, 0.9, False), Epoch(2, 0.9, 0.8), Epoch(3, 0.8, 0.8)]
    assert best_of(history).number == 2


def toy(rng: np.random.Generator, net: Network, samples: int = 160) -> Dataset:
    """Five classes, each with its own firing rates of the 12 addresses."""
    rates = np.where(np.arange(12) // 2 == np.arange(5)[:, None], 0.7, 0.1)
    label = rng.integers(0, 5, samples)
    spikes = (rng.random((12, samples, 12)) < rates[label]).astype(np.uint8)
    return Dataset("toy", spikes, label.astype(np.int64), None, "time-sample")


class Interrupting(Progress):
    """Ends the run when a certain line is said, as Ctrl-C would."""

    def __init__(self, at: str) -> None:
        super().__init__(quiet=True)
        self._at = at

    def say(self, line: str) -> None:
        if line.startswith(self._at):
            raise KeyboardInterrupt


class TestTraining:
    """Everything that computes; skipped without torch."""

    @pytest.fixture(autouse=True)
    def torch(self) -> object:
        return pytest.importorskip("torch", reason="fine-tuning needs torch, an extra")

    @pytest.fixture
    def net(self) -> Network:
        rng = np.random.default_rng(20)
        made = nets.network(rng, recurrent=True)
        # An output layer that fires, so that there is a gradient from the start.
        last = replace(made.projections[-1], operators=(Dense(rng.normal(0.4, 0.4, (5, 9)), np.zeros(5)),))
        return replace(made, projections=(*made.projections[:-1], last))

    def test_it_learns(self, net: Network) -> None:
        from qsnn_hw.finetune.training import finetune
        from qsnn_hw.golden.clocked import run_clocked
        from qsnn_hw.model.simulate import accuracy

        data, fresh = toy(np.random.default_rng(1), net, 320), toy(np.random.default_rng(2), net)
        result = finetune(net, OPTIONS, data, QUICK)
        assert fresh.label is not None
        assert accuracy(run_clocked(result.quantized, fresh.input).spikes["two"], fresh.label) > 0.7
        before = result.history[0].validation_accuracy
        assert result.validation_accuracy > before + 0.2
        assert result.history[0].loss is None
        assert [epoch.number for epoch in result.history] == [0, 1, 2, 3, 4]
        assert (result.training_samples, result.validation_samples) == (240, 80)
        best = max(epoch.validation_accuracy for epoch in result.history)
        assert result.validation_accuracy == best

    def test_it_starts_from_compensated_rounding(self, net: Network) -> None:
        from qsnn_hw.finetune.training import finetune

        data = toy(np.random.default_rng(1), net)
        short = replace(QUICK, epochs=1, learning_rate=1e-6)
        options = replace(OPTIONS, rounding="compensate")
        near, made = finetune(net, OPTIONS, data, short), finetune(net, options, data, short)
        assert made.options.rounding == "nearest"
        one, other = near.quantized.projections[0].weight, made.quantized.projections[0].weight
        assert 0 < np.count_nonzero(one != other) < one.size

    def test_a_loss_that_is_no_number_is_one_line(
        self, net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import torch

        from qsnn_hw.finetune.training import finetune

        monkeypatch.setattr(
            torch.nn.functional,
            "cross_entropy",
            lambda *_, **__: torch.tensor(float("nan"), requires_grad=True),
        )
        data, path = toy(np.random.default_rng(1), net), tmp_path / "checkpoint.npz"
        message = (
            r"^the training loss is nan in epoch 1: training has diverged; train with a smaller "
            r"--learning-rate than 0\.02, or with --gradient-limit 1; --restart begins anew$"
        )
        with pytest.raises(UserError, match=message):
            finetune(net, OPTIONS, data, QUICK, checkpoint=path)

    def test_interrupted_equals_uninterrupted(self, net: Network, tmp_path: Path) -> None:
        from qsnn_hw.finetune.training import finetune

        data = toy(np.random.default_rng(1), net)
        settings = replace(QUICK, gradient_limit=1.0)
        whole = finetune(net, OPTIONS, data, settings)
        path = tmp_path / "checkpoint.npz"
        for line in ("epoch 1/4", "epoch 3/4"):
            with pytest.raises(KeyboardInterrupt):
                finetune(net, OPTIONS, data, settings, checkpoint=path, progress=Interrupting(line))
        parts = finetune(net, OPTIONS, data, settings, checkpoint=path)
        assert parts.history == whole.history
        for one, other in zip(whole.network.projections, parts.network.projections, strict=True):
            for a, b in zip(one.operators, other.operators, strict=True):
                assert a.weight.tobytes() == b.weight.tobytes()  # type: ignore[union-attr]
                assert a.bias.tobytes() == b.bias.tobytes()  # type: ignore[union-attr]
        again = finetune(net, OPTIONS, data, settings, checkpoint=path)
        assert again.seconds_per_epoch is None
        assert again.history == whole.history

    def test_a_chip_of_its_own_for_each_batch(self, net: Network, tmp_path: Path) -> None:
        """Cells that are off: the same after an interruption, another network than without, judged on
        chips."""
        from qsnn_hw.finetune.training import finetune

        data = toy(np.random.default_rng(1), net)
        settings = replace(QUICK, sigma=0.3)
        whole, path = finetune(net, OPTIONS, data, settings), tmp_path / "checkpoint.npz"
        with pytest.raises(KeyboardInterrupt):
            finetune(net, OPTIONS, data, settings, checkpoint=path, progress=Interrupting("epoch 2/4"))
        assert finetune(net, OPTIONS, data, settings, checkpoint=path).history == whole.history
        plain = finetune(net, OPTIONS, data, QUICK)
        assert whole.history[0].validation_accuracy != plain.history[0].validation_accuracy
        assert [e.loss for e in whole.history] != [e.loss for e in plain.history]

    def test_cells_are_pairs_around_the_weight(self) -> None:
        import torch

        from qsnn_hw.finetune.cells import FLOOR, Cells

        weight = torch.tensor([[7.0, -7.0, 0.0, 3.0]]).repeat(20_000, 1).requires_grad_()
        drawn = Cells(0.1, torch.Generator().manual_seed(1))(weight, 7)
        low = FLOOR * 7
        spread = drawn.detach().std(dim=0).numpy()
        # The lognormal's standard deviation is close to sigma where sigma is small.
        by_hand = [0.1 * np.hypot(low + w, low) for w in (7, 7, 0, 3)]
        assert spread == pytest.approx(by_hand, rel=0.05)
        assert drawn.detach().mean(dim=0).numpy() == pytest.approx([7, -7, 0, 3], abs=0.06)
        drawn.sum().backward()
        assert weight.grad is not None
        assert float(weight.grad[:, 0].mean()) == pytest.approx(1.0, abs=0.02)

    def test_a_checkpoint_of_another_run_is_refused(self, net: Network, tmp_path: Path) -> None:
        from qsnn_hw.finetune.training import finetune

        data, path = toy(np.random.default_rng(1), net), tmp_path / "checkpoint.npz"
        short = replace(QUICK, epochs=1)
        finetune(net, OPTIONS, data, short, checkpoint=path)
        other = replace(data, input=data.input[::-1].copy())
        for changed in ((replace(OPTIONS, weight_bits=4), data, short), (OPTIONS, other, short)):
            with pytest.raises(UserError, match="belongs to a run with another network, data, options"):
                finetune(net, *changed, checkpoint=path)
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(UserError, match=r"checkpoint\.npz is not a readable \.npz file"):
            finetune(net, OPTIONS, data, short, checkpoint=path)
        np.savez(path, other=np.zeros(3))
        with pytest.raises(UserError, match="holds no fine-tuning checkpoint of this version"):
            finetune(net, OPTIONS, data, short, checkpoint=path)

    def test_validation_samples_are_not_trained_on(self, net: Network) -> None:
        from qsnn_hw.finetune.held_out import split

        data = toy(np.random.default_rng(1), net)
        # Each sample carries its number in its first spikes.
        data.input[:8, :, 0] = (np.arange(160)[None] >> np.arange(8)[:, None]) & 1
        rest, held = split(data, 0.25, 3)

        def numbers(part: Dataset) -> set[int]:
            return set((part.input[:8, :, 0].astype(int) << np.arange(8)[:, None]).sum(axis=0).tolist())

        assert numbers(rest) | numbers(held) == set(range(160))
        assert not numbers(rest) & numbers(held)
        assert held.label is not None
        counts = np.bincount(held.label)
        assert (np.abs(counts - np.bincount(data.label) * 0.25) <= 0.5).all()

    def test_bad_data_is_refused(self, net: Network) -> None:
        from qsnn_hw.finetune.held_out import split
        from qsnn_hw.finetune.training import finetune

        data = toy(np.random.default_rng(1), net)
        assert data.label is not None
        with pytest.raises(UserError, match="toy has no labels; fine-tuning needs an array called label"):
            finetune(net, OPTIONS, replace(data, label=None), QUICK)
        with pytest.raises(UserError, match="label 9 has no output neuron; the network has 5"):
            finetune(net, OPTIONS, replace(data, label=data.label + 5), QUICK)
        with pytest.raises(UserError, match="input has 11 addresses per step, the network wants 12"):
            finetune(net, OPTIONS, replace(data, input=data.input[:, :, 1:]), QUICK)
        with pytest.raises(UserError, match=r"2 samples are too few to hold out 0\.1 of every class"):
            split(data.take(2), 0.1, 0)

    def test_more_epochs_never_end_below_plain_quantization(self, net: Network) -> None:
        from qsnn_hw.finetune.training import finetune

        data = toy(np.random.default_rng(1), net)
        # A rate that wrecks the network: epoch 0 must win.
        wild = replace(QUICK, epochs=1, learning_rate=1.0, seed=5)
        result = finetune(net, QuantizeOptions(weight_bits=8), data, wild)
        assert result.validation_accuracy >= result.history[0].validation_accuracy
