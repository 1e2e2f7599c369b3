"""Test vectors for ``axi_bench.v`` beside it, of any output folder that holds ``06_axi.v``.

    python vectors.py OUT DATA FOLDER [--samples N]

writes ``parameters.vh``, ``words_in.hex`` and ``counts.hex`` into FOLDER: the first samples of DATA as words
of ``s_axis``, and how often the integer model has each output neuron spike in each of their steps.
"""

import argparse
from pathlib import Path

import numpy as np

from qsnn_hw.golden import run_clocked
from qsnn_hw.host.protocol import sample_words
from qsnn_hw.host.stream_words import beat_bits, pack_words, slot_bits, tick_bit
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.model.network_file import load_network
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support.errors import UserError


def write_vectors(out: Path, data: Path, folder: Path, samples: int) -> str:
    """Write the three files; what they hold, in words."""
    plan = HardwarePlan.load(out / "04_plan.npz")
    if plan.loaded_groups:
        raise UserError(
            f"{out} wants its weights loaded, which this bench does not do: build with --weights rom"
        )
    quantized = QuantizedNetwork.load(out / "02_quantized.npz")
    network = load_network(out / "01_network.npz")
    inputs = load_dataset(data, network=network, samples=samples).input
    spikes = run_clocked(quantized, inputs).spikes[quantized.output]
    steps, count = spikes.shape[:2]
    into, size, lanes = plan.input_space, plan.output_space.size, plan.output_lanes
    in_bits = beat_bits(into.size, plan.input_lanes)
    lines = []
    for k in range(count):
        words = pack_words(sample_words(inputs[:, k], into), into.size, plan.input_lanes)
        # tlast with a sample's last word; the last word's own mark says the same.
        lines += [f"{word | (place == len(words) - 1) << in_bits:x}" for place, word in enumerate(words)]
    counts = np.zeros((count, steps, size), dtype=np.int64)
    counts[:, :, plan.output_space.addresses()] = spikes.reshape(steps, count, -1).transpose(1, 0, 2)
    numbers = {
        "DUT": f"{plan.name}_axi",
        "IN_BITS": in_bits,
        "OUT_BITS": beat_bits(size, lanes),
        "WORDS": len(lines),
        "STEPS": count * steps,
        "SAMPLE_STEPS": steps,
        "SIZE": size,
        "SLOTS": lanes,
        "SLOT_BITS": slot_bits(size, lanes),
        "TICK": tick_bit(size, lanes),
    }
    folder.mkdir(parents=True, exist_ok=True)
    defines = "".join(f"`define {name} {value}\n" for name, value in numbers.items())
    (folder / "parameters.vh").write_text(defines, encoding="utf-8")
    (folder / "words_in.hex").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "counts.hex").write_text(
        "\n".join(f"{n:x}" for n in counts.reshape(-1)) + "\n", encoding="utf-8"
    )
    return f"{count} samples, {len(lines)} words, {int(counts.sum())} spikes wanted"


def main() -> None:
    """Write the files of one folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=5)
    given = parser.parse_args()
    try:
        print(write_vectors(given.out, given.data, given.folder, given.samples))
    except UserError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
