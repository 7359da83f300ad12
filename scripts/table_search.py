#!/usr/bin/env python3
"""Compares the search with a surrogate with random choice, on a table of accuracies.

    scripts/table_search.py target/release/inceptive architectures/spaces/nas-bench-201.yaml table.csv [--seeds 50]

For each number of networks that may be looked up, and each seed: the accuracy of the best network found by `inceptive
explore --accuracies`, and of the best of as many drawn at random; both as points below the best network of the table. The
search is for accuracy alone.
"""

import argparse
import csv
import json
import random
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

BUDGETS = (25, 50, 100, 200)


def accuracies(table, variables):
    """The mean accuracy of each network of a table."""
    rows = {}
    with open(table, newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(tuple(row[name] for name in variables), []).append(float(row["accuracy"]))
    return [statistics.fmean(seeds) for seeds in rows.values()]


def search(arguments, networks, seed):
    """What the program finds."""
    command = [
        arguments.binary, "explore", arguments.space, "--accuracies", arguments.table, "--networks", str(networks),
        "--objectives", "top1", "--seed", str(seed), "--threads", "1", "--json",
    ]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("space")
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=50)
    arguments = parser.parse_args()
    first = search(arguments, 1, 0)
    known = accuracies(arguments.table, list(first["networks"][0]["values"]))
    best = max(known)
    print(f"{len(known)} networks; the best has {best:.2f}%; points below it, mean over {arguments.seeds} seeds (worst)\n")
    print("| networks looked up | search | random choice | search is better by | seeds in which it is worse by more than 0.1 "
          "| chosen by the surrogate | correlation | among the best tenth | of parameters |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    is_good = True
    for networks in BUDGETS:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda seed: search(arguments, networks, seed), range(arguments.seeds)))
        ours = [best - max(network["top1"] for network in it["networks"]) for it in found]
        chance = [best - max(random.Random(seed).sample(known, networks)) for seed in range(arguments.seeds)]
        better = [theirs - own for own, theirs in zip(ours, chance)]
        is_good &= statistics.fmean(better) > -0.1
        judged = [it["surrogate"] for it in found if it["surrogate"]]

        def mean(key):
            values = [it[key] for it in judged if it[key] is not None]
            return f"{statistics.fmean(values):.2f}" if values else ""

        print(f"| {networks} | {statistics.fmean(ours):.3f} ({max(ours):.2f}) | {statistics.fmean(chance):.3f} ({max(chance):.2f}) "
              f"| {statistics.fmean(better):.3f} | {sum(it < -0.1 for it in better)} "
              f"| {statistics.fmean(it['chosen_by_surrogate'] for it in found):.0f} | {mean('correlation')} | {mean('among_best')} "
              f"| {mean('of_params')} |", flush=True)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
