"""The trained and published models in hardware: every spike and every potential is golden's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.verify import Verification, verify
from tests.support.shipped_models import FOLDER
from tests.support.verify_networks import export

PASSES = ("alone", "stress")
"""Each sample by itself at full speed, and again with gaps and backpressure."""


@dataclass(frozen=True)
class Real:
    """A trained model, some of its samples, and a shape of its hardware.

    ``data`` is ``model`` without its suffix unless said; ``stress_samples`` limits the second pass.
    ``cycles`` is the mean of a sample alone at full speed, as measured: it says at once when a change
    costs time.
    """

    model: str
    preset: str
    samples: int
    cycles: int
    plan: PlanOptions
    settings: dict[str, str] = field(default_factory=dict)
    data: str | None = None
    passes: Sequence[str] = PASSES
    stress_samples: int | None = None


REAL = {
    "digits": Real("snntorch_digits_64-32-10", "snntorch", 60, 541, PlanOptions(lanes=[32, 10])),
    "digits event lanes": Real(
        "snntorch_digits_64-32-10", "snntorch", 20, 513, PlanOptions(lanes=[32, 10], event_lanes=[4, 1])
    ),
    "mnist": Real("snntorch_mnist_784-128-10", "snntorch", 20, 19267, PlanOptions(lanes=[16, 10])),
    "mnist event lanes": Real(
        "snntorch_mnist_784-128-10",
        "snntorch",
        20,
        829,
        PlanOptions(lanes=[128, 10], update_lanes=[8, 2], event_lanes=[4, 4]),
    ),
    "norse": Real(
        "norse_digits_64-40-10.tau_fixed",
        "norse",
        60,
        537,
        PlanOptions(lanes=[40, 10]),
        data="norse_digits_64-40-10",
    ),
    "norse lanes": Real(
        "norse_digits_64-40-10.tau_fixed",
        "norse",
        60,
        4030,
        PlanOptions(lanes=[6, 3], update_lanes=[3, 1]),
        data="norse_digits_64-40-10",
    ),
    "sinabs several spikes": Real(
        "sinabs_conv_mnist", "sinabs", 3, 319537, PlanOptions(lanes=[8, 16, 16, 10]), stress_samples=1
    ),
    "sinabs single spikes": Real(
        "sinabs_conv_mnist",
        "sinabs",
        3,
        215687,
        PlanOptions(lanes=[4, 8, 64, 10], update_lanes=[2, 8, 8, 5]),
        {"max_spikes": "1"},
        stress_samples=1,
    ),
    "braille": Real(
        "nir_paper/braille_noDelay_noBias_subtract",
        "snntorch",
        5,
        7320,
        PlanOptions(lanes=[8, 7]),
        {"reset_delay": "false"},
        data="nir_paper/braille",
    ),
    "saccade": Real(
        "nir_paper/cnn_sinabs",
        "sinabs",
        1,
        622674,
        PlanOptions(lanes=[16, 16, 8, 16, 10]),
        data="nir_paper/cnn_sinabs_saccade",
        passes=("alone",),
    ),
}


SHIPPED = {
    "snntorch": Real("snntorch", "snntorch", 12, 428, PlanOptions(lanes=[24, 10])),
    "snntorch recurrent": Real(
        "snntorch_recurrent", "snntorch", 12, 2127, PlanOptions(lanes=[6, 5], update_lanes=[3, 1])
    ),
    "norse": Real("norse", "norse", 12, 1482, PlanOptions(lanes=[8, 2]), {"tau_fix": "divide_by_dt"}),
    "sinabs several spikes": Real("sinabs_conv", "sinabs", 4, 8246, PlanOptions(lanes=[4, 8, 10])),
    "sinabs single spikes": Real(
        "sinabs_conv", "sinabs", 4, 15362, PlanOptions(lanes=[2, 4, 5]), {"max_spikes": "1"}
    ),
    "spikingjelly": Real(
        "spikingjelly", "spikingjelly", 12, 373, PlanOptions(lanes=[24, 10], event_lanes=[4, 1])
    ),
    "rockpool": Real("rockpool", "rockpool", 12, 1060, PlanOptions(lanes=[12, 10])),
    "rockpool two spikes": Real(
        "rockpool", "rockpool", 12, 1060, PlanOptions(lanes=[12, 10]), {"max_spikes": "2"}
    ),
    "rockpool synapses": Real(
        "rockpool_synapses",
        "rockpool",
        12,
        994,
        PlanOptions(lanes=[12, 10]),
        {"dt": "5e-3", "max_spikes": "1"},
    ),
}
"""Models of examples/frameworks."""
# A Verilator build each, of a convolutional one half a minute: the fast suite takes one.
FAST = ("snntorch recurrent",)


def run(real: Real, data_dir: Path, folder: Path) -> tuple[HardwarePlan, int, Verification]:
    """The model's hardware against golden: (plan, steps of a sample, what was compared)."""
    convention = Convention.preset(real.preset).with_settings(real.settings)
    network = read_network(data_dir / f"{real.model}.nir", convention)
    inputs = load_inputs(data_dir / f"{real.data or real.model}.npz", network, real)
    options = QuantizeOptions(weight_bits=8, input_max=int(inputs.max()))
    quantized = quantize(network, options)
    golden = run_clocked(quantized, inputs, record=[g.name for g in quantized.groups])
    assert all(golden.spikes[g.name].any() for g in quantized.groups), "a silent group proves nothing"
    plan = make_plan(quantized, real.plan)
    flat = inputs.reshape(*inputs.shape[:2], -1)
    found = verify(
        plan,
        export(plan, folder),
        flat,
        golden,
        folder,
        passes=real.passes,
        stress_samples=real.stress_samples,
    )
    return plan, inputs.shape[0], found


def load_inputs(path: Path, network: Network, real: Real) -> np.ndarray:
    """Spikes of the first samples, shape (time, sample, ...)."""
    if path.stem == "cnn_sinabs_saccade":
        packed = np.load(path)["X"][: real.samples]
        return np.unpackbits(packed, axis=-1).reshape(*packed.shape[:2], 2, 34, 34).swapaxes(0, 1)
    return load_dataset(path, network=network, samples=real.samples).input


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_trained_model_equals_golden(data_dir: Path, tmp_path: Path, name: str) -> None:
    compare(REAL[name], data_dir, tmp_path)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in SHIPPED]
)
def test_shipped_model_equals_golden(tmp_path: Path, name: str) -> None:
    compare(SHIPPED[name], FOLDER, tmp_path)


def compare(real: Real, data_dir: Path, folder: Path) -> None:
    """All that was to be compared was, and took as long as ever."""
    plan, steps, found = run(real, data_dir, folder)
    assert found.samples == len(found.cycles_per_sample) == real.samples
    neurons = sum(group.neurons for group in plan.groups)
    stressed = 0 if "stress" not in real.passes else real.stress_samples or real.samples
    assert found.potentials_compared == real.samples * steps * neurons
    assert found.repeated_samples == stressed
    assert found.repeated_potentials == stressed * steps * neurons
    assert found.cycles_per_sample_mean == pytest.approx(real.cycles, rel=0.02)
