"""Networks straight from live torch modules: what a NIR file loses is still in the module.

One reader per framework. torch and the framework are imported only when a reader is called; they
are extras of this package. ``docs/frameworks.md`` says what was checked against which version.
"""

from collections.abc import Sequence
from typing import Any

from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.live.assemble import assemble
from qsnn_hw.model.readers.live.catalog import FRAMEWORKS, load_catalog
from qsnn_hw.model.readers.live.sequence import needs_example, out_of_order, wire_sequence
from qsnn_hw.model.readers.live.trace import wire_trace
from qsnn_hw.support.errors import UserError


def read_module(
    module: Any,
    framework: str,
    input_shape: Sequence[int],
    *,
    example: Any = None,
    output: str | None = None,
    name: str | None = None,
) -> Network:
    """Read a live torch module.

    Parameters
    ----------
    module
        An ``nn.Sequential`` (or the framework's own sequence), read child by child; or any other
        module, whose forward is run once or twice on ``example`` to see what feeds what. Neither
        weights nor modes change; the states the framework keeps inside modules may.
    framework
        One of ``FRAMEWORKS``.
    input_shape
        Shape of one time step of one sample, such as (64,) or (1, 28, 28).
    example
        An input tensor (or a tuple of arguments) for ``module``; needed unless it is a sequence. Where
        forward loops over time it needs two or more time steps, or recurrence could not be seen.
    output
        Path of the neuron module whose spikes are the network's output; None takes the last module
        of a sequence or what forward returns first.
    name
        Of the network; the module's class otherwise.

    Returns
    -------
    Network
        Parameters are float64 copies of the module's own, not rounded. Potentials are relative to
        the framework's initial potential (``v_leak`` or ``v_reset``), so every state starts at 0.

    Raises
    ------
    UserError
        The framework is not installed; a module's type or option has no counterpart, named with
        its path; forward does something to spikes that is no layer; shapes do not fit.
    """
    shape = tuple(int(size) for size in input_shape)
    if not shape or min(shape) < 1:
        raise UserError(
            f"input_shape is {shape}, not the shape of one time step such as (64,) or (1, 28, 28)"
        )
    catalog = load_catalog(framework)
    catalog.check_module(module)
    stray = out_of_order(catalog, module)
    if stray is None:
        wiring = wire_sequence(catalog, module, output)
    elif example is not None:
        wiring = wire_trace(catalog, module, shape, example, output)
    else:
        raise needs_example(catalog, *stray)
    return assemble(catalog, wiring, shape, name or type(module).__name__)


def read_snntorch(
    module: Any,
    input_shape: Sequence[int],
    *,
    example: Any = None,
    output: str | None = None,
    name: str | None = None,
) -> Network:
    """:func:`read_module` for snnTorch: Leaky, Synaptic, RLeaky, RSynaptic, Lapicque."""
    return read_module(module, "snntorch", input_shape, example=example, output=output, name=name)


def read_norse(
    module: Any,
    input_shape: Sequence[int],
    *,
    example: Any = None,
    output: str | None = None,
    name: str | None = None,
) -> Network:
    """:func:`read_module` for Norse: LIFBox, LIF, LIFRecurrent, IAF, LI and LIBox, cells or with time."""
    return read_module(module, "norse", input_shape, example=example, output=output, name=name)


def read_sinabs(
    module: Any,
    input_shape: Sequence[int],
    *,
    example: Any = None,
    output: str | None = None,
    name: str | None = None,
) -> Network:
    """:func:`read_module` for Sinabs: IAF, LIF, their Squeeze and Recurrent forms, ExpLeak as readout."""
    return read_module(module, "sinabs", input_shape, example=example, output=output, name=name)


def read_spikingjelly(
    module: Any,
    input_shape: Sequence[int],
    *,
    example: Any = None,
    output: str | None = None,
    name: str | None = None,
) -> Network:
    """:func:`read_module` for SpikingJelly: IFNode, LIFNode, ParametricLIFNode, CUBALIFNode."""
    return read_module(module, "spikingjelly", input_shape, example=example, output=output, name=name)


def read_rockpool(
    module: Any,
    input_shape: Sequence[int],
    *,
    example: Any = None,
    output: str | None = None,
    name: str | None = None,
) -> Network:
    """:func:`read_module` for Rockpool: LIFTorch, LIFNeuronTorch, ExpSynTorch and LinearTorch."""
    return read_module(module, "rockpool", input_shape, example=example, output=output, name=name)


__all__ = [
    "FRAMEWORKS",
    "read_module",
    "read_norse",
    "read_rockpool",
    "read_sinabs",
    "read_snntorch",
    "read_spikingjelly",
]
