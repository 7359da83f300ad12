#!/usr/bin/env python3
"""Trains the finalists of a search again with fresh seeds, measures them again, and checks what the search said of them.

    scripts/members.py [--store reports/explore/results.db] [--command target/release/inceptive] [--seeds 10] [--first 100]
                       [--beside bn] [--to members.db]

Prints, for each finalist, its accuracy and latency in the search and again, the probability of being on the front that the search
gave, and whether it is on the front by all fresh seeds; then, for many draws of as many fresh seeds as the search had, how often
a network is on that front, by the probability that the draw gives. Beside them, hand-written networks of
`architectures/small/` are trained and measured in the same way. After an interruption it resumes. Latencies are measured at the
end: `--train-only` stops before, so that only they need a machine that does nothing else.
"""

import argparse
import json
import pathlib
import sqlite3
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent

DRAWS_OF_SEEDS = 300
DRAWS = 1000

# Lower ends of the ranges of probabilities that are compared with frequencies.
RANGES = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9]


def run(command: list[str]) -> list[dict]:
    """The documents that a command prints."""
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    printed = json.loads(done.stdout)
    return printed if isinstance(printed, list) else [printed]


def trained(arguments: argparse.Namespace, request: dict, network: list[str]) -> list[float]:
    """Test accuracies of a network with fresh seeds."""
    command = [arguments.command, "train", *network, "--data", request["dataset"], "--recipe", request["recipe"]]
    command += ["--seeds", str(arguments.seeds), "--seed", str(arguments.first), "--store", arguments.to, "--json"]
    return [finished["test_top1"] for finished in run(command)]


def measured(arguments: argparse.Namespace, threads: int, networks: list[list[str]]) -> list[list[float]]:
    """Median latencies of networks with their intervals, in milliseconds."""
    latencies = []
    for network in networks:
        command = [arguments.command, "bench", *network, "--threads", str(threads), "--store", arguments.to, "--json"]
        latency = run(command)[0]["latency_ms"]["median"]
        latencies.append([latency["value"], latency["low"], latency["high"]])
    return latencies


def on_front(costs: np.ndarray) -> np.ndarray:
    """Which points (rows) no other one dominates; smaller is better. Shape (..., networks, costs) to (..., networks)."""
    one, other = costs[..., :, None, :], costs[..., None, :, :]
    dominated = (other <= one).all(-1) & (other < one).any(-1)
    return ~dominated.any(-1)


def probabilities(rng: np.random.Generator, seeds: np.ndarray, latencies: np.ndarray) -> np.ndarray:
    """What the search gives: the probability of each network to be on the front, by seeds (networks, seeds) and latencies."""
    networks, count = seeds.shape
    freedom = networks * (count - 1)
    pooled = np.sqrt(((seeds - seeds.mean(1, keepdims=True)) ** 2).sum() / freedom / count)
    tops = seeds.mean(1) + pooled * rng.standard_t(freedom, (DRAWS, networks))
    value, low, high = latencies.T
    times = value + (high - low) / 2 / 1.96 * rng.standard_normal((DRAWS, networks))
    return on_front(np.stack([times, -tops], -1)).mean(0)


def main() -> None:
    """Train, measure and compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--store", default="reports/explore/results.db")
    parser.add_argument("--command", default="target/release/inceptive")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--beside", nargs="*", default=["bn"])
    parser.add_argument("--to", default="members.db")
    parser.add_argument("--train-only", action="store_true")
    arguments = parser.parse_args()
    store = sqlite3.connect(f"file:{ROOT / arguments.store}?mode=ro", uri=True)
    search = json.loads(store.execute("SELECT json FROM exploration ORDER BY id DESC LIMIT 1").fetchone()[0])
    request, variables = search["request"], search["space"]["variables"]
    finalists = [
        (number, network)
        for number, network in enumerate(search["networks"], 1)
        if network["outcome"] and network["outcome"]["probability"] is not None
    ]
    threads = search["machine"]["physical_cores"]
    seeds, names = [], []
    for number, network in finalists:
        settings = [f"{name}={value}" for name, value in zip(variables, network["values"])]
        named = [search["space"]["file"], *(word for setting in settings for word in ("--set", setting))]
        seeds.append(trained(arguments, request, named))
        names.append(named)
        print(f"network {number}: {', '.join(settings)}", flush=True)
    beside = [[f"architectures/small/{name}.yaml"] for name in arguments.beside]
    tops_beside = [trained(arguments, request, network) for network in beside]
    if arguments.train_only:
        return
    latencies_beside = measured(arguments, threads, beside)
    seeds, latencies = np.array(seeds), np.array(measured(arguments, threads, names))
    truth = on_front(np.stack([latencies[:, 0], -seeds.mean(1)], -1))
    print("\nnetwork  probability  top-1 in the search  again   ms in the search  again  on the front again")
    for (number, network), tops, latency, is_on in zip(finalists, seeds, latencies, truth):
        outcome = network["outcome"]
        before = outcome["latency_ms"]["value"]
        print(
            f"{number:7}  {outcome['probability']:11.2f}  {outcome['top1']['value']:19.2f}  {tops.mean():5.2f}"
            f"  {before:16.3f}  {latency[0]:5.3f}  {'yes' if is_on else 'no'}"
        )
    rng = np.random.default_rng(0)
    said, was = [], []
    for _ in range(DRAWS_OF_SEEDS):
        drawn = np.stack([rng.choice(tops, request["seeds"], replace=False) for tops in seeds])
        said.append(probabilities(rng, drawn, latencies))
        was.append(truth)
    said, was = np.concatenate(said), np.concatenate(was)
    print(f"\nprobability by {request['seeds']} seeds   mean   on the front by all   draws")
    for low, high in zip(RANGES, [*RANGES[1:], 1.01]):
        chosen = (said >= low) & (said < high)
        if chosen.any():
            print(f"{low:.1f} to {min(high, 1.0):.1f}             {said[chosen].mean():.2f}   {was[chosen].mean():19.2f}   {chosen.sum()}")
    print(f"all                    {said.mean():.2f}   {was.mean():19.2f}   {len(said)}")
    for name, tops, latency in zip(arguments.beside, tops_beside, latencies_beside):
        print(f"{name}: top-1 {np.mean(tops):.2f}, {latency[0]:.3f} ms")


if __name__ == "__main__":
    main()
