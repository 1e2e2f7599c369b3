"""Errors of the live readers that need no framework."""

import sys

import pytest

from qsnn_hw.model.readers.live import FRAMEWORKS, read_module
from qsnn_hw.support.errors import UserError


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_that_is_not_installed(framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == framework]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, framework, None)
    # sinabs asks for an older nir than this project needs, so its dependencies come apart.
    install = "--no-deps sinabs" if framework == "sinabs" else f"torch {framework}"
    with pytest.raises(
        UserError, match=rf"needs {framework}, and importing .* failed .* with: pip install .*{install}"
    ):
        read_module(object(), framework, (4,))


def test_an_unknown_framework() -> None:
    with pytest.raises(UserError, match="unknown framework 'nengo'; live modules are read from snntorch"):
        read_module(object(), "nengo", (4,))


@pytest.mark.parametrize("shape", [(), (0,), (3, -1)])
def test_an_input_shape_that_is_none(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"input_shape is .*, not the shape of one time step"):
        read_module(object(), "snntorch", shape)
