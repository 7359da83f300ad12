"""Each operator of the language as PyTorch has it, to be counted by other tools.

Where PyTorch has no module for an operator, it is written with the function that people use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks import ALL_TOOLS

CHANNELS = 8
SIZE = 12


@dataclass(frozen=True)
class Operator:
    """Steps of the language, and the same in PyTorch; both read 8x12x12 values.

    What a comparison asks of it is the same as of a `Network`.
    """

    name: str
    build: Callable[[], nn.Module]
    source = "torch"
    channels = CHANNELS
    size = SIZE
    tools = ALL_TOOLS
    known = MappingProxyType({})

    def document(self) -> str:
        """A network of these steps only."""
        return f"name: Operator\ninput: {{channels: {CHANNELS}, size: {SIZE}}}\nbody: {self.name}\ntail: []\n"


class Function(nn.Module):
    """A function of one value, or of several branches that read it."""

    def __init__(self, function: Callable[..., Tensor], *branches: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(*(branch(x) for branch in self.branches)) if self.branches else self.function(x)


class Learned(nn.Module):
    """A function of a value, and of a factor and a shift, which are learned or `None`."""

    def __init__(self, function: Callable[..., Tensor], shape: tuple[int, ...], scale: bool, center: bool) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.ones(shape)) if scale else None
        self.bias = nn.Parameter(torch.zeros(shape)) if center else None

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.weight, self.bias)


class Twice(nn.Module):
    """A layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv(x))


def sequence(*modules: nn.Module) -> Callable[[], nn.Module]:
    """Modules one after the other."""
    return lambda: nn.Sequential(*modules)


def function(call: Callable[..., Tensor], *branches: nn.Module) -> Callable[[], nn.Module]:
    """A function of the input or of branches."""
    return lambda: nn.Sequential(Function(call, *branches))


def conv(width: int) -> nn.Conv2d:
    """A 3x3 convolution of the input."""
    return nn.Conv2d(CHANNELS, width, 3, padding=1)


def learned(call: Callable[..., Tensor], shape: tuple[int, ...], scale: bool, center: bool) -> Callable[[], nn.Module]:
    """A function with a learned factor and shift."""
    return lambda: nn.Sequential(Learned(call, shape, scale, center))


def group_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Group normalisation with a factor or a shift of its own."""
    return functional.group_norm(x, 4, weight, bias)


def instance_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Instance normalisation with a factor or a shift of its own."""
    return functional.instance_norm(x, weight=weight, bias=bias)


def batch_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Batch normalisation with a factor or a shift of its own."""
    return functional.batch_norm(x, torch.zeros(CHANNELS), torch.ones(CHANNELS), weight, bias)


def layer_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Layer normalisation over the channels of maps, as ConvNeXt's `LayerNorm2d`."""
    return functional.layer_norm(x.permute(0, 2, 3, 1), (CHANNELS,), weight, bias).permute(0, 3, 1, 2)


def scaled(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Layer scale."""
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def space_to_depth(x: Tensor) -> Tensor:
    """TensorFlow's order."""
    n, c, h, w = x.shape
    return x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


def depth_to_space(x: Tensor) -> Tensor:
    """TensorFlow's order."""
    n, c, h, w = x.shape
    return x.view(n, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * h, 2 * w)


def padded_l2(x: Tensor) -> Tensor:
    """L2 pooling of a padded map."""
    return functional.lp_pool2d(functional.pad(x, (1, 1, 1, 1)), 2, 3, 2)


FEATURES = CHANNELS * SIZE * SIZE
PIXELS = (CHANNELS, 1, 1)
F = functional
IDENTITY = nn.Identity()

OPERATORS = (
    # Convolutions and linear layers.
    Operator("[conv: {kernel: 3, width: 16, act: none}]", sequence(conv(16))),
    Operator("[conv_transpose: {kernel: 4, stride: 2, pad: 1, width: 6, act: none}]",
             sequence(nn.ConvTranspose2d(CHANNELS, 6, 4, 2, 1))),
    Operator("[conv_transpose: {kernel: 3, stride: 2, pad: 1, output_pad: 1, width: 12, groups: 4, bias: false, act: none}]",
             sequence(nn.ConvTranspose2d(CHANNELS, 12, 3, 2, 1, 1, groups=4, bias=False))),
    Operator("[conv_transpose: {kernel: 3, stride: 2, pad: valid, dilation: 2, width: 4, act: none}]",
             sequence(nn.ConvTranspose2d(CHANNELS, 4, 3, 2, dilation=2))),
    Operator("[flatten, linear: {width: 10}]", sequence(nn.Flatten(), nn.Linear(FEATURES, 10))),
    Operator("[conv a: {kernel: 3, width: 8, act: none}, conv b: {kernel: 3, width: 8, act: none, share: a}]",
             lambda: nn.Sequential(Twice())),
    # Normalisations.
    Operator("[bn]", sequence(nn.BatchNorm2d(CHANNELS))),
    Operator("[bn: {scale: false, center: false}]", sequence(nn.BatchNorm2d(CHANNELS, affine=False))),
    Operator("[flatten, bn]", sequence(nn.Flatten(), nn.BatchNorm1d(FEATURES))),
    Operator("[group_norm: {groups: 4}]", sequence(nn.GroupNorm(4, CHANNELS))),
    Operator("[group_norm: {groups: 4, scale: false, center: false}]", sequence(nn.GroupNorm(4, CHANNELS, affine=False))),
    Operator("[group_norm: {groups: 1}]", sequence(nn.GroupNorm(1, CHANNELS))),
    Operator("[instance_norm]", sequence(nn.InstanceNorm2d(CHANNELS, affine=True))),
    Operator("[instance_norm: {scale: false, center: false}]", sequence(nn.InstanceNorm2d(CHANNELS))),
    Operator("[layer_norm]", learned(layer_norm, (CHANNELS,), True, True)),
    Operator("[layer_norm: {scale: false}]", learned(layer_norm, (CHANNELS,), False, True)),
    Operator("[layer_norm: {center: false}]", learned(layer_norm, (CHANNELS,), True, False)),
    Operator("[layer_norm: {scale: false, center: false}]", learned(layer_norm, (CHANNELS,), False, False)),
    Operator("[flatten, layer_norm]", sequence(nn.Flatten(), nn.LayerNorm(FEATURES))),
    Operator("[flatten, layer_norm: {center: false}]", sequence(nn.Flatten(), nn.LayerNorm(FEATURES, bias=False))),
    Operator("[flatten, layer_norm: {scale: false, center: false}]",
             sequence(nn.Flatten(), nn.LayerNorm(FEATURES, elementwise_affine=False))),
    Operator("[lrn]", sequence(nn.LocalResponseNorm(5))),
    # Learned and constant factors.
    Operator("[scale]", learned(scaled, PIXELS, True, False)),
    Operator("[scale: {center: true}]", learned(scaled, PIXELS, True, True)),
    Operator("[scale: {shared: true}]", learned(scaled, (1,), True, False)),
    Operator("[rescale: {scale: 0.5, shift: 1}]", function(lambda x: 0.5 * x + 1)),
    # Activation functions.
    Operator("[relu]", sequence(nn.ReLU())),
    Operator("[relu: {functional: true}]", function(lambda x: F.relu(x))),
    Operator("[relu6]", sequence(nn.ReLU6())),
    Operator("[relu6: {functional: true}]", function(lambda x: F.relu6(x))),
    Operator("[sigmoid]", sequence(nn.Sigmoid())),
    Operator("[silu]", sequence(nn.SiLU())),
    Operator("[silu: {functional: true}]", function(lambda x: F.silu(x))),
    Operator("[hard_sigmoid]", sequence(nn.Hardsigmoid())),
    Operator("[hard_swish]", sequence(nn.Hardswish())),
    Operator("[leaky_relu: {slope: 0.1}]", sequence(nn.LeakyReLU(0.1))),
    Operator("[leaky_relu: {slope: 0.1, functional: true}]", function(lambda x: F.leaky_relu(x, 0.1))),
    Operator("[prelu]", sequence(nn.PReLU(CHANNELS))),
    Operator("[prelu: {shared: true}]", sequence(nn.PReLU())),
    Operator("[elu]", sequence(nn.ELU())),
    Operator("[elu: {functional: true}]", function(lambda x: F.elu(x))),
    Operator("[selu]", sequence(nn.SELU())),
    Operator("[gelu]", sequence(nn.GELU())),
    Operator("[gelu: {functional: true}]", function(lambda x: F.gelu(x))),
    Operator("[gelu_tanh]", sequence(nn.GELU(approximate="tanh"))),
    Operator("[mish]", sequence(nn.Mish())),
    Operator("[softplus]", sequence(nn.Softplus())),
    Operator("[tanh]", sequence(nn.Tanh())),
    Operator("[clip: {low: -1, high: 2}]", sequence(nn.Hardtanh(-1, 2))),
    Operator("[softmax]", sequence(nn.Softmax(dim=1))),
    Operator("[softmax: {functional: true}]", function(lambda x: F.softmax(x, dim=1))),
    # Pooling.
    Operator("[maxpool: {kernel: 3, stride: 2, pad: 1}]", sequence(nn.MaxPool2d(3, 2, 1))),
    Operator("[maxpool: {kernel: 3, stride: 1, pad: 2, dilation: 2}]", sequence(nn.MaxPool2d(3, 1, 1, 2))),
    Operator("[maxpool: {kernel: 2, pad: valid, functional: true}]", function(lambda x: F.max_pool2d(x, 2))),
    Operator("[avgpool: {kernel: 3, stride: 2, pad: 1}]", sequence(nn.AvgPool2d(3, 2, 1))),
    Operator("[avgpool: {kernel: 2, pad: valid, functional: true}]", function(lambda x: F.avg_pool2d(x, 2))),
    Operator("[l2pool: {kernel: 3, stride: 2}]", sequence(nn.LPPool2d(2, 3, 2))),
    Operator("[l2pool: {kernel: 3, stride: 2, pad: 1}]", function(padded_l2)),
    Operator("[gap]", sequence(nn.AdaptiveAvgPool2d(1))),
    Operator("[gap: {functional: true}]", function(lambda x: F.adaptive_avg_pool2d(x, 1))),
    Operator("[gmp]", sequence(nn.AdaptiveMaxPool2d(1))),
    Operator("[adaptive_avgpool: {size: 5}]", sequence(nn.AdaptiveAvgPool2d(5))),
    Operator("[channel_max]", function(lambda x: x.max(1, keepdim=True).values)),
    Operator("[channel_mean]", function(lambda x: x.mean(1, keepdim=True))),
    # Maps of other sizes.
    Operator("[resize: {factor: 2}]", sequence(nn.Upsample(scale_factor=2))),
    Operator("[resize: {factor: 2x3}]", sequence(nn.Upsample(scale_factor=(2, 3)))),
    Operator("[resize: {size: 17x19}]", sequence(nn.Upsample((17, 19)))),
    Operator("[resize: {factor: 2, mode: bilinear}]", sequence(nn.Upsample(scale_factor=2, mode="bilinear"))),
    Operator("[resize: {size: 5x7, mode: bilinear_corners}]",
             sequence(nn.Upsample((5, 7), mode="bilinear", align_corners=True))),
    Operator("[resize: {factor: 2, functional: true}]", function(lambda x: F.interpolate(x, scale_factor=2))),
    Operator("[resize: {size: 17x19, mode: bilinear, functional: true}]",
             function(lambda x: F.interpolate(x, (17, 19), mode="bilinear"))),
    Operator("[space_to_depth: {block: 2}]", sequence(nn.PixelUnshuffle(2))),
    Operator("[space_to_depth: {block: 2, order: pixels_first}]", function(space_to_depth)),
    Operator("[depth_to_space: {block: 2}]", sequence(nn.PixelShuffle(2))),
    Operator("[depth_to_space: {block: 2, order: pixels_first}]", function(depth_to_space)),
    Operator("[slice: {count: 3, start: 2}]", function(lambda x: x[:, 2:5])),
    Operator("[slice: {count: 4, start: 1, step: 2, axis: height}]", function(lambda x: x[:, :, 1:8:2])),
    Operator("[pad: {size: 1}]", sequence(nn.ZeroPad2d(1))),
    Operator("[pad: {size: 1, mode: reflect}]", sequence(nn.ReflectionPad2d(1))),
    Operator("[pad: {size: 1, mode: edge}]", sequence(nn.ReplicationPad2d(1))),
    Operator("[pad: {size: 1, mode: minus_infinity}]", sequence(nn.ConstantPad2d(1, float("-inf")))),
    Operator("[shuffle: {groups: 2}]", sequence(nn.ChannelShuffle(2))),
    # Branches.
    Operator("[parallel: {branches: {a: [slice: {count: 4}], b: [slice: {start: 4, count: 4}]}}]",
             function(lambda x: torch.cat(x.chunk(2, 1), 1))),
    Operator("[parallel: {branches: {a: [conv: {kernel: 3, width: 8, act: none}], b: []}, join: add}]",
             function(lambda a, b: a + b, conv(CHANNELS), IDENTITY)),
    Operator("[parallel: {branches: {a: [conv: {kernel: 3, width: 8, act: none}], b: []}, join: add, scale: {a: 0.1}}]",
             function(lambda a, b: 0.1 * a + b, conv(CHANNELS), IDENTITY)),
    Operator("[parallel: {branches: {a: [conv: {kernel: 3, width: 8, act: none}], b: []}, join: mean}]",
             function(lambda a, b: (a + b) / 2, conv(CHANNELS), IDENTITY)),
    Operator("[parallel: {branches: {a: [conv: {kernel: 3, width: 8, act: none}], b: []}, join: max}]",
             function(torch.maximum, conv(CHANNELS), IDENTITY)),
    Operator("[parallel: {branches: {a: [conv: {kernel: 3, width: 1, act: sigmoid}], b: []}, join: multiply}]",
             function(lambda a, b: a * b, nn.Sequential(conv(1), nn.Sigmoid()), IDENTITY)),
    Operator("[dropout]", sequence(nn.Dropout())),
    Operator("[drop_path]", function(lambda x: x)),
)
