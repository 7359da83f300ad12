"""What is wrong with a file, a setting or a request."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Optional, Sequence


class Diagnostic(NamedTuple):
    """A mistake in a YAML file."""

    code: str
    """Its kind, such as ``E101``; ``inceptive explain E101`` explains it."""
    message: str
    """What is wrong, in one sentence."""
    help: Optional[str]
    """How to fix it, if that is known."""
    file: Optional[Path]
    """The file that the mistake is in; None for a mistake in `set`."""
    line: Optional[int]
    """The line, from 1; of a mistake in `set` that of the value."""
    column: Optional[int]
    """The column in characters, from 1."""


# What stands for the file of a mistake in `set`.
_SETTINGS = Path("--set")


class Error(Exception):
    """Something cannot be read, counted or written.

    As text, it shows every mistake with file, line, column and source line.
    """

    diagnostics: list[Diagnostic]
    """The mistakes one by one; empty unless a YAML file is wrong."""

    def __init__(self, text: str, diagnostics: Sequence[tuple[object, ...]] = ()) -> None:
        super().__init__(text)
        made = map(Diagnostic._make, diagnostics)
        self.diagnostics = [one._replace(file=None) if one.file == _SETTINGS else one for one in made]


# As users write it, also in tracebacks.
Error.__module__ = "inceptive"
