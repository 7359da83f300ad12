"""Results of stores."""

import csv
import io
import re
import subprocess
import sys
import typing

import numpy as np
import pytest

import inceptive


@pytest.mark.parametrize(
    ("store", "kind"),
    [("family", "measurements"), ("claims", "training-runs"), ("explore", "explorations"), ("family", "profiles")],
)
def test_results_are_those_of_the_command(root, store, kind):
    path = root / "reports" / store / "results.db"
    table = inceptive.results(path, kind)
    run = [sys.executable, "-m", "inceptive", "results", "export", "csv", "--kind", kind, "--store", str(path)]
    exported = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert len(table) == len(rows)
    assert table.columns == list(rows[0]) if rows else True
    for ours, theirs in zip(table.rows(), rows):
        for name, value in ours.items():
            expected = theirs[name]
            if value is None:
                assert expected == ""
            elif isinstance(value, str):
                assert value == expected.removeprefix("'")
            else:
                assert value == float(expected)


def test_every_kind_of_the_command_is_known(root):
    run = [sys.executable, "-m", "inceptive", "results", "export", "--help"]
    text = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    kinds = re.findall(r"^ +- ([\w-]+):", text.partition("--kind")[2].partition("[default")[0], re.MULTILINE)
    assert set(kinds) == set(typing.get_args(inceptive._results.Kind))
    for kind in kinds:
        assert "id" in inceptive.results(root / "reports/family/results.db", kind)


def test_results_are_filtered(root):
    path = root / "reports/family/results.db"
    network = inceptive.load(root / "architectures/googlenet.yaml")
    found = inceptive.results(path, fingerprint=network.fingerprint, engine="native")
    assert len(found) > 0
    assert set(found["engine"]) == {"native"} and set(found["model"]) == {"GoogLeNet"}
    assert len(inceptive.results(path, model="no such network")) == 0


def test_frames_keep_what_is_not_known(root):
    table = inceptive.results(root / "reports/family/results.db")
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    frame, other = table.to_pandas(), table.to_polars()
    assert isinstance(frame, pandas.DataFrame) and isinstance(other, polars.DataFrame)
    assert len(frame) == len(other) == len(table)
    for name in table.columns:
        assert frame[name].isna().sum() == other[name].null_count()
    assert frame["median_ms"].dtype == np.float64


def test_an_unknown_engine_is_an_error(root):
    path = root / "reports/family/results.db"
    with pytest.raises(ValueError, match="engine is 'onnx', but must be one of native, onnxruntime"):
        inceptive.results(path, engine="onnx")
    assert len(inceptive.results(path, engine="pytorch")) == 0
    run = [sys.executable, "-m", "inceptive", "engines", "--json"]
    text = subprocess.run(run, capture_output=True, text=True).stdout
    for engine in inceptive._results.ENGINES:
        assert engine in text or engine == "rten"


def test_an_unknown_kind_is_an_error(root):
    with pytest.raises(ValueError, match="dreams"):
        inceptive.results(root / "reports/family/results.db", "dreams")
