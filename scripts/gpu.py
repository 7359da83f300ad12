#!/usr/bin/env python3
"""Measures the networks on a GPU with PyTorch, and trains three small ones there, within a limit of time.

    scripts/gpu.py OUT [--binary target/release/inceptive] [--device cuda] [--python FILE] [--minutes 8]
    scripts/gpu.py OUT --smoke        a minute on the processor, which shows that everything is in place

Writes `gpu.db`, a store with every result, `steps.json` with the time and the exit status of each step, and `log.txt`. A
step whose time is up is stopped as with Ctrl-C, so its finished results are in the store. Steps are in the order of their
importance: the last ones may be cut short. Afterwards, on any machine:

    inceptive report architectures/*.yaml --store OUT/gpu.db --out reports/gpu
"""

import argparse
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAMILY = [f"architectures/{path.name}" for path in sorted((ROOT / "architectures").glob("*.yaml"))]
SMALL = [f"architectures/small/{name}.yaml" for name in ("bn", "naive", "residual")]
# `torch.compile` takes up to a minute for a network and a batch size.
COMPILED = [f"architectures/{name}.yaml" for name in ("googlenet-bn", "inception-v3", "resnet50", "mobilenet-v2")]
# Seconds after Ctrl-C until a step is killed.
PATIENCE = 15


def steps(args: argparse.Namespace, training: str) -> list[tuple[str, int, list[str]]]:
    """The name, the share of the time in percent and the words of each step."""
    family, compiled, batches, budget = FAMILY, COMPILED, "1,64", "400ms"
    data, recipe = "shapes:train=20000,test=5000", []
    if args.smoke:
        family, compiled, batches, budget = SMALL[:2], SMALL[:1], "1,2", "100ms"
        data, recipe = "shapes:train=300,test=100", ["--recipe-set", "epochs=1"]
    python = ["--python", args.python] if args.python else []
    # On a processor with other programs, threads of PyTorch wait for each other.
    python += ["--threads", "1"] if args.smoke else []
    engine = ["--engine", "pytorch", "--device", args.device, *python]

    def bench(networks: list[str], *options: str) -> list[str]:
        return ["bench", *networks, *engine, "--batch", batches, "--budget", budget, *options]

    train = ["train", *SMALL, "--data", data, *recipe, "--trainer", "pytorch", "--device", args.device, *python,
             "--out", training, "--no-report"]
    found = [("eager", 26, bench(family))]
    if args.device.startswith("cuda"):
        found.append(("graphs", 26, bench(family, "--mode", "graphs")))
    found += [
        ("training", 18, train),
        ("compile", 22, bench(compiled, "--mode", "compile")),
        ("bf16", 8, bench(compiled, "--precision", "bf16", "--channels-last")),
    ]
    return found


def run(command: list[str], seconds: float, log) -> int | None:
    """Runs a step; its exit status, or None if its time was up."""
    log.write(f"\n$ {' '.join(command)}\n")
    log.flush()
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--binary", default=str(ROOT / "target/release/inceptive"))
    parser.add_argument("--device")
    parser.add_argument("--python", help="a Python with PyTorch; else one is searched for")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    args.device = args.device or ("cpu" if args.smoke else "cuda")
    args.out.mkdir(parents=True, exist_ok=True)
    store = args.out / "gpu.db"
    end = time.monotonic() + 60 * args.minutes - PATIENCE
    done = []
    with tempfile.TemporaryDirectory() as training, (args.out / "log.txt").open("a") as log:
        todo = steps(args, training)
        for at, (name, share, words) in enumerate(todo):
            # What earlier steps left over is for all that follow.
            left = end - time.monotonic()
            seconds = max(left, 0.0) * share / sum(share for _, share, _ in todo[at:])
            start = time.monotonic()
            command = [str(pathlib.Path(args.binary).resolve()), *words, "--store", str(store.resolve())]
            status = run(command, seconds, log)
            done.append({"step": name, "seconds": round(time.monotonic() - start, 1), "status": status})
            print(f"{name:10} {done[-1]['seconds']:7.1f} s   {'time was up' if status is None else f'exit status {status}'}",
                  flush=True)
            # What is there survives the end of this program.
            (args.out / "steps.json").write_text(json.dumps(done, indent=1) + "\n")
    if any(step["status"] for step in done):
        sys.exit(f"a step failed; see {args.out / 'log.txt'}")


if __name__ == "__main__":
    main()
