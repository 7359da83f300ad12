"""Networks to and from PyTorch, on the CPU."""

import inspect
import pickle
import sys

import numpy as np
import pytest

import inceptive

torch = pytest.importorskip("torch")
flop_counter = pytest.importorskip("torch.utils.flop_counter")


def images(network, count=2):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, *network.input_shape, generator=generator)


@pytest.mark.parametrize(
    "file", ["googlenet.yaml", "inception-v3.yaml", "nasnet-a-mobile.yaml", "randwire-small.yaml", "small/separable.yaml"]
)
def test_a_module_has_the_counts_of_its_network(architectures, file):
    network = inceptive.load(architectures / file)
    cost = network.cost()
    module = network.to_torch(training=False).eval()
    assert sum(parameter.numel() for parameter in module.parameters()) == cost.params
    with flop_counter.FlopCounterMode(display=False) as counter, torch.no_grad():
        output = module(images(network, 1))
    # It counts convolutions and matrices, two for each multiply-accumulate.
    assert counter.get_total_flops() == 2 * cost.macs
    assert tuple(output.shape[1:]) == network.output_shape


def test_a_module_to_be_trained_has_heads(architectures):
    network = inceptive.load(architectures / "googlenet.yaml")
    module = network.to_torch()
    assert module.training
    assert sum(parameter.numel() for parameter in module.parameters()) == network.cost(training=True).params
    logits, heads = module(images(network))
    assert logits.shape == (2, 1000) and [head.shape for head in heads] == [(2, 1000)] * 2
    losses = [torch.nn.functional.cross_entropy(output, torch.tensor([1, 2])) for output in (logits, *heads)]
    sum(losses).backward()
    assert all(parameter.grad.isfinite().all() for parameter in module.parameters())


@pytest.mark.parametrize("file", ["small/reduced.yaml", "small/bn.yaml", "squeezenet1_1.yaml", "mobilenet-v2.yaml"])
def test_a_module_computes_what_onnx_runtime_computes(architectures, file):
    onnxruntime = pytest.importorskip("onnxruntime")
    network = inceptive.load(architectures / file)
    batch = images(network)
    session = onnxruntime.InferenceSession(network.to_onnx(batch=None, seed=5))
    [expected] = session.run(None, {session.get_inputs()[0].name: batch.numpy()})
    for training in (True, False):
        with torch.no_grad():
            output = network.to_torch(seed=5, training=training).eval()(batch).numpy()
        assert np.abs(output - expected).max() <= 1e-4 * np.abs(expected).max()


def test_a_module_shows_its_code_and_can_be_pickled(architectures):
    network = inceptive.load(architectures / "small/reduced.yaml")
    module, other = network.to_torch().eval(), network.to_torch(seed=1).eval()
    assert "class " + type(module).__name__ in inspect.getsource(type(module))
    assert type(module) is type(other), "the same code is kept once"
    again = pickle.loads(pickle.dumps(module))
    with torch.no_grad():
        assert (again(images(network)) == module(images(network))).all()


def test_trained_weights_come_back(architectures, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    network = inceptive.load(architectures / "small/reduced.yaml")
    module = network.to_torch()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.25)
    path = tmp_path / "trained.safetensors"
    safetensors.save_file(module.state_dict(), path)
    ours = network.weights(weights=path)
    again = network.to_torch(weights=path).state_dict()
    assert all((again[name] == values).all() for name, values in module.state_dict().items())
    before = network.weights()
    for name, values in ours.items():
        np.testing.assert_allclose(values, before[name] + (0.25 if name.rpartition(".")[2] in ("weight", "bias") else 0))


class Small(torch.nn.Module):
    """A network with branches."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
        self.left = torch.nn.Conv2d(8, 4, 1)
        self.right = torch.nn.Conv2d(8, 6, 5, padding=2)
        self.drop = torch.nn.Dropout(0.5)
        self.classifier = torch.nn.Linear(10, 7)

    def forward(self, images):
        maps = self.stem(images)
        maps = torch.cat([self.left(maps), self.right(maps)], dim=1)
        return self.classifier(self.drop(maps.mean((2, 3))))


def test_a_network_is_read_from_a_module():
    pytest.importorskip("onnx")
    module = Small()
    with torch.no_grad():
        # Statistics that are not zero and one.
        module(torch.randn(8, 3, 16, 16))
    module.stem.eval()
    network = inceptive.from_torch(module, torch.zeros(1, 3, 16, 16))
    assert module.training and not module.stem.training, "it is left as it was"
    assert network.name == "Small" and network.input_shape == (3, 16, 16) and network.output_shape == (7,)
    assert network.cost().params == sum(parameter.numel() for parameter in module.parameters())
    batch = images(network)
    module.eval()
    with torch.no_grad():
        expected = module(batch)
        output = network.to_torch().eval()(batch)
    torch.testing.assert_close(output, expected)
    assert inceptive.from_torch(module, np.zeros((1, 3, 16, 16), np.float32), name="Other").name == "Other"


def test_a_missing_package_is_named(monkeypatch, architectures):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"inceptive\[torch\], or pip install onnx"):
        inceptive.from_torch(Small(), torch.zeros(1, 3, 16, 16))
    monkeypatch.setitem(sys.modules, "torch", None)
    network = inceptive.load(architectures / "small/reduced.yaml")
    for use in (network.to_torch, lambda: inceptive.from_torch(None, None)):
        with pytest.raises(ImportError, match=r"torch is not installed: install inceptive\[torch\]"):
            use()


@pytest.mark.parametrize("kind", ["avgpool", "maxpool"])
@pytest.mark.parametrize("size", [8, 9])
def test_pools_as_tensorflow_pads_them_come_back(tmp_path, kind, size):
    """Windows of 3 with a stride of 2 on even maps have padding below and to the right alone."""
    file = tmp_path / "same.yaml"
    file.write_text(
        f"name: Same\ninput: {{channels: 3, size: {size}}}\nbody:\n  - {kind}: {{kernel: 3, stride: 2, pad: same}}\ntail: []\n"
    )
    network = inceptive.load(file)
    module = network.to_torch().eval()
    again = inceptive.from_torch(module, images(network, 1))
    assert (again.cost().flops, again.output_shape) == (network.cost().flops, network.output_shape)
    x = images(network)
    assert torch.equal(again.to_torch().eval()(x), module(x))
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(network.to_onnx(batch=2), providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    np.testing.assert_allclose(module(x).detach().numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_a_module_with_local_response_normalisation_comes_back(architectures, training):
    pytest.importorskip("onnx")
    network = inceptive.load(architectures / "googlenet.yaml")
    original = torch.nn.functional.local_response_norm
    again = inceptive.from_torch(network.to_torch(training=training), torch.zeros(1, *network.input_shape))
    assert again.fingerprint == network.fingerprint
    assert torch.nn.functional.local_response_norm is original, "it is left as it was"


def test_local_response_normalisation_of_a_user_is_read():
    pytest.importorskip("onnx")
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.LocalResponseNorm(3, alpha=0.5, beta=0.6, k=1.5)).eval()
    network = inceptive.from_torch(layers, torch.zeros(1, 3, 8, 8))
    assert list(network.cost().operators()["op"]) == ["input", "conv", "lrn"]
    batch = images(network)
    with torch.no_grad():
        torch.testing.assert_close(network.to_torch().eval()(batch), layers(batch))


def test_code_that_depends_on_values_is_a_warning():
    pytest.importorskip("onnx")

    class Branches(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 1)

        def forward(self, images):
            if images.sum() > 0:
                return self.conv(images)
            return self.conv(images).relu()

    with pytest.warns(torch.jit.TracerWarning, match="Python boolean") as warned:
        network = inceptive.from_torch(Branches(), torch.zeros(1, 3, 8, 8))
    assert len(warned) == 1 and warned[0].filename == __file__
    assert list(network.cost().operators()["op"]) == ["input", "conv", "relu"]


def test_a_module_is_read_without_warnings(recwarn):
    pytest.importorskip("onnx")
    inceptive.from_torch(Small(), torch.zeros(1, 3, 16, 16))
    assert [str(one.message) for one in recwarn] == []


def test_a_module_is_read_up_to_what_is_not_supported():
    pytest.importorskip("onnx")

    class Waves(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 1)

        def forward(self, images):
            return self.conv(images).sin()

    with pytest.raises(inceptive.Error, match="1 x Sin"):
        inceptive.from_torch(Waves(), torch.zeros(1, 3, 8, 8))
    with pytest.warns(UserWarning, match="1 x Sin") as warned:
        network = inceptive.from_torch(Waves(), torch.zeros(1, 3, 8, 8), cut=True)
    assert network.output_shape == (4, 8, 8) and network.cost().params == 16
    assert warned[0].filename == __file__


def test_what_is_no_module_or_tensor_is_an_error():
    pytest.importorskip("onnx")
    example = torch.zeros(1, 3, 16, 16)
    with pytest.raises(TypeError, match="module must be a torch.nn.Module, not int"):
        inceptive.from_torch(3, example)
    for input in ("x", None, object()):
        with pytest.raises(TypeError, match="input must be a tensor or an array"):
            inceptive.from_torch(Small(), input)
    with pytest.raises(TypeError, match="one tensor, not 2"):
        inceptive.from_torch(Small(), (example, example))
    assert inceptive.from_torch(Small(), (example,)).input_shape == (3, 16, 16)


def test_a_module_that_is_no_such_network_is_an_error():
    pytest.importorskip("onnx")

    class Sorted(torch.nn.Module):
        def forward(self, images):
            return torch.sort(images, dim=1)[0]

    with pytest.raises(inceptive.Error):
        inceptive.from_torch(Sorted(), torch.zeros(1, 3, 8, 8))

    class Broken(torch.nn.Module):
        def forward(self, images):
            raise RuntimeError("it never works")

    with pytest.raises(inceptive.Error, match="it never works"):
        inceptive.from_torch(Broken(), torch.zeros(1, 3, 8, 8))
