"""A network compared with its framework's own output, in floating point or in integers: what ``check`` does.

The command and :meth:`qsnn_hw.build.api.TrainedNetwork.check` both call :func:`run_check`. Nothing heavy is
imported before it is needed.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qsnn_hw.build.effective import bits_and_options
from qsnn_hw.build.infer import model_and_data
from qsnn_hw.build.sample_options import LONGEST_SEARCH_S, CheckOptions
from qsnn_hw.build.told import Told
from qsnn_hw.support.errors import UserError

if TYPE_CHECKING:
    from qsnn_hw.model.check import ConventionCheck
    from qsnn_hw.model.convention import Convention
    from qsnn_hw.model.dataset import Dataset
    from qsnn_hw.model.network import Network
    from qsnn_hw.quantize import QuantizeOptions
    from qsnn_hw.support.progress import Progress


@dataclass(frozen=True)
class Checked:
    """Whether a network gives its framework's own output; ``str`` is what ``qsnn-hw check`` prints.

    Parameters
    ----------
    values, differ
        Output values that were compared (0 where the convention refuses the file), and how many differ.
    agrees
        Every value is the framework's.
    lines, warnings
        What the command says; what stands behind ``try`` agrees, as typed on the command line.
    """

    values: int
    differ: int
    agrees: bool
    lines: tuple[str, ...]
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        what = "equal" if self.agrees else f"{self.differ:,} differ" if self.values else "refused"
        return f"<check: {self.values:,} values, {what}>"

    def __str__(self) -> str:
        return "\n".join(self.lines)


def run_check(asked: CheckOptions, told: Told, progress: "Progress") -> Checked:
    """Compare; where the float network differs, look for the convention that agrees.

    Raises
    ------
    UserError
        An option does not fit, or model or samples are refused.
    """
    bits, options = bits_and_options(asked)
    if bits is None:
        return _check_float(asked, told, progress)
    if asked.search is not None:
        raise UserError("--search looks for a convention by floating point: leave --bits or --search out")
    return _check_integers(asked, options, told, progress)


def _check_float(asked: CheckOptions, told: Told, progress: "Progress") -> Checked:
    from qsnn_hw.model.check import readable
    from qsnn_hw.model.check_lines import check_lines
    from qsnn_hw.model.readers.reader import network_reader

    seconds = _search_seconds(asked)
    convention = _convention_to_check(asked, told)
    graph, read = network_reader(asked.model, convention)
    network = readable(read, convention, graph)
    data = _samples(asked, network, told)
    result = _compared(asked, (graph, read, convention), network, data, seconds, progress)
    if result.refused is None:
        told.warn(network.warnings)
    told.say(*check_lines(result, data.samples))
    if result.mismatches and convention is None:
        told.say(
            f"{asked.model} holds every field, so none is left to set: is out of these weights and input?"
        )
    if result.refused is not None and not result.alternatives:
        # What would have been said without a search, which found nothing.
        raise UserError(result.refused)
    agrees = not result.mismatches and result.refused is None
    return Checked(result.compared, result.mismatches, agrees, tuple(told.lines), tuple(told.warnings))


def _search_seconds(asked: CheckOptions) -> float:
    from qsnn_hw.model.check import SEARCH_S

    seconds = SEARCH_S if asked.search is None else asked.search
    if not 0 <= seconds <= LONGEST_SEARCH_S:
        raise UserError(f"--search wants seconds from 0 to {LONGEST_SEARCH_S}, not {seconds:g}")
    return seconds


def _samples(asked: CheckOptions, network: "Network", told: Told) -> "Dataset":
    from qsnn_hw.model.dataset import load_dataset

    data = load_dataset(
        asked.data,
        network=network,
        layout=asked.layout,
        samples=asked.samples,
        in_key=asked.in_key,
        out_key=asked.out_key,
    )
    if data.unpacked is not None:
        told.say(data.unpacked)
    return data


def _compared(
    asked: CheckOptions,
    source: tuple[Any, Any, "Convention | None"],
    network: "Network",
    data: "Dataset",
    seconds: float,
    progress: "Progress",
) -> "ConventionCheck":
    """The comparison, and what agrees where it finds differences: a convention, or whole numbers."""
    from qsnn_hw.explore.integers.integer_advice import integer_advice, whole_bits
    from qsnn_hw.model.check import check_convention
    from qsnn_hw.model.dataset import other_outs

    graph, read, convention = source
    until = time.monotonic() + seconds
    # It may be integers that gave the output, and then no convention is found in floating point.
    bits = None if convention is None else whole_bits(network)
    result = check_convention(
        *(read, convention, data),
        graph=graph,
        out_key=asked.out_key,
        others=other_outs(asked.data, network, data, asked.out_key, asked.in_key),
        budget_s=seconds if bits is None else seconds / 3,
        progress=progress,
    )
    wrong = result.mismatches or result.refused is not None
    if not (wrong and convention and bits is not None) or any(item.complete for item in result.alternatives):
        return result
    whole = integer_advice(
        *(read, convention, graph, result.closest, data),
        bits=bits,
        budget_s=until - time.monotonic(),
        key="" if asked.out_key == "out" else f" --out-key {asked.out_key}",
        progress=progress,
    )
    return result if whole is None else replace(result, alternatives=(whole,), hints=(), exhausted=True)


def _convention_to_check(asked: CheckOptions, told: Told) -> "Convention | None":
    """The convention to compare first: of a file that needs one, ``nir`` where none is given."""
    from qsnn_hw.model.network_file import is_saved_network
    from qsnn_hw.model.readers.reader import convention_for

    name = asked.convention
    if name is None and Path(asked.model).is_file() and not is_saved_network(Path(asked.model)):
        name = "nir"
        told.say("no --convention was given: nir is compared first")
    return convention_for(asked.model, name, asked.settings)


def _check_integers(
    asked: CheckOptions, options: "QuantizeOptions", told: Told, progress: "Progress"
) -> Checked:
    """Compare a network's integers with the output that came with the data."""
    from qsnn_hw.explore.integers.integer_check import check_integers, check_lines
    from qsnn_hw.quantize.own_integers import own_integers_notes

    network, data = model_and_data(asked, told, in_key=asked.in_key, out_key=asked.out_key)
    if data.unpacked is not None:
        told.say(data.unpacked)
    options = replace(options, input_max=max(1, int(data.input.max())))
    result = check_integers(network, options, data, progress)
    told.warn(result.quantized.warnings[len(network.warnings) :])
    told.say(*own_integers_notes(result.quantized), *check_lines(result, data.samples))
    return Checked(result.values, result.differ, not result.differ, tuple(told.lines), tuple(told.warnings))
