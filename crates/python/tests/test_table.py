"""Tables, and what is imported when."""

import subprocess
import sys

import numpy as np
import pytest

from inceptive import Table


def test_columns_have_the_kind_of_their_values():
    table = Table({"name": ["a", None], "count": [1, 2], "some": [1, None], "number": [0.5, None], "flag": [True, False]})
    assert table["name"].tolist() == ["a", None] and table["name"].dtype == object
    assert table["count"].dtype == np.int64 and table["flag"].dtype == np.bool_
    assert np.isnan(table["some"][1]) and np.isnan(table["number"][1])
    assert table.rows()[1] == {"name": None, "count": 2, "some": None, "number": None, "flag": False}
    assert len(table) == 2 and "count" in table and list(table) == table.columns
    with pytest.raises(KeyError):
        table["nothing"]


def test_a_notebook_shows_the_first_rows():
    table = Table({"name": np.array(["<b>"] * 30, dtype=object), "count": np.arange(30) * 1000})
    text = table._repr_html_()
    assert "&lt;b&gt;" in text and "19,000" in text and "20,000" not in text and "and 10 more rows" in text
    assert len(Table({})) == 0 and "more rows" not in Table({})._repr_html_()


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_missing_package_is_named(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{package} is not installed: install inceptive\[frames\]"):
        getattr(Table({"count": [1]}), f"to_{package}")()


def test_nothing_is_imported_before_it_is_needed():
    check = (
        "import sys, inceptive; "
        "print(sorted({'numpy', 'pandas', 'polars', 'torch'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
