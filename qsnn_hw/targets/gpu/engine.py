"""A quantized network on a batch of samples: equal to the golden model's clocked form, bit for bit.

Sums of all steps are one product of matrices wherever no loop ties steps together, and a group's neurons then
go through all steps at once: on a GPU in one kernel, on a CPU in parts that stay in its cache.
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np
import torch

from qsnn_hw.golden.clocked import GoldenRun, checked_input
from qsnn_hw.model.network import INPUT
from qsnn_hw.model.simulate import blocks
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection
from qsnn_hw.targets.gpu.device import has_kernel
from qsnn_hw.targets.gpu.sums import BeyondDeviceError, ExactSum
from qsnn_hw.targets.gpu.update import Constants, States, advance

CPU_BYTES = 48 * 2**20
"""What the sums of one part of the batch take on a CPU: little then leaves its caches twice."""
GPU_SHARE = 0.25
"""Of a GPU's free memory, for the sums of one part of the batch; spikes and the like take as much again."""

Task = Callable[[int, int], None]


class BatchNetwork:
    """A network ready on a device: weights and constants moved there once.

    Parameters
    ----------
    network
        The integers.
    device
        Of PyTorch.
    fused
        Whether a GPU's kernel advances groups over time; None where there are a GPU and Triton. True on a CPU
        needs Triton's interpreter (TRITON_INTERPRET=1).

    Raises
    ------
    BeyondDeviceError
        A sum of the network is past exact arithmetic.
    """

    def __init__(self, network: QuantizedNetwork, device: torch.device, *, fused: bool | None = None) -> None:
        self.network, self.device = network, device
        self.fused = device.type == "cuda" and has_kernel() if fused is None else fused
        self.sums = {p.name: self._sum(p) for p in network.projections}
        self._constants = {g.name: Constants.of(g, g.size, device) for g in network.groups}
        self._blocks = [tuple(map(network.group, names)) for names in blocks(network)]

    def _sum(self, p: QuantizedProjection) -> ExactSum:
        group = self.network.group(p.target)
        most = self.network.most_events(p.source)
        try:
            return ExactSum(p.all_operators, most, group.fractional_bits + p.shift, self.device)
        except BeyondDeviceError as error:
            raise BeyondDeviceError(f"{p.source} -> {p.target}: {error}") from error

    @property
    def paths(self) -> dict[str, str]:
        """Projection name -> the arithmetic of its sums."""
        return {name: total.path for name, total in self.sums.items()}

    def run(
        self,
        inputs: np.ndarray,
        *,
        record: Collection[str] = (),
        part: int | None = None,
        on_progress: Task = lambda done, total: None,
    ) -> GoldenRun:
        """Run every sample from the initial state.

        Parameters
        ----------
        inputs
            As :func:`qsnn_hw.golden.run_clocked` takes them: (time, sample, ...).
        record
            Names of the groups whose potentials are kept; a readout group's always are.
        part
            Samples at a time; None for as many as memory suggests. Where a GPU has not enough memory for them
            it is halved until it has.
        on_progress
            Called with (samples done, samples).

        Returns
        -------
        GoldenRun
            Spikes, potentials and counts as the golden model gives them, on the host.

        Raises
        ------
        UserError
            The input is none of the network's.
        BeyondDeviceError
            A GPU cannot hold a single sample.
        """
        flat = checked_input(self.network, inputs)
        steps, samples = flat.shape[:2]
        run = GoldenRun.empty(self.network, steps, samples, record)
        size = self._part(steps) if part is None else part
        start = 0
        with torch.inference_mode():
            while start < samples:
                stop = min(start + size, samples)
                try:
                    self._run_part(flat[:, start:stop], run, slice(start, stop))
                except torch.OutOfMemoryError as error:
                    if size == 1:
                        raise BeyondDeviceError(
                            f"the GPU's memory does not hold one sample of {steps} steps ({error}); "
                            "--device cpu gives the same answers"
                        ) from error
                    size = max(1, size // 2)
                    torch.cuda.empty_cache()
                    continue
                start = stop
                on_progress(stop, samples)
        return run

    def output_on_device(self, spikes: torch.Tensor) -> torch.Tensor:
        """The output's spikes, uint8 (time, sample, neuron), left on the device.

        Parameters
        ----------
        spikes
            uint8 (time, sample, address), on the device or the host; not checked, and cut into parts only on
            a CPU.
        """
        steps, samples = spikes.shape[:2]
        size = self._part(steps) if self.device.type == "cpu" else samples
        with torch.inference_mode():
            parts = [
                self._spikes(spikes[:, start : start + size].to(self.device), {})[self.network.output]
                for start in range(0, samples, size)
            ]
            return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def _part(self, steps: int) -> int:
        """Samples whose sums fit the share of memory that is theirs."""
        widest = max([self.network.input_size, *(g.size for g in self.network.groups)])
        room: float = CPU_BYTES
        if self.device.type == "cuda":
            room = torch.cuda.mem_get_info()[0] * GPU_SHARE
        return max(1, int(room // (4 * max(1, steps) * widest)))

    def _run_part(self, inputs: np.ndarray, run: GoldenRun, part: slice) -> None:
        """One part of the batch, (time, sample, address), into ``run``'s samples ``part``."""
        spikes = torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device)
        traced = {name: self._trace(name, *inputs.shape[:2]) for name in run.potentials}
        met: dict[str, torch.Tensor] = {}
        known = self._spikes(spikes, traced, met)
        for name in run.spikes:
            run.spikes[name][:, part] = known[name].cpu().numpy()
            saturated = met[name].cpu().numpy()
            run.saturated[name] += saturated
            run.saturations[name] += int(saturated.sum())
        for name, potentials in traced.items():
            run.potentials[name][:, part] = potentials.cpu().numpy()

    def _spikes(
        self,
        inputs: torch.Tensor,
        traced: Mapping[str, torch.Tensor],
        met: dict[str, torch.Tensor] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Spikes of the input and every group, (time, sample, n), all on the device.

        ``traced``: group -> where its potentials are written. ``met``: takes how often each met a clamp.
        """
        known = {INPUT: inputs}
        steps, samples = inputs.shape[:2]
        for groups in self._blocks:
            for group in groups:
                shape = (steps, samples, group.size)
                known[group.name] = torch.zeros(shape, dtype=torch.uint8, device=self.device)
            states = {g.name: States(g, self._constants[g.name], samples) for g in groups}
            if self._tied(groups):
                self._advance_tied(groups, known, states, traced)
            else:
                (group,) = groups
                drive = self._drive(group, (), known, steps, samples)
                self._over_time(group, states[group.name], drive, known[group.name], traced.get(group.name))
            if met is not None:
                for name, state in states.items():
                    met[name] = state.saturated.sum(dim=0, dtype=torch.int64)
        return known

    def _trace(self, name: str, steps: int, samples: int) -> torch.Tensor:
        shape = (steps, samples, self.network.group(name).size)
        return torch.empty(shape, dtype=torch.int32, device=self.device)

    def _tied(self, groups: tuple[QuantizedGroup, ...]) -> bool:
        """Whether spikes of these groups come back to them, so that they advance step by step."""
        names = {group.name for group in groups}
        return any(
            p.source in names and self.network.recurrent(p) for g in groups for p in self.network.into(g.name)
        )

    def _late(self, p: QuantizedProjection) -> int:
        return p.delay + int(self.network.recurrent(p))

    def _drive(
        self,
        group: QuantizedGroup,
        inner: tuple[str, ...],
        known: dict[str, torch.Tensor],
        steps: int,
        samples: int,
    ) -> torch.Tensor:
        """The sums of all projections from outside ``inner``, (time, sample, n), in the state's type."""
        dtype = self._constants[group.name].dtype
        total: torch.Tensor | None = None
        for p in self.network.into(group.name):
            if p.source in inner:
                continue
            late = self._late(p)
            moved = max(0, steps - late)
            if not moved:
                continue
            rows = known[p.source][:moved].reshape(moved * samples, -1)
            product = self.sums[p.name](rows, dtype).reshape(moved, samples, -1)
            if total is None and not late:
                total = product
                continue
            if total is None:
                total = torch.zeros((steps, samples, group.size), dtype=dtype, device=self.device)
            total[late:] += product
        if total is None:
            total = torch.zeros((steps, samples, group.size), dtype=dtype, device=self.device)
        return total

    def _over_time(
        self,
        group: QuantizedGroup,
        states: States,
        drive: torch.Tensor,
        spikes: torch.Tensor,
        potentials: torch.Tensor | None,
    ) -> None:
        """All steps of one group whose sums are all known."""
        constants = self._constants[group.name]
        if self.fused:
            from qsnn_hw.targets.gpu.kernel import run_kernel

            run_kernel(group, constants, states, drive, spikes, potentials)
            return
        for step in range(len(drive)):
            v = advance(group, constants, states, drive[step], spikes[step])
            if potentials is not None:
                potentials[step] = v

    def _advance_tied(
        self,
        groups: tuple[QuantizedGroup, ...],
        known: dict[str, torch.Tensor],
        states: dict[str, States],
        traced: Mapping[str, torch.Tensor],
    ) -> None:
        """All steps of groups that a loop ties together, one after the other."""
        steps, samples = known[INPUT].shape[:2]
        names = tuple(group.name for group in groups)
        drives = {g.name: self._drive(g, names, known, steps, samples) for g in groups}
        inner = {name: [p for p in self.network.into(name) if p.source in names] for name in names}
        for step in range(steps):
            for group in groups:
                name = group.name
                x = drives[name][step]
                for p in inner[name]:
                    late = self._late(p)
                    if step >= late:
                        x = x + self.sums[p.name](known[p.source][step - late], x.dtype)
                at = slice(step, step + 1)
                potentials = traced.get(name)
                shown = None if potentials is None else potentials[at]
                self._over_time(group, states[name], x[None], known[name][at], shown)
