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
from typing import TYPE_CHECKING, Any, Iterator, Optional, Sequence, Union

from . import _inceptive
from ._checks import kind, missing
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
    try:
        import torch
    except ModuleNotFoundError as error:
        raise missing(error, "torch", "torch") from error

    network: torch.nn.Module = getattr(_module(name, source), class_name)()
    named: dict[str, torch.Tensor] = dict(network.named_parameters(remove_duplicate=False))
    named.update(network.named_buffers(remove_duplicate=False))
    with torch.no_grad():
        for key, shape, values in tensors:
            named[key].copy_(torch.frombuffer(values, dtype=torch.float32).reshape(shape))
    return network


def from_torch(
    module: torch.nn.Module,
    input: Union[torch.Tensor, numpy.ndarray[Any, Any], tuple[torch.Tensor]],
    *,
    name: Optional[str] = None,
    cut: bool = False,
) -> Network:
    """Reads a network from a module of PyTorch, through its export to ONNX.

    The module is exported in evaluation mode, and is left as it was.

    Args:
        module: The module; its operators have to be among those that are read from ONNX, see ``docs/onnx.md``.
        input: An example of its input: images x channels x height x width, or a tuple with it alone.
        name: The network's name; that of the module's class by default.
        cut: Read the network up to what is not supported, also in the middle of it.

    Raises:
        Error: if PyTorch cannot export the module, or the network has an operator that is not supported; the text says
            which.
        ImportError: if PyTorch, or the package ``onnx`` that it exports with, is not installed.
        TypeError: if `module` is no module, or `input` no tensor.

    Warns:
        torch.jit.TracerWarning: where the code of the module depends on values of the example, such as
            ``if x.sum() > 0``: what is read is what it does for the example.
        UserWarning: as `load` does for an ONNX file.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise missing(error, "torch", "torch") from error

    if importlib.util.find_spec("onnx") is None:
        raise ImportError(
            "PyTorch exports to ONNX with the package onnx: install inceptive[torch], or pip install onnx", name="onnx"
        )
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, not {kind(module)}")
    if isinstance(input, tuple):
        if len(input) != 1:
            raise TypeError(f"input must be one tensor, not {len(input)}: networks with one input are supported")
        input = input[0]
    try:
        example = torch.as_tensor(input)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"input must be a tensor or an array, not {kind(input)}") from None
    name = type(module).__name__ if name is None else name
    return _read(_inceptive.Network.from_onnx(Path(f"{name}.onnx"), _exported(module, example), bool(cut)))


@contextlib.contextmanager
def _lrn_as_one_operator() -> Iterator[None]:
    """Local response normalisation is exported as the operator LRN.

    PyTorch writes it as arithmetic whose shapes are known only when it runs.
    """
    import torch
    from torch.nn import functional

    jit: Any = torch.jit
    original = functional.local_response_norm

    class Lrn(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, images: torch.Tensor, size: int, alpha: float, beta: float, k: float) -> torch.Tensor:
            return original(images, size, alpha, beta, k)

        @staticmethod
        def symbolic(graph: Any, images: Any, size: int, alpha: float, beta: float, k: float) -> Any:
            return graph.op("LRN", images, size_i=size, alpha_f=alpha, beta_f=beta, bias_f=k).setType(images.type())

    def local_response_norm(
        input: torch.Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> torch.Tensor:
        # Windows of even sizes extend further down the channels in PyTorch, and further up in ONNX.
        if size % 2 == 0 or not jit.is_tracing():
            return original(input, size, alpha, beta, k)
        applied: torch.Tensor = Lrn.apply(input, size, alpha, beta, k)
        return applied

    functional.local_response_norm = local_response_norm
    try:
        yield
    finally:
        functional.local_response_norm = original


def _exported(module: torch.nn.Module, input: torch.Tensor) -> bytes:
    """A module as ONNX, with every layer as it is: normalisations are not folded into convolutions."""
    import torch

    def script(file: Path) -> None:
        # Follows the input through the code.
        mode = torch.onnx.TrainingMode.PRESERVE
        with _lrn_as_one_operator():
            torch.onnx.export(module, (input,), file, dynamo=False, training=mode, do_constant_folding=False)

    def program(file: Path) -> None:
        # Needs onnxscript.
        torch.onnx.export(module, (input,), file, dynamo=True, optimize=False, external_data=False, verbose=False)

    jit: Any = torch.jit
    tracer_warning = jit.TracerWarning
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    reasons = []
    try:
        for export in (script, program):
            try:
                with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
                    # Other warnings, and progress, are about how the export works inside.
                    warnings.simplefilter("ignore")
                    warnings.simplefilter("always", tracer_warning)
                    tracer_warning.ignore_lib_warnings()
                    with tempfile.TemporaryDirectory() as folder:
                        file = Path(folder, "network.onnx")
                        export(file)
                        content = file.read_bytes()
            except Exception as error:
                reasons.append(error)
                continue
            # At the line of the module's code; each once.
            for file_name, line, text in dict.fromkeys((one.filename, one.lineno, str(one.message)) for one in caught):
                warnings.warn_explicit(text, tracer_warning, file_name, line)
            return content
    finally:
        for part, training in modes:
            part.training = training
    raise Error(f"PyTorch cannot export the module to ONNX: {reasons[0]}") from reasons[0]
