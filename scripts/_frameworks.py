"""Which torch frameworks ``./scripts/test --frameworks`` installs, and how; runs on the standard library.

Not one command for all: two of them ask for packages that do not go together with the others or are
far larger than what is imported here, and one that does not install must not take the others along.
"""

from collections.abc import Mapping, Sequence

TORCH = "2.13.0"
"""The release that everything was checked with; another one that is already in .venv stays."""

Steps = list[list[str]]
"""Arguments of ``pip install``, one list a call."""


def steps(extras: Mapping[str, Sequence[str]], torch: str | None) -> dict[str, Steps]:
    """Framework -> what installs it, torch first.

    Parameters
    ----------
    extras
        The project's own requirements, by extra.
    torch
        The release of torch that is installed already, or None.
    """
    # Named in every call, so that no framework exchanges it.
    torch_pin = f"torch=={TORCH if torch is None else torch.partition('+')[0]}"
    nirtorch = next(line for line in extras["snntorch"] if line.startswith("nirtorch"))

    def alone(requirement: str, *imports: str) -> Steps:
        return [["--no-deps", requirement], [torch_pin, nirtorch, *imports]]

    return {
        "torch": [] if torch is not None else [[torch_pin]],
        "snntorch": [[torch_pin, *extras["snntorch"]]],
        "norse": [[torch_pin, *extras["norse"]]],
        # Asks for nir<=1.0.4, and for samna, which only its neuromorphic chips need.
        "sinabs": alone("sinabs>=3.1,<4", "matplotlib", "pbr"),
        # Asks for torchvision, torchaudio and tensorboard, which its neurons and exporter do not import.
        "spikingjelly": alone(
            next(line for line in extras["spikingjelly"] if line.startswith("spikingjelly")),
            *("loguru", "matplotlib", "scipy", "tqdm"),
        ),
        # Its interpreter runs the GPU's kernel in the tests; PyTorch for CPUs does not bring it.
        "triton": [["--no-deps", "triton>=3.4,<4"]],
        "rockpool": alone(next(line for line in extras["rockpool"] if line.startswith("rockpool")), "scipy"),
    }
