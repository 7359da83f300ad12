"""Drawings of networks."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Optional, Union

if TYPE_CHECKING:
    from ._inceptive import Network as _Native


@dataclass(frozen=True, repr=False)
class Drawing:
    """A network as a picture, which shows itself in a notebook."""

    svg: str
    """The picture, as text."""
    simplified: Optional[str]
    """Why modules are closed that were to be open, because the picture would be too large; None if they are not."""
    _network: _Native = field(compare=False)

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes the picture to a file, whole or not at all.

        Args:
            path: The file, whose name ends in ``.svg``.

        Raises:
            Error: if the file cannot be written, or is a file of the network.
            ValueError: if its name ends otherwise.
        """
        name = os.fsdecode(path)
        if not name.lower().endswith(".svg"):
            raise ValueError(f"the picture is an SVG, but the file is {name!r}: its name must end in .svg")
        self._network.write(path, self.svg.encode(), None)

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<inceptive.Drawing of {self._network.name}>"

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        return self.svg
