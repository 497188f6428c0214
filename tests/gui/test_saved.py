"""What the window says of being saved, and when it may."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from medlab_gui.core.errors import StorageFullError
from medlab_gui.core.records import ItemState
from medlab_gui.gui.status import saved_text
from medlab_gui.gui.view_state import Mode
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import wait_for
from tests.gui.docks_phantom import queue_item
from tests.gui.hand import CTRL
from tests.gui.test_window import predict

pytestmark = pytest.mark.gui


def test_saving_says_so(window, hand, monkeypatch):
    window.bench.mode = Mode.ANNOTATE
    hand.drag((30, 30), (30, 60))
    wait_for(lambda: "Strokes saved" in window.status.saved.text())
    # Whatever the clock says when it is asked: just saved, and a minute later.
    saved_at = window.bench.session.saved_at
    monkeypatch.setattr("time.time", lambda: saved_at)
    assert saved_text(window.bench) == "Strokes saved 0 s ago"
    monkeypatch.setattr("time.time", lambda: saved_at + 61)
    assert saved_text(window.bench) == "Strokes saved 1 min ago"
    monkeypatch.undo()
    hand.key("S", CTRL)
    wait_for(lambda: window.bench.session.n_unsaved == 0)
    assert "All saved" in window.status.saved.text()
    uid = window.bench.session.series_uid
    saved = window.bench.store.latest_annotation(uid)
    mask = window.bench.store.annotation_mask(saved)
    assert np.array_equal(mask, window.bench.session.mask)


def test_what_the_disk_did_not_keep_is_not_called_saved(window, hand, monkeypatch):
    """It said "Strokes saved 3 s ago" of the stroke before."""
    window.bench.mode = Mode.ANNOTATE
    hand.drag((30, 30), (30, 60))
    wait_for(lambda: "Strokes saved" in window.status.saved.text())

    def fails(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fails)
        hand.drag((60, 30), (60, 60))
        wait_for(lambda: window.status.saved.text() == "Not saved")
        assert "did not keep the last stroke" in window.notifier.bar.text.text()
    hand.drag((70, 30), (70, 60))
    assert "Input/output error" in window.notifier.dialogs[-1].text()
    window.notifier.dialogs[-1].close()
    wait_for(lambda: "Strokes saved" in window.status.saved.text())


def test_what_could_not_be_saved_is_not_called_accepted(window, hand, monkeypatch):
    """The picture said "Accepted" while the queue said that the slice waits."""
    bench = window.bench
    uid = bench.session.series_uid
    bench.store.replace_queue([queue_item(uid, 8, 0.9), queue_item(uid, 3, 0.8)])
    predict(bench.session)
    seen = []

    def full(self, *_args: object, **_more: object) -> None:
        seen.append("Accepted" in window.text.corner_lines()[0])
        raise StorageFullError("There is no room left on the disk.")

    with monkeypatch.context() as without_room:
        without_room.setattr(ProjectStore, "add_annotation", full)
        hand.key("Return")
        wait_for(lambda: window.notifier.dialogs and not bench.jobs.active)
    assert seen == [False], "not before it is on the disk"
    assert "no room left" in window.notifier.dialogs[-1].text()
    assert bench.session.k == 8
    assert "Accepted" not in window.text.corner_lines()[0]
    assert bench.store.item_for(uid, 8).state is ItemState.QUEUED
    assert (bench.session.mask[8, 20:40, 20:40] == 1).all(), "the stroke is kept"
    hand.key("Return")
    wait_for(lambda: bench.session.k == 3 and not bench.jobs.active)
    bench.go_to(8)
    assert "Accepted" in window.text.corner_lines()[0]
    assert bench.store.item_for(uid, 8).state is ItemState.ACCEPTED
