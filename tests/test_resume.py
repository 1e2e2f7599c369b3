"""Going on in an output folder by the command line: what is made again, and what it then says."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw import cli, files
from qsnn_hw.golden import GoldenRun
from qsnn_hw.options import BuildOptions
from qsnn_hw.report import Report, summary_lines

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; exit code and stderr."""

    def run(*arguments: object) -> tuple[int, str]:
        code = cli.main([str(a) for a in arguments])
        return code, capsys.readouterr().err

    return run


def write_model(folder: Path) -> Path:
    """A network of 6-4-3 neurons that fires."""
    path = folder / "m.toml"
    rng = np.random.default_rng(4)
    weights = {f"fc{k}.weight": rng.uniform(-0.5, 1, shape) for k, shape in ((1, (4, 6)), (2, (3, 4)))}
    np.savez(folder / "w.npz", **weights)
    layers = [
        f'[[layer]]\nname = "fc{k}"\ntype = "Linear"\n[[layer]]\nname = "lif{k}"\ntype = "LIF"\ntau = 9.0\n'
        for k in (1, 2)
    ]
    path.write_text('input_shape = [6]\narrays = "w.npz"\n' + "".join(layers), encoding="utf-8")
    return path


def write_data(path: Path, seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    np.savez(path, input=(rng.random((5, 8, 6)) < 0.4).astype(np.uint8), label=rng.integers(0, 3, 8))
    return path


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and data, and ``out``, made of them by ``generate``."""
    folder = tmp_path_factory.mktemp("generated")
    model, data = write_model(folder), write_data(folder / "d.npz")
    command = ["generate", str(model), "--convention", "snntorch", "--set", "dt=1", "--board", "icebreaker"]
    assert cli.main([*command, "--data", str(data), "-o", str(folder / "out")]) == 0
    return folder


@pytest.fixture
def made(generated: Path, tmp_path: Path) -> Path:
    """Such an output folder of a test's own; its options name data beside it."""
    shutil.copytree(generated, tmp_path, dirs_exist_ok=True)
    out = tmp_path / "out"
    saved = BuildOptions.load(out / "options.json")
    replace(saved, data=str(tmp_path / "d.npz")).save(out / "options.json")
    return out


def unchanged(err: str) -> list[str]:
    return [line.removesuffix(": unchanged") for line in err.splitlines() if line.endswith(": unchanged")]


EVERYTHING = ["read", "quantize", "golden", "diagnose", "plan", "elaborate", "verilog"]


def test_nothing_is_made_twice(run: Run, made: Path) -> None:
    code, err = run("generate", "-o", made)
    assert (code, unchanged(err)) == (0, EVERYTHING)


def test_the_number_of_samples_belongs_to_the_golden_run(run: Run, made: Path) -> None:
    code, err = run("generate", "-o", made, "--samples", 5)
    assert code == 0, err
    assert unchanged(err)[:2] == ["read", "quantize"]
    assert "golden: unchanged" not in err
    golden = GoldenRun.load(made / "03_golden.npz")
    assert {spikes.shape[1] for spikes in golden.spikes.values()} == {5}
    assert "on 5 samples" in "\n".join(summary_lines(Report.load(made / "report.json")))


def test_changed_labels_are_judged_again(run: Run, made: Path) -> None:
    data = made.parent / "d.npz"
    arrays = dict(np.load(data))
    before = Report.load(made / "report.json").accuracy
    np.savez(data, **{**arrays, "label": (arrays["label"] + 1) % 3})
    code, err = run("generate", "-o", made)
    assert code == 0, err
    assert unchanged(err) == ["read", "quantize"]
    assert Report.load(made / "report.json").accuracy != before


def test_damaged_files_are_made_again(run: Run, made: Path) -> None:
    names = ["02_quantized.npz", "03_golden.npz", "06_design.v"]
    before = [files.digest(made / name) for name in names]
    for name in names:
        (made / name).write_bytes(b"damaged")
    code, err = run("generate", "-o", made)
    assert code == 0, err
    assert [files.digest(made / name) for name in names] == before
    assert unchanged(err) == ["read", "diagnose", "plan", "elaborate"]


def test_nothing_rests_on_a_forged_file(run: Run, made: Path) -> None:
    """A design put in another's place, its digest in the manifest as well: all after it is made anew."""
    forged = (made / "05_traced.il").read_text(encoding="utf-8").replace("8'00000101", "8'00000100")
    (made / "05_traced.il").write_text(forged + "\n", encoding="utf-8")
    manifest = files.read_json(made / "stages.json")
    manifest["elaborate"]["files"]["05_traced.il"] = files.digest(made / "05_traced.il")
    (made / "stages.json").write_text(json.dumps(manifest), encoding="utf-8")
    code, err = run("generate", "-o", made)
    assert code == 0, err
    assert unchanged(err) == EVERYTHING[:-1]
