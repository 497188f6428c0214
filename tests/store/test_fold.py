from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import BusyError, ConflictError, InputError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.store.fold import (
    current_mask,
    fold_journal,
    scheme_of,
    touched_slices,
)
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore
from tests.store.conftest import SHAPE
from tests.store.vouching import append_confirm

if TYPE_CHECKING:
    from medlab_gui.core.records import Series

BOX = (slice(1, 2), slice(2, 6), slice(3, 8))


def stroke(
    store: ProjectStore, series: Series, k: int, value: int, **more: str
) -> None:
    mask, _, _ = current_mask(store, series.uid)
    box = (slice(k, k + 1), *BOX[1:])
    with store.open_journal(series.uid) as journal:
        journal.append_edit(
            "brush",
            box,
            mask[box],
            np.full((1, 4, 5), value, np.uint8),
            author="ann",
            **more,
        )


def test_nothing_to_save_saves_nothing(store: ProjectStore, series: Series) -> None:
    assert fold_journal(store, series.uid, "ann") is None
    mask, confirmed, seq = current_mask(store, series.uid)
    assert (mask.shape, mask.dtype, mask.any()) == (SHAPE, np.uint8, False)
    assert (confirmed.any(), seq) == (False, 0)
    # Reading makes no journal.
    assert not store.journal_path(series.uid).exists()


def test_strokes_become_a_revision(store: ProjectStore, series: Series) -> None:
    stroke(store, series, 1, 2)
    with store.open_journal(series.uid) as journal:
        append_confirm(journal, 4)
    expected, _, seq = current_mask(store, series.uid)
    assert expected.sum() == 40
    one = fold_journal(store, series.uid, "ann", confirm=[1])
    assert one is not None
    assert (one.revision, one.confirmed, one.author) == (1, (1, 4), "ann")
    assert store.journal_seq(one) == seq == 2
    np.testing.assert_array_equal(store.annotation_mask(one), expected)
    assert fold_journal(store, series.uid, "ann") is None
    assert fold_journal(store, series.uid, "ann", confirm=[1]) is None
    two = fold_journal(store, series.uid, "bob", confirm=[0])
    assert two is not None
    assert (two.revision, two.parent, two.confirmed) == (2, one.id, (0, 1, 4))
    assert two.blob == one.blob


def test_a_stroke_taken_back_is_nothing_to_save(
    store: ProjectStore, series: Series
) -> None:
    stroke(store, series, 1, 2)
    assert fold_journal(store, series.uid, "ann") is not None
    stroke(store, series, 2, 1)
    with store.open_journal(series.uid) as journal:
        journal.append_undo(2)
    assert fold_journal(store, series.uid, "ann") is None
    with store.open_journal(series.uid) as journal:
        journal.append_undo(1)
    made = fold_journal(store, series.uid, "ann")
    assert made is not None
    assert not store.annotation_mask(made).any()


def test_saving_while_another_window_has_the_journal(
    store: ProjectStore, series: Series
) -> None:
    with store.open_journal(series.uid) as journal:
        journal.append_edit(
            "brush",
            BOX,
            np.zeros((1, 4, 5), np.uint8),
            np.ones((1, 4, 5), np.uint8),
            author="ann",
        )
        made = fold_journal(store, series.uid, "ann")
        assert made is not None
        assert store.annotation_mask(made).sum() == 20


def test_a_save_in_between_is_folded_onto(
    store: ProjectStore, series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    stroke(store, series, 1, 2)
    add, others = store.add_annotation, []

    def late(*args: object, **options: object) -> object:
        if not others:
            with ProjectStore.open(store.folder) as other:
                others.append(fold_journal(other, series.uid, "bob", confirm=[5]))
        return add(*args, **options)

    monkeypatch.setattr(store, "add_annotation", late)
    made = fold_journal(store, series.uid, "ann", confirm=[0])
    assert made is not None
    assert (made.revision, made.parent) == (2, others[0].id)
    assert made.confirmed == (0, 5)


def test_saving_against_everybody_ends(
    store: ProjectStore, series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    stroke(store, series, 1, 2)

    def never(*args: object, **options: object) -> None:
        raise ConflictError("first")

    monkeypatch.setattr(store, "add_annotation", never)
    with pytest.raises(ConflictError, match="first"):
        fold_journal(store, series.uid, "ann")


def test_a_busy_project_is_waited_for_once(
    store: ProjectStore, series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving waited five times as long as its message says."""
    tries: list[int] = []

    def busy(*_args: object, **_more: object) -> None:
        tries.append(1)
        raise BusyError("Another MedLab has been writing for more than 10 seconds.")

    stroke(store, series, 1, 1)
    monkeypatch.setattr(ProjectStore, "add_annotation", busy)
    with pytest.raises(BusyError):
        fold_journal(store, series.uid, "ann")
    assert len(tries) == 1


def test_the_accepted_prediction_is_remembered(
    store: ProjectStore, series: Series
) -> None:
    labels = np.ones(SHAPE, np.uint8)
    stored = store.add_prediction(
        series.uid, "starter", labels, labels.astype(np.float16)
    )
    stroke(store, series, 1, 1, origin=stored.id, source="model")
    made = fold_journal(store, series.uid, "ann")
    assert made is not None
    assert made.parent_prediction == stored.id
    stroke(store, series, 2, 1, origin="gone", source="model")
    made = fold_journal(store, series.uid, "ann")
    assert made is not None
    assert made.parent_prediction is None


def test_a_mask_from_a_file_takes_later_strokes(
    store: ProjectStore, series: Series
) -> None:
    stroke(store, series, 1, 2)
    imported = np.ones(SHAPE, np.uint8)
    store.add_annotation(
        series.uid, imported, DEFAULT_SCHEME, confirmed=range(6), author="file"
    )
    # The stroke was never saved: it is on top of the imported mask.
    mask, confirmed, seq = current_mask(store, series.uid)
    assert (int((mask == 2).sum()), int((mask == 1).sum())) == (20, mask.size - 20)
    assert (confirmed.all(), seq) == (True, 1)


def test_touched_is_drawn_vouched_for_or_erased(
    store: ProjectStore, series: Series
) -> None:
    assert touched_slices(store, series.uid) == set()
    stroke(store, series, 1, 2)
    stroke(store, series, 2, 2)
    stroke(store, series, 2, 0)  # erased again: a decision too
    stroke(store, series, 3, 1)
    with store.open_journal(series.uid) as journal:
        assert journal.undo_target is not None
        journal.append_undo(journal.undo_target)
        append_confirm(journal, 5)
    assert touched_slices(store, series.uid) == {1, 2, 5}
    fold_journal(store, series.uid, "ann")
    assert touched_slices(store, series.uid) == {1, 2, 5}


def test_a_lost_journal_loses_no_new_stroke(
    store: ProjectStore, series: Series
) -> None:
    for k in (1, 2, 3):
        stroke(store, series, k, 1)
    assert fold_journal(store, series.uid, "ann") is not None
    store.journal_path(series.uid).unlink()
    stroke(store, series, 4, 2)
    mask, _, seq = current_mask(store, series.uid)
    assert (int((mask == 1).sum()), int((mask == 2).sum()), seq) == (60, 20, 4)


def test_values_keep_their_meaning(store: ProjectStore, series: Series) -> None:
    stroke(store, series, 1, 2)
    made = fold_journal(store, series.uid, "ann")
    wider = LabelScheme.from_names("More", ["Liver", "Spleen", "Kidney"])
    store.set_scheme(wider)
    assert scheme_of(store, made) == wider
    store.set_scheme(LabelScheme.from_names("Chest", ["Lung", "Heart"]))
    assert scheme_of(store, made) == DEFAULT_SCHEME
    assert scheme_of(store, None).name == "Chest"


def test_what_is_not_there_is_said(store: ProjectStore, series: Series) -> None:
    with pytest.raises(InputError, match="no series"):
        current_mask(store, "9")
    with pytest.raises(InputError, match="slices 1 to 6; found 7"):
        fold_journal(store, series.uid, "ann", confirm=[6])
    with pytest.raises(InputError, match="slices 1 to 6; found 0"):
        fold_journal(store, series.uid, "ann", confirm=[-1])
