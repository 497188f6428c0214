from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.errors import ConflictError, InputError
from medlab_gui.core.records import ItemState, Series, WorkItem
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore
from tests.store.conftest import SHAPE, add_series


def wish(series: Series, k: int, score: float) -> WorkItem:
    return WorkItem("", series.uid, k, score, score, "why", ItemState.QUEUED)


def test_the_queue_is_ranked(store: ProjectStore, series: Series) -> None:
    assert store.items() == ()
    made = store.replace_queue([wish(series, k, s) for k, s in ((0, 0.2), (1, 0.7))])
    assert [(i.slice_index, i.priority) for i in made] == [(1, 0.7), (0, 0.2)]
    assert made == store.items()
    assert store.item_for(series.uid, 1) == made[0]
    assert store.item_for(series.uid, 5) is None
    assert store.item(made[0].id) == made[0]
    store.set_priorities({made[0].id: np.float32(0.1)})
    assert [i.slice_index for i in store.items()] == [0, 1]
    assert store.item(made[0].id).score == 0.7
    assert store.item(made[0].id).version == 1


def test_what_a_person_took_up_survives_a_new_ranking(
    store: ProjectStore, series: Series
) -> None:
    made = store.replace_queue([wish(series, k, 0.5) for k in range(6)])
    by_slice = {i.slice_index: i for i in made}
    states = [
        ItemState.OPEN,
        ItemState.CORRECTED,
        ItemState.ACCEPTED,
        ItemState.SKIPPED,
    ]
    for k, state in enumerate(states):
        item = by_slice[k]
        done = store.set_item_state(
            item.id, state, version=item.version, assignee="ann"
        )
        assert (done.state, done.assignee, done.version) == (state, "ann", 2)
    store.replace_queue([wish(series, k, 0.9) for k in (0, 2, 4)])
    found = {i.slice_index: i for i in store.items()}
    assert sorted(found) == [0, 1, 2, 3, 4]  # 5 waited and is not wanted any more
    assert [found[k].state for k in range(4)] == states
    assert [found[k].score for k in range(5)] == [0.5, 0.5, 0.5, 0.5, 0.9]
    assert found[4].id == by_slice[4].id
    assert [i.slice_index for i in store.items([ItemState.QUEUED])] == [4]
    both = store.items([ItemState.ACCEPTED, ItemState.SKIPPED])
    assert {i.slice_index for i in both} == {2, 3}
    assert store.n_items([ItemState.ACCEPTED, ItemState.SKIPPED]) == 2
    assert store.n_items([ItemState.QUEUED, ItemState.OPEN]) == 2
    assert store.n_items([]) == 0


def test_the_first_that_waits_is_found_without_the_others(
    store: ProjectStore, series: Series
) -> None:
    two = add_series(store, "1.2.4")
    waiting = (ItemState.QUEUED, ItemState.CORRECTED)
    assert store.first_item(waiting) is None
    store.replace_queue(
        [wish(series, k, s) for k, s in ((0, 0.9), (1, 0.8), (2, 0.8), (3, 0.1))]
        + [wish(two, k, s) for k, s in ((0, 0.5), (1, 0.2))]
    )

    def first(**but: object) -> tuple[str, int]:
        found = store.first_item(waiting, **but)
        assert found == store.item_for(found.series_uid, found.slice_index)
        return found.series_uid, found.slice_index

    assert first() == (series.uid, 0)
    # The same slice number of another series counts.
    assert first(besides=(series.uid, 0)) == (series.uid, 1)
    assert first(besides=(two.uid, 0)) == (series.uid, 0)
    assert first(besides=(two.uid, 0), not_of={series.uid}) == (two.uid, 1)
    assert store.first_item(waiting, not_of={series.uid, two.uid}) is None
    for k, state in ((0, ItemState.ACCEPTED), (1, ItemState.SKIPPED)):
        item = store.item_for(series.uid, k)
        store.set_item_state(item.id, state, version=item.version)
    assert first() == (series.uid, 2)
    assert [i.slice_index for i in store.items(waiting)][:1] == [2]


def test_locked_slices_never_enter(store: ProjectStore, series: Series) -> None:
    made = store.add_annotation(
        series.uid,
        np.zeros(SHAPE, np.uint8),
        DEFAULT_SCHEME,
        confirmed=[1],
        author="ann",
    )
    store.lock_slices(series.uid, [1], made.id)
    queue = store.replace_queue([wish(series, k, 0.5) for k in range(3)])
    assert [i.slice_index for i in queue] == [0, 2]


def test_who_changes_second_is_told(store: ProjectStore, series: Series) -> None:
    (item,) = store.replace_queue([wish(series, 3, 0.5)])
    store.set_item_state(item.id, ItemState.OPEN, version=1, assignee="ann")
    with pytest.raises(ConflictError, match=r"Slice 4 .* is open by ann now"):
        store.set_item_state(item.id, ItemState.SKIPPED, version=1, assignee="bob")
    assert store.item(item.id).state is ItemState.OPEN
    with pytest.raises(InputError, match="no queue item"):
        store.set_item_state("x", ItemState.OPEN, version=1)


def test_no_item_of_a_series_that_is_not_there(store: ProjectStore) -> None:
    item = WorkItem("", "9.9", 0, 0.1, 0.1, "", ItemState.QUEUED)
    with pytest.raises(InputError, match="does not have the series"):
        store.replace_queue([item])
    assert store.items() == ()
