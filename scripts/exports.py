#!/usr/bin/env python3
"""Check ONNX and PyTorch exports against ONNX's checker, ONNX Runtime and torchvision.

    python3 -m pip install onnx onnxruntime safetensors -r scripts/requirements.txt
    cargo build --release
    python3 scripts/exports.py [NAME ...]      # exit 1 with a line for each difference

For each architecture (all of them without NAME): the ONNX file passes the full check and strict shape inference;
as written, with normalisations folded and with a dynamic batch it gives the same output. The PyTorch module has as
many parameters as we count, and as many operations by fvcore and torch as by our conventions of both; it gives the output of the ONNX file when the weights of either are given to the other by
name, and can be trained. torchvision's GoogLeNet and Inception-v3 give the same output as ours under the same weights,
and their ONNX exports cost what our files cost.
"""

import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

import counters

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "inceptive"
TOLERANCE = 1e-4
OPSETS = [14, 17, 24]
# Besides the architectures: points of spaces, and a network with all that is hard to write.
POINTS = [
    ("architectures/spaces/googlenet-widths.yaml", ["width=0.5", "reduce3=0.25", "tail=fc"]),
    ("architectures/spaces/inception-v3-scaling.yaml", ["width=0.25", "size=139"]),
    ("architectures/spaces/module-kinds.yaml", ["kind=residual"]),
    ("architectures/spaces/module-kinds.yaml", ["kind=separable"]),
    ("crates/onnx/tests/fixtures/operators.yaml", ["lrn=5"]),
    ("crates/onnx/tests/fixtures/more_operators.yaml", []),
]
TORCHVISION = {"googlenet-bn": ("googlenet", 224), "inception-v3": ("inception_v3", 299)}

failures = []


def inceptive(*arguments: object) -> str:
    """What a command prints."""
    command = [str(BINARY), *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT, text=True).stdout


def expect(what: str, holds: bool, detail: str = "") -> None:
    """Print a line; remember a failure."""
    print(f"{'equal' if holds else 'DIFFERS'}  {what}  {detail}", flush=True)
    if not holds:
        failures.append(what)


def error(a: numpy.ndarray, b: numpy.ndarray) -> float:
    """Largest difference, relative to the largest value."""
    return float(numpy.abs(a - b).max() / numpy.abs(b).max())


def images(shape: list[int], batch: int, seed: int = 0) -> numpy.ndarray:
    """Normally distributed images."""
    return numpy.random.default_rng(seed).standard_normal((batch, *shape), dtype=numpy.float32)


def run(path: pathlib.Path, x: numpy.ndarray) -> numpy.ndarray:
    """The output of an ONNX file in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def check(path: pathlib.Path) -> bool:
    """Whether ONNX itself finds the file right, shapes included."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    return inferred.graph.output == model.graph.output


def architecture(name: str, folder: pathlib.Path) -> None:
    """Check the exports of one of our files."""
    source = f"architectures/{name}.yaml"
    shape = json.loads(inceptive("cost", source, "--json"))[0]["input"]
    plain = folder / "plain.onnx"
    for opset in OPSETS:
        inceptive("export", source, "-o", plain, "--opset", opset)
        expect(f"{name}, opset {opset}", check(plain))
    inceptive("export", source, "-o", plain)
    x = images(shape, 1)
    reference = run(plain, x)
    expect(f"{name}, output is finite and not constant", bool(numpy.isfinite(reference).all() and reference.std() > 0))
    fingerprints = [json.loads(inceptive("cost", file, "--json"))[0]["fingerprint"] for file in (source, plain)]
    detail = "" if fingerprints[0] == fingerprints[1] else "(auxiliary heads, dropout or rounding that changes nothing)"
    print(f"info   {name}, fingerprint after import is {'the same' if not detail else 'another'} {detail}")
    folded = folder / "folded.onnx"
    inceptive("export", source, "-o", folded, "--fold-bn", "--batch", "dynamic")
    expect(f"{name}, folded, dynamic", check(folded))
    off = error(run(folded, x), reference)
    expect(f"{name}, folded, output", off < TOLERANCE, f"{off:.1e}")
    both = run(folded, numpy.concatenate([x, images(shape, 1, seed=1)]))
    off = error(both[:1], reference)
    expect(f"{name}, batch of two", off < TOLERANCE, f"{off:.1e}")
    again = folder / "again.onnx"
    inceptive("export", plain, "-o", again)
    off = error(run(again, x), reference)
    expect(f"{name}, imported and exported again", off < TOLERANCE, f"{off:.1e}")


def words(name: str) -> tuple[str, ...]:
    """What names of tensors are compared by."""
    return tuple(word.lower() for word in re.split(r"[\W_]", name) if word)


def randomise(model: object) -> None:
    """Give normalisations statistics and parameters that are not those of the start."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            if isinstance(module.weight, torch.nn.Parameter):
                torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            if isinstance(module.bias, torch.nn.Parameter):
                torch.nn.init.uniform_(module.bias, -0.1, 0.1)
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.8, 1.2)


def pytorch(source: str, settings: list[str], folder: pathlib.Path) -> None:
    """Check the PyTorch module of one of our files."""
    import torch
    from safetensors.torch import save_file

    what = " ".join([pathlib.Path(source).stem, *settings, "in PyTorch"])
    arguments = [source, *(word for setting in settings for word in ("--set", setting))]
    file = folder / "network.py"
    inceptive("export", *arguments, "--format", "pytorch", "-o", file)
    long = [line for line in file.read_text().splitlines() if len(line) > 100]
    expect(f"{what}, lines of 100 characters", not long, "".join(long[:1]))
    spec = importlib.util.spec_from_file_location("network", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    model = [value for value in vars(module).values() if getattr(value, "__module__", "") == "network"][-1]()
    randomise(model)
    cost = json.loads(inceptive("cost", *arguments, "--mode", "training", "--json"))[0]
    count = sum(parameter.numel() for parameter in model.parameters())
    expect(f"{what}, parameters", count == cost["params"], f"{count}")
    for tool in ("fvcore", "torch"):
        with torch.no_grad():
            found = counters.TOTALS[tool](model.eval(), torch.from_numpy(images(cost["input"], 1)))
        ours = json.loads(inceptive("cost", *arguments, "--convention", tool, "--json"))[0]["convention"]["total"]
        expect(f"{what}, {tool}", found == ours, f"{ours}")

    weights, exported = folder / "network.safetensors", folder / "network.onnx"
    # A tensor that several layers have is kept under the name of the first.
    first = {tensor.data_ptr(): name for name, tensor in reversed(model.state_dict().items())}
    save_file({name: tensor for name, tensor in model.state_dict().items() if first[tensor.data_ptr()] == name}, weights)
    command = [str(BINARY), "export", *arguments, "--weights", str(weights), "-o", str(exported)]
    messages = subprocess.run(command, check=True, stderr=subprocess.PIPE, cwd=ROOT, text=True).stderr
    expect(f"{what}, names of weights", "uses other tensor names" not in messages, messages.strip())
    x = images(cost["input"], 1)

    def output() -> numpy.ndarray:
        with torch.no_grad():
            return model.eval()(torch.from_numpy(x)).numpy()

    off = error(run(exported, x), output())
    expect(f"{what}, output under its weights", off < TOLERANCE, f"{off:.1e}")

    inceptive("export", *arguments, "--seed", 7, "-o", exported)
    tensors = {words(tensor.name): tensor for tensor in onnx.load(exported).graph.initializer}
    ours = {key: tensors.get(words(key)) for key in model.state_dict()}
    arrays = {key: onnx.numpy_helper.to_array(tensor).copy() for key, tensor in ours.items() if tensor}
    # ONNX has factors of channels with the dimensions of maps.
    own = model.state_dict()
    arrays = {key: array.reshape(own[key].shape) if key in own else array for key, array in arrays.items()}
    left = model.load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()}, strict=False)
    # A shared tensor is in the file under one name.
    loaded = {own[key].data_ptr() for key in arrays if key in own}
    missing = [
        key for key in left.missing_keys
        if not key.startswith("aux") and "num_batches" not in key and own[key].data_ptr() not in loaded
    ]
    expect(f"{what}, all tensors", not missing, ", ".join(missing[:3]))
    off = error(run(exported, x), output())
    expect(f"{what}, output under our weights", off < TOLERANCE, f"{off:.1e}")

    results = model.train()(torch.from_numpy(images(cost["input"], 2)))
    heads = results[1] if isinstance(results, tuple) else []
    logits = results[0] if isinstance(results, tuple) else results
    sum(result.square().mean() for result in (logits, *heads)).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    trained = all(gradient is not None and bool(gradient.isfinite().all()) for gradient in gradients)
    expect(f"{what}, gradients", trained, f"{len(gradients)} tensors, {len(heads)} auxiliary heads")


def torchvision_model(ours: str, theirs: str, size: int, folder: pathlib.Path) -> None:
    """Check weights, outputs and costs of one of torchvision's networks."""
    import torch
    import torchvision
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = getattr(torchvision.models, theirs)(weights=None, init_weights=True).eval()
    randomise(model)
    weights = folder / f"{theirs}.safetensors"
    # A tensor that several layers have is kept under the name of the first.
    first = {tensor.data_ptr(): name for name, tensor in reversed(model.state_dict().items())}
    save_file({name: tensor for name, tensor in model.state_dict().items() if first[tensor.data_ptr()] == name}, weights)
    x = images([3, size, size], 1)
    with torch.no_grad():
        reference = model(torch.from_numpy(x)).numpy()
    exported = folder / f"{theirs}-ours.onnx"
    inceptive("export", f"architectures/{ours}.yaml", "--weights", weights, "--match", "order", "-o", exported)
    off = error(run(exported, x), reference)
    expect(f"{ours} with torchvision's weights", off < TOLERANCE, f"{off:.1e}")
    for kind in ({"dynamo": True, "external_data": True}, {"dynamo": True, "optimize": False}, {"dynamo": False}):
        file = folder / f"{theirs}-{'-'.join(map(str, kind.values()))}.onnx"
        torch.onnx.export(model, (torch.from_numpy(x),), str(file), verbose=False, **kind)
        same_layers(f"{ours}, torchvision's export {kind}", file, f"architectures/{ours}.yaml")
        again = folder / "again.onnx"
        inceptive("export", file, "-o", again)
        off = error(run(again, x), reference)
        expect(f"{theirs} {kind}, imported and exported again", off < TOLERANCE, f"{off:.1e}")


def layers(file: object) -> list[tuple]:
    """Operator, output shape, MACs and kernel parameters of what has MACs, and of pools, in execution order."""
    nodes = json.loads(inceptive("cost", file, "--by", "layer", "--json"))[0]["layers"]
    kept = [node for node in nodes if node["op"] in ("conv", "linear", "maxpool", "avgpool", "gap")]
    return sorted((node["op"], str(node["output"]), node["macs"], node["acts"]) for node in kept)


def same_layers(what: str, a: object, b: object) -> None:
    """Compare two networks layer by layer."""
    ours, theirs = layers(a), layers(b)
    expect(what, ours == theirs, f"{len(ours)} layers")


def main() -> int:
    """Check what was asked for; 1 if something differs."""
    names = sys.argv[1:] or sorted(path.stem for path in (ROOT / "architectures").glob("*.yaml"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name in names:
            architecture(name, folder)
            pytorch(f"architectures/{name}.yaml", [], folder)
            if name in TORCHVISION:
                torchvision_model(name, *TORCHVISION[name], folder)
        for source, settings in [] if sys.argv[1:] else POINTS:
            pytorch(source, settings, folder)
    print(f"{len(failures)} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
