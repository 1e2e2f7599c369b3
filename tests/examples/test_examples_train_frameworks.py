"""The script behind examples/frameworks: what it makes afresh is read with every spike right."""

from pathlib import Path

import numpy as np
import pytest
import train_frameworks

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.files import read_json

MODULES = {"sinabs": "sinabs.nir", "spikingjelly": "spikingjelly.activation_based.nir_exchange"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["brian"], "no network 'brian'; there are snntorch, snntorch_recurrent, norse, "),
        (["--epochs", "0"], "--epochs must be 1 or more, not 0"),
        (["--seed", "-1"], "--seed must be 0 to 2147483647, not -1"),
    ],
)
def test_bad_option_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    assert train_frameworks.main([*arguments, "-o", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", train_frameworks.RECIPES)
def test_a_network_made_here_and_now(name: str, tmp_path: Path) -> None:
    package = train_frameworks.RECIPES[name].package
    for module in ("torch", "sklearn", MODULES.get(package, package)):
        pytest.importorskip(module, reason=f"{package} is not installed here", exc_type=ImportError)
    # Norse starts silent and takes longer to fire.
    epochs = "12" if name == "norse" else "4"
    assert train_frameworks.main([name, "--epochs", epochs, "-o", str(tmp_path)]) == 0
    entry = read_json(tmp_path / "models.json")["models"][name]
    convention = Convention.preset(entry["preset"]).with_settings(entry["settings"])
    network = read_network(tmp_path / f"{name}.nir", convention)
    dataset = load_dataset(tmp_path / f"{name}.npz", network=network)
    assert dataset.out is not None
    assert dataset.out.any()
    assert np.count_nonzero(simulate(network, dataset.input).out != dataset.out) == 0
    assert f"| `{name}` | {package} " in (tmp_path / "README.md").read_text(encoding="utf-8")
