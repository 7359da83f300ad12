"""Small networks, one for each construct that exporters write, as ONNX files: by PyTorch's two exporters, and as TensorFlow's
converter writes them. `constructs.py` checks that they are read.
"""

import io
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import Tensor, nn
from torch.nn import functional

OPSET = 17
SIDE = 16


@dataclass
class File:
    """A file, and what is expected of it."""

    name: str
    model: onnx.ModelProto
    # The size of its input, where the file leaves it open.
    size: str = ""
    # Words of the refusal; none if it is to be read.
    refused: tuple[str, ...] = ()
    tolerance: float = 1e-4
    # Whether its weights are in a file beside it.
    beside: bool = False
    # Whether MACs are those of the file's own layers: not where it has none, or computes its weights.
    counts: bool = True


class Net(nn.Module):
    """Layers, and a function of an image that uses them."""

    def __init__(self, forward: Callable[..., Tensor], **layers: nn.Module | Tensor) -> None:
        super().__init__()
        self.function = forward
        for name, layer in layers.items():
            if isinstance(layer, nn.Module):
                self.add_module(name, layer)
            else:
                self.register_buffer(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


@dataclass
class Torch:
    """A construct as PyTorch exports it."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = (1, 3, SIDE, SIDE)
    dynamic: bool = False
    kind: torch.dtype = torch.float32
    expected: dict = field(default_factory=dict)
    exporters: tuple[str, ...] = ("traced", "dynamo")

    def files(self, name: str) -> Iterator[File]:
        """The files of the exporters."""
        for exporter in self.exporters:
            torch.manual_seed(0)
            network = self.build().eval().to(self.kind)
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    nn.init.uniform_(module.running_mean, -0.5, 0.5)
                    nn.init.uniform_(module.running_var, 0.5, 2)
                    nn.init.uniform_(module.weight, 0.5, 1.5)
                    nn.init.uniform_(module.bias, -0.5, 0.5)
            image = torch.rand(self.shape, dtype=self.kind)
            out = io.BytesIO()
            settings = {"input_names": ["image"], "output_names": ["out"]}
            if exporter == "dynamo":
                if self.dynamic:
                    settings["dynamic_shapes"] = ({2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC},)
                program = torch.onnx.export(network, (image,), dynamo=True, verbose=False, **settings)
                program.save(out)
            else:
                if self.dynamic:
                    settings["dynamic_axes"] = {"image": {0: "batch", 2: "height", 3: "width"}}
                torch.onnx.export(network, (image,), out, dynamo=False, opset_version=OPSET, **settings)
            size = f"{self.shape[2]}x{self.shape[3]}" if self.dynamic else ""
            # PyTorch's newer exporter writes weights beside the model, unless it is told not to.
            beside = exporter == "dynamo"
            yield File(f"{name}-{exporter}", onnx.load_from_string(out.getvalue()), size=size, beside=beside, **self.expected)


@dataclass
class Graph:
    """A construct as nodes of ONNX."""

    nodes: list[onnx.NodeProto]
    tensors: dict[str, numpy.ndarray] = field(default_factory=dict)
    shape: tuple[int | str, ...] = (1, 3, SIDE, SIDE)
    size: str = ""
    opset: int = OPSET
    kind: int = TensorProto.FLOAT
    more_inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    functions: list[onnx.FunctionProto] = field(default_factory=list)
    expected: dict = field(default_factory=dict)

    def model(self) -> onnx.ModelProto:
        """The model; its output is the last node's."""
        inputs = [helper.make_tensor_value_info("image", self.kind, self.shape)]
        inputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in self.more_inputs.items()]
        output = helper.make_tensor_value_info(self.nodes[-1].output[0], self.kind if self.kind != TensorProto.UINT8 else TensorProto.FLOAT, None)
        tensors = [numpy_helper.from_array(values, name) for name, values in self.tensors.items()]
        graph = helper.make_graph(self.nodes, "network", inputs, [output], tensors)
        sets = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid("local", 1)] * bool(self.functions)
        model = helper.make_model(graph, opset_imports=sets, functions=self.functions)
        model.ir_version = 8
        return model

    def files(self, name: str) -> Iterator[File]:
        """The file."""
        yield File(name, self.model(), size=self.size, **self.expected)


class Images(CalibrationDataReader):
    """Images of whose values ranges are made."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        random = numpy.random.default_rng(5)
        self.images = iter([{"image": random.uniform(-1, 1, shape).astype(numpy.float32)} for _ in range(8)])

    def get_next(self) -> dict[str, numpy.ndarray] | None:
        return next(self.images, None)


@dataclass
class Quantised:
    """A network of numbers as ONNX Runtime quantises it: without its `Relu` and `Clip`, which rounding to integers stands for."""

    network: Graph

    def files(self, name: str) -> Iterator[File]:
        """The network, and what ONNX Runtime makes of it."""
        yield File(name, self.network.model())
        for ending, form, kind, per_channel in [
            ("qdq", QuantFormat.QDQ, QuantType.QInt8, False),
            ("qdq-uint8", QuantFormat.QDQ, QuantType.QUInt8, True),
            ("qoperator", QuantFormat.QOperator, QuantType.QInt8, True),
            ("qoperator-uint8", QuantFormat.QOperator, QuantType.QUInt8, False),
        ]:
            with tempfile.TemporaryDirectory() as folder:
                paths = [pathlib.Path(folder) / file for file in ("float.onnx", "quantised.onnx")]
                onnx.save(self.network.model(), paths[0])
                settings = {"quant_format": form, "activation_type": kind, "weight_type": QuantType.QInt8, "per_channel": per_channel}
                quantize_static(*paths, Images(self.network.shape), **settings)
                yield File(f"{name}-{ending}", onnx.load(paths[1]), tolerance=0.03, counts=form == QuantFormat.QDQ)


def conv(inputs: int = 3, outputs: int = 8, kernel: int = 3, **more: object) -> nn.Conv2d:
    """A convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, kernel, **({"padding": kernel // 2} | more))


def after(function: Callable[[Tensor], Tensor], **more: object) -> Torch:
    """A function between two convolutions, so that it cannot vanish at an end."""
    return Torch(lambda: Net(lambda net, x: net.last(function(net.first(x))), first=conv(), last=conv(8, 4, 1)), **more)


def values(*shape: int, low: float = -0.5, high: float = 0.5, seed: int = 0) -> numpy.ndarray:
    """Uniform numbers."""
    return numpy.random.default_rng(seed).uniform(low, high, shape).astype(numpy.float32)


def node(op: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    """A node named after its output; inputs are separated by spaces, `-` is none."""
    names = ["" if name == "-" else name for name in inputs.split()]
    domain = "local" if op[0].islower() else ""
    return helper.make_node(op, names, output.split(), name=f"{output.split()[0]}/{op}", domain=domain, **attributes)


def ints(*numbers: int) -> numpy.ndarray:
    """A vector of integers."""
    return numpy.array(numbers, dtype=numpy.int64)


def excitation(net: Net, x: Tensor) -> Tensor:
    """Squeeze-and-excitation by linear layers."""
    x = net.first(x)
    batch, channels = x.shape[:2]
    gate = net.up(net.down(functional.adaptive_avg_pool2d(x, 1).view(batch, channels)).relu()).sigmoid()
    return x * gate.view(batch, channels, 1, 1)


def spelled_norm(net: Net, x: Tensor) -> Tensor:
    """A normalisation as arithmetic."""
    x = net.first(x)
    return net.last((x - net.mean) / torch.sqrt(net.variance + 1e-3) * net.gamma + net.beta)


def transform_input(net: Net, x: Tensor) -> Tensor:
    """torchvision's change of normalised images."""
    parts = [x[:, at].unsqueeze(1) * (scale / 0.5) + (mean - 0.5) / 0.5
             for at, (scale, mean) in enumerate([(0.229, 0.485), (0.224, 0.456), (0.225, 0.406)])]
    return net.first(torch.cat(parts, 1))


def shuffled(x: Tensor) -> Tensor:
    """A channel shuffle of two groups."""
    batch, channels, height, width = x.shape
    return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous().view(batch, -1, height, width)


def focus(x: Tensor) -> Tensor:
    """YOLOv5's rearrangement of pixels."""
    return torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)


def of_places(x: Tensor) -> Tensor:
    """What CBAM's gate of places is computed from, as its authors write it."""
    return torch.cat((torch.max(x, 1)[0].unsqueeze(1), torch.mean(x, 1).unsqueeze(1)), dim=1)


def channel_attention(net: Net, x: Tensor) -> Tensor:
    """CBAM's gates, by channel and by place."""
    x = net.first(x)
    mean, largest = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    x = x * torch.sigmoid(net.up(net.down(mean).relu()) + net.up(net.down(largest).relu()))
    return x * torch.sigmoid(net.place(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)))


def normed(parametrised: Callable[[nn.Module], nn.Module], **more: object) -> Torch:
    """A convolution whose weights are computed."""
    return Torch(lambda: Net(lambda net, x: net.last(net.first(x).relu()), first=parametrised(conv()), last=parametrised(conv(8, 4))),
                 expected={"counts": False}, **more)


def tied(role: str, *convolutions: nn.Conv2d) -> dict[str, nn.Conv2d]:
    """Two convolutions that have a tensor in common."""
    first, other = convolutions
    setattr(other, role, getattr(first, role))
    return {"first": first, "other": other}


PYTORCH: dict[str, Torch] = {
    "head-permute-view": Torch(lambda: Net(
        lambda net, x: net.last(net.first(x).relu()).permute(0, 2, 3, 1).reshape(x.shape[0], -1, 4), first=conv(), last=conv(8, 24))),
    "head-sequence": Torch(lambda: Net(
        lambda net, x: net.first(x).mean(2).permute(0, 2, 1), first=conv())),
    "head-squeeze": Torch(lambda: Net(
        lambda net, x: net.last(net.first(x)).squeeze(2).permute(0, 2, 1),
        first=conv(stride=(2, 1)), last=nn.Conv2d(8, 12, (8, 1)))),
    "input-mean-std": Torch(lambda: Net(
        lambda net, x: net.first((x - net.mean) / net.std), first=conv(),
        mean=torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1), std=torch.tensor([0.2, 0.3, 0.4]).view(1, 3, 1, 1))),
    "input-scaled": Torch(lambda: Net(lambda net, x: net.first(x / 127.5 - 1), first=conv())),
    "norm-spelled": Torch(lambda: Net(
        spelled_norm, first=conv(bias=False), last=conv(8, 4), **{
            name: torch.rand(1, 8, 1, 1) + 0.5 for name in ("mean", "variance", "gamma", "beta")})),
    "transform-input": Torch(lambda: Net(transform_input, first=conv())),
    "flatten-nhwc": Torch(lambda: Net(
        lambda net, x: net.last(net.first(x).permute(0, 2, 3, 1).flatten(1)), first=conv(3, 4, stride=2), last=nn.Linear(256, 5))),
    "linear-nhwc": Torch(lambda: Net(
        lambda net, x: net.last(net.first(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2), first=conv(), last=nn.Linear(8, 5))),
    "norm-nhwc": after(lambda x: functional.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2)),
    "slice": after(lambda x: torch.cat([x[:, 3:], x[:, :3]], 1)),
    "split": after(lambda x: torch.cat(list(x.split([2, 2, 4], 1))[::-1], 1)),
    "chunk": after(lambda x: torch.cat([x.chunk(2, 1)[1], x.chunk(2, 1)[0].relu()], 1)),
    "gather": Torch(lambda: Net(lambda net, x: net.first(x[:, [2, 1, 0]]), first=conv())),
    "focus": Torch(lambda: Net(lambda net, x: net.first(focus(x)), first=conv(12))),
    "crop": after(lambda x: x[:, :, 2:-2, 1:]),
    "shuffle": after(shuffled),
    "shuffle-dynamic": after(shuffled, dynamic=True),
    "dynamic-gap": Torch(lambda: Net(
        lambda net, x: net.last(functional.adaptive_avg_pool2d(net.first(x), 1).view(x.size(0), -1)), first=conv(), last=nn.Linear(8, 5)), dynamic=True),
    "dynamic-resize": Torch(lambda: Net(
        lambda net, x: net.last(functional.interpolate(net.first(x), size=x.shape[2:], mode="nearest") + net.other(x)),
        first=conv(stride=2), other=conv(), last=conv(8, 4, 1)), dynamic=True),
    "dynamic-bilinear": Torch(lambda: Net(
        lambda net, x: functional.interpolate(net.first(x), size=x.shape[2:], mode="bilinear", align_corners=False), first=conv(stride=4)), dynamic=True),
    "dynamic-seg-head": Torch(lambda: Net(
        lambda net, x: net.last(torch.cat([net.first(x), functional.interpolate(
            functional.adaptive_avg_pool2d(net.first(x), 1), size=net.first(x).shape[-2:], mode="bilinear", align_corners=False)], 1)),
        first=conv(), last=conv(16, 4, 1)), dynamic=True, expected={"counts": False}),
    "flat-input": Torch(lambda: Net(
        lambda net, x: net.first(x.view(x.size(0), 1, 28, 28)), first=conv(1)), shape=(1, 784)),
    "resize-nearest": after(lambda x: functional.interpolate(x, scale_factor=2, mode="nearest")),
    "resize-broken": after(lambda x: functional.interpolate(x, size=(23, 37), mode="nearest")),
    "resize-bilinear": after(lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)),
    "resize-corners": after(lambda x: functional.interpolate(x, size=(31, 31), mode="bilinear", align_corners=True)),
    "resize-smaller": after(lambda x: functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)),
    "hardswish": after(functional.hardswish),
    "hardswish-relu6": after(lambda x: x * functional.relu6(x + 3) / 6),
    "hardswish-clamp": after(lambda x: x * (x + 3).clamp(0, 6) * (1 / 6)),
    "hardswish-sigmoid": after(lambda x: x * functional.hardsigmoid(x)),
    "hardsigmoid-relu6": after(lambda x: functional.relu6(x + 3) / 6),
    "silu": after(functional.silu),
    "leaky": after(lambda x: functional.leaky_relu(x, 0.1)),
    "prelu": Torch(lambda: Net(lambda net, x: net.last(net.act(net.first(x))), first=conv(), act=nn.PReLU(8), last=conv(8, 4, 1))),
    "prelu-one": Torch(lambda: Net(lambda net, x: net.last(net.act(net.first(x))), first=conv(), act=nn.PReLU(), last=conv(8, 4, 1))),
    "tanh": after(torch.tanh),
    "elu": after(functional.elu),
    "selu": after(functional.selu),
    "celu": after(lambda x: functional.celu(x, 0.5)),
    "gelu": after(functional.gelu),
    "gelu-tanh": after(lambda x: functional.gelu(x, approximate="tanh")),
    "mish": after(functional.mish),
    "mish-spelled": after(lambda x: x * torch.tanh(functional.softplus(x))),
    "softplus": after(functional.softplus),
    "quick-gelu": after(lambda x: x * torch.sigmoid(1.702 * x)),
    "softmax": after(lambda x: x.softmax(1)),
    "transposed-2": Torch(lambda: Net(lambda net, x: net.up(net.first(x)), first=conv(), up=nn.ConvTranspose2d(8, 4, 2, stride=2))),
    "transposed-4": Torch(lambda: Net(lambda net, x: net.up(net.first(x)), first=conv(), up=nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1, bias=False))),
    "transposed-3": Torch(lambda: Net(
        lambda net, x: net.up(net.first(x)), first=conv(), up=nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1, groups=2))),
    "pixel-shuffle": after(lambda x: functional.pixel_unshuffle(functional.pixel_shuffle(x, 2), 2)),
    "pad-zeros": after(lambda x: functional.pad(x, (1, 2, 3, 0))),
    "pad-reflect": after(lambda x: functional.pad(x, (1, 1, 1, 1), mode="reflect")),
    "pad-replicate": after(lambda x: functional.pad(x, (1, 1, 1, 1), mode="replicate")),
    "pad-dynamic": Torch(lambda: Net(
        lambda net, x: net.first(functional.pad(x, (0, 1, 0, 1))), first=conv(stride=2, padding=0)), dynamic=True),
    "excitation-views": Torch(lambda: Net(excitation, first=conv(), down=nn.Linear(8, 2), up=nn.Linear(2, 8))),
    "excitation-views-dynamic": Torch(lambda: Net(excitation, first=conv(), down=nn.Linear(8, 2), up=nn.Linear(2, 8)), dynamic=True),
    "excitation-expand": Torch(lambda: Net(
        lambda net, x: net.first(x) * net.gate(net.first(x).mean((2, 3), keepdim=True)).sigmoid().expand_as(net.first(x)),
        first=conv(), gate=conv(8, 8, 1)), expected={"counts": False}),
    "gates": Torch(lambda: Net(channel_attention, first=conv(), down=conv(8, 2, 1), up=conv(2, 8, 1), place=conv(2, 1, 7)), expected={"counts": False}),
    "gate-of-places": Torch(lambda: Net(
        lambda net, x: net.first(x) * net.place(of_places(net.first(x))).sigmoid(), first=conv(), place=conv(2, 1, 7)), expected={"counts": False}),
    "gate-of-maxima": after(lambda x: x * torch.max(x, 1, keepdim=True)[0].sigmoid()),
    "gate-of-means": after(lambda x: x * x.mean(1, keepdim=True).sigmoid()),
    "gate-of-sums": after(lambda x: x * x.sum(1, keepdim=True).tanh()),
    "without-mean-of-channels": after(lambda x: (x - x.mean(1, keepdim=True)).relu()),
    "mean-of-channels": Torch(lambda: Net(lambda net, x: net.first(x).mean(1, keepdim=True), first=conv())),
    "pairs-of-anchors": Torch(lambda: Net(
        lambda net, x: net.first(x).reshape(1, 2, -1, SIDE).softmax(1).reshape(1, 8, -1, SIDE), first=conv()),
        expected={"counts": False, "tolerance": float("inf")}),  # cut before the softmax
    "log-softmax": Torch(lambda: Net(
        lambda net, x: net.last(net.first(x).mean((2, 3))).log_softmax(1), first=conv(), last=nn.Linear(8, 4)),
        expected={"counts": False, "tolerance": float("inf")}),  # cut before it
    # A convolution along the channels.
    "efficient-channel": Torch(lambda: Net(
        lambda net, x: net.first(x) * net.gate(net.first(x).mean((2, 3)).unsqueeze(1)).transpose(1, 2).unsqueeze(-1).sigmoid(),
        first=conv(), gate=nn.Conv1d(1, 1, 3, padding=1)), expected={"refused": ("can be read", "--cut")}),
    "mean-twice": Torch(lambda: Net(lambda net, x: net.last(net.first(x).mean(3).mean(2)), first=conv(), last=nn.Linear(8, 5))),
    "squeeze-twice": Torch(lambda: Net(
        lambda net, x: net.last(functional.adaptive_avg_pool2d(net.first(x), 1).squeeze(3).squeeze(2)), first=conv(), last=nn.Linear(8, 5))),
    "clip-0-1": after(lambda x: x.clamp(0, 1)),
    "clip-signed": after(lambda x: functional.hardtanh(x, -2, 2)),
    "clip-below": after(lambda x: x.clamp(min=0.25)),
    "clip-above": after(lambda x: x.clamp(max=0.5)),
    "float16": Torch(lambda: Net(lambda net, x: net.last(net.first(x).relu()), first=conv(), last=conv(8, 4)), kind=torch.float16, expected={"tolerance": 5e-3, "counts": False}),
    "float64": Torch(lambda: Net(lambda net, x: net.last(net.first(x).relu()), first=conv(), last=conv(8, 4)), kind=torch.float64, expected={"counts": False}),
    "weight-norm": normed(nn.utils.parametrizations.weight_norm),
    "weight-norm-old": normed(nn.utils.weight_norm),
    "spectral-norm": normed(nn.utils.parametrizations.spectral_norm, exporters=("dynamo",)),
    "weight-standard": Torch(lambda: Net(
        lambda net, x: functional.conv2d(x, (net.first.weight - net.first.weight.mean((1, 2, 3), keepdim=True))
                                         / (net.first.weight.std((1, 2, 3), keepdim=True) + 1e-5), net.first.bias, padding=1), first=conv()),
        expected={"counts": False}),
    "shared": Torch(lambda: Net(lambda net, x: net.first(net.first(x).relu()), first=conv(3, 3))),
    "shared-bias": Torch(lambda: Net(lambda net, x: net.last(net.other(net.first(x).relu())), last=conv(8, 4), **tied("bias", conv(), conv(8, 8)))),
    "shared-kernel": Torch(lambda: Net(lambda net, x: net.other(net.first(x).relu()), **tied("weight", conv(3, 3), conv(3, 3)))),
    "shared-norm": Torch(lambda: Net(
        lambda net, x: net.last(net.norm(net.other(net.norm(net.first(x).relu())).relu())), first=conv(), other=conv(8, 8), norm=nn.BatchNorm2d(8), last=conv(8, 4)),
        expected={"counts": False}),
    "shared-slopes": Torch(lambda: Net(lambda net, x: net.prelu(net.other(net.prelu(net.first(x)))), first=conv(), other=conv(8, 8), prelu=nn.PReLU(8))),
    "dropout": Torch(lambda: Net(
        lambda net, x: net.last(net.drop(net.first(x)).flatten(1)), first=conv(3, 4, stride=4), drop=nn.Dropout(0.5), last=nn.Linear(64, 5))),
    "residual-scale": Torch(lambda: Net(
        lambda net, x: net.first(x) + 0.2 * net.other(net.first(x).relu()), first=conv(), other=conv(8, 8)), expected={"counts": False}),
    "layer-scale": Torch(lambda: Net(
        lambda net, x: net.first(x) + net.other(net.first(x).relu()) * net.gamma, first=conv(), other=conv(8, 8), gamma=torch.rand(8, 1, 1)),
        expected={"counts": False}),
    "group-norm": Torch(lambda: Net(lambda net, x: net.last(net.norm(net.first(x))), first=conv(), norm=nn.GroupNorm(4, 8), last=conv(8, 4, 1))),
    "instance-norm": Torch(lambda: Net(
        lambda net, x: net.last(net.norm(net.first(x))), first=conv(), norm=nn.InstanceNorm2d(8, affine=True), last=conv(8, 4, 1))),
    "layer-norm-channels": Torch(lambda: Net(
        lambda net, x: net.last(functional.layer_norm(net.first(x).permute(0, 2, 3, 1), (8,), net.gamma, net.beta, 1e-6).permute(0, 3, 1, 2)),
        first=conv(), last=conv(8, 4, 1), gamma=torch.rand(8), beta=torch.rand(8))),
    "global-norm": Torch(lambda: Net(
        lambda net, x: net.last(functional.normalize(net.first(x).mean((2, 3)), dim=1)), first=conv(), last=nn.Linear(8, 4)),
        expected={"refused": ("ReduceL2", "--cut")}, exporters=("traced",)),  # a layer follows the norm
    "softsign": after(functional.softsign, expected={"refused": ("1 x Div: a part of no activation",)}),
    "l2-pooling": after(lambda x: functional.lp_pool2d(x, 2, 2)),
    "l2-pooling-uneven": after(lambda x: functional.lp_pool2d(x, 2, (2, 3), stride=2)),
    "pooling": after(lambda x: functional.avg_pool2d(functional.max_pool2d(x, 3, 2, 1), 3, 1, 1, count_include_pad=False)),
    "adaptive": after(lambda x: functional.adaptive_avg_pool2d(x, 4)),
    "conv-1d": Torch(lambda: Net(
        lambda net, x: net.last(net.pool(net.norm(net.first(x)).relu()).flatten(1)),
        first=nn.Conv1d(3, 8, 5, stride=2, padding=2), norm=nn.BatchNorm1d(8), pool=nn.MaxPool1d(2), last=nn.Linear(32, 4)), shape=(1, 3, 16)),
    "conv-1d-gap": Torch(lambda: Net(
        lambda net, x: net.last(functional.adaptive_avg_pool1d(net.first(x).relu(), 1).squeeze(-1)),
        first=nn.Conv1d(3, 8, 5, padding=4, dilation=2), last=nn.Linear(8, 4)), shape=(1, 3, 32)),
    "conv-3d": Torch(lambda: Net(lambda net, x: net.first(x), first=nn.Conv3d(3, 4, 3)), shape=(1, 3, 8, 8, 8), expected={"refused": ("image", "8")}),
    "sequence-behind": Torch(lambda: Net(
        lambda net, x: net.rows(net.first(x).mean(2).permute(0, 2, 1))[0], first=conv(), rows=nn.LSTM(8, 4, batch_first=True)),
        exporters=("traced",), expected={"counts": False, "tolerance": float("inf")}),
}


def tf(nodes: list[onnx.NodeProto], tensors: dict[str, numpy.ndarray], **more: object) -> Graph:
    """A network that gets images as TensorFlow has them."""
    first = node("Transpose", "image", "nchw", perm=[0, 3, 1, 2])
    return Graph([first, *nodes], tensors, **({"shape": (1, SIDE, SIDE, 3)} | more))


KERNEL = {"k": values(8, 3, 3, 3), "b": values(8, seed=1)}
FIRST = node("Conv", "nchw k b", "first", pads=[1, 1, 1, 1])
PLAIN = node("Conv", "image k b", "first", pads=[1, 1, 1, 1])
LAST = {"k2": values(4, 8, 1, 1, seed=2)}


def between(nodes: list[onnx.NodeProto], tensors: dict[str, numpy.ndarray] | None = None, **more: object) -> Graph:
    """Nodes from `first` to `end` between two convolutions."""
    return Graph([PLAIN, *nodes, node("Conv", "end k2", "out")], KERNEL | LAST | (tensors or {}), **more)


def scalar(number: float) -> numpy.ndarray:
    """A number."""
    return numpy.array(number, dtype=numpy.float32)


def local_function() -> Graph:
    """A block that the file defines as a function."""
    body = [helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[1, 1]), helper.make_node("Relu", ["y"], ["z"])]
    function = helper.make_function("local", "block", ["x", "w"], ["z"], body, [helper.make_opsetid("", OPSET)])
    calls = [node("block", "first a", "one"), node("block", "one c", "end")]
    return between(calls, {"a": values(8, 8, 1, 1, seed=3), "c": values(8, 8, 1, 1, seed=4)}, functions=[function], expected={"counts": False})


INTEGERS = {
    "s": scalar(0.02), "z": numpy.array(128, dtype=numpy.uint8), "os": scalar(0.3), "wz": numpy.zeros(8, dtype=numpy.int8),
    "ws": values(8, low=0.01, high=0.02), "w": numpy.random.default_rng(0).integers(-127, 127, (8, 3, 3, 3)).astype(numpy.int8),
}


def quantised() -> Graph:
    """A network with weights and values that are rounded to integers and back."""
    nodes = [
        node("QuantizeLinear", "image s z", "q"), node("DequantizeLinear", "q s z", "d"), node("DequantizeLinear", "w ws wz", "dw", axis=0),
        node("Conv", "d dw", "c", pads=[1, 1, 1, 1]), node("QuantizeLinear", "c os z", "cq"), node("DequantizeLinear", "cq os z", "out"),
    ]
    return Graph(nodes, INTEGERS, expected={"tolerance": 0.05})


def linear_integers() -> Graph:
    """A convolution of integers."""
    nodes = [node("QuantizeLinear", "image s z", "q"), node("QLinearConv", "q s z w ws wz os z", "c", pads=[1, 1, 1, 1]),
             node("DequantizeLinear", "c os z", "out")]
    return Graph(nodes, INTEGERS, expected={"tolerance": 0.05, "counts": False})


def conv_integer() -> Graph:
    """A convolution as ONNX Runtime's dynamic quantisation writes it."""
    tensors = {"ws": scalar(0.005), "wz": numpy.array(0, dtype=numpy.int8), "b": values(1, 8, 1, 1, seed=1),
               "w": numpy.random.default_rng(0).integers(-127, 127, (8, 3, 3, 3)).astype(numpy.int8)}
    nodes = [
        node("DynamicQuantizeLinear", "image", "q s z"), node("ConvInteger", "q w z wz", "i", pads=[1, 1, 1, 1]),
        node("Cast", "i", "f", to=TensorProto.FLOAT), node("Mul", "s ws", "scale"), node("Mul", "f scale", "c"), node("Add", "c b", "out"),
    ]
    return Graph(nodes, tensors, expected={"tolerance": 0.05, "counts": False})


GRAPHS: dict[str, Graph | Quantised] = {
    "tf-nhwc": tf([FIRST, node("Transpose", "first", "out", perm=[0, 2, 3, 1])], KERNEL),
    "tf-classifier": tf([
        FIRST, node("Clip", "first low high", "six"), node("Transpose", "six", "nhwc", perm=[0, 2, 3, 1]),
        node("ReduceMean", "nhwc", "mean", axes=[1, 2], keepdims=0), node("MatMul", "mean m", "product"), node("Add", "product c", "logits"),
        node("Softmax", "logits", "out", axis=-1),
    ], KERNEL | {"low": scalar(0), "high": scalar(6), "m": values(8, 5, seed=3), "c": values(5, seed=4)}),
    "tf-flatten": tf([
        node("Conv", "nchw k b", "first", strides=[2, 2], auto_pad="SAME_UPPER"), node("Relu", "first", "relu"),
        node("Transpose", "relu", "nhwc", perm=[0, 2, 3, 1]), node("Reshape", "nhwc shape", "flat"), node("MatMul", "flat m", "product"),
        node("Add", "product c", "out"),
    ], KERNEL | {"shape": ints(-1, 512), "m": values(512, 5, seed=3), "c": values(5, seed=4)}),
    "tf-pad-valid": tf([
        node("Pad", "nchw pads", "padded"), node("Conv", "padded k b", "out", strides=[2, 2]),
    ], KERNEL | {"pads": ints(0, 0, 0, 0, 0, 0, 1, 1)}),
    "tf-depthwise": tf([
        FIRST, node("Transpose", "hwio", "turned", perm=[3, 2, 0, 1]), node("Reshape", "turned shape", "dw"),
        node("Conv", "first dw", "out", group=8, pads=[1, 1, 1, 1]),
    ], KERNEL | {"hwio": values(3, 3, 8, 1, seed=5), "shape": ints(8, 1, 3, 3)}),
    "tf-norm-arithmetic": tf([
        node("Conv", "nchw k", "first", pads=[1, 1, 1, 1]), node("Mul", "first scale", "scaled"), node("Sub", "scaled shift", "out"),
    ], KERNEL | {"scale": values(1, 8, 1, 1, seed=6), "shift": values(1, 8, 1, 1, seed=7)}),
    "tf-nhwc-arithmetic": Graph([
        node("Sub", "image mean", "centred"), node("Mul", "centred factor", "scaled"), node("Transpose", "scaled", "nchw", perm=[0, 3, 1, 2]), FIRST,
    ], KERNEL | {"mean": values(3, seed=8), "factor": values(3, low=1, high=2, seed=9)}, shape=(1, SIDE, SIDE, 3)),
    "tf-excitation": tf([
        FIRST, node("GlobalAveragePool", "first", "mean"), node("Squeeze", "mean axes", "flat"), node("Reshape", "flat shape", "one"),
        node("Transpose", "one", "turned", perm=[0, 3, 1, 2]), node("Conv", "turned down", "small"), node("Relu", "small", "relu"),
        node("Conv", "relu up", "large"), node("Sigmoid", "large", "gate"), node("Mul", "first gate", "out"),
    ], KERNEL | {"axes": ints(2, 3), "shape": ints(-1, 1, 1, 8), "down": values(2, 8, 1, 1, seed=3), "up": values(8, 2, 1, 1, seed=4)}),
    "tf-excitation-dense": tf([
        FIRST, node("GlobalAveragePool", "first", "mean"), node("Squeeze", "mean axes", "flat"), node("MatMul", "flat down", "small"), node("Relu", "small", "relu"),
        node("MatMul", "relu up", "large"), node("Sigmoid", "large", "gate"), node("Reshape", "gate shape", "map"), node("Mul", "first map", "out"),
    ], KERNEL | {"axes": ints(2, 3), "shape": ints(-1, 8, 1, 1), "down": values(8, 2, seed=3), "up": values(2, 8, seed=4)}),
    "tf-gate-of-places": tf([
        FIRST, node("Transpose", "first", "nhwc", perm=[0, 2, 3, 1]), node("ReduceMax", "nhwc", "max", axes=[-1], keepdims=1),
        node("ReduceMean", "nhwc", "mean", axes=[3], keepdims=1), node("Concat", "mean max", "both", axis=3), node("Transpose", "both", "maps", perm=[0, 3, 1, 2]),
        node("Conv", "maps place", "small", pads=[1, 1, 1, 1]), node("Sigmoid", "small", "gate"), node("Mul", "first gate", "out"),
    ], KERNEL | {"place": values(1, 2, 3, 3, seed=3)}),
    "tf-resize-nearest": between([node("Resize", "first - scales", "end", mode="nearest", coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil")],
                                 {"scales": numpy.array([1, 1, 2, 2], dtype=numpy.float32)}),
    "tf-resize-bilinear": between([node("Resize", "first - - sizes", "end", mode="linear", coordinate_transformation_mode="half_pixel")], {"sizes": ints(1, 8, 32, 32)}),
    "tf-resize-old": between([node("Resize", "first - scales", "end", mode="linear", coordinate_transformation_mode="asymmetric")],
                             {"scales": numpy.array([1, 1, 2, 2], dtype=numpy.float32)}, expected={"refused": ("Resize", "asymmetric")}),
    "upsample-9": between([node("Upsample", "first scales", "end", mode="nearest")], {"scales": numpy.array([1, 1, 2, 2], dtype=numpy.float32)}, opset=9),
    "resize-computed": between([
        node("Shape", "first", "all"), node("Slice", "all start stop", "sizes"), node("Mul", "sizes two", "double"), node("Slice", "all zero start", "rest"),
        node("Concat", "rest double", "to", axis=0), node("Resize", "first - - to", "end", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    ], {"start": ints(2), "stop": ints(4), "zero": ints(0), "two": ints(2, 2)}),
    "reshape-computed": Graph([
        PLAIN, node("GlobalAveragePool", "first", "mean"), node("Shape", "mean", "all"), node("Slice", "all zero one", "batch"),
        node("Concat", "batch rest", "to", axis=0), node("Reshape", "mean to", "flat"), node("Gemm", "flat m c", "out", transB=1),
    ], KERNEL | {"zero": ints(0), "one": ints(1), "rest": ints(-1), "m": values(5, 8, seed=3), "c": values(5, seed=4)}, shape=("batch", 3, SIDE, SIDE)),
    "hard-sigmoid-keras": between([node("HardSigmoid", "first", "end", alpha=0.2, beta=0.5)]),
    "hard-sigmoid-sixth": between([node("HardSigmoid", "first", "end", alpha=1 / 6, beta=0.5)]),
    "hard-swish-tf": between([
        node("Add", "first three", "plus"), node("Clip", "plus low high", "six"), node("Mul", "six sixth", "gate"), node("Mul", "first gate", "end"),
    ], {"three": scalar(3), "low": scalar(0), "high": scalar(6), "sixth": scalar(1 / 6)}),
    "hard-swish-divided": between([
        node("Add", "first three", "plus"), node("Clip", "plus low high", "six"), node("Mul", "first six", "product"), node("Div", "product by", "end"),
    ], {"three": scalar(3), "low": scalar(0), "high": scalar(6), "by": scalar(6)}),
    "leaky-by-max": between([node("Mul", "first slope", "small"), node("Max", "first small", "end")], {"slope": scalar(0.2)}),
    "relu-by-max": between([node("Max", "first zero", "end")], {"zero": scalar(0)}),
    "prelu-tf": between([node("Relu", "first", "positive"), node("Neg", "first", "minus"), node("Relu", "minus", "negative"), node("Mul", "negative alpha", "scaled"),
                         node("Add", "positive scaled", "end")], {"alpha": -values(8, 1, 1, low=0.1, high=0.3, seed=3)}),
    "prelu-shared-axes": between([node("PRelu", "first slope", "end")], {"slope": values(8, 1, 1, low=0.1, high=0.3, seed=3)}),
    "clip-attributes": between([node("Clip", "first", "end", min=-0.5, max=0.75)], opset=9),
    "dropout-false": between([node("Dropout", "first ratio training", "end")], {"ratio": scalar(0.5), "training": numpy.array(False)}),
    "dropout-old": between([node("Dropout", "first", "end", ratio=0.3)], opset=9),
    "local-function": local_function(),
    "half-weights": Graph([node("Cast", "h", "k", to=TensorProto.FLOAT), PLAIN], {"h": values(8, 3, 3, 3).astype(numpy.float16), "b": KERNEL["b"]}, expected={"counts": False}),
    "double-weights": Graph([node("Cast", "h", "k", to=TensorProto.FLOAT), PLAIN], {"h": values(8, 3, 3, 3).astype(numpy.float64), "b": KERNEL["b"]}, expected={"counts": False}),
    "sliced-weights": Graph([node("Slice", "all from to axes", "k"), PLAIN], {"all": values(12, 3, 3, 3), "from": ints(2), "to": ints(10), "axes": ints(0), "b": KERNEL["b"]}, expected={"counts": False}),
    "weight-norm-spelled": Graph([
        node("ReduceL2", "v", "norm", axes=[1, 2, 3]), node("Div", "v norm", "unit"), node("Mul", "unit g", "k"), PLAIN,
    ], {"v": values(8, 3, 3, 3), "g": values(8, 1, 1, 1, low=1, high=2, seed=3), "b": KERNEL["b"]}, expected={"counts": False}),
    "qdq": quantised(),
    "integers-of-another-scale": Graph([
        node("QuantizeLinear", "image s z", "q"), node("MaxPool", "q", "pooled", kernel_shape=[2, 2]), node("DequantizeLinear", "pooled os oz", "d"),
        node("Conv", "d k b", "out"),
    ], KERNEL | INTEGERS | {"os": scalar(0.005), "oz": numpy.array(100, dtype=numpy.uint8)}, expected={"tolerance": 0.02}),
    "input-dequantised": Graph(
        [node("DequantizeLinear", "image s z", "d"), node("Conv", "d k b", "out")], KERNEL | INTEGERS, kind=TensorProto.UINT8),
    "quantised": Quantised(Graph([
        node("Conv", "image w1 b1", "first", pads=[1, 1, 1, 1]), node("Relu", "first", "relu"),
        node("Conv", "relu w2", "second", pads=[1, 1, 1, 1]), node("Clip", "second low high", "six"),
        node("Conv", "six w3", "out", pads=[1, 1, 1, 1]),
    ], {
        "w1": values(4, 3, 3, 3, seed=1), "b1": values(4, seed=2), "w2": 3 * values(4, 4, 3, 3, seed=3), "w3": values(2, 4, 3, 3, seed=4),
        "low": scalar(0), "high": scalar(6),
    }, shape=(1, 3, 6, 6))),
    "qlinear-conv": linear_integers(),
    "conv-integer": conv_integer(),
    "input-uint8": Graph([
        node("Cast", "image", "float", to=TensorProto.FLOAT), node("Div", "float by", "scaled"), node("Conv", "scaled k b", "first", pads=[1, 1, 1, 1]),
    ], KERNEL | {"by": scalar(255)}, kind=TensorProto.UINT8),
    "two-inputs-maps": Graph([node("Concat", "image depth", "both", axis=1), node("Conv", "both k4", "out")],
                             {"k4": values(8, 4, 3, 3)}, more_inputs={"depth": (1, 1, SIDE, SIDE)}, expected={"refused": ("image", "depth")}),
    "two-inputs-vector": Graph([
        PLAIN, node("GlobalAveragePool", "first", "mean"), node("Flatten", "mean", "flat"), node("Concat", "flat vector", "both", axis=1), node("Gemm", "both m", "out", transB=1),
    ], KERNEL | {"m": values(5, 12, seed=3)}, more_inputs={"vector": (1, 4)}, expected={"refused": ("image", "vector")}),
    "conv-1d-expanded": Graph([
        node("Unsqueeze", "image axis", "map"), node("Conv", "map k1", "c", pads=[0, 1, 0, 1]), node("Squeeze", "c axis", "row"), node("Relu", "row", "out"),
    ], {"axis": ints(2), "k1": values(8, 3, 1, 3)}, shape=(1, 3, 16)),
}


def files(names: list[str]) -> Iterator[File]:
    """The files of all constructs, or of those that are named."""
    for name, construct in (PYTORCH | GRAPHS).items():
        if not names or name in names:
            yield from construct.files(name)

