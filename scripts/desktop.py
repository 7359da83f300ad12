"""The dashboard in a real window on a headless X server, found by what it tells screen readers and worked by keys and mouse.

Needs Xvfb, xdotool, ImageMagick, dbus-daemon, at-spi2-core and the system's Python with gir1.2-atspi-2.0.
"""

import ast
import contextlib
import os
import pathlib
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

PATIENCE_S = 60

# A picture of an empty window has a handful of colours.
FEWEST_COLOURS = 40


class Failed(Exception):
    """What the window does not show or do."""


@contextlib.contextmanager
def screen(size: str) -> Iterator[None]:
    """An X server of a size as `1280x800`, and a bus for screen readers, for this process and those that it starts."""
    with contextlib.ExitStack() as stack:
        runtime = stack.enter_context(tempfile.TemporaryDirectory())
        server = ["Xvfb", "-displayfd", "{fd}", "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"]
        # Servers that the bus starts are to know this display, and no other.
        os.environ.update(DISPLAY=f":{_start(stack, *server)}", XDG_RUNTIME_DIR=runtime, LIBGL_ALWAYS_SOFTWARE="1")
        os.environ.pop("WAYLAND_DISPLAY", None)
        bus = _start(stack, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address={fd}")
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = bus
        _announce_reader()
        yield


def _start(stack: contextlib.ExitStack, *command: str) -> str:
    """Start a server that says where it is in a file of its own; what it says."""
    read, write = os.pipe()
    process = subprocess.Popen(
        [part.format(fd=write) for part in command], pass_fds=[write],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    os.close(write)
    stack.callback(_end, process)
    with os.fdopen(read) as said:
        return said.readline().strip()


def _end(process: subprocess.Popen) -> None:
    """End a server."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()


def _announce_reader() -> None:
    """Programs only tell screen readers what they show if there is one."""
    import gi
    from gi.repository import Gio, GLib

    gi.require_version("Atspi", "2.0")
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for name in ["IsEnabled", "ScreenReaderEnabled"]:
        value = GLib.Variant("(ssv)", ("org.a11y.Status", name, GLib.Variant("b", True)))
        bus.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set", value, None, 0, -1, None)


def output(*command: str) -> str:
    """What a command prints; nothing if it fails."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()


class Dashboard:
    """A window of the dashboard. Coordinates are pixels from its upper left corner."""

    def __init__(self, binary: pathlib.Path, *arguments: str, home: pathlib.Path, scale: float = 1.0) -> None:
        # A home of its own: nothing is remembered from before, and nothing is left.
        environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home), "WINIT_X11_SCALE_FACTOR": str(scale)}
        self.process = subprocess.Popen([str(binary), *arguments], env=environment, cwd=home)
        search = ["xdotool", "search", "--onlyvisible", "--name", "Inceptive"]
        self.window = self.wait("window", lambda: output(*search).partition("\n")[0])

    def wait(self, what: str, found: Callable, patience_s: float = PATIENCE_S):
        """What `found` gives, as soon as that is anything."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failed(f"the dashboard ended with {self.process.returncode} before there was a {what}")
            if it := found():
                return it
            time.sleep(0.05)
        raise Failed(f"there is no {what}")

    def _nodes(self) -> Iterator:
        from gi.repository import Atspi, GLib

        def below(node) -> Iterator:
            yield node
            # A part may be gone before it is asked for.
            with contextlib.suppress(GLib.GError):
                for index in range(node.get_child_count()):
                    with contextlib.suppress(GLib.GError):
                        if child := node.get_child_at_index(index):
                            yield from below(child)

        desktop = Atspi.get_desktop(0)
        desktop.clear_cache()
        for index in range(desktop.get_child_count()):
            application = desktop.get_child_at_index(index)
            if application and application.get_process_id() == self.process.pid:
                yield from below(application)

    def _find(self, name: str, role: str | None):
        from gi.repository import GLib

        pattern = re.compile(name)
        for node in self._nodes():
            with contextlib.suppress(GLib.GError):
                if (role is None or node.get_role_name() in role.split("|")) and pattern.fullmatch(node.get_name() or ""):
                    return node
        return None

    def find(self, name: str, role: str | None = None, patience_s: float = PATIENCE_S):
        """The first part whose name matches an expression and whose role is one of these, as soon as it is there."""
        return self.wait(f"{role or 'part'} {name!r}", lambda: self._find(name, role), patience_s)

    def said(self) -> list[str]:
        """Role and name of everything that has a name."""
        from gi.repository import GLib

        said = []
        for node in self._nodes():
            with contextlib.suppress(GLib.GError):
                if name := node.get_name():
                    said.append(f"{node.get_role_name()} {name!r}")
        return said

    def names(self, name: str, role: str) -> list[str]:
        """The names of all parts with this role that match an expression, in the order of the window."""
        start = f"{role} "
        names = [ast.literal_eval(said.removeprefix(start)) for said in self.said() if said.startswith(start)]
        return [found for found in names if re.fullmatch(name, found)]

    def has(self, name: str, role: str | None = None) -> bool:
        """Whether a part is there now."""
        return self._find(name, role) is not None

    def place(self, name: str, role: str | None = None) -> tuple[int, int, int, int]:
        """Left, top, width and height of a part."""
        from gi.repository import Atspi

        extents = self.find(name, role).get_extents(Atspi.CoordType.WINDOW)
        return extents.x, extents.y, extents.width, extents.height

    def middle(self, name: str, role: str | None = None) -> tuple[int, int]:
        """The middle of a part."""
        left, top, width, height = self.place(name, role)
        return left + width // 2, top + height // 2

    def click(self, name: str, role: str | None = None, times: int = 1, key: str | None = None) -> None:
        """Click a part, once or more, while a key is held or not."""
        self.move(self.middle(name, role))
        held = ["keydown", key] if key else []
        freed = ["keyup", key] if key else []
        repeat = ["--repeat", str(times), "--delay", "60"]
        output("xdotool", *held, "click", *repeat, "1", *freed)
        self.settle()

    def move(self, at: tuple[int, int]) -> None:
        """Move the pointer."""
        output("xdotool", "mousemove", "--window", self.window, str(at[0]), str(at[1]))
        time.sleep(0.15)

    def drag(self, start: tuple[int, int], end: tuple[int, int], button: int = 1) -> None:
        """Drag from one place to another, in steps as a hand does."""
        self.move(start)
        output("xdotool", "mousedown", str(button))
        for part in range(1, 11):
            self.move(tuple(round(a + (b - a) * part / 10) for a, b in zip(start, end)))
        output("xdotool", "mouseup", str(button))
        self.settle()

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as `ctrl+s`."""
        output("xdotool", "key", "--delay", "25", *keys)
        self.settle()

    def type(self, text: str) -> None:
        """Type a text."""
        output("xdotool", "type", "--delay", "25", text)
        self.settle()

    def settle(self) -> None:
        """Give it the time to draw."""
        time.sleep(0.3)

    def resize(self, size: str) -> None:
        """Make the window as large as `1280x800`."""
        output("xdotool", "windowmove", self.window, "0", "0")
        output("xdotool", "windowsize", "--sync", self.window, *size.split("x"))
        output("xdotool", "windowfocus", "--sync", self.window)
        self.settle()

    def picture(self, file: pathlib.Path) -> None:
        """Write what can be seen."""
        file.parent.mkdir(parents=True, exist_ok=True)
        # A palette is enough for what a window shows, and a quarter of the size.
        few = ["-dither", "None", "-colors", "255", "-define", "png:compression-level=9"]
        output("import", "-window", self.window, *few, f"png8:{file}")
        colours = output("identify", "-format", "%k", str(file)) or "0"
        if int(colours) < FEWEST_COLOURS:
            raise Failed(f"{file.name}: only {colours} colours are on the screen")

    def close(self) -> None:
        """Close the window with a key."""
        self.press("ctrl+q")
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            raise Failed("Ctrl Q does not end it") from None
        if code != 0:
            raise Failed(f"it ended with {code}")

    def kill(self) -> None:
        """End it if it still runs."""
        self.process.kill()
        self.process.wait()
