#!/usr/bin/env python3
"""Compares the first twenty losses of trainings with PyTorch's: same weights, images, optimizer and learning rates.

    scripts/training_losses.py [--binaries INCEPTIVE EXAMPLE]

Needs PyTorch, and builds `inceptive` and the example `losses` of the crate `inceptive-train`. PyTorch runs in single
precision. Each loss has to be within 1e-3. Networks are trained without dropout, which cannot be the same; label smoothing,
Nesterov momentum, weight decay without biases and normalisations, one-cycle rates and an auxiliary head with its weight
are.
"""

import argparse
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import torch

import training_steps

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 1e-3
SMALL = "architectures/small/"

# What is tested: a file, settings, and the weight of the auxiliary head.
CASES = {
    "plain": (SMALL + "reduced.yaml", ["auxiliary=[]"], 0.0),
    "batch normalisation": (SMALL + "bn.yaml", ["auxiliary=[]"], 0.0),
    "residual": (SMALL + "residual.yaml", ["auxiliary=[]"], 0.0),
    "auxiliary head": (SMALL + "bn.yaml", ["aux1.dropout.p=0"], 0.3),
}


def build():
    for words in (["build", "--release", "-p", "inceptive"],
                  ["build", "--release", "-p", "inceptive-train", "--example", "losses"]):
        subprocess.run(["cargo", *words], check=True, cwd=ROOT)
    return ROOT / "target/release/inceptive", ROOT / "target/release/examples/losses"


def losses(model, document, auxiliary):
    recipe = document["recipe"]
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        (decayed if parameter.dim() > 1 else others).append(parameter)
    sgd = recipe["optimizer"]["sgd"]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": recipe["weight_decay"]}, {"params": others, "weight_decay": 0.0}],
        lr=1.0, momentum=sgd["momentum"], nesterov=sgd["nesterov"])
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=recipe["label_smoothing"])
    found = []
    for batch in document["batches"]:
        images = torch.tensor(batch["images"]).reshape(len(batch["labels"]), 1, 28, 28)
        labels = torch.tensor(batch["labels"]).long()
        for group in optimizer.param_groups:
            group["lr"] = batch["rate"]
        optimizer.zero_grad()
        output = model(images)
        output, heads = output if isinstance(output, tuple) else (output, [])
        loss = criterion(output, labels)
        found.append(loss.item())
        for head in heads:
            loss = loss + auxiliary * criterion(head, labels)
        loss.backward()
        optimizer.step()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", nargs=2, help="the command and the example, if they are built")
    arguments = parser.parse_args()
    command, example = arguments.binaries or build()
    failed = False
    for name, (file, settings, auxiliary) in CASES.items():
        words = [word for setting in settings for word in ("--set", setting)]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            module = folder / "network.py"
            for line in ([command, "export", file, *words, "--format", "pytorch", "-o", module],
                         [example, file, "recipes/quick.yaml", folder, *words]):
                subprocess.run(list(map(str, line)), check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            document = json.loads((folder / "steps.json").read_text())
            model = training_steps.model_of(module).train()
            tensors = training_steps.read(folder / "weights.safetensors")
            weights = training_steps.ours_by_name(tensors, "", model)
            missing = model.load_state_dict(weights, strict=False).missing_keys
            missing = [key for key in missing if "num_batches_tracked" not in key]
            if missing:
                raise SystemExit(f"{name}: no weights for {missing}")
            theirs = losses(model, document, auxiliary)
            ours = document["losses"]
            worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
            is_right = worst <= LIMIT
            failed |= not is_right
            print(f"{name:22} losses {ours[0]:.4f} to {ours[-1]:.4f}, at most {worst:.1e} from PyTorch's"
                  f"  {'ok' if is_right else 'DIFFERENT'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
