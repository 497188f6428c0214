"""A change of a whole scan holds the window up no longer than one of a slice."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import SimpleITK
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.errors import ConflictError
from medlab_gui.gui import large_changes
from medlab_gui.gui import napari_private as private
from medlab_gui.gui.drawing import finish_polygon
from medlab_gui.gui.view_state import Mode, Tool
from medlab_gui.io.write import write_image
from medlab_gui.review.session import ReviewSession
from medlab_gui.store.project import ProjectStore
from tests.gui.buttons import Buttons
from tests.gui.conftest import open_series, wait_for
from tests.gui.ink import same_on_disk

pytestmark = pytest.mark.gui


class Work:
    """Stands before what is worked out, and notes on which thread it is done."""

    def __init__(self, monkeypatch) -> None:
        self.may_go = threading.Event()
        self.may_go.set()
        self.threads: list[threading.Thread] = []
        for name in ("prepare", "prepare_turn", "put"):
            monkeypatch.setattr(ReviewSession, name, self._noting(name))

    def _noting(self, name):
        real = getattr(ReviewSession, name)

        def work(session, *args, **options):
            self.threads.append(threading.current_thread())
            self.may_go.wait(30)
            return real(session, *args, **options)

        return work


@pytest.fixture
def work(monkeypatch):
    work = Work(monkeypatch)
    monkeypatch.setattr(large_changes, "_INSTANT_VOXELS", 0)
    yield work
    work.may_go.set()


@pytest.fixture
def predicted(window):
    """A window on a series with a prediction of all slices."""
    session = window.bench.session
    labels = np.zeros(session.mask.shape, np.uint8)
    labels[:, 10:30, 10:30] = 1
    labels[:, 15:20, 15:20] = 2
    session.set_prediction(labels, labels.astype(np.float16) / 2, "p")
    return window


def rest(window):
    wait_for(lambda: not window.bench.jobs.active)
    QApplication.processEvents()


def window_is_open(window, uid):
    session = window.bench.session
    return window.stage.is_ready and session is not None and session.series_uid == uid


def open_series_now(window, uid):
    """Open a series while other jobs go on."""
    window.bench.open_series(uid)
    wait_for(lambda: window_is_open(window, uid))


def off_the_window(work):
    return bool(work.threads) and threading.current_thread() not in work.threads


def said(window):
    told = []
    window.bench.noticed.connect(lambda notice: told.append(notice.text))
    return told


def test_a_prediction_of_all_slices_is_taken_on_a_thread(predicted, work):
    bench, session = predicted.bench, predicted.bench.session
    told = said(predicted)
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    assert session.held
    assert not session.mask.any()
    work.may_go.set()
    rest(predicted)
    assert not session.held
    assert np.array_equal(session.mask, session.prediction)
    assert off_the_window(work)
    assert same_on_disk(predicted)
    assert any("every slice now" in text for text in told)
    bench.undo()
    bench.undo()  # there is no more
    rest(predicted)
    assert not session.mask.any()
    bench.redo()
    rest(predicted)
    assert np.array_equal(session.mask, session.prediction)
    assert off_the_window(work)
    assert same_on_disk(predicted)


def test_nothing_is_drawn_meanwhile_and_it_is_said_why(predicted, hand, work):
    window, bench, session = predicted, predicted.bench, predicted.bench.session
    view = bench.view
    view.mode, view.tool = Mode.ANNOTATE, Tool.BRUSH
    mask = window.stage.mask
    assert str(mask.mode) == "paint"
    buttons = Buttons(hand)
    buttons.press(40, 40)
    buttons.to(40, 50)
    told = said(window)
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    buttons.release(40, 50)
    assert session.mask[session.k, 40, 40:51].all(), "what was drawn before stands"
    assert same_on_disk(window)
    assert str(mask.mode) == "pan_zoom"
    buttons.press(5, 5)
    buttons.to(5, 9)
    buttons.release(5, 9)
    assert not session.mask[session.k, 5].any()
    assert told == [session.held]
    for act in (
        lambda: bench.accept_prediction(all_slices=False),
        bench.accept_and_next,
    ):
        told.clear()
        act()
        assert told == [session.held]
    with pytest.raises(ConflictError, match="One moment"):
        session.label_whole(3, 1)
    work.may_go.set()
    rest(window)
    assert str(mask.mode) == "paint"
    assert np.array_equal(session.mask, session.prediction)
    assert same_on_disk(window)
    bench.undo()
    rest(window)
    assert session.mask[session.k, 40, 40:51].all()


def test_undo_waits_for_its_turn(predicted, work):
    bench, session = predicted.bench, predicted.bench.session
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.undo()
    bench.redo()
    bench.undo()
    work.may_go.set()
    wait_for(lambda: session.can_redo and not bench.jobs.active)
    assert not session.mask.any()
    assert not session.held
    assert off_the_window(work)
    assert same_on_disk(predicted)


def test_a_series_that_is_closed_meanwhile_has_it(predicted, work):
    bench, session = predicted.bench, predicted.bench.session
    uid, wanted = session.series_uid, session.prediction
    go = threading.Timer(0.2, work.may_go.set)
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    go.start()
    bench.close_series()
    rest(predicted)
    open_series(predicted, uid)
    assert np.array_equal(bench.session.mask, wanted)


def open_another(window, uid, _folder):
    window.bench.open_series(uid)


def close_and_open(window, uid, _folder):
    window.menus.run("medlab.study.close")
    window.bench.open_series(uid)


def drop_files(window, _uid, folder):
    window.import_paths((folder / "dropped.nii.gz",))


@pytest.mark.parametrize("leave", [open_another, close_and_open, drop_files])
def test_who_leaves_the_series_meanwhile_does_so_after_it(
    predicted, shared_window, work, leave, tmp_path
):
    """And the window does not wait for that: it takes seconds in a large scan."""
    SimpleITK.WriteImage(
        SimpleITK.Image((9, 8, 7), SimpleITK.sitkInt16),
        str(tmp_path / "dropped.nii.gz"),
    )
    bench, session = predicted.bench, predicted.bench.session
    uid, wanted, other = session.series_uid, session.prediction, next(shared_window[1])
    told = said(predicted)
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    leave(predicted, other, tmp_path)
    wait_for(lambda: any("Take the prediction comes first" in text for text in told))
    assert bench.session is session
    work.may_go.set()
    wait_for(
        lambda: (
            predicted.stage.is_ready
            and bench.session is not session
            and not bench.jobs.active
        )
    )
    assert bench.session.series_uid != uid
    assert off_the_window(work)
    open_series(predicted, uid)
    assert np.array_equal(bench.session.mask, wanted)


def test_a_slice_of_the_same_series_is_shown_at_once(predicted, work):
    bench = predicted.bench
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.open_series(bench.session.series_uid, 3)
    assert bench.session.k == 3


def test_who_goes_back_to_the_series_stays_there(predicted, shared_window, work):
    bench, session = predicted.bench, predicted.bench.session
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.open_series(next(shared_window[1]))
    bench.open_series(session.series_uid, 3)
    work.may_go.set()
    rest(predicted)
    QTest.qWait(50)
    assert bench.session is session
    assert (session.k, bool(session.mask.any())) == (3, True)


def test_an_undo_comes_before_the_series_is_left(predicted, shared_window, work):
    bench, session = predicted.bench, predicted.bench.session
    uid, other = session.series_uid, next(shared_window[1])
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.open_series(other)
    bench.undo()
    work.may_go.set()
    wait_for(lambda: window_is_open(predicted, other))
    rest(predicted)
    open_series(predicted, uid)
    assert not bench.session.mask.any()


def test_no_large_change_begins_while_another_study_is_being_opened(
    predicted, work, monkeypatch, tmp_path
):
    """It would end in a series that is being closed."""
    bench, session = predicted.bench, predicted.bench.session
    told, may_open, theirs = said(predicted), threading.Event(), ProjectStore.open

    def slow(place, **options):
        if threading.current_thread() is not threading.main_thread():
            may_open.wait(30)
        return theirs(place, **options)

    monkeypatch.setattr(ProjectStore, "open", slow)
    bench.open_project(str(tmp_path / "another"), create=True)
    bench.accept_prediction(all_slices=True)
    assert any("another study is being opened" in text for text in told)
    assert not bench.changes.is_busy
    assert not session.held
    for job in bench.jobs.active:
        bench.cancel(job)
    may_open.set()
    rest(predicted)
    assert bench.session is session


def test_a_series_is_opened_again_after_it_and_then_left(
    predicted, shared_window, work
):
    """Its truth changed elsewhere, say; the window does not wait for the change."""
    bench, other = predicted.bench, next(shared_window[1])
    session = bench.session
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.open_series(other)
    bench.reopen()
    assert bench.session is session
    work.may_go.set()
    wait_for(lambda: window_is_open(predicted, other))
    rest(predicted)
    assert bench.session.series_uid == other


def test_a_series_that_is_opened_again_meanwhile_is_so_after_it(predicted, work):
    bench, session, then = predicted.bench, predicted.bench.session, []
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.reopen(then=lambda: then.append(bench.session))
    assert bench.session is session
    work.may_go.set()
    wait_for(lambda: bool(then))
    rest(predicted)
    assert then == [bench.session]
    assert bench.session is not session
    assert bench.session.series_uid == session.series_uid


def test_another_project_is_opened_after_it(fresh_window, work, tmp_path):
    window = fresh_window()
    bench = window.bench
    open_series(window, bench.store.series_list()[0].uid)
    session, folder = bench.session, bench.project_place
    wanted = np.ones(session.mask.shape, np.uint8)
    session.set_prediction(wanted, wanted.astype(np.float16), "p")
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.open_project(str(tmp_path / "another"), create=True)
    assert bench.session is session
    work.may_go.set()
    wait_for(lambda: bench.project_place != folder and not bench.jobs.active)
    with ReviewSession.open(folder, session.series_uid, author="ann") as again:
        assert np.array_equal(again.mask, wanted)


def test_a_window_that_is_closed_meanwhile_has_it(fresh_window, work):
    window = fresh_window()
    open_series(window, window.bench.store.series_list()[0].uid)
    session = window.bench.session
    folder, uid = window.bench.project_place, session.series_uid
    wanted = np.ones(session.mask.shape, np.uint8)
    session.set_prediction(wanted, wanted.astype(np.float16), "p")
    go = threading.Timer(0.2, work.may_go.set)
    work.may_go.clear()
    window.bench.accept_prediction(all_slices=True)
    go.start()
    window.close()
    with ReviewSession.open(folder, uid, author="ann") as again:
        assert np.array_equal(again.mask, wanted)


@pytest.mark.parametrize("part", ["prepare", "write", "put"])
def test_what_fails_leaves_the_series_editable(predicted, work, monkeypatch, part):
    bench, session = predicted.bench, predicted.bench.session

    def fail(*_args, **_options):
        raise ConflictError("It did not work.")

    told = said(predicted)
    monkeypatch.setattr(session, part, fail)
    bench.accept_prediction(all_slices=True)
    rest(predicted)
    assert "It did not work." in told
    assert not session.held
    assert not bench.changes.is_busy
    monkeypatch.undo()
    is_written = part == "put"
    if is_written:  # what the journal says is shown
        wait_for(lambda: window_is_open(predicted, session.series_uid))
        assert np.array_equal(bench.session.mask, session.prediction)
    else:
        assert not session.mask.any()
        assert bench.session is session
    session = bench.session
    box = (slice(3, 4), slice(0, 9), slice(0, 9))
    assert session.apply("test", box, np.full((1, 9, 9), 2, np.uint8))


def test_a_slice_that_is_vouched_for_meanwhile_is_left_alone(predicted, work):
    bench, session = predicted.bench, predicted.bench.session
    told = said(predicted)
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    wait_for(lambda: bool(work.threads))
    session.confirmed[2] = True  # the answer of an acceptance that was under way
    work.may_go.set()
    rest(predicted)
    assert not session.mask.any()
    assert told == ["The mask has changed meanwhile. Do it again."]
    bench.accept_prediction(all_slices=True)
    rest(predicted)
    assert session.mask.any(axis=(1, 2)).tolist() == [
        k != 2 for k in range(len(session.mask))
    ]


@pytest.mark.parametrize("is_edited", [False, True])
def test_a_mask_from_a_file_is_read_on_a_thread(
    window, tmp_path, monkeypatch, is_edited
):
    bench, session = window.bench, window.bench.session
    box = (slice(3, 4), slice(0, 9), slice(0, 9))
    if is_edited:
        assert session.apply("test", box, np.full((1, 9, 9), 2, np.uint8))
    threads, may_go = [], threading.Event()
    read = ReviewSession.read_saved

    def read_noting(self, annotation, **options):
        threads.append(threading.current_thread())
        may_go.wait(30)
        return read(self, annotation, **options)

    monkeypatch.setattr(ReviewSession, "read_saved", read_noting)
    wanted = np.zeros(session.mask.shape, np.uint8)
    wanted[2, 5:20, 5:20] = 1
    write_image(tmp_path / "mask.nii.gz", wanted, session.volume.grid)
    told = said(window)
    array, zoom = session.mask, window.viewer.scene.camera.zoom
    window.viewer.scene.camera.zoom = zoom * 3
    given = {"series": session.series_uid, "mask": str(tmp_path / "mask.nii.gz")}
    bench.launch("annotate", given)
    wait_for(lambda: bool(threads))
    assert session.held
    bench.undo()
    assert told[-1] == session.held
    may_go.set()
    rest(window)
    assert not session.held
    assert session.mask is array
    assert np.array_equal(session.mask, wanted)
    assert window.viewer.scene.camera.zoom == pytest.approx(zoom * 3)
    assert threading.current_thread() not in threads
    assert not session.can_undo, "what was undone would be of another mask"


def test_what_was_cancelled_before_it_began_leaves_the_series_editable(predicted, work):
    bench, session = predicted.bench, predicted.bench.session
    before = threading.Event()
    bench.submit("", lambda _ctx: before.wait(30), lane="edit", newest_wins=False)
    bench.accept_prediction(all_slices=True)
    (job,) = [job for job in bench.jobs.active if job.title == "Take the prediction"]
    assert session.held
    bench.cancel(job)
    before.set()
    rest(predicted)
    assert not session.held
    assert not session.mask.any()
    bench.accept_prediction(all_slices=True)
    rest(predicted)
    assert session.mask.any()


def test_what_ends_after_its_series_was_closed_does_not_meddle(predicted, work):
    """Written, but not in the mask yet: the next series has a change of its own."""
    window, bench, old = predicted, predicted.bench, predicted.bench.session
    wanted = old.prediction
    go = threading.Event()
    put = ReviewSession.put

    def put_late(session, change):
        if session is old:
            go.wait(30)
        put(session, change)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReviewSession, "put", put_late)
        bench.accept_prediction(all_slices=True)
        wait_for(lambda: old.can_undo)
        uid = old.series_uid
        bench.close_series()
        open_series_now(window, uid)
        session = bench.session
        assert np.array_equal(session.mask, wanted), "what is written down is there"
        bench.undo()
        assert session.held
        go.set()
        rest(window)
    assert not old.held
    assert not session.held
    assert not bench.changes.is_busy
    assert not session.mask.any()


def test_a_prediction_that_comes_meanwhile_is_another_one(predicted, work):
    bench, session = predicted.bench, predicted.bench.session
    wanted = session.prediction
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    other = np.full_like(wanted, 2)
    session.set_prediction(other, other.astype(np.float16), "q")
    work.may_go.set()
    rest(predicted)
    assert np.array_equal(session.mask, wanted)
    assert session._journal.records[-1].origin == "p"


def test_a_polygon_waits_with_its_corners(predicted, hand, work):
    window, bench, session = predicted, predicted.bench, predicted.bench.session
    view = bench.view
    view.mode, view.tool = Mode.ANNOTATE, Tool.POLYGON
    for corner in ((5, 5), (5, 50), (50, 50)):
        hand.click(*corner)
    mask = window.stage.mask
    corners = private.polygon_n_points(mask)
    assert corners >= 3
    told = said(window)
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    for cuts in (False, True):
        finish_polygon(window.stage, cuts=cuts)
    assert told == [session.held] * 2
    assert not session.mask.any()
    work.may_go.set()
    rest(window)
    assert np.array_equal(session.mask, session.prediction)
    assert private.polygon_n_points(mask) == corners
    finish_polygon(window.stage)
    assert same_on_disk(window)
    assert not np.array_equal(session.mask, session.prediction)


@pytest.mark.parametrize("when", ["working out", "putting"])
def test_a_mask_from_a_file_that_comes_meanwhile_is_the_mask(
    predicted, work, tmp_path, monkeypatch, when
):
    bench, session = predicted.bench, predicted.bench.session
    wanted = np.zeros(session.mask.shape, np.uint8)
    wanted[2, 5:20, 5:20] = 1
    write_image(tmp_path / "mask.nii.gz", wanted, session.volume.grid)
    told = said(predicted)
    real, go = session.put, threading.Event()

    def put_late(change):
        go.wait(30)
        real(change)

    monkeypatch.setattr(session, "put", put_late)
    if when == "working out":
        work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    if when == "putting":
        wait_for(lambda: session.can_undo)
    given = {"series": session.series_uid, "mask": str(tmp_path / "mask.nii.gz")}
    ended = []
    bench.launch("annotate", given, on_done=ended.append)
    wait_for(lambda: bool(ended))
    work.may_go.set()
    go.set()
    rest(predicted)
    if when == "working out":
        assert "The mask has changed meanwhile. Do it again." in told
        assert not any("every slice now" in text for text in told)
    assert np.array_equal(session.mask, wanted)
    assert same_on_disk(predicted)
    assert not session.held


def test_an_undo_is_of_the_change_it_was_meant_for(predicted, work):
    bench, session = predicted.bench, predicted.bench.session
    box = (slice(3, 4), slice(0, 9), slice(0, 9))
    assert session.apply("test", box, np.full((1, 9, 9), 2, np.uint8))
    told = said(predicted)
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.undo()
    session.overtake()
    work.may_go.set()
    rest(predicted)
    assert told == [
        "The mask has changed meanwhile. Do it again.",
        "Nor was anything undone or redone after it.",
    ]
    assert int(np.count_nonzero(session.mask)) == 81, "what was drawn stands"
    bench.undo()
    rest(predicted)
    assert not session.mask.any()


def test_what_is_cancelled_changes_nothing(predicted, work):
    bench, session = predicted.bench, predicted.bench.session
    told = said(predicted)
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    wait_for(lambda: bool(work.threads))
    (job,) = [job for job in bench.jobs.active if job.title]
    bench.cancel(job)
    work.may_go.set()
    rest(predicted)
    assert told == ["Cancelled. The mask is as it was."]
    assert not session.mask.any()
    assert not session.can_undo
    assert not session.held


def test_a_series_is_closed_whatever_becomes_of_a_change(predicted, work, monkeypatch):
    bench, session = predicted.bench, predicted.bench.session

    def fail(*_args, **_options):
        raise MemoryError("no room")

    told = said(predicted)
    monkeypatch.setattr(session, "prepare", fail)
    bench.accept_prediction(all_slices=True)
    bench.close_series()
    assert bench.session is None
    assert any("no room" in text for text in told)
    rest(predicted)


def test_slices_that_are_locked_meanwhile_are_left_alone(predicted, work):
    bench, uid = predicted.bench, predicted.bench.session.series_uid
    told = said(predicted)
    threading.Timer(0.2, work.may_go.set).start()
    work.may_go.clear()
    bench.accept_prediction(all_slices=True)
    bench.reopen()  # as it follows a lock
    wait_for(lambda: window_is_open(predicted, uid))
    rest(predicted)
    assert "The mask has changed meanwhile. Do it again." in told
    assert not bench.session.mask.any()
