#!/usr/bin/env python3
"""Compares the first twenty training losses with PyTorch's: same weights, images, optimizer and learning rates.

    scripts/training_losses.py [--binaries INCEPTIVE EXAMPLE]

Needs PyTorch, and builds `inceptive` and the example `losses` of the crate `inceptive-train`. The reference is PyTorch in
double precision: each loss has to be within 1e-3 of it, or within three times the distance of PyTorch in single precision,
where rounding grows from step to step. Networks are trained without dropout, because the random masks differ. Compared are
label smoothing, Nesterov momentum, weight decay without biases and normalisations, the one-cycle schedule and a weighted
auxiliary head.
"""

import argparse
import copy
import json
import pathlib
import shutil
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
    "auxiliary head": (SMALL + "bn.yaml", [], 0.3),
}


def build():
    for words in (["build", "--release", "-p", "inceptive"],
                  ["build", "--release", "-p", "inceptive-train", "--example", "losses"]):
        subprocess.run(["cargo", *words], check=True, cwd=ROOT)
    return ROOT / "target/release/inceptive", ROOT / "target/release/examples/losses"


def losses(model, document, auxiliary, kind):
    model = copy.deepcopy(model).to(kind)
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
        images = torch.tensor(batch["images"], dtype=kind).reshape(len(batch["labels"]), 1, 28, 28)
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
    command, example = (pathlib.Path(path).resolve() for path in arguments.binaries or build())
    failed = False
    for name, (file, settings, auxiliary) in CASES.items():
        words = [word for setting in settings for word in ("--set", setting)]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            module = folder / "network.py"
            shutil.copytree(ROOT / "architectures", folder / "architectures")
            for network in (folder / SMALL).glob("*.yaml"):
                network.write_text(network.read_text().replace("dropout: {p: 0.5}", "dropout: {p: 0}"))
            for line in ([command, "export", file, *words, "--format", "pytorch", "-o", module],
                         [example, file, ROOT / "recipes/quick.yaml", folder, *words]):
                subprocess.run(list(map(str, line)), check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            document = json.loads((folder / "steps.json").read_text())
            model = training_steps.model_of(module).train()
            tensors = training_steps.read(folder / "weights.safetensors")
            weights = training_steps.ours_by_name(tensors, "", model)
            missing = model.load_state_dict(weights, strict=False).missing_keys
            missing = [key for key in missing if "num_batches_tracked" not in key]
            if missing:
                raise SystemExit(f"{name}: no weights for {missing}")
            exact = losses(model, document, auxiliary, torch.float64)
            ours, theirs = document["losses"], losses(model, document, auxiliary, torch.float32)
            worst, single = (max(abs(a - b) for a, b in zip(found, exact, strict=True)) for found in (ours, theirs))
            is_right = worst <= max(LIMIT, 3 * single)
            failed |= not is_right
            print(f"{name:22} losses {ours[0]:.4f} to {ours[-1]:.4f}, at most {worst:.1e} from PyTorch in double precision"
                  f" (PyTorch in single: {single:.1e})  {'ok' if is_right else 'DIFFERENT'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
