from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from medlab_gui.core.errors import CheckpointError, InputError, ResourceError
from medlab_gui.core.specs import LIVER_PIPELINE, NetworkSpec, PipelineSpec
from medlab_gui.imaging.pipeline import fit_pipeline
from medlab_gui.learning.predict import Predictor, choose_device
from medlab_gui.learning.prepare import prepare_image
from medlab_gui.learning.uncertainty import entropy
from medlab_gui.networks import build
from tests.learning.conftest import disc_scan


class Threshold(nn.Module):
    """Sure of class 1 above 0.5, and of class 2 above 0.9; keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(tuple(x.shape))
        grey = x[:, 0]
        return torch.stack([0.5 - grey, grey - 0.5, 2 * grey - 1.4], dim=1) * 50


@pytest.fixture
def threshold(meta):
    """A predictor without preprocessing: grey values come as they are."""

    def make(inplane_mm=None):
        plain = replace(meta, pipeline=PipelineSpec(), inplane_mm=inplane_mm)
        return Predictor.of_network(plain, Threshold(), "cpu")

    return make


def test_each_voxel_gets_its_class_in_place(threshold):
    data = np.zeros((3, 20, 30), np.float32)
    data[0, 2:5, 3:9] = 0.7
    data[2, 10:12, 20:25] = 1
    result = threshold().predict(data, (3, 1, 1))
    assert result.labels.dtype == np.uint8
    assert result.entropy.dtype == np.float16
    assert result.probs is None
    np.testing.assert_array_equal(result.labels, np.digitize(data, [0.5, 0.9]))
    assert result.slices == (0, 1, 2)
    assert result.seconds_per_slice > 0


@pytest.mark.parametrize(("pixel", "inplane"), [(3.0, 2.0), (0.7, 2.0), (0.7, 3.0)])
def test_other_pixel_sizes_come_back_to_the_scans_own_pixels(threshold, pixel, inplane):
    size = round(240 / pixel)
    at = (np.arange(size) + 0.5) * pixel
    disc = np.hypot(at[:, None] - 100, at - 130) < 50
    data = np.where(disc, 0.75, 0.0)[None].astype(np.float32)
    predictor = threshold(inplane)
    result = predictor.predict(data, (5, pixel, pixel))
    expected = round(240 / inplane)
    assert predictor._network.seen == [(1, 1, expected, expected)]
    assert result.labels.shape == data.shape
    found = result.labels[0] == 1
    centre = (np.argwhere(found).mean(axis=0) + 0.5) * pixel
    np.testing.assert_allclose(centre, [100, 130], atol=0.3)
    dice = 2 * (found & disc).sum() / (found.sum() + disc.sum())
    assert dice > 0.97


def test_oblong_pixels_keep_their_directions(threshold):
    data = np.zeros((1, 100, 50), np.float32)
    data[0, 20:40, 30:45] = 0.75
    predictor = threshold(2.0)
    result = predictor.predict(data, (1, 1.0, 4.0))
    assert predictor._network.seen == [(1, 1, 50, 100)]
    rows, columns = np.nonzero(result.labels[0])
    assert (rows.min(), rows.max()) == (20, 39)
    assert (columns.min(), columns.max()) == (30, 44)


def test_entropy_is_between_zero_and_one_and_high_where_unsure(threshold):
    data = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 1, 64).repeat(8, 1)
    result = threshold().predict(data, (1, 1, 1))
    unsure = result.entropy[0, 0]
    assert 0 <= unsure.min() < 1e-3
    assert 0.5 < unsure.max() <= 1
    # Two classes are equal at 0.5, the other two at 0.9.
    for border in (0.5, 0.9):
        near = np.abs(data[0, 0] - border) < 0.05
        assert unsure[near].max() > 0.55
    assert unsure[np.abs(data[0, 0] - 0.7) < 0.03].max() < 0.05


def test_probabilities_are_kept_when_asked(threshold):
    data = np.random.default_rng(0).random((2, 16, 16)).astype(np.float32)
    result = threshold().predict(data, (1, 1, 1), keep_probs=True)
    assert result.probs.shape == (3, 2, 16, 16)
    assert result.probs.dtype == np.float16
    np.testing.assert_allclose(result.probs.sum(axis=0), 1, atol=2e-3)
    np.testing.assert_allclose(
        entropy(torch.from_numpy(result.probs)), result.entropy, atol=5e-3
    )


def test_some_slices_only(threshold):
    data = np.full((5, 8, 8), 0.75, np.float32)
    result = threshold().predict(data, (1, 1, 1), slices=[3, 1, 3])
    assert result.slices == (3, 1)
    assert result.labels.any(axis=(1, 2)).tolist() == [False, True, False, True, False]
    assert result.entropy[[0, 2, 4]].max() == 0
    with pytest.raises(InputError, match="no slice 5; the scan has 5"):
        threshold().predict(data, (1, 1, 1), slices=[5])


def test_a_slice_alone_gets_what_it_gets_in_its_scan(checkpoint):
    scan = disc_scan(5)
    predictor = Predictor(checkpoint, "cpu")
    whole = predictor.predict(scan.data, scan.spacing)
    alone = predictor.predict(scan.data[2:3], scan.spacing)
    np.testing.assert_array_equal(whole.labels[2], alone.labels[0])
    np.testing.assert_allclose(whole.entropy[2], alone.entropy[0], atol=2e-3)


def test_a_checkpoint_predicts_the_same_again(checkpoint):
    scan = disc_scan(5)
    first = Predictor(checkpoint, "cpu").predict(scan.data, scan.spacing)
    second = Predictor(checkpoint, "cpu").predict(scan.data, scan.spacing)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.entropy, second.entropy)


def test_the_checkpoints_own_pipeline_is_what_the_network_sees(meta, monkeypatch):
    torch.manual_seed(0)
    network = build(NetworkSpec("unet", 1, 3, {"width": 1 / 16}))
    shown = []
    network.register_forward_pre_hook(lambda module, args: shown.append(args[0]))
    liver = replace(meta, pipeline=LIVER_PIPELINE, inplane_mm=3.0)
    scan = disc_scan(2)
    Predictor.of_network(liver, network, "cpu").predict(scan.data, scan.spacing)
    expected = prepare_image(
        scan.data[1], (2.0, 2.0), fit_pipeline(LIVER_PIPELINE, scan.data), 3.0
    )
    np.testing.assert_array_equal(torch.cat(shown)[1, 0].numpy(), expected)


def test_progress_comes_slice_by_slice_and_can_stop_it(threshold):
    class Stop(BaseException):
        pass

    seen = []

    def report(done, total=0, message="", data=None):
        seen.append((done, total))
        if done == 3:
            raise Stop

    data = np.zeros((100, 8, 8), np.float32)
    with pytest.raises(Stop):
        threshold().predict(data, (1, 1, 1), progress=report)
    assert seen == [(0, 100), (1, 100), (2, 100), (3, 100)]


def test_what_is_no_number_is_said(threshold):
    data = np.zeros((2, 8, 8), np.float32)
    data[1, 3, 3] = np.nan
    with pytest.raises(InputError, match="slice 2"):
        threshold().predict(data, (1, 1, 1))


def test_a_single_slice_without_its_axis_is_refused(threshold):
    with pytest.raises(InputError, match=r"\(Z, Y, X\)"):
        threshold().predict(np.zeros((8, 8)), (1, 1, 1))


class Small(nn.Module):
    """A graphics card with room for so many slices."""

    def __init__(self, room):
        super().__init__()
        self.room, self.inner = room, Threshold()

    def forward(self, x):
        if len(x) > self.room:
            raise torch.OutOfMemoryError
        return self.inner(x)


def test_a_batch_that_does_not_fit_is_halved(meta):
    plain = replace(meta, pipeline=PipelineSpec())
    data = np.random.default_rng(0).random((4, 8, 8)).astype(np.float32)
    result = Predictor.of_network(plain, Small(1), "cpu").predict(data, (1, 1, 1))
    np.testing.assert_array_equal(result.labels, np.digitize(data, [0.5, 0.9]))
    with pytest.raises(ResourceError, match="no room"):
        Predictor.of_network(plain, Small(0), "cpu").predict(data, (1, 1, 1))


def test_devices(monkeypatch):
    assert choose_device("cpu") == "cpu"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(ResourceError, match="CUDA was asked for"):
        choose_device("cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == "cuda"
    with pytest.raises(InputError, match="'tpu'"):
        choose_device("tpu")


def test_no_checkpoint_no_predictor(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        Predictor(tmp_path / "a.safetensors")
