"""The frameworks that bench_gpu.py measures itself against: the same layers, as each of them runs a batch.

Every builder takes the weights of dense layers, the decay of their neurons and a device, and gives a function
from spikes (time, sample, input), float32 on the device, to the output's spikes of the same form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

THRESHOLD = 1.0

Forward = Callable[[Any], Any]
Builder = Callable[[Sequence[np.ndarray], float, Any], Forward]


@dataclass(frozen=True)
class Rival:
    """A framework's way to run a batch.

    Parameters
    ----------
    name, package
        As the table calls it, and as it is installed.
    build
        ImportError where something of it is not installed.
    gpu_only
        Whether it has kernels for GPUs alone.
    """

    name: str
    package: str
    build: Builder
    gpu_only: bool = False


def _linear(weight: np.ndarray, device: Any) -> Any:
    import torch

    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data.copy_(torch.from_numpy(weight.astype(np.float32)))
    return layer.to(device)


def _snntorch(weights: Sequence[np.ndarray], decay: float, device: Any) -> Forward:
    """One step after the other, as its tutorials do."""
    import snntorch
    import torch

    layers = [_linear(weight, device) for weight in weights]
    neurons = [
        snntorch.Leaky(beta=decay, threshold=THRESHOLD, reset_mechanism="subtract").to(device)
        for _ in weights
    ]

    def forward(spikes: Any) -> Any:
        states = [neuron.reset_mem() for neuron in neurons]
        out = []
        for x in spikes:
            for k, (layer, neuron) in enumerate(zip(layers, neurons, strict=True)):
                x, states[k] = neuron(layer(x), states[k])
            out.append(x)
        return torch.stack(out)

    return forward


def _norse(weights: Sequence[np.ndarray], decay: float, device: Any) -> Forward:
    """Its box neurons, whose current is the input, in its sequence of modules with a state."""
    import norse.torch as norse
    import torch

    # dt * tau_mem_inv is what leaks in a step, and the share of the input that counts.
    parameters = norse.LIFBoxParameters(
        tau_mem_inv=torch.tensor((1 - decay) / 0.001), v_th=torch.tensor(THRESHOLD)
    )
    modules: list[Any] = []
    for weight in weights:
        modules += [_linear(weight / (1 - decay), device), norse.LIFBoxCell(parameters)]
    network = norse.SequentialState(*modules).to(device)

    def forward(spikes: Any) -> Any:
        state, out = None, []
        for x in spikes:
            x, state = network(x, state)
            out.append(x)
        return torch.stack(out)

    return forward


def _spikingjelly(backend: str) -> Builder:
    def build(weights: Sequence[np.ndarray], decay: float, device: Any) -> Forward:
        """All steps at once, layer by layer."""
        from spikingjelly.activation_based import functional, layer, neuron
        from torch import nn

        modules: list[nn.Module] = []
        for weight in weights:
            linear = layer.Linear(weight.shape[1], weight.shape[0], bias=False, step_mode="m")
            linear.load_state_dict(_linear(weight, "cpu").state_dict())
            lif = neuron.LIFNode(
                tau=1 / (1 - decay), decay_input=False, v_threshold=THRESHOLD, v_reset=None, step_mode="m"
            )
            lif.backend = backend
            modules += [linear, lif]
        network = nn.Sequential(*modules).to(device).eval()

        def forward(spikes: Any) -> Any:
            functional.reset_net(network)
            return network(spikes)

        return forward

    return build


def _sinabs(weights: Sequence[np.ndarray], decay: float, device: Any) -> Forward:
    """All steps at once; its layers have samples before steps."""
    import sinabs.layers as layers
    from torch import nn

    modules: list[nn.Module] = []
    for weight in weights:
        modules += [
            _linear(weight, device),
            layers.LIF(tau_mem=-1 / float(np.log(decay)), spike_threshold=THRESHOLD, norm_input=False),
        ]
    network = nn.Sequential(*modules).to(device).eval()

    def forward(spikes: Any) -> Any:
        for module in network:
            if isinstance(module, layers.LIF):
                module.reset_states()
        return network(spikes.transpose(0, 1)).transpose(0, 1)

    return forward


RIVALS = (
    Rival("snnTorch", "snntorch", _snntorch),
    Rival("Norse", "norse", _norse),
    Rival("SpikingJelly, torch", "spikingjelly", _spikingjelly("torch")),
    Rival("SpikingJelly, cupy", "spikingjelly", _spikingjelly("cupy"), gpu_only=True),
    Rival("SpikingJelly, triton", "spikingjelly", _spikingjelly("triton"), gpu_only=True),
    Rival("Sinabs", "sinabs", _sinabs),
)
