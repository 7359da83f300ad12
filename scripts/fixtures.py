#!/usr/bin/env python3
"""Write ONNX files as fixtures of tests: torchvision's exports without their weights, and small files of open size.

    python3 -m pip install onnx onnxscript torch torchvision
    python3 scripts/fixtures.py      # writes crates/onnx/tests/fixtures

Shapes of torchvision's weights stay, values are said to be in a file that does not exist: the graphs can be counted, not run.
"""

import pathlib
import tempfile

import numpy
import onnx
import torch
import torchvision

OUT = pathlib.Path(__file__).resolve().parent.parent / "crates" / "onnx" / "tests" / "fixtures"
BOTH = ["dynamo", "traced"]
NETWORKS = {
    "googlenet": (224, BOTH), "inception_v3": (299, BOTH), "mobilenet_v3_small": (224, BOTH),
    "shufflenet_v2_x1_0": (224, ["traced"]),  # splits channels, which networks here cannot
}
EXPORTERS = {"dynamo": {"dynamo": True, "optimize": False}, "traced": {"dynamo": False}}
SMALL = 64


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with large weights moved to a file that is not there, and without source paths."""
    for tensor in model.graph.initializer:
        size = len(tensor.raw_data)
        if size > SMALL:
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="absent.bin")
            tensor.external_data.add(key="length", value=str(size))
    for node in model.graph.node:
        scopes = [(entry.key, entry.value) for entry in node.metadata_props if entry.key.endswith("name_scopes")]
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
        for key, value in scopes:
            node.metadata_props.add(key=key, value=value)
    model.graph.ClearField("value_info")
    model.graph.ClearField("metadata_props")
    return model


def open_size(between: list[str]) -> onnx.ModelProto:
    """Two convolutions with these operators between them, for images of any size."""
    random = numpy.random.default_rng(0)
    shapes = {"stem.weight": [8, 3, 3, 3], "stem.bias": [8], "head.weight": [16, 8, 3, 3], "fc.weight": [10, 16], "fc.bias": [10]}
    weights = [onnx.numpy_helper.from_array(random.normal(size=shape).astype("f") / 4, name) for name, shape in shapes.items()]
    make, nodes, last = onnx.helper.make_node, [], "stem"
    nodes.append(make("Conv", ["x", "stem.weight", "stem.bias"], ["stem"], "stem", pads=[1, 1, 1, 1], strides=[2, 2]))
    for operator in ["Relu", *between]:
        name = operator.lower()
        nodes.append(make(operator, [last], [name], name))
        last = name
    nodes += [
        make("Conv", [last, "head.weight"], ["head"], "head", pads=[1, 1, 1, 1]),
        make("GlobalAveragePool", ["head"], ["gap"], "gap"),
        make("Flatten", ["gap"], ["flat"], "flat"),
        make("Gemm", ["flat", "fc.weight", "fc.bias"], ["y"], "fc", transB=1),
    ]
    value = onnx.helper.make_tensor_value_info
    image, logits = value("x", 1, ["batch", 3, "height", "width"]), value("y", 1, ["batch", 10])
    graph = onnx.helper.make_graph(nodes, "open", [image], [logits], weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    """Write all fixtures; of torchvision, every network by every exporter."""
    OUT.mkdir(parents=True, exist_ok=True)
    onnx.save(open_size([]), OUT / "open-size.onnx")
    onnx.save(open_size(["Sin"]), OUT / "open-size-unsupported.onnx")
    with tempfile.TemporaryDirectory() as folder:
        for name, (size, exporters) in NETWORKS.items():
            torch.manual_seed(0)
            more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
            network = getattr(torchvision.models, name)(weights=None, **more).eval()
            for exporter in exporters:
                path = pathlib.Path(folder) / "model.onnx"
                torch.onnx.export(network, (torch.zeros(1, 3, size, size),), str(path), verbose=False, **EXPORTERS[exporter])
                onnx.save(stripped(onnx.load(path)), OUT / f"{name}-{exporter}.onnx")


if __name__ == "__main__":
    main()
