"""Counts of a network."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Optional

from ._checks import segments
from ._table import Table

if TYPE_CHECKING:
    from ._inceptive import Counted
    from ._inceptive import Network as _Native


@dataclass(frozen=True)
class ReceptiveField:
    """The part of the image that a value of the last feature map depends on (Araujo et al. 2019)."""

    size: Optional[tuple[int, int]]
    """Rows and columns of the image, padding included; None where it is irregular, or 2**32 or more."""
    stride: Optional[tuple[int, int]]
    """Rows and columns of the image between neighbouring values; None likewise."""
    gated: bool
    """Whether a value also depends on the whole image, through a gate or a normalisation with its statistics."""
    at: str
    """Path of the feature map."""


@dataclass(frozen=True)
class Cost:
    """Exact counts of a network, as ``inceptive cost`` prints them; ``docs/counting.md`` has the rules.

    Counts of compute, feature maps and traffic are for the whole batch; parameters do not depend on it.
    """

    params: int
    """Learnable numbers."""
    macs: int
    """Multiply-accumulates of convolutions and linear layers, without bias."""
    flops: int
    """Floating-point operations of every operator: 2 x MACs and everything else."""
    acts: int
    """Output elements of convolutions and linear layers."""
    buffers: int
    """Running statistics of batch normalisation."""
    weight_bytes: int
    """Bytes of the learnable numbers, 4 each."""
    activation_bytes: int
    """Bytes of all feature maps."""
    peak_activation_bytes: int
    """Bytes of the feature maps that are in memory at once, at most."""
    moved_bytes: int
    """Bytes that operators read and write."""
    nodes: int
    """Nodes of the graph, the input included."""
    flops_per_byte: Optional[float]
    """FLOPs for each byte moved; None if nothing moves."""
    receptive_field: ReceptiveField
    """The receptive field of the last feature map."""
    batch: int
    """Number of images."""
    training: bool
    """Whether auxiliary heads and dropout are counted."""
    _network: _Native = field(repr=False, compare=False)

    @classmethod
    def _of(cls, network: _Native, counted: Counted, batch: int, training: bool) -> Cost:
        return cls(
            **dict(counted["counts"]),
            flops_per_byte=counted["flops_per_byte"],
            receptive_field=ReceptiveField(**counted["receptive_field"]),
            batch=batch,
            training=training,
            _network=network,
        )

    def layers(self) -> Table:
        """A row for each node: path, operator, output, what it reads, attributes, counts, and where it is written."""
        return Table(dict(self._network.layers(self.batch, self.training)))

    def modules(self, depth: int = 1) -> Table:
        """A row for each module, `depth` segments of its path down: 1 for whole modules, 2 for their branches.

        Raises:
            ValueError: if `depth` is negative.
        """
        return Table(dict(self._network.modules(self.batch, self.training, segments(depth))))

    def operators(self) -> Table:
        """A row for each kind of operator."""
        return Table(dict(self._network.operators(self.batch, self.training)))

    def _lines(self) -> list[tuple[str, str]]:
        """The counts as a person reads them."""
        field = self.receptive_field.size
        return [
            ("parameters", f"{self.params:,}"),
            ("MACs", f"{self.macs:,}"),
            ("FLOPs", f"{self.flops:,}"),
            ("activations", f"{self.acts:,}"),
            ("memory", f"{self.activation_bytes:,} bytes"),
            ("peak memory", f"{self.peak_activation_bytes:,} bytes"),
            ("memory traffic", f"{self.moved_bytes:,} bytes"),
            ("receptive field", "irregular or too large" if field is None else f"{field[0]}x{field[1]}"),
        ]

    def __str__(self) -> str:
        return "\n".join(f"{name:<16} {value}" for name, value in self._lines())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return _list(self._lines())


def _list(lines: list[tuple[str, Any]]) -> str:
    """Names with values as a table of HTML."""
    rows = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>" for name, value in lines)
    return f"<table>{''.join(rows)}</table>"
