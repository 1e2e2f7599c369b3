"""Energy of work, by a meter that the machine has: the GPU's driver, or the processor's own counters."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the energy counters of processors (RAPL), of Intel and of AMD."""

SECONDS = 2.0
"""Work is repeated for so long: drivers refresh their figure several times a second."""


def joules(work: Callable[[], object], device: "torch.device") -> tuple[float, str] | None:
    """Joules of one ``work`` and what measured them; None where nothing on this machine does.

    ``work`` returns when the device is done.
    """
    return _gpu(work) if device.type == "cuda" else processor_energy(work, POWERCAP)


def _gpu(work: Callable[[], object]) -> tuple[float, str] | None:
    import torch

    watts: list[float] = []
    times: list[float] = []
    try:
        while sum(times) < SECONDS:
            begin = time.perf_counter()
            work()
            times.append(time.perf_counter() - begin)
            watts.append(torch.cuda.power_draw() / 1000)
    except (RuntimeError, ModuleNotFoundError):
        return None
    return statistics.mean(watts) * statistics.median(times), "mean power of the board by its driver"


def processor_energy(work: Callable[[], object], powercap: Path) -> tuple[float, str] | None:
    """Joules per call of ``work`` by the counters below ``powercap``, and what they count; None without."""
    before = _counters(powercap)
    if not before:
        return None
    begin, runs = time.perf_counter(), 0
    while time.perf_counter() < begin + SECONDS:
        work()
        runs += 1
    after = _counters(powercap)
    spent = [after[name] - count for name, count in before.items() if name in after]
    # A counter that went round, or stands still, says nothing.
    if not spent or min(spent) < 0 or sum(spent) == 0:
        return None
    return sum(spent) * 1e-6 / runs, "energy counters of the processor packages, whatever else they did"


def _counters(powercap: Path) -> dict[str, int]:
    """Zone of a whole package -> microjoules; empty where none may be read."""
    counts = {}
    for zone in sorted(powercap.glob("*-rapl:*")):
        # A zone inside another one has two colons.
        if zone.name.count(":") == 1:
            try:
                counts[zone.name] = int((zone / "energy_uj").read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue
    return counts
