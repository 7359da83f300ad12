"""The examples of the documentation and of docstrings, as they are written, with what they print."""

import doctest
import importlib.util
import re

import pytest

import inceptive

HAS_TORCH = all(importlib.util.find_spec(package) for package in ("torch", "onnx"))
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
BLOCK = re.compile(r"^```pycon\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run(text, name, globals):
    """Runs the examples of a text, and fails with a report on what they print otherwise."""
    test = doctest.DocTestParser().get_doctest(text, globals, name, name, 0)
    said = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(test, out=said.append, clear_globs=False)
    assert runner.tries > 0 and runner.failures == 0, "".join(said)


def test_the_docs_do_what_they_say(root, tmp_path, monkeypatch):
    for folder in ("architectures", "reports"):
        (tmp_path / folder).symlink_to(root / folder)
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    blocks = BLOCK.findall((root / "docs/python.md").read_text())
    # The page is one session: each block goes on from those before.
    session = [block for block in blocks if HAS_TORCH or "torch" not in block]
    assert len(session) > 5
    run("\n".join(session), "docs/python.md", {})


def test_the_docstring_does_what_it_says(root, monkeypatch):
    monkeypatch.chdir(root)
    run(inceptive.__doc__, "inceptive", {})
