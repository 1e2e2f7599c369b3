"""The weights of a neuron group, in a ROM or a RAM that is loaded, and their sums over event lanes."""

from typing import Literal

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.pieces import BLOCK_BITS
from qsnn_hw.rtl.group.choose import gather, select
from qsnn_hw.rtl.group.links import SynapseOperation, load_members
from qsnn_hw.rtl.text.memory_style import memory_attributes

Style = Literal["block", "spram"]


def check_style(plan: GroupPlan, style: str) -> None:
    """ValueError where a group's synapses cannot be in memory of ``style``."""
    if style not in ("block", "spram"):
        raise ValueError(f"Style must be 'block' or 'spram', not {style!r}")
    if style == "spram" and plan.synapse_store != "ram":
        raise ValueError(f"Store must be 'ram' for single-port memory, not {plan.synapse_store!r}")


class SynapseBanks(wiring.Component):
    """The weights of a group: one bank for each event lane, all read at once.

    Latency: bank ``k`` shows the row at ``row<k>`` on ``data<k>`` in the cycle after ``en[k]``, until
    its next read; where ``plan.chooses_late``, a row of every level, and the number of the one that was
    asked for. Throughput: one row per bank and cycle; no handshake.

    A "ram" holds nothing defined until it is loaded, and takes a row in the cycle of ``load.en``.

    Parameters
    ----------
    plan
        ``synapses``, ``synapse_store``, ``synapse_shape``, ``event_lanes``, ``lanes`` and
        ``weight_bits`` count. Of several memories in depth, only the one with the row is read, unless
        they are one (``synapse_abreast``).
    style
        "block" for block RAM. "spram": the single-port memory of iCE40 UltraPlus, for "ram" only; a
        write then takes the bank's only port, and a read in the same cycle is lost.

    Members
    -------
    en : In(event_lanes)
    row<k> : In(range(synapse_rows))
    data<k> : Out(lanes * weight_bits)
        Lane 0 in the lowest bits.
    level<k> : Out(range(levels)), data<k>_level<l> : Out(lanes * weight_bits)
        Instead of ``data<k>``, where ``plan.chooses_late``.
    load : In(load_signature(plan)), only in a "ram"
    """

    def __init__(self, plan: GroupPlan, *, style: Style = "block") -> None:
        check_style(plan, style)
        if plan.synapse_shape and plan.synapse_store != "rom" and not plan.crossbar:
            raise ValueError(f"Store must be 'rom' for banks of several memories, not {plan.synapse_store!r}")
        self._plan, self._style = plan, style
        self._width = plan.lanes * plan.weight_bits
        self._writable = plan.synapse_store == "ram"
        row = max(1, ceil_log2(plan.synapse_rows))
        members: dict[str, wiring.Member] = {"en": In(plan.event_lanes)}
        members |= {f"row{k}": In(row) for k in range(plan.event_lanes)}
        for bank in range(plan.event_lanes):
            if plan.chooses_late:
                for level in range(plan.synapse_levels):
                    members[f"data{bank}_level{level}"] = Out(self._width)
                members[f"level{bank}"] = Out(range(plan.synapse_levels))
            else:
                members[f"data{bank}"] = Out(self._width)
        super().__init__(members | load_members(plan))

    def _attributes(self, rows: int, width: int) -> dict[str, str]:
        if self._style == "spram":
            return memory_attributes("ram", "huge")
        if width * rows < BLOCK_BITS:
            return {}
        return memory_attributes("ram" if self._writable else "rom", "block")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        for bank in range(plan.event_lanes):
            if plan.synapse_shape:
                self._built(m, bank)
                continue
            rows = memory.Memory(
                shape=self._width,
                depth=plan.synapse_rows,
                init=[] if self._writable else plan.synapse_words(bank),
                attrs=self._attributes(plan.synapse_rows, self._width),
            )
            m.submodules[f"bank{bank}"] = rows
            row, data = getattr(self, f"row{bank}"), getattr(self, f"data{bank}")
            read = rows.read_port()
            m.d.comb += [read.en.eq(self.en[bank]), read.addr.eq(row), data.eq(read.data)]
            if self._writable:
                write = rows.write_port()
                m.d.comb += [
                    write.en.eq(self.load.en[bank]),
                    write.addr.eq(self.load.row),
                    write.data.eq(self.load.data),
                ]
                if self._style == "spram":
                    # One address for both ports is what makes synthesis find the single port.
                    address = Signal.like(row)
                    m.d.comb += [
                        address.eq(Mux(self.load.en[bank], self.load.row, row)),
                        read.addr.eq(address),
                        write.addr.eq(address),
                        read.en.eq(self.en[bank] & ~self.load.en[bank]),
                    ]
        return m

    def _built(self, m: Module, bank: int) -> None:
        """A bank of several memories, side by side and one above the other."""
        plan = self._plan
        row, en = getattr(self, f"row{bank}"), self.en[bank]
        low = ceil_log2(plan.synapse_shape[0])
        levels: list[list[Value]] = [[] for _ in range(plan.synapse_levels)]
        for (first, bit, rows, width), words in zip(
            plan.synapse_memories, plan.memory_words(bank), strict=True
        ):
            part = memory.Memory(shape=width, depth=rows, init=words, attrs=self._attributes(rows, width))
            name = f"bank{bank}" if plan.synapse_abreast else f"bank{bank}_row{first}_bit{bit}"
            m.submodules[name] = part
            read = part.read_port()
            m.d.comb += read.addr.eq(row[:low])
            if plan.synapse_abreast:
                m.d.comb += read.en.eq(en)
                levels = [[read.data[level :: len(levels)]] for level in range(len(levels))]
                continue
            level = first // plan.synapse_shape[0]
            here = row[low:] == level if len(levels) > 1 else Const(1)
            m.d.comb += read.en.eq(en & here)
            levels[level].append(read.data)
        shown = Signal(range(len(levels)), name=f"shown{bank}")
        with m.If(en):
            m.d.sync += shown.eq(row[low:])
        if plan.chooses_late:
            m.d.comb += getattr(self, f"level{bank}").eq(shown)
            for level, word in enumerate(levels):
                m.d.comb += getattr(self, f"data{bank}_level{level}").eq(Cat(word))
        else:
            m.d.comb += getattr(self, f"data{bank}").eq(select([Cat(level) for level in levels], shown))


class SynapseSums(wiring.Component):
    """The weights that an operation adds to each lane: synapse memory, and an adder tree over banks.

    Latency: ``latency`` cycles from ``i`` to ``sums``. Throughput: one operation per cycle, no
    handshake. Where ``plan.registered_synapses``, the weights pass registers before anything is added
    to them (the output of a block RAM is late in its cycle) and ``sums`` is 0 for a cycle without an
    operation.

    Parameters
    ----------
    plan
        The group.
    style
        Of the synapse memory, see :class:`SynapseBanks`.
    banks
        The synapse memory itself, where it is another one.

    Attributes
    ----------
    latency : int
        ``plan.synapse_latency``.

    Members
    -------
    i : In(SynapseOperation(plan))
    en : In(1)
        ``i`` is an operation; in a tick ``present`` must be 0.
    sum<lane> : Out(signed)
    load : In(load_signature(plan)), only where the synapse store is "ram"
    """

    def __init__(self, plan: GroupPlan, *, style: Style = "block", banks: SynapseBanks | None = None) -> None:
        self._plan, self._banks = plan, banks
        self._registered = plan.registered_synapses
        self._style: Style = style
        levels = ceil_log2(plan.event_lanes)
        self.latency = plan.synapse_latency
        members: dict[str, wiring.Member] = {"i": In(SynapseOperation(plan)), "en": In(1)}
        members |= {f"sum{lane}": Out(signed(plan.weight_bits + levels)) for lane in range(plan.lanes)}
        super().__init__(members | load_members(plan))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        banks = SynapseBanks(plan, style=self._style) if self._banks is None else self._banks
        m.submodules.banks = banks
        if plan.synapse_store == "ram":
            wiring.connect(m, wiring.flipped(self.load), banks.load)
        present = self.i.present & self.en.replicate(plan.event_lanes)
        # Reading what is not used does no harm, and the enables of so many blocks are soon late.
        m.d.comb += banks.en.eq(self.i.present if self._registered else present)
        terms: list[Value] = []
        for bank in range(plan.event_lanes):
            m.d.comb += getattr(banks, f"row{bank}").eq(self.i[f"row{bank}"])
            if plan.chooses_late:
                terms.append(self._chosen(m, banks, bank, present[bank]))
                continue
            word: Value = getattr(banks, f"data{bank}")
            if self._registered:
                absent = Signal(name=f"absent{bank}", init=1)
                held = Signal.like(word, name=f"held{bank}", reset_less=True)
                # A register's own reset makes the zeros of a bank that reads nothing. Not an If: a simulator
                # that waits for a change of its inputs shows undefined bits until the first read.
                m.d.sync += [absent.eq(~present[bank]), held.eq(Mux(absent, 0, word))]
                word = held
            terms.append(word)
        for lane in range(plan.lanes):
            at = slice(lane * plan.weight_bits, (lane + 1) * plan.weight_bits)
            level = [term[at].as_signed() for term in terms]
            while len(level) > 1:
                sums = [a + b for a, b in zip(level[::2], level[1::2], strict=True)]
                level = [
                    Signal(s.shape(), name=f"tree{lane}_{len(sums)}_{k}", reset_less=True)
                    for k, s in enumerate(sums)
                ]
                m.d.sync += [register.eq(s) for register, s in zip(level, sums, strict=True)]
            m.d.comb += getattr(self, f"sum{lane}").eq(level[0])
        return m

    def _chosen(self, m: Module, banks: SynapseBanks, bank: int, present: Value) -> Value:
        """The word of the level that was read, between registers; 0 without an operation."""
        levels = self._plan.synapse_levels
        absent = Signal(name=f"absent{bank}", init=1)
        # One bit a level, so that two LUTs in a row choose among eight.
        chosen = Signal(levels, name=f"chosen{bank}")
        here = getattr(banks, f"level{bank}")
        m.d.sync += [
            absent.eq(~present),
            chosen.eq(Cat((here == level) & ~absent for level in range(levels))),
        ]
        words: list[Value] = []
        for level in range(levels):
            word = getattr(banks, f"data{bank}_level{level}")
            held = Signal.like(word, name=f"held{bank}_level{level}", reset_less=True)
            m.d.sync += held.eq(word)
            words.append(held)
        word = Signal.like(words[0], name=f"word{bank}", reset_less=True)
        m.d.sync += word.eq(gather(words, chosen))
        return word
