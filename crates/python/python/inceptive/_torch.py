"""Networks to and from PyTorch, which is imported only when it is needed."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import linecache
import sys
import tempfile
import types
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

from . import _inceptive
from ._error import Error
from ._network import Network, _read

if TYPE_CHECKING:
    import numpy
    import torch


def _module(name: str, source: str) -> types.ModuleType:
    """A module of Python with this code, the same one for equal code."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    module_name = f"inceptive.networks.network_{digest}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    # Tracebacks find the code by the name of the file, and pickle finds the class by the name of the module.
    file = f"<{name} by inceptive, {digest}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = types.ModuleType(module_name)
    module.__file__ = file
    exec(compile(source, file, "exec"), module.__dict__)
    sys.modules[module_name] = module
    return module


def build(
    name: str, source: str, class_name: str, tensors: Sequence[tuple[str, list[int], bytearray]]
) -> torch.nn.Module:
    """A module from its code, with its weights: tensors by their keys, with shape and values."""
    import torch

    network: torch.nn.Module = getattr(_module(name, source), class_name)()
    named: dict[str, torch.Tensor] = dict(network.named_parameters(remove_duplicate=False))
    named.update(network.named_buffers(remove_duplicate=False))
    with torch.no_grad():
        for key, shape, values in tensors:
            named[key].copy_(torch.frombuffer(values, dtype=torch.float32).reshape(shape))
    return network


def from_torch(
    module: torch.nn.Module,
    input: Union[torch.Tensor, numpy.ndarray[Any, Any]],
    *,
    name: Optional[str] = None,
) -> Network:
    """Reads a network from a module of PyTorch, through its export to ONNX.

    The module is exported in evaluation mode, and is left as it was.

    Args:
        module: The module; its operators have to be among those that are read from ONNX, see ``docs/onnx.md``.
        input: An example of its input: images x channels x height x width.
        name: The network's name; that of the module's class by default.

    Raises:
        Error: if PyTorch cannot export the module, or the network has an operator that is not supported; the text says
            which.
        ImportError: if PyTorch, or the package ``onnx`` that it exports with, is not installed.
    """
    import torch

    if importlib.util.find_spec("onnx") is None:
        raise ImportError("PyTorch exports to ONNX with the package onnx: pip install onnx", name="onnx")
    name = type(module).__name__ if name is None else name
    return _read(_inceptive.Network.from_onnx(Path(f"{name}.onnx"), _exported(module, torch.as_tensor(input))))


def _exported(module: torch.nn.Module, input: torch.Tensor) -> bytes:
    """A module as ONNX, with every layer as it is: normalisations are not folded into convolutions."""
    import torch

    def script(file: Path) -> None:
        # Follows the input through the code.
        mode = torch.onnx.TrainingMode.PRESERVE
        torch.onnx.export(module, (input,), file, dynamo=False, training=mode, do_constant_folding=False)

    def program(file: Path) -> None:
        # Needs onnxscript.
        torch.onnx.export(module, (input,), file, dynamo=True, optimize=False, external_data=False, verbose=False)

    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    reasons = []
    try:
        for export in (script, program):
            try:
                # Warnings and progress are about how the export works inside.
                with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                    warnings.simplefilter("ignore")
                    with tempfile.TemporaryDirectory() as folder:
                        file = Path(folder, "network.onnx")
                        export(file)
                        return file.read_bytes()
            except Exception as error:
                reasons.append(error)
    finally:
        for part, training in modes:
            part.training = training
    raise Error(f"PyTorch cannot export the module to ONNX: {reasons[0]}") from reasons[0]
