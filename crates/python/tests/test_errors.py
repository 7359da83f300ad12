"""Errors: exceptions with the place of each mistake."""

from pathlib import Path

import pytest

import inceptive


def test_an_error_shows_file_line_column_and_source(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("name: Wrong\ninput: {channels: 3, size: 8}\nclasses: 5\nbody:\n  - conv stem: {kernl: 3, width: 4}\ntail: gap\n")
    with pytest.raises(inceptive.Error) as caught:
        inceptive.load(path)
    text = str(caught.value)
    assert f"{path}:5:" in text
    assert "- conv stem: {kernl: 3, width: 4}" in text
    [first] = caught.value.diagnostics
    assert (first.file, first.line) == (path, 5)
    assert first.code.startswith("E") and "kernl" in first.message and "kernel" in first.help
    line = path.read_text().splitlines()[first.line - 1]
    assert line[first.column - 1 :].startswith("kernl")


def test_every_mistake_is_listed(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("name: Wrong\ninput: {channels: 3, size: 8}\nclasses: 5\nbody:\n  - conv: {kernl: 3}\n  - pol: {}\ntail: gap\n")
    with pytest.raises(inceptive.Error) as caught:
        inceptive.load(path)
    assert {diagnostic.line for diagnostic in caught.value.diagnostics} == {5, 6}


def test_a_wrong_setting_is_an_error(architectures):
    with pytest.raises(inceptive.Error, match="chanels") as caught:
        inceptive.load(architectures / "googlenet.yaml", set={"4a.chanels": 256})
    assert caught.value.diagnostics[0].file is None


@pytest.mark.parametrize(
    "read",
    [
        lambda folder: inceptive.load(folder / "missing.yaml"),
        lambda folder: inceptive.load(folder / "missing.onnx"),
        lambda folder: inceptive.Space(folder / "missing.yaml"),
        lambda folder: inceptive.results(folder / "missing.db"),
    ],
)
def test_a_missing_file_is_an_error(read, tmp_path):
    with pytest.raises(inceptive.Error, match="missing"):
        read(tmp_path)


def test_another_kind_of_file_is_an_error(architectures):
    with pytest.raises(inceptive.Error, match="a single network"):
        inceptive.Space(architectures / "googlenet.yaml")
    with pytest.raises(inceptive.Error, match="not a results store") as caught:
        inceptive.results(architectures / "googlenet.yaml")
    assert "--" not in str(caught.value)
    with pytest.raises(inceptive.Error, match="there is no file `nothing.db`"):
        inceptive.results("nothing.db")


def test_weights_that_do_not_fit_are_an_error(architectures, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(inceptive.Error, match="weights.safetensors"):
        inceptive.load(architectures / "small/reduced.yaml").weights(weights=path)


def test_no_model_is_an_error():
    with pytest.raises(inceptive.Error, match="x.onnx"):
        inceptive._inceptive.Network.from_onnx(Path("x.onnx"), b"nothing", False)
