"""The workbench without a window: what belongs to a project stays with it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.review.session import ReviewSession
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import wait_for
from tests.gui.docks_phantom import make_project


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    make_project(folder, 1)
    return folder


@pytest.fixture
def other(tmp_path):
    place = tmp_path / "another"
    ProjectStore.open(place, create=True).close()
    return str(place)


def open_other(qtbot, bench, other):
    bench.open_project(other)
    qtbot.waitUntil(lambda: bench.project_place == other)


def test_what_waits_for_its_turn_is_saved_in_the_project_it_is_of(
    qtbot, bench, folder, other
):
    said = []
    bench.noticed.connect(said.append)
    bench.open_series("1.2.0.1")
    qtbot.waitUntil(lambda: bench.session is not None)
    box = (slice(3, 4), slice(10, 20), slice(10, 20))
    bench.session.apply("stroke", box, np.ones((1, 10, 10), np.uint8))
    turn = threading.Event()
    for _lane in range(2):  # the save cannot begin before the other project is open
        bench.submit("", lambda _ctx: turn.wait(), lane="disk", newest_wins=False)
    try:
        open_other(qtbot, bench, other)
    finally:
        turn.set()
    qtbot.waitUntil(lambda: not bench.jobs.active)
    assert not said
    with ProjectStore.open(folder) as store:
        saved = store.latest_annotation("1.2.0.1")
        assert saved is not None
        assert store.array(saved.blob)[3, 10:20, 10:20].all()


def test_the_last_change_of_a_recipe_stays_in_its_project(bench, folder, other):
    mine = PipelineSpec((Step("window", {"level": 7.0, "width": 99.0}),))
    bench.pipeline = mine  # and at once, before it is written by itself:
    bench.adopt_project(other, ProjectStore.open(other))
    with ProjectStore.open(folder) as store:
        assert store.pipeline() == mine
    assert bench.pipeline == LIVER_PIPELINE


def test_what_a_project_was_told_is_in_its_file_before_the_window_lets_it_go(
    qtbot, bench, folder, other, monkeypatch
):
    """The last connection carries the log over, which waits for the disk."""
    bench.store.set_pipeline(PipelineSpec((Step("window", {"level": 70.5}),)))
    let_go, seen = bench.store.close, []

    def closing():
        file = Path(folder, "project.db").as_uri()
        bare = sqlite3.connect(f"{file}?immutable=1", uri=True)  # without the log
        seen.append("70.5" in str(bare.execute("SELECT * FROM project").fetchall()))
        bare.close()
        let_go()

    monkeypatch.setattr(bench.store, "close", closing)
    open_other(qtbot, bench, other)
    assert seen == [True]


def test_strokes_of_a_crash_are_told_once_where_their_series_is_just_opening(
    bench, tmp_path, monkeypatch
):
    """With `--series` they were told of the project, and of the series again."""
    crashed = tmp_path / "crashed"
    make_project(crashed, 2)
    box = (slice(8, 9), slice(10, 15), slice(10, 20))
    for uid in ("1.2.0.1", "1.2.1.1"):
        with ReviewSession.open(crashed, uid, author="x") as session:
            session.apply("brush", box, np.ones((1, 5, 10), np.uint8))
    may_open, at_once = threading.Event(), ReviewSession.open

    def slowly(*args, **more):
        assert may_open.wait(60)
        return at_once(*args, **more)

    monkeypatch.setattr(ReviewSession, "open", slowly)
    told = []
    bench.noticed.connect(lambda notice: told.append(notice.text))
    bench.open_project(str(crashed), then=lambda: bench.open_series("1.2.0.1"))
    wait_for(lambda: bool(told))
    may_open.set()
    wait_for(lambda: bench.session is not None)
    assert len(told) == 2
    assert "Abdomen 2" in told[0]
    assert " ".join(told).count("Abdomen 1") == 1
