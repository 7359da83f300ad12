#!/usr/bin/env python3
"""Compares the counts of networks of spaces with fvcore and ptflops, and the time that they take.

    python scripts/space_counters.py architectures/spaces/googlenet-widths.yaml architectures/spaces/small-modules.yaml
    python scripts/space_counters.py SPACE --networks 20 --inceptive target/release/inceptive

`inceptive explore --costs-only` counts a space by formulas. Networks of its front, evenly chosen, are exported as PyTorch
modules and counted by both tools. Parameters (with auxiliary heads) must be equal, and fvcore's total that of `inceptive cost
--convention fvcore`. ptflops is only timed: it knows modules by their exact class, so it leaves out the convolutions of a
module that are subclasses with normalisation.
Needs torch, fvcore and ptflops (scripts/requirements.txt) and a built `inceptive`. Exit code 1 if a count differs.
"""

import argparse
import importlib.util
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
# Of these objectives much of a space is Pareto-optimal.
OBJECTIVES = "maximize params, minimize macs, maximize acts"


def run(program, *arguments):
    """The JSON that the program prints."""
    return json.loads(subprocess.run([program, *arguments, "--json"], check=True, stdout=subprocess.PIPE).stdout)


def module(program, space, settings, folder):
    """A network as a PyTorch module."""
    file = Path(folder) / "network.py"
    file.unlink(missing_ok=True)
    command = [program, "export", space, *settings, "--format", "pytorch", "-o", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spec = importlib.util.spec_from_file_location("network", file)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    # The network is the last class of the file.
    classes = [it for it in vars(loaded).values() if isinstance(it, type) and it.__module__ == "network"]
    return classes[-1]().eval()


def fvcore(model, images):
    from fvcore.nn import FlopCountAnalysis

    return FlopCountAnalysis(model, images).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def ptflops(model, images):
    from ptflops import get_model_complexity_info

    return get_model_complexity_info(
        model, tuple(images.shape[1:]), backend="pytorch", as_strings=False, print_per_layer_stat=False
    )[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spaces", nargs="+")
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--inceptive", default=str(ROOT / "target/release/inceptive"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    wrong = 0
    print("| space | networks | counted in, us each | compared | parameters | fvcore | fvcore, ms each | ptflops, ms each |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for space in options.spaces:
        counted = run(options.inceptive, "explore", space, "--costs-only", "--objectives", OBJECTIVES)
        front = counted["front"]
        chosen = front[:: max(1, len(front) // options.networks)][: options.networks]
        equal = {"params": 0, "fvcore": 0}
        times = {"fvcore": [], "ptflops": []}
        for network in chosen:
            settings = [text for key, value in network["values"].items() for text in ("--set", f"{key}={value}")]
            with tempfile.TemporaryDirectory() as folder:
                model = module(options.inceptive, space, settings, folder)
            cost = run(options.inceptive, "cost", space, *settings, "--mode", "inference")[0]
            images = torch.zeros(1, *cost["input"])
            params = sum(parameter.numel() for parameter in model.parameters())
            trained = run(options.inceptive, "cost", space, *settings, "--mode", "training")[0]
            is_equal = (params, cost["params"], cost["macs"]) == (trained["params"], network["params"], network["macs"])
            equal["params"] += is_equal
            ours = run(options.inceptive, "cost", space, *settings, "--convention", "fvcore")[0]["convention"]["total"]
            totals = {}
            for name, tool in (("fvcore", fvcore), ("ptflops", ptflops)):
                with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), torch.no_grad():
                    start = time.perf_counter()
                    totals[name] = tool(model, images)
                    times[name].append(1e3 * (time.perf_counter() - start))
            equal["fvcore"] += ours == totals["fvcore"]
            wrong += not is_equal or ours != totals["fvcore"]
        each = 1e6 * counted["count_seconds"] / counted["points"]
        print(
            f"| {Path(space).stem} | {counted['points']:,} | {each:.1f} | {len(chosen)} | {equal['params']} equal "
            f"| {equal['fvcore']} equal | {statistics.median(times['fvcore']):.0f} "
            f"| {statistics.median(times['ptflops']):.0f} |",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
