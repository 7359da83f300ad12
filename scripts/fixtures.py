#!/usr/bin/env python3
"""Write torchvision's ONNX exports without their weights, as fixtures of the importer's tests.

    python3 -m pip install onnx onnxscript torch torchvision
    python3 scripts/fixtures.py      # writes crates/onnx/tests/fixtures

Shapes of weights stay, values are said to be in a file that does not exist: the graphs can be counted, not run.
"""

import pathlib
import tempfile

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


def main() -> None:
    """Export every network with every exporter."""
    OUT.mkdir(parents=True, exist_ok=True)
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
