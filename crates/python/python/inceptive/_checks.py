"""Checks of arguments, and warnings at the user's line."""

from __future__ import annotations

import operator
import sys
import warnings
from typing import Iterable, Union

_PACKAGE = __name__.partition(".")[0]


def warn(text: str) -> None:
    """Warns at the line that called this package."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
        level += 1
    warnings.warn(text, stacklevel=level)


def whole(name: str, value: object, *, least: int = 0, most: int = 2**64 - 1) -> int:
    """An argument that must be an integer of a range.

    Raises:
        TypeError: if it is no integer.
        ValueError: if it is out of the range.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {kind(value)}") from None
    if number < least:
        raise ValueError(f"{name} is {number}, but must be at least {least}")
    if number > most:
        raise ValueError(f"{name} is {number}, but must be at most {most}")
    return number


def images(batch: object) -> int:
    """The argument `batch`: a number of images."""
    return whole("batch", batch, least=1, most=2**32 - 1)


def segments(depth: object) -> int:
    """The argument `depth`: segments of a path, of which there are never as many as 255."""
    return min(whole("depth", depth), 255)


def texts(name: str, value: Union[str, Iterable[str]]) -> list[str]:
    """An argument that is a text or several.

    Raises:
        TypeError: if it is something else.
    """
    if isinstance(value, str):
        return [value]
    if isinstance(value, Iterable):
        found = list(value)
        if all(isinstance(one, str) for one in found):
            return found
    raise TypeError(f"{name} must be a text or a list of texts, not {value!r}")


def kind(value: object) -> str:
    """The name of a value's type."""
    return type(value).__name__


def missing(error: ModuleNotFoundError, package: str, extra: str) -> ImportError:
    """The error for an optional package that is not installed; `error` itself if it is about another one."""
    if error.name != package:
        return error
    return ImportError(f"{package} is not installed: install inceptive[{extra}], or pip install {package}", name=package)
