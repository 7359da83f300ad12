#!/usr/bin/env python3
"""Compares the time to 92% accuracy on Fashion-MNIST with a PyTorch loop.

    scripts/training_time.py [--epochs 16] [--threads 2] [--goal 92] [--command target/release/inceptive]

Needs PyTorch and the data set; takes 25 minutes on two cores. Both programs train `small/bn.yaml` by the recipe `standard`: the
same optimizer, schedule, augmentation, auxiliary head, averaged weights and number of validation images; PyTorch runs the module
that `inceptive export` writes, with its data in memory, augments whole batches, and uses channels-last memory and foreach
functions. Prints, for both, the validation accuracy and the time of training steps after each epoch, the time to the goal, and
the accuracy on the test images.
"""

import argparse
import gzip
import pathlib
import re
import subprocess
import tempfile
import time

import numpy
import torch
import torch.nn.functional as functional

import training_steps

ROOT = pathlib.Path(__file__).resolve().parent.parent
NETWORK = "architectures/small/bn.yaml"
PLACES = [pathlib.Path("/usr/share/datasets/fashion-mnist"), pathlib.Path("/usr/share/dataset-fashion-mnist")]

# The recipe `standard`.
EPOCHS, BATCH, RATE, DECAY, MOMENTUM = 16, 64, 0.1, 5e-4, 0.9
PEAK, START, SMOOTHING, AVERAGE, HEAD = 0.2, 0.1, 0.1, 0.998, 0.3
CROP, HOLE, VALIDATION = 3, 6, 6000


def read(folder, part):
    """Images and labels of `train` or `t10k`."""
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    images = numpy.frombuffer(images, numpy.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = numpy.frombuffer(labels, numpy.uint8, offset=8)
    return torch.from_numpy(images.copy()).float() / 255, torch.from_numpy(labels.copy()).long()


def augmented(padded, chosen, flipped):
    """Random crops of padded images, flipped or not, with a square hole."""
    count, side = len(chosen), padded.shape[2] - 2 * CROP
    offsets = torch.randint(0, 2 * CROP + 1, (2, count, 1))
    rows, columns = offsets[0] + torch.arange(side), offsets[1] + torch.arange(side)
    columns = torch.where(flipped[:, None], columns.flip(1), columns)
    batch = padded[chosen[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]
    distance = torch.arange(side) - (torch.randint(0, side, (2, count, 1)) - HOLE // 2)
    inside = (distance >= 0) & (distance < HOLE)
    batch = batch.masked_fill((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0.0)
    return batch.contiguous(memory_format=torch.channels_last)


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        outputs = [model(part.contiguous(memory_format=torch.channels_last)) for part in images.split(500)]
    outputs = torch.cat([output[0] if isinstance(output, tuple) else output for output in outputs])
    model.train()
    return 100 * (outputs.argmax(1) == labels).float().mean().item()


def parameters(model):
    """Weights and biases: only weights of convolutions and linear layers decay."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    return [{"params": decayed, "weight_decay": DECAY},
            {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0}]


def of_pytorch(module, folder, epochs):
    """Validation accuracy and seconds of each epoch, then the accuracy on the test images."""
    torch.manual_seed(0)
    (images, labels), (test, test_labels) = read(folder, "train"), read(folder, "t10k")
    mean, deviation = images.mean(), images.std()
    images, test = (images - mean) / deviation, (test - mean) / deviation
    order = torch.randperm(len(images))
    held, used = order[:VALIDATION], order[VALIDATION:]
    padded = functional.pad(images, [CROP] * 4, mode="reflect")
    model = training_steps.model_of(module).train().to(memory_format=torch.channels_last)
    averaged = training_steps.model_of(module).train().to(memory_format=torch.channels_last)
    averaged.load_state_dict(model.state_dict())
    optimizer = torch.optim.SGD(parameters(model), RATE, momentum=MOMENTUM, nesterov=True)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    to, of = list(averaged.parameters()), list(model.parameters())
    steps = len(used) // BATCH
    found = []
    for epoch in range(epochs):
        start = time.perf_counter()
        shuffled = used[torch.randperm(len(used))]
        for step in range(steps):
            share = (epoch * steps + step) / (epochs * steps)
            factor = START + (1 - START) * share / PEAK if share < PEAK else 1 - (share - PEAK) / (1 - PEAK)
            for group in optimizer.param_groups:
                group["lr"] = RATE * factor
            chosen = shuffled[step * BATCH:(step + 1) * BATCH]
            batch = augmented(padded, chosen, (chosen + epoch) % 2 == 0)
            optimizer.zero_grad(set_to_none=True)
            output = model(batch)
            output, heads = output if isinstance(output, tuple) else (output, [])
            loss = criterion(output, labels[chosen])
            for head in heads:
                loss = loss + HEAD * criterion(head, labels[chosen])
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                # The average starts like that of the recipe: as the mean of few steps.
                done = epoch * steps + step
                torch._foreach_lerp_(to, of, 1 - min(AVERAGE, (1 + done) / (10 + done)))
        seconds = time.perf_counter() - start
        # Statistics of normalisations are not averaged.
        for into, now in zip(averaged.buffers(), model.buffers()):
            into.copy_(now)
        found.append((accuracy(averaged, images[held], labels[held]), seconds))
        print(f"PyTorch: epoch {epoch + 1}, validation {found[-1][0]:.2f}%, {seconds:.1f} s", flush=True)
    return found, accuracy(averaged, test, test_labels)


def of_inceptive(command, threads, epochs, folder):
    output = subprocess.run(
        [command, "train", NETWORK, "--data", "fashion-mnist", "--recipe", "standard", "--recipe-set", f"epochs={epochs}",
         "--threads", str(threads), "--side-by-side", "1", "--store", str(folder / "results.db"), "--no-report"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = re.findall(r"epoch \d+ of .* validation ([\d.]+)%, .* ([\d.]+) s$", output.stderr, re.M)
    for epoch, (top1, seconds) in enumerate(found):
        print(f"inceptive: epoch {epoch + 1}, validation {top1}%, {seconds} s", flush=True)
    row = next(line for line in output.stdout.splitlines() if line.strip().startswith("1 "))
    test = float(re.search(r"(\d+\.\d+) +\d+\.\d+ to", row)[1])
    return [(float(top1), float(seconds)) for top1, seconds in found], test


def said(name, found, test, goal):
    reached = next((at for at, (top1, _) in enumerate(found) if top1 >= goal), None)
    seconds = [seconds for _, seconds in found]
    when = "not reached" if reached is None else f"{sum(seconds[:reached + 1]):.0f} s, epoch {reached + 1}"
    print(f"{name:10} {goal:g}% of the validation images: {when}; {len(found)} epochs: {sum(seconds):.0f} s; test images: "
          f"{test:.2f}%")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--goal", type=float, default=92)
    parser.add_argument("--data", type=pathlib.Path, default=next((place for place in PLACES if place.exists()), PLACES[0]))
    parser.add_argument("--command", default=str(ROOT / "target/release/inceptive"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        module = folder / "network.py"
        subprocess.run([arguments.command, "export", NETWORK, "--format", "pytorch", "-o", module], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
        ours = of_inceptive(arguments.command, arguments.threads, arguments.epochs, folder)
        theirs = of_pytorch(module, arguments.data, arguments.epochs)
        said("inceptive", *ours, arguments.goal)
        said("PyTorch", *theirs, arguments.goal)


if __name__ == "__main__":
    main()
