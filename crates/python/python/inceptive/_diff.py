"""Differences between two networks."""

from __future__ import annotations

import html
from dataclasses import dataclass

from ._table import Table


@dataclass(frozen=True)
class Diff:
    """What changes from one network, a, to another, b. Nodes are matched by their paths."""

    a: dict[str, int]
    """Counts of the first network by the names of `Cost`."""
    b: dict[str, int]
    """Counts of the second network."""
    same_structure: bool
    """Whether both are the same network except for names."""
    modules: Table
    """The modules that differ: path, ``added``, ``removed`` or ``changed``, and outputs and counts of both sides."""
    nodes: Table
    """The nodes that differ, likewise."""
    heads: Table
    """The auxiliary heads that differ."""
    _names: tuple[str, str]

    @property
    def change(self) -> dict[str, int]:
        """Counts of b minus counts of a."""
        return {name: self.b[name] - count for name, count in self.a.items()}

    def _rows(self) -> list[tuple[str, ...]]:
        """Names, counts and changes as a person reads them."""
        rows: list[tuple[str, ...]] = [("", *self._names, "change", "")]
        for name, change in self.change.items():
            share = f"{change / self.a[name]:+.1%}" if self.a[name] and change else ""
            rows.append((name, f"{self.a[name]:,}", f"{self.b[name]:,}", f"{change:+,}" if change else "0", share))
        return rows

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ("  ".join(map(_padded, row, widths, range(len(row)))).rstrip() for row in rows)
        return "\n".join(lines)

    def __repr__(self) -> str:
        changed = ", ".join(f"{name} {change:+,}" for name, change in self.change.items() if change)
        return f"<inceptive.Diff of {' and '.join(self._names)}: {changed or 'equal counts'}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        head, *rows = (map(html.escape, row) for row in self._rows())
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>{body}</table>"


def _padded(cell: str, width: int, column: int) -> str:
    """Names on the left, numbers on the right."""
    return cell.rjust(width) if column else cell.ljust(width)
