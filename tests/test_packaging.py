"""An installed wheel works outside the checkout: boards, examples and sim come with it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from qsnn_hw.support import shipped as resources
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.shipped import resource_folder
from tests.support.places import ROOT

NAMES = ("boards", "examples", "sim")


@pytest.mark.parametrize("name", NAMES)
def test_the_checkout_has_priority(name: str) -> None:
    assert resource_folder(name) == ROOT / name  # type: ignore[arg-type]


def test_a_stranger_beside_the_package_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").mkdir()
    packaged = tmp_path / "qsnn_hw" / "_share" / "examples"
    packaged.mkdir(parents=True)
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "qsnn_hw")
    assert resource_folder("examples") == packaged


def test_a_damaged_installation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "qsnn_hw")
    with pytest.raises(UserError, match=r"no folder 'boards' at .*_share/boards; reinstall qsnn-hw"):
        resource_folder("boards")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_every_shipped_file(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", *NAMES, "qsnn_hw"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    held = set(zipfile.ZipFile(wheel).namelist())
    for line in listed.stdout.splitlines():
        if (ROOT / line).is_file():
            assert (line if line.startswith("qsnn_hw/") else f"qsnn_hw/_share/{line}") in held


@pytest.mark.slow
def test_an_installed_wheel_finds_its_folders(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--quiet", "--no-deps", "--target"]
    subprocess.run([*command, str(target), str(wheel)], check=True, capture_output=True, text=True)
    program = (
        "import qsnn_hw; from qsnn_hw.support.shipped import resource_folder; print(qsnn_hw.__file__);"
        f"[print(resource_folder(name)) for name in {NAMES}]"
    )
    # -P keeps the current folder off the path; the target must win over this environment's own.
    result = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        check=True,
        capture_output=True,
        text=True,
    )
    package, *folders = result.stdout.splitlines()
    assert Path(package) == target / "qsnn_hw" / "__init__.py"
    assert [Path(line) for line in folders] == [target / "qsnn_hw" / "_share" / name for name in NAMES]
    assert list(Path(folders[0]).glob("*.toml"))
    assert (target / "bin" / "qsnn-hw").is_file()
    # Without it no checker reads the types of an installed package.
    assert (target / "qsnn_hw" / "py.typed").is_file()
