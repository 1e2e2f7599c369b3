"""What the command line and the Python API both put around their work."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.stopping import stoppable


@contextmanager
def working() -> Iterator[None]:
    """Let a signal end the block with all tools it started, and an overflow be the user's to mend.

    Raises
    ------
    UserError
        Numbers became too large to compute with.
    StoppedError
        A signal, see :func:`~qsnn_hw.support.stopping.stoppable`.
    """
    with warnings.catch_warnings():
        # An overflow is an error before anything is decided by what comes of it.
        warnings.simplefilter("error", RuntimeWarning)
        with stoppable():
            try:
                yield
            except (RuntimeWarning, FloatingPointError) as error:
                raise UserError(
                    f"{error}: the model's or the data's numbers are too large to compute with; look at "
                    "weights, time constants and thresholds, and at --set dt"
                ) from error
