"""``python -m qsnn_hw.toolchain.warm TOOL ...`` does the tools' one-time work ahead of their first use.

The set-up scripts start it in the background, so that it overlaps with downloads. Whatever is not
done when a tool is needed is waited for there, with a line to the user.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.toolchain import compiler, simulator, webassembly
from qsnn_hw.toolchain.finder import find_tool

_PROGRAM = "#include <iostream>\nint main() { std::cout << 1; }\n"


def warm(name: str, progress: Progress = SILENT) -> None:
    """Prepare one tool: compile a WebAssembly tool, or let zig build its C++ library.

    Raises
    ------
    UserError
        The tool is missing.
    """
    tool = find_tool(name)
    webassembly.prepare(tool, progress)
    if name == "c++" and compiler.is_zig(tool.command):
        _warm_zig(progress)


def _warm_zig(progress: Progress) -> None:
    progress.say("zig: building its C++ library for this machine, one to two minutes at its first use")
    with simulator.verilator_ready(), tempfile.TemporaryDirectory(prefix="qsnn-hw-") as folder:
        source = Path(folder) / "warm.cpp"
        source.write_text(_PROGRAM, encoding="utf-8")
        subprocess.run(["qsnn-c++", "-o", str(source.with_suffix("")), str(source)], check=False)


def main() -> int:
    """Warm the tools named on the command line; a missing one is left for its user to report."""
    for name in sys.argv[1:]:
        try:
            warm(name)
        except UserError as error:
            print(error, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
