from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.core.records import Score, Series
from medlab_gui.core.specs import LIVER_PIPELINE, NetworkSpec, Resize
from medlab_gui.store import schema, tables
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore
from tests.store.conftest import SHAPE, add_series

if TYPE_CHECKING:
    from pathlib import Path


def test_the_newest_prediction_is_found(store: ProjectStore, series: Series) -> None:
    assert store.latest_prediction(series.uid) is None
    labels = np.zeros(SHAPE, np.uint8)
    labels[1] = 2
    entropy = np.linspace(0, 1, labels.size).reshape(SHAPE).astype(np.float16)
    one = store.add_prediction(series.uid, "starter", labels, entropy)
    two = store.add_prediction(series.uid, "c2", labels * 0, entropy)
    assert store.latest_prediction(series.uid) == two
    assert store.latest_prediction(series.uid, "starter") == one
    assert store.latest_prediction(series.uid, "c3") is None
    assert store.prediction(one.id) == one
    other = add_series(store, "1.2.9")
    assert store.latest_prediction_ids() == {series.uid: two.id}
    three = store.add_prediction(other.uid, "c2", labels, entropy)
    assert store.latest_prediction_ids() == {series.uid: two.id, other.uid: three.id}
    np.testing.assert_array_equal(store.array(one.labels_blob), labels)
    found = store.array(one.entropy_blob)
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, entropy)


def test_a_prediction_that_does_not_fit_is_refused(
    store: ProjectStore, series: Series
) -> None:
    right, wrong = np.zeros(SHAPE, np.uint8), np.zeros((1, 2, 3), np.uint8)
    for labels, entropy, name in ((wrong, right, "labels"), (right, wrong, "entropy")):
        with pytest.raises(InputError, match=f"{name} of a prediction"):
            store.add_prediction(series.uid, "c", labels, entropy.astype(np.float16))
    with pytest.raises(InputError, match="no series"):
        store.add_prediction("9", "c", right, right.astype(np.float16))
    assert store.latest_prediction(series.uid) is None


def test_a_score_takes_the_place_of_the_one_before(
    store: ProjectStore, series: Series
) -> None:
    first = [
        Score(series.uid, k, "c1", "entropy", 0.1 * k, "border of Liver")
        for k in range(3)
    ]
    other = Score(series.uid, 1, "c2", "entropy", 0.9)
    store.put_scores([*first, other])
    again = Score(series.uid, 1, "c1", "entropy", 0.5, "now")
    store.put_scores([again])
    store.put_scores([])
    assert store.scores("c1") == (first[0], again, first[2])
    assert store.scores("c2") == (other,)
    assert len(store.scores()) == 4


def test_how_a_network_was_asked_is_kept(store: ProjectStore, series: Series) -> None:
    labels, entropy = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.float16)
    options = {"tiles": 64, "axes": "all", "fill_holes": "Liver"}
    told = store.add_prediction(series.uid, "c", labels, entropy, options)
    assert store.prediction(told.id).options == options
    untold = store.add_prediction(series.uid, "c", labels, entropy)
    assert store.latest_prediction(series.uid).options is None
    assert store.prediction_or_classification(untold.id) == untold


def test_what_a_classifier_said_is_no_prediction(
    store: ProjectStore, series: Series
) -> None:
    probs = np.random.default_rng(0).dirichlet([1, 1, 1], SHAPE[0]).astype(np.float32)
    names = ("none", "Glioma", "Other")
    one = store.add_classification(series.uid, "c1", names, probs, {"flips": "all"})
    two = store.add_classification(series.uid, "c2", names, probs[:, ::-1].copy())
    assert store.latest_classification(series.uid) == two
    assert store.latest_classification(series.uid, "c1") == one
    assert store.latest_classification(series.uid, "c3") is None
    assert store.prediction_or_classification(one.id) == one
    assert (one.classes, one.options) == (names, {"flips": "all"})
    np.testing.assert_array_equal(store.array(one.probs_blob), probs)
    assert store.latest_prediction(series.uid) is None
    assert store.health() == []
    store.blob_path(one.probs_blob).unlink()
    assert "classification" in store.health()[0].message
    for wrong in (probs[:-1], probs[:, :2]):
        with pytest.raises(InputError, match="must be"):
            store.add_classification(series.uid, "c", names, wrong)
    with pytest.raises(InputError, match="no prediction"):
        store.prediction_or_classification("nothing")


def test_an_older_project_keeps_its_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, before)
    for file in (before / "versions").glob("v*.py"):
        if int(file.name[1:5]) > 4:
            file.unlink()
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", before)
        older.setattr(tables, "SCHEMA_VERSION", 4)
        with ProjectStore.open(tmp_path / "old", create=True) as store:
            series = add_series(store)
            blob = store.put_array(np.ones(SHAPE, np.uint8))
    connection = sqlite3.connect(tmp_path / "old" / "project.db")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(prediction)")]
    assert "options" not in columns
    connection.execute(
        "INSERT INTO prediction (id, series_uid, checkpoint_id, labels_blob, "
        "entropy_blob, created) VALUES ('p1', ?, 'starter', ?, ?, '2025-01-01')",
        (series.uid, blob, blob),
    )
    connection.commit()
    connection.close()
    with ProjectStore.open(tmp_path / "old") as again:
        found = again.latest_prediction(series.uid)
        assert (found.id, found.options) == ("p1", None)
        assert again.array(found.labels_blob).all()
        file = tmp_path / "w.safetensors"
        file.write_text("weights")
        made = again.add_checkpoint(
            file,
            network=NetworkSpec("alexnet"),
            pipeline=LIVER_PIPELINE,
            scheme=DEFAULT_SCHEME,
            name="w",
            resize=Resize(224),
        )
        assert again.checkpoint(made.id).resize == Resize(224)
        probs = np.ones((SHAPE[0], 1), np.float32)
        kept = again.add_classification(series.uid, made.id, ("none",), probs)
        assert again.latest_classification(series.uid) == kept
