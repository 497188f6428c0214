from __future__ import annotations

import string

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtTest import QTest

from medlab_gui.gui.keybook import shown_key
from medlab_gui.gui.view_state import Mode, Tool
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import wait_for
from tests.gui.docks_phantom import queue_item
from tests.gui.hand import CTRL, NONE, SHIFT

pytestmark = pytest.mark.gui


def test_digits_are_windows_in_review_and_tools_in_annotate(window, hand):
    view = window.bench.view
    hand.key("4")
    assert (view.level, view.width) == (-600, 1500)
    hand.key("0")
    assert (view.level, view.width) == (40, 400)
    assert view.tool is Tool.BRUSH
    hand.key("A")
    assert window.viewer.title == f"MedLab - {window.bench.series_title} - Annotate"
    assert window.status.mode.text() == "Annotate"
    for digit, tool, mode in (
        ("2", Tool.ERASER, "erase"),
        ("3", Tool.FILL, "fill"),
        ("4", Tool.POLYGON, "polygon"),
        ("5", Tool.PICK, "pick"),
        ("6", Tool.PAN, "pan_zoom"),
        ("1", Tool.BRUSH, "paint"),
    ):
        hand.key(digit)
        assert view.tool is tool
        assert str(window.stage.mask.mode) == mode
    assert (view.level, view.width) == (40, 400)
    hand.key("R")
    assert window.viewer.title == f"MedLab - {window.bench.series_title} - Review"
    assert str(window.stage.mask.mode) == "pan_zoom"


def test_slices_by_keys(window, hand):
    session = window.bench.session
    for key, k in (
        ("Up", 9),
        ("Right", 10),
        ("Down", 9),
        ("Left", 8),
        ("Home", 0),
        ("PageUp", 10),
        ("PageDown", 0),
        ("End", 15),
    ):
        hand.key(key)
        assert session.k == k
        assert window.viewer.dims.current_step[0] == k


def test_undo_and_redo_of_any_depth(window, hand):
    window.bench.mode = Mode.ANNOTATE
    states = [window.bench.session.mask.copy()]
    for j in (20, 40, 60):
        hand.drag((j, 20), (j, 70))
        states.append(window.bench.session.mask.copy())
    mask = window.bench.session.mask
    for state in reversed(states[:-1]):
        hand.key("Z", CTRL)
        assert np.array_equal(mask, state)
    hand.key("Z", CTRL)
    assert not mask.any()
    hand.key("Z", CTRL | SHIFT)
    assert np.array_equal(mask, states[1])
    hand.key("Y", CTRL)
    assert np.array_equal(mask, states[2])
    shown = np.asarray(window.stage.mask.data)
    assert np.array_equal(shown, states[2])
    assert not window.stage.mask._undo_history


def test_undo_goes_to_the_slice_of_the_edit(window, hand):
    window.bench.mode = Mode.ANNOTATE
    hand.drag((40, 20), (40, 70))
    hand.key("End")
    hand.key("Z", CTRL)
    assert window.bench.session.k == 8


def test_toggles(window, hand):
    hand.key("S")
    assert not window.stage.mask.visible
    hand.key("S")
    assert window.stage.mask.visible
    hand.key("E")
    assert not window.stage.entropy.visible, "there is no uncertainty yet"
    shape = window.bench.session.mask.shape
    window.bench.session.set_prediction(
        np.ones(shape, np.uint8), np.full(shape, 0.5, np.float16), "p"
    )
    hand.key("E")
    assert window.stage.entropy.visible
    hand.key("P")
    assert window.stage.prediction.visible
    hand.key("O")
    assert window.stage.mask.contour > 0


def test_brackets_size_the_brush_by_a_pixel_at_least(window, hand):
    sizes = [window.stage.mask.brush_size]
    for _ in range(3):
        hand.key("]")
        sizes.append(window.stage.mask.brush_size)
    assert sizes == sorted(set(sizes))
    for _ in range(60):
        hand.key("[")
    assert window.stage.mask.brush_size == 1


def test_space_moves_the_picture_only_while_held(window):
    window.bench.mode = Mode.ANNOTATE
    QTest.keyPress(window.canvas, Qt.Key.Key_Space)
    assert str(window.stage.mask.mode) == "pan_zoom"
    QTest.keyRelease(window.canvas, Qt.Key.Key_Space)
    assert str(window.stage.mask.mode) == "paint"
    assert window.bench.view.tool is Tool.BRUSH


def test_no_key_reaches_napari(window, hand):
    """napari has bindings for many of these; each would surprise somebody."""
    ours = {"Q": CTRL, "O": CTRL, "W": CTRL}
    layers = list(window.viewer.layers)
    value = window.stage.mask.selected_label
    for held in (NONE, CTRL, SHIFT):
        for key in string.ascii_uppercase:
            if ours.get(key) == held or (held == CTRL and key in "PRTS"):
                continue
            if held == NONE and key in "NT":
                continue
            if held == SHIFT and key == "W":  # labels the whole slice: ours
                continue
            hand.key(key, held)
    viewer = window.viewer
    assert list(viewer.layers) == layers
    assert viewer.dims.ndisplay == 2
    assert tuple(viewer.dims.order) == (0, 1, 2)
    assert not viewer.canvas.grid.enabled
    assert not window.stage.mask.preserve_labels
    assert window.stage.mask.selected_label in (value, value % 2 + 1)
    assert not window.bench.session.mask.any()


def test_the_polygon_is_closed_by_enter_and_dropped_by_escape(window, hand):
    hand.key("A")
    hand.key("4")
    for j, i in ((20, 20), (20, 60), (60, 60), (60, 20)):
        hand.slow_click(j, i)
    hand.key("Escape")
    assert not window.bench.session.mask.any()
    for j, i in ((20, 20), (20, 60), (60, 60), (60, 20)):
        hand.slow_click(j, i)
    hand.key("Return")
    assert window.bench.session.mask[8, 40, 40] == 1
    assert window.bench.session.k == 8, "Enter closed the polygon, nothing more"


def test_a_field_keeps_its_keys(window):
    """Typing a number must not change the window or the tool."""
    from qtpy.QtWidgets import QLineEdit

    field = QLineEdit(window.docks["labels"])
    field.show()
    field.setFocus()
    level = window.bench.view.level
    QTest.keyClicks(field, "4s")
    assert field.text() == "4s"
    assert window.bench.view.level == level
    assert window.bench.view.mask_visible
    field.setParent(None)
    field.deleteLater()


def test_f1_shows_every_key(window):
    from medlab_gui.gui.dialogs.keys import KeySheet

    window.main.activateWindow()
    window.show_keys()
    sheet = window.main.findChild(KeySheet)
    text = sheet.plain_text()
    for keys in window.bench.keybook.keys.values():
        for key in keys:
            assert shown_key(key) in text
    assert "Wheel" in text
    sheet.close()


def hold(window, key: Qt.Key, times: int = 3) -> None:
    """Hold a key down until it has repeated itself some times."""
    for n in range(times + 1):
        event = QKeyEvent(QEvent.Type.KeyPress, key, NONE, "", n > 0)
        QCoreApplication.sendEvent(window.canvas, event)


def test_a_key_held_down_moves_on_but_decides_once(window, monkeypatch):
    session = window.bench.session
    hold(window, Qt.Key.Key_Up)
    assert session.k == 12
    launched: list[tuple[str, dict]] = []
    monkeypatch.setattr(
        window.bench, "launch", lambda verb, given, **_: launched.append((verb, given))
    )
    hold(window, Qt.Key.Key_Return)
    assert [(verb, given["slice"]) for verb, given in launched] == [("accept", 13)]
    assert not session.confirmed.any()  # not before it is saved


def test_who_presses_enter_twice_accepts_one_slice_and_stays_at_the_next(window):
    bench, session = window.bench, window.bench.session
    with ProjectStore.open(bench.project_place) as store:
        store.replace_queue(
            queue_item(session.series_uid, k, 0.9 - n / 10)
            for n, k in enumerate((8, 3, 5))
        )
    QTest.keyClick(window.canvas, Qt.Key.Key_Return)
    QTest.keyClick(window.canvas, Qt.Key.Key_Return)
    wait_for(lambda: not bench.jobs.active)
    assert np.flatnonzero(session.confirmed).tolist() == [8]
    assert session.k == 3


def test_who_goes_elsewhere_after_enter_is_left_there(window, hand):
    bench, session = window.bench, window.bench.session
    with ProjectStore.open(bench.project_place) as store:
        store.replace_queue(
            queue_item(session.series_uid, k, 0.9 - n / 10)
            for n, k in enumerate((8, 3))
        )
    hand.key("Return")
    hand.wheel(2)
    wait_for(lambda: not bench.jobs.active)
    assert np.flatnonzero(session.confirmed).tolist() == [8]
    assert session.k == 10
