#!/usr/bin/env python3
"""Open the dashboard for browsers in a real one.

    python3 -m pip install playwright     # and Debian's chromium
    scripts/web.sh target/web
    python3 scripts/web_page.py target/web [--report DIR] [--shots DIR] [--chromium FILE]     # exit 1 with a line for each problem

The page starts without errors, draws a network, shows every tab, and takes a file that is dropped onto it, in light and in dark. With --report, the networks of a report are opened. With --shots, pictures are written to DIR.
"""

import argparse
import base64
import functools
import http.server
import pathlib
import sys
import threading

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WINDOW = {"width": 1280, "height": 800}
TABS = 8
NETWORK = "name: Dropped\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv stem: {kernel: 3, width: 4}\ntail: gap\n"
DROP = """([name, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([text], name));
    const canvas = document.getElementById("dashboard");
    for (const kind of ["dragover", "drop"]) {
        canvas.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
    }
}"""

COLOURS = """async (data) => {
    const response = await fetch(`data:image/png;base64,${data}`);
    const image = await createImageBitmap(await response.blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    const left = image.width / 4, margin = 40;
    const pixels = context.getImageData(left, margin, image.width - left, image.height - 2 * margin).data;
    return new Set(new Uint32Array(pixels.buffer)).size;
}"""

problems: list[str] = []


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_: object) -> None:
        pass


def served(folder: pathlib.Path) -> str:
    """The address of a folder."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def opened(browser: Browser, address: str, scheme: str) -> Page:
    """The page, once it has started."""
    page = browser.new_context(viewport=WINDOW, color_scheme=scheme, accept_downloads=True).new_page()
    # That there is no report around the page is no error.
    page.on("console", lambda said: said.type != "error" or "404" in said.text
            or problems.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.goto(address)
    page.wait_for_selector("#status", state="detached", timeout=120_000)
    return page


def settled(page: Page) -> bytes:
    """What the page shows once it does not change any more, as PNG."""
    before = b""
    for _ in range(40):
        page.wait_for_timeout(700)
        shown = page.screenshot()
        if shown == before:
            break
        before = shown
    return before


def picture(page: Page, shots: pathlib.Path | None, name: str) -> bytes:
    """As `settled`, also written to a folder."""
    data = settled(page)
    if shots:
        (shots / f"{name}.png").write_bytes(data)
    return data


def colours(page: Page, shown: bytes) -> int:
    """How many colours are in the middle of a picture of the page, where the tabs are."""
    return page.evaluate(COLOURS, base64.b64encode(shown).decode())


def check(browser: Browser, address: str, scheme: str, shots: pathlib.Path | None) -> None:
    """Start the page, and go through its tabs."""
    page = opened(browser, address, scheme)
    graph = picture(page, shots, f"{scheme}-1")
    if colours(page, graph) < 50:
        problems.append(f"{scheme}: no network is drawn")
    shown = [graph]
    for tab in range(2, TABS + 1):
        page.keyboard.press(f"Control+{tab}")
        shown.append(picture(page, shots, f"{scheme}-{tab}"))
    if len(set(shown)) < TABS:
        problems.append(f"{scheme}: two tabs look alike")
    page.keyboard.press("Control+1")
    page.evaluate(DROP, ["dropped.yaml", NETWORK])
    dropped = picture(page, shots, f"{scheme}-dropped")
    if dropped == graph:
        problems.append(f"{scheme}: a file that is dropped is not shown")
    page.context.close()


def main() -> None:
    """Check a folder that `scripts/web.sh` made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--report", type=pathlib.Path)
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    if arguments.shots:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    address = served(arguments.folder)
    if arguments.report:
        (arguments.folder / "report").unlink(missing_ok=True)
        (arguments.folder / "report").symlink_to(arguments.report.resolve())
        address += "/?report=report"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=ARGUMENTS)
        for scheme in ("light", "dark"):
            check(browser, address, scheme, arguments.shots)
        browser.close()
    for line in problems:
        print(line)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
