"""The queue and what people decide about it: score, queue, accept, skip."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medlab_gui.commands.accept import (
    ACCEPT,
    SKIP,
    AcceptParams,
    SkipParams,
    run_accept,
    run_skip,
)
from medlab_gui.commands.command import Context
from medlab_gui.commands.queue_ import (
    QUEUE,
    QueueParams,
    explain,
    reprioritise,
    run_queue,
)
from medlab_gui.commands.score import SCORE, ScoreParams, run_score
from medlab_gui.core.errors import CheckpointError, InputError
from medlab_gui.core.records import ItemState, Series, Study, WorkItem
from medlab_gui.store.fold import current_mask
from medlab_gui.store.project import ProjectStore
from tests.projects import tiny_weights
from tests.synthetic import tilted_grid


@pytest.fixture
def ranked(small_project):
    run_score(ScoreParams(), small_project.ctx)
    return small_project


def listed(project, limit: int = 100) -> dict[int, dict]:
    items = run_queue(QueueParams(limit), project.ctx)["items"]
    return {item["slice"]: item for item in items}


def test_labelled_and_locked_slices_are_not_asked_for(small_project):
    told = run_score(ScoreParams(), small_project.ctx)
    assert told["scored"] == 24
    assert told["waiting"] == 13
    assert set(listed(small_project)) == {*range(1, 6), *range(17, 25)}
    assert "24 slices scored. 0 of 13 done." in SCORE.text(told)


def test_neighbours_of_labelled_slices_come_later(ranked):
    items = listed(ranked)
    assert items[17]["priority"] < items[17]["score"]
    assert items[5]["priority"] < items[5]["score"]
    order = [i["priority"] for i in run_queue(QueueParams(100), ranked.ctx)["items"]]
    assert order == sorted(order, reverse=True)


def test_neighbours_are_as_near_as_what_lies_between_them(tmp_path):
    """Slices of a tilted gantry lie nearer to each other than the table moved."""
    for tilt in (0, 30):
        grid, uid = tilted_grid(tilt), f"1.2.{tilt}"
        with ProjectStore.open(tmp_path / str(tilt), create=True) as store:
            store.add_study(Study("1.1", "P", "2024-05-01", "Head"))
            blob = store.put_array(np.zeros(grid.shape, np.int16))
            facts = (uid, "1.1", "CT", "HU", grid, "Head", "x", grid.canonical(), blob)
            store.add_series(Series(*facts))
            store.replace_queue(
                [WorkItem("", uid, k, 0.5, 0.5, "", ItemState.QUEUED) for k in (0, 1)]
            )
            first, second = sorted(reprioritise(store).values(), reverse=True)
        near = 1 - second / first
        apart = tilted_grid(0).spacing[0]  # along the normal
        assert near == pytest.approx(0.9 * math.exp(-((apart / 10) ** 2) / 2))


def test_what_is_predicted_already_needs_no_network(ranked, monkeypatch):
    from medlab_gui.learning import predict

    monkeypatch.setattr(predict, "Predictor", None)
    assert run_score(ScoreParams(), ranked.ctx)["scored"] == 24


def test_the_way_back_leads_back_to_what_those_weights_said(ranked, monkeypatch):
    """Ranked again, the mask of the weights that were left was shown and accepted."""
    from medlab_gui.learning import predict

    uid, ctx = ranked.series_uid, ranked.ctx
    with ctx.store() as store:
        mine = store.latest_prediction(uid)
        entropy = np.asarray(store.array(mine.entropy_blob))
        wrong = np.full(entropy.shape, 2, np.uint8)
        store.add_prediction(uid, "others", wrong, entropy)
    told = run_accept(AcceptParams(uid, 21), ctx)
    assert told["predicted_by"] == "others"
    assert told["in_use"] == mine.checkpoint_id
    assert "by other weights than those in use" in ACCEPT.text(told)
    monkeypatch.setattr(predict, "Predictor", None)
    run_score(ScoreParams(), ctx)
    with ctx.store() as store:
        now = store.latest_prediction(uid)
        assert now.checkpoint_id == mine.checkpoint_id
        assert now.labels_blob == mine.labels_blob
        assert now.options == mine.options
        assert store.latest_prediction(uid, "others") is not None
    run_score(ScoreParams(), ctx)
    with ctx.store() as store:
        assert store.latest_prediction(uid).id == now.id, "once is enough"
    run_accept(AcceptParams(uid, 20), ctx)
    with ctx.store() as store:
        mask = current_mask(store, uid)[0][19]
        assert np.array_equal(mask, store.array(mine.labels_blob)[19])


def test_the_list_can_be_short(ranked):
    told = run_queue(QueueParams(2), ranked.ctx)
    assert len(told["items"]) == 2
    assert told["waiting"] == 13
    assert len(QUEUE.text(told).splitlines()) == 3


def test_scoring_what_is_not_there(small_project, tmp_path):
    with pytest.raises(InputError, match="no series"):
        run_score(ScoreParams("1.2.3"), small_project.ctx)
    other = tiny_weights(tmp_path / "lungs.safetensors", ("Lung", "Heart"))
    with pytest.raises(CheckpointError, match="other classes"):
        run_score(ScoreParams(checkpoint=str(other)), small_project.ctx)
    fresh = Context(str(tmp_path / "fresh"))
    with fresh.store(create=True):
        pass
    with pytest.raises(InputError, match="no study yet"):
        run_score(ScoreParams(), fresh)


def test_accepting_takes_the_prediction_where_nobody_drew(ranked):
    uid, ctx = ranked.series_uid, ranked.ctx
    told = run_accept(AcceptParams(uid, 20), ctx)
    assert told["from_prediction"]
    assert told["revision"] == 2
    with ctx.store() as store:
        stored = store.latest_prediction(uid)
        latest = store.latest_annotation(uid)
        assert latest.parent_prediction == stored.id
        assert 19 in latest.confirmed
        mask = store.annotation_mask(latest)
        assert np.array_equal(mask[19], store.array(stored.labels_blob)[19])
        assert store.item_for(uid, 19).state is ItemState.ACCEPTED
    assert told["n_voxels"] == (mask[19] > 0).sum()
    assert "as predicted)" in ACCEPT.text(told)
    assert told["predicted_by"] == told["in_use"] == stored.checkpoint_id
    assert 20 not in listed(ranked)
    assert listed(ranked)[21]["priority"] < listed(ranked)[21]["score"]


def test_accepting_keeps_what_a_person_drew(ranked):
    uid, ctx = ranked.series_uid, ranked.ctx
    with ctx.store() as store, store.open_journal(uid) as journal:
        where = (slice(19, 20), slice(0, 2), slice(0, 2))
        journal.append_edit(
            "brush",
            where,
            np.zeros((1, 2, 2), np.uint8),
            np.ones((1, 2, 2), np.uint8),
            author="me",
        )
    told = run_accept(AcceptParams(uid, 20), ctx)
    assert not told["from_prediction"]
    assert told["n_voxels"] == 4
    assert "(4 voxels)" in ACCEPT.text(told)
    with ctx.store() as store:
        mask, confirmed, _ = current_mask(store, uid)
    assert mask[19].sum() == 4
    assert confirmed[19]


def test_accepting_twice_changes_nothing(ranked):
    params = AcceptParams(ranked.series_uid, 20)
    first = run_accept(params, ranked.ctx)
    again = run_accept(params, ranked.ctx)
    assert again["revision"] is None
    assert again["n_voxels"] == first["n_voxels"]


def test_accepting_as_it_stands_asks_no_model(ranked):
    """The window took over what it shows, which may be nothing."""
    params = AcceptParams(ranked.series_uid, 20, as_it_stands=True)
    with ranked.ctx.store() as store, store.open_journal(ranked.series_uid):
        told = run_accept(params, ranked.ctx)
    assert not told["from_prediction"]
    assert told["n_voxels"] == 0
    with ranked.ctx.store() as store:
        assert 19 in store.latest_annotation(ranked.series_uid).confirmed


def test_accepting_without_a_prediction_is_a_slice_without_classes(small_project):
    told = run_accept(AcceptParams(small_project.series_uid, 24), small_project.ctx)
    assert told["n_voxels"] == 0
    assert "no class on it" in ACCEPT.text(told)


def test_skipping_and_taking_back(ranked):
    uid, ctx = ranked.series_uid, ranked.ctx
    told = run_skip(SkipParams(uid, 20), ctx)
    assert told["state"] == "skipped"
    assert "Slice 20 is skipped." in SKIP.text(told)
    assert 20 not in listed(ranked)
    run_score(ScoreParams(), ctx)
    assert 20 not in listed(ranked), "ranking again does not bring it back"
    told = run_skip(SkipParams(uid, 20, back=True), ctx)
    assert "back in the queue" in SKIP.text(told)
    assert 20 in listed(ranked)


def test_decisions_that_cannot_be_made(ranked):
    uid, ctx = ranked.series_uid, ranked.ctx
    run_accept(AcceptParams(uid, 20), ctx)
    for act, params, said in (
        (run_accept, AcceptParams(uid, 25), "1 to 24"),
        (run_accept, AcceptParams(uid, 15), "locked validation set"),
        (run_accept, AcceptParams("1.2.3", 1), "no series"),
        (run_skip, SkipParams(uid, 10), "not in the queue"),
        (run_skip, SkipParams(uid, 20), "accepted already"),
        (run_skip, SkipParams(uid, 0), "1 to 24"),
    ):
        with pytest.raises(InputError, match=said):
            act(params, ctx)


def items(*states: ItemState) -> list[WorkItem]:
    return [
        WorkItem(str(n), "1.2", n, 0.5, 0.5, "", state)
        for n, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("states", "n_series", "said"),
    [
        ((), 0, "no study yet"),
        ((), 1, "Nothing is ranked"),
        ((ItemState.QUEUED, ItemState.ACCEPTED), 1, "1 of 2 done"),
        ((ItemState.SKIPPED, ItemState.ACCEPTED), 1, "but 1 that were skipped"),
        ((ItemState.ACCEPTED,), 1, "Every ranked slice is labelled"),
    ],
)
def test_an_empty_queue_is_explained(states, n_series, said):
    assert said in explain(items(*states), n_series)
