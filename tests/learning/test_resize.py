"""Slices of a number of pixels: the same in training, use, evaluation, replay."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from medlab_gui.core.errors import CheckpointError, SpecError
from medlab_gui.core.specs import PipelineSpec, Resize
from medlab_gui.core.training import Phase
from medlab_gui.imaging.pipeline import fit_pipeline
from medlab_gui.learning.capsule import compare_runs, read_capsule
from medlab_gui.learning.checkpoint import load_checkpoint, read_meta, save_checkpoint
from medlab_gui.learning.dataset import PreparedSlices
from medlab_gui.learning.evaluate import evaluate_slices
from medlab_gui.learning.predict import Predictor
from medlab_gui.learning.prepare import prepare_image, prepare_labels
from medlab_gui.learning.train import train
from medlab_gui.networks import build
from tests.learning.conftest import (
    NETWORK,
    SCHEME,
    WINDOW,
    disc_source,
    judge_source,
    train_spec,
)


def test_a_slice_is_filtered_and_then_resized():
    data = np.random.default_rng(0).integers(-200, 300, (60, 40)).astype(np.int16)
    fitted = fit_pipeline(WINDOW, data[None])
    made = prepare_image(data, (1.0, 3.0), fitted, Resize(32))
    theirs = Image.fromarray(np.asarray(fitted(data, 0), np.float32))
    expected = np.asarray(theirs.resize((32, 32), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(made, expected.clip(0, 1), atol=1e-5)
    linear = prepare_image(data, (1.0, 3.0), fitted, Resize(32, "linear"))
    assert linear.shape == (32, 32)
    assert np.abs(linear - made).max() > 0.01, "another interpolation"


def test_masks_take_the_nearest_pixel():
    mask = np.zeros((60, 40), np.uint8)
    mask[20:40, 10:20] = 2
    made = prepare_labels(mask, (30, 20))
    np.testing.assert_array_equal(made, mask[1::2, 1::2])


@pytest.fixture
def resized(tmp_path):
    """A run at 32 x 32 pixels of scans of 40 x 40, trained twice."""
    spec = train_spec(resize=Resize(32), phases=(Phase("all", 3, 3e-3),))
    folders = [tmp_path / "one", tmp_path / "two"]
    made = [
        train(spec, SCHEME, disc_source(), judge_source(), folder=f, device="cpu")
        for f in folders
    ]
    return spec, folders, made


def test_training_use_and_evaluation_agree(resized):
    spec, folders, (made, _) = resized
    meta, weights = load_checkpoint(made.checkpoint)
    assert meta.sampling == Resize(32)
    assert "resized to 32 x 32 (bicubic)" in made.checkpoint.with_suffix(
        ".md"
    ).read_text(encoding="utf-8")
    assert read_capsule(folders[0])[0] == spec
    assert compare_runs(*folders)["same"], "a replay gives the same bits"

    judge = judge_source()
    key = judge.keys[0]
    slices = PreparedSlices(judge, spec.pipeline, spec.sampling, 3)
    seen = slices[0][0]
    assert seen.shape == (32, 32)
    assert slices.pixel_mm(0) == (2.5, 2.5), "40 pixels of 2 mm on 32"
    network = build(meta.network).eval()
    network.load_state_dict(weights)
    with torch.no_grad():
        probs = network(torch.from_numpy(seen)[None, None]).softmax(1)
    back = torch.nn.functional.interpolate(
        probs, (40, 40), mode="bilinear", antialias=True
    )[0]
    predictor = Predictor(made.checkpoint, "cpu")
    found = predictor.predict(
        judge.scan(key), (5.0, 2.0, 2.0), slices=[key.slice_index], keep_probs=True
    )
    assert found.labels.shape == judge.scan(key).shape, "on the scan's own grid"
    np.testing.assert_allclose(found.probs[:, key.slice_index], back.numpy(), atol=2e-3)
    scores = evaluate_slices(predictor, judge)
    assert scores["mean_dice"] == pytest.approx(
        made.metrics["validation"]["mean_dice"], abs=1e-6
    )


def test_a_checkpoint_says_so_and_older_programs_refuse_it(meta, tmp_path):
    path = tmp_path / "w.safetensors"
    weights = build(NETWORK).state_dict()
    save_checkpoint(path, weights, meta)
    assert meta.to_dict()["format"] == 1, "an older MedLab can use it"
    assert read_meta(path).resize is None
    resized = replace(meta, resize=Resize(64, "linear"))
    save_checkpoint(path, weights, resized)
    assert read_meta(path) == resized
    assert resized.to_dict()["format"] == 2, "an older MedLab would not resize"
    with pytest.raises(SpecError, match="set one of them to null"):
        replace(meta, resize=Resize(64), inplane_mm=1.0)
    broken = json.loads(json.dumps(resized.to_dict()))
    broken["resize"]["pixels"] = 3
    from safetensors.torch import save_file

    save_file(weights, path, metadata={"medlab": json.dumps(broken)})
    with pytest.raises(CheckpointError, match=r"resize\.pixels.*found 3"):
        read_meta(path)


def test_nothing_is_resized_unasked(meta, checkpoint):
    data = np.zeros((1, 40, 50), np.float32)
    found = Predictor(checkpoint, "cpu").predict(data, (1, 1, 1))
    assert found.labels.shape == (1, 40, 50)
    fitted = fit_pipeline(PipelineSpec(), data)
    np.testing.assert_array_equal(prepare_image(data[0], (1, 1), fitted, None), data[0])
