#!/usr/bin/env python3
"""Compares training steps with PyTorch: forward, backward and SGD with momentum, in images a second.

    scripts/training_speed.py [--threads 1 2] [--batch 64] [--rounds 5] [--compile]

Needs PyTorch, and builds `inceptive` and the benchmark `training` of the crate `inceptive-engine`. Both sides train the
same network: PyTorch runs the module that `inceptive export --format pytorch` writes, in channels-last order. They take
turns, so that a busy machine is unfair to neither; the ratio is the median of those of the rounds.
"""

import argparse
import importlib.util
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NETWORKS = ROOT / "crates/engine/benches/networks"
CASES = {
    "small BN-Inception, 28x28": [NETWORKS / "inception.yaml"],
    "small residual, 32x32": [NETWORKS / "residual.yaml"],
    "small separable, 32x32": [NETWORKS / "separable.yaml"],
    "GoogLeNet-bn, 32x32": [ROOT / "architectures/googlenet-bn.yaml", "input.size=32", "classes=10"],
}


def run_pytorch(module: str, threads: int, batch: int, seconds: float, compiles: bool) -> None:
    """Trains for a while and prints images a second; runs in a process of its own."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    spec = importlib.util.spec_from_file_location("network", module)
    network = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(network)
    text = pathlib.Path(module).read_text()
    name = re.search(r"model = (\w+)\(\)", text)[1]
    channels, height, width = map(int, re.search(r"Reads N x (\d+) x (\d+) x (\d+)", text).groups())
    model = getattr(network, name)().train().to(memory_format=torch.channels_last)
    images = torch.randn(batch, channels, height, width).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    loss_of = torch.nn.CrossEntropyLoss()
    forward = torch.compile(model) if compiles else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        output = forward(images)
        # Auxiliary heads are not trained on either side.
        output = output[0] if isinstance(output, tuple) else output
        loss_of(output, labels).backward()
        optimizer.step()

    for _ in range(5):
        step()
    times = []
    while sum(times) < seconds or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps(batch / statistics.median(times)))


def pytorch(module: pathlib.Path, threads: int, args: argparse.Namespace, compiles: bool) -> float:
    command = [sys.executable, __file__, "--module", module, "--threads", threads, "--batch", args.batch]
    command += ["--seconds", args.seconds] + (["--compile"] if compiles else [])
    return json.loads(subprocess.check_output(list(map(str, command)), text=True).splitlines()[-1])


def ours(binary: str, case: list, threads: int, args: argparse.Namespace) -> float:
    command = [binary, "--threads", threads, "--batch", args.batch, "--seconds", args.seconds, *case]
    output = subprocess.check_output(list(map(str, command)), text=True)
    return float(re.search(r"median +(\d+)", output)[1])


def build() -> tuple[str, str]:
    """The command and the benchmark."""
    command = ["cargo", "build", "--release", "--locked", "--message-format=json", "-p"]
    paths = []
    for package, more in [("inceptive", []), ("inceptive-engine", ["--bench", "training"])]:
        output = subprocess.check_output([*command, package, *more], text=True, cwd=ROOT)
        paths.append([m["executable"] for m in map(json.loads, output.splitlines()) if m.get("executable")][-1])
    return paths[0], paths[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--compile", action="store_true", help="also torch.compile")
    parser.add_argument("--binaries", nargs=2, help="the command and the benchmark, if they are built")
    parser.add_argument("--only", help="networks whose name contains this")
    parser.add_argument("--module", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.module:
        run_pytorch(args.module, args.threads[0], args.batch, args.seconds, args.compile)
        return
    command, bench = args.binaries or build()
    print("| network | threads | native | PyTorch | ratio |" + (" compiled | ratio |" if args.compile else ""))
    print("|---|--:|--:|--:|--:|" + ("--:|--:|" if args.compile else ""))
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            if args.only and args.only not in name:
                continue
            module = pathlib.Path(folder) / "network.py"
            settings = [word for setting in case[1:] for word in ("--set", setting)]
            export = [command, "export", case[0], *settings, "--format", "pytorch", "-o", module]
            subprocess.run(list(map(str, export)), check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for threads in args.threads:
                rows = []
                for _ in range(args.rounds):
                    row = [ours(bench, case, threads, args), pytorch(module, threads, args, False)]
                    rows.append(row + ([pytorch(module, threads, args, True)] if args.compile else []))
                medians = [statistics.median(column) for column in zip(*rows)]
                ratios = [statistics.median(row[0] / other for row, other in zip(rows, column))
                          for column in list(zip(*rows))[1:]]
                cells = [f"{medians[0]:,.0f}"]
                for median, ratio in zip(medians[1:], ratios):
                    cells += [f"{median:,.0f}", f"{ratio:.2f}"]
                print(f"| {name} | {threads} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
