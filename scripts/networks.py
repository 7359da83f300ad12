"""Networks of torchvision, timm and Keras that the files in `architectures/` are compared with."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

# fvcore and torch count operators and read every module right. The others go by the class of a
# module, do not know timm's own (BatchNormAct2d and its like) and count those as nothing.
ALL_TOOLS = ("fvcore", "ptflops", "thop", "torchinfo", "torch")
OPERATOR_TOOLS = ("fvcore", "torch")
TOOLS = {"torchvision": ALL_TOOLS, "timm": OPERATOR_TOOLS, "keras": ()}


@dataclass(frozen=True)
class Network:
    """One implementation of an architecture.

    `known` holds differences, theirs minus ours, that follow from how the implementation differs
    from our file; `why` says how. Everything not listed must be equal.
    """

    name: str
    framework: str
    model: str
    size: int = 224
    channels: int = 3
    known: dict[str, int] = field(default_factory=dict)
    why: str = ""
    layers: bool = False

    @property
    def source(self) -> str:
        """Framework and model name, such as `torchvision/googlenet`."""
        return f"{self.framework}/{self.model}"

    @property
    def tools(self) -> tuple[str, ...]:
        """Counters whose totals are comparable with ours on this implementation."""
        return TOOLS[self.framework]

    @property
    def has_auxiliary(self) -> bool:
        """Whether the implementation has auxiliary heads for training."""
        return self.framework == "torchvision" and self.model in ("googlenet", "inception_v3")

    def build(self, auxiliary: bool = False) -> Any:
        """The network with random weights; in training mode if with its `auxiliary` heads."""
        return BUILDERS[self.framework](self, auxiliary)


def _torchvision(network: Network, auxiliary: bool) -> Any:
    import torchvision.models

    options: dict[str, Any] = {"weights": None}
    if network.has_auxiliary:
        options |= {"aux_logits": auxiliary, "init_weights": False, "transform_input": False}
    return getattr(torchvision.models, network.model)(**options).train(auxiliary)


def _timm(network: Network, auxiliary: bool) -> Any:
    import timm

    assert not auxiliary, "no timm network here has auxiliary heads"
    return timm.create_model(network.model, pretrained=False).eval()


def _keras(network: Network, auxiliary: bool) -> Any:
    import keras

    assert not auxiliary, "no Keras network here has auxiliary heads"
    shape = (network.size, network.size, 3)
    return getattr(keras.applications, network.model)(weights=None, input_shape=shape)


BUILDERS: dict[str, Callable[[Network, bool], Any]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "keras": _keras,
}

# What each of our files is a copy of, to the last digit.
ORIGINALS = (
    Network("googlenet-bn", "torchvision", "googlenet", layers=True),
    Network("inception-v3", "torchvision", "inception_v3", size=299, layers=True),
    Network("alexnet", "torchvision", "alexnet"),
    Network("vgg16", "torchvision", "vgg16"),
    Network("vgg19", "torchvision", "vgg19"),
    Network("resnet18", "torchvision", "resnet18", layers=True),
    Network("resnet34", "torchvision", "resnet34"),
    Network("resnet50", "torchvision", "resnet50", layers=True),
    Network("resnet101", "torchvision", "resnet101"),
    Network("resnet152", "torchvision", "resnet152"),
    Network("squeezenet1_1", "torchvision", "squeezenet1_1", layers=True),
    Network("mobilenet-v2", "torchvision", "mobilenet_v2", layers=True),
    Network("densenet121", "torchvision", "densenet121", layers=True),
    Network("inception-v4", "timm", "inception_v4", size=299, layers=True),
    Network("inception-resnet-v2", "timm", "inception_resnet_v2", size=299, layers=True),
    Network("xception", "timm", "legacy_xception", size=299, layers=True),
    Network("mobilenet-v1", "timm", "mobilenetv1_100", layers=True),
)

# Other implementations of the same architectures.
VARIANTS = (
    Network("inception-v3", "timm", "inception_v3", size=299),
    Network("resnet50", "timm", "resnet50"),
    Network("densenet121", "timm", "densenet121"),
    Network("mobilenet-v2", "timm", "mobilenetv2_100"),
    Network("xception", "keras", "Xception", size=299),
    Network("mobilenet-v1", "keras", "MobileNet"),
    Network(
        "inception-v3",
        "keras",
        "InceptionV3",
        size=299,
        known={"params": -17_216},
        why="batch normalisation without gamma",
    ),
    Network(
        "inception-resnet-v2",
        "keras",
        "InceptionResNetV2",
        size=299,
        known={"params": -30_272},
        why="batch normalisation without gamma",
    ),
    Network("vgg16", "keras", "VGG16"),
    Network("vgg19", "keras", "VGG19"),
    Network("densenet121", "keras", "DenseNet121"),
    Network("mobilenet-v2", "keras", "MobileNetV2"),
    Network(
        "resnet50",
        "keras",
        "ResNet50",
        known={"params": 26_560, "macs": -231_211_008, "acts": -526_848},
        why="convolutions with biases, and the stride on the 1x1 convolution instead of the 3x3",
    ),
)
