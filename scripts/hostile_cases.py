"""The hostile cases: one function a kind, each drawing its cases from a seed."""

import io
import itertools
import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import hostile_files as files
import numpy as np
from hostile_files import CONVENTION, HOSTILE_NAMES, WRONG_VALUES
from hostile_run import Case, Step
from user_command import ROOT

Draw = Callable[[random.Random, int], Case]

REFUSED = (2,)
DATA = ("--data", "d.npz")
BOARD = ("--board", "icebreaker", "-o", "o")
GOOD = {
    "m.toml": files.toml(files.model_table(random.Random(1))).encode(),
    "d.npz": files.npz(files.samples()),
}
INFER = ("infer", "m.toml", *CONVENTION, *DATA)
GENERATE = ("generate", "m.toml", *CONVENTION, *DATA, *BOARD, "-q")


def _reader(chance: random.Random, model: str) -> tuple[str, ...]:
    """A quick command that reads model and data."""
    return chance.choice(
        (
            ("infer", model, *CONVENTION, *DATA, "--bits", "8"),
            ("infer", model, *CONVENTION, *DATA),
            ("infer", model, *CONVENTION, *DATA, "--bits", "4", "--out", "out.npz", "--diagnose"),
            ("check", model, *CONVENTION, *DATA),
        )
    )


def model_bytes(chance: random.Random, number: int) -> Case:
    """A model file whose bytes are damaged."""
    suffix = chance.choice(("nir", "toml", "npz"))
    table = files.model_table(chance)
    content = {
        "nir": lambda: files.nir(partial(files.write_nir, table=table)),
        "toml": lambda: files.toml(table).encode(),
        "npz": lambda: files.npz(files.arrays_of(table), compress=chance.random() < 0.5),
    }[suffix]()
    if chance.random() < 0.1:
        wrong = chance.choice(("m.nir", "m.toml", "m.npz", "m.NIR", "m.txt", "m"))
    else:
        wrong = f"m.{suffix}"
        content = files.spoiled_bytes(content, chance)
    inputs = {wrong: content, "d.npz": files.npz(files.samples(out=True))}
    return Case("model file, bytes", f"{suffix} {number}", inputs, (Step(_reader(chance, wrong)),))


def model_values(chance: random.Random, number: int) -> Case:
    """A model file of the right form with wrong values."""
    table = files.convolution_table() if chance.random() < 0.4 else files.model_table(chance)
    shape = tuple(table["input_shape"])
    inputs = {"d.npz": files.npz(files.samples(shape, out=True))}
    way = chance.random()
    if way < 0.55:
        name = "m.toml"
        inputs[name] = files.toml(files.spoiled_table(table, chance)).encode()
    elif way < 0.75:
        name = "m.npz"
        inputs[name] = files.npz(files.spoiled_arrays(files.arrays_of(table), chance))
    else:
        name = "m.nir"
        inputs[name] = files.nir(partial(_spoiled_nir, chance=chance))
    return Case("model file, values", f"{name} {number}", inputs, (Step(_reader(chance, name)),))


def _spoiled_nir(archive: h5py.File, chance: random.Random) -> None:
    """A good NIR file in which a dataset or a link is replaced by something else."""
    files.write_nir(archive)
    names: list[str] = []
    archive.visit(names.append)
    for _ in range(chance.choice((1, 1, 2))):
        name = chance.choice(names)
        try:
            item = archive[name]
        except KeyError:
            # Gone with what held it, or a link to nowhere by now.
            continue
        old = item[()] if isinstance(item, h5py.Dataset) else None
        value: Any = chance.choice([v for v in WRONG_VALUES if not isinstance(v, list | dict)])
        ways: list[Callable[[], None]] = [
            lambda n=name, v=value: _put(archive, n, v),  # type: ignore[misc]
            lambda n=name: _put(archive, n, np.zeros((1, 2, 3, 4))),  # type: ignore[misc]
            lambda n=name: _put(archive, n, h5py.Empty("f")),  # type: ignore[misc]
            lambda n=name: _put(archive, n, np.array([b"a", b"b"])),  # type: ignore[misc]
            lambda n=name: _put(archive, n, np.zeros(3, dtype=[("a", "i4"), ("b", "f8")])),  # type: ignore[misc]
            lambda n=name: _put(archive, n, np.array([np.nan, np.inf])),  # type: ignore[misc]
            lambda n=name: _put(archive, n, h5py.SoftLink("/nowhere")),  # type: ignore[misc]
            lambda n=name: _put(archive, n, h5py.ExternalLink("other.h5", "/x")),  # type: ignore[misc]
            lambda n=name: _put(archive, n, archive["/"]),  # type: ignore[misc]
            lambda n=name: _put(archive, n, None),  # type: ignore[misc]
            lambda n=name: _put(archive, n, np.zeros(2, complex)),  # type: ignore[misc]
            lambda n=name, o=old: _put(archive, n, 0 if o is None else np.resize(o, 7)),  # type: ignore[misc]
        ]
        chance.choice(ways)()


def _put(archive: h5py.File, name: str, value: Any) -> None:
    del archive[name]
    if value is not None:
        try:
            archive[name] = value
        except (TypeError, ValueError, OverflowError):
            archive[name] = str(value)[:100].encode("ascii", "replace").replace(b"\x00", b"") or b"x"


def data_file(chance: random.Random, number: int) -> Case:
    """Samples with damaged bytes, or of wrong types, shapes and values."""
    arrays = files.samples(out=chance.random() < 0.5)
    if chance.random() < 0.3:
        arrays["input_packed"] = np.packbits(arrays["input"], axis=-1)
        arrays["input_shape"] = np.array(arrays.pop("input").shape)
    way = chance.random()
    if way < 0.65:
        content = files.npz(files.spoiled_arrays(arrays, chance))
    elif way < 0.9:
        content = files.spoiled_bytes(files.npz(arrays, compress=chance.random() < 0.5), chance)
    else:
        content = files.archive({"input.npy": chance.choice(_strange_members())})
    words = list(_reader(chance, "m.toml"))
    extra = chance.random()
    if extra < 0.15:
        words = [*words[:-2], "--bits", "4", "--calibrate", "d.npz"] if "--bits" in words else words
    elif extra < 0.3:
        words += ["--layout", chance.choice(("sample-time", "time-sample"))]
    elif extra < 0.4:
        words += ["--samples", chance.choice(("1", "6", "7", "0", "-1"))]
    return Case("data file", str(number), {**GOOD, "d.npz": content}, (Step(words),))


def _strange_members() -> list[bytes]:
    descr = "{'descr': '|u1', 'fortran_order': False, 'shape': %s}"
    return [
        files.npy(descr % "(99999999999, 99)"),
        files.npy(descr % "(-1, 4)"),
        files.npy(descr % "(" + "(" * 5000 + ")" * 5000 + ")"),
        files.npy(descr % "()"),
        files.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\x04N."),
        files.npy("[" * 3000, b""),
        files.npy("x" * 60000),
        files.npy("{'descr': '<f8'}"),
        files.npy(descr % "(2, 2)", b"12", b"\x03\x00"),
        files.npy(descr % "(1e3, 2)"),
        b"not an array",
        b"",
        b"\x93NUMPY",
    ]


def board_file(chance: random.Random, number: int) -> Case:
    """A board file of one's own with wrong values, hostile words, damaged bytes."""
    import tomllib

    name = chance.choice(("icebreaker", "ulx3s-85f", "tinyfpga-bx"))
    text = (ROOT / "boards" / f"{name}.toml").read_text(encoding="utf-8")
    if chance.random() < 0.25:
        content = files.spoiled_bytes(text.encode(), chance)
    else:
        content = files.toml(files.spoiled_table(tomllib.loads(text), chance)).encode()
    words = ["generate", "m.toml", *CONVENTION, "--board", "b.toml", "-o", "o", "-q"]
    # A file that is good after all makes Verilog, which takes yosys seconds: stop it before that.
    words += ["--lanes", "0"]
    return Case(
        "board file", f"{name} {number}", {**GOOD, "b.toml": content}, (Step(words, statuses=REFUSED),)
    )


ESCAPES = (
    ("name", "../../escape"),
    ("name", "a/b"),
    ("device", "up5k -p /x"),
    ("device", "../../x"),
    ("package", "a;touch x"),
    ("package", "/etc/passwd"),
    ("synth_args", ["-json", "../../../escape.json"]),
    ("synth_args", ["-json ../../escape.json"]),
    ("synth_args", ["; tee escape.txt"]),
    ("synth_args", ["-blif", "escape.blif"]),
    ("synth_args", ["-run", "begin:"]),
    ("place_args", ["--write", "../../../escape.json"]),
    ("place_args", ["--run", "escape.py"]),
    ("place_args", ["--pre-pack", "escape.py"]),
    ("place_args", ["--log", "/etc/escape"]),
    ("place_args", ["-l../../escape"]),
    ("place_args", ["--report=../../escape"]),
    ("place_args", ["../escape"]),
    ("pack_args", ["../../../escape.bin"]),
    ("pack_args", ["--svf", "../../escape.svf"]),
    ("pack_args", ["--svf=escape"]),
    ("loader", "x {bitstream}\x1b[2J"),
    ("description", "x\x1b]0;title\x07"),
)


def board_escape(chance: random.Random, number: int) -> Case:
    """A board file whose words would write or run something elsewhere."""
    import tomllib

    key, value = ESCAPES[number % len(ESCAPES)]
    table = tomllib.loads((ROOT / "boards" / "icebreaker.toml").read_text(encoding="utf-8"))
    content = files.toml({**table, key: value}).encode()
    words = ["synth", "m.toml", *CONVENTION, "--board", "b.toml", "-o", "o", "-q"]
    return Case("board file, escapes", f"{key} {value}", {**GOOD, "b.toml": content}, (Step(words, REFUSED),))


NUMBERS = ("0", "-1", "1", "2", "3", "7", "8", "16", "17", "1000", "999999999999", "9" * 30, "9" * 5000)
WORDS = (
    "",
    " ",
    "x",
    "1.5",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1,2",
    "1,,2",
    ",",
    "0x10",
    "1_0",
    "\x1b[2J",
    "٣",
)
QUANTIZING = ("--leak-bits", "--potential-bits", "--fractional-bits", "--max-drop", "--group-bits", "--bits")
BUILDING = (
    *("--lanes", "--update-lanes", "--event-lanes", "--lut-budget", "--cycle-budget", "--buffer-depth"),
    *("--steps", "--encoder-floor", "--seed", "--samples"),
)


def option(chance: random.Random, number: int) -> Case:
    """One option of a command at an extreme; another one beside it now and then."""
    command = chance.choice(("infer", "infer", "generate", "generate", "check", "finetune"))
    words = [command, "m.toml", *CONVENTION, *DATA]
    value = chance.choice((*NUMBERS, *WORDS))
    known: tuple[str, ...]
    if command == "infer":
        words += ["--bits", chance.choice(("8", "float"))]
        known = (*QUANTIZING, "--samples", "--layout", "--clip", "--readout")
    elif command == "generate":
        # Stopped before yosys runs: an option is wrong here in any case.
        words += [*BOARD, "-q", "--board", "nobody" if chance.random() < 0.5 else "icebreaker"]
        known = (*QUANTIZING, *BUILDING)
    elif command == "check":
        known = ("--out-key", "--samples", "--layout")
    else:
        words += ["-o", "o"]
        known = ("--epochs", "--batch", "--learning-rate", "--seed", *QUANTIZING)
    name = chance.choice(known)
    if name == "--group-bits" and chance.random() < 0.7:
        value = f"{chance.choice(('lif1', 'lif9', '', '='))}={value}"
    words += [f"{name}={value}"]
    if chance.random() < 0.3:
        words += [f"{chance.choice(known)}={chance.choice(NUMBERS)}"]
    if command == "generate" and words[-1].startswith("--board"):
        words += ["--lanes", "0"]
    return Case("option", f"{command} {number}", GOOD, (Step(words),))


SETTINGS = (
    *(
        "dt",
        "decay",
        "comparison",
        "reset",
        "reset_delay",
        "reset_drops_input",
        "reset_retest",
        "multi_spike",
        "max_spikes",
    ),
    *("v_min", "input_gain", "integrator_gain", "current_gain", "start", "update", "refractory", "tau_fix"),
    *("delay_unit", "snap", "name", "nothing", ""),
)


def setting(chance: random.Random, number: int) -> Case:
    """``--set`` with every field and extreme values, and conventions that there are not."""
    convention = chance.choice(
        ("snntorch", "norse", "sinabs", "spikingjelly", "rockpool", "nir", "", "x" * 300)
    )
    words = [chance.choice(("infer", "check")), "m.toml", "--convention", convention]
    inputs = {**GOOD, "d.npz": files.npz(files.samples(out=True))}
    for _ in range(chance.choice((1, 1, 2))):
        value = chance.choice(
            (*NUMBERS, *WORDS, "true", "false", "none", "1e-300", "1e300", "0.001", "euler", "direct", "zero")
        )
        words += ["--set", f"{chance.choice(SETTINGS)}={value}"]
    return Case("setting", str(number), inputs, (Step([*words, *DATA]),))


def command_line(chance: random.Random, number: int) -> Case:
    """Words that make no command."""
    pool = (
        *(
            "build",
            "infer",
            "check",
            "report",
            "boards",
            "doctor",
            "synth",
            "finetune",
            "generate",
            "simulate",
        ),
        *("m.toml", "-o", "o", "--data", "d.npz", "--convention", "snntorch", "--bits", "8", "--help", "-q"),
        *(
            "--board",
            "icebreaker",
            "--target",
            "verilog",
            "--",
            "-",
            "--lane",
            "--set",
            "a=b",
            "--x",
            "-oo",
            "nothing.nir",
            "--version",
        ),
        *HOSTILE_NAMES[:8],
    )
    words = [chance.choice(pool) for _ in range(chance.randrange(1, 7))]
    # doctor asks every tool for its version, which is slow; build and the like would work for long.
    if words[0] in ("doctor",):
        words = words[1:] or ["boards"]
    return Case("command line", str(number), GOOD, (Step(words),), leaves=("o", "o/*", "out.npz", "-o*"))


def names(chance: random.Random, number: int) -> Case:
    """Hostile names of models, layers, arrays, groups, data files, output folders."""
    name = HOSTILE_NAMES[number % len(HOSTILE_NAMES)]
    where = number // len(HOSTILE_NAMES) % 6
    table = files.model_table(chance)
    inputs = dict(GOOD)
    words = ["infer", "m.toml", *CONVENTION, *DATA, "--bits", "8", "--diagnose"]
    if where == 0:
        table["layer"][0]["name"] = table["layer"][1]["name"] = name
    elif where == 1:
        table["layer"][1]["name"] = name
        words = ["generate", "m.toml", *CONVENTION, *DATA, *BOARD, "--lut-budget", "1"]
    elif where == 2:
        table["name"] = name
        words = ["generate", "m.toml", *CONVENTION, *DATA, *BOARD, "--lut-budget", "1"]
    elif where == 3:
        words[1] = name
    elif where == 4:
        words[words.index("d.npz")] = name
    else:
        words = ["generate", "m.toml", *CONVENTION, *DATA, "--board", name, "-o", "o"]
    inputs["m.toml"] = files.toml(table).encode()
    return Case("hostile names", f"{where} {name[:20]!r}", inputs, (Step(words),))


def folder_names(chance: random.Random, number: int) -> Case:
    """Output folders of hostile names, and what may stand in their place."""
    name = (
        "o\x1b[2Jx",
        "o\nerror: x",
        "o x'\"$(touch y)",
        "ö×",
        "o%s",
        "o" * 250,
        "o" * 300,
        "o/" * 400 + "o",
    )[number % 8]
    words = ["generate", "m.toml", *CONVENTION, *DATA, "--board", "icebreaker", "-o", name, "-q"]
    words += [] if number % 8 in (0, 2) else ["--lut-budget", "1"]
    return Case("output folder, names", name[:20], GOOD, (Step(words),), leaves=("o*", "ö*"))


def _in_the_way(cwd: Path, what: str, place: str) -> None:
    (cwd / "outside").mkdir(exist_ok=True)
    (cwd / "outside" / "kept").write_text("kept", encoding="utf-8")
    path = cwd / place
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
    if what == "file":
        path.write_text("x", encoding="utf-8")
    elif what == "folder":
        path.mkdir()
        (path / "in it").write_text("x", encoding="utf-8")
    elif what == "link":
        path.symlink_to(cwd / "outside" / "kept")
    elif what == "folder link":
        path.symlink_to(cwd / "outside")
    elif what == "dangling":
        path.symlink_to(cwd / "nowhere")
    elif what == "loop":
        path.symlink_to(path)
    elif what == "device":
        path.symlink_to("/dev/full")
    elif what == "fifo":
        os.mkfifo(path)


PLACES = (
    *("o", "o/options.json", "o/steps.json", "o/01_network.npz", "o/02_quantized.npz", "o/03_golden.npz"),
    *("o/04_plan.npz", "o/report.json", "o/report.html", "o/10_traces.npz", "o/06_verilog.log"),
    *("o/06_verilog.ys", "o/05_design.il", "o/06_design.v", "o/02_options.json", "o/03_diagnostics.json"),
    "o/qsnn-hw-error.log",
)
THINGS = ("file", "folder", "link", "folder link", "dangling", "loop", "device", "fifo")


def in_the_way(chance: random.Random, number: int) -> Case:
    """Something else in the place of the output folder or of a file in it."""
    place, what = chance.choice(PLACES), THINGS[number % len(THINGS)]
    slow = place in (
        "o/06_verilog.log",
        "o/06_verilog.ys",
        "o/06_design.v",
        "o/05_design.il",
        "o/report.html",
    )
    words = [*GENERATE] if slow else [*GENERATE, "--lut-budget", "1"]
    step = Step(words, before=partial(_in_the_way, what=what, place=place))
    leaves: tuple[str, ...] = ("o", "o/*") if place != "o" or what in ("dangling", "folder") else ("o/*",)
    if place == "o" and what == "dangling":
        leaves = ("o", "o/*", "nowhere", "nowhere/*")
    if place == "o" and what == "folder link":
        # A user's own link says where the output goes.
        leaves = ("o/*", "outside/*")
    return Case("output folder, something in the way", f"{place} {what}", GOOD, (step,), leaves=leaves)


class Finished:
    """A finished ``generate`` of the tiny network, made once, whose folder cases copy and damage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def into(self, cwd: Path) -> None:
        shutil.copytree(self.folder, cwd / "o", symlinks=True)
        # The options name the model by its absolute path.
        path = cwd / "o" / "options.json"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(str(self.folder.parent), str(cwd)), encoding="utf-8")


def _damage_json(cwd: Path, finished: Finished, name: str, seed: int) -> None:
    finished.into(cwd)
    chance = random.Random(seed)
    path = cwd / "o" / name
    if chance.random() < 0.25:
        path.write_bytes(files.spoiled_bytes(path.read_bytes(), chance))
        return
    table = files.spoiled_table(json.loads(path.read_text(encoding="utf-8")), chance)
    try:
        path.write_text(json.dumps(table), encoding="utf-8")
    except (TypeError, UnicodeEncodeError):
        path.write_text("null", encoding="utf-8")


def saved_network(finished: Finished, chance: random.Random, number: int) -> Case:
    """A network as a build saves it, which is a model file, too: spoiled description, arrays, bytes."""
    content = (finished.folder / "01_network.npz").read_bytes()
    way = chance.random()
    if way < 0.2:
        content = files.spoiled_bytes(content, chance)
    else:
        arrays = dict(np.load(io.BytesIO(content)))
        if way < 0.75:
            table = files.spoiled_table(json.loads(str(arrays["description"])), chance)
            try:
                arrays["description"] = np.array(json.dumps(table))
            except (TypeError, UnicodeEncodeError):
                arrays["description"] = np.array("null")
        else:
            arrays = files.spoiled_arrays(arrays, chance)
        content = files.npz({key: value for key, value in arrays.items() if "\x00" not in key})
    words = chance.choice(
        (
            ("infer", "m.npz", *DATA, "--bits", "8"),
            ("check", "m.npz", *DATA),
            ("infer", "m.npz", *DATA),
            ("generate", "m.npz", *DATA, *BOARD, "-q", "--lut-budget", "1"),
        )
    )
    return Case("saved network", str(number), {**GOOD, "m.npz": content}, (Step(words),))


def pixels(chance: random.Random, number: int) -> Case:
    """Pixels for an encoder on the chip, spoiled; and the encoder's options at extremes."""
    rng = np.random.default_rng(number)
    arrays = {"pixels": rng.integers(0, 256, (6, 4)).astype(np.uint8), "label": rng.integers(0, 2, 6)}
    if chance.random() < 0.7:
        arrays = files.spoiled_arrays(arrays, chance)
    content = files.npz(arrays)
    words = ["generate", "m.toml", *CONVENTION, *DATA, *BOARD, "-q", "--lut-budget", "1"]
    words += ["--encoder", chance.choice(("rate", "latency", "direct", "none"))]
    words += [f"--steps={chance.choice(('4', '4', '256', '257', *NUMBERS[:8]))}"]
    if chance.random() < 0.4:
        words += [f"--encoder-floor={chance.choice(NUMBERS)}"]
    if chance.random() < 0.3:
        words += ["--readout", chance.choice(("count", "first", "membrane"))]
    return Case("pixels", str(number), {**GOOD, "d.npz": content}, (Step(words),))


def damaged_folder(finished: Finished, chance: random.Random, number: int) -> Case:
    """A finished folder with a damaged file: told, or made again; never used."""
    kind = number % 4
    if kind < 2:
        name = ("options.json", "steps.json")[kind]
        before = partial(_damage_json, finished=finished, name=name, seed=chance.randrange(2**32))
    else:
        name = chance.choice(sorted(p.name for p in finished.folder.iterdir() if p.is_file()))
        before = partial(_damage_file, finished=finished, name=name, seed=chance.randrange(2**32))
    words: tuple[str, ...] = ("generate", "-o", "o", "-q")
    if kind == 3 and name.startswith(("report", "10_")):
        words = ("report", "-o", "o")
    step = Step(words, before=before, after=partial(_as_made, finished=finished) if kind >= 2 else None)
    return Case("damaged output folder", f"{name} {number}", GOOD, (step,))


def _damage_file(cwd: Path, finished: Finished, name: str, seed: int) -> None:
    finished.into(cwd)
    path = cwd / "o" / name
    path.write_bytes(files.spoiled_bytes(path.read_bytes(), random.Random(seed)))


DECIDED = ("01_network.npz", "02_quantized.npz", "03_golden.npz", "04_plan.npz", "06_design.v", "06_traced.v")


def _as_made(cwd: Path, finished: Finished, status: int | None = None) -> str:
    """Whether the folder's products are those of an undamaged run; the report comes last."""
    for name in DECIDED:
        path = cwd / "o" / name
        if not path.is_file():
            continue
        if name.endswith(".npz"):
            try:
                mine, theirs = dict(np.load(path)), dict(np.load(finished.folder / name))
            except Exception:
                continue
            same = mine.keys() == theirs.keys() and all(
                _without_paths(mine[k]) == _without_paths(theirs[k]) for k in mine
            )
        else:
            same = path.read_bytes() == (finished.folder / name).read_bytes()
        if not same and (cwd / "o" / "steps.json").is_file() and not _is_refused(cwd):
            return f"{name} is not what an undamaged run makes"
    return ""


def _is_refused(cwd: Path) -> bool:
    outputs = sorted((cwd.parent).glob("*.err"))
    return bool(outputs) and "error: " in outputs[-1].read_text("utf-8", "replace")


def _without_paths(value: np.ndarray) -> bytes:
    return value.tobytes() if value.dtype.kind != "U" else str(value).encode()


def _other_weights(cwd: Path, name: str, seed: int) -> None:
    table = files.model_table(random.Random(seed))
    if name == "m.npz":
        (cwd / name).write_bytes(files.npz(files.arrays_of(table)))
    elif name == "w.npz":
        arrays = {k: v for k, v in files.arrays_of(table).items() if k.startswith("fc") and "type" not in k}
        (cwd / name).write_bytes(files.npz(arrays))
    elif name == "m.nir":
        (cwd / name).write_bytes(files.nir(partial(files.write_nir, table=table)))
    else:
        (cwd / name).write_text(files.toml(table), encoding="utf-8")


def stale(chance: random.Random, number: int) -> Case:
    """A file of the input changes between two runs in a folder: the second is as one in a fresh folder."""
    model = ("m.toml", "m.npz", "m.nir", "w.npz")[number % 4]
    table = files.model_table(chance)
    named = "m.toml" if model == "w.npz" else model
    inputs = {"d.npz": GOOD["d.npz"]}
    if model == "w.npz":
        for layer in table["layer"]:
            for key in ("weight", "bias"):
                layer.pop(key, None)
        inputs["m.toml"] = files.toml({"arrays": "w.npz", **table}).encode()
    words = ["generate", named, *CONVENTION, *DATA, "--board", "icebreaker", "-q", "-o"]
    first = partial(_other_weights, name=model, seed=chance.randrange(999))
    second = partial(_other_weights, name=model, seed=1000 + chance.randrange(999))
    # Past the reading step everything hangs on keys: far enough, and without yosys.
    quick = ("--lut-budget", "1")
    steps = (
        Step([*words, "o", *quick], before=first),
        Step([*words, "o", *quick], before=second),
        Step([*words, "p", *quick], after=_same_folders),
    )
    return Case("stale", f"{model} {number}", inputs, steps, leaves=("o", "o/*", "p", "p/*"))


def _same_folders(cwd: Path) -> str:
    for name in DECIDED[:3]:
        a, b = cwd / "o" / name, cwd / "p" / name
        if a.is_file() != b.is_file():
            return f"{name} is in one folder only"
        if a.is_file():
            mine, theirs = dict(np.load(a)), dict(np.load(b))
            if any(mine[k].tobytes() != theirs[k].tobytes() for k in mine):
                return f"stale: {name} differs from that of a fresh folder"
    return ""


def streams(chance: random.Random, number: int) -> Case:
    """Closed, full and broken streams; terminals and environments of all kinds."""
    commands: tuple[tuple[str, ...], ...] = (
        INFER,
        ("infer", "none.toml", *CONVENTION, *DATA),
        ("boards",),
        ("--help",),
        ("generate", "-o", "none"),
        ("check", "m.toml", *CONVENTION, *DATA),
        ("infer", "schön×\x1b.toml", *CONVENTION, *DATA),
        (*INFER, "--out", "out.npz", "--bits", "8", "--diagnose"),
    )
    out, err = (
        chance.choice(("read", "closed", "full", "broken")),
        chance.choice(("read", "read", "closed", "full", "broken")),
    )
    environments: tuple[dict[str, str | None], ...] = (
        {},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LANG": "C", "LC_ALL": None, "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"HOME": None},
        {"HOME": "/nowhere"},
        {"TMPDIR": "/nowhere"},
        {"PATH": ""},
        {"QSNN_CACHE_DIR": "/dev/null/x"},
        {"COLUMNS": "0"},
        {"TERM": "dumb"},
    )
    env = chance.choice(environments)
    words = commands[number % len(commands)]
    return Case(
        "streams and environment",
        f"{number}",
        GOOD,
        (Step(words, stdout=out, stderr=err, env=env, fresh=True),),
    )


def full_disk(chance: random.Random, number: int) -> Case:
    """No file grows beyond some bytes, and then there is space again."""
    limit = chance.choice((0, 1, 100, 1000, 2000, 5000, 20_000, 60_000, 100_000))
    if number % 3 == 0:
        step = Step([*INFER, "--out", "out.npz"], file_limit=limit)
        return Case("full disk", f"infer {limit}", GOOD, (step,))
    words = [*GENERATE, "--lut-budget", "1"] if number % 3 == 1 else [*GENERATE]
    after: tuple[int, ...] = (2,) if number % 3 == 1 else (0,)
    steps = (Step(words, file_limit=limit, after=no_halves), Step(words, statuses=after))
    return Case("full disk", f"generate {limit}", GOOD, steps)


def no_halves(cwd: Path) -> str:
    for path in (cwd / "o").rglob("*") if (cwd / "o").is_dir() else ():
        if path.name.startswith(".") and path.name != ".lock" and path.is_file() and path.stat().st_size:
            return f"leaves the temporary {path.name}"
        try:
            if path.suffix == ".npz":
                np.load(path)
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
        except Exception as error:
            return f"leaves half of {path.name}: {error}"
    return ""


def stopped(chance: random.Random, number: int) -> Case:
    """A run that a signal ends at any moment, and the next one in the folder."""
    which = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)[number % 4]
    after = round(chance.uniform(0.05, 4), 2)
    ended = (0, 128 + int(which), 130)
    steps = (
        Step([*GENERATE], statuses=ended, stop=(int(which), after)),
        Step([*GENERATE], statuses=(0,), after=_clean),
    )
    return Case("signals", f"{which.name} after {after} s", GOOD, steps)


def _clean(cwd: Path) -> str:
    left = [p.name for p in (cwd / "o").rglob(".*") if p.name != ".lock"]
    return f"temporaries are left: {', '.join(left)}" if left else no_halves(cwd)


def together(chance: random.Random, number: int) -> Case:
    """Two runs in one folder in the same moment, with equal or different options."""
    other = [*GENERATE] if number % 2 else [*GENERATE, "--bits", "4"]
    step = Step([*GENERATE], beside=Step(other), after=no_halves)
    last = Step([*GENERATE], statuses=(0,), after=_clean)
    return Case("two runs in a folder", str(number), GOOD, (step, last))


def large(chance: random.Random, number: int) -> Case:
    """Sizes that would take minutes or all memory: refused at once."""
    kind = number % 10
    table, inputs = files.convolution_table(), dict(GOOD)
    inputs["d.npz"] = files.npz(files.samples((1, 5, 5)))
    name = "m.toml"
    if kind == 0:
        table["layer"][0]["padding"] = [10**6, 10**6]
    elif kind == 1:
        table["layer"][2]["padding"] = [10**6, 0]
    elif kind == 2:
        table["input_shape"] = [10**4, 10**4, 10**4]
    elif kind == 3:
        table["layer"] = _many_layers(3000)
        table["input_shape"] = [1]
    elif kind == 4:
        table["layer"] = [{"name": "d", "type": "Delay", "delay": 1e6}, *table["layer"]]
    elif kind == 5:
        name, inputs["m.nir"] = "m.nir", files.nir(partial(_nested, depth=200))
    elif kind == 6:
        name, inputs["m.nir"] = "m.nir", files.nir(partial(_long_chain, length=4000))
    elif kind == 7:
        zeros = np.zeros(10**8, np.uint8)
        inputs["d.npz"] = files.npz({"input": zeros, "label": zeros[:10]}, compress=True)
    elif kind == 8:
        table["layer"][0]["dilation"] = [10**6, 10**6]
        table["layer"][0]["padding"] = [10**6, 10**6]
    else:
        table["input_shape"] = [1] * 100
    if name == "m.toml":
        inputs[name] = files.toml(table).encode()
    words = ("infer", name, *CONVENTION, *DATA, "--bits", "8")
    return Case("sizes", f"{kind}", inputs, (Step(words, statuses=REFUSED),))


def _many_layers(count: int) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = []
    for index in range(count):
        layers.append({"name": f"a{index}", "type": "Linear", "weight": [[0.5]]})
        layers.append({"name": f"b{index}", "type": "IF"})
    return layers


def _nested(archive: h5py.File, depth: int) -> None:
    group: Any = archive
    for _ in range(depth):
        group = group.create_group("node" if group is archive else "inner")
        group["type"] = "NIRGraph"
        group = group.create_group("nodes")


def _long_chain(archive: h5py.File, length: int) -> None:
    root = archive.create_group("node")
    root["type"] = "NIRGraph"
    nodes = root.create_group("nodes")
    names = ["input", *(f"s{i}" for i in range(length)), "output"]
    for name in names:
        node = nodes.create_group(name)
        node["type"] = {"input": "Input", "output": "Output"}.get(name, "Scale")
        node["shape" if name in ("input", "output") else "scale"] = np.ones(1)
    edges = [[a.encode(), b.encode()] for a, b in itertools.pairwise(names)]
    root.create_dataset("edges", data=np.array(edges))


def links(chance: random.Random, number: int) -> Case:
    """HDF5 links and storage that lead to other files of the machine."""
    kind = number % 6
    secret = (b"\x00\x00\x80?" * 64, "secret.bin")

    def write(archive: h5py.File) -> None:
        files.write_nir(archive)
        weight = "node/nodes/fc1/weight"
        del archive[weight]
        if kind == 0:
            archive.create_dataset(weight, (3, 4), "f4", external=[("secret.bin", 0, 48)])
        elif kind == 1:
            archive[weight] = h5py.ExternalLink("secret.h5", "/w")
        elif kind == 2:
            layout = h5py.VirtualLayout((3, 4), "f4")
            layout[:] = h5py.VirtualSource("secret.h5", "w", (3, 4))
            archive.create_virtual_dataset(weight, layout)
        elif kind == 3:
            archive.create_dataset(weight, (3, 4), "f4", external=[("/etc/passwd", 0, 48)])
        elif kind == 4:
            archive[weight] = np.ones((3, 4))
            archive["node/nodes/again"] = h5py.ExternalLink("secret.h5", "/")
        else:
            archive[weight] = np.ones((3, 4))
            archive["node/nodes/lif1/metadata"] = h5py.SoftLink("/node")

    def secret_h5(archive: h5py.File) -> None:
        archive["w"] = np.ones((3, 4), "f4")

    inputs = {**GOOD, "m.nir": files.nir(write), "secret.bin": secret[0], "secret.h5": files.nir(secret_h5)}
    words = ("infer", "m.nir", *CONVENTION, *DATA)
    statuses = REFUSED if kind < 5 else (0, 2)
    return Case("HDF5 links", str(kind), inputs, (Step(words, statuses=statuses),))


def _strange_file(cwd: Path, name: str, what: str) -> None:
    path = cwd / name
    path.unlink(missing_ok=True)
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path)
    elif what == "dangling":
        path.symlink_to(cwd / "nowhere")
    elif what == "huge":
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    else:
        path.symlink_to(what)


def strange_file(chance: random.Random, number: int) -> Case:
    """A device, a pipe, a folder or a terabyte of zeros in the place of a file that is read."""
    whats = ("fifo", "folder", "loop", "dangling", "huge", "/dev/zero", "/dev/full", "/proc/self/mem")
    what = whats[number % len(whats)]
    name = ("m.toml", "m.npz", "m.nir", "d.npz", "c.npz", "b.toml", "o/options.json")[
        number // len(whats) % 7
    ]
    words = ["generate", "m.toml", *CONVENTION, *DATA, *BOARD, "-q", "--lut-budget", "1"]
    if name in ("m.npz", "m.nir"):
        words[1] = name
    elif name == "c.npz":
        words += ["--calibrate", name]
    elif name == "b.toml":
        words[words.index("icebreaker")] = name
    elif name == "o/options.json":
        words = ["generate", "-o", "o"]
    step = Step(words, statuses=REFUSED, before=partial(_strange_file, name=name, what=what))
    return Case("no ordinary file", f"{name} {what}", {**GOOD, "o/x": b""}, (step,))


KINDS: tuple[tuple[Draw, int], ...] = (
    (model_bytes, 14),
    (model_values, 20),
    (data_file, 16),
    (pixels, 4),
    (board_file, 10),
    (board_escape, 2),
    (option, 16),
    (setting, 8),
    (command_line, 5),
    (names, 9),
    (folder_names, 1),
    (in_the_way, 4),
    (stale, 2),
    (streams, 5),
    (full_disk, 3),
    (stopped, 2),
    (together, 1),
    (large, 1),
    (links, 1),
    (strange_file, 4),
)
"""A kind, and its share of a campaign."""


def draw(runs: int, seed: int, finished: Finished) -> Iterator[Case]:
    """About ``runs`` commands, by the kinds' shares, the same for the same seed."""
    kinds: list[tuple[Draw, int]] = [
        *KINDS,
        (partial(damaged_folder, finished), 10),
        (partial(saved_network, finished), 5),
    ]
    shares = sum(share for _, share in kinds)
    for place, (make, share) in enumerate(kinds):
        for number in range(max(1, round(runs * share / shares))):
            chance = random.Random(f"{seed} {place} {number}")
            yield make(chance, number)
