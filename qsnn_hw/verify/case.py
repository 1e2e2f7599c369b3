"""A verification case: everything the simulator's side needs, as plain arrays in one file.

The hardware plan, the input and the golden run go in; what the in-simulator tests in ``sim/`` read
comes out. They need to know nothing of networks or plans.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw import files
from qsnn_hw.errors import UserError
from qsnn_hw.golden import GoldenRun
from qsnn_hw.plan import HOST, HardwarePlan

FORMAT = "qsnn-hw verification case 1"

# What a group may spend per time step beyond its events and its sweep: pipelines, buffers, router.
_STEP_SLACK = 64


@dataclass(frozen=True)
class GroupCase:
    """The trace port of one neuron group and what it must show.

    Parameters
    ----------
    group
        Name of the group in the network; messages use it.
    port
        Prefix of the trace port's signals, ``trace_<name in the plan>``.
    neurons, lanes, folds, v_bits
        As in ``GroupPlan``.
    potentials
        int32, shape (time, sample, neurons): the golden potential after every tick.
    """

    group: str
    port: str
    neurons: int
    lanes: int
    folds: int
    v_bits: int
    potentials: np.ndarray


@dataclass(frozen=True)
class Case:
    """One verification run: stimulus, expected answer and how roughly to treat the design.

    Parameters
    ----------
    top
        Name of the Verilog top module.
    output_group
        Name of the group whose spikes are the output stream.
    inputs, outputs
        uint8 0/1, shapes (time, sample, input address) and (time, sample, output address).
    groups
        In topological order, so that a first difference names its cause and not what followed.
    seed
        Of the random idle gaps and the random backpressure.
    idle
        Probability that the driver pauses before a word of the stress pass.
    backpressure
        Share of cycles in which the monitor is not ready during the stress pass.
    hang_cycles
        Cycles without any progress after which the design counts as hung.
    """

    top: str
    output_group: str
    inputs: np.ndarray
    outputs: np.ndarray
    groups: tuple[GroupCase, ...]
    seed: int
    idle: float
    backpressure: float
    hang_cycles: int

    @property
    def steps(self) -> int:
        """Time steps of a sample."""
        return int(self.inputs.shape[0])

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.inputs.shape[1])

    def part(self, start: int, stop: int) -> "Case":
        """The same case with samples ``start`` to ``stop - 1`` only."""
        chosen = slice(start, stop)
        return replace(
            self,
            inputs=self.inputs[:, chosen],
            outputs=self.outputs[:, chosen],
            groups=tuple(replace(g, potentials=g.potentials[:, chosen]) for g in self.groups),
        )

    def save(self, path: Path) -> None:
        """Write the case as one .npz, whole or not at all; 0/1 arrays are bit-packed."""
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "names": np.array([self.top, self.output_group]),
            "seed": self.seed,
            "probabilities": np.array([self.idle, self.backpressure]),
            "hang_cycles": self.hang_cycles,
            "groups": np.array([[g.group, g.port] for g in self.groups], dtype=np.str_),
        }
        for name, spikes in (("inputs", self.inputs), ("outputs", self.outputs)):
            arrays[f"{name}_packed"] = np.packbits(spikes, axis=-1)
            arrays[f"{name}_size"] = spikes.shape[-1]
        for index, group in enumerate(self.groups):
            arrays[f"sizes{index}"] = np.array([group.neurons, group.lanes, group.folds, group.v_bits])
            arrays[f"potentials{index}"] = group.potentials
        files.write_npz(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "Case":
        """Read what :meth:`save` wrote; UserError when it is not such a file."""
        arrays = files.read_npz(path)
        try:
            if str(arrays["format"]) != FORMAT:
                raise UserError(f"{path}: format is {arrays['format']}, this version reads {FORMAT}")
            top, output_group = (str(n) for n in arrays["names"])
            idle, backpressure = (float(p) for p in arrays["probabilities"])
            groups = []
            for index, (group, port) in enumerate(arrays["groups"]):
                neurons, lanes, folds, v_bits = (int(n) for n in arrays[f"sizes{index}"])
                potentials = arrays[f"potentials{index}"]
                groups.append(GroupCase(str(group), str(port), neurons, lanes, folds, v_bits, potentials))
            spikes = {
                name: np.unpackbits(arrays[f"{name}_packed"], axis=-1, count=int(arrays[f"{name}_size"]))
                for name in ("inputs", "outputs")
            }
            return cls(
                top=top,
                output_group=output_group,
                inputs=spikes["inputs"],
                outputs=spikes["outputs"],
                groups=tuple(groups),
                seed=int(arrays["seed"]),
                idle=idle,
                backpressure=backpressure,
                hang_cycles=int(arrays["hang_cycles"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{path} is not a verification case of this version: {error!r}") from error


def make_case(
    plan: HardwarePlan,
    inputs: np.ndarray,
    golden: GoldenRun,
    *,
    seed: int = 1,
    idle: float = 0.2,
    backpressure: float = 0.3,
) -> Case:
    """Gather a case from the plan that was built, its input, and what golden made of it.

    Parameters
    ----------
    plan
        The hardware.
    inputs
        uint8 0/1, shape (time, sample, ...).
    golden
        Spikes, and the potentials of every group (``run_clocked(..., record=all groups)``).

    Raises
    ------
    ValueError
        The golden run lacks a group's potentials, or belongs to other input, or there are several
        spikes of one address in one time step.
    UserError
        ``idle`` or ``backpressure`` is no probability.
    """
    steps, samples = inputs.shape[:2]
    if not steps or not samples:
        raise ValueError(f"Input must have at least one time step and one sample, not {steps} and {samples}")
    flat = inputs.reshape(steps, samples, -1).astype(np.uint8)
    if flat.shape[2] != plan.input_size:
        raise ValueError(f"Input must have {plan.input_size} addresses, not {flat.shape[2]}")
    groups = []
    for group in plan.groups:
        if group.group not in golden.potentials:
            raise ValueError(f"Golden run must hold the potentials of group {group.group!r}: record them")
        potentials = golden.potentials[group.group]
        if potentials.shape != (steps, samples, group.neurons):
            raise ValueError(
                f"Golden potentials of group {group.group!r} must have shape "
                f"{(steps, samples, group.neurons)}, not {potentials.shape}"
            )
        port = f"trace_{group.name}"
        sizes = (group.neurons, group.lanes, group.folds, group.v_bits)
        groups.append(GroupCase(group.group, port, *sizes, potentials.astype(np.int32)))
    _check_probability("idle", idle)
    _check_probability("backpressure", backpressure)
    source = next(route.source for route in plan.routes if route.destination == HOST)
    output_group = plan.group(source).group
    for name, spikes in (("Input", flat), ("Output", golden.spikes[output_group])):
        if spikes.max() > 1:
            raise ValueError(f"{name} must be 0 or 1 for each address and time step, not {spikes.max()}")
    return Case(
        top=plan.name,
        output_group=output_group,
        inputs=flat,
        outputs=golden.spikes[output_group].astype(np.uint8),
        groups=tuple(groups),
        seed=seed,
        idle=idle,
        backpressure=backpressure,
        hang_cycles=_hang_cycles(plan, idle, backpressure),
    )


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise UserError(f"{name} must be a probability from 0 to below 1, not {value!r}")


def _hang_cycles(plan: HardwarePlan, idle: float, backpressure: float) -> int:
    """Far more cycles than any time step can take: every address fires, every word has to wait."""
    step = sum(g.sources * g.folds + g.folds + g.neurons + _STEP_SLACK for g in plan.groups)
    return int(8 * step / ((1 - idle) * (1 - backpressure)))
