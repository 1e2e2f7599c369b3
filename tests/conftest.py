"""What every test may use: the shipped example, and the shared data when it is there."""

import signal
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from qsnn_hw.build import cli
from tests.support.known_skips import data_folder, unexpected
from tests.support.places import ROOT

# A loaded machine is no failure of the code: nothing here is held to a time.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# scripts/mutate wants to know that a test fails, not its smallest example, which may take minutes to find.
hypothesis.settings.register_profile(
    "unshrunk",
    hypothesis.settings.get_profile("untimed"),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
hypothesis.settings.load_profile("untimed")

# A shell that starts the tests in the background has them ignore Ctrl-C, and with them every process
# that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def digits() -> Path:
    """The folder of the shipped digits example."""
    return ROOT / "examples" / "digits"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The shared data folder: QSNN_DATA, or ../shared/data beside the project."""
    folder = data_folder()
    if not (folder / "README.md").exists():
        pytest.skip(f"no model data in {folder}; set QSNN_DATA to the folder that holds it")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line; exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--known-skips``, for .ci/run."""
    parser.addoption(
        "--known-skips",
        action="store_true",
        help="fail when a test skips for a reason that tests/support/known_skips.py lacks, or too often",
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """No silent skip where the option is given."""
    if unknown_skips(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The skips that are not allowed, one line each."""
    for line in unknown_skips(config):
        terminalreporter.write_line(f"ERROR {line}", red=True)


def unknown_skips(config: pytest.Config) -> list[str]:
    """What :func:`unexpected` says of this run; empty in a worker of pytest-xdist."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not config.getoption("--known-skips") or reporter is None:
        return []
    reasons = []
    for report in reporter.stats.get("skipped", []):
        where = report.longrepr
        text = where[2] if isinstance(where, tuple) else str(where)
        reasons.append(text.removeprefix("Skipped: "))
    return unexpected(reasons)
