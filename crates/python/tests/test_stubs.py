"""The stubs of the native part name what is there, with the same parameters."""

import ast
import inspect
from pathlib import Path

from inceptive import _inceptive


def parameters(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args if argument.arg != "self"]


def test_stubs_are_complete():
    stubs = ast.parse(Path(_inceptive.__file__).with_name("_inceptive.pyi").read_text())
    stated, found = {}, {}
    for item in stubs.body:
        if isinstance(item, ast.FunctionDef):
            stated[item.name] = parameters(item)
        if isinstance(item, ast.ClassDef) and hasattr(_inceptive, item.name):
            for member in item.body:
                stated[f"{item.name}.{member.name}"] = parameters(member)
    for name, value in vars(_inceptive).items():
        if name.startswith("__"):
            continue
        if not isinstance(value, type):
            found[name] = list(inspect.signature(value).parameters)
            continue
        for member, own in vars(value).items():
            if not member.startswith("__"):
                own = getattr(own, "__func__", own)
                is_function = callable(own)
                names = list(inspect.signature(own).parameters) if is_function else []
                found[f"{name}.{member}"] = [one for one in names if one != "self"]
    assert stated == found
