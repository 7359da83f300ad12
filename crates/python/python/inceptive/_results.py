"""Results in a store."""

from __future__ import annotations

import os
import warnings
from typing import Literal, Optional, Union

from . import _inceptive
from ._table import Table

Kind = Literal[
    "measurements", "profiles", "training-runs", "imported", "explorations", "calibrations", "calibration-samples", "space-counts"
]


def results(
    store: Union[str, os.PathLike[str]] = "inceptive.db",
    kind: Kind = "measurements",
    *,
    model: Optional[str] = None,
    fingerprint: Optional[str] = None,
    engine: Optional[str] = None,
    machine: Optional[str] = None,
) -> Table:
    """The results of a kind in a store, a row for each, in the order in which they were added.

    The columns are those of ``inceptive results export csv``; the names of measured ones include their units.

    Args:
        store: The store of results, which ``inceptive bench``, ``train`` and ``explore`` write to.
        kind: ``"measurements"`` for latencies, ``"training-runs"`` for accuracies, ``"profiles"``, ``"imported"``,
            ``"explorations"``, ``"calibrations"``, ``"calibration-samples"`` or ``"space-counts"``.
        model: Only networks whose name or file contains this text.
        fingerprint: Only this network; see `Network.fingerprint`.
        engine: Only this engine.
        machine: Only this machine, by its id.

    Raises:
        Error: if the store cannot be read.

    Warns:
        UserWarning: for each row that was changed by another program, and is left out.
    """
    columns, left_out = _inceptive.results(store, kind, model, fingerprint, engine, machine)
    for reason in left_out:
        warnings.warn(reason, stacklevel=2)
    return Table(dict(columns))
