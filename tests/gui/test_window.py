from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.errors import InputError
from medlab_gui.core.records import ItemState
from medlab_gui.gui.docks.queue import QueueDock
from medlab_gui.gui.view_state import Mode
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import open_series, wait_for
from tests.gui.docks_phantom import label, phantom, queue_item
from tests.gui.hand import CTRL

pytestmark = pytest.mark.gui


def predict(session, value: int = 1) -> None:
    """Pretend that a model has said something."""
    labels = np.zeros(session.mask.shape, np.uint8)
    labels[:, 20:40, 20:40] = value
    entropy = np.full(session.mask.shape, 0.25, np.float16)
    session.set_prediction(labels, entropy, "made-up")


# ---- opening ---------------------------------------------------------------------


def test_a_series_opens_at_its_middle_in_a_fitting_window(window):
    session = window.bench.session
    assert session.k == 8
    assert window.viewer.dims.current_step[0] == 8
    assert (window.bench.view.level, window.bench.view.width) == (40, 400)
    assert tuple(window.stage.image.contrast_limits) == (-160, 239)
    assert tuple(window.stage.image.scale) == (3.0, 1.2, 1.0)
    assert window.stage.mask.data is session.mask, "edited in place, not a copy"
    assert window.viewer.title.startswith("MedLab - Abdomen")
    assert not window.welcome.isVisible()


def test_letters_corner_text_and_voxel(window, hand):
    from medlab_gui.gui.panes.axial_shear import axial_geometry

    session = window.bench.session
    letters = axial_geometry(session.volume.grid).edge_letters
    assert letters == ("R", "L", "A", "P")
    top, bottom = window.text.corner_lines()
    assert top[:3] == [window.bench.series_title, "Slice 9 / 16", "S 24.0 mm"]
    assert bottom[0] == "W 400  L 40 HU"
    QTest.mouseMove(window.canvas, hand.at(50, 20))
    wait_for(lambda: "column 21" in window.status.voxel.text())
    shown = window.status.voxel.text()
    assert shown.startswith(f"{session.volume.data[8, 50, 20]} HU")
    assert "column 21, row 51, slice 9" in shown
    left, back, head = shown.split("L ")[1].split(" ")[0], "P ", "S 24.0 mm"
    assert float(left) == pytest.approx(20, abs=0.6)
    assert float(shown.split(back)[1].split(" ")[0]) == pytest.approx(60, abs=0.7)
    assert head in shown


def test_the_class_under_a_resting_mouse_follows_undo(window):
    predict(window.bench.session)
    window.bench.accept_prediction(all_slices=True)
    window.status.hover(25.0, 30 * 1.2)
    assert window.status.voxel.text().endswith("Liver")
    window.bench.undo()
    assert "column 26" in window.status.voxel.text()
    assert "Liver" not in window.status.voxel.text()


def test_the_next_series_starts_clean(window, shared_window):
    window.bench.mode = Mode.ANNOTATE
    predict(window.bench.session)
    window.bench.accept_prediction(all_slices=True)
    assert window.bench.session.mask.any()
    _window, uids = shared_window
    open_series(window, next(uids))
    assert not window.bench.session.mask.any()
    assert window.stage.mask.data is window.bench.session.mask
    assert not np.asarray(window.stage.prediction.data).any()
    assert window.bench.session.prediction is None


def test_a_dropped_folder_is_imported_and_opened(window, tmp_path):
    from medlab_gui.core.geometry import Grid
    from medlab_gui.io import write_image

    data, _labels = phantom(77)
    path = tmp_path / "scan.nii.gz"
    write_image(path, data, Grid.from_spacing(data.shape, (3.0, 1.2, 1.0)))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    where = (
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(QPoint(30, 30), *where)
    before = window.bench.session.series_uid
    QApplication.sendEvent(window.main, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window.main, QDropEvent(QPointF(30, 30), *where))
    wait_for(
        lambda: (
            window.bench.session is not None
            and window.bench.session.series_uid != before
            and not window.bench.session.is_provisional  # read, all of it
        )
    )
    assert np.array_equal(window.bench.session.volume.data, data)


def test_a_larger_series_of_the_same_voxel_size_fits_and_has_all_its_slices(
    window, tmp_path
):
    from medlab_gui.core.geometry import Grid
    from medlab_gui.io import write_image

    for n, shape in enumerate([(6, 20, 24), (31, 120, 90)]):
        path = tmp_path / f"scan{n}.nii.gz"
        data = np.zeros(shape, np.int16) + n + 1
        write_image(path, data, Grid.from_spacing(shape, (1.0, 1.0, 1.0)))
        window.import_paths((path,))
        wait_for(
            lambda shape=shape: (
                window.stage.is_ready
                and window.bench.session.volume.grid.shape == shape
            )
        )
    extent = window.viewer.layers.extent.world
    np.testing.assert_array_equal(extent[1] - extent[0], [30, 119, 89])
    height = window.canvas.height() / window.viewer.scene.camera.zoom
    assert 120 < height < 130
    window.bench.go_to(29)
    assert window.viewer.dims.current_step[0] == 29


def test_nothing_to_import_is_one_sentence(window, tmp_path):
    (tmp_path / "empty").mkdir()
    window.import_paths((tmp_path / "empty",))
    wait_for(lambda: bool(window.notifier.dialogs))
    text = window.notifier.dialogs[0].text()
    assert "empty" in text
    assert "Traceback" not in text
    assert window.bench.session is not None


# ---- edits ------------------------------------------------------------------------


def test_a_locked_slice_refuses_tools_and_says_why(window, hand, shared_window):
    _window, uids = shared_window
    uid = next(uids)
    made = label(window.bench.store.folder, uid, range(4, 12))
    with ProjectStore.open(window.bench.store.folder) as store:
        store.lock_slices(uid, [8], made)
    open_series(window, uid)
    window.bench.mode = Mode.ANNOTATE
    before = window.bench.session.mask.copy()
    hand.drag((30, 30), (30, 60))
    assert np.array_equal(window.bench.session.mask, before)
    assert "locked validation set" in window.notifier.bar.text.text()
    assert "locked" in window.docks["labels"].widget().widget().note.text()
    hand.key("Up")
    hand.drag((80, 30), (80, 60))
    assert not np.array_equal(window.bench.session.mask, before)


def test_a_stroke_that_cannot_be_written_is_taken_back(window, hand, monkeypatch):
    window.bench.mode = Mode.ANNOTATE
    hand.drag((30, 30), (30, 60))
    before = window.bench.session.mask.copy()

    def full(*_args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    hand.drag((60, 30), (60, 60))
    monkeypatch.undo()
    assert np.array_equal(window.bench.session.mask, before)
    shown = np.asarray(window.stage.mask._slice.image.raw)
    assert np.array_equal(shown, before[8])
    assert "no room" in window.notifier.dialogs[0].text().lower()
    window.notifier.dialogs[0].close()
    hand.drag((60, 30), (60, 60))
    assert not np.array_equal(window.bench.session.mask, before)


def test_a_prediction_is_taken_as_one_step(window, hand):
    session = window.bench.session
    predict(session, 2)
    hand.key("T")
    assert (session.mask[8, 20:40, 20:40] == 2).all()
    assert not session.mask[7].any()
    hand.key("T", CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert (session.mask[:, 20:40, 20:40] == 2).all()
    hand.key("Z", CTRL)
    assert not session.mask[7].any()
    assert session.mask[8].any()
    hand.key("Z", CTRL)
    assert not session.mask.any()


def test_pick_takes_the_class_under_the_mouse(window, hand):
    window.bench.session.apply(
        "brush",
        (slice(8, 9), slice(40, 60), slice(40, 60)),
        np.full((1, 20, 20), 2, np.uint8),
    )
    hand.key("A")
    hand.key("5")
    hand.click(50, 50)
    assert window.bench.view.value == 2
    hand.key("5")
    hand.click(10, 10)
    assert window.bench.view.value == 2, "background is no class to paint with"


# ---- queue ------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["mouse", "keys"])
def test_the_picture_has_the_keys_once_a_row_of_the_queue_was_opened(window, by):
    bench = window.bench
    uid = bench.session.series_uid
    bench.store.replace_queue([queue_item(uid, 3, 0.8), queue_item(uid, 13, 0.7)])
    window.show_dock("queue")
    bench.project_changed.emit()
    table = window.main.findChild(QueueDock).table
    model = table.model()
    wait_for(lambda: model.rowCount() == 2 and model.item(1).series_uid == uid)
    wait_for(table.isVisible)
    if by == "mouse":
        at = table.visualRect(model.index(1, 0)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    else:
        table.setFocus()
        table.setCurrentIndex(model.index(1, 0))
        QTest.keyClick(table, Qt.Key.Key_Return)
    wait_for(lambda: bench.session.k == 13)
    # Else letters would look for a row, and Enter would open this one again.
    assert window.main.focusWidget() is not table


def test_enter_accepts_and_goes_on_and_shift_n_skips(window, hand):
    bench = window.bench
    uid = bench.session.series_uid
    bench.store.replace_queue(
        [queue_item(uid, 8, 0.9), queue_item(uid, 3, 0.8), queue_item(uid, 13, 0.7)]
    )
    bench.project_changed.emit()
    predict(bench.session)
    hand.key("Return")
    wait_for(lambda: bench.session.k == 3)
    wait_for(lambda: not bench.jobs.active)
    assert bench.session.confirmed[8]
    assert (bench.session.mask[8, 20:40, 20:40] == 1).all(), "untouched: the model's"
    assert bench.store.item_for(uid, 8).state is ItemState.ACCEPTED
    assert 8 in bench.store.latest_annotation(uid).confirmed
    hand.key("N", Qt.KeyboardModifier.ShiftModifier)
    wait_for(lambda: bench.session.k == 13)
    wait_for(lambda: not bench.jobs.active)
    assert bench.store.item_for(uid, 3).state is ItemState.SKIPPED
    hand.key("Return")
    wait_for(lambda: bench.store.item_for(uid, 13).state is ItemState.ACCEPTED)
    wait_for(lambda: not bench.jobs.active)
    assert window.notifier.bar.isVisible()
    assert "skipped" in window.notifier.bar.text.text()


# ---- jobs -------------------------------------------------------------------------


def test_a_job_shows_and_can_be_cancelled(window):
    seen = []

    def work(ctx):
        n = 0
        while True:
            n += 1
            ctx.progress(n % 100, 100, "counting")

    patience = window.status._patience
    usual = patience.interval()
    patience.setInterval(600_000)
    job = window.bench.submit(
        "Count", work, on_done=seen.append, lane="disk", newest_wins=False
    )
    wait_for(lambda: "counting" in window.status.job_text.text())
    assert window.status.cancel.isHidden()  # it may be over in a moment
    patience.setInterval(0)  # the moment is over
    wait_for(window.status.cancel.isVisible)
    patience.setInterval(usual)
    QTest.mouseClick(window.status.cancel, Qt.MouseButton.LeftButton)
    wait_for(lambda: not window.bench.jobs.active)
    assert job.state == "cancelled"
    assert not seen
    assert not window.status.cancel.isVisible()


def test_an_error_is_a_dialog_with_its_sentence(window):
    def work(ctx):
        msg = "The scan is upside down. Turn it."
        raise InputError(msg)

    window.bench.submit("Turn", work, lane="disk", newest_wins=False)
    wait_for(lambda: bool(window.notifier.dialogs))
    assert window.notifier.dialogs[0].text() == "The scan is upside down. Turn it."


# ---- the end ----------------------------------------------------------------------


def test_closing_saves_and_the_next_start_finds_it(fresh_window):
    window = fresh_window()
    folder = window.bench.store.folder
    open_series(window, "1.2.0.1")
    session = window.bench.session
    session.apply(
        "brush",
        (slice(8, 9), slice(10, 20), slice(10, 20)),
        np.ones((1, 10, 10), np.uint8),
    )
    mask = session.mask.copy()
    window.close()
    with ProjectStore.open(folder) as store:
        saved = store.latest_annotation("1.2.0.1")
        assert saved.revision == 1
        assert np.array_equal(store.annotation_mask(saved), mask)


def test_strokes_of_a_crash_are_there_and_it_says_so(fresh_window, tmp_path):
    from medlab_gui.review.session import ReviewSession
    from tests.gui.docks_phantom import make_project

    folder = tmp_path / "crashed"
    make_project(folder)
    with ReviewSession.open(folder, "1.2.0.1", author="x") as session:
        for j in (10, 30, 50):
            session.apply(
                "brush",
                (slice(8, 9), slice(j, j + 5), slice(10, 20)),
                np.ones((1, 5, 10), np.uint8),
            )
    window = fresh_window(folder)
    open_series(window, "1.2.0.1")
    assert "3 strokes" in window.notifier.bar.text.text()
    assert int(window.bench.session.mask.sum()) == 150


def test_strokes_of_a_crash_on_a_series_that_nobody_opens_are_told(
    fresh_window, tmp_path
):
    from medlab_gui.review.session import ReviewSession
    from tests.gui.docks_phantom import make_project

    folder = tmp_path / "crashed"
    make_project(folder, 3)
    stroke = (slice(8, 9), slice(10, 15), slice(10, 20)), np.ones((1, 5, 10), np.uint8)
    for uid in ("1.2.1.1", "1.2.2.1"):
        with ReviewSession.open(folder, uid, author="x") as session:
            session.apply("brush", *stroke)
    with ReviewSession.open(folder, "1.2.2.1", author="x"):  # is at work there
        window = fresh_window(folder)
        wait_for(lambda: window.notifier.bar.isVisible())
        assert window.notifier.bar.text.text() == (
            "1 stroke on slice 9 of “Abdomen 2” that was never saved was recovered."
        )
        assert window.bench.session is None or (
            window.bench.session.series_uid == "1.2.0.1"
        )


def test_a_project_that_is_not_there_is_not_made_silently(fresh_window, tmp_path):
    window = fresh_window()
    window.bench.open_project(str(tmp_path / "gone"))
    wait_for(lambda: bool(window.notifier.dialogs))
    box = window.notifier.dialogs[0]
    assert "gone" in box.text()
    assert not (tmp_path / "gone").exists()
    make = next(b for b in box.buttons() if "Make" in b.text())
    make.click()
    wait_for(lambda: window.bench.project_place == str(tmp_path / "gone"))
    assert ProjectStore.exists(tmp_path / "gone")
