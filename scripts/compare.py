#!/usr/bin/env python3
"""Compare `inceptive cost` with torchvision, timm and Keras, and with five other counting tools.

Builds each network that a file of `architectures/` describes, and each operator of the language, counts it, and prints
where our counts differ. Needs the packages of `scripts/requirements.txt` and a built `inceptive`.

    python scripts/compare.py                              # exit 1 if any count differs
    python scripts/compare.py --inceptive target/debug/inceptive
    python scripts/compare.py --write                      # renew the reference of the Rust tests
"""

import argparse
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

import counters
from networks import ORIGINALS, VARIANTS, Network
from operators import CHANNELS, OPERATORS, SIZE, Operator

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "crates/cost/tests/reference"
OWN_FIELDS = ("input", "params", "buffers", "macs", "acts")


class Difference(NamedTuple):
    """One compared number: what `inceptive` says and what the other implementation or tool says."""

    network: Network | Operator
    field: str
    ours: Any
    theirs: Any

    @property
    def by(self) -> int | None:
        """Theirs minus ours, where both are numbers."""
        both = isinstance(self.ours, int) and isinstance(self.theirs, int)
        return self.theirs - self.ours if both else None

    @property
    def verdict(self) -> str:
        """`equal`, `known` or `DIFFERS`."""
        if self.ours == self.theirs:
            return "equal"
        known = self.network.known.get(self.field)
        return "known" if known is not None and known == self.by else "DIFFERS"


def main() -> int:
    """Run the command line and return the exit status."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    if options.write:
        write_reference()
        return 0
    ours = inceptive_counts(options.inceptive, ROOT / "architectures")
    compared = [row for operator in OPERATORS for row in compare_operator(operator, options.inceptive)]
    compared += [row for network in (*ORIGINALS, *VARIANTS) for row in compare(network, ours)]
    print_table(compared)
    return int(any(row.verdict == "DIFFERS" for row in compared))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--inceptive",
        type=Path,
        default=ROOT / "target/release/inceptive",
        help="the program to check (default: target/release/inceptive)",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write tools.json, layers.json and operators.json of the Rust tests instead of comparing",
    )
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: 2)")
    return parser.parse_args()


def measure(network: Network) -> tuple[dict[str, Any], list[counters.Layer]]:
    """All counts of an implementation, and its layers."""
    print(f"counting {network.source}", file=sys.stderr)
    model = network.build()
    layers = counters.layers_of(network, model)
    counts = counters.counts(network, model, layers)
    return counts | counters.tool_totals(network, model), layers


def inceptive_counts(program: Path, architectures: Path) -> dict[str, dict[str, Any]]:
    """What `inceptive` says of each file that has a counterpart, by file name."""
    if not program.is_file():
        sys.exit(f"{program} is not there: run `cargo build --release`, or use --inceptive")
    ours = {}
    for network in ORIGINALS:
        file = architectures / f"{network.name}.yaml"
        ours[network.name] = run_cost(program, file)
        for tool in network.tools:
            report = run_cost(program, file, "--convention", tool)
            ours[network.name][tool] = report["convention"]["total"]
    return ours


def run_cost(program: Path, file: Path, *arguments: str) -> dict[str, Any]:
    """The one report of `inceptive cost --json` on a file."""
    command = [program, "cost", "--json", *arguments, file]
    result = subprocess.run(command, check=False, stdout=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {result.returncode}")
    report = json.loads(result.stdout)
    return report[0] if isinstance(report, list) else report


def compare(network: Network, ours: dict[str, dict[str, Any]]) -> Iterator[Difference]:
    """Every number that both sides have of one implementation."""
    theirs, _ = measure(network)
    for field in (*OWN_FIELDS, *network.tools):
        yield Difference(network, field, ours[network.name][field], theirs[field])


def compare_operator(operator: Operator, program: Path) -> Iterator[Difference]:
    """What each tool and our convention of it count for an operator."""
    theirs = counters.tool_totals(operator, operator.build().eval())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "operator.yaml"
        file.write_text(operator.document())
        for tool in operator.tools:
            ours = run_cost(program, file, "--convention", tool)["convention"]["total"]
            yield Difference(operator, tool, ours, theirs[tool])


def print_table(compared: list[Difference]) -> None:
    """The differences with the reason of the known ones, then a line of totals."""
    rows = [row for row in compared if row.verdict != "equal"]
    if rows:
        header = ("file", "compared with", "count", "ours", "theirs", "difference", "")
        print_columns([header, *(table_row(row) for row in rows)])
        print()
    reasons = {row.network.source: row.network.why for row in rows if row.verdict == "known"}
    for source, why in reasons.items():
        print(f"{source}: {why}")
    tally = {v: sum(row.verdict == v for row in compared) for v in ("equal", "known", "DIFFERS")}
    print(", ".join(f"{count} {verdict}" for verdict, count in tally.items()))


def table_row(row: Difference) -> tuple[str, ...]:
    """The cells of one difference."""
    difference = "" if row.by is None else f"{row.by:+,}"
    ours, theirs = (f"{n:,}" if isinstance(n, int) else str(n) for n in (row.ours, row.theirs))
    network = row.network
    return network.name, network.source, row.field, ours, theirs, difference, row.verdict


def print_columns(rows: list[tuple[str, ...]]) -> None:
    """Rows of text with aligned columns, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if 3 <= column <= 5 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def write_reference() -> None:
    """Renew `tools.json`, `layers.json` and `operators.json`."""
    originals, layers = {}, {}
    for network in ORIGINALS:
        measured, rows = measure(network)
        originals[network.name] = {"source": network.source} | measured
        if network.layers:
            layers[network.name] = rows
    variants = {n.source: {"name": n.name} | measure(n)[0] for n in VARIANTS}
    REFERENCE.mkdir(parents=True, exist_ok=True)
    (REFERENCE / "tools.json").write_text(tools_document(originals, variants))
    (REFERENCE / "layers.json").write_text(layers_document(layers))
    totals = {one.name: counters.tool_totals(one, one.build().eval()) for one in OPERATORS}
    (REFERENCE / "operators.json").write_text(operators_document(totals))


def tools_document(originals: dict[str, Any], variants: dict[str, Any]) -> str:
    """The text of `tools.json`: one network a line."""
    about = (
        "Counts at batch 1 in inference mode, auxiliary heads off; written by scripts/compare.py. "
        "params: learned; buffers: running means and variances; macs: convolutions and linear "
        "layers without bias; acts: outputs of both; conv_acts: of convolutions only; "
        "train_params: params with auxiliary heads. fvcore, ptflops (pytorch backend), thop, "
        "torchinfo, torch (flop counter): the tool's own total. networks are what our files copy, "
        "variants are other implementations of the same architectures."
    )
    fields = [
        f'"about": {json.dumps(about)}',
        f'"versions": {json.dumps(versions())}',
        f'"networks": {{\n{lines(originals)}\n}}',
        f'"variants": {{\n{lines(variants)}\n}}',
    ]
    return "{\n" + ",\n".join(fields) + "\n}\n"


def lines(entries: dict[str, Any]) -> str:
    """One `"key": value` a line."""
    return ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())


def layers_document(networks: dict[str, Iterable[counters.Layer]]) -> str:
    """The text of `layers.json`: one layer a line."""
    about = (
        "Convolutions and linear layers in the order in which they run, as [name in the source, "
        "op, output shape, params with bias, macs]; sources in tools.json; written by "
        "scripts/compare.py."
    )
    blocks = [
        f"{json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]"
        for name, rows in networks.items()
    ]
    body = ",\n".join(blocks)
    return f'{{\n"about": {json.dumps(about)},\n"layers": {{\n{body}\n}}\n}}\n'


def operators_document(operators: dict[str, dict[str, int]]) -> str:
    """The text of `operators.json`: one operator a line."""
    about = (
        f"Totals of five tools at batch 1 in inference mode for the steps of a network whose input has {CHANNELS} "
        f"channels of {SIZE}x{SIZE}, written with PyTorch's own modules in scripts/operators.py; written by "
        "scripts/compare.py."
    )
    return f'{{\n"about": {json.dumps(about)},\n"operators": {{\n{lines(operators)}\n}}\n}}\n'


def versions() -> dict[str, str]:
    """Versions of the packages that the numbers come from."""
    packages = ("torch", "torchvision", "timm", "keras", "fvcore", "ptflops", "thop", "torchinfo")
    return {package: importlib.metadata.version(package) for package in packages}


if __name__ == "__main__":
    sys.exit(main())
