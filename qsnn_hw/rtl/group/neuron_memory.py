"""Where the potentials of a group live between events."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.plan.group_plan import NeuronMemoryStyle
from qsnn_hw.rtl.group.choose import select
from qsnn_hw.rtl.macros import TwoPortMacro
from qsnn_hw.rtl.text.memory_style import memory_attributes

MACRO_BITS = 1024
"""A memory of potentials of fewer bits is smaller in flip-flops than in a macro of its own."""


def in_macro(style: NeuronMemoryStyle, folds: int, width: int) -> bool:
    """Whether a :class:`NeuronMemory` of this size is a macro of the chip."""
    return style == "macro" and folds > 1 and folds * width >= MACRO_BITS


class NeuronMemory(wiring.Component):
    """One word of all lanes' potentials for each fold; one read and one write port.

    A group with one fold keeps its word in registers. Otherwise this is a RAM, whose
    undefined case (reading a word in the cycle in which it is written) the neuron group never
    produces; synthesis relies on that.

    Latency: the word at ``read_fold`` is on ``read_data`` in the cycle after ``read_en``, and stays
    there until the next ``read_en``. With one fold ``read_data`` always shows the stored word.
    Throughput: one read and one write per cycle.

    Parameters
    ----------
    width
        Bits of a word.
    folds
        Number of words, at least 1.
    style
        "block" or "distributed" RAM, "auto" for what synthesis finds best; "macro" for a macro of the
        chip from ``MACRO_BITS`` on, flip-flops below.
    chip
        What is no macro is in flip-flops of a chip, which hold the address of a read instead of the word: a
        word that was read must not be written before its last use.

    Members
    -------
    read_en : In(1)
    read_fold : In(range(folds))
    read_data : Out(width)
    write_en : In(1)
    write_fold : In(range(folds))
    write_data : In(width)
    """

    def __init__(
        self, width: int, folds: int, style: NeuronMemoryStyle = "auto", *, chip: bool = False
    ) -> None:
        if folds < 1:
            raise ValueError(f"Number of folds must be at least 1, not {folds!r}")
        self._width, self._folds, self._chip = width, folds, chip
        self._macro = in_macro(style, folds, width)
        self._attributes = {} if style == "macro" else memory_attributes("ram", style)
        fold = ceil_log2(folds)
        super().__init__(
            {
                "read_en": In(1),
                "read_fold": In(fold),
                "read_data": Out(width),
                "write_en": In(1),
                "write_fold": In(fold),
                "write_data": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._folds == 1:
            word = Signal(self._width)
            m.d.comb += self.read_data.eq(word)
            with m.If(self.write_en):
                m.d.sync += word.eq(self.write_data)
            return m
        if self._macro:
            self._connect_macro(m)
            return m
        if self._chip:
            self._flip_flops(m)
            return m
        m.submodules.words = words = memory.Memory(
            shape=self._width, depth=self._folds, init=[], attrs=self._attributes
        )
        read = words.read_port()
        write = words.write_port()
        m.d.comb += [
            read.en.eq(self.read_en),
            read.addr.eq(self.read_fold),
            self.read_data.eq(read.data),
            write.en.eq(self.write_en),
            write.addr.eq(self.write_fold),
            write.data.eq(self.write_data),
        ]
        return m

    def _flip_flops(self, m: Module) -> None:
        """Words of flip-flops, each with an enable, and the address of the one that is shown."""
        words = [Signal(self._width, name=f"word{fold}", reset_less=True) for fold in range(self._folds)]
        shown = Signal.like(self.read_fold)
        with m.If(self.read_en):
            m.d.sync += shown.eq(self.read_fold)
        m.d.comb += self.read_data.eq(select(words, shown))
        for fold, word in enumerate(words):
            with m.If(self.write_en & (self.write_fold == fold)):
                m.d.sync += word.eq(self.write_data)

    def _connect_macro(self, m: Module) -> None:
        """A macro of the chip in place of a memory."""
        m.submodules.words = words = TwoPortMacro(self._folds, self._width)
        m.d.comb += [
            words.re.eq(self.read_en),
            words.raddr.eq(self.read_fold),
            self.read_data.eq(words.rdata),
            words.we.eq(self.write_en),
            words.waddr.eq(self.write_fold),
            words.wdata.eq(self.write_data),
        ]


class ParameterMemory(wiring.Component):
    """A neuron parameter by fold, all lanes side by side; a constant where it never changes.

    Latency: 1 cycle from ``en``, like :class:`NeuronMemory`; with ``registered`` one cycle of
    ``en_output`` more.

    Parameters
    ----------
    words
        One packed word for each fold.
    width
        Bits of a word.
    style
        "block" RAM, or "auto" for what synthesis finds best.
    registered
        A second register behind the memory, whose clock-to-output is the slow part of block RAM.

    Members
    -------
    en : In(1)
    fold : In(range(len(words)))
    en_output : In(1), only with ``registered``
    data : Out(width)

    Attributes
    ----------
    stored : bool
        Whether it is a memory at all.
    """

    def __init__(
        self, words: list[int], width: int, style: str = "auto", *, registered: bool = False
    ) -> None:
        self.stored = len(set(words)) > 1
        self._attributes = memory_attributes("rom", style)
        self._words, self._width, self._registered = words, width, registered
        members: dict[str, wiring.Member] = {
            "en": In(1),
            "fold": In(ceil_log2(len(words))),
            "data": Out(width),
        }
        if registered:
            members["en_output"] = In(1)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if not self.stored:
            m.d.comb += self.data.eq(self._words[0])
            return m
        m.submodules.words = words = memory.Memory(
            shape=self._width, depth=len(self._words), init=self._words, attrs=self._attributes
        )
        read = words.read_port()
        m.d.comb += [read.en.eq(self.en), read.addr.eq(self.fold)]
        if self._registered:
            with m.If(self.en_output):
                m.d.sync += self.data.eq(read.data)
        else:
            m.d.comb += self.data.eq(read.data)
        return m
