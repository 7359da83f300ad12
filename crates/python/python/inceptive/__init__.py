"""Explore the design space of Inception-style convolutional networks.

>>> import inceptive
>>> network = inceptive.load("architectures/googlenet.yaml", set={"4a.c3": 256})
>>> network.cost().macs
1594187264

Networks are read from the YAML language of the command ``inceptive`` or from ONNX, counted exactly, compared, drawn, and
turned into PyTorch modules. Spaces of networks and stored results become pandas or polars frames. Everything that is wrong
with a file is an `Error`, whose text names the line.
"""

from ._cost import Cost, ReceptiveField
from ._diff import Diff
from ._drawing import Drawing
from ._error import Diagnostic, Error
from ._inceptive import __version__
from ._network import Network, load
from ._results import results
from ._space import Space
from ._table import Table
from ._torch import from_torch

__all__ = [
    "Cost",
    "Diagnostic",
    "Diff",
    "Drawing",
    "Error",
    "Network",
    "ReceptiveField",
    "Space",
    "Table",
    "__version__",
    "from_torch",
    "load",
    "results",
]
