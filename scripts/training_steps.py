#!/usr/bin/env python3
"""Compares gradients and losses of training steps with PyTorch.

    scripts/training_steps.py [--threads 2] [--batch 16] [--binaries INCEPTIVE BENCHMARK]

Needs PyTorch, and builds `inceptive` and the benchmark `training` of the crate `inceptive-engine`. Both sides start with
the same weights and images. The reference is PyTorch in double precision: the gradients of the first step and the losses
of the first twenty steps of SGD with momentum have to be within 1e-3 of it, or within three times the distance of PyTorch
in single precision, where rounding opens a ReLU or grows from step to step.
"""

import argparse
import copy
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy
import torch

import training_speed

LIMIT = 1e-3


def read(file: pathlib.Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file of single-precision numbers."""
    data = file.read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, about in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            first, end = about["data_offsets"]
            numbers = numpy.frombuffer(data[8 + size + first:8 + size + end], "<f4")
            tensors[name] = torch.from_numpy(numbers.copy()).reshape(about["shape"])
    return tensors


def model_of(module: pathlib.Path) -> torch.nn.Module:
    spec = importlib.util.spec_from_file_location("network", module)
    network = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(network)
    name = re.search(r"model = (\w+)\(\)", module.read_text())[1]
    return getattr(network, name)()


def ours_by_name(tensors: dict, kind: str, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Tensors of a kind under the names of the model, whose words are the same but for separators."""
    words = lambda name: [word for word in re.split(r"\W|_", name) if word]
    known = {tuple(words(name.removeprefix(kind))): tensor for name, tensor in tensors.items() if name.startswith(kind)}
    return {name: known[tuple(words(name))] for name in model.state_dict() if tuple(words(name)) in known}


def loss_of(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    output = model(images)
    # Auxiliary heads are not trained on either side.
    output = output[0] if isinstance(output, tuple) else output
    return torch.nn.functional.cross_entropy(output, labels)


def compare(module: pathlib.Path, file: pathlib.Path) -> tuple[float, ...]:
    """The largest relative difference of a gradient and of a loss from PyTorch in double precision: ours, then those of
    PyTorch in single precision."""
    tensors = read(file)
    model = model_of(module)
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    weights = ours_by_name(tensors, "weight/", model)
    missing = model.load_state_dict(weights, strict=False).missing_keys
    missing = [name for name in missing if "num_batches_tracked" not in name and "aux" not in name]
    if missing:
        raise SystemExit(f"{file.name}: no weights for {missing}")
    model.train()
    channels, height, width = map(int, re.search(r"Reads N x (\d+) x (\d+) x (\d+)", module.read_text()).groups())
    images = tensors["images"].reshape(-1, channels, height, width)
    labels = tensors["labels"].long()
    gradients = ours_by_name(tensors, "gradient/", model)
    theirs, their_losses = steps_of(copy.deepcopy(model), images, labels, len(tensors["losses"]))
    exact, exact_losses = steps_of(model.double(), images.double(), labels, len(tensors["losses"]))

    def of_gradients(found: dict) -> float:
        return max(((exact[name] - found[name]).norm() / (exact[name].norm() + 1e-6)).item() for name in exact)

    def of_losses(found: list[float]) -> float:
        return max(abs(a - b) / max(a, 1e-3) for a, b in zip(exact_losses, found))

    return (of_gradients(gradients), of_losses(tensors["losses"].tolist()),
            of_gradients(theirs), of_losses(their_losses))


def steps_of(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, count: int):
    """The gradients of the first step, and the losses of all."""
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    gradients, losses = {}, []
    for _ in range(count):
        optimizer.zero_grad()
        loss = loss_of(model, images, labels)
        loss.backward()
        parameters = [(name, p) for name, p in model.named_parameters() if p.grad is not None]
        gradients = gradients or {name: p.grad.clone() for name, p in parameters}
        losses.append(loss.item())
        optimizer.step()
    return gradients, losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--binaries", nargs=2, help="the command and the benchmark, if they are built")
    args = parser.parse_args()
    command, bench = args.binaries or training_speed.build()
    failed = False
    for name, case in training_speed.CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            module = folder / "network.py"
            settings = [word for setting in case[1:] for word in ("--set", setting)]
            export = [command, "export", case[0], *settings, "--format", "pytorch", "-o", module]
            write = [bench, "--threads", args.threads, "--batch", args.batch, "--write", folder, *case]
            for words in (export, write):
                subprocess.run(list(map(str, words)), check=True, cwd=training_speed.ROOT, stdout=subprocess.DEVNULL)
            found = compare(module, next(folder.glob("*.safetensors")))
            is_right = all(ours <= max(LIMIT, 3 * theirs) for ours, theirs in zip(found[:2], found[2:]))
            failed |= not is_right
            print(f"{name:26} gradients {found[0]:.1e} (PyTorch {found[2]:.1e})  losses {found[1]:.1e}"
                  f" (PyTorch {found[3]:.1e})  {'ok' if is_right else 'DIFFERENT'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
