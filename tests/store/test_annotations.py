from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import ConflictError, InputError, StorageFullError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.store.annotations import LockedSlice
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore
from tests.store.conftest import SHAPE, add_series

if TYPE_CHECKING:
    from medlab_gui.core.records import Series

SCHEME = DEFAULT_SCHEME


def mask_of(value: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[2, 3:9, 4:7] = value
    return mask


def test_revisions_follow_each_other(store: ProjectStore, series: Series) -> None:
    assert store.latest_annotation(series.uid) is None
    first = store.add_annotation(
        series.uid, mask_of(1), SCHEME, confirmed=[2, np.int64(0), 2], author="ann"
    )
    second = store.add_annotation(
        series.uid,
        mask_of(255),
        SCHEME,
        confirmed=[],
        author="bob",
        parent=first.id,
        journal_seq=7,
    )
    assert (first.revision, second.revision) == (1, 2)
    assert (first.confirmed, second.confirmed) == ((0, 2), ())
    assert (first.author, second.author) == ("ann", "bob")
    assert second.parent == first.id
    assert first.created < second.created
    assert first.created.endswith("+00:00")
    assert store.annotations(series.uid) == (first, second)
    assert store.latest_annotation(series.uid) == second
    assert store.annotation(first.id) == first
    np.testing.assert_array_equal(store.annotation_mask(first), mask_of(1))
    np.testing.assert_array_equal(store.annotation_mask(second), mask_of(255))
    assert store.journal_seq(first) == 0
    assert store.journal_seq(second) == 7


def test_accepted_slices_are_counted_of_the_newest_masks(
    store: ProjectStore, series: Series
) -> None:
    other = add_series(store, "1.2.4")
    add_series(store, "1.2.5")
    assert store.n_confirmed() == {}
    more = {"author": "a"}
    one = store.add_annotation(series.uid, mask_of(1), SCHEME, confirmed=[0], **more)
    store.add_annotation(other.uid, mask_of(1), SCHEME, confirmed=[1, 2, 3], **more)
    more["parent"] = one.id
    store.add_annotation(series.uid, mask_of(2), SCHEME, confirmed=[0, 4], **more)
    assert store.n_confirmed() == {series.uid: 2, other.uid: 3}
    newest = {u: store.latest_annotation(u).id for u in (series.uid, other.uid)}
    assert store.latest_annotation_ids() == newest
    assert newest[series.uid] != one.id


def test_a_revision_never_holds_less_of_the_journal_than_the_one_before(
    store: ProjectStore, series: Series
) -> None:
    options = {"confirmed": (), "author": "a"}
    one = store.add_annotation(
        series.uid, mask_of(1), SCHEME, journal_seq=5, from_journal=True, **options
    )
    two = store.add_annotation(series.uid, mask_of(2), SCHEME, parent=one.id, **options)
    assert store.journal_seq(two) == 5
    assert store.undo_floor(one) == 0
    assert store.undo_floor(two) == 5  # a mask from elsewhere: no undo below it
    three = store.add_annotation(
        series.uid,
        mask_of(1),
        SCHEME,
        parent=two.id,
        journal_seq=9,
        from_journal=True,
        **options,
    )
    assert (store.journal_seq(three), store.undo_floor(three)) == (9, 5)


def test_who_saves_second_is_told(store: ProjectStore, series: Series) -> None:
    first = store.add_annotation(
        series.uid, mask_of(1), SCHEME, confirmed=[], author="ann"
    )
    for parent in (None, "nonsense"):
        with pytest.raises(ConflictError, match=r"saved .* first \(version 1\)"):
            store.add_annotation(
                series.uid,
                mask_of(2),
                SCHEME,
                confirmed=[],
                author="bob",
                parent=parent,
            )
    assert store.annotations(series.uid) == (first,)


@pytest.mark.parametrize(
    ("mask", "confirmed", "message"),
    [
        (np.zeros((6, 20, 23), np.uint8), [], r"must be uint8 \(6, 20, 24\)"),
        (np.zeros(SHAPE, np.int16), [], "found int16"),
        (mask_of(3), [], r"values \[3\].*Liver and spleen"),
        (mask_of(1), [6], "slices 0 to 5"),
        (mask_of(1), [-1], "slices 0 to 5"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(
    store: ProjectStore,
    series: Series,
    mask: np.ndarray,
    confirmed: list[int],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        store.add_annotation(
            series.uid, mask, SCHEME, confirmed=confirmed, author="ann"
        )
    assert store.annotations(series.uid) == ()


def test_a_full_disk_makes_no_revision(
    store: ProjectStore, series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageFullError, match="no room"):
            store.add_annotation(
                series.uid, mask_of(1), SCHEME, confirmed=[], author="ann"
            )
    assert store.annotations(series.uid) == ()
    assert not list((store.folder / "blobs" / "incoming").iterdir())


def test_a_revision_keeps_its_own_scheme(store: ProjectStore, series: Series) -> None:
    made = store.add_annotation(
        series.uid, mask_of(1), SCHEME, confirmed=[], author="ann"
    )
    store.set_scheme(LabelScheme.from_names("Chest", ["Lung"]))
    assert store.annotation(made.id).scheme == SCHEME


def test_locked_slices_stay(store: ProjectStore, series: Series) -> None:
    first = store.add_annotation(
        series.uid, mask_of(1), SCHEME, confirmed=[1, 2, 3], author="ann"
    )
    store.lock_slices(series.uid, [3, 1], first.id)
    store.lock_slices(series.uid, [1], first.id)  # again: nothing to do
    expected = tuple(LockedSlice(series.uid, k, first.id) for k in (1, 3))
    assert store.locked() == expected
    second = store.add_annotation(
        series.uid,
        mask_of(2),
        SCHEME,
        confirmed=[1, 2, 3],
        author="ann",
        parent=first.id,
    )
    with pytest.raises(ConflictError, match="Slice 2 is locked already"):
        store.lock_slices(series.uid, [1, 2], second.id)
    assert store.locked() == expected


def test_only_what_a_person_vouches_for_is_locked(
    store: ProjectStore, series: Series
) -> None:
    other = add_series(store, "4.5.6")
    made = store.add_annotation(
        series.uid, mask_of(1), SCHEME, confirmed=[1], author="ann"
    )
    with pytest.raises(InputError, match="Slice 3, 4 cannot be locked"):
        store.lock_slices(series.uid, [1, 2, 3], made.id)
    with pytest.raises(InputError, match="another series"):
        store.lock_slices(other.uid, [1], made.id)
    assert store.locked() == ()
