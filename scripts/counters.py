"""Counts of a network: ours by hooks, and the totals that other tools give.

Everything is counted at batch 1, in inference mode.
"""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from math import prod
from typing import Any, NamedTuple

import torch
from torch import nn

from networks import Network
from operators import Operator


class Layer(NamedTuple):
    """A convolution or a linear layer as it ran: the shape is without the batch."""

    name: str
    op: str
    output: list[int]
    params: int
    macs: int


def layers_of(network: Network, model: Any) -> list[Layer]:
    """The convolutions and linear layers, in the order in which they run."""
    if network.framework == "keras":
        return [layer for part in model.layers for layer in _keras_layers(part)]
    return _torch_layers(model, _input(network))


def counts(network: Network, model: Any, layers: list[Layer]) -> dict[str, Any]:
    """Parameters, buffers (running statistics), MACs, and activations of a network."""
    learned, stored = _weights(network, model)
    result = {
        "input": [3, network.size, network.size],
        "params": learned,
        "buffers": stored,
        "macs": sum(layer.macs for layer in layers),
        "acts": sum(prod(layer.output) for layer in layers),
        "conv_acts": sum(prod(layer.output) for layer in layers if layer.op == "conv"),
    }
    if network.has_auxiliary:
        result["train_params"] = _weights(network, network.build(auxiliary=True))[0]
    return result


def tool_totals(network: Network | Operator, model: Any) -> dict[str, int]:
    """The total of each tool whose count is comparable with ours on this network or operator.

    Call it last: thop leaves buffers of its own in the model.
    """
    totals = {}
    for tool in network.tools:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), torch.no_grad():
            total = TOTALS[tool](model, _input(network))
        assert total == int(total), f"{tool} gives a fraction on {network.source}: {total}"
        totals[tool] = int(total)
    return totals


def _input(network: Network | Operator) -> torch.Tensor:
    return torch.zeros(1, network.channels, network.size, network.size)


def _weights(network: Network, model: Any) -> tuple[int, int]:
    if network.framework == "keras":
        trainable = sum(prod(weight.shape) for weight in model.trainable_weights)
        return trainable, sum(prod(weight.shape) for weight in model.non_trainable_weights)
    learned = sum(parameter.numel() for parameter in model.parameters())
    # num_batches_tracked is an integer and no part of the statistics.
    stored = sum(buffer.numel() for buffer in model.buffers() if buffer.is_floating_point())
    return learned, stored


def _torch_layers(model: nn.Module, images: torch.Tensor) -> list[Layer]:
    rows: list[Layer] = []

    def record(name: str) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        def hook(module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
            shape = list(output.shape[1:])
            op = "conv" if isinstance(module, nn.Conv2d) else "linear"
            params = sum(parameter.numel() for parameter in module.parameters())
            macs = prod(shape) * prod(module.weight.shape[1:])
            rows.append(Layer(name, op, shape, params, macs))

        return hook

    handles = [
        module.register_forward_hook(record(name))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return rows


def _keras_layers(layer: Any) -> list[Layer]:
    """Zero, one or (depthwise separable) two rows of a Keras layer; shapes as C, H, W."""
    kind = type(layer).__name__
    weights = [tuple(weight.shape) for weight in layer.weights]
    if kind == "Dense":
        output = [layer.units]
        return [_keras_row(layer.name, "linear", output, weights, weights[0][0])]
    if kind not in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return []
    _, height, width, channels = layer.output.shape
    output = [channels, height, width]
    window = prod(weights[0][:2])
    if kind == "Conv2D":  # kernel is height x width x input channels of a group x output
        return [_keras_row(layer.name, "conv", output, weights, window * weights[0][2])]
    if kind == "DepthwiseConv2D":  # kernel is height x width x channels x multiplier
        return [_keras_row(layer.name, "conv", output, weights, window)]
    inside = weights[0][2] * weights[0][3]
    return [
        _keras_row(f"{layer.name}/depthwise", "conv", [inside, height, width], weights[:1], window),
        _keras_row(f"{layer.name}/pointwise", "conv", output, weights[1:], inside),
    ]


def _keras_row(name: str, op: str, output: list[int], weights: list, per_output: int) -> Layer:
    return Layer(name, op, output, sum(map(prod, weights)), prod(output) * per_output)


def _fvcore(model: nn.Module, images: torch.Tensor) -> float:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, images)
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def _ptflops(model: nn.Module, images: torch.Tensor) -> float:
    from ptflops import get_model_complexity_info

    return get_model_complexity_info(
        model,
        tuple(images.shape[1:]),
        backend="pytorch",
        as_strings=False,
        print_per_layer_stat=False,
    )[0]


def _thop(model: nn.Module, images: torch.Tensor) -> float:
    import thop

    return thop.profile(model, inputs=(images,), verbose=False)[0]


def _torchinfo(model: nn.Module, images: torch.Tensor) -> float:
    import torchinfo

    return torchinfo.summary(model, input_data=images, verbose=0).total_mult_adds


def _torch(model: nn.Module, images: torch.Tensor) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(images)
    return counter.get_total_flops()


TOTALS: dict[str, Callable[[nn.Module, torch.Tensor], float]] = {
    "fvcore": _fvcore,
    "ptflops": _ptflops,
    "thop": _thop,
    "torchinfo": _torchinfo,
    "torch": _torch,
}
