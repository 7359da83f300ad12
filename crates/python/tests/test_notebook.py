"""The notebook runs, and prints what it says that it prints."""

import importlib.util

import pytest

HAS_TORCH = all(importlib.util.find_spec(package) for package in ("torch", "onnx"))


def texts(cell):
    """What a cell prints, as text."""
    found = []
    for output in cell.get("outputs", []):
        found.append(output["text"] if output["output_type"] == "stream" else output.get("data", {}).get("text/plain"))
    return found


def test_the_notebook_runs(root):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    written = nbformat.read(root / "docs/notebook.ipynb", as_version=4)
    if not HAS_TORCH:
        written.cells = [cell for cell in written.cells if "torch" not in cell.metadata.get("tags", [])]
    expected = [texts(cell) for cell in written.cells]
    done = nbclient.execute(written, cwd=str(root / "docs"), timeout=300)
    assert [texts(cell) for cell in done.cells] == expected
    pictures = [
        output for cell in done.cells for output in cell.get("outputs", []) if "image/svg+xml" in output.get("data", {})
    ]
    assert pictures
