#!/usr/bin/env python3
"""Check that ONNX files are read as what they compute, for each construct that exporters write.

    python3 -m pip install onnx onnxscript onnxruntime torch
    cargo build --release
    python3 scripts/constructs.py [--binary FILE] [--keep FOLDER] [NAME ...]    # exit 1 with a line for each failure

Each construct becomes small files: by both exporters of PyTorch, and as TensorFlow's converter writes it. A file is read,
written again, and written as YAML with weights; both must compute what ONNX Runtime computes of the original, and the MACs of
convolutions and products with matrices must be those of the shapes that ONNX Runtime sees. `--keep` keeps the files.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass

import numpy
import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

from onnx_constructs import File, files

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOLERANCE = 1e-4
# Operators whose MACs are counted, with the place of their weights.
LAYERS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}
OUR_LAYERS = {"conv", "conv_transpose", "linear"}


@dataclass
class Program:
    """The command that is checked."""

    binary: pathlib.Path

    def run(self, *arguments: object) -> subprocess.CompletedProcess:
        """What a command does."""
        return subprocess.run([str(self.binary), *map(str, arguments)], capture_output=True, text=True, check=False)


def session(model: onnx.ModelProto | pathlib.Path) -> onnxruntime.InferenceSession:
    """A model in ONNX Runtime, which does what the file says: it merges nothing."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    content = str(model) if isinstance(model, pathlib.Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def first_input(file: File) -> dict[str, numpy.ndarray]:
    """Values for the input of a file."""
    entry = file.model.graph.input[0]
    tensor = entry.type.tensor_type
    shape = [dimension.dim_value or 1 for dimension in tensor.shape.dim]
    if file.size:
        shape[-2:] = [int(size) for size in file.size.split("x")]
    values = numpy.random.default_rng(0).uniform(-1, 1, shape)
    if tensor.elem_type == onnx.TensorProto.UINT8:
        values = values * 127 + 128
    return {entry.name: values.astype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))}


def computed(path: pathlib.Path, feed: dict[str, numpy.ndarray]) -> numpy.ndarray:
    """The first output of a file. ONNX Runtime has convolutions in single precision only on processors, ONNX itself has all."""
    if next(iter(feed.values())).dtype in (numpy.float16, numpy.float64):
        return ReferenceEvaluator(str(path)).run(None, feed)[0]
    return session(path).run(None, feed)[0]


def macs(path: pathlib.Path, feed: dict[str, numpy.ndarray]) -> int:
    """MACs of the layers of a file for one image, by the shapes of ONNX Runtime."""
    model = onnx.load(path)
    layers = [node for node in model.graph.node if node.op_type in LAYERS]
    names = {node.output[0] for node in layers} | {name for node in layers for name in node.input if name}
    known = {entry.name for entry in [*model.graph.output, *model.graph.input, *model.graph.initializer]}
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names - known)
    opened = session(model)
    outputs = [output.name for output in opened.get_outputs()]
    shapes = dict(zip(outputs, (value.shape for value in opened.run(None, feed)), strict=True))
    shapes |= {name: value.shape for name, value in feed.items()}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    batch = next(iter(feed.values())).shape[0]
    total = 0
    for node in layers:
        weight = shapes[node.input[1]]
        size = numpy.prod(weight, dtype=int)
        if node.op_type == "Conv":
            total += numpy.prod(shapes[node.output[0]], dtype=int) * size // weight[0]
        elif node.op_type == "ConvTranspose":
            total += numpy.prod(shapes[node.input[0]], dtype=int) * size // weight[0]
        else:
            total += numpy.prod(shapes[node.output[0]], dtype=int) * (size // shapes[node.output[0]][-1])
    return int(total) // batch


def difference(ours: numpy.ndarray, theirs: numpy.ndarray) -> float:
    """The largest difference, relative to the largest value. Of outputs that a note gives in another order, the values are
    compared in the order of their sizes."""
    ours, theirs = ours.astype(numpy.float64), theirs.astype(numpy.float64)
    if ours.size != theirs.size:
        return float("inf")
    if ours.squeeze().shape != theirs.squeeze().shape:
        ours, theirs = numpy.sort(ours, axis=None), numpy.sort(theirs, axis=None)
    return float(numpy.abs(ours.ravel() - theirs.ravel()).max() / max(numpy.abs(theirs).max(), 1e-6))


def check(program: Program, file: File, folder: pathlib.Path) -> list[str]:
    """What is wrong with a file; nothing if it is read as what it computes, or refused with the right words."""
    path = folder / f"{file.name}.onnx"
    # Shapes stay inside: ONNX Runtime does not look for them elsewhere.
    place = {"save_as_external_data": True, "location": f"{path.name}.data", "size_threshold": 128} if file.beside else {}
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)
    onnx.save(file.model, path, **place)
    size = ["--input-size", file.size] if file.size else []
    read = program.run("import", path, *size)
    message = read.stderr.strip()
    if file.refused:
        missing = [word for word in file.refused if word not in message]
        return ([] if read.returncode else ["is read"]) + [f"`{word}` is not in: {message}" for word in missing]
    if read.returncode:
        return [message]
    again, yaml = folder / "again.onnx", folder / "again.yaml"
    weights, from_yaml = folder / "again.safetensors", folder / "from_yaml.onnx"
    steps = [
        ("export", path, *size, "-o", again),
        ("import", path, *size, "-o", yaml, "--save-weights", weights),
        ("export", yaml, "--weights", weights, "-o", from_yaml),
        ("cost", path, *size, "--json"),
    ]
    for step in steps:
        done = program.run(*step)
        if done.returncode:
            return [f"{step[0]}: {done.stderr.strip()}"]
    wrong = []
    feed = first_input(file)
    expected = computed(path, feed)
    values = next(iter(feed.values())).astype(numpy.float32)
    for written in (again, from_yaml):
        ours = session(written)
        entry = ours.get_inputs()[0]
        image = values[: entry.shape[0]]
        if image.ndim == len(entry.shape) and list(image.shape[1:]) != entry.shape[1:]:
            image = image.transpose(0, 3, 1, 2)
        output = ours.run(None, {entry.name: image.reshape(entry.shape)})[0]
        error = difference(output, expected[: entry.shape[0]] if expected.shape[0] == values.shape[0] else expected)
        if not error <= file.tolerance:
            wrong.append(f"{written.name}: the output differs by {error:.1e}, {list(output.shape)} and {list(expected.shape)}")
    counted = sum(layer["macs"] for layer in json.loads(done.stdout)[0]["layers"] if layer["op"] in OUR_LAYERS)
    if file.counts and counted != macs(path, feed):
        wrong.append(f"{counted} MACs, but {macs(path, feed)} by the shapes of ONNX Runtime")
    return wrong


def main() -> int:
    """Check every file, or those of the constructs that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target" / "release" / "inceptive")
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    failures = count = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for file in files(options.names):
            count += 1
            wrong = check(Program(options.binary), file, folder)
            failures += bool(wrong)
            print(f"{'FAILS' if wrong else 'ok   '}  {file.name}" + "".join(f"\n       {line}" for line in wrong), flush=True)
    print(f"{count - failures} of {count} files are read as they should be")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
