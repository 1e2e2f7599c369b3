"""What a device holds, what a design needs, and by how much the second exceeds the first."""

from collections.abc import Mapping
from dataclasses import dataclass

from qsnn_hw.families.family import Family


@dataclass(frozen=True)
class Usage:
    """How much a design takes, in units of one family; None is "not known", never "none".

    Parameters
    ----------
    logic_cells
        LUT4s, carry cells included.
    registers
        Flip-flops.
    block_rams, sprams, dsps
        Whole blocks.
    """

    logic_cells: int | None = None
    registers: int | None = None
    block_rams: int | None = None
    sprams: int | None = None
    dsps: int | None = None


@dataclass(frozen=True)
class Shortfall:
    """One resource that does not suffice; ``resource`` is the place and route tool's own name."""

    resource: str
    needed: int
    available: int

    def __str__(self) -> str:
        excess = self.needed - self.available
        return f"{self.needed} {self.resource} against {self.available} ({excess} too many)"


@dataclass(frozen=True)
class BlockMemory:
    """One kind of memory block of a device.

    Parameters
    ----------
    kind
        The place and route tool's name.
    count, bits
        Blocks on the device, and the bits of one.
    shapes
        (depth, width) of every way to use one block.
    true_dual_port
        Two independent ports; otherwise one reads and the other writes.
    initial_content
        The bitstream can fill it, so it can hold a ROM.
    """

    kind: str
    count: int
    bits: int
    shapes: tuple[tuple[int, int], ...]
    true_dual_port: bool
    initial_content: bool

    def blocks(self, depth: int, width: int) -> int:
        """The fewest blocks, all of one shape, that hold ``depth`` words of ``width`` bits."""
        if depth < 1 or width < 1:
            raise ValueError(f"memory shape must be positive, not {depth}x{width}")
        return min(-(-depth // d) * -(-width // w) for d, w in self.shapes)

    def replaced_by(self, other: "BlockMemory") -> int:
        """How many blocks of ``other`` replace one of these, whatever shape it is used in."""
        return max(other.blocks(depth, width) for depth, width in self.shapes)


@dataclass(frozen=True)
class Limits:
    """What a device holds.

    Parameters
    ----------
    family
        Decides the tools' names and units.
    logic_cells, registers, dsps
        Counts on the device.
    block_ram, spram
        Memory blocks; None where the device has none.
    """

    family: Family
    logic_cells: int
    registers: int
    dsps: int
    block_ram: BlockMemory | None
    spram: BlockMemory | None = None

    def available(self) -> dict[str, int]:
        """Every limit under the place and route tool's own name."""
        names = self.family.units
        counts = {names.logic_cells: self.logic_cells, names.dsps: self.dsps}
        if names.registers is not None:
            counts[names.registers] = self.registers
        counts[names.block_ram] = self.block_ram.count if self.block_ram is not None else 0
        if names.spram is not None:
            counts[names.spram] = self.spram.count if self.spram is not None else 0
        return counts

    def fits(self, usage: Usage) -> list[Shortfall]:
        """Every resource of which ``usage`` takes more than there is; empty when it fits."""
        names, available = self.family.units, self.available()
        # A family without such blocks at all still has to say that one was asked for.
        needed = {
            names.logic_cells: usage.logic_cells,
            names.registers or "registers": usage.registers,
            names.block_ram: usage.block_rams,
            names.spram or "single-port RAM": usage.sprams,
            names.dsps: usage.dsps,
        }
        available.setdefault("registers", self.registers)
        return [
            Shortfall(name, count, available.get(name, 0))
            for name, count in needed.items()
            if count is not None and count > available.get(name, 0)
        ]

    def usage(self, utilization: Mapping[str, int]) -> Usage:
        """The usage behind a tool's own counts, such as ``{"ICESTORM_LC": 900}``."""
        names = self.family.units

        def count(name: str | None) -> int | None:
            return utilization.get(name) if name is not None else None

        return Usage(
            logic_cells=count(names.logic_cells),
            registers=count(names.registers),
            block_rams=count(names.block_ram),
            sprams=count(names.spram),
            dsps=count(names.dsps),
        )

    def by_name(self, usage: Usage) -> dict[str, int]:
        """What is known of a usage under the tools' own names; the inverse of :meth:`usage`."""
        names = self.family.units
        counts = {
            names.logic_cells: usage.logic_cells,
            names.registers: usage.registers,
            names.block_ram: usage.block_rams,
            names.spram: usage.sprams,
            names.dsps: usage.dsps,
        }
        return {name: n for name, n in counts.items() if name is not None and n is not None}

    def converted(self, usage: Usage, other: "Limits") -> Usage:
        """At most how much ``usage``, counted on this device, takes on ``other``.

        Within a family the counts carry over. Across families every block is replaced by as many
        of the other's as its least favourable shape needs, and a logic cell that holds both is taken to
        hold either a LUT or a register, so the answer is an upper bound. It does not cover memories read
        through two ports, which take twice the blocks where ``true_dual_port`` is false.
        """
        if other.family == self.family:
            return usage
        logic, registers = usage.logic_cells, usage.registers
        if self.family.units.registers is None:
            registers = logic
        elif other.family.units.registers is None and logic is not None:
            logic, registers = logic + (registers or 0), None
        blocks, sprams = usage.block_rams, usage.sprams
        if blocks is not None and self.block_ram is not None and other.block_ram is not None:
            blocks *= self.block_ram.replaced_by(other.block_ram)
        if sprams and self.spram is not None and other.spram is None and other.block_ram is not None:
            blocks = (blocks or 0) + sprams * self.spram.replaced_by(other.block_ram)
            sprams = None
        return Usage(logic, registers, blocks, sprams, usage.dsps)
