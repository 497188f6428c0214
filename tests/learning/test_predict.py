from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from medlab_gui.core.errors import (
    CheckpointError,
    InputError,
    ResourceError,
    SpecError,
)
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.predict_spec import PredictSpec
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
    again = entropy(torch.from_numpy(result.probs))
    np.testing.assert_allclose(again, result.entropy, atol=5e-3)


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


def test_three_axes_vote_with_their_mean(threshold):
    """A network that knows the coronal and sagittal planes by their shape."""

    logits = {(6, 8): [0.0, 3.0], (4, 8): [2.0, 0.0], (4, 6): [1.0, 0.0]}

    class ByShape(nn.Module):
        def forward(self, x):
            values = torch.tensor(logits[tuple(x.shape[-2:])])
            return values[None, :, None, None].expand(len(x), 2, *x.shape[-2:])

    predictor = threshold()
    predictor._network = ByShape()
    predictor._torch._network = ByShape()
    predictor.meta = replace(
        predictor.meta,
        network=NetworkSpec("unet", 1, 2),
        scheme=LabelScheme.from_names("x", ["One"]),
    )
    seen = []
    data = np.zeros((4, 6, 8), np.float32)
    result = predictor.predict(
        data,
        (1, 1, 1),
        keep_probs=True,
        spec=PredictSpec(axes="all"),
        progress=lambda done, total=0, message="", data=None: seen.append(
            (done, total)
        ),
    )
    votes = [torch.softmax(torch.tensor(v), 0) for v in logits.values()]
    mean = sum(votes) / 3
    np.testing.assert_allclose(
        result.probs.reshape(2, -1).T, mean.expand(4 * 6 * 8, 2), atol=1e-3
    )
    assert (result.labels == 0).all(), "two against one"
    unsure = -(mean * mean.log()).sum() / np.log(2)
    np.testing.assert_allclose(result.entropy, unsure, atol=2e-3)
    assert seen == [(n, 4 + 6 + 8) for n in range(19)]


def test_three_axes_keep_every_voxel_in_its_place(threshold):
    data = np.zeros((12, 20, 30), np.float32)
    data[2:5, 3:9, 11:20] = 0.7
    data[7, 10:12, 20:25] = 1
    spec = PredictSpec(axes="all", flips="all", tile=32)
    result = threshold().predict(data, (1, 1, 1), spec=spec)
    np.testing.assert_array_equal(result.labels, np.digitize(data, [0.5, 0.9]))


def test_thick_slices_vote_in_place_too(threshold):
    """12 slices of 4 mm: coronal planes are shown with square pixels."""
    data = np.zeros((12, 40, 40), np.float32)
    data[4:8, 10:30, 8:24] = 0.75
    predictor = threshold()
    result = predictor.predict(data, (4, 1, 1), spec=PredictSpec(axes="all"))
    assert {shape[-2:] for shape in predictor._network.seen} == {(40, 40), (48, 40)}
    assert (result.labels[4:8, 10:30, 8:24] == 1).mean() > 0.99
    assert (result.labels == 1).sum() < 1.03 * 4 * 20 * 16


def test_tiles_take_no_more_than_their_pixels_at_once(threshold):
    predictor = threshold()
    data = np.random.default_rng(0).random((6, 100, 90)).astype(np.float32)
    whole = threshold().predict(data, (1, 1, 1))
    tiled = predictor.predict(data, (1, 1, 1), spec=PredictSpec(tile=64))
    np.testing.assert_array_equal(tiled.labels, whole.labels)
    np.testing.assert_allclose(tiled.entropy, whole.entropy, atol=4e-3)
    assert {shape[1:] for shape in predictor._network.seen} == {(1, 64, 64)}
    assert max(shape[0] for shape in predictor._network.seen) <= 4


def test_neighbouring_slices_are_channels(meta):
    class Middle(nn.Module):
        def forward(self, x):
            assert x.shape[1] == 3
            rises = (x[:, 2] > x[:, 1]) & (x[:, 1] > x[:, 0])
            return torch.stack([~rises, rises], dim=1) * 9.0

    three = replace(
        meta,
        network=NetworkSpec("unet", 3, 2),
        scheme=LabelScheme.from_names("x", ["One"]),
        pipeline=PipelineSpec(),
    )
    data = np.array([1, 2, 3, 4, 1, 2], np.float32)[:, None, None].repeat(8, 1)
    predictor = Predictor.of_network(three, Middle(), "cpu")
    result = predictor.predict(data, (1, 1, 1))
    assert result.labels[:, 0, 0].tolist() == [0, 1, 1, 0, 0, 0]


def test_a_crf_brings_a_blurred_mask_to_the_border_of_the_picture(meta):
    class Blurred(nn.Module):
        """Sees a bright disc as a place with a smooth border that is too wide."""

        def forward(self, x):
            soft = nn.functional.avg_pool2d(x, 9, stride=1, padding=4)[:, 0]
            return torch.stack([0.4 - soft, soft - 0.4], dim=1) * 5

    two = replace(
        meta,
        network=NetworkSpec("unet", 1, 2),
        scheme=LabelScheme.from_names("x", ["One"]),
    )
    y, x = np.mgrid[:48, :48]
    truth = np.stack([np.hypot(y - 24, x - 22) < r for r in (8, 11)])
    data = np.where(truth, 120, -60).astype(np.int16)
    predictor = Predictor.of_network(two, Blurred(), "cpu")
    plain = predictor.predict(data, (5, 2, 2), keep_probs=True)
    spec = PredictSpec(crf=True)
    refined = predictor.predict(data, (5, 2, 2), keep_probs=True, spec=spec)

    def wrong(found):
        return int((found.labels != truth).sum())

    assert wrong(plain) > 100
    assert wrong(refined) == 0
    np.testing.assert_array_equal(refined.entropy, plain.entropy)
    np.testing.assert_array_equal(refined.probs.argmax(0), refined.labels)


def test_dropout_passes_need_dropout(checkpoint):
    scan = disc_scan(1)
    with pytest.raises(SpecError, match="no dropout"):
        Predictor(checkpoint, "cpu").predict(
            scan.data, scan.spacing, spec=PredictSpec(dropout_passes=3)
        )


def test_dropout_passes_are_less_sure_and_repeatable(meta):
    torch.manual_seed(0)
    network = build(meta.network)
    network.head = nn.Sequential(nn.Dropout2d(0.5), network.head)
    predictor = Predictor.of_network(meta, network, "cpu")
    scan = disc_scan(2)
    once = predictor.predict(scan.data, scan.spacing, keep_probs=True)
    passes = [
        predictor.predict(
            scan.data,
            scan.spacing,
            keep_probs=True,
            spec=PredictSpec(dropout_passes=4, seed=seed),
        )
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(passes[0].probs, passes[1].probs)
    assert (passes[0].probs != passes[2].probs).any()
    assert (passes[0].probs != once.probs).any()
    again = predictor.predict(scan.data, scan.spacing, keep_probs=True)
    np.testing.assert_array_equal(again.probs, once.probs)


def test_total_variation_is_the_compiled_one(meta, monkeypatch):
    from medlab_gui.imaging import denoise

    asked = []
    monkeypatch.setattr(denoise, "kernel", lambda name: asked.append(name))
    liver = replace(meta, pipeline=LIVER_PIPELINE)
    scan = disc_scan(2)
    Predictor.of_network(liver, build(meta.network), "cpu").predict(
        scan.data, scan.spacing
    )
    assert asked == ["denoise_rows"] * 2
