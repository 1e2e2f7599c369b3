"""Small good files of every kind the command reads, and ways to spoil them."""

import io
import itertools
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

LAYERS = ("fc1", "lif1", "fc2", "lif2")
SIZES = (4, 3, 2)

HOSTILE_NAMES = (
    "\x1b[2J\x1b[31mred",
    "a\nerror: forged",
    "../../escape",
    "/etc/passwd",
    "..",
    ".",
    "",
    " ",
    "a b",
    "a'b\"c;d$(touch x)`e`",
    "x" * 300,
    "x" * 5000,
    "ünïcødé×",
    "\u202egnol",
    "%s%n{0}",
    "module",
    "a.b",
    "0",
    "-o",
    "top",
    "con",
    "\\",
    "a\tb",
    "\ud7ff\uffff",
)

WRONG_VALUES: tuple[Any, ...] = (
    *(True, False, 0, 1, -1, 2, 3, 17, 1.5, -0.0, 1e308, -1e308, 5e-324),
    *(float("nan"), float("inf"), -float("inf"), 10**6, 2**31, 2**63, 2**64, -(2**63), 10**400),
    *("", "x", "\x1b[2J", "x" * 5000, "1", "nan", [], {}, [[]], [1], [1, 2], [[1, 2], [3]], [1, "a"]),
    *({"a": 1}, [{}], [[[[[[1]]]]]], [True], ["a", "b"], [1.5, 2.5]),
)


def model_table(chance: random.Random) -> dict[str, Any]:
    """A plain description as nested tables."""
    weight = [
        [[round(chance.uniform(-0.2, 1), 3) for _ in range(SIZES[i])] for _ in range(SIZES[i + 1])]
        for i in (0, 1)
    ]
    return {
        "input_shape": [4],
        "name": "tiny",
        "layer": [
            {"name": "fc1", "type": "Affine", "weight": weight[0], "bias": [0.1, 0.0, 0.05]},
            {"name": "lif1", "type": "LIF", "tau": 0.004, "r": 4.0, "v_leak": 0.0, "v_threshold": 0.5},
            {"name": "fc2", "type": "Linear", "weight": weight[1]},
            {
                "name": "lif2",
                "type": "CubaLIF",
                "tau_mem": 0.004,
                "tau_syn": 0.003,
                "r": 4.0,
                "v_threshold": 0.3,
            },
        ],
    }


CONVENTION = ("--convention", "nir", "--set", "dt=0.001")


def convolution_table() -> dict[str, Any]:
    """A convolution and a pool on an image of 5x5."""
    return {
        "input_shape": [1, 5, 5],
        "layer": [
            {
                "name": "conv",
                "type": "Conv2d",
                "weight": [[[[0.5, 0.25], [0.25, 0.5]]], [[[0.5, -0.25], [0.5, 0.5]]]],
                "bias": [0.0, 0.1],
                "stride": [1, 1],
                "padding": [0, 0],
                "dilation": [1, 1],
                "groups": 1,
            },
            {"name": "if1", "type": "IF", "r": 1000.0, "v_threshold": 0.5},
            {"name": "pool", "type": "SumPool2d", "kernel_size": [2, 2], "stride": [2, 2], "padding": [0, 0]},
            {"name": "flat", "type": "Flatten"},
            {"name": "fc", "type": "Linear", "weight": [[0.5] * 8, [0.25] * 8]},
            {"name": "if2", "type": "IF", "r": 1000.0, "v_threshold": 0.5},
        ],
    }


def toml(table: Any) -> str:
    """A table as TOML; inline below the top."""
    return "".join(f"{_key(key)} = {_toml_value(value)}\n" for key, value in table.items())


def _key(key: str) -> str:
    return _toml_value(str(key))


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in value)
        return f'"{escaped}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return f"{value!r}" if "e" in repr(value) or "." in repr(value) else f"{value!r}.0"
    return str(value)


def arrays_of(table: dict[str, Any]) -> dict[str, Any]:
    """A plain description as the entries of an .npz."""
    arrays: dict[str, Any] = {"input_shape": table["input_shape"], "name": table.get("name", "tiny")}
    for layer in table["layer"]:
        arrays |= {f"{layer['name']}.{key}": value for key, value in layer.items() if key != "name"}
    return {key: np.asarray(value) for key, value in arrays.items()}


def samples(inputs: tuple[int, ...] = (4,), classes: int = 2, out: bool = False) -> dict[str, Any]:
    """Six samples of eight steps with labels."""
    rng = np.random.default_rng(5)
    arrays = {
        "input": (rng.random((8, 6, *inputs)) < 0.5).astype(np.uint8),
        "label": rng.integers(0, classes, 6),
    }
    if out:
        arrays["out"] = (rng.random((8, 6, classes)) < 0.3).astype(np.uint8)
    return arrays


def npz(arrays: dict[str, Any], compress: bool = False) -> bytes:
    """The bytes of an .npz file."""
    members: dict[str, bytes] = {}
    for name, value in arrays.items():
        stream = io.BytesIO()
        np.lib.format.write_array(stream, np.asanyarray(value), allow_pickle=True)
        members[f"{name}.npy"] = stream.getvalue()
    return archive(members, compress)


def archive(members: dict[str, bytes], compress: bool = True) -> bytes:
    """A zip of any members, the same at any time of day."""
    stream = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content, kind)
    return stream.getvalue()


def npy(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """A .npy member with a header of one's own."""
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<I", len(text)) + text + content


def nir(write: Callable[[h5py.File], None]) -> bytes:
    """The bytes of an HDF5 file that ``write`` fills."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as archive:
        write(archive)
    return stream.getvalue()


def write_nir(archive: h5py.File, table: dict[str, Any] | None = None) -> None:
    """The tiny network as NIR's exporter lays it out."""
    table = model_table(random.Random(1)) if table is None else table
    root = archive.create_group("node")
    root["type"] = "NIRGraph"
    nodes = root.create_group("nodes")
    names = ["input", *(layer["name"] for layer in table["layer"]), "output"]
    for name, kind, size in (("input", "Input", SIZES[0]), ("output", "Output", SIZES[-1])):
        port = nodes.create_group(name)
        port["type"] = kind
        port["shape"] = np.array([size])
    for layer in table["layer"]:
        node = nodes.create_group(layer["name"])
        for key, value in layer.items():
            if key != "name":
                node[key] = value if isinstance(value, str) else np.asarray(value, np.float32)
        if layer["type"].endswith("LIF"):
            node["v_reset"] = np.float32(0)
    edges = [[a.encode(), b.encode()] for a, b in itertools.pairwise(names)]
    root.create_dataset("edges", data=np.array(edges, dtype="S64"))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside nested tables and lists, tables and lists included."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with the value at ``path`` replaced; ``...`` takes it away."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and new is ...:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


def spoiled_table(table: Any, chance: random.Random) -> Any:
    """One or two values replaced by wrong ones, taken away, renamed or added."""
    for _ in range(chance.choice((1, 1, 1, 2))):
        path = chance.choice(list(leaves(table)))
        kind = chance.random()
        if kind < 0.7:
            table = changed(table, path, chance.choice(WRONG_VALUES))
        elif kind < 0.8:
            table = changed(table, path, ...)
        else:
            table = changed(table, path, chance.choice(HOSTILE_NAMES))
    return table


def spoiled_bytes(content: bytes, chance: random.Random) -> bytes:
    """Cut, flipped, zeroed, doubled or mixed with noise."""
    kind = chance.randrange(9)
    data = bytearray(content)
    if kind == 0:
        return bytes(data[: chance.randrange(len(data))])
    if kind == 1:
        for _ in range(chance.choice((1, 1, 2, 5, 50))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(data)
    if kind == 2:
        at = chance.randrange(len(data))
        data[at : at + chance.choice((1, 4, 16, 200))] = bytes(chance.choice((1, 4, 16, 200)))
        return bytes(data)
    if kind == 3:
        return bytes(data) * 2
    if kind == 4:
        return bytes(data) + chance.randbytes(chance.choice((1, 100)))
    if kind == 5:
        return chance.randbytes(chance.choice((0, 1, 8, 1000)))
    if kind == 6:
        at = chance.randrange(len(data))
        data[at : at + 8] = struct.pack("<Q", chance.choice((2**63, 2**32, 2**31 - 1, 0)))
        return bytes(data)
    if kind == 7:
        a, b = sorted((chance.randrange(len(data)), chance.randrange(len(data))))
        return bytes(data[:a] + data[b:])
    at = chance.randrange(len(data))
    data[at:at] = chance.choice((b"\xff\xfe", b"\x00", b"\x1b[2J", b"\r\n", b"[" * 2000, b"{" * 2000))
    return bytes(data)


def spoiled_arrays(arrays: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One or two arrays of another type, shape or content."""
    spoiled = {key: np.asarray(value) for key, value in arrays.items()}
    for _ in range(chance.choice((1, 1, 2))):
        if not spoiled:
            break
        key = chance.choice(sorted(spoiled))
        spoiled = _with_spoiled(spoiled, key, chance)
    return spoiled


def _with_spoiled(arrays: dict[str, Any], key: str, chance: random.Random) -> dict[str, Any]:
    value = arrays[key]
    number = value.dtype.kind in "iufb"
    ways: list[Callable[[], Any]] = [
        lambda: np.array([]),
        lambda: np.zeros((0, 4, 3)),
        lambda: np.array(chance.choice((0, -1, 7, 1e300, float("nan"), 2**62))),
        lambda: np.array("text"),
        lambda: np.array(["a", "b\x1b[2J"]),
        lambda: np.array(b"bytes"),
        lambda: np.array([1, 2], dtype="datetime64[s]"),
        lambda: np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]),
        lambda: np.zeros(value.shape, dtype=complex),
        lambda: np.zeros(value.shape, dtype=bool),
        lambda: np.ones(value.shape, dtype=">f8"),
        lambda: np.ones(value.shape, dtype=np.float16),
        lambda: value[..., None],
        lambda: value[None],
        lambda: np.asfortranarray(value.T),
        lambda: np.zeros((1,) * 40),
        lambda: np.full((3, 3), 255, np.uint8),
    ]
    if number:
        ways += [
            lambda: _poked(value, float("nan"), chance),
            lambda: _poked(value, float("inf"), chance),
            lambda: _poked(value, -1.0, chance),
            lambda: _poked(value, 1e38, chance),
            lambda: value.astype(float) * chance.choice((1e-300, 1e30, -1, 0, 1e6, 0.01)),
            lambda: np.repeat(value, 2, axis=-1) if value.ndim else value,
            lambda: value[..., :-1] if value.ndim else value,
        ]
    which = chance.randrange(len(ways) + 3)
    if which < len(ways):
        return {**arrays, key: ways[which]()}
    rest = {name: item for name, item in arrays.items() if name != key}
    if which == len(ways):
        return rest
    if which == len(ways) + 1:
        name = chance.choice(HOSTILE_NAMES)
        return {**rest, name.replace("\x00", "") or "empty": value}
    return {**arrays, chance.choice(("extra", "extra.weight", "out", "label", "input_shape")): value}


def _poked(value: np.ndarray, number: float, chance: random.Random) -> np.ndarray:
    poked = np.array(value, dtype=float)
    if poked.size:
        poked.reshape(-1)[chance.randrange(poked.size)] = number
    return poked
