"""Results in a store."""

from __future__ import annotations

import os
from typing import Literal, Optional, Union

from . import _inceptive
from ._checks import warn
from ._table import Table

Kind = Literal[
    "measurements", "profiles", "training-runs", "imported", "explorations", "calibrations", "calibration-samples", "space-counts"
]

ENGINES = ("native", "onnxruntime", "openvino", "pytorch", "rten")


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
        engine: Only this engine: ``"native"``, ``"onnxruntime"``, ``"openvino"``, ``"pytorch"`` or ``"rten"``.
        machine: Only this machine, by its id.

    Raises:
        Error: if the store cannot be read.
        ValueError: if `kind` or `engine` is not known.

    Warns:
        UserWarning: for each row that was changed by another program, and is left out.
    """
    columns, left_out = _inceptive.results(store, kind, model, fingerprint, engine, machine)
    for reason in left_out:
        warn(reason)
    table = Table(dict(columns))
    # A store may have results of an engine that only a later version knows.
    if engine is not None and engine not in ENGINES and len(table) == 0:
        raise ValueError(f"engine is {engine!r}, but must be one of {', '.join(ENGINES)}")
    return table
