#!/usr/bin/env python3
"""Tests claims of the Inception papers on small networks, and writes `reports/claims/`.

    scripts/claims.py [--command target/release/inceptive] [--recipe quick] [--data shapes fashion-mnist] [--seeds 5 3]

Trains pairs of networks of `architectures/small/` with the same seeds on each data set, inspects their weights, and writes
`claims.md`, `claims.json` and a report of all networks. After an interruption, it resumes: finished runs are in
`reports/claims/results.db` and are not repeated. Differences are paired by seed, with 95% intervals by Student's t.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
SMALL = "architectures/small/"

# Quantiles 0.975 of Student's t for 1, 2, ... degrees of freedom.
T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131]

# Networks: a file and settings.
BN = ("bn.yaml", ())
NETWORKS = {
    "bn": BN,
    "naive": ("naive-bn.yaml", ()),
    "fc tail": ("bn.yaml", ("hidden=128",)),
    "no auxiliary head": ("bn.yaml", ("auxiliary=[]",)),
    "double 3x3": ("double3x3.yaml", ()),
    "residual": ("residual.yaml", ()),
    "only 1x1": ("single-1x1.yaml", ()),
    "only 3x3": ("single-3x3.yaml", ()),
    "only 5x5": ("single-5x5.yaml", ()),
}

# Title, statement of the paper, the network favoured by the claim, and the baseline.
CLAIMS = [
    ("Reductions save compute",
     "The 1x1 reductions cut the compute of a module to about a third (arXiv:1409.4842, Section 4: 854M to 271M MACs for "
     "the module in its Figure 2); no accuracy is given.",
     "bn", "naive"),
    ("Average pooling instead of a fully connected layer",
     "Global average pooling improved top-1 accuracy by about 0.6 points (arXiv:1409.4842, Section 5).",
     "bn", "fc tail"),
    ("Auxiliary heads help",
     "The effect of auxiliary heads was found to be about 0.5 points, with one as good as two (arXiv:1409.4842), and to come "
     "only near the end of training (arXiv:1512.00567, Section 4).",
     "bn", "no auxiliary head"),
    ("Two 3x3 are as good as a 5x5",
     "Two 3x3 convolutions see as much as one 5x5 for 28% less compute, without loss of accuracy (arXiv:1512.00567, "
     "Section 3.1). Here the widths are chosen for equal compute.",
     "double 3x3", "bn"),
    ("Kernels of several sizes are better than 1x1 alone",
     "The idea of Inception: approximate a sparse structure by parallel dense kernels of several sizes (arXiv:1409.4842, "
     "Section 3); no figure for equal compute is given.",
     "bn", "only 1x1"),
    ("Kernels of several sizes are better than 3x3 alone", "As above.", "bn", "only 3x3"),
    ("Kernels of several sizes are better than 5x5 alone", "As above.", "bn", "only 5x5"),
    ("Residual connections help",
     "They speed up training greatly, and improve the final accuracy slightly (arXiv:1602.07261).",
     "residual", "double 3x3"),
]

# Claims that the accuracy does not fall.
NO_LOSS = ["Reductions save compute", "Two 3x3 are as good as a 5x5"]

# A weight is near zero below this fraction of the root mean square of its layer.
NEAR_ZERO = 0.01

# Both data sets have ten classes, equally often.
CHANCE = 10

# Networks whose weights are inspected.
INSPECTED = ["bn", "naive"]


class Claims:
    def __init__(self, arguments):
        self.command = str((ROOT / arguments.command).resolve())
        self.recipe = arguments.recipe
        self.seeds = dict(zip(arguments.data, arguments.seeds, strict=True))
        self.out = ROOT / arguments.out
        self.store = (self.out / "results.db").relative_to(ROOT)

    def run(self, *words, **options):
        return subprocess.run([self.command, *map(str, words)], cwd=ROOT, check=True, **options)

    def train(self, data):
        """The runs of each network on a data set, by seed."""
        by_settings = {}
        for name, (file, settings) in NETWORKS.items():
            by_settings.setdefault(settings, []).append((name, SMALL + file))
        found = {}
        for settings, networks in by_settings.items():
            files = [file for _, file in networks]
            words = [word for setting in settings for word in ("--set", setting)]
            output = self.run(
                "train", *files, *words, "--data", data, "--recipe", self.recipe, "--seeds", self.seeds[data], "--store",
                self.store, "--no-report", "--json", stdout=subprocess.PIPE)
            runs = json.loads(output.stdout)
            for name, file in networks:
                found[name] = {run["seed"]: run for run in runs if run["file"] == file}
        return found

    def near_zero(self, name, run, data):
        """The output of `inspect` for a trained network."""
        file, settings = NETWORKS[name]
        words = [word for setting in settings for word in ("--set", setting)]
        output = self.run(
            "inspect", SMALL + file, *words, "--weights", run["checkpoint"], "--data", data, "--json",
            stdout=subprocess.PIPE)
        return json.loads(output.stdout)


def interval(values):
    """The mean with its 95% interval."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return mean, None
    half = T[min(len(values) - 2, len(T) - 1)] * statistics.stdev(values) / len(values) ** 0.5
    return mean, half


def points(mean, half, sign=""):
    return f"{mean:{sign}.2f}" + ("" if half is None else f" ± {half:.2f}")


def verdict(mean, half, favours_equal, weaker):
    if weaker[1] < 2.5 * CHANCE:
        return f"no comparison: after these epochs, `{weaker[0]}` has hardly learned"
    if half is None:
        return "a single seed has no interval"
    if abs(mean) <= half:
        return "indistinguishable" + (", as claimed" if favours_equal else f": with these seeds, differences below {half:.2f}"
                                      " points are not significant")
    if mean > 0:
        return "better, more than claimed" if favours_equal else "agrees"
    return "disagrees"


def costs(claims):
    found = {}
    for name, (file, settings) in NETWORKS.items():
        words = [word for setting in settings for word in ("--set", setting)]
        output = claims.run("cost", SMALL + file, *words, "--json", stdout=subprocess.PIPE)
        document = json.loads(output.stdout)
        found[name] = document[0] if isinstance(document, list) else document
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default="target/release/inceptive")
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--data", nargs="+", default=["shapes", "fashion-mnist"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[5, 3], help="number of seeds of each data set")
    parser.add_argument("--out", default="reports/claims")
    arguments = parser.parse_args()
    claims = Claims(arguments)
    claims.out.mkdir(parents=True, exist_ok=True)
    counted = costs(claims)
    runs = {data: claims.train(data) for data in claims.seeds}
    with_seeds = ", ".join(f"{count} seeds on {data}" for data, count in claims.seeds.items())
    document = {"recipe": claims.recipe, "seeds": claims.seeds, "claims": [], "near_zero": []}
    lines = [
        "# Claims of the papers, measured on small networks", "",
        f"Made by `scripts/claims.py`: recipe `{claims.recipe}`, {with_seeds}, networks of "
        "[`architectures/small/`](../../docs/small-networks.md). Accuracies are top-1 on the test images, in percent. Differences "
        "are paired by seed and have 95% intervals (Student's t). These are small networks on small images: a "
        "disagreement with a paper does not transfer to ImageNet. Several runs share the machine, so their speeds, unlike their "
        "accuracies, are not comparable.", "",
    ]
    for title, said, favoured, other in CLAIMS:
        ratio = counted[favoured]["macs"] / counted[other]["macs"]
        lines += [f"## {title}", "", said, "",
                  f"`{favoured}` against `{other}`: {ratio:.2f} times the MACs, "
                  f"{counted[favoured]['params'] / counted[other]['params']:.2f} times the parameters.", "",
                  f"| data | {favoured} | {other} | difference | verdict |", "|---|---:|---:|---:|---|"]
        for data, found in runs.items():
            seeds = [seed for seed in found[favoured]
                     if seed in found[other] and None not in (found[favoured][seed]["test_top1"], found[other][seed]["test_top1"])]
            if not seeds:
                lines.append(f"| {data} | - | - | - | a training diverged |")
                continue
            a, b = ([found[name][seed]["test_top1"] for seed in seeds] for name in (favoured, other))
            mean, half = interval([x - y for x, y in zip(a, b)])
            weaker = min((favoured, statistics.mean(a)), (other, statistics.mean(b)), key=lambda pair: pair[1])
            said_of_it = verdict(mean, half, title in NO_LOSS, weaker)
            lines.append(f"| {data} | {points(*interval(a))} | {points(*interval(b))} | {points(mean, half, '+')} | {said_of_it} |")
            document["claims"].append({
                "title": title, "data": data, "favoured": favoured, "other": other, "macs_ratio": ratio, "seeds": seeds,
                "favoured_top1": a, "other_top1": b, "difference": mean, "half_interval": half, "verdict": said_of_it})
        lines.append("")
    lines += ["## Weights that end near zero", "",
              "The motive for Inception: in wide dense layers most weights end near zero, and their compute is wasted "
              "(arXiv:1409.4842, Section 3). Near-zero weights, channels whose kernel is near zero, and dead channels, "
              "which are 0 after their ReLU on all images; definitions in [evaluating.md](../../docs/evaluating.md). Means over seeds.",
              "", "| data | network | near-zero weights | near-zero channels | dead channels |", "|---|---|---:|---:|---:|"]
    most = 0
    for data, found in runs.items():
        for name in INSPECTED:
            seen = [claims.near_zero(name, run, data) for run in found[name].values() if run["checkpoint"]]
            shares = [shares_of(one) for one in seen]
            if not shares:
                continue
            weights, channels, dead = (statistics.mean(share[at] for share in shares) for at in range(3))
            lines.append(f"| {data} | {name} | {100 * weights:.2f}% | {100 * channels:.2f}% | {100 * dead:.2f}% |")
            most = max(most, weights)
            document["near_zero"].append({"data": data, "network": name, "weights": weights, "channels": channels, "dead": dead})
    normal = math.erf(NEAR_ZERO / 2 ** 0.5)
    said = "no more near-zero weights than by chance; these networks do not show the motive" if most < 1.5 * normal else "more than that"
    lines += ["", f"Of normally distributed weights, {100 * normal:.2f}% would be near zero. Verdict: {said}."]
    document["near_zero_of_normal"] = normal
    claims.run("report", claims.store, "--out", claims.out.relative_to(ROOT), "--title", "Claims of the papers", stdout=subprocess.DEVNULL)
    (claims.out / "claims.md").write_text("\n".join(lines) + "\n")
    (claims.out / "claims.json").write_text(json.dumps(document, indent=1) + "\n")
    print("\n".join(lines))


def shares_of(found):
    """Shares of near-zero weights, of near-zero channels, and of dead channels among those behind a ReLU."""
    layers = found["layers"]
    weights = sum(layer["weights"] for layer in layers)
    near_weights = sum(layer["near_zero_weights"] * layer["weights"] for layer in layers)
    channels = sum(len(layer["norms"]) for layer in layers)
    near_channels = sum(layer["near_zero_channels"] for layer in layers)
    watched = [layer for layer in layers if layer["dead"] is not None]
    dead = sum(len(layer["dead"]) for layer in watched)
    behind = sum(len(layer["norms"]) for layer in watched)
    return near_weights / max(weights, 1), near_channels / max(channels, 1), dead / max(behind, 1)


if __name__ == "__main__":
    main()
