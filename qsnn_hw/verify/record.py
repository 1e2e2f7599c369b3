"""What a verification run found and measured."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean

from qsnn_hw import files
from qsnn_hw.errors import UserError

FORMAT = "qsnn-hw verification 1"


@dataclass(frozen=True)
class Verification:
    """RTL against golden: a run that found no difference.

    Parameters
    ----------
    simulator
        Name and version of what simulated; the name alone when the tool states no version.
    samples
        Samples of the test set that were compared, each at least once.
    spikes_compared, potentials_compared
        Output spikes and potentials that were equal, over all passes. Every one of the time
        step's silent neurons is compared as well; only spikes are counted here.
    mismatches
        Differences found: 0, for any difference raises ``MismatchError`` instead.
    cycles_per_sample
        For each sample, clock cycles from the edge that takes its first word to the edge on which
        its last tick leaves; alone in the design, no idle gaps, no backpressure. Empty when that
        pass was not run.
    stream_samples, stream_cycles
        How many samples were sent back to back at full speed, and the cycles they took together;
        0 when that pass was not run.
    stress_samples, stress_cycles
        The same with random idle gaps and backpressure.
    input_events, output_events
        AER events of all samples (ticks aside) into and out of the design, once each.
    busy_cycles
        For each group, cycles in which it adds synapses or updates neurons, over all samples, from
        the spikes that were compared (``verify/work.py``).
    seed
        Of the stress pass.
    seconds
        Wall time of building and simulating.
    answers
        Samples whose way through encoder and readout on the chip was compared, twice each; 0 where
        the design has neither.
    """

    simulator: str
    samples: int
    spikes_compared: int
    potentials_compared: int
    mismatches: int
    cycles_per_sample: tuple[int, ...]
    stream_samples: int
    stream_cycles: int
    stress_samples: int
    stress_cycles: int
    input_events: int
    output_events: int
    busy_cycles: dict[str, int]
    seed: int
    seconds: float
    answers: int = 0

    @property
    def cycles_per_sample_mean(self) -> float | None:
        """Mean latency in cycles; None when it was not measured."""
        return fmean(self.cycles_per_sample) if self.cycles_per_sample else None

    @property
    def cycles_per_sample_max(self) -> int | None:
        """Worst latency in cycles; None when it was not measured."""
        return max(self.cycles_per_sample) if self.cycles_per_sample else None

    @property
    def stream_cycles_per_sample(self) -> float | None:
        """Cycles per sample at full speed, back to back: the inverse of the throughput; None likewise."""
        return self.stream_cycles / self.stream_samples if self.stream_samples else None

    @property
    def stress_cycles_per_sample(self) -> float | None:
        """Cycles per sample under idle gaps and backpressure; None likewise."""
        return self.stress_cycles / self.stress_samples if self.stress_samples else None

    @property
    def activity(self) -> dict[str, float]:
        """Group -> share of cycles in which it works; the power estimate uses it.

        Of the latency's cycles, or where that was not measured of those at full speed, back to back.

        Raises
        ------
        ValueError
            Neither was measured.
        """
        cycles = self.cycles_per_sample_mean or self.stream_cycles_per_sample
        if cycles is None:
            raise ValueError("Activity needs the pass alone or the pass stream: neither was run")
        return {group: busy / (cycles * self.samples) for group, busy in self.busy_cycles.items()}

    def save(self, path: Path) -> None:
        """Write the record as JSON, whole or not at all."""
        files.write_json(path, {"format": FORMAT, **asdict(self)})

    @classmethod
    def load(cls, path: Path) -> "Verification":
        """Read what :meth:`save` wrote; UserError when it is not such a file."""
        values = files.read_json(path)
        try:
            if values["format"] != FORMAT:
                raise UserError(f"{path}: format is {values['format']}, this version reads {FORMAT}")
            chosen = {item.name: values[item.name] for item in fields(cls)}
            chosen["cycles_per_sample"] = tuple(int(n) for n in chosen["cycles_per_sample"])
            return cls(**chosen)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is not a verification record of this version: {error!r}") from error
