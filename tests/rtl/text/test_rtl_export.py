"""RTLIL and Verilog are written quickly, and are what the slow way writes."""

import contextlib
import cProfile
import gc
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, signed
from amaranth.hdl._nir import CombinationalCycle
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.rtl.group.neuron_memory import NeuronMemory
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.text import export
from qsnn_hw.rtl.text.export import write_rtlil, write_verilog, write_verilogs
from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.progress import SILENT
from tests.support.networks import random_network


@contextlib.contextmanager
def usual_amaranth() -> Iterator[None]:
    """RTLIL is written the way Amaranth does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "quick_amaranth", contextlib.nullcontext)
        yield


def traced() -> SpikingNetwork:
    """A network that has a bit of everything."""
    network = random_network(np.random.default_rng(0), [4, 5, 3])
    return SpikingNetwork(make_plan(network, PlanOptions(lanes=[4], event_lanes=[2])), trace=True)


@pytest.mark.slow
def test_a_network_is_written_as_amaranth_writes_it(tmp_path: Path) -> None:
    calls = []
    for name, way in (("quick", contextlib.nullcontext), ("usual", usual_amaranth)):
        with way(), cProfile.Profile() as profile:
            write_rtlil(traced(), "traced", tmp_path / f"{name}.il")
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    assert (tmp_path / "quick.il").read_text() == (tmp_path / "usual.il").read_text()
    # What Python is called for is nearly all the time it takes, and the same on every machine.
    assert calls[0] < 0.65 * calls[1]
    assert gc.isenabled()


class Bits(wiring.Component):
    """Four bits, each of which is the one below it, and the lowest the input or the highest."""

    i: In(1)
    o: Out(4)

    def __init__(self, *, closed: bool) -> None:
        self._closed = closed
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(Cat(self.o[3] if self._closed else self.i, self.o[:3]))
        return m


def test_bits_may_depend_on_others_of_their_signal_but_not_on_themselves(tmp_path: Path) -> None:
    write_rtlil(Bits(closed=False), "bits", tmp_path / "bits.il")
    with pytest.raises(CombinationalCycle, match="signal o bit 0"):
        write_rtlil(Bits(closed=True), "bits", tmp_path / "bits.il")
    assert gc.isenabled()


def test_contents_of_memories_are_written_as_amaranth_writes_them(tmp_path: Path) -> None:
    """Word by word instead of bit by bit, and the same text."""
    rng = np.random.default_rng(0)
    words = [int(word) for word in rng.integers(-(1 << 12), 1 << 12, 37)]

    class Rows(wiring.Component):
        address: In(6)
        signed: Out(13)
        empty: Out(5)

        def elaborate(self, platform: object) -> Module:
            m = Module()
            for name, shape, init in (("signed", signed(13), words), ("empty", 5, [])):
                m.submodules[name] = rows = memory.Memory(shape=shape, depth=40, init=init)
                read = rows.read_port()
                m.d.comb += [read.addr.eq(self.address), getattr(self, name).eq(read.data)]
            return m

    write_rtlil(Rows(), "rows", tmp_path / "quick.il")
    with usual_amaranth():
        write_rtlil(Rows(), "rows", tmp_path / "usual.il")
    text = (tmp_path / "quick.il").read_text()
    assert text == (tmp_path / "usual.il").read_text()
    assert f"{words[0] & 0x1FFF:013b}\n" in text


def test_groups_may_be_called_like_what_stands_beside_them(tmp_path: Path) -> None:
    """Every submodule that the network itself makes, in its verification build, as the name of a group."""
    network = random_network(np.random.default_rng(0), [5, 4, 4, 3])
    own = ["router", "loader", "guard", "around", "sent_first", "activity_first"]
    for k in range(0, len(own), 2):
        names = {"g1": "first", "g2": own[k], "g3": own[k + 1]}
        named = replace(
            network,
            groups=tuple(replace(group, name=names[group.name]) for group in network.groups),
            projections=tuple(
                replace(p, source=names.get(p.source, p.source), target=names[p.target])
                for p in network.projections
            ),
            output=names[network.output],
        )
        plan = make_plan(named, PlanOptions(lanes=[2], synapse_store="ram"))
        write_rtlil(SpikingNetwork(plan, trace=True), plan.name, tmp_path / "traced.il")
        assert f"\\random.group_{own[k]}\n" in (tmp_path / "traced.il").read_text()


def test_forms_written_together_are_those_written_apart(tmp_path: Path) -> None:
    for number, bits in enumerate((3, 5)):
        write_rtlil(NeuronMemory(bits, 8), f"form{number}", tmp_path / f"{number}.il")
        write_verilog(
            tmp_path / f"{number}.il", tmp_path / f"apart{number}.v", log=tmp_path / "log", progress=SILENT
        )
    forms = [(tmp_path / f"{number}.il", tmp_path / f"together{number}.v") for number in (0, 1)]
    write_verilogs(forms, log=tmp_path / "log", progress=SILENT)

    def text(name: str) -> str:
        # yosys numbers what it adds itself through all forms.
        return re.sub(r"dump_module\$\d+", "", (tmp_path / name).read_text())

    for number in (0, 1):
        assert text(f"together{number}.v") == text(f"apart{number}.v")
    with pytest.raises(ToolError):
        write_verilogs(
            [*forms, (tmp_path / "none.il", tmp_path / "none.v")], log=tmp_path / "log", progress=SILENT
        )
    assert not (tmp_path / "none.v").exists()
