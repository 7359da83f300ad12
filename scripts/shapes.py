#!/usr/bin/env python3
"""How hard the generated data set `shapes` is: test accuracy of a linear classifier and three convolutional networks.

    python3 scripts/shapes.py                                   # the default images, 5 epochs
    python3 scripts/shapes.py shapes:size=32,channels=3 --epochs 10

Needs torch and numpy; several minutes on two cores. The networks should be clearly apart: a linear classifier far below 60%, small
networks between, a good one from 90 to 97%. docs/data.md has the results.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution with normalisation and activation."""
    layers = [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), conv(width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


def head(width: int) -> list[nn.Module]:
    """Global average pooling and a linear layer."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)]


def networks(channels: int, size: int) -> dict[str, nn.Module]:
    """From the weakest to the strongest."""
    return {
        "linear": nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, 10)),
        "tiny": nn.Sequential(conv(channels, 8), nn.MaxPool2d(2), conv(8, 16), nn.MaxPool2d(2), *head(16)),
        "small": nn.Sequential(conv(channels, 16), nn.MaxPool2d(2), conv(16, 32), nn.MaxPool2d(2), conv(32, 64), *head(64)),
        "good": nn.Sequential(
            conv(channels, 32), conv(32, 32), nn.MaxPool2d(2), conv(32, 64), Residual(64), nn.MaxPool2d(2),
            conv(64, 96), Residual(96), *head(96)),
    }


def accuracy(network: nn.Module, data: dict[str, torch.Tensor], epochs: int, seed: int) -> float:
    """Test accuracy after training with SGD and a one-cycle schedule."""
    count, batch = len(data["x_train"]), 64
    steps = epochs * (count // batch)
    rate = 0.02 if sum(1 for _ in network.modules()) < 4 else 0.1
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(epochs):
        order = torch.randperm(count, generator=generator)
        for images in order[: count // batch * batch].view(-1, batch):
            loss = functional.cross_entropy(network(data["x_train"][images]), data["y_train"][images])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        found = torch.cat([network(images).argmax(1) for images in data["x_test"].split(500)])
    return (found == data["y_test"]).float().mean().item()


def read(name: str) -> dict[str, torch.Tensor]:
    """The data set, normalised."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["cargo", "run", "--quiet", "--locked", "-p", "inceptive-data", "--example", "npy", "--", name, folder]
        subprocess.run(command, check=True, cwd=ROOT)
        arrays = {path.stem: torch.from_numpy(numpy.load(path).astype("float32")) for path in Path(folder).iterdir()}
    mean = arrays["x_train"].mean((0, 2, 3), keepdim=True)
    std = arrays["x_train"].std((0, 2, 3), keepdim=True)
    return {key: (array - mean) / std if key.startswith("x") else array.long() for key, array in arrays.items()}


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="shapes")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    data = read(arguments.name)
    _, channels, size, _ = data["x_train"].shape
    for name in networks(channels, size):
        started = time.monotonic()
        results = []
        for seed in range(arguments.seeds):
            torch.manual_seed(seed)
            network = networks(channels, size)[name]
            results.append(f"{100 * accuracy(network, data, arguments.epochs, seed):.1f}%")
        params = sum(tensor.numel() for tensor in network.parameters())
        seconds = (time.monotonic() - started) / arguments.seeds
        print(f"{name:10} {params:>8,} parameters   {', '.join(results)}   {seconds:.0f} s a run", flush=True)


if __name__ == "__main__":
    main()
