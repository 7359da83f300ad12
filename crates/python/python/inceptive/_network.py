"""Networks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Mapping, NoReturn, Optional, Sequence, Union, overload

from . import _inceptive
from ._checks import images, segments, warn, whole
from ._cost import Cost
from ._diff import Diff
from ._drawing import Drawing
from ._table import Table

if TYPE_CHECKING:
    import numpy
    import torch

    from ._inceptive import WeightSource

PathLike = Union[str, "os.PathLike[str]"]


def load(
    path: PathLike,
    *,
    set: Optional[Mapping[str, object]] = None,
    input_size: Union[int, str, Sequence[int], None] = None,
    cut: bool = False,
) -> Network:
    """Reads a network from a YAML file, a point of a space, or an ONNX file.

    Args:
        path: An architecture, a space, or an ONNX file.
        set: Values of parameters, variables of a space, top-level keys or arguments of steps, as with ``--set``:
            ``{"width": 0.75, "tail": "fc", "input.size": 192, "4a.c3": 256}``. A text is read as YAML.
        input_size: Height and width of the input of an ONNX file that leaves them open, such as ``224``, ``(640, 480)`` or
            ``"640x480"``; with its channels, ``(3, 640, 480)``.
        cut: Read an ONNX file up to what is not supported, also in the middle of the network.

    Raises:
        Error: if the file or a value is wrong; the text shows every mistake with its line.
        TypeError: if `set` is no mapping, or a value cannot be written as YAML.

    Warns:
        UserWarning: if the network violates a constraint of its space, an auxiliary head does not fit, or an ONNX file
            has something that is not shown or not counted.
    """
    settings = settings_of("set", set)
    if input_size is not None:
        settings["input.size"] = input_size
    if cut:
        settings["cut"] = True
    return _read(_inceptive.Network.load(path, [(key, _yaml(key, value)) for key, value in settings.items()]))


def settings_of(name: str, values: Optional[Mapping[str, object]]) -> dict[str, object]:
    """An argument with settings.

    Raises:
        TypeError: if it is no mapping with texts as keys.
    """
    if values is None:
        return {}
    example = 'such as {"4a.c3": 256}'
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} must be a dictionary {example}, not {values!r}")
    for key in values:
        if not isinstance(key, str):
            raise TypeError(f"the keys of {name} must be texts {example}, not {key!r}")
    return dict(values)


def _read(native: _inceptive.Network) -> Network:
    """A network that was read, with its warnings, which name its point."""
    point = " ".join(f"{name}={value}" for name, value in native.point)
    for remark in native.remarks():
        warn(f"{point}: {remark}" if point else remark)
    return Network(native)


def _yaml(key: str, value: object) -> str:
    """A value as YAML; numbers and arrays of NumPy as those of Python."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, default=lambda value: value.tolist())
    except (AttributeError, TypeError, ValueError):
        raise TypeError(f"{key} is set to {value!r}, but must be a number, a text, a list or a dictionary") from None


class Network:
    """A network; `load` and `from_torch` make one. It is never changed: to change a number, `load` the file again with
    `set`.
    """

    def __init__(self, native: _inceptive.Network) -> None:
        self._native = native

    @property
    def name(self) -> str:
        """Its name."""
        return self._native.name

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return self._native.path

    @property
    def description(self) -> Optional[str]:
        """A description in one line."""
        return self._native.description

    @property
    def cite(self) -> list[str]:
        """The papers or code that it comes from."""
        return self._native.cite

    @property
    def notes(self) -> list[str]:
        """What else a reader should know."""
        return self._native.notes

    @property
    def point(self) -> dict[str, str]:
        """What was set, and the values of the variables of its space, as YAML."""
        return dict(self._native.point)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Channels, height and width of an image; or the number of features."""
        return tuple(self._native.input_shape)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output for one image, as that of the input."""
        return tuple(self._native.output_shape)

    @property
    def fingerprint(self) -> str:
        """Identifies the deployed network, whatever its names; `results` finds its results by it."""
        return self._native.fingerprint

    def cost(self, *, batch: int = 1, training: bool = False) -> Cost:
        """Counts parameters, compute, feature maps, memory and receptive field, exactly and without running anything.

        Args:
            batch: Number of images.
            training: Also count auxiliary heads and dropout.

        Raises:
            Error: if an auxiliary head does not fit in training, or counts would exceed 2**53.
            ValueError: if `batch` is less than 1.
        """
        batch = images(batch)
        return Cost._of(self._native, self._native.cost(batch, training), batch, training)

    def diff(self, other: Network, *, training: bool = False, depth: int = 1) -> Diff:
        """Compares this network, a, with another, b, node by node and module by module.

        Args:
            other: The other network.
            training: Also compare auxiliary heads and dropout.
            depth: Segments of a path down to which modules are compared: 1 for whole modules, 2 for their branches.

        Raises:
            Error: if an auxiliary head does not fit in training.
            TypeError: if `other` is no network.
            ValueError: if `depth` is negative.
        """
        if not isinstance(other, Network):
            raise TypeError(f"other must be a network that `load` or `from_torch` made, not {other!r}")
        found = self._native.diff(other._native, training, segments(depth))
        return Diff(
            a=dict(found["before"]),
            b=dict(found["after"]),
            same_structure=found["same_structure"],
            modules=Table(dict(found["modules"])),
            nodes=Table(dict(found["nodes"])),
            heads=Table(dict(found["heads"])),
            _names=_distinct(self, other),
        )

    def draw(self, *, depth: Optional[int] = None) -> Drawing:
        """Draws the graph, auxiliary heads included, with modules as boxes.

        Args:
            depth: Segments of a path down to which modules are open; everything is open by default.

        Raises:
            Error: if there is no memory for the layout.
            ValueError: if `depth` is negative.
        """
        return Drawing(*self._native.svg(None if depth is None else segments(depth)), self._native)

    def weights(
        self, *, weights: Optional[PathLike] = None, match: Literal["names", "order"] = "names", seed: int = 0
    ) -> dict[str, numpy.ndarray[Any, numpy.dtype[numpy.float32]]]:
        """The weights of the deployed network by name, such as ``4a/3x3/reduce.weight``, in execution order.

        Kernels of convolutions have the shape output channels x input channels of a group x height x width, matrices
        outputs x inputs.

        Args:
            weights: A safetensors file, also with the names of torchvision, timm or Keras, or a checkpoint. Without it
                they are an ONNX file's own, else random.
            match: How tensors with names of an unknown program find their layers: by ``"names"``, where kinds and shapes
                leave no choice, or by their ``"order"``.
            seed: Seed of random weights.

        Raises:
            Error: if weights do not fit or cannot be read.
            ValueError: if `seed` is negative.
        """
        import numpy as np

        found, notes = self._native.weights(_source(weights, match, seed))
        _warn(notes)
        return {name: np.frombuffer(values, dtype=np.float32).reshape(shape) for name, shape, values in found}

    def to_torch(
        self,
        *,
        training: bool = True,
        weights: Optional[PathLike] = None,
        match: Literal["names", "order"] = "names",
        seed: int = 0,
    ) -> torch.nn.Module:
        """The network as a module of PyTorch, on the CPU, in training mode.

        In evaluation, after ``eval()``, it computes the output of the ONNX file, softmax included if the network has
        one; in training it returns logits, with those of the auxiliary heads. ``inspect.getsource(type(module))`` shows
        its code.

        Args:
            training: With auxiliary heads and dropout; False for the network as deployed.
            weights: See `weights`. The file needs weights for the heads too, unless `training` is False.
            match: See `weights`.
            seed: See `weights`.

        Raises:
            Error: if an auxiliary head does not fit, or weights do not fit or cannot be read.
            ImportError: if PyTorch is not installed.
        """
        from ._torch import build

        return build(self.name, *self._native.torch(_source(weights, match, seed), training))

    @overload
    def to_onnx(
        self,
        path: None = None,
        *,
        weights: Optional[PathLike] = None,
        match: Literal["names", "order"] = "names",
        seed: int = 0,
        fold_batch_norm: bool = False,
        opset: int = 17,
        batch: Optional[int] = 1,
        weight_type: Literal["float32", "float16", "float64"] = "float32",
    ) -> bytes: ...

    @overload
    def to_onnx(
        self,
        path: PathLike,
        *,
        weights: Optional[PathLike] = None,
        match: Literal["names", "order"] = "names",
        seed: int = 0,
        fold_batch_norm: bool = False,
        opset: int = 17,
        batch: Optional[int] = 1,
        weight_type: Literal["float32", "float16", "float64"] = "float32",
    ) -> None: ...

    def to_onnx(
        self,
        path: Optional[PathLike] = None,
        *,
        weights: Optional[PathLike] = None,
        match: Literal["names", "order"] = "names",
        seed: int = 0,
        fold_batch_norm: bool = False,
        opset: int = 17,
        batch: Optional[int] = 1,
        weight_type: Literal["float32", "float16", "float64"] = "float32",
    ) -> Optional[bytes]:
        """Writes the deployed network with its weights as ONNX, or returns the file's content if no path is given.

        Args:
            path: The file; it is written whole or not at all, and never over a file of the network.
            weights: See `weights`.
            match: See `weights`.
            seed: See `weights`.
            fold_batch_norm: Fold batch normalisations into the layers before them.
            opset: Version of the operator set.
            batch: Number of images; None leaves it open.
            weight_type: Type of the weights in the file. ``"float16"`` halves it, ``"float64"`` doubles it; the
                network still computes in float32.

        Raises:
            Error: if weights do not fit, also not into float16, or a file cannot be read or written.
            ValueError: if `opset`, `batch` or another argument is out of range.
        """
        if batch is not None:
            batch = images(batch)
        opset = whole("opset", opset, most=2**32 - 1)
        content, notes = self._native.onnx(_source(weights, match, seed), fold_batch_norm, opset, batch, weight_type)
        _warn(notes)
        if path is None:
            return content
        self._native.write(path, content, weights)
        return None

    def __copy__(self) -> Network:
        return self

    def __deepcopy__(self, memo: object) -> Network:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a network cannot be pickled: pickle its path and settings, and `load` it again")

    def __repr__(self) -> str:
        shapes = " -> ".join("x".join(map(str, shape)) for shape in (self.input_shape, self.output_shape))
        point = "".join(f" {name}={value}" for name, value in self.point.items())
        return f"<inceptive.Network {self.name}{point}: {shapes}, {self.cost().params:,} parameters>"


def _source(weights: Optional[PathLike], match: str, seed: int) -> WeightSource:
    if not isinstance(match, str):
        raise TypeError(f'match must be "names" or "order", not {match!r}')
    if weights is not None:
        weights = os.fspath(weights)
    return {"weights": weights, "match": match, "seed": whole("seed", seed)}


def _warn(notes: list[str]) -> None:
    """Notes on weights: whose names they have, that they were matched by order, or are not finite."""
    for note in notes:
        warn(note)


def _distinct(a: Network, b: Network) -> tuple[str, str]:
    """Names of two networks, with what was set where they are the same."""
    if a.name != b.name:
        return (a.name, b.name)
    names = ["".join([one.name, *(f" {key}={value}" for key, value in one.point.items())]) for one in (a, b)]
    return (names[0], names[1])
