#!/usr/bin/env python3
"""Compares the speed of whole training epochs, data and augmentation included, with a PyTorch loop.

    scripts/training_epochs.py [--threads 2] [--rounds 3] [--command target/release/inceptive]

Needs PyTorch. Both programs train the same network on the same images with batch 64 and the augmentation, loss and optimizer
of the recipe `quick`, alternately. The PyTorch loop has its data in memory, augments whole batches with tensor operations, and
uses channels-last memory and the foreach optimizer. Prints images per second, medians and the ratio.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as functional

import training_steps

ROOT = pathlib.Path(__file__).resolve().parent.parent
SMALL = "architectures/small/"
NETWORKS = ["bn.yaml", "residual.yaml", "separable.yaml"]
IMAGES, TEST, BATCH = 6000, 100, 64


def epoch_of_pytorch(model, optimizer, images, labels, epoch):
    """Images per second of an epoch: pad and crop, alternating flips, normalisation, step."""
    count = len(images)
    start = time.perf_counter()
    order = torch.randperm(count)
    padded = functional.pad(images, (2, 2, 2, 2), mode="reflect")
    flipped = torch.arange(count) % 2 == epoch % 2
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    for first in range(0, count - BATCH + 1, BATCH):
        chosen = order[first:first + BATCH]
        offsets = torch.randint(0, 5, (2, BATCH))
        rows = offsets[0][:, None] + torch.arange(28)
        columns = offsets[1][:, None] + torch.arange(28)
        columns = torch.where(flipped[chosen][:, None], columns.flip(1), columns)
        batch = padded[chosen[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]
        batch = batch.contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad(set_to_none=True)
        output = model(batch)
        output, heads = output if isinstance(output, tuple) else (output, [])
        loss = criterion(output, labels[chosen])
        for head in heads:
            loss = loss + 0.3 * criterion(head, labels[chosen])
        loss.backward()
        optimizer.step()
    return count // BATCH * BATCH / (time.perf_counter() - start)


def ours(command, network, threads, folder):
    output = subprocess.run(
        [command, "train", SMALL + network, "--data", f"shapes:train={IMAGES},test={TEST}", "--recipe", "quick",
         "--recipe-set", "epochs=2", "--recipe-set", "validation=0", "--threads", str(threads), "--side-by-side", "1",
         "--store", str(folder / "results.db"), "--again", "--no-report", "--json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(output.stdout)[0]["images_per_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--command", default=str(ROOT / "target/release/inceptive"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    images, labels = torch.randn(IMAGES, 1, 28, 28), torch.randint(0, 10, (IMAGES,))
    print(f"PyTorch {torch.__version__}, {arguments.threads} threads, {arguments.rounds} rounds")
    for network in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            module = folder / "network.py"
            subprocess.run([arguments.command, "export", SMALL + network, "--format", "pytorch", "-o", module], cwd=ROOT,
                           check=True, stdout=subprocess.DEVNULL)
            model = training_steps.model_of(module).train().to(memory_format=torch.channels_last)
            optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
            epoch_of_pytorch(model, optimizer, images[:1280], labels[:1280], 0)
            a, b = [], []
            for round_ in range(arguments.rounds):
                a.append(ours(arguments.command, network, arguments.threads, folder))
                b.append(epoch_of_pytorch(model, optimizer, images, labels, round_))
            x, y = statistics.median(a), statistics.median(b)
            ratios = sorted(p / q for p, q in zip(a, b))
            print(f"{network:16} ours {x:7.0f}  PyTorch {y:7.0f} images/s  {x / y:.2f} times"
                  f" ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


if __name__ == "__main__":
    main()
