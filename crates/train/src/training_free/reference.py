"""The scores of a network by PyTorch in double precision: `reference.py FOLDER CLASS` prints NASWOT and SynFlow."""

import importlib.util
import pathlib
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
spec = importlib.util.spec_from_file_location("network", folder / "network.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


def network() -> nn.Module:
    """The network with the weights."""
    made = getattr(module, name)()
    state = made.state_dict()
    numbers = numpy.fromfile(folder / "weights", "<f4")
    at = 0
    for key in (folder / "keys").read_text().split():
        count = state[key].numel()
        state[key] = torch.from_numpy(numbers[at : at + count].copy()).reshape(state[key].shape)
        at += count
    made.load_state_dict(state)
    return made.double().train()


def without(kinds: tuple, part: nn.Module) -> None:
    """Puts the identity in the place of some modules."""
    for key, child in part.named_children():
        if isinstance(child, kinds):
            setattr(part, key, nn.Identity())
        else:
            without(kinds, child)


def naswot() -> float:
    """As in the paper's code: the matrices of all ReLUs are added."""
    images = torch.from_numpy(numpy.fromfile(folder / "images", "<f4")).reshape([32, *map(int, sys.argv[3:6])])
    total = torch.zeros(32, 32, dtype=torch.double)
    relu = functional.relu

    def observed(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
        result = relu(x)
        code = (result > 0).double().reshape(len(result), -1)
        total.add_(code @ code.T + (1 - code) @ (1 - code).T)
        return result

    functional.relu = observed
    with torch.no_grad():
        network()(images.double())
    functional.relu = relu
    return float(torch.linalg.slogdet(total)[1])


def synflow() -> float:
    """Weights times gradients of the sum of outputs, for an image of ones and absolute weights."""
    made = network()
    without((nn.BatchNorm2d,), made)
    with torch.no_grad():
        for key, parameter in made.named_parameters():
            parameter.copy_(parameter.abs() if key.endswith("weight") else torch.zeros_like(parameter))
    made(torch.ones([1, *map(int, sys.argv[3:6])], dtype=torch.double)).sum().backward()
    weights = [parameter for key, parameter in made.named_parameters() if key.endswith("weight")]
    return float(torch.log(sum((weight * weight.grad).sum() for weight in weights if weight.grad is not None)))


print(naswot(), synflow())
