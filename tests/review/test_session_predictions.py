"""What a model said of the open series, and taking it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.store.fold import fold_journal
from tests.review.conftest import BOX, UID, draw, reopened
from tests.store.conftest import SHAPE
from tests.store.vouching import confirm

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.review.session import ReviewSession
    from medlab_gui.store.project import ProjectStore


def predicted(store: ProjectStore) -> tuple[np.ndarray, str]:
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 5:9, 5:9] = 1
    labels[4] = 0
    stored = store.add_prediction(
        UID, "starter", labels, np.full(SHAPE, 0.5, np.float16)
    )
    return labels, stored.id


def test_accepting_a_prediction_is_one_step(place: Path, store: ProjectStore) -> None:
    labels, prediction = predicted(store)
    with reopened(place) as session:
        assert session.prediction_id == prediction
        assert session.entropy is not None
        assert session.entropy.dtype == np.float16
        draw(session, 2, (slice(1, 2), *BOX[1:]))
        drawn = session.mask.copy()
        assert session.accept_prediction([1, 3])
        np.testing.assert_array_equal(session.mask[[1, 3]], labels[[1, 3]])
        assert not session.mask[[0, 2, 4, 5]].any()
        record = session._journal.records[-1]
        assert (record.source, record.origin) == ("model", prediction)
        assert record.slices == (1, 3)
        assert [session.is_touched(k) for k in range(6)] == [
            False,
            True,
            False,
            True,
            False,
            False,
        ]
        session.undo()
        np.testing.assert_array_equal(session.mask, drawn)
        session.redo()
        made = fold_journal(store, UID, "ann")
        assert made is not None
        assert made.parent_prediction == prediction
        with pytest.raises(InputError, match="slices 1 to 6"):
            session.accept_prediction([6])
        assert not session.accept_prediction([])


def test_a_prediction_is_named_by_the_revision_that_took_it_over_alone(
    place: Path, store: ProjectStore
) -> None:
    _, prediction = predicted(store)
    with reopened(place) as session:
        session.accept_prediction([1])
        first = fold_journal(store, UID, "ann")
        assert first is not None
        assert first.parent_prediction == prediction
        session.note_saved(first)
        draw(session, 2)
        second = fold_journal(store, UID, "ann")
        assert second is not None
        assert second.parent_prediction is None, "only strokes came after it"


@pytest.mark.usefixtures("locked_two")
def test_accepting_all_spares_what_a_person_decided(
    place: Path, store: ProjectStore
) -> None:
    labels, _ = predicted(store)
    with reopened(place) as session:
        confirm(session, 0)
        assert session.accept_prediction()
        assert not session.mask[[0, 2]].any()
        np.testing.assert_array_equal(session.mask[[1, 3, 4, 5]], labels[[1, 3, 4, 5]])
        with pytest.raises(InputError, match="locked"):
            session.accept_prediction([2])


def test_without_a_prediction_there_is_none_to_accept(session: ReviewSession) -> None:
    with pytest.raises(InputError, match="no prediction"):
        session.accept_prediction([0])


def test_another_prediction_is_told(session: ReviewSession) -> None:
    heard: list[Any] = []
    session.prediction_changed.connect(lambda: heard.append(session.prediction_id))
    labels = np.ones(SHAPE, np.uint8)
    session.set_prediction(labels, labels.astype(np.float16), "p2")
    assert heard == ["p2"]
    assert session.prediction is labels
    with pytest.raises(InputError, match="must be"):
        session.set_prediction(labels[1:], labels.astype(np.float16), "p3")
    assert session.prediction_id == "p2"
