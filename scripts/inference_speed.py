#!/usr/bin/env python3
"""Compares inference by the native engine with ONNX Runtime and OpenVINO: fp32, all networks of `architectures/`.

    python3 -m pip install onnxruntime openvino
    cargo build --release
    scripts/inference_speed.py [--batch 1 8] [--threads 1 2] [--only NAME ...] [--results FILE] [--seconds S]
    scripts/inference_speed.py --memory [--only NAME ...]    # bytes of the native engine at batch 1, and its compile times

Prints a Markdown table for each batch and number of threads: medians in milliseconds, and the ratio of the native
engine's to that of the faster of the others. Normalisations are folded for every engine. The engines take turns within
one run of `inceptive bench`, so that a busy machine is unfair to none.

With `--results`, measurements are kept in a JSON file and only those that are missing are made, so that the comparison
can be made in parts: `--seconds` starts no measurement after so many. `--table` prints what the file has.
"""

import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENGINES = ["native", "onnxruntime", "openvino"]
WORST = 1.15


def output_of(args: argparse.Namespace, *words: object) -> str:
    """What the program prints."""
    done = subprocess.run(list(map(str, [args.command, *words])), capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout


def measure(args: argparse.Namespace, network: str, batch: int, threads: int) -> dict:
    """Medians of the engines in milliseconds, with the machine and the versions."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["bench", f"architectures/{network}.yaml", "--engine", ",".join(ENGINES)]
        words += ["--batch", batch, "--threads", threads, "--budget", args.budget, "--json"]
        words += ["--store", args.store or pathlib.Path(folder) / "results.db"]
        results = json.loads(output_of(args, *words))
    runtimes = [result["runtime"] for result in results]
    return {
        "name": results[0]["subject"]["name"],
        "ms": {result["runtime"]["engine"]: result["latency_ms"]["median"]["value"] for result in results},
        "versions": {runtime["engine"]: runtime["engine_version"].split("-")[0] for runtime in runtimes},
        "isa": runtimes[0]["isa"],
        "cpu": results[0]["machine"]["cpu"],
        "peak_gflops": results[0]["roofline"]["peak_gflops"],
        "others_cores": max(result["others_cores"] or 0 for result in results),
    }


def ratio(row: dict) -> float:
    """The native engine's time over that of the faster of the others."""
    others = [ms for engine, ms in row["ms"].items() if engine != "native"]
    return row["ms"]["native"] / min(others)


def mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def print_table(results: dict, batch: int, threads: int) -> None:
    rows = [row for key, row in sorted(results.items()) if key.split("/")[1:] == [str(batch), str(threads)]]
    if not rows:
        return
    print(f"\nBatch {batch}, {threads} thread{'s' if threads > 1 else ''}:\n")
    print("| network | native ms | ONNX Runtime ms | OpenVINO ms | ratio |\n|---|--:|--:|--:|--:|")
    for row in rows:
        times = " | ".join(f"{row['ms'][engine]:.2f}" for engine in ENGINES)
        print(f"| {row['name']} | {times} | {ratio(row):.2f} |")
    ratios = [ratio(row) for row in rows]
    above = [f"{row['name']} ({ratio(row):.2f})" for row in rows if ratio(row) > WORST]
    print(f"\nGeometric mean of {len(rows)} ratios: {mean(ratios):.2f}. Above {WORST}: {', '.join(above) or 'none'}.")


def print_memory(args: argparse.Namespace, networks: list[str]) -> None:
    """What a run holds at batch 1 on one thread, against 1.3 x (weights + peak of activations)."""
    print("| network | weights MiB | peak memory MiB | packed MiB | maps MiB | scratch MiB | of the limit | compile ms |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for network in networks:
        path = f"architectures/{network}.yaml"
        counts = json.loads(output_of(args, "cost", path, "--json"))[0]
        needed = [counts["weight_bytes"], counts["peak_activation_bytes"]]
        plan = output_of(args, "profile", path, "--plan", "--threads", 1)
        held = [int(re.search(rf"^{part} +(\d+) bytes", plan, re.M)[1]) for part in ("weights", "feature maps", "scratch")]
        with tempfile.TemporaryDirectory() as folder:
            words = ["--threads", 1, "--budget", "300ms", "--json", "--store", pathlib.Path(folder) / "results.db"]
            result = json.loads(output_of(args, "bench", path, *words))[0]
        cells = [f"{number / 2**20:.1f}" for number in needed + held]
        cells += [f"{sum(held) / (1.3 * sum(needed)):.2f}", f"{result['load_ms']:.0f}"]
        print(f"| {result['subject']['name']} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", help="names of files in architectures/, without .yaml")
    parser.add_argument("--budget", default="1s", help="of each engine, network, batch and number of threads")
    parser.add_argument("--results", type=pathlib.Path, help="a JSON file that collects measurements")
    parser.add_argument("--seconds", type=float, default=math.inf, help="start no measurement after so many")
    parser.add_argument("--again", action="store_true", help="measure also what the file has")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--store", type=pathlib.Path, help="a store that keeps the measurements, for reports")
    parser.add_argument("--memory", action="store_true", help="print bytes and compile times instead")
    parser.add_argument("--command", default=ROOT / "target/release/inceptive", help="the program")
    args = parser.parse_args()
    args.store = args.store and args.store.resolve()
    networks = args.only or sorted(path.stem for path in (ROOT / "architectures").glob("*.yaml"))
    if args.memory:
        print_memory(args, networks)
        return
    results = json.loads(args.results.read_text()) if args.results and args.results.exists() else {}
    wanted = [(n, b, t) for b in args.batch for t in args.threads for n in networks]
    start, left = time.monotonic(), 0
    for network, batch, threads in [] if args.table else wanted:
        key = f"{network}/{batch}/{threads}"
        if key in results and not args.again:
            continue
        if time.monotonic() - start > args.seconds:
            left += 1
            continue
        results[key] = measure(args, network, batch, threads)
        row = results[key]
        print(f"{key}: {ratio(row):.2f}, other programs used {row['others_cores']:.1f} cores", file=sys.stderr)
        if args.results:
            # At once, so that whatever stops this loses one measurement.
            partial = args.results.with_suffix(".partial")
            partial.write_text(json.dumps(results, indent=1))
            os.replace(partial, args.results)
    if left:
        print(f"{left} measurements are left", file=sys.stderr)
        return
    chosen = {key: results[key] for key in (f"{n}/{b}/{t}" for n, b, t in wanted) if key in results}
    if chosen:
        row = next(iter(chosen.values()))
        versions = ", ".join(f"{engine} {version}" for engine, version in row["versions"].items())
        peak = max(row["peak_gflops"] for row in chosen.values())
        print(f"{row['cpu']}, {row['isa']}, peak {peak:.0f} GFLOP/s; {versions}.")
    for batch in args.batch:
        for threads in args.threads:
            print_table(chosen, batch, threads)


if __name__ == "__main__":
    main()
