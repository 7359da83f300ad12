#!/usr/bin/env python3
"""Open the dashboard in a real window on a headless X server, go through its tabs, and close it.

    cargo build -p inceptive-gui
    python3 scripts/window.py [--binary FILE] [--size 1280x800] [--shots DIR]      # needs Xvfb, xdotool, ImageMagick

Exit 1 if it does not open, shows nothing on a tab, or does not end with Ctrl Q. With --shots, pictures of
the tabs are written to DIR.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABS = ["graph", "source", "design", "tradeoff", "compare", "run"]
PATIENCE_S = 90

# A picture of an empty window has a handful of colours.
FEWEST_COLOURS = 40


def output(command: list[str], environment: dict[str, str]) -> str:
    """What a command prints; nothing if it fails."""
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return run.stdout.strip()


def window_of(process: subprocess.Popen, environment: dict[str, str]) -> str:
    """The window, as soon as it is there."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the dashboard ended with {process.returncode} before it had a window")
        found = output(["xdotool", "search", "--onlyvisible", "--name", "Inceptive"], environment)
        if found:
            return found.splitlines()[0]
        time.sleep(0.2)
    raise SystemExit("the dashboard has no window")


def go_through(process: subprocess.Popen, environment: dict[str, str], shots: pathlib.Path) -> list[str]:
    """Show every tab; what is wrong."""
    problems = []
    window = window_of(process, environment)
    time.sleep(3)
    output(["xdotool", "windowfocus", "--sync", window], environment)
    for number, tab in enumerate(TABS, 1):
        output(["xdotool", "key", "--window", window, f"ctrl+{number}"], environment)
        time.sleep(2)
        picture = shots / f"{tab}.png"
        output(["import", "-window", window, str(picture)], environment)
        colours = output(["identify", "-format", "%k", str(picture)], environment) or "0"
        if int(colours) < FEWEST_COLOURS:
            problems.append(f"{tab}: only {colours} colours are on the screen")
        if process.poll() is not None:
            return [*problems, f"{tab}: the dashboard ended with {process.returncode}"]
    output(["xdotool", "key", "--window", window, "ctrl+q"], environment)
    try:
        code = process.wait(20)
        if code != 0:
            problems.append(f"it ended with {code}")
    except subprocess.TimeoutExpired:
        problems.append("Ctrl Q does not end it")
    return problems


def main() -> int:
    """Print what is wrong; 1 if something is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target" / "debug" / "inceptive-gui")
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--shots", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        shots = arguments.shots or folder
        shots.mkdir(parents=True, exist_ok=True)
        read, write = os.pipe()
        screen = f"{arguments.size}x24"
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", screen, "-nolisten", "tcp"],
            pass_fds=[write], stderr=subprocess.DEVNULL,
        )
        display = os.read(read, 16).decode().strip()
        # A home of its own: nothing is remembered from before, and nothing is left.
        environment = {**os.environ, "DISPLAY": f":{display}", "LIBGL_ALWAYS_SOFTWARE": "1", "HOME": str(folder),
                       "XDG_DATA_HOME": str(folder)}
        environment.pop("WAYLAND_DISPLAY", None)
        command = [str(arguments.binary), str(ROOT / "architectures" / "googlenet-bn.yaml"), "--store", str(folder / "results.db")]
        process = subprocess.Popen(command, env=environment)
        try:
            problems = go_through(process, environment, shots)
        finally:
            process.kill()
            server.kill()
    print("\n".join(problems) or f"{len(TABS)} tabs were shown, and the window closed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
