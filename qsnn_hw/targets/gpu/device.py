"""Which device a batch runs on, and what a user is told where there is none."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from qsnn_hw.support.choices import DeviceName
from qsnn_hw.support.errors import UserError

if TYPE_CHECKING:
    import torch

INSTALL = "pip install -e '.[torch]' in the project's folder (or the wheel's name with [torch])"
"""What brings the backend."""


def find_device(name: DeviceName) -> "tuple[torch.device, str]":
    """The device, and one line that says which one it is, and why not another where that was asked for.

    "auto" takes a GPU where PyTorch finds one that works, else the CPU. "cuda" stands for AMD's GPUs too, as
    in PyTorch.

    Raises
    ------
    UserError
        PyTorch is not installed, or "cuda" was asked for and there is none; says why.
    """
    torch = import_torch()
    if name == "cpu":
        return torch.device("cpu"), f"cpu, {torch.get_num_threads()} threads"
    why = _why_no_gpu(torch)
    if why is None:
        slower = "" if has_kernel() else " (no Triton: PyTorch's own operations)"
        return torch.device("cuda"), torch.cuda.get_device_name() + slower
    if name == "cuda":
        raise UserError(f"--device cuda: {why}; --device cpu gives the same answers")
    return torch.device("cpu"), f"cpu, {torch.get_num_threads()} threads ({why})"


def has_kernel() -> bool:
    """Whether a GPU can have the kernel: Triton is installed, which not every PyTorch brings."""
    return find_spec("triton") is not None


def import_torch() -> "torch":
    """PyTorch, or a UserError that says how to get it."""
    try:
        import torch
    except ImportError as error:
        raise UserError(f"--device needs PyTorch, which is not installed ({error}): {INSTALL}") from error
    return torch


def _why_no_gpu(torch: "torch") -> str | None:
    """Why no GPU can be used, in a few words; None where one answers."""
    if torch.version.cuda is None and torch.version.hip is None:
        return f"PyTorch {torch.__version__} is built without GPU support"
    try:
        if not torch.cuda.is_available():
            return "PyTorch finds no GPU that its driver can use"
        # A driver that is too old, or a card that this build has no code for, shows only when something runs.
        int(torch.ones(2, device="cuda").sum())
    except (RuntimeError, AssertionError) as error:
        return f"the GPU does not answer ({str(error).splitlines()[0][:120]})"
    return None
