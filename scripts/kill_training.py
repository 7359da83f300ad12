#!/usr/bin/env python3
"""Kills training runs at random moments and resumes them: the weights must be byte-identical to those without kills.

    scripts/kill_training.py target/release/inceptive [--kills 100] [--seed 0]

Training is killed (SIGKILL) and restarted until the number of kills is reached, then runs to its end. The number of
threads changes between restarts, which must not affect the result. Prints which files existed after each kill, and fails
if the weights differ or a run is missing from the store.
"""

import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NETWORKS = [ROOT / "architectures/small" / name for name in ("bn.yaml", "residual.yaml")]


def command(binary, folder, threads):
    return [
        binary, "train", *map(str, NETWORKS), "--data", "shapes:size=28,train=600,test=100", "--recipe", "standard",
        "--recipe-set", "epochs=6", "--store", str(folder / "results.db"), "--threads", str(threads), "--side-by-side",
        str(threads), "--json",
    ]


def weights(folder):
    return {path.name: path.read_bytes() for path in (folder / "trained").glob("*.safetensors")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    binary = str(pathlib.Path(arguments.binary).resolve())
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        whole = pathlib.Path(folder)
        subprocess.run(command(binary, whole, 2), check=True, stdout=subprocess.DEVNULL, cwd=folder)
        seconds = time.monotonic() - start
        expected = weights(whole)
    assert len(expected) == len(NETWORKS), expected.keys()
    print(f"without a kill: {seconds:.1f} s")
    kills, trainings, states = 0, 0, collections.Counter()
    while kills < arguments.kills:
        trainings += 1
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            while True:
                process = subprocess.Popen(
                    command(binary, folder, chance.choice([1, 2, 3])), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    cwd=folder,
                )
                try:
                    wait = chance.uniform(0.0, seconds / 2) if kills < arguments.kills else None
                    output, _ = process.communicate(timeout=wait)
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    kills += 1
                    kinds = [path.suffix for path in (folder / "trained").glob("*")]
                    states[", ".join(sorted(kinds)) or "nothing"] += 1
            if process.returncode != 0:
                sys.exit(f"a resumed training failed with {process.returncode}")
            if weights(folder) != expected:
                sys.exit(f"the weights of training {trainings} differ")
            runs = json.loads(output)
            if sorted(run["file"] for run in runs) != sorted(map(str, NETWORKS)):
                sys.exit(f"training {trainings} lost a run: {runs}")
    for state, count in states.most_common():
        print(f"{count:4} kills left {state}")
    print(f"{kills} kills in {trainings} trainings: byte-identical weights each time")


main()
