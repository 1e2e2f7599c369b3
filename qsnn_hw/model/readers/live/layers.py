"""torch's own layers as operator nodes, in NIR's vocabulary."""

from typing import Any

from qsnn_hw.model.readers.live.parts import LayerReader, as_array
from qsnn_hw.support.errors import UserError

BATCH_NORM = "BatchNorm"
"""Node type of a batch normalisation until it is folded into the weights before it."""

TypeAndParameters = tuple[str, dict[str, Any]]


def linear(module: Any, where: str) -> TypeAndParameters:
    """Linear or Affine."""
    if module.bias is None:
        return "Linear", {"weight": as_array(module.weight)}
    return "Affine", {"weight": as_array(module.weight), "bias": as_array(module.bias)}


def convolution(module: Any, where: str) -> TypeAndParameters:
    """Conv1d or Conv2d."""
    if module.padding_mode != "zeros":
        raise UserError(f"{where}: padding_mode is {module.padding_mode!r}; only 'zeros' is supported")
    parameters = {
        "weight": as_array(module.weight),
        "stride": module.stride,
        "padding": module.padding,
        "dilation": module.dilation,
        "groups": module.groups,
    }
    if module.bias is not None:
        parameters["bias"] = as_array(module.bias)
    return ("Conv1d" if as_array(module.weight).ndim == 3 else "Conv2d"), parameters


def average_pool(module: Any, where: str) -> TypeAndParameters:
    """AvgPool2d; the padding counts in the divisor."""
    if module.ceil_mode or module.divisor_override is not None:
        raise UserError(f"{where}: ceil_mode and divisor_override are not supported; remove them")
    padded = any(module.padding) if isinstance(module.padding, tuple) else module.padding
    if padded and not module.count_include_pad:
        raise UserError(f"{where}: count_include_pad=False with padding is not supported; set it to True")
    return "AvgPool2d", {
        "kernel_size": module.kernel_size,
        "stride": module.stride,
        "padding": module.padding,
    }


def sum_pool(module: Any, where: str) -> TypeAndParameters:
    """A power-average pool with norm_type 1, which is a sum for inputs that are not negative."""
    if module.ceil_mode or module.norm_type != 1:
        raise UserError(f"{where}: needs norm_type 1 and ceil_mode False to be a sum pool")
    stride = module.kernel_size if module.stride is None else module.stride
    return "SumPool2d", {"kernel_size": module.kernel_size, "stride": stride}


def batch_norm(module: Any, where: str) -> TypeAndParameters:
    """Batch normalisation by its running statistics."""
    if module.running_mean is None or module.running_var is None:
        raise UserError(f"{where} keeps no running statistics; train it with track_running_stats=True")
    return BATCH_NORM, {
        "mean": as_array(module.running_mean),
        "variance": as_array(module.running_var),
        "gamma": None if module.weight is None else as_array(module.weight),
        "beta": None if module.bias is None else as_array(module.bias),
        "epsilon": float(module.eps),
    }


def flatten(module: Any, where: str) -> TypeAndParameters:
    """Flatten, or nothing where only time and batch are merged."""
    return ("Identity" if (module.start_dim, module.end_dim) == (0, 1) else "Flatten"), {}


TORCH_LAYERS: dict[str, LayerReader] = {
    "Linear": linear,
    "Conv1d": convolution,
    "Conv2d": convolution,
    "AvgPool2d": average_pool,
    "LPPool2d": sum_pool,
    "BatchNorm1d": batch_norm,
    "BatchNorm2d": batch_norm,
    "Flatten": flatten,
}
"""Name in torch.nn -> reader."""

PASSIVE = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout")
"""Names in torch.nn of layers that do nothing in evaluation."""
