"""Each network that draws masks, through the program: trained, judged, predicting."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from medlab_gui.commands.adopt import AdoptParams
from medlab_gui.commands.adopt import run as adopt
from medlab_gui.commands.predict import PredictParams
from medlab_gui.commands.predict import run as predict
from medlab_gui.commands.train import TrainParams
from medlab_gui.commands.train import run as train
from medlab_gui.networks import CLASSIFIERS, NETWORKS
from tests.projects import label_empty_slices, make_small_project, tiny_weights


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_small_project(tmp_path_factory.mktemp("original"))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_it_is_trained_judged_and_predicts(name, original, tmp_path):
    shutil.copytree(original.folder, tmp_path / "project")
    project = replace(original, folder=tmp_path / "project")
    weights = tiny_weights(tmp_path / "w.safetensors", network=name)
    made = train(
        TrainParams(init=str(weights), epochs_head=1, epochs_all=1, batch=4),
        project.ctx,
    )
    assert made["epochs"] == 2
    assert np.isfinite(made["comparison"]["new"]["mean_dice"])
    assert made["comparison"]["n_slices"] == 3
    with project.ctx.store() as store:
        checkpoint = store.checkpoint(made["checkpoint"])
        assert checkpoint.network.name == name
    adopt(AdoptParams(made["checkpoint"]), project.ctx)
    found = predict(PredictParams(project.series_uid), project.ctx)
    assert found["network"] == name
    with project.ctx.store() as store:
        labels = store.array(store.prediction(found["prediction"]).labels_blob)
    assert labels.shape == (24, 64, 64)
    assert set(np.unique(labels)) <= {0, 1, 2}


def test_neighbours_as_channels_through_the_program(original, tmp_path):
    shutil.copytree(original.folder, tmp_path / "project")
    project = replace(original, folder=tmp_path / "project")
    weights = tiny_weights(tmp_path / "w.safetensors", in_channels=3)
    made = train(
        TrainParams(init=str(weights), epochs_head=0, epochs_all=1), project.ctx
    )
    with project.ctx.store() as store:
        assert store.checkpoint(made["checkpoint"]).network.in_channels == 3
    adopt(AdoptParams(made["checkpoint"]), project.ctx)
    assert predict(PredictParams(project.series_uid), project.ctx)["n_slices"] == 24


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_a_classifier_is_trained_adopted_and_tells_classes(name, original, tmp_path):
    shutil.copytree(original.folder, tmp_path / "project")
    project = replace(original, folder=tmp_path / "project")
    label_empty_slices(project)
    weights = tiny_weights(tmp_path / "w.safetensors", network=name)
    made = train(
        TrainParams(init=str(weights), epochs_head=0, epochs_all=1, batch=4),
        project.ctx,
    )
    assert np.isfinite(made["comparison"]["new"]["mean_dice"])
    adopt(AdoptParams(made["checkpoint"]), project.ctx)
    found = predict(PredictParams(project.series_uid), project.ctx)
    assert (found["network"], found["n_slices"]) == (name, 24)
    with project.ctx.store() as store:
        assert store.latest_prediction(project.series_uid) is None, "no mask"
        kept = store.latest_classification(project.series_uid)
        assert store.array(kept.probs_blob).shape == (24, 3)
