"""Design spaces."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Union

from . import _inceptive
from ._checks import texts, warn, whole
from ._network import Network, load, settings_of
from ._table import Table

if TYPE_CHECKING:
    import numpy

    from ._inceptive import Networks


class Space:
    """A space of networks: variables with their values, constraints and objectives.

    Args:
        path: A YAML file with a space.

    Raises:
        Error: if the file is wrong or holds something else.
    """

    def __init__(self, path: Union[str, os.PathLike[str]]) -> None:
        self._native = _inceptive.Space.load(path)

    @property
    def title(self) -> str:
        """Its title."""
        return self._native.title

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return self._native.path

    @property
    def description(self) -> Optional[str]:
        """A description in one line."""
        return self._native.description

    @property
    def notes(self) -> list[str]:
        """What else a reader should know."""
        return self._native.notes

    @property
    def variables(self) -> dict[str, list[Any]]:
        """The variables with their values: numbers where all values of a variable are numbers, else texts."""
        return {name: _typed(labels) for name, labels in self._native.variables}

    @property
    def size(self) -> int:
        """Number of points: the product of the numbers of values."""
        return self._native.size

    @property
    def constraints(self) -> list[str]:
        """What every network of interest satisfies, such as ``macs <= 1.6G``."""
        return self._native.constraints

    @property
    def objectives(self) -> list[str]:
        """What is looked for, such as ``minimize macs``."""
        return self._native.objectives

    def load(self, values: Mapping[str, object]) -> Network:
        """Reads the network of a point.

        Args:
            values: Values of variables, others have their defaults; also anything else that `load` takes as `set`.

        Raises:
            Error: if a variable does not have the value, or the values do not fit together.
            TypeError: if `values` is no mapping.

        Warns:
            UserWarning: if the network violates a constraint of the space.
        """
        return load(self.path, set=settings_of("values", values))

    def points(self, *, where: Union[str, Iterable[str]] = (), most: int = 100_000, seed: int = 0) -> Table:
        """Counts networks of the space: all of them, or different ones drawn at random if there are more than `most`.

        Points whose values do not fit together are left out.

        Args:
            where: Conditions such as ``["params < 5M"]``; networks that do not satisfy them are left out.
            most: Maximum number of points that are counted.
            seed: Seed that they are drawn with.

        Returns:
            A row for each network in the order of the space: a column for each variable, one for each count of `Cost`,
            and ``satisfies``, whether it satisfies all constraints of the space.

        Raises:
            Error: if a condition cannot be read.
            ValueError: if `most` or `seed` is negative.
        """
        conditions = texts("where", where)
        return self._table(self._native.points(conditions, whole("most", most), whole("seed", seed)), {})

    def front(
        self,
        *,
        where: Union[str, Iterable[str]] = (),
        objectives: Union[str, Iterable[str], None] = None,
        seed: int = 0,
    ) -> Table:
        """The Pareto front of what is counted, among the networks that satisfy all conditions.

        All networks of a space with at most 10**8 are counted; of a larger one a sample, from which an evolution goes
        on.

        Args:
            where: Conditions besides those of the space, such as ``["params < 5M"]``.
            objectives: Such as ``"params, macs"`` or ``["minimize macs", "maximize params"]``; those of the space by
                default. Those that are not counted are ignored.
            seed: Seed of the sample.

        Returns:
            A row for each network, with the columns of `points`, and ``equal``: how many networks have the same objectives,
            itself included.

        Raises:
            Error: if no network satisfies all conditions; the text says what each leaves.
            ValueError: if an objective is not known, or `seed` is negative.

        Warns:
            UserWarning: if not all networks were counted, so that the front may not be complete.
        """
        import numpy as np

        wanted = None if objectives is None else ", ".join(texts("objectives", objectives))
        found = self._native.front(texts("where", where), wanted, whole("seed", seed))
        if found["is_sample"]:
            warn("the space is too large to count all of its networks, so the front may not be complete")
        return self._table(found, {"equal": np.frombuffer(found["equal"], dtype=np.int64)})

    def _table(self, networks: Networks, more: Mapping[str, numpy.ndarray[Any, Any]]) -> Table:
        import numpy as np

        columns: dict[str, numpy.ndarray[Any, Any]] = {}
        for (name, labels), choices in zip(self.variables.items(), networks["choices"]):
            is_text = any(isinstance(label, str) for label in labels)
            values = np.array(labels, dtype=object if is_text else None)
            columns[name] = values[np.frombuffer(choices, dtype=np.uint16)]
        for name, counts in networks["counts"]:
            columns[name] = np.frombuffer(counts, dtype=np.int64)
        columns["satisfies"] = np.frombuffer(networks["satisfies"], dtype=np.bool_)
        return Table({**columns, **more})

    def __repr__(self) -> str:
        return f"<inceptive.Space {self.title}: {self.size:,} points, variables {', '.join(self.variables)}>"


def _typed(labels: list[str]) -> list[Any]:
    """Integers if all are, else numbers if all are, else texts."""
    for kind in (int, float):
        try:
            return [kind(label) for label in labels]
        except ValueError:
            pass
    return list(labels)
