"""``python -m qsnn_hw.verify.worker JOB.json``: one call of a bench in a process of its own.

The bench without Python has its records compared there; of a bench of cocotb it is the runner's calls, which
wait for their child in the calling process. A process group of its own lets the verifier show progress, run
several at once and end them all on Ctrl-C.
"""

import importlib
import json
import os
import signal
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.shipped import resource_folder
from qsnn_hw.toolchain.tools import verilator_build_args, verilator_ready


def main() -> int:
    """Build or run what the job file describes; the exit status is the simulator's."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # What the test modules need beside this process's own packages.
    sys.path.insert(0, str(resource_folder("sim").parent))
    if job["action"] != "build":
        threading.Thread(target=end_with_parent, daemon=True).start()
    if job["action"] == "native":
        try:
            return int(importlib.import_module(job["module"]).run(job))
        except (ToolError, UserError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    from cocotb_tools.runner import get_runner

    # Under pytest cocotb's runner would look for other files.
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    verilator = job["simulator"] != "icarus"
    try:
        with verilator_ready() if verilator and job["action"] == "build" else nullcontext():
            runner = get_runner("verilator" if verilator else "icarus")
            if job["action"] == "build":
                runner.build(
                    sources=job["sources"],
                    hdl_toplevel=job["top"],
                    build_dir=job["folder"],
                    # Only the top's ports are looked at: everything public halves the speed.
                    build_args=[*verilator_build_args(), "--no-public-flat-rw"] if verilator else [],
                    always=True,
                )
            else:
                os.environ["QSNN_HW_JOB"] = sys.argv[1]
                for tests in job["tests"]:
                    if "difference" in job and Path(job["difference"]).exists():
                        break
                    runner.test(
                        test_module=job["module"],
                        testcase=tests,
                        hdl_toplevel=job["top"],
                        hdl_toplevel_lang="verilog",
                        build_dir=job["folder"],
                        test_dir=job["test_dir"],
                        results_xml=str(Path(job["test_dir"]) / "results.xml"),
                    )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        # The command's own output stands above and says more than cocotb's summary does.
        print(error, file=sys.stderr)
        return 1
    return 0


def end_with_parent() -> None:
    """End this process and the simulator once whoever started it is gone, and its end of the pipe with it."""
    # Below Python's buffer, which this thread would hold locked while the process ends.
    while os.read(0, 1):
        pass
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
