"""Where the keys go."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollArea,
    QSlider,
)

from medlab_gui.gui.class_list import ClassList
from medlab_gui.gui.view_state import Mode
from tests.gui.conftest import open_series, wait_for

pytestmark = pytest.mark.gui


def test_a_click_on_a_button_of_a_dock_takes_no_keys(window):
    """The space bar moves the picture; it must not press "Accept and next" again.

    A button that is disabled hands the keys on to the next one, too.
    """
    greedy = [
        f"{name}: {type(button).__name__} {button.text() or button.accessibleName()!r}"
        for name, dock in window.docks.items()
        for button in dock.findChildren(QAbstractButton)
        if button.focusPolicy() & Qt.FocusPolicy.ClickFocus
    ]
    assert not greedy


def test_without_a_series_the_list_of_studies_is_in_front(fresh_window):
    window = fresh_window()
    studies, labels = window.docks["studies"], window.docks["labels"]
    window.main.tabifyDockWidget(studies, labels)
    open_series(window, "1.2.0.1")
    wait_for(lambda: labels.visibleRegion().isEmpty() is False)
    open_series(window, "1.2.1.1")
    assert studies.visibleRegion().isEmpty(), "one series follows the other"
    # Modules are still loaded: nothing that anybody waits for.
    ready = threading.Event()
    window.bench.submit("", lambda _ctx: ready.wait(), lane="open", newest_wins=False)
    window.bench.close_series()
    wait_for(lambda: not studies.visibleRegion().isEmpty())
    ready.set()
    labels.raise_()
    wait_for(lambda: studies.visibleRegion().isEmpty())
    window.bench.open_project(window.bench.project_place)
    wait_for(lambda: not studies.visibleRegion().isEmpty())


def test_tab_stops_nowhere_unseen(window):
    for name, dock in window.docks.items():
        for area in dock.findChildren(QScrollArea):
            assert not area.focusPolicy() & Qt.FocusPolicy.TabFocus, name


def test_tab_goes_through_preprocessing_as_one_sees_it(window):
    dock = window.docks["preprocess"]
    dock.raise_()
    shown = dock.widget().widget()
    order, part = [], shown.presets.combo
    for _n in range(200):
        part = part.nextInFocusChain()
        if part in (shown.steps.add, shown.off, shown.volume):
            order.append(part)
        order += [row for row in shown.steps.rows if part is row.check]
    assert order[: len(shown.steps.rows) + 3] == [
        *shown.steps.rows,
        shown.steps.add,
        shown.off,
        shown.volume,
    ]


def _controls(window):
    """Return what in the docks could keep letters for itself: one of each kind."""
    found = {}
    for name, dock in window.docks.items():
        dock.show()
        dock.raise_()
        QApplication.processEvents()
        for kind in (QAbstractItemView, QComboBox, QAbstractSpinBox, QSlider):
            for control in dock.findChildren(kind):
                if control.isVisible() and control.isEnabled():
                    found[f"{name}: {control.accessibleName()}"] = control
    return found


def test_letters_are_the_window_s_wherever_the_focus_is(window, monkeypatch):
    controls = _controls(window)
    assert len([c for c in controls.values() if isinstance(c, QComboBox)]) >= 1
    assert len([c for c in controls.values() if isinstance(c, QAbstractItemView)]) >= 4
    pressed = []
    monkeypatch.setattr(window.menus, "run", pressed.append)
    window.bench.view.mode = Mode.REVIEW
    classes = window.docks["labels"].findChild(ClassList)
    recipe = window.docks["preprocess"].findChild(QComboBox)
    before = classes.currentRow(), recipe.currentText()
    for name, control in controls.items():
        for key in ("S", "L"):
            pressed.clear()
            QTest.keyClick(control, getattr(Qt.Key, f"Key_{key}"))
            (wanted,) = window.bench.keybook.meant(key, {"reviewing": True})
            assert pressed == [wanted], f"{name} kept {key}"
        pressed.clear()
        QTest.keyClicks(control, "2")
        of_use = isinstance(control, QAbstractSpinBox)
        assert pressed == ([] if of_use else ["medlab.view.preset_2"]), name
    assert (classes.currentRow(), recipe.currentText()) == before


def test_letters_stay_in_what_is_written(window):
    search = window.docks["studies"].findChild(QLineEdit)
    mask = window.bench.view.mask_visible
    QTest.keyClicks(search, "S2")
    assert search.text() == "S2"
    assert window.bench.view.mask_visible == mask
    search.clear()
