"""Files that lead elsewhere, never end, or claim sizes that would fill the machine: refused at once."""

import json
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from qsnn_hw.families.boards import load_board
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.readers.hdf5_tree import read_tree
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.output_folder import check_output_folder

CONVENTION = Convention.preset("nir").with_settings({"dt": "0.001"})
LAYERS = """
[[layer]]
name = "fc"
type = "Linear"
weight = [[0.5, 0.5], [0.5, 0.25]]
[[layer]]
name = "lif"
type = "IF"
"""


def read(path: Path) -> None:
    read_network(path, CONVENTION)


READERS: list[tuple[str, Callable[[Path], object]]] = [
    ("m.toml", read),
    ("m.npz", read),
    ("m.nir", read),
    ("d.npz", files.read_npz),
    ("b.toml", load_board),
    ("o.json", files.read_json),
]


@pytest.mark.parametrize(("name", "reader"), READERS, ids=[name for name, _ in READERS])
def test_only_ordinary_files_are_read(name: str, reader: Callable[[Path], object], tmp_path: Path) -> None:
    """A pipe would be waited for, /dev/zero never ends."""
    path = tmp_path / name
    with pytest.raises(UserError, match=f"no such file: {path}"):
        reader(path)
    path.symlink_to(path)
    with pytest.raises(UserError, match=r"cannot read .*: Too many levels of symbolic links"):
        reader(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match=r"is a device or a pipe, not an?"):
        reader(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(UserError, match=r"is a device or a pipe, not an?"):
        reader(path)
    path.unlink()
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(UserError, match=r"has 1,024\.0 GiB, more than half of this machine's .* memory"):
        reader(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=r"is a folder, not an?"):
        reader(path)
    with pytest.raises(UserError, match=r"cannot read .*: File name too long"):
        reader(tmp_path / (300 * "x" + path.suffix))


def test_deep_nesting_and_large_text(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text("a = " + 5000 * "[", encoding="utf-8")
    with pytest.raises(UserError, match=r"m.toml is not a readable model description: it nests too deeply"):
        read(path)
    with pytest.raises(UserError, match=r"m.toml is not a readable board file: it nests too deeply"):
        load_board(path)
    with path.open("wb") as stream:
        stream.truncate(9_000_000)
    with pytest.raises(UserError, match="model description of 9,000,000 bytes, at most 8,000,000"):
        read(path)
    path.write_text(100_000 * "[", encoding="utf-8")
    with pytest.raises(UserError, match="it nests too deeply"):
        files.read_json(path)
    for text in ("NaN", "[Infinity]", '{"a": -Infinity}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match="is no JSON number"):
            files.read_json(path)


def test_an_archive_that_claims_more_than_the_memory(tmp_path: Path) -> None:
    """64 MB of zip can hold 64 GB of zeros; here the directory alone claims them."""
    path = tmp_path / "d.npz"
    np.savez_compressed(path, input=np.zeros((8, 2, 4), np.uint8))
    with zipfile.ZipFile(path) as archive:
        (entry,) = archive.infolist()
        data = bytearray(path.read_bytes())
    # The uncompressed size in the central directory: 24 bytes after its signature.
    at = data.rindex(b"PK\x01\x02") + 24
    assert int.from_bytes(data[at : at + 4], "little") == entry.file_size
    assert files.read_npz(path)["input"].shape == (8, 2, 4)
    data[at : at + 4] = (0xFFFFFFFE).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else 2**20)
        with pytest.raises(
            UserError, match=r"holds 4\.0 GiB of arrays, more than half of this machine's 4\.0"
        ):
            files.read_npz(path)


def write_nir(path: Path, weight: Callable[[h5py.Group], object]) -> Path:
    """A network of one Linear node whose weight is as ``weight`` stores it."""
    with h5py.File(path, "w") as archive:
        root = archive.create_group("node")
        root["type"] = "NIRGraph"
        for name, kind in (("input", "Input"), ("fc", "Linear"), ("output", "Output")):
            node = root.create_group(f"nodes/{name}")
            node["type"] = kind
            if kind != "Linear":
                node["shape"] = np.array([2])
        weight(root["nodes/fc"])
        root["edges"] = np.array([[b"input", b"fc"], [b"fc", b"output"]])
    return path


def _virtual(group: h5py.Group) -> None:
    layout = h5py.VirtualLayout((2, 2), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "w", (2, 2))
    group.create_virtual_dataset("weight", layout)


def _by_a_link_within(group: h5py.Group) -> None:
    group.file["there"] = h5py.ExternalLink("secret.h5", "/w")
    group["weight"] = h5py.SoftLink("/there")


def _external_group(group: h5py.Group) -> None:
    group["weight"] = np.ones((2, 2), "f4")
    group["metadata"] = h5py.ExternalLink("secret.h5", "/")


ELSEWHERE: dict[str, Callable[[h5py.Group], object]] = {
    "external storage": lambda g: g.create_dataset("weight", (2, 2), "f4", external=[("secret.bin", 0, 16)]),
    "storage of the system": lambda g: g.create_dataset(
        "weight", (2, 2), "f4", external=[("/etc/passwd", 0, 16)]
    ),
    "external link": lambda g: g.__setitem__("weight", h5py.ExternalLink("secret.h5", "/w")),
    "external group": _external_group,
    "virtual": _virtual,
    "soft link to an external one": _by_a_link_within,
}


@pytest.mark.parametrize("way", ELSEWHERE)
def test_weights_of_other_files_are_refused(way: str, tmp_path: Path) -> None:
    """Otherwise any file that the user may read becomes weights, and with them part of what is published."""
    (tmp_path / "secret.bin").write_bytes(np.ones(4, "f4").tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as archive:
        archive["w"] = np.ones((2, 2), "f4")
    path = write_nir(tmp_path / "m.nir", ELSEWHERE[way])
    with pytest.raises(
        UserError, match=r"(is a link to|is stored in) another file; export the model into one"
    ):
        read_tree(path)


def test_links_within_the_file_are_followed(tmp_path: Path) -> None:
    def inside(group: h5py.Group) -> None:
        group.file["shared"] = np.ones((2, 2), "f4")
        group["weight"] = h5py.SoftLink("/shared")

    tree = read_tree(write_nir(tmp_path / "m.nir", inside))
    assert tree["node"]["nodes"]["fc"]["weight"].sum() == 4


@pytest.mark.parametrize("size", [2**26, 2**40])
def test_datasets_that_only_claim_their_size(size: int, tmp_path: Path) -> None:
    def claim(group: h5py.Group) -> None:
        group.create_dataset("weight", (size,), "f8", chunks=(1024,))

    started = time.monotonic()
    with pytest.raises(UserError, match=f"weight claims {size} elements"):
        read_tree(write_nir(tmp_path / "m.nir", claim))
    assert time.monotonic() - started < 10


CONV = """
[[layer]]
name = "conv"
type = "Conv2d"
weight = [[[[0.5, 0.5], [0.5, 0.5]]]]
bias = [0.0]
{}
[[layer]]
name = "lif"
type = "IF"
"""
CHAIN = "".join(f'[[layer]]\nname = "s{i}"\ntype = "Scale"\nscale = 1.0\n' for i in range(300))
NEURONS = "".join(f'[[layer]]\nname = "n{i}"\ntype = "IF"\n' for i in range(3000))


@pytest.mark.parametrize(
    ("shape", "layers", "says"),
    [
        (
            [1, 5, 5],
            CONV.format("padding = [1000000, 1000000]"),
            r"'conv' .*padded input is 2000005 x 2000005",
        ),
        (
            [1, 5, 5],
            CONV.format("padding = 1000000\ndilation = 1000000"),
            r"padded input is 2000005 x 2000005",
        ),
        (
            [10**5, 10**5, 10**5],
            LAYERS,
            r"'input' .*shape is 100000 x 100000 x 100000, 1,000,000,000,000,000",
        ),
        ([2**31, 2**31, 2**31], LAYERS, r"'input' .*over 4,194,304"),
        (
            [1, 5, 5],
            CONV.replace("Conv2d", "SumPool2d")
            .replace("weight = [[[[0.5, 0.5], [0.5, 0.5]]]]\nbias = [0.0]", "")
            .format("kernel_size = 900\nstride = 1\npadding = 900"),
            "906 x 906 windows of 900 x 900 values are over 268,435,456",
        ),
        ([[1, 2], [3]], LAYERS, "shape is not an array of numbers"),
        ([2], LAYERS + CHAIN, "more than 100 nodes without a neuron in a row; merge them"),
        ([2], NEURONS, r"the graph has 3,002 nodes, at most 1,000 are read"),
        ([2], LAYERS.replace("0.25", "1e300"), r"weight holds 1e\+300, over 1e\+30, too large"),
        ([2], LAYERS.replace("0.25", f"1{400 * '0'}"), "weight is not an array of numbers"),
    ],
)
def test_sizes_that_would_fill_the_memory(shape: list[int], layers: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(f"input_shape = {json.dumps(shape)}\n{layers}", encoding="utf-8")
    started = time.process_time()
    with pytest.raises(UserError, match=says):
        read(path)
    assert time.process_time() - started < 5


def test_the_largest_graph_that_is_read_takes_seconds(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(
        "input_shape = [2]\n" + NEURONS[: NEURONS.index('[[layer]]\nname = "n998"')], encoding="utf-8"
    )
    started = time.process_time()
    assert len(read_network(path, CONVENTION).groups) == 998
    assert time.process_time() - started < 10


def test_what_leads_out_of_an_output_folder_is_refused(tmp_path: Path) -> None:
    """A log is opened by its name: a link would have it written elsewhere, a pipe waited for."""
    out = tmp_path / "out"
    check_output_folder(out)
    (out / "08_synthesis").mkdir(parents=True)
    (out / "report.json").write_text("{}", encoding="utf-8")
    (out / "also.json").symlink_to("report.json")
    check_output_folder(out)
    for name in ("06_verilog.log", "08_synthesis/yosys.log", ".lock", "09_implementation"):
        path = out / name
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UserError, match=f"{path} is a link that leads out of the output folder"):
            check_output_folder(out)
        path.unlink()
    os.mkfifo(out / "06_verilog.log")
    with pytest.raises(UserError, match=r"06_verilog\.log is a device or a pipe, not a file; remove it"):
        check_output_folder(out)
    (out / "06_verilog.log").unlink()
    (out / "report.html").mkdir()
    with pytest.raises(UserError, match=r"report\.html is a folder in the place of a file; remove it"):
        check_output_folder(out)


def test_an_output_folder_that_cannot_be_one_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match="file is a file, not a folder; choose another"):
        check_output_folder(tmp_path / "file")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    with pytest.raises(UserError, match="dangling is a link to what does not exist"):
        check_output_folder(tmp_path / "dangling")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UserError, match=r"loop"):
        check_output_folder(tmp_path / "loop")
    with pytest.raises(UserError, match="File name too long"):
        check_output_folder(tmp_path / (300 * "x"))
    with pytest.raises(UserError, match="bytes, too many for the files in it; choose a shorter"):
        check_output_folder(tmp_path.joinpath(*[200 * "x"] * 19))


def test_a_long_name_of_a_network_fits_file_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from qsnn_hw.build import cli
    from qsnn_hw.plan.hardware_plan import HardwarePlan

    path = tmp_path / "m.toml"
    layers = LAYERS.replace('"IF"', '"IF"\nr = 1000.0')
    path.write_text(f"name = '{5000 * 'x'}'\ninput_shape = [2]\n{layers}", encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["generate", str(path), "--convention", "nir", "--set", "dt=0.001", "--board", "icebreaker"]
    assert cli.main([*arguments, "-o", str(out), "-q"]) == 0, capsys.readouterr().err
    assert HardwarePlan.load(out / "04_plan.npz").name == 60 * "x"
