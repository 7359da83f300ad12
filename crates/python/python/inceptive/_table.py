"""Tables by column, and as frames of pandas and polars."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence, Union

from ._checks import missing

if TYPE_CHECKING:
    import numpy
    import pandas
    import polars

    Column = Union[numpy.ndarray[Any, Any], Sequence[Any]]

_MOST_ROWS_SHOWN = 20


class Table:
    """A table: columns of the same length, by name.

    ``table["macs"]`` is a column as a NumPy array, ``to_pandas()`` and ``to_polars()`` are the whole table as a frame. A
    notebook shows the first rows.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = dict(columns)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._columns)

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self._columns.values()), ()))

    def __iter__(self) -> Iterator[str]:
        """The names of the columns."""
        return iter(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> numpy.ndarray[Any, Any]:
        """A column: integers, numbers, booleans or words. What is not known is NaN in numbers, and None in words."""
        import numpy as np

        column = self._columns[name]
        if isinstance(column, np.ndarray):
            return column
        if any(isinstance(value, str) for value in column):
            return np.array(column, dtype=object)
        if any(value is None for value in column):
            return np.array([np.nan if value is None else value for value in column], dtype=np.float64)
        return np.array(column)

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries of Python values; what is not known is None."""
        columns = [column if isinstance(column, list) else list(column) for column in self._columns.values()]
        plain = [[getattr(value, "item", lambda value=value: value)() for value in column] for column in columns]
        return [dict(zip(self._columns, values)) for values in zip(*plain)]

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a frame of pandas.

        Raises:
            ImportError: if pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise missing(error, "pandas", "frames") from error

        return pd.DataFrame({name: self[name] for name in self._columns})

    def to_polars(self) -> polars.DataFrame:
        """The table as a frame of polars. What is not known is null.

        Raises:
            ImportError: if polars is not installed.
        """
        try:
            import polars as pl
        except ModuleNotFoundError as error:
            raise missing(error, "polars", "frames") from error

        return pl.DataFrame({name: pl.Series(name, column) for name, column in self._columns.items()})

    def __repr__(self) -> str:
        return f"<inceptive.Table: {len(self):,} rows, columns {', '.join(self._columns)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the first rows."""
        shown = range(min(len(self), _MOST_ROWS_SHOWN))
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._columns)
        rows = (
            "".join(f"<td>{_cell(column[row])}</td>" for column in self._columns.values()) for row in shown
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        left = len(self) - len(shown)
        more = f"<p>and {left:,} more rows</p>" if left else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return ""
    value = getattr(value, "item", lambda: value)()
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return html.escape(str(value))
