#!/usr/bin/env python3
"""How well the recipe `quick` predicts the ranking by `standard`: Kendall's tau, compared with ranking by parameters or MACs.

    scripts/ranking.py [--command target/release/inceptive] [--data shapes] [--store ranking.db]

Trains variants of `architectures/small/` with both recipes and one seed; resumes after an interruption. Intervals are 95%
percentile bootstraps over networks.
"""

import argparse
import json
import pathlib
import random
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
SMALL = "architectures/small/"
FILES = ["bn.yaml", "double3x3.yaml", "factorized.yaml", "residual.yaml", "separable.yaml", "single-1x1.yaml", "single-3x3.yaml",
         "single-5x5.yaml"]
WIDTHS = ["0.5", "1"]


def tau(pairs):
    """Kendall's tau-b."""
    agree = differ = ties_a = ties_b = 0
    for at, (a, b) in enumerate(pairs):
        for c, d in pairs[:at]:
            x, y = (a > c) - (a < c), (b > d) - (b < d)
            if x and y:
                agree, differ = agree + (x == y), differ + (x != y)
            ties_a, ties_b = ties_a + (x == 0), ties_b + (y == 0)
    count = len(pairs) * (len(pairs) - 1) // 2
    below = ((count - ties_a) * (count - ties_b)) ** 0.5
    return (agree - differ) / below if below else 0.0


def with_interval(pairs):
    chance = random.Random(0)
    found = sorted(tau([chance.choice(pairs) for _ in pairs]) for _ in range(2000))
    return f"{tau(pairs):.2f} (95% interval {found[50]:.2f} to {found[1949]:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default=str(ROOT / "target/release/inceptive"))
    parser.add_argument("--data", default="shapes")
    parser.add_argument("--store", default="ranking.db")
    arguments = parser.parse_args()
    top1, costs = {}, {}
    for recipe in ("quick", "standard"):
        for width in WIDTHS:
            output = subprocess.run(
                [arguments.command, "train", *(SMALL + file for file in FILES), "--set", f"width={width}", "--data",
                 arguments.data, "--recipe", recipe, "--store", arguments.store, "--no-report", "--json"],
                cwd=ROOT, check=True, stdout=subprocess.PIPE)
            for run in json.loads(output.stdout):
                top1.setdefault((run["file"], width), {})[recipe] = run["test_top1"]
    for file in FILES:
        for width in WIDTHS:
            output = subprocess.run([arguments.command, "cost", SMALL + file, "--set", f"width={width}", "--json"], cwd=ROOT,
                                    check=True, stdout=subprocess.PIPE)
            document = json.loads(output.stdout)
            costs[SMALL + file, width] = document[0] if isinstance(document, list) else document
    known = [key for key, found in top1.items() if len(found) == 2 and None not in found.values()]
    print(f"{len(known)} networks on {arguments.data}; rank correlation with top-1 accuracy by `standard`:")
    standard = {key: top1[key]["standard"] for key in known}
    for key in sorted(known, key=standard.get, reverse=True):
        print(f"  {key[0]:40} width {key[1]:4} quick {top1[key]['quick']:6.2f}  standard {standard[key]:6.2f}")
    print("quick     ", with_interval([(top1[key]["quick"], standard[key]) for key in known]))
    for metric in ("params", "macs"):
        print(f"{metric:10}", with_interval([(costs[key][metric], standard[key]) for key in known]))


if __name__ == "__main__":
    main()
