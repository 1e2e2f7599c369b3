"""What TinyTapeout's public template and tools check of a project folder, as far as that runs offline.

Written from what they check, none of it taken over: fields of ``info.yaml`` version 6, its 24 pins alone,
sources that are there and named one by one, one module ``tt_um_...`` with the ports that the chip's
multiplexer has, and a documentation page whose sections say something.
"""

import json
import re
from pathlib import Path

YAML_VERSION = 6
SIZES = ("1x1", "1x2", "2x2", "3x2", "4x2", "6x2", "8x2")
PINS = tuple(f"{port}[{bit}]" for port in ("ui", "uo", "uio") for bit in range(8))
PORTS = {
    **dict.fromkeys(("clk", "ena", "rst_n"), ("input", 1)),
    **dict.fromkeys(("ui_in", "uio_in"), ("input", 8)),
    **dict.fromkeys(("uo_out", "uio_out", "uio_oe"), ("output", 8)),
}


def read_info(text: str) -> dict[str, object]:
    """Of ``info.yaml``: sections of keys with plain values, and lists of plain values; ValueError else."""
    found: dict[str, object] = {}
    section: dict[str, object] = found
    entries: list[object] | None = None
    for line in text.splitlines():
        plain = line.split(" #")[0].rstrip()
        if not plain.strip() or plain.lstrip().startswith("#"):
            continue
        item = re.fullmatch(r"    - (.+)", plain)
        if item is not None and entries is not None:
            entries.append(_value(item[1]))
            continue
        key = re.fullmatch(r"( {0,2})([\w\[\]]+):(?: +(.*))?", plain)
        if key is None or len(key[1]) == 1:
            raise ValueError(f"no line of info.yaml: {line!r}")
        where = section if key[1] else found
        if key[2] in where:
            raise ValueError(f"{key[2]} is there twice")
        if key[3]:
            where[key[2]] = _value(key[3])
        elif key[1]:
            where[key[2]] = entries = []
        else:
            where[key[2]] = section = {}
    return found


def _value(text: str) -> object:
    if text.startswith('"'):
        return json.loads(text)
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def problems(folder: Path) -> list[str]:
    """What is wrong with a project folder; empty where nothing is."""
    path = folder / "info.yaml"
    if not path.is_file():
        return ["no info.yaml"]
    try:
        info = read_info(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return [str(error)]
    project, pinout = info.get("project"), info.get("pinout")
    if not isinstance(project, dict) or not isinstance(pinout, dict):
        return ["info.yaml has no project or no pinout"]
    found = [] if info.get("yaml_version") == YAML_VERSION else ["yaml_version is not 6"]
    for key in ("title", "author", "description", "language"):
        if not isinstance(project.get(key), str) or not project[key]:
            found.append(f"{key} is missing or empty")
    if project.get("tiles") not in SIZES:
        found.append(f"tiles are {project.get('tiles')!r}")
    if not isinstance(project.get("clock_hz"), int):
        found.append("clock_hz is no number")
    found += [f"pin {pin} is missing" for pin in PINS if pin not in pinout]
    found += [f"pin {pin} is none" for pin in pinout if pin not in PINS]
    if not any(pinout.values()):
        found.append("no pin is described")
    return found + _sources(folder, project) + _documentation(folder / "docs" / "info.md")


def _sources(folder: Path, project: dict[str, object]) -> list[str]:
    top, names = project.get("top_module"), project.get("source_files")
    if not isinstance(top, str) or not re.fullmatch(r"tt_um_\w+", top):
        return [f"top_module is {top!r}"]
    if not isinstance(names, list) or not names:
        return ["no source_files"]
    texts = []
    for name in names:
        path = folder / "src" / str(name)
        if "*" in str(name) or not path.is_file():
            return [f"source {name} is not in src"]
        texts.append(path.read_text(encoding="utf-8"))
    modules = [match for text in texts for match in re.findall(r"^\s*module\s+(\S+?)[\s(#;]", text, re.M)]
    if modules.count(top) != 1:
        return [f"{modules.count(top)} modules {top}"]
    head = next(match for text in texts if (match := re.search(rf"module\s+{top}\s*\((.*?)\);", text, re.S)))
    ports = {
        name: (way, int(high or 0) + 1)
        for way, high, name in re.findall(
            r"(input|output|inout)\s+(?:wire|reg)?\s*(?:\[(\d+):0\])?\s*(\w+)", head[1]
        )
    }
    found = [] if ports == PORTS else [f"ports of {top}: {sorted(set(ports.items()) ^ set(PORTS.items()))}"]
    makefile = folder / "test" / "Makefile"
    used = makefile.read_text(encoding="utf-8") if makefile.is_file() else ""
    return found + [f"test/Makefile does not have {name}" for name in names if str(name) not in used]


def _documentation(path: Path) -> list[str]:
    if not path.is_file():
        return ["no docs/info.md"]
    text = path.read_text(encoding="utf-8")
    found = []
    for title in ("How it works", "How to test"):
        section = re.search(rf"^##? {title}\n+(.*?)(?=^#|\Z)", text, re.M | re.S)
        # The template has one sentence there that asks for the text.
        if section is None or len(section[1].split()) < 8 or section[1].startswith("Explain how"):
            found.append(f"docs/info.md says nothing below {title!r}")
    return found
