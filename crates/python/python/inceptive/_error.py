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
    """The line, from 1."""
    column: Optional[int]
    """The column in characters, from 1."""


class Error(Exception):
    """Something cannot be read, counted or written.

    As text, it shows every mistake with file, line, column and source line.
    """

    diagnostics: list[Diagnostic]
    """The mistakes one by one; empty unless a YAML file is wrong."""

    def __init__(self, text: str, diagnostics: Sequence[tuple[object, ...]] = ()) -> None:
        super().__init__(text)
        self.diagnostics = [Diagnostic._make(diagnostic) for diagnostic in diagnostics]


# As users write it, also in tracebacks.
Error.__module__ = "inceptive"
