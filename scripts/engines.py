#!/usr/bin/env python3
"""Check that measuring adds nothing, and that engines agree, against ONNX Runtime called from Python.

    python3 -m pip install onnxruntime openvino safetensors numpy
    cargo build --release
    python3 scripts/engines.py agree [NAME ...]    # outputs at full size, all networks without NAME
    python3 scripts/engines.py harness             # medians here and in Python, interleaved

`agree` compares the outputs of every engine with those of a Python session on the exported file; `harness` takes
turns between a Python session and `inceptive bench` on the same file, with the same threads. Exit 1 with a line for
each difference.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "inceptive"
HARNESS = ["googlenet", "inception-v3"]
THREADS = [1, 2]
TURNS = 9
BUDGET_S = 4
ALLOWED = 0.03
LIMITS = {"fp32": 1e-4, "default": 2e-2}
# Rounding to bf16 alone is off by as much (docs/measuring.md, Engines), so no engine can be closer.
EXCEPTIONS = {("mobilenet-v2", "openvino", "default"): 5e-2}


def inceptive(*arguments: object) -> str:
    """What a command prints. A `run` whose engines differ still wrote what they gave."""
    command = [str(BINARY), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    if not (arguments[0] == "run" and done.stdout):
        done.check_returncode()
    return done.stdout


def python_session(path: pathlib.Path, threads: int) -> onnxruntime.InferenceSession:
    """A plain session, as a user writes it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def python_median_ms(path: pathlib.Path, threads: int, shape: list[int]) -> float:
    """The median of runs for the budget, after a quarter of it for warming up."""
    session = python_session(path, threads)
    feed = {session.get_inputs()[0].name: numpy.random.default_rng(0).standard_normal((1, *shape), dtype=numpy.float32)}
    times: list[float] = []
    start = time.perf_counter()
    while time.perf_counter() - start < BUDGET_S:
        before = time.perf_counter()
        session.run(None, feed)
        after = time.perf_counter()
        if before - start > BUDGET_S / 4:
            times.append(after - before)
    return statistics.median(times) * 1e3


def our_median_ms(path: pathlib.Path, threads: int, store: pathlib.Path) -> float:
    """The median of `inceptive bench` on the same file."""
    measured = inceptive(
        "bench", path, "--engine", "onnxruntime", "--threads", threads, "--budget", f"{BUDGET_S}s", "--json",
        "--store", store,
    )
    return json.loads(measured)[0]["latency_ms"]["median"]["value"]


def harness() -> int:
    """Ratios of our medians and Python's, turn by turn."""
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name in HARNESS:
            path = folder / f"{name}.onnx"
            inceptive("export", f"architectures/{name}.yaml", "--fold-bn", "-o", path)
            shape = json.loads(inceptive("cost", path, "--json"))[0]["input"]
            for threads in THREADS:
                ours, theirs = [], []
                for _ in range(TURNS):
                    theirs.append(python_median_ms(path, threads, shape))
                    ours.append(our_median_ms(path, threads, folder / "results.db"))
                ratio = statistics.median(a / b for a, b in zip(ours, theirs))
                failed = abs(ratio - 1) > ALLOWED
                failures += failed
                print(
                    f"{'DIFFERS' if failed else 'equal'}  {name}, {threads} threads: "
                    f"{statistics.median(ours):.2f} ms here, {statistics.median(theirs):.2f} ms in Python, "
                    f"ratio {ratio:.3f} over {TURNS} turns",
                    flush=True,
                )
    return failures


def agree(names: list[str]) -> int:
    """Largest relative error of each engine at full size, in fp32 and in its default precision."""
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        model, outputs = folder / "model.onnx", folder / "outputs.safetensors"
        for name in names:
            inceptive("export", f"architectures/{name}.yaml", "-o", model)
            session = python_session(model, 2)
            for precision, usual in LIMITS.items():
                inceptive("run", model, "--engine", "all", "--precision", precision, "-o", outputs)
                tensors = load_file(outputs)
                reference = session.run(None, {session.get_inputs()[0].name: tensors.pop("input")})[0]
                for engine, output in tensors.items():
                    limit = EXCEPTIONS.get((name, engine, precision), usual)
                    error = float(numpy.abs(output - reference).max() / numpy.abs(reference).max())
                    failed = not error < limit
                    failures += failed
                    verdict = "DIFFERS" if failed else "equal" if error < usual else "excepted"
                    print(f"{verdict}  {name}: {engine} {precision}  {error:.1e}", flush=True)
    return failures


def main() -> int:
    """Do what was asked for; 1 if something differs."""
    match sys.argv[1:]:
        case ["harness"]:
            failures = harness()
        case ["agree", *names]:
            failures = agree(names or sorted(path.stem for path in (ROOT / "architectures").glob("*.yaml")))
        case _:
            print(__doc__)
            return 2
    print(f"{failures} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
