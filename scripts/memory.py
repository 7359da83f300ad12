"""Runs the tests of the kernels under valgrind, which notices every access out of bounds and every use of memory that
nothing was written to. Valgrind does not know AVX-512, and says so to programs: the tests use AVX2 and plain code.

    python3 scripts/memory.py [CASES]

CASES are the random shapes of each step; 12 take about a minute.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ["steps", "special"]

# Touches a guard page on purpose, in a process of its own.
FAULTS = "a_number_beside_the_memory_cannot_be_touched"


def executables() -> list[str]:
    """The tests' programs, built if need be."""
    targets = [word for test in TESTS for word in ("--test", test)]
    build = ["cargo", "test", "--workspace", "--locked", "--no-run", "--message-format=json", *targets]
    lines = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    built = [message for message in messages if message.get("executable") and message["target"]["name"] in TESTS]
    return [message["executable"] for message in built]


def main() -> None:
    cases = sys.argv[1] if len(sys.argv) > 1 else "12"
    found = executables()
    if len(found) != len(TESTS):
        sys.exit(f"expected the programs of {TESTS}, found {found}")
    for executable in found:
        command = ["valgrind", "--quiet", "--error-exitcode=9", executable, "--test-threads=1", "--skip", FAULTS]
        environment = {**os.environ, "PROPTEST_CASES": cases}
        # Where the tests' own files are, as cargo runs them.
        outcome = subprocess.run(command, cwd=ROOT / "crates/kernels", env=environment)
        if outcome.returncode:
            sys.exit(outcome.returncode)


if __name__ == "__main__":
    main()
