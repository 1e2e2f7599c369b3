"""``load``: a trained network, whatever it comes from, and what can be asked of it without hardware."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qsnn_hw.build.api.integers import IntegerNetwork
from qsnn_hw.build.api.keywords import Option, asked_of, changed, settings_of, takes_options
from qsnn_hw.build.api.sources import Samples, Source, data_source, model_source
from qsnn_hw.build.api.stage import Stage, progress_of
from qsnn_hw.build.api.words import warned
from qsnn_hw.build.check import Checked, run_check
from qsnn_hw.build.finetuning import FineTuning, run_finetuning
from qsnn_hw.build.infer import Inference, run_inference
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.sample_options import CheckOptions, FinetuneOptions, InferOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import READ
from qsnn_hw.build.told import Told
from qsnn_hw.build.working import working
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import Progress

_SAMPLES = ("data", "calibration_data")
"""Fields of the options that name samples."""


def load(
    model: Any,
    convention: str | None = None,
    *,
    set: Mapping[str, object] | None = None,
    input_shape: Sequence[int] | None = None,
    example: Any = None,
    output: str | None = None,
) -> "TrainedNetwork":
    """Read a trained network.

    Parameters
    ----------
    model
        A model file (.nir, .npz, .toml), an ``nir.NIRGraph``, a :class:`~qsnn_hw.model.network.Network`, or a
        live torch module of snnTorch, Norse, Sinabs, SpikingJelly or Rockpool.
    convention
        How the framework takes a time step, as ``--convention``: snntorch, norse, sinabs, spikingjelly,
        rockpool or nir. A saved network needs none; of a live module it is the framework, found where it is
        left out.
    set
        Fields of the convention -> their values, as ``--set``.
    input_shape, example, output
        Of a live module, as :func:`~qsnn_hw.model.readers.live.read_module` takes them: the shape of one time
        step, such as (64,); an input to watch forward on; the path of the output's module.

    Raises
    ------
    UserError
        The file is missing or damaged, a convention is missing or refuses it, or a module has no counterpart.
    """
    with working():
        source = model_source(
            model,
            convention,
            name=outputs.MODEL_IN_MEMORY,
            input_shape=input_shape,
            example=example,
            output=output,
        )
        if source.says_all and set:
            raise UserError(f"a {type(model).__name__} holds every field of its neurons: leave set out")
        named = None if source.says_all else convention
        options = BuildOptions(model=str(source.path), convention=named, settings=settings_of(set))
        stage = Stage(options).after(
            READ, options=options, sources={"model": source}, progress=progress_of(False)
        )
    return TrainedNetwork(stage.results[READ], stage)


@dataclass(frozen=True, eq=False, repr=False)
class TrainedNetwork:
    """A trained network in real numbers, every convention resolved; made by :func:`load`.

    Parameters
    ----------
    network
        The record that says everything of it.
    """

    network: Network
    _stage: Stage = field(repr=False)

    def __repr__(self) -> str:
        network = self.network
        sizes = "-".join(str(n) for n in (network.input_size, *(group.size for group in network.groups)))
        parts = [f"{sizes} neurons", f"{self.weights:,} weights"]
        name = network.convention.get("name")
        parts += [f"convention {name}"] if name else []
        return f"<network {network.name}: {', '.join(parts)}{warned(self.warnings)}>"

    @property
    def neurons(self) -> int:
        """How many there are in all groups."""
        return sum(group.size for group in self.network.groups)

    @property
    def weights(self) -> int:
        """Trained weights; those of a kernel count once."""
        operators = (operator for p in self.network.projections for operator in p.operators)
        return sum(int(getattr(operator, "weight", np.empty(0)).size) for operator in operators)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is inexact or implausible in the model, one line each."""
        return self.network.warnings

    def run(self, spikes: ArrayLike) -> np.ndarray:
        """The network's output in floating point, as ``qsnn-hw infer`` writes it.

        Parameters
        ----------
        spikes
            Spikes of every input and step, shape (time, sample, *input shape), or the same flattened.

        Returns
        -------
        numpy.ndarray
            Shape (time, sample, neuron): spikes, uint8, or floating potentials of an output that never fires.

        Raises
        ------
        UserError
            The shape is not the network's, or numbers become too large.
        """
        with working():
            return simulate(self.network, np.asarray(spikes)).out

    @takes_options
    def quantize(
        self,
        bits: int | None = None,
        *,
        data: Samples | None = None,
        calibrate: Samples | None = None,
        progress: bool | Progress = False,
        **options: Option,
    ) -> IntegerNetwork:
        """The network in integers, run on ``data`` where there are some.

        Parameters
        ----------
        bits
            Weight width, 2 to 16; 8 where it is None.
        data
            Test samples with labels: a file, or its arrays by name (``input``, ``label``, ``out``,
            ``pixels``), or spikes alone. They measure accuracy, steer the plan, and are what hardware is
            compared on.
        calibrate
            Training samples in the same form, to choose rounding by.
        progress
            True prints what goes on.
        options
            Every other option of rounding, data, encoder and readout, see ``docs/python.md``.

        Raises
        ------
        UserError
            A value is out of range, options contradict each other, samples do not fit, or rounding made a
            group silent.
        TypeError
            There is no such option.
        """
        sources = {}
        if data is not None:
            sources["data"] = data_source(data, outputs.DATA_IN_MEMORY)
        if calibrate is not None:
            sources["calibration_data"] = data_source(calibrate, outputs.CALIBRATION_IN_MEMORY)
        test, training = (sources[name].path if name in sources else None for name in _SAMPLES)
        with working():
            keywords = {"bits": bits, "data": test, "calibrate": training, **options}
            wanted = changed(self._stage.options, keywords)
            stage = self._stage.after(GOLDEN, options=wanted, sources=sources, progress=progress_of(progress))
        return IntegerNetwork(stage)

    @takes_options
    def infer(
        self,
        data: Samples,
        bits: int | None = None,
        *,
        calibrate: Samples | None = None,
        progress: bool | Progress = False,
        **options: Option,
    ) -> Inference:
        """What the network answers on samples, in floating point or in integers, as ``qsnn-hw infer``.

        Parameters
        ----------
        data
            Samples: a file, or its arrays by name (``input``, ``label``, ``out``), or spikes alone.
        bits
            Weight width, 2 to 16; floating point where it is None.
        calibrate
            Training samples in the same form, to choose rounding by.
        progress
            True prints what goes on.
        options
            The other options of ``infer``, see ``docs/python.md``.

        Raises
        ------
        UserError
            An option is out of range or does not go with another, or samples do not fit.
        TypeError
            There is no such option.
        """
        training = None if calibrate is None else data_source(calibrate, outputs.CALIBRATION_IN_MEMORY)
        given = {"bits": bits, "calibrate": None if training is None else training.path, **options}
        samples = data_source(data, outputs.DATA_IN_MEMORY)
        with working():
            asked = InferOptions(**self._asked(samples), **asked_of("infer", given))
            return run_inference(asked, Told(printing=False), progress_of(progress))

    @takes_options
    def check(
        self,
        data: Samples,
        bits: int | None = None,
        *,
        progress: bool | Progress = False,
        **options: Option,
    ) -> Checked:
        """Whether the network gives its framework's own output, ``out`` of ``data``, as ``qsnn-hw check``.

        Parameters
        ----------
        data
            Samples with ``out``: a file, or its arrays by name.
        bits
            Compare the integers of this weight width; the float network where it is None.
        progress
            True prints what goes on.
        options
            The other options of ``check``, see ``docs/python.md``.

        Raises
        ------
        UserError
            An option is out of range or does not go with another, or samples do not fit.
        TypeError
            There is no such option.
        """
        samples = data_source(data, outputs.DATA_IN_MEMORY)
        with working():
            asked = CheckOptions(**self._asked(samples), **asked_of("check", {"bits": bits, **options}))
            return run_check(asked, Told(printing=False), progress_of(progress))

    @takes_options
    def finetune(
        self,
        data: Samples,
        out: str | os.PathLike[str],
        bits: int | None = None,
        *,
        progress: bool | Progress = False,
        **options: Option,
    ) -> FineTuning:
        """The network trained further through its integers, as ``qsnn-hw finetune``; it needs torch.

        Parameters
        ----------
        data
            Training samples with labels: a file, or its arrays by name.
        out
            Folder for ``finetuned.nir``, its integers and record; an interrupted run goes on there.
            ``load(tuned.result.network)`` is the trained network.
        bits
            Weight width, 2 to 16; 8 where it is None.
        progress
            True prints what goes on.
        options
            The other options of ``finetune``, see ``docs/python.md``.

        Raises
        ------
        UserError
            torch is missing, an option is out of range, samples do not fit, or the folder cannot be used.
        TypeError
            There is no such option.
        """
        samples = data_source(data, outputs.DATA_IN_MEMORY)
        with working():
            given = {"bits": bits, "out": out, **options}
            asked = FinetuneOptions(**self._asked(samples), **asked_of("finetune", given))
            return run_finetuning(asked, "a program of this package", progress_of(progress))

    def _asked(self, samples: Source) -> dict[str, Any]:
        """What the commands on samples are told of the model and its samples."""
        self._stage.sources["model"].check()
        options = self._stage.options
        return {
            "model": options.model,
            "convention": options.convention,
            "settings": options.settings,
            "data": str(samples.path),
        }
