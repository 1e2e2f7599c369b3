"""Beside badcrossbar (D. Joksas and A. Mehonic, SoftwareX 12, 2020): the same column currents through wires.

Its drawing half wants a library of the system; the solver does without:
``pip install --no-deps badcrossbar pathvalidate``. Skipped without it.
"""

import warnings

import numpy as np
import pytest

from qsnn_hw.targets.analog.ir_drop import effective

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ImportWarning)
    badcrossbar = pytest.importorskip("badcrossbar", reason="badcrossbar is not installed here")

pytestmark = pytest.mark.skipif(
    not hasattr(badcrossbar, "compute"), reason="badcrossbar is here without pathvalidate, which it needs"
)


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("ohm", [2.0, 200.0])
def test_column_currents_are_those_of_badcrossbar(size: int, ohm: float) -> None:
    cells = np.random.default_rng(size).integers(1, 17, (size, size)) * 1e-6
    volts = np.where(np.arange(size) % 2 == 0, 0.2, 0.0)
    theirs = np.ravel(badcrossbar.compute(volts[:, np.newaxis], 1 / cells, ohm).currents.output)
    assert volts @ effective(cells, ohm) == pytest.approx(theirs, rel=1e-9)
    # And the wires do take something.
    assert (theirs < 0.999 * (volts @ cells)).all()
