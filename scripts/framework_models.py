"""The small networks of train_frameworks.py, one for each framework: modules, forward, NIR export.

Every network is built from its framework's own modules, run by the framework and written by the
framework's own exporter. Only weights and biases of dense and convolutional layers are trained.
"""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import nir
import numpy as np
import torch
from torch import Tensor, nn

HIDDEN, CLASSES = 24, 10


@dataclass(frozen=True)
class Model:
    """A network that can be trained, run and written.

    Parameters
    ----------
    trained
        The weights and biases to train.
    run
        Input spikes, float32 (time, sample, ...), to the spikes of every group in order, each
        float32 (time, sample, ...); starts from rest every time.
    export
        The framework's exporter: an example of the input to a graph.
    others
        Name of an array -> the output spikes of the same weights in another setting of the framework.
    """

    trained: Sequence[Tensor]
    run: Callable[[Tensor], list[Tensor]]
    export: Callable[[Tensor], nir.NIRGraph]
    others: dict[str, Callable[[Tensor], Tensor]]


def _full(size: int, value: float) -> Tensor:
    return torch.full((size,), value)


def _over_time(spikes: Tensor, step: Callable[[Tensor], list[Tensor]]) -> list[Tensor]:
    """``step`` on every time step; what each group said, stacked over time."""
    said = [step(now) for now in spikes]
    return [torch.stack(group) for group in zip(*said, strict=True)]


def _parameters(layers: Sequence[nn.Module]) -> list[Tensor]:
    return [parameter for layer in layers for parameter in layer.parameters()]


def snntorch() -> Model:
    """Leaky neurons with snnTorch's defaults: reset by subtraction, one step late."""
    snn = import_module("snntorch")
    first, second = nn.Linear(64, HIDDEN), nn.Linear(HIDDEN, CLASSES)
    hidden = snn.Leaky(beta=_full(HIDDEN, 0.9), threshold=_full(HIDDEN, 1.0), init_hidden=True)
    out = snn.Leaky(beta=_full(CLASSES, 0.9), threshold=_full(CLASSES, 1.0), init_hidden=True)
    return _snntorch([first, second], [hidden, out])


def snntorch_recurrent() -> Model:
    """RSynaptic neurons, each connected to all of its layer, and Synaptic neurons at the output."""
    snn = import_module("snntorch")
    first, second = nn.Linear(64, HIDDEN), nn.Linear(HIDDEN, CLASSES)
    hidden = snn.RSynaptic(alpha=0.5, beta=0.9, threshold=1.0, linear_features=HIDDEN, init_hidden=True)
    out = snn.Synaptic(
        alpha=_full(CLASSES, 0.5), beta=_full(CLASSES, 0.9), threshold=_full(CLASSES, 1.0), init_hidden=True
    )
    model = _snntorch([first, second], [hidden, out])
    return Model([*model.trained, *hidden.recurrent.parameters()], model.run, model.export, {})


def _snntorch(layers: list[nn.Linear], neurons: list[Any]) -> Model:
    exporter = import_module("snntorch.export_nir")
    net = nn.Sequential(layers[0], neurons[0], layers[1], neurons[1])

    def reset() -> None:
        for group in neurons:
            (group.reset_mem if hasattr(group, "reset_mem") else group.reset_hidden)()

    def step(now: Tensor) -> list[Tensor]:
        hidden = neurons[0](layers[0](now))
        return [hidden, neurons[1](layers[1](hidden))]

    def run(spikes: Tensor) -> list[Tensor]:
        reset()
        return _over_time(spikes, step)

    def export(example: Tensor) -> nir.NIRGraph:
        reset()
        # The exporter prints, and takes a batch only where it is told which axis that is.
        with contextlib.redirect_stdout(io.StringIO()):
            return exporter.export_to_nir(net, example[0][:1], ignore_dims=[0])

    return Model(_parameters(layers), run, export, {})


def norse() -> Model:
    """LIFBox neurons: a hard reset to zero at once."""
    torch_norse = import_module("norse.torch")

    def neurons(size: int, tau_mem_inv: float) -> Any:
        parameters = torch_norse.LIFBoxParameters(
            tau_mem_inv=_full(size, tau_mem_inv),
            v_leak=_full(size, 0.0),
            v_th=_full(size, 1.0),
            v_reset=_full(size, 0.0),
            alpha=torch.tensor(2.0),
        )
        return torch_norse.LIFBoxCell(parameters)

    layers = [nn.Linear(64, HIDDEN), nn.Linear(HIDDEN, CLASSES)]
    cells = [neurons(HIDDEN, 200.0), neurons(CLASSES, 100.0)]
    net = torch_norse.SequentialState(layers[0], cells[0], layers[1], cells[1])

    def run(spikes: Tensor) -> list[Tensor]:
        states: list[Any] = [None, None]

        def step(now: Tensor) -> list[Tensor]:
            hidden, states[0] = cells[0](layers[0](now), states[0])
            out, states[1] = cells[1](layers[1](hidden), states[1])
            return [hidden, out]

        return _over_time(spikes, step)

    return Model(_parameters(layers), run, lambda example: torch_norse.to_nir(net, example[0, 0]), {})


def norse_neuron(current: np.ndarray) -> tuple[nir.NIRGraph, np.ndarray, np.ndarray]:
    """One LIFBox neuron: its graph, its spikes and its potentials on ``current``, each of shape (time,)."""
    torch_norse = import_module("norse.torch")
    parameters = torch_norse.LIFBoxParameters(
        tau_mem_inv=_full(1, 400.0), v_leak=_full(1, 0.0), v_th=_full(1, 0.1), v_reset=_full(1, 0.0)
    )
    cell, layer = torch_norse.LIFBoxCell(parameters, dt=1e-4), nn.Linear(1, 1)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.fill_(0.0)
        state, spikes, potentials = None, [], []
        for now in torch.from_numpy(current.astype(np.float32)):
            spike, state = cell(layer(now.reshape(1, 1)), state)
            spikes.append(int(spike))
            potentials.append(float(state.v))
        graph = torch_norse.to_nir(torch_norse.SequentialState(layer, cell), torch.zeros(1), dt=1e-4)
    return graph, np.array(spikes, np.uint8), np.array(potentials, np.float32)


def sinabs_conv() -> Model:
    """Two convolutions and a sum pooling, integrate-and-fire with several spikes a step, clamped at -1."""
    layers = import_module("sinabs.layers")
    activation, exporter = import_module("sinabs.activation"), import_module("sinabs.nir")
    first, second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3)
    third = nn.Linear(32, CLASSES)
    weights = [first, second, third]

    def network(steps: int, spike: Any) -> nn.Sequential:
        # The layer's own memory is only for inputs of several calls: one call has the whole sample.
        def neurons() -> Any:
            return layers.IAFSqueeze(num_timesteps=steps, min_v_mem=-1.0, spike_fn=spike)

        return nn.Sequential(
            first, neurons(), layers.SumPool2d(2), second, neurons(), nn.Flatten(), third, neurons()
        )

    def groups(spikes: Tensor, spike: Any) -> list[Tensor]:
        steps, samples = spikes.shape[:2]
        value = spikes.transpose(0, 1).reshape(steps * samples, *spikes.shape[2:])
        said = []
        for module in network(steps, spike):
            value = module(value)
            if isinstance(module, layers.IAFSqueeze):
                said.append(value.unflatten(0, (samples, steps)).transpose(0, 1))
        return said

    def export(example: Tensor) -> nir.NIRGraph:
        graph: nir.NIRGraph = exporter.to_nir(network(len(example), activation.MultiSpike), example[:, 0])
        # It leaves the shapes open, which this nir does not write.
        graph.infer_types()
        return graph

    return Model(
        _parameters(weights),
        lambda spikes: groups(spikes, activation.MultiSpike),
        export,
        {"out_singlespike": lambda spikes: groups(spikes, activation.SingleSpike)[-1]},
    )


def spikingjelly() -> Model:
    """LIFNode neurons: the input leaks too, and a spike resets hard to zero."""
    neuron = import_module("spikingjelly.activation_based.neuron")
    exporter = import_module("spikingjelly.activation_based.nir_exchange")
    functional = import_module("spikingjelly.activation_based.functional")
    layers = [nn.Linear(64, HIDDEN), nn.Linear(HIDDEN, CLASSES)]
    nodes = [neuron.LIFNode(tau=4.0, v_threshold=0.5), neuron.LIFNode(tau=8.0, v_threshold=0.5)]
    net = nn.Sequential(layers[0], nodes[0], layers[1], nodes[1])

    def step(now: Tensor) -> list[Tensor]:
        hidden = nodes[0](layers[0](now))
        return [hidden, nodes[1](layers[1](hidden))]

    def run(spikes: Tensor) -> list[Tensor]:
        functional.reset_net(net)
        return _over_time(spikes, step)

    def export(example: Tensor) -> nir.NIRGraph:
        functional.reset_net(net)
        return exporter.export_to_nir(net, example[0])

    return Model(_parameters(layers), run, export, {})


def rockpool() -> Model:
    """LIFTorch neurons: a synaptic current, several spikes a step, reset by subtraction."""
    modules = import_module("rockpool.nn.modules")
    combinators = import_module("rockpool.nn.combinators")
    parameters = import_module("rockpool.parameters")
    exporter = import_module("rockpool.nn.modules.torch.nir")

    def constant(value: float) -> Any:
        return parameters.Constant(torch.tensor(value))

    def neurons(size: int, tau_mem: float) -> Any:
        return modules.LIFTorch(
            size,
            tau_mem=constant(tau_mem),
            tau_syn=constant(2e-3),
            threshold=constant(1.0),
            # Its exporter leaves the bias of the neurons out.
            bias=constant(0.0),
            dt=1e-3,
        )

    layers = [modules.LinearTorch((64, HIDDEN)), modules.LinearTorch((HIDDEN, CLASSES))]
    cells = [neurons(HIDDEN, 5e-3), neurons(CLASSES, 10e-3)]
    weights = [layer.weight for layer in layers]
    return _rockpool(combinators.Sequential(layers[0], cells[0], layers[1], cells[1]), weights, exporter)


def rockpool_synapses() -> Model:
    """ExpSynTorch and LIFNeuronTorch, then LIFTorch: steps of 5 ms, one spike a step at most, biases in the
    dense layers and a time constant for each neuron."""
    modules = import_module("rockpool.nn.modules")
    combinators = import_module("rockpool.nn.combinators")
    constant = import_module("rockpool.parameters").Constant
    exporter = import_module("rockpool.nn.modules.torch.nir")
    common = {"dt": 5e-3, "max_spikes_per_dt": torch.tensor(1.0), "threshold": constant(torch.tensor(1.0))}

    def spread(size: int, low: float, high: float) -> Any:
        return constant(torch.linspace(low, high, size))

    layers = [
        modules.LinearTorch((64, HIDDEN), has_bias=True),
        modules.LinearTorch((HIDDEN, CLASSES), has_bias=True),
    ]
    # The exporter takes a time constant of ExpSynTorch only where it is not trained.
    synapses = modules.ExpSynTorch(HIDDEN, tau=spread(HIDDEN, 6e-3, 14e-3), dt=5e-3)
    hidden = modules.LIFNeuronTorch(HIDDEN, tau_mem=spread(HIDDEN, 15e-3, 40e-3), **common)
    out = modules.LIFTorch(
        CLASSES,
        tau_mem=spread(CLASSES, 20e-3, 60e-3),
        tau_syn=constant(torch.linspace(5e-3, 15e-3, CLASSES).reshape(CLASSES, 1)),
        bias=constant(torch.tensor(0.0)),
        **common,
    )
    net = combinators.Sequential(layers[0], synapses, hidden, layers[1], out)
    return _rockpool(net, [part for layer in layers for part in (layer.weight, layer.bias)], exporter)


def _rockpool(net: Any, trained: list[Tensor], exporter: Any) -> Model:
    def run(spikes: Tensor) -> list[Tensor]:
        said = []
        value = spikes.transpose(0, 1)
        net.reset_state()
        for module in net:
            value = module(value)[0]
            if type(module).__name__.startswith("LIF"):
                said.append(value.transpose(0, 1))
        return said

    return Model(trained, run, lambda example: exporter.to_nir(net, example.transpose(0, 1)[:1]), {})


BUILDERS: dict[str, Callable[[], Model]] = {
    "snntorch": snntorch,
    "snntorch_recurrent": snntorch_recurrent,
    "norse": norse,
    "sinabs_conv": sinabs_conv,
    "spikingjelly": spikingjelly,
    "rockpool": rockpool,
    "rockpool_synapses": rockpool_synapses,
}


def batches(samples: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Positions of one pass over the samples, in random order."""
    yield from torch.randperm(samples, generator=generator).split(size)


def train(
    model: Model,
    encode: Callable[[Tensor], Tensor],
    pixels: np.ndarray,
    label: np.ndarray,
    *,
    epochs: int,
    grid: float,
    generator: torch.Generator,
) -> None:
    """Train on spike counts, then round every trained number to a multiple of ``grid``.

    Parameters
    ----------
    encode
        Pixels, float32 (sample, 64), to input spikes, float32 (time, sample, ...).
    pixels, label
        float32 (sample, 64) from 0 to 1; int64 (sample,).
    """
    images, wanted = torch.from_numpy(pixels), torch.from_numpy(label)
    optimizer = torch.optim.Adam(model.trained, lr=5e-3)
    for _ in range(epochs):
        for batch in batches(len(wanted), 64, generator):
            counts = model.run(encode(images[batch]))[-1].sum(dim=0)
            loss = nn.functional.cross_entropy(0.4 * counts, wanted[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        for parameter in model.trained:
            parameter.copy_(torch.round(parameter / grid) * grid)
