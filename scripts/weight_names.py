#!/usr/bin/env python3
"""Check that the weights of other programs, under their names, give the outputs of these programs.

    python3 -m pip install onnxruntime safetensors -r scripts/requirements.txt
    python3 -m pip install --no-deps pretrainedmodels==0.7.4 munch tqdm
    cargo build --release
    python3 scripts/weight_names.py [NAME ...]     # exit 1 with a line for each difference
    python3 scripts/weight_names.py --write        # also writes the reference file of the tests

Each network of torchvision, timm, Keras and pretrained-models.pytorch that is here is made with weights that follow
from the names of its tensors. Read with `--weights`, they have to be recognised and to give the same output.

The reference file holds names and shapes of the tensors, and for small networks, at a small size of the input, the
first outputs: tests make the same weights and compare.
"""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types
from typing import Any

import numpy

import networks

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "inceptive"
REFERENCE = ROOT / "crates" / "weights" / "tests" / "weight_names.json"
TOLERANCE = 1e-4
SHOWN = 10

CADENE = [
    networks.Network("inception-resnet-v2", "cadene", "inceptionresnetv2", size=299),
    networks.Network("inception-v4", "cadene", "inceptionv4", size=299),
    networks.Network("xception", "cadene", "xception", size=299),
    networks.Network("nasnet-a-mobile", "cadene", "nasnetamobile"),
]
TIMM = [
    networks.Network("resnet18", "timm", "resnet18"),
    networks.Network("vgg16", "timm", "vgg16"),
]
# Networks of Keras that pad maps of even size otherwise: sizes at which all maps that are halved are odd.
SIZES = {"keras/Xception": 295, "keras/MobileNetV2": 225}
# Networks of Keras that differ from ours at every size: what makes ours compute the same.
CHANGES = {
    "keras/InceptionV3": [("avgpool: {functional: true}", "avgpool: {functional: true, count_include_pad: false}")],
    "keras/MobileNet": [
        ("conv conv1: {kernel: 3,", "conv conv1: {kernel: 3, pad: [0, 0, 1, 1],"),
        ("stride: $stride}", "stride: $stride, pad: [2 - $stride, 2 - $stride, 1, 1]}"),
    ],
}
# Read by none of our files: Keras's residual networks have biases and other strides.
UNREAD = {"keras/ResNet50", "keras/ResNet101", "keras/ResNet152"}
# What is small enough to be computed in a test, and at which size.
COMPUTED = {
    "torchvision/squeezenet1_1": 64,
    "torchvision/mobilenet_v2": 64,
    "torchvision/googlenet": 64,
    "torchvision/densenet121": 64,
    "torchvision/resnet18": 64,
    "timm/mobilenetv1_100": 64,
    "timm/mobilenetv2_100": 64,
    "cadene/nasnetamobile": 96,
    "keras/DenseNet121": 64,
}

failures: list[str] = []


def splitmix(x: numpy.ndarray) -> numpy.ndarray:
    """A step of SplitMix64, of each number."""
    with numpy.errstate(over="ignore"):
        x = x + numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return x ^ (x >> numpy.uint64(31))


def uniform(name: str, count: int) -> numpy.ndarray:
    """Numbers from 0 to 1 that follow from a name."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with numpy.errstate(over="ignore"):
        state = numpy.uint64(seed) + numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(0xD1342543DE82EF95)
    return (splitmix(state) >> numpy.uint64(40)).astype(numpy.float64) / 2**24


def values(name: str, shape: tuple[int, ...]) -> numpy.ndarray:
    """The values of a tensor: signals keep their scale through any depth."""
    shares = uniform(name, int(numpy.prod(shape)))
    word = name.replace("/", ".").rsplit(".", 1)[-1]
    if len(shape) > 1:
        is_keras = "kernel" in word
        inputs = numpy.prod(shape[:-1] if is_keras and word != "depthwise_kernel" else shape[:2] if is_keras else shape[1:])
        numbers = (2 * shares - 1) * numpy.sqrt(6 / inputs)
    elif word in ("running_var", "moving_variance", "weight", "gamma"):
        numbers = 0.8 + 0.4 * shares
    else:
        numbers = 0.2 * shares - 0.1
    return numbers.astype(numpy.float32).reshape(shape)


def image(channels: int, size: int) -> numpy.ndarray:
    """An image of random pixels."""
    pixels = 2 * uniform("image", channels * size * size) - 1
    return pixels.astype(numpy.float32).reshape(1, channels, size, size)


def build(network: networks.Network) -> tuple[Any, dict[str, numpy.ndarray]]:
    """A network of another program, with our values; and these by their names."""
    if network.framework == "keras":
        import keras

        keras.backend.clear_session()
        model = network.build()
        tensors = {weight.path: values(weight.path, tuple(weight.shape)) for weight in model.weights}
        for weight in model.weights:
            weight.assign(tensors[weight.path])
        return model, tensors
    import torch

    if network.framework == "cadene":
        # It downloads through a module that newer versions of PyTorch no longer have; nothing is downloaded here.
        sys.modules.setdefault("torchvision.models.utils", types.ModuleType("utils"))
        import pretrainedmodels

        model = pretrainedmodels.__dict__[network.model](num_classes=1000, pretrained=None).eval()
    else:
        model = network.build()
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    tensors = {name: values(name, tuple(tensor.shape)) for name, tensor in state.items()}
    model.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()}, strict=False)
    return model, tensors


def logits(network: networks.Network, model: Any, x: numpy.ndarray) -> numpy.ndarray:
    """What the other program computes; of Keras, before the softmax."""
    import torch

    with torch.no_grad():
        if network.framework == "keras":
            import keras

            model.layers[-1].activation = keras.activations.linear
            return model(x.transpose(0, 2, 3, 1)).detach().cpu().numpy()
        return model(torch.from_numpy(x)).numpy()


def ours(network: networks.Network, weights: pathlib.Path, folder: pathlib.Path, x: numpy.ndarray) -> tuple[str, Any]:
    """What the program says about the weights, and what the network computes with them."""
    import onnxruntime

    exported = folder / "network.onnx"
    source = ROOT / "architectures" / f"{network.name}.yaml"
    if network.source in CHANGES:
        text = source.read_text()
        for old, new in CHANGES[network.source]:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        source = folder / "changed.yaml"
        source.write_text(text)
        shutil.copytree(ROOT / "architectures" / "blocks", folder / "blocks", dirs_exist_ok=True)
    size = ["--set", f"input.size={SIZES[network.source]}"] if network.source in SIZES else []
    command = [BINARY, "export", source, *size, "--weights", weights, "-o", exported]
    done = subprocess.run(command, stderr=subprocess.PIPE, cwd=ROOT, text=True)
    if done.returncode != 0:
        return done.stderr.strip(), None
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    return done.stderr.strip(), session.run(None, {session.get_inputs()[0].name: x})[0]


def check(network: networks.Network, folder: pathlib.Path) -> dict[str, Any] | None:
    """Compare one network; what the reference file holds of it."""
    from safetensors.numpy import save_file

    network = dataclasses.replace(network, size=SIZES.get(network.source, network.size))
    model, tensors = build(network)
    weights = folder / "weights.safetensors"
    save_file(tensors, weights)
    x = image(3, network.size)
    said, found = ours(network, weights, folder, x)
    if network.source in UNREAD:
        expect(f"{network.name}, {network.source}", found is None, said.replace("\n", " ")[:150])
        return None
    if found is None:
        expect(f"{network.name}, {network.source}", False, said)
        return None
    theirs = logits(network, model, x)
    error = float(numpy.abs(found.reshape(-1) - theirs.reshape(-1)).max() / numpy.abs(theirs).max())
    holds = "tensor names of" in said and error < TOLERANCE
    expect(f"{network.name}, {network.source}", holds, f"{error:.1e}, {said.partition(' has ')[2].splitlines()[0]}")
    entry: dict[str, Any] = {"file": network.name, "source": network.source, "tensors": layers(tensors)}
    size = COMPUTED.get(network.source)
    if size:
        small = dataclasses.replace(network, size=size)
        if network.framework == "keras":
            model, tensors = build(small)
        elif network.framework == "cadene":
            # It pools whole maps of one size.
            import torch

            model.avg_pool = torch.nn.AdaptiveAvgPool2d(1)
        outputs = logits(small, model, image(3, size)).reshape(-1)
        entry |= {"size": size, "outputs": [float(f"{value:.7g}") for value in outputs[:SHOWN]]}
        entry["largest"] = float(f"{numpy.abs(outputs).max():.7g}")
    return entry


NORMS = {
    ("weight", "bias", "running_mean", "running_var"): "norm",
    ("gamma", "beta", "moving_mean", "moving_variance"): "norm",
    ("beta", "moving_mean", "moving_variance"): "norm without factor",
}


def layers(tensors: dict[str, numpy.ndarray]) -> dict[str, str]:
    """The tensors of each layer in short: `kernel 3x3x3x64, bias 64`."""
    shapes: dict[str, dict[str, str]] = {}
    for name, array in tensors.items():
        at = max(name.rfind("."), name.rfind("/"))
        shapes.setdefault(name[:at], {})[name[at + 1 :]] = "x".join(map(str, array.shape))
    short = {}
    for layer, words in shapes.items():
        kind = NORMS.get(tuple(words))
        short[layer] = f"{kind} {[*words.values()][0]}" if kind else ", ".join(map(" ".join, words.items()))
    return short


def expect(what: str, holds: bool, detail: str) -> None:
    """Print a line; remember a failure."""
    print(f"{'ok     ' if holds else 'DIFFERS'}  {what}  {detail}", flush=True)
    if not holds:
        failures.append(what)


def main() -> int:
    """Check what was asked for; 1 if something differs."""
    names = [argument for argument in sys.argv[1:] if argument != "--write"]
    every = [*networks.ORIGINALS, *networks.VARIANTS, *TIMM, *CADENE]
    every = list({network.source: network for network in every}.values())
    chosen = [network for network in every if not names or network.name in names or network.source in names]
    entries = []
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        for network in chosen:
            entry = check(network, pathlib.Path(folder))
            # Deep residual networks differ from the others by their numbers only.
            if entry and network.model not in ("resnet34", "resnet101", "resnet152"):
                entries.append(entry)
    if "--write" in sys.argv:
        lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
        REFERENCE.write_text(f"[\n{lines}\n]\n")
    print(f"{len(failures)} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
