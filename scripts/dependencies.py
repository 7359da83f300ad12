#!/usr/bin/env python3
"""Check dependencies: our crates only depend downwards, their modules go in no circle, and others come from
crates.io under known licences.

    python3 scripts/dependencies.py      # exit 1 with a line for each violation
"""

import graphlib
import json
import re
import subprocess
import sys
from pathlib import Path

# Each crate may depend on those before it. In tests, those in the set below may also use the language.
LAYERS = [
    "inceptive-files", "inceptive-ir", "inceptive-format", "inceptive-kernels", "inceptive-cost", "inceptive-results",
    "inceptive-data", "inceptive-dsl", "inceptive-explore", "inceptive-weights", "inceptive-engine", "inceptive-pytorch", "inceptive-train", "inceptive-onnx", "inceptive-store", "inceptive-bench", "inceptive-draw",
    "inceptive-report", "inceptive-app", "inceptive-gui", "inceptive", "inceptive-python",
]
# Nothing depends on them, except that the Python package has the command.
PROGRAMS = {"inceptive-gui", "inceptive", "inceptive-python"}
PACKAGED = {("inceptive-python", "inceptive")}
TESTS_ONLY = {
    (f"inceptive-{crate}", "inceptive-dsl")
    for crate in ("cost", "weights", "onnx", "pytorch", "bench", "draw", "report")
}
# Only this crate uses engines, and what keeps and shows results builds without it.
ENGINES_OWNER = "inceptive-bench"
ENGINES = {"openvino", "openvino-sys", "ort", "rten", "rten-tensor"}
WITHOUT_ENGINES = {"inceptive-draw", "inceptive-report"}
# Modules of a crate that may use each other in a circle.
CIRCLES = {
    "inceptive-store": {"export", "parquet"},
    # A chain is a step, and holds steps.
    "inceptive-kernels": {"chain", "step"},
}

LICENCES = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "ISC", "MIT", "MIT-0", "MPL-2.0", "OFL-1.1", "Ubuntu-font-1.0", "Unicode-3.0", "Unlicense", "Zlib",
}
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be satisfied with the licences above."""
    words = re.findall(r"\(|\)|[^\s()/]+(?: WITH [^\s()/]+)?|/", expression.replace(" OR ", " / "))
    python = {"(": "(", ")": ")", "/": " or ", "AND": " and "}
    return bool(eval("".join(python.get(word, str(word in LICENCES)) for word in words)))


def direction(package: dict) -> list[str]:
    """Dependencies of one of our crates on ours that point upwards."""
    name = package["name"]
    if name not in LAYERS:
        return [f"{name} has no place in scripts/dependencies.py"]
    violations = []
    for dependency in package["dependencies"]:
        other = dependency["name"]
        if other == name:
            # Its own tests, with its features.
            continue
        if other in ENGINES and name != ENGINES_OWNER:
            violations.append(f"{name} must not depend on {other}; only {ENGINES_OWNER} may")
        if other not in LAYERS:
            continue
        upwards = LAYERS.index(other) >= LAYERS.index(name) or other in PROGRAMS and (name, other) not in PACKAGED
        engines = name in WITHOUT_ENGINES and other == ENGINES_OWNER
        if (name, other) in TESTS_ONLY:
            upwards = dependency["kind"] != "dev"
        if upwards or engines:
            violations.append(f"{name} must not depend on {other}")
    return violations


def uses(text: str) -> set[str]:
    """The first name of everything that a file uses from its own crate."""
    names = set()
    for used in re.findall(r"\bcrate::(\w+|\{[^;]*\};)", text):
        while (outer := re.sub(r"(?<=.)\{[^{}]*\}", "", used)) != used:
            used = outer
        names.update(re.findall(r"(?:^|[{,])\s*(\w+)", used))
    return names


def circle(package: dict) -> list[str]:
    """A circle of modules in one of our crates, folders taken as one; tests may use anything."""
    folder = Path(package["manifest_path"]).parent / "src"
    texts: dict[str, str] = {}
    for file in sorted(folder.rglob("*.rs")):
        text = re.split(r"#\[cfg\(test\)\]\s*mod tests \{", re.sub(r"//.*", "", file.read_text()))[0]
        if file.parent == folder:
            text = re.sub(r"\bsuper::", "crate::", text)
        module = file.relative_to(folder).parts[0].removesuffix(".rs")
        module = "root" if module in ("lib", "main") else module
        texts[module] = texts.get(module, "") + text
    exports = re.compile(r"pub(?:\(crate\))? use (\w+)(::[^;]+);")
    homes = {name: home for home, rest in exports.findall(texts["root"]) for name in re.findall(r"\w+", rest)}
    edges = {module: {name if name in texts else homes.get(name, "root") for name in uses(text)}
             for module, text in texts.items()}
    edges["root"] = set(re.findall(r"\b(\w+)::", exports.sub("", texts["root"]))) & texts.keys()
    may = CIRCLES.get(package["name"], set())
    order = graphlib.TopologicalSorter()
    for module, used in edges.items():
        order.add(module, *(used - {module} - (may if module in may else set())))
    try:
        order.prepare()
    except graphlib.CycleError as error:
        return [f"modules of {package['name']} go in a circle: {' <- '.join(error.args[1])}"]
    return []


def origin(package: dict) -> list[str]:
    """What is wrong with a package that is not ours."""
    name = f"{package['name']} {package['version']}"
    violations = []
    if package["source"] != CRATES_IO:
        violations.append(f"{name} comes from {package['source']}")
    if not allowed(package["license"] or ""):
        violations.append(f"{name} has the licence {package['license']}")
    return violations


def main() -> int:
    """Print every violation; 1 if there is one."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    ours = set(metadata["workspace_members"])
    violations = []
    for package in metadata["packages"]:
        violations += direction(package) + circle(package) if package["id"] in ours else origin(package)
    print("\n".join(violations) or f"{len(metadata['packages'])} packages, directions, modules and licences are right")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
