"""Everything behind ``qsnn-hw finetune``: read, train, write, check what was written."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.finetune.nir_writer import convention_of, write_nir
from qsnn_hw.finetune.settings import Finetuned, FinetuneSettings, Written, need_torch
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.model.readers.reader import convention_for, read_network
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.quantize.quantizer import quantize
from qsnn_hw.support import files
from qsnn_hw.support.choices import LAYOUTS, Layout
from qsnn_hw.support.errors import MismatchError, UserError
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.support.record_tree import encode

FORMAT = "qsnn-hw fine-tuning record 1"
NIR_NAME = "finetuned.nir"
QUANTIZED_NAME = "finetuned.npz"
RECORD_NAME = "finetuned.json"
CHECKPOINT_NAME = "finetune_checkpoint.npz"


def finetune_command(
    model_path: Path | str,
    convention: str | Convention | None,
    settings: Mapping[str, str],
    options: QuantizeOptions,
    train_path: Path | str,
    out_dir: Path | str,
    training: FinetuneSettings | None = None,
    *,
    layout: Layout = "auto",
    samples: int | None = None,
    resume: bool = True,
    progress: Progress = SILENT,
) -> tuple[Finetuned, Written]:
    """Fine-tune a model file and write the result.

    Parameters
    ----------
    model_path
        What ``read_network`` reads.
    convention
        A preset's name, or a convention; None for a saved network, which says what it was read by.
    settings
        Convention fields as ``--set FIELD=VALUE`` gives them.
    options
        How floats become integers.
    train_path
        Labelled training data in the form of ``load_dataset``.
    out_dir
        Gets ``finetuned.nir``, ``finetuned.npz`` (a QuantizedNetwork), ``finetuned.json`` and the
        checkpoint.
    training
        None for the defaults.
    layout, samples
        As ``load_dataset`` takes them.
    resume
        False throws an older checkpoint in ``out_dir`` away.

    Raises
    ------
    UserError
        torch is missing, a file cannot be read or written, or training cannot work.
    MismatchError
        The NIR file does not come back as the trained integers.
    """
    need_torch()
    if layout not in LAYOUTS:
        raise UserError(f"layout is one of {', '.join(LAYOUTS)}, not {layout!r}")
    if isinstance(convention, Convention):
        stated: Convention | None = convention.with_settings(settings)
    else:
        stated = convention_for(model_path, convention, settings)
    network = read_network(model_path, stated)
    rules = stated or convention_of(network)
    data = load_dataset(train_path, network=network, layout=layout, samples=samples)
    out = Path(out_dir)
    checkpoint = out / CHECKPOINT_NAME
    if not resume:
        checkpoint.unlink(missing_ok=True)
    from qsnn_hw.finetune.training import finetune

    # Before hours of training rather than after: what cannot be written is refused here.
    with tempfile.TemporaryDirectory() as folder:
        write_nir(network, Path(folder) / NIR_NAME)
    written = Written(out / NIR_NAME, out / QUANTIZED_NAME, out / RECORD_NAME)
    training = training or FinetuneSettings()
    result = finetune(network, options, data, training, checkpoint=checkpoint, progress=progress)
    write_nir(result.network, written.nir)
    require_equal(quantize(read_network(written.nir, rules), result.options), result.quantized, written.nir)
    result.quantized.save(written.quantized)
    files.write_json(written.record, record(result, options, training))
    return result, written


def require_equal(reread: QuantizedNetwork, wanted: QuantizedNetwork, path: Path) -> None:
    """Raise MismatchError where two quantized networks would not compute the same."""
    for group, other in zip(wanted.groups, reread.groups, strict=True):
        for name, value in vars(group).items():
            # The scale may differ in its last bit; the integers may not.
            if name != "scale" and not np.array_equal(value, getattr(other, name)):
                raise MismatchError(f"{path}: group {group.name} comes back with another {name}")
    for p, q in zip(wanted.projections, reread.projections, strict=True):
        same = (p.name, p.source, p.target, p.delay) == (q.name, q.source, q.target, q.delay)
        if not same or not np.array_equal(p.weight, q.weight):
            raise MismatchError(f"{path}: projection {p.name} comes back otherwise")


def record(result: Finetuned, options: QuantizeOptions, training: FinetuneSettings) -> dict[str, Any]:
    """What a report needs to know of a run, ready for JSON."""
    import torch

    return {
        "format": FORMAT,
        "settings": encode(training),
        "options": encode(options),
        "deployed_options": encode(result.options),
        "epochs": [encode(epoch) for epoch in result.history],
        "best_epoch": result.best_epoch,
        "float_accuracy": result.float_accuracy,
        "validation_accuracy_before": result.history[0].validation_accuracy,
        "validation_accuracy": result.validation_accuracy,
        "training_samples": result.training_samples,
        "validation_samples": result.validation_samples,
        "seconds_per_epoch": result.seconds_per_epoch,
        "torch": torch.__version__,
    }


def summary(result: Finetuned) -> str:
    """One line for the terminal."""
    before = result.history[0].validation_accuracy
    return (
        f"held-out accuracy {100 * before:.2f} % -> {100 * result.validation_accuracy:.2f} % "
        f"(float {100 * result.float_accuracy:.2f} %, {result.validation_samples} samples, "
        f"epoch {result.best_epoch})"
    )
