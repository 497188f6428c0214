from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.core.records import Score, Series
from tests.store.conftest import SHAPE

if TYPE_CHECKING:
    from medlab_gui.store.project import ProjectStore


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
