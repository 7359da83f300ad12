#!/usr/bin/python3
"""Edit YAML, look at a graph and move its widths, choose networks of a space, compare and report, train, explore: the journeys that the dashboard is for, by keys and mouse.

    cargo build --workspace
    /usr/bin/python3 scripts/journeys.py [--binary FILE] [--size 1280x800] [--scale 1] [--theme light] [--only edit] [--pictures DIR]

Works on copies of architectures/. Each step checks what the window says and what is on the disk. With --pictures, what
can be seen after each step is written to DIR. Exit 1 at the first step that goes wrong. What is needed: see desktop.py.
"""

import argparse
import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from desktop import Dashboard, Failed, screen

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The file that is edited, the module whose 3x3 branch is made wider, and where its width stands.
FILE, MODULE, WIDTH = "googlenet.yaml", "inception 4a:", "c3: 208"


class Journey:
    """A window on a copy of architectures/, and where pictures of it go."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path) -> None:
        self.options = options
        self.folder = folder / "architectures"
        self.pictures = options.pictures or folder / "pictures"
        shutil.copytree(ROOT / "architectures", self.folder)
        self.window = Dashboard(options.binary, "architectures", home=folder, scale=options.scale)

    def begin(self) -> None:
        """Make it as large and as bright as it is wanted."""
        self.window.resize(self.options.size)
        self.window.find("[0-9]+ files", "label")
        for _ in range(3):
            if self.options.theme and not self.window.has(f"Theme: {self.options.theme}", "push button"):
                self.window.click("Theme: .*", "push button")

    def picture(self, name: str) -> None:
        """Keep what can be seen."""
        self.window.picture(self.pictures / f"{name}.png")
        print(name, flush=True)

    def counts(self, file: str, *settings: str) -> dict:
        """What the command line counts."""
        command = [str(self.options.binary.parent / "inceptive"), "cost", str(self.folder / file), "--json"]
        for setting in settings:
            command += ["--set", setting]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)[0]

    def select(self, name: str) -> None:
        """Go to a file with the keyboard."""
        self.window.press("ctrl+p")
        self.window.type(name)
        self.window.press("Return")


def number(value: int) -> str:
    """As the window writes it: 1,582,671,872."""
    return f"{value:,}"


def go_to_width(window: Dashboard, text: str) -> None:
    """Select the number of a width in the text."""
    before, _, _ = text.partition(MODULE)
    line = before.count("\n")
    column = text.splitlines()[line].index(WIDTH) + WIDTH.index("2")
    window.click("Text of the file")
    window.press("ctrl+Home", *["Down"] * line, "Home", *["Right"] * column, *["shift+Right"] * 3)


def edit(journey: Journey) -> None:
    """Open a file, change a width, make a mistake, save; then change it in another program."""
    window, file = journey.window, journey.folder / FILE
    journey.select("googlenet")
    window.press("ctrl+2")
    text = file.read_text()
    go_to_width(window, text)
    journey.picture("edit-1-source")

    window.type("256")
    window.find("valid, not saved", "label")
    window.press("ctrl+1")
    wanted = number(journey.counts(FILE, "4a.c3=256")["macs"])
    window.find(wanted, "label")
    journey.picture("edit-2-counts")

    window.press("ctrl+2")
    window.click("Text of the file")
    window.press("ctrl+Home", "Down", "End")
    time.sleep(1)
    window.press("Return")
    window.type("clases: 1000")
    window.find("[0-9]+ errors?", "label")
    window.find(".*did you mean `classes`.*", "label")
    journey.picture("edit-3-mistake")

    # The line and its end are steps of their own.
    for _ in range(10):
        window.press("ctrl+z")
        with contextlib.suppress(Failed):
            window.find("valid, not saved", "label", patience_s=3)
            window.press("ctrl+s")
            window.find("valid", "label")
            if file.read_text() == text.replace(WIDTH, "c3: 256"):
                break
    else:
        raise Failed("the file is not the text with the new width")

    window.press("ctrl+1")
    wanted = number(journey.counts(FILE, "4a.c3=320")["macs"])
    start = time.monotonic()
    file.write_text(text.replace(WIDTH, "c3: 320"))
    window.find(wanted, "label", patience_s=5)
    print(f"edit: what another program wrote was shown after {time.monotonic() - start:.2f} s")
    journey.picture("edit-4-elsewhere")


def look(journey: Journey) -> None:
    """Open a module, see where compute goes, slide a width, keep it as a file, see all networks as points."""
    window = journey.window
    journey.select("googlenet")
    window.press("ctrl+1")
    window.click("4a", "push button", times=2)
    window.find("4a/5x5", "push button")
    journey.picture("look-1-module")

    window.press("o")
    window.click("Colour nodes by", "combo box")
    window.click("compute", "push button|toggle button|menu item|list item")
    window.press("slash")
    window.type("4a/3x3/conv")
    window.press("Return")
    window.find("4a/3x3/conv", "push button")
    window.find(number(layer(journey, "4a/3x3/conv")["macs"]), "label")
    journey.picture("look-2-compute")

    window.press("ctrl+3")
    left, top, width, height = window.place("width_multiplier", "slider")
    window.drag((left + width // 2, top + height // 2), (left + width // 4, top + height // 2))
    window.find("[1-9] changes? to googlenet.yaml, not saved", "label")
    now = window.find("MACs: .*", "label").get_name()
    if now == f"MACs: {number(journey.counts('googlenet.yaml')['macs'])}":
        raise Failed("the slider moves no number")
    journey.picture("look-3-slider")

    window.find("googlenet-design-1", "list item")
    window.press("ctrl+s")
    design = journey.folder / "googlenet-design-1.yaml"
    window.wait("written design", design.is_file)
    text = design.read_text()
    counted = f"MACs: {number(journey.counts('googlenet-design-1.yaml')['macs'])}"
    if "extends: googlenet.yaml" not in text or counted != now:
        raise Failed(f"the file has {counted}, the sliders gave {now}")

    window.press("ctrl+4")
    window.find("mobilenet-v2 in the plot, Pareto-optimal", "push button|toggle button")
    journey.picture("look-4-front")

    journey.select("googlenet-widths")
    window.click("Draw the space", "push button")
    window.find("1,920 networks of .*", "label")
    window.click("y axis", "combo box")
    window.click("parameters", "push button|toggle button|menu item|list item")
    window.wait("closed list", lambda: not window.has("activations", "push button|toggle button|menu item|list item"))
    window.settle()
    journey.picture("look-5-space")


def layer(journey: Journey, path: str) -> dict:
    """What the command line counts of a node."""
    layers = journey.counts("googlenet.yaml")["layers"]
    return next(layer for layer in layers if layer["path"] == path)


def compare(journey: Journey) -> None:
    """Set networks against each other, measure them, see what bounds them, write a report."""
    window = journey.window
    names = ["googlenet-naive", "googlenet", "googlenet-bn"]
    journey.select(names[0])
    for name in names[1:]:
        window.click(name, "list item", key="ctrl")
    window.press("ctrl+5")
    window.find(number(journey.counts("googlenet-naive.yaml")["macs"]), "label")
    journey.picture("compare-1-numbers")

    window.click("Graphs", "toggle button|push button")
    window.find("3a in the base: changed", "push button")
    journey.picture("compare-2-graphs")

    window.press("ctrl+6")
    window.find("native .*", "check box")
    window.press("ctrl+Return")
    window.find("Cancel bench 3 networks", "push button")
    time.sleep(7)
    journey.picture("compare-3-bench")
    window.find(r"Latencies \(3\)", "toggle button|push button")
    window.click("Profile", "toggle button|push button")
    window.press("ctrl+Return")
    window.click(r"Profiles \([1-3]\)", "toggle button|push button")
    window.find(r"Profiles \(3\)", "toggle button|push button")
    window.find("Roofline with .*")
    journey.picture("compare-4-roofline")

    window.click("Report", "toggle button|push button")
    folder = journey.folder.parent / "reports" / "three"
    window.click("Folder of the report")
    window.press("ctrl+a")
    window.type("reports/three")
    window.click("Start", "push button")
    window.find("Open page", "push button")
    journey.picture("compare-5-report")
    missing = [name for name in ["index.html", "data.json", "report.md"] if not (folder / name).is_file()]
    if missing:
        raise Failed(f"the report has no {', '.join(missing)}")


def train(journey: Journey) -> None:
    """Train two networks, watch them learn, see what is confused and which branches are worth their compute."""
    window = journey.window
    journey.select("single-5x5")
    window.click("bn", "list item")
    window.click("double3x3", "list item", key="ctrl")
    window.press("ctrl+7")
    window.click("Data")
    window.press("ctrl+a")
    window.type("shapes:train=1200,test=300")
    window.click("Settings of the recipe")
    window.type("epochs=3")
    window.press("ctrl+Return")
    window.find("Curves of training loss: 2 runs", patience_s=120)
    window.wait("trained networks", lambda: window.has("3/3", "label") and not window.has("Stop .*", "push button"), patience_s=120)
    journey.picture("train-1-curves")

    window.click("Small Inception with batch normalisation", "link")
    window.find("Confusion matrix of Small Inception with batch normalisation, seed 0: 10 classes")
    journey.picture("train-2-confusions")

    window.click("Inspect", "push button")
    window.find("inspect bn, seed 0")
    window.wait("an inspection", lambda: not window.has("Stop .*", "push button"), patience_s=120)
    window.click("bn", "list item")
    window.press("ctrl+1")
    window.click("Colour nodes by", "combo box")
    window.click("lost accuracy", "push button|toggle button|menu item|list item")
    window.find("legend: lost accuracy.*")
    journey.picture("train-3-branches")

    weights = list((journey.folder.parent).rglob("*.safetensors"))
    if len(weights) != 2:
        raise Failed(f"there are {len(weights)} files of trained weights")


def choose(journey: Journey) -> None:
    """From a space to three saved files: count it, filter it by a condition, sort it, mark three networks, save them."""
    window = journey.window
    journey.select("googlenet-widths")
    window.press("ctrl+4")
    window.click("Draw the space", "push button")
    window.find("1,920 networks of .*", "label")
    window.click("Both", "toggle button|push button")
    window.click("Filter networks")
    window.type("macs < 1.2G and tail == gap")
    window.find("1,920 networks of .*, [0-9]+ match the filters.*", "label")
    journey.picture("choose-1-filtered")

    window.click("Table", "toggle button|push button")
    window.click("parameters", "push button|toggle button")
    window.settle()
    marked = [name for name in window.names("Mark googlenet-widths .*", "check box")][:3]
    if len(marked) != 3:
        raise Failed(f"the table has {len(marked)} networks of the space")
    for name in marked:
        window.click(name, "check box")
    window.find(r"Shortlist \(3\)", "label")
    journey.picture("choose-2-shortlist")

    before = set(journey.folder.glob("*.yaml"))
    window.click("Save as files…", "push button")
    window.find("File 3")
    window.click("Save 3 files", "push button")
    window.wait("three files", lambda: len(set(journey.folder.glob("*.yaml")) - before) == 3)
    saved = sorted(set(journey.folder.glob("*.yaml")) - before)
    # The list may be at another place: only files with this in their names are shown.
    window.press("ctrl+p")
    window.type("gap")
    for file in saved:
        window.find(file.stem, "list item")
        counts = journey.counts(file.name)
        if "extends: " not in file.read_text() or not counts["macs"] < 1.2e9:
            raise Failed(f"{file.name} is not what was marked: {counts['macs']:,} MACs")
    window.click(saved[0].stem, "list item")
    window.press("ctrl+3")
    window.find(f"MACs: {number(journey.counts(saved[0].name)['macs'])}", "label")
    journey.picture("choose-3-saved")


def explore(journey: Journey) -> None:
    """Count all networks of a space, filter them by a box, save one of the front, and search for the best of them."""
    window = journey.window
    journey.select("small-modules")
    window.press("ctrl+8")
    window.click("Objectives")
    window.type("macs, maximize params")
    window.click("Conditions")
    window.type("params < 300K")
    window.press("ctrl+Return")
    window.find("All 650 networks were counted in .*", "label")
    window.click("Network 4", "push button|toggle button")
    window.settle()
    journey.picture("explore-1-costs")

    before = set(journey.folder.rglob("*.yaml"))
    window.click("Save as YAML…", "push button")
    window.find("File 1")
    window.click("Save 1 file", "push button")
    window.wait("a file", lambda: set(journey.folder.rglob("*.yaml")) - before)
    (saved,) = set(journey.folder.rglob("*.yaml")) - before
    if "extends: " not in saved.read_text() or not journey.counts(str(saved.relative_to(journey.folder)))["params"] < 3e5:
        raise Failed(f"{saved.name} is not what was chosen")

    window.click("Search", "push button|toggle button")
    window.click("Objectives")
    window.press("ctrl+a", "Delete")
    window.click("Data")
    window.press("ctrl+a")
    window.type("shapes:train=600,test=300")
    window.click("Settings of the recipe")
    window.type("epochs=4")
    window.click("networks", "radio button")
    window.press("ctrl+Return")
    window.find("Plot of accuracy", patience_s=240)
    journey.picture("explore-2-search")
    window.find("probability", patience_s=600)
    window.settle()
    journey.picture("explore-3-front")


JOURNEYS: dict[str, Callable[[Journey], None]] = {
    "edit": edit,
    "look": look,
    "choose": choose,
    "compare": compare,
    "train": train,
    "explore": explore,
}


def main() -> int:
    """Do the journeys; 1 if a step goes wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target" / "debug" / "inceptive-gui")
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--theme", choices=["light", "dark"])
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("--only", choices=JOURNEYS)
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    with screen(options.size):
        for name, journey in JOURNEYS.items():
            if options.only not in (None, name):
                continue
            with tempfile.TemporaryDirectory() as temporary:
                started = Journey(options, pathlib.Path(temporary))
                try:
                    started.begin()
                    journey(started)
                    started.window.close()
                    print(f"{name}: done")
                except Failed as failed:
                    print(f"{name}: {failed}", file=sys.stderr)
                    print("\n".join(started.window.said()), file=sys.stderr)
                    return 1
                finally:
                    started.window.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
