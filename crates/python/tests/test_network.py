"""Networks: reading, counting, comparing, drawing, exporting."""

import copy
import json
import pickle
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import inceptive

TINY = """\
name: Tiny
params: {width: 4}
input: {channels: 3, size: 8}
classes: 5
body:
  - conv stem: {kernel: 3, width: $width}
  - maxpool: {kernel: 2}
tail: gap
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def command(*arguments):
    """What the command prints."""
    run = subprocess.run([sys.executable, "-m", "inceptive", *map(str, arguments)], capture_output=True, text=True, check=True)
    return run.stdout


def test_counts_are_those_of_the_textbook(tiny):
    network = inceptive.load(tiny)
    cost = network.cost()
    # 3x3x3 kernels and biases of 4 maps; 4 features and a bias for each of 5 classes.
    assert cost.params == (27 + 1) * 4 + (4 + 1) * 5
    assert cost.macs == 27 * 4 * 8 * 8 + 4 * 5
    assert cost.acts == 4 * 8 * 8 + 5
    assert network.cost(batch=3).macs == 3 * cost.macs and network.cost(batch=3).params == cost.params
    assert (network.input_shape, network.output_shape) == ((3, 8, 8), (5,))


@pytest.mark.parametrize("file", ["googlenet.yaml", "nasnet-a-mobile.yaml", "small/reduced.yaml"])
def test_counts_are_those_of_the_command(architectures, file):
    [expected] = json.loads(command("cost", architectures / file, "--json", "--by", "module"))
    network = inceptive.load(architectures / file)
    cost = network.cost()
    for name in ("params", "macs", "flops", "acts", "buffers", "peak_activation_bytes", "moved_bytes", "nodes", "flops_per_byte"):
        assert getattr(cost, name) == expected[name]
    field = expected["receptive_field"]
    assert cost.receptive_field == inceptive.ReceptiveField(tuple(field["size"]), tuple(field["stride"]), field["gated"], field["at"])
    modules = cost.modules().rows()
    assert [(row["path"], row["params"]) for row in modules] == [(one["path"], one["params"]) for one in expected["modules"]]
    layers = cost.layers()
    assert list(layers["path"]) == [layer["path"] for layer in expected["layers"]]
    assert layers["macs"].sum() == cost.macs == cost.operators()["macs"].sum()


def test_training_counts_heads_too(architectures):
    network = inceptive.load(architectures / "googlenet.yaml")
    assert network.cost(training=True).params > network.cost().params
    assert network.cost(training=True).training


def test_settings_are_values_of_python_and_numpy(architectures, tiny):
    wide = inceptive.load(tiny, set={"width": np.int64(8)})
    assert wide.cost().params == (27 + 1) * 8 + (8 + 1) * 5
    assert wide.point == {"width": "8"}
    half = inceptive.load(architectures / "spaces/googlenet-widths.yaml", set={"width": np.float64(0.75), "tail": "fc"})
    assert half.cost().macs == 1_099_669_760
    assert inceptive.load(tiny, set={"input.size": [10, 12]}).input_shape == (3, 10, 12)


def test_a_diff_has_both_sides(architectures):
    file = architectures / "googlenet.yaml"
    diff = inceptive.load(file).diff(inceptive.load(file, set={"4a.c3": 256}))
    assert diff.change["macs"] == 11_515_392
    assert not diff.same_structure
    modules = {row["path"]: row for row in diff.modules.rows()}
    assert (modules["4a"]["output_a"], modules["4a"]["output_b"]) == ("512x14x14", "560x14x14")
    assert modules["4a"]["params_b"] - modules["4a"]["params_a"] == 41_520
    assert "GoogLeNet 4a.c3=256" in str(diff) and "+11,515,392" in diff._repr_html_()
    same = inceptive.load(file).diff(inceptive.load(file))
    assert same.same_structure and len(same.nodes) == 0 and set(same.change.values()) == {0}


def test_nodes_in_one_network_only_have_nothing_on_the_other_side(tiny):
    text = TINY.replace("  - maxpool:", "  - conv more: {kernel: 1, width: 4}\n  - maxpool:")
    longer = tiny.with_name("longer.yaml")
    longer.write_text(text)
    nodes = {row["path"]: row for row in inceptive.load(tiny).diff(inceptive.load(longer)).nodes.rows()}
    assert nodes["more"]["change"] == "added" and nodes["more"]["op_a"] is None and nodes["more"]["params_b"] == 20


def test_drawings_are_svg(architectures, tmp_path):
    network = inceptive.load(architectures / "googlenet.yaml")
    whole, closed = network.draw(), network.draw(depth=1)
    assert whole.simplified is None and len(closed.svg) < len(whole.svg)
    texts = [element.text for element in ElementTree.fromstring(whole._repr_svg_()).iter("{http://www.w3.org/2000/svg}text")]
    assert any("4a" in (text or "") for text in texts)
    closed.save(tmp_path / "googlenet.svg")
    assert (tmp_path / "googlenet.svg").read_text() == str(closed)
    with pytest.raises(ValueError, match=r"must end in \.svg"):
        closed.save(tmp_path / "googlenet.png")
    assert not (tmp_path / "googlenet.png").exists()


def test_onnx_comes_back_as_the_same_network(architectures, tmp_path):
    network = inceptive.load(architectures / "small/reduced.yaml")
    content = network.to_onnx(seed=3)
    network.to_onnx(tmp_path / "reduced.onnx", seed=3)
    assert (tmp_path / "reduced.onnx").read_bytes() == content != network.to_onnx(seed=4)
    again = inceptive.load(tmp_path / "reduced.onnx")
    assert again.fingerprint == network.fingerprint
    ours, theirs = network.weights(seed=3), again.weights()
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])


@pytest.mark.parametrize(("weight_type", "more"), [("float16", -1.8), ("float64", 3.8)])
def test_weights_are_written_in_other_precisions(architectures, tmp_path, weight_type, more):
    network = inceptive.load(architectures / "small/reduced.yaml")
    whole, other = network.to_onnx(seed=3), network.to_onnx(seed=3, weight_type=weight_type)
    assert (len(other) - len(whole)) / (more * network.cost().params) > 1
    path = tmp_path / "other.onnx"
    path.write_bytes(other)
    again = inceptive.load(path)
    assert again.fingerprint == network.fingerprint
    for name, values in network.weights(seed=3).items():
        is_rounded = weight_type == "float16" and name.endswith((".weight", ".bias"))
        expected = values.astype(np.float16).astype(np.float32) if is_rounded else values
        np.testing.assert_array_equal(again.weights()[name], expected)


@pytest.mark.parametrize("size", [32, "32x32", (32, 32), [3, 32, 32], np.int64(32)])
def test_the_size_of_an_onnx_file_can_be_named(root, size):
    file = root / "crates/onnx/tests/fixtures/open-size.onnx"
    with pytest.raises(inceptive.Error, match="name the size, such as 224x224"):
        inceptive.load(file)
    network = inceptive.load(file, input_size=size)
    assert network.input_shape == (3, 32, 32)
    assert network.cost().macs == 27 * 8 * 16 * 16 + 72 * 16 * 16 * 16 + 16 * 10
    assert list(network.point) == ["input.size"]
    with pytest.raises(inceptive.Error, match="is no size of an input"):
        inceptive.load(file, input_size="wide")


def test_an_onnx_file_is_read_up_to_what_is_not_supported(root):
    file = root / "crates/onnx/tests/fixtures/open-size-unsupported.onnx"
    with pytest.raises(inceptive.Error, match="the part before them can be read"):
        inceptive.load(file, input_size=32)
    with pytest.warns(UserWarning, match="the network is cut where these operators are not supported: 1 x Sin"):
        network = inceptive.load(file, input_size=32, cut=True)
    assert network.output_shape == (8, 16, 16) and network.cost().params == (27 + 1) * 8


def test_the_size_of_a_yaml_file_can_be_named_too(tiny):
    assert inceptive.load(tiny, input_size=(10, 12)).input_shape == (3, 10, 12)


def test_weights_are_arrays_in_the_shape_of_their_layers(tiny):
    weights = inceptive.load(tiny).weights()
    assert {name: array.shape for name, array in weights.items()} == {
        "stem.weight": (4, 3, 3, 3),
        "stem.bias": (4,),
        "tail/classifier.weight": (5, 4),
        "tail/classifier.bias": (5,),
    }
    weights["stem.bias"][0] = 1
    assert weights["stem.bias"].dtype == np.float32 and weights["stem.bias"][0] == 1


def test_onnx_options_are_checked(tiny):
    network = inceptive.load(tiny)
    for options in ({"opset": 3}, {"batch": 0}, {"match": "luck"}, {"weight_type": "int8"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            network.to_onnx(**options)
    with pytest.raises(ValueError, match="batch"):
        network.cost(batch=0)
    assert network.to_onnx(batch=None) != network.to_onnx(batch=2) != network.to_onnx()


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda it: it.cost(batch=-1), ValueError, "batch is -1, but must be at least 1"),
        (lambda it: it.cost(batch=2**40), ValueError, "batch is 1099511627776, but must be at most"),
        (lambda it: it.cost(batch=1.5), TypeError, "batch must be an integer, not float"),
        (lambda it: it.to_onnx(batch=-1), ValueError, "batch is -1"),
        (lambda it: it.to_onnx(opset=-1), ValueError, "opset is -1"),
        (lambda it: it.draw(depth=-1), ValueError, "depth is -1, but must be at least 0"),
        (lambda it: it.cost().modules(depth=-1), ValueError, "depth is -1"),
        (lambda it: it.diff(it, depth=-1), ValueError, "depth is -1"),
        (lambda it: it.diff("other.yaml"), TypeError, "other must be a network .*, not 'other.yaml'"),
        (lambda it: it.weights(seed=-1), ValueError, "seed is -1, but must be at least 0"),
        (lambda it: it.weights(seed="one"), TypeError, "seed must be an integer, not str"),
        (lambda it: it.weights(match=3), TypeError, 'match must be "names" or "order", not 3'),
        (lambda it: it.weights(weights=3), TypeError, "expected str, bytes or os.PathLike object, not int"),
        (lambda it: inceptive.load(it.path, set=["width=8"]), TypeError, r"set must be a dictionary .*, not \['width=8'\]"),
        (lambda it: inceptive.load(it.path, set={3: 8}), TypeError, "keys of set must be texts .*, not 3"),
        (lambda it: inceptive.load(it.path, set={"width": object()}), TypeError, "width is set to <object"),
    ],
)
def test_arguments_out_of_range_are_named(tiny, call, kind, text):
    with pytest.raises(kind, match=text):
        call(inceptive.load(tiny))


def test_a_depth_below_every_path_shows_everything(tiny):
    network = inceptive.load(tiny)
    assert network.draw(depth=1000).svg == network.draw().svg
    assert len(network.cost().modules(depth=1000)) == len(network.cost().modules(depth=100))


def test_copies_are_the_network_itself(tiny):
    network = inceptive.load(tiny)
    assert copy.copy(network) is network and copy.deepcopy([network])[0] is network
    with pytest.raises(TypeError, match="`load` it again"):
        pickle.dumps(network)


def test_no_file_is_written_over_its_network(tiny):
    network = inceptive.load(tiny)
    with pytest.raises(inceptive.Error, match="tiny.yaml"):
        network.to_onnx(tiny)
    assert tiny.read_text() == TINY


def test_what_is_not_right_but_usable_is_a_warning(architectures):
    with pytest.warns(UserWarning, match="violates macs <= 1.6G") as warned:
        inceptive.load(architectures / "spaces/googlenet-widths.yaml", set={"width": 2})
    assert warned[0].filename == __file__


def test_a_network_says_what_it_is(architectures):
    network = inceptive.load(architectures / "googlenet.yaml", set={"4a.c3": 256})
    assert repr(network).startswith("<inceptive.Network GoogLeNet 4a.c3=256: 3x224x224 -> 1000, ")
    assert network.path == architectures / "googlenet.yaml"
    assert network.cite and network.description
    assert "1,594,187,264" in str(network.cost()) and "1,594,187,264" in network.cost()._repr_html_()
