"""How a network was asked is kept, told and repeated."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.commands.asked import OPTIONS, asked_in_words
from medlab_gui.commands.list_ import LIST, ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.commands.predict import PredictParams
from medlab_gui.commands.predict import run as predict
from medlab_gui.core.errors import InputError
from tests.projects import make_small_project


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_small_project(tmp_path_factory.mktemp("original"))


@pytest.fixture
def project(original, tmp_path):
    shutil.copytree(original.folder, tmp_path / "project")
    return replace(original, folder=tmp_path / "project")


def test_a_prediction_is_explained_and_repeated(project):
    uid = project.series_uid
    asked = PredictParams(
        uid, tiles=32, overlap=0.25, flips="all", largest_component="Liver"
    )
    first = predict(asked, project.ctx)
    predict(PredictParams(uid), project.ctx)
    again = predict(PredictParams(uid, repeat=first["prediction"]), project.ctx)
    assert again["asked"] == first["asked"]
    with project.ctx.store() as store:
        one, other, newest = (
            store.prediction(first["prediction"]),
            store.prediction(again["prediction"]),
            store.latest_prediction(uid),
        )
        assert newest == other
        assert one.options == other.options
        assert {k: one.options[k] for k in OPTIONS} == {
            **{k: getattr(PredictParams(uid), k) for k in OPTIONS},
            "tiles": 32,
            "overlap": 0.25,
            "flips": "all",
            "largest_component": "Liver",
        }
        assert one.options["runtime"] == first["runtime"]
        assert one.options["device"] == "cpu"
        np.testing.assert_array_equal(
            store.array(one.labels_blob), store.array(other.labels_blob)
        )
    told = list_(ListParams(), project.ctx)
    assert told["series"][0]["prediction"]["options"] == one.options
    assert (
        "tiles of 32 px, overlap 0.25, flips all, largest part only of Liver  "
        f"[{other.id}]"
    ) in LIST.text(told)


def test_what_cannot_be_repeated_is_said(project):
    uid = project.series_uid
    made = predict(PredictParams(uid), project.ctx)["prediction"]
    with pytest.raises(InputError, match="leave --tiles, --checkpoint out"):
        predict(
            PredictParams(uid, tiles=64, checkpoint="starter", repeat=made),
            project.ctx,
        )
    with pytest.raises(InputError, match="no prediction"):
        predict(PredictParams(uid, repeat="nothing"), project.ctx)
    database = sqlite3.connect(project.folder / "project.db")
    database.execute("UPDATE prediction SET options = NULL")
    database.commit()
    database.close()
    with pytest.raises(InputError, match="older MedLab"):
        predict(PredictParams(uid, repeat=made), project.ctx)
    assert "older MedLab" in LIST.text(list_(ListParams(), project.ctx))


def test_words():
    assert asked_in_words({}) == "whole axial slices as they are"
    said = asked_in_words(
        {"axes": "all", "dropout_passes": 5, "seed": 3, "crf": True, "fill_holes": "1"}
    )
    assert said == "axes all, 5 dropout passes (seed 3), CRF, holes filled of 1"
