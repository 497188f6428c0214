from __future__ import annotations

from contextlib import nullcontext
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from medlab_gui.core.errors import SpecError
from medlab_gui.core.predict_spec import PredictSpec
from medlab_gui.learning import predict, runtime
from medlab_gui.learning.checkpoint import save_checkpoint
from medlab_gui.learning.predict import Predictor
from medlab_gui.learning.rounding import first_layer_in_parts
from medlab_gui.learning.runtime import TorchRuntime, fold_normalisation
from medlab_gui.networks import build
from tests.learning.conftest import NETWORK, disc_scan


def used(network, seed=7):
    """Give weights whose answer differs by pixel, and statistics as after training."""
    torch.manual_seed(seed)
    for weight in network.parameters():
        if weight.ndim > 1:
            nn.init.kaiming_normal_(weight)
        else:
            nn.init.zeros_(weight)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


@pytest.fixture
def lively(tmp_path, meta):
    """A checkpoint that does not give one answer everywhere."""
    network = used(build(NETWORK))
    path = tmp_path / "lively.safetensors"
    save_checkpoint(path, network.state_dict(), meta)
    return path


def test_folding_normalisation_changes_only_the_last_digits():
    network = used(build(NETWORK))
    images = torch.rand(2, 1, 37, 50)
    with torch.inference_mode():
        before = network(images)
    fold_normalisation(network)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    with torch.inference_mode():
        after = network(images)
    assert (after - before).abs().max() < 1e-4 * before.std()


def test_a_convolution_that_nothing_follows_is_left_alone():
    lone = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.BatchNorm2d(1)).eval()
    fold_normalisation(lone)
    assert isinstance(lone[2], nn.BatchNorm2d)


class Overflowing(nn.Module):
    """Beyond what float16 holds, as a processor's autocast would reckon it."""

    def forward(self, images):
        return torch.full(
            (len(images), 2, 1, 1), float(torch.is_autocast_enabled("cpu"))
        )


def test_cards_without_bfloat16_take_float16(monkeypatch):
    monkeypatch.setattr(nn.Module, "to", lambda self, device: self)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: False
    )
    older = TorchRuntime(nn.Conv2d(1, 1, 1), "cuda", mixed=True)
    assert older.name == "torch, float16"
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: True
    )
    newer = TorchRuntime(nn.Conv2d(1, 1, 1), "cuda", mixed=True)
    assert newer.name == "torch, bfloat16"
    assert TorchRuntime(nn.Conv2d(1, 1, 1), "cuda").name == "torch"
    assert TorchRuntime(nn.Conv2d(1, 1, 1), "cpu", mixed=True).name == "torch"


def test_what_overflows_in_float16_is_reckoned_again():
    class Network(nn.Module):
        def forward(self, images):
            mixed = torch.is_autocast_enabled("cpu")
            return images * (float("inf") if mixed else 2.0)

    chosen = TorchRuntime(Network(), "cpu")
    chosen._precision = torch.float16
    images = torch.ones(2, 1, 4, 4)
    assert torch.equal(chosen(images), 2 * images)
    chosen._precision = torch.bfloat16
    assert chosen(images).isinf().all(), "bfloat16 has the range of float32"


def test_without_openvino_torch_computes_and_nothing_is_said(lively, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    predictor = Predictor(lively, "auto", fastest=True)
    assert predictor.runtime == "torch"
    assert predictor.notes == []


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A folder for conversions that the tests share, as a user's programs do."""
    return tmp_path_factory.mktemp("cache")


# Not pytest.importorskip: importing it is what load_openvino is for.
@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
class TestOpenVino:
    @pytest.fixture(autouse=True)
    def installed(self, monkeypatch, converted):
        monkeypatch.setenv("XDG_CACHE_HOME", str(converted))
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        self.cache = converted / "medlab" / "openvino"

    def test_its_masks_are_torchs(self, lively):
        scan = disc_scan(4, size=45)
        fast = Predictor(lively, "auto", fastest=True)
        assert fast.runtime.startswith("OpenVINO 20")
        assert fast.notes == []
        plain = Predictor(lively, "cpu", fastest=True)
        assert plain.runtime == "torch", "--device cpu is torch alone"
        ours = fast.predict(scan.data, scan.spacing, keep_probs=True)
        theirs = plain.predict(scan.data, scan.spacing, keep_probs=True)
        assert ours.runtime == fast.runtime
        assert np.bincount(theirs.labels.ravel(), minlength=3).min() > 500
        assert (ours.labels != theirs.labels).mean() <= 1e-3
        np.testing.assert_allclose(ours.probs, theirs.probs, atol=2e-3)

    def test_a_conversion_is_made_once_for_each_content(
        self, lively, meta, tmp_path, monkeypatch
    ):
        from medlab_gui.learning import openvino_runtime as ours

        # Of its own: the number of conversions is looked at.
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        cache = tmp_path / "medlab" / "openvino"
        made = []
        convert = ours._converted
        monkeypatch.setattr(
            ours, "_converted", lambda *what: made.append(1) or convert(*what)
        )
        scan = disc_scan(2)
        first = Predictor(lively, "auto", fastest=True)
        expected = first.predict(scan.data, scan.spacing)
        again = Predictor(lively, "auto", fastest=True)
        assert made == [1]
        found = again.predict(scan.data, scan.spacing)
        np.testing.assert_array_equal(found.labels, expected.labels)
        # A damaged one is made again.
        (folder,) = cache.iterdir()
        (folder / "network.xml").write_text("<net")
        mended = Predictor(lively, "auto", fastest=True)
        assert mended.runtime.startswith("OpenVINO")
        assert "<layers>" in (folder / "network.xml").read_text()
        assert made == [1, 1]
        # The same name with other weights is another network; no room for both.
        monkeypatch.setattr(ours, "_MOST_BYTES", 0)
        save_checkpoint(lively, used(build(NETWORK), seed=9).state_dict(), meta)
        other = Predictor(lively, "auto", fastest=True)
        assert made == [1, 1, 1]
        (kept,) = cache.iterdir()
        assert kept != folder, "the newest stays"
        changed = other.predict(scan.data, scan.spacing)
        assert (changed.labels != expected.labels).any()

    def test_an_answer_that_is_not_torchs_is_not_used(
        self, lively, tmp_path, monkeypatch
    ):
        from medlab_gui.learning import openvino_runtime as ours

        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        convert = ours._converted
        other = used(build(NETWORK), seed=9)

        def of_another(network, in_parts):
            with first_layer_in_parts(other) if in_parts else nullcontext():
                return convert(other, in_parts)

        monkeypatch.setattr(ours, "_converted", of_another)
        predictor = Predictor(lively, "auto", fastest=True)
        assert predictor.runtime == "torch"
        (told,) = predictor.notes
        assert "differs from torch's" in told
        assert list((tmp_path / "medlab" / "openvino").iterdir()) == []
        scan = disc_scan(1)
        expected = Predictor(lively, "cpu", fastest=True)
        np.testing.assert_array_equal(
            predictor.predict(scan.data, scan.spacing).labels,
            expected.predict(scan.data, scan.spacing).labels,
        )

    def test_a_failure_in_the_middle_goes_on_with_torch(self, lively, monkeypatch):
        monkeypatch.setitem(predict._LARGEST_BATCH, "cpu", 1)
        scan = disc_scan(3)
        expected = Predictor(lively, "cpu", fastest=True)
        predictor = Predictor(lively, "auto", fastest=True)
        right = predictor._openvino._request
        calls = []

        def failing(*what):
            calls.append(what)
            if len(calls) == 2:
                raise RuntimeError("no more\nlong story")
            return right(*what)

        predictor._openvino._request = failing
        found = predictor.predict(scan.data, scan.spacing)
        assert len(calls) == 2
        np.testing.assert_array_equal(
            found.labels, expected.predict(scan.data, scan.spacing).labels
        )
        assert found.runtime == predictor.runtime == "torch"
        assert predictor.notes == [runtime.failed(RuntimeError("no more"))]

    def test_dropout_is_torchs(self, lively):
        predictor = Predictor(lively, "auto", fastest=True)
        fast = predictor.runtime
        assert fast.startswith("OpenVINO")
        scan = disc_scan(1)
        twice = PredictSpec(dropout_passes=2)
        with pytest.raises(SpecError, match="no dropout"):
            predictor.predict(scan.data, scan.spacing, spec=twice)
        assert predictor.runtime == fast, "and OpenVINO afterwards"
        predictor._network.head = nn.Sequential(
            nn.Dropout(0.5), predictor._network.head
        ).eval()
        found = predictor.predict(scan.data, scan.spacing, spec=twice)
        assert found.runtime == "torch"
        assert predictor.runtime == fast


def test_trained_weights_give_the_same_mask_on_a_real_scan():
    """The starter weights on the demo's public CT, by every runtime there is."""
    from medlab_gui.core.resources import resource
    from medlab_gui.io import read_one

    _, native = read_one(resource("demo", "torso_ct.nii.gz"), None)
    scan = native.reoriented(native.grid.canonical())
    weights = resource("models", "abdomen_starter.safetensors")
    wanted = range(0, len(scan.data), 4)

    def mask(device, fastest):
        predictor = Predictor(weights, device, fastest=fastest)
        found = predictor.predict(scan.data, scan.grid.spacing, slices=wanted)
        return found.labels[wanted]

    expected = mask("cpu", False)
    n_found = np.count_nonzero(expected)
    assert n_found > 2000
    for device in ("cpu", "auto"):
        n_other = np.count_nonzero(mask(device, True) != expected)
        assert n_other <= 1e-3 * n_found, "of the organs' voxels, not of all the air"
