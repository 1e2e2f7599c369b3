"""Batch normalisation folded into the weights before it, for sources whose file format lacks it."""

import numpy as np

from qsnn_hw.support.errors import UserError


def fold_batch_norm(
    weight: np.ndarray,
    bias: np.ndarray | None,
    *,
    mean: np.ndarray,
    variance: np.ndarray,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    epsilon: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias that compute ``gamma*(W x + b - mean)/sqrt(variance + epsilon) + beta``.

    Parameters
    ----------
    weight
        Shape (outputs, ...): dense or convolution, the normalised channel first.
    bias
        Shape (outputs,), or None for zeros.
    mean, variance
        The running statistics, shape (outputs,).
    gamma, beta
        The learned scale and offset, shape (outputs,); None for 1 and 0.
    epsilon
        As in the layer; PyTorch's default is 1e-5.

    Returns
    -------
    weight, bias
        float64, of the shapes above.

    Raises
    ------
    UserError
        A size differs from the number of outputs, a value is not finite, or a variance is negative.
    """
    weight = np.asarray(weight, np.float64)
    if weight.ndim < 2:
        raise UserError(f"batch norm: weight has shape {weight.shape}, not (outputs, inputs, ...)")
    outputs = weight.shape[0]
    parameters = {"bias": bias, "mean": mean, "variance": variance, "gamma": gamma, "beta": beta}
    values: dict[str, np.ndarray] = {}
    for name, value in parameters.items():
        fallback = np.full(outputs, 1.0 if name == "gamma" else 0.0)
        values[name] = fallback if value is None else np.asarray(value, np.float64).reshape(-1)
        if values[name].size != outputs:
            raise UserError(f"batch norm: {name} has {values[name].size} values, not {outputs}")
        if not np.all(np.isfinite(values[name])):
            raise UserError(f"batch norm: {name} holds values that are NaN or infinite")
    if np.any(values["variance"] + epsilon <= 0):
        raise UserError("batch norm: variance + epsilon is not above 0")
    factor = values["gamma"] / np.sqrt(values["variance"] + epsilon)
    folded = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    return folded, (values["bias"] - values["mean"]) * factor + values["beta"]
