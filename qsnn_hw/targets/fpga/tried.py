"""Routings of a design that an output folder remembers, so that its clock is chosen by what was found."""

import hashlib
import json
from pathlib import Path

from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.clock import Tried


class TriedFile:
    """Fmax by seed and clock of the routings of one design; those of another are not seen, and go.

    Parameters
    ----------
    path
        The file; it need not be there.
    design
        JSON values that decide a routing beside seed and clock.
    """

    def __init__(self, path: Path, design: object) -> None:
        self._path = path
        self._key = hashlib.sha256(json.dumps(design, sort_keys=True).encode()).hexdigest()
        self._found: list[tuple[float, int, float]] = []
        if path.exists():
            known = files.read_json(path)
            try:
                if known["design"] == self._key:
                    self._found = [
                        (float(one["clock_mhz"]), int(one["seed"]), float(one["fmax_mhz"]))
                        for one in known["routings"]
                    ]
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f"{path} is damaged; delete it to route the design again") from error

    def add(self, clock_mhz: float, seed: int, fmax_mhz: float) -> None:
        """Remember one more."""
        self._found = [one for one in self._found if one[:2] != (clock_mhz, seed)]
        self._found.append((clock_mhz, seed, fmax_mhz))
        routings = [
            {"clock_mhz": clock, "seed": tried, "fmax_mhz": fmax} for clock, tried, fmax in self._found
        ]
        files.write_json(self._path, {"design": self._key, "routings": routings})

    def fmax(self, clock_mhz: float, seed: int) -> float | None:
        """What a routing reached; None where it is not known."""
        return next((fmax for clock, tried, fmax in self._found if (clock, tried) == (clock_mhz, seed)), None)

    def of(self, seeds: range) -> list[Tried]:
        """The best of these seeds for each clock that all of them were routed at, the first clock first."""
        by_clock: dict[float, dict[int, float]] = {}
        for clock, seed, fmax in self._found:
            if seed in seeds:
                by_clock.setdefault(clock, {})[seed] = fmax
        whole = {clock: found for clock, found in by_clock.items() if len(found) == len(seeds)}
        return [Tried(clock, max(found.values())) for clock, found in whole.items()]
