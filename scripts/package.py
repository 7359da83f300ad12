#!/usr/bin/env python3
"""Pack the programs for this system, with manual pages, completions, documentation, the shipped networks and recipes.

    cargo build --profile dist -p inceptive -p inceptive-gui
    python3 scripts/package.py target/dist --out packages

Writes inceptive-VERSION-ARCHITECTURE-SYSTEM.tar.gz, on Windows .zip. The folder in it can be used where it is unpacked.
"""

import argparse
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WINDOWS = platform.system() == "Windows"
SUFFIX = ".exe" if WINDOWS else ""
# Names of the scripts, as each shell looks for them.
COMPLETIONS = {
    "bash": "bash/inceptive", "elvish": "elvish/inceptive.elv", "fish": "fish/inceptive.fish",
    "powershell": "powershell/inceptive.ps1", "zsh": "zsh/_inceptive",
}


def fill(folder: pathlib.Path, binaries: pathlib.Path) -> None:
    """Copy the programs and what belongs to them to an empty folder."""
    for name in ("inceptive", "inceptive-gui"):
        shutil.copy2(binaries / f"{name}{SUFFIX}", folder)
    for name in ("architectures", "docs", "recipes"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"):
        shutil.copy2(ROOT / name, folder)
    program = folder / f"inceptive{SUFFIX}"
    subprocess.run([program, "manual", folder / "man" / "man1"], check=True, stdout=subprocess.DEVNULL)
    for shell, name in COMPLETIONS.items():
        script = subprocess.run([program, "completions", shell], check=True, stdout=subprocess.PIPE).stdout
        path = folder / "completions" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(script)


def check(folder: pathlib.Path) -> None:
    """Use the folder as somebody who unpacked it does."""
    program = folder / f"inceptive{SUFFIX}"
    networks = subprocess.run([program, "cost", "architectures/googlenet.yaml"], cwd=folder, check=True, capture_output=True)
    if b"6,998,552" not in networks.stdout:
        sys.exit("the packed program counts wrongly")
    if not (folder / "man" / "man1" / "inceptive-cost.1").is_file():
        sys.exit("manual pages are missing")


def main() -> None:
    """Pack, unpack elsewhere, and try what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=pathlib.Path, help="folder with the built programs")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the package")
    options = parser.parse_args()
    program = options.binaries / f"inceptive{SUFFIX}"
    version = subprocess.run([program, "-V"], check=True, capture_output=True, text=True).stdout.split()[1]
    name = f"inceptive-{version}-{platform.machine().lower()}-{platform.system().lower()}"
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / name
        folder.mkdir()
        fill(folder, options.binaries)
        base = options.out.resolve() / name
        package = shutil.make_archive(str(base), "zip" if WINDOWS else "gztar", temporary, name)
        unpacked = pathlib.Path(temporary) / "unpacked"
        shutil.unpack_archive(package, unpacked)
        check(unpacked / name)
    print(package)


if __name__ == "__main__":
    main()
