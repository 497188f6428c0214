"""Two series in the real window: chosen, opened again and closed, by real mouse."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QCoreApplication
from qtpy.QtGui import QContextMenuEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.gui.docks.studies import StudiesDock
from medlab_gui.gui.pair.choose_series import SeriesChooser
from medlab_gui.gui.panes.linked_state import PaneLayout
from tests.gui.conftest import open_series, wait_for
from tests.gui.hand import LEFT, NONE
from tests.gui.pair.by_hand import (
    place,
)
from tests.gui.pair.conftest import settle
from tests.gui.pair.phantoms import BALLS

pytestmark = pytest.mark.gui


def test_its_windows_are_those_of_its_modality(compare):
    window = compare("Later CT")
    panel, pair = window.pair.panel, window.bench.pair
    names = [a.text() for a in panel.windows.actions()]
    bone = next(n for n, name in enumerate(names) if name.startswith("Bone"))
    panel.windows.actions()[bone].trigger()
    assert (pair.level, pair.width) == (400, 2000)
    panel.windows.actions()[0].trigger()
    assert (pair.level, pair.width) == (40, 400)
    pair.close()
    window = compare("PET")
    assert (pair.level, pair.width) == (5, 10)
    names = [a.text() for a in panel.windows.actions()]
    assert not any("HU" in name for name in names)
    panel.windows.actions()[
        [n.startswith("SUV 0 to 5") for n in names].index(True)
    ].trigger()
    assert (pair.level, pair.width) == (2.5, 5)


# ---- choosing and closing -----------------------------------------------------------


def test_a_series_is_chosen_from_the_list_of_studies(compare, pair_window):
    window = compare("PET")
    uids = pair_window[1]
    window.bench.pair.close()
    window.show_dock("studies")
    QApplication.processEvents()
    dock = window.main.findChild(StudiesDock)
    tree = dock.tree
    row = next(r for r in tree.series_items if tree.row_of(r).uid == uids["NIfTI"])
    tree.scrollToItem(row)
    at = tree.visualItemRect(row).center()
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, at, tree.viewport().mapToGlobal(at)
    )
    QCoreApplication.sendEvent(tree.viewport(), event)
    menu = QApplication.activePopupWidget()
    action = next(a for a in menu.actions() if a.text().startswith("Compare"))
    QTest.mouseClick(menu, LEFT, NONE, menu.actionGeometry(action).center())
    wait_for(lambda: window.bench.pair.second is not None)
    assert window.bench.pair.second.uid == uids["NIfTI"]
    assert window.pair.panel.isVisible()


def test_the_menu_asks_and_puts_those_of_the_same_frame_first(compare):
    window = compare("PET")
    window.bench.pair.close()
    window.menus.app.commands.execute_command("medlab.view.pair_compare").result()
    dialog = window.main.findChild(SeriesChooser)
    names = [dialog.list.item(n).text().split("\n")[0] for n in range(4)]
    assert set(names[:2]) == {"PET", "MR oblique"}
    assert "go by patient position" in dialog.told.text()
    dialog.list.setCurrentRow(3)
    assert "not synchronised" in dialog.told.text()
    dialog.list.setCurrentRow(names.index("PET"))
    QTest.mouseClick(dialog.over, LEFT)
    wait_for(lambda: window.bench.pair.second is not None)
    assert window.bench.pair.overlay
    settle(window)
    window.refresh_facts()
    assert window.menus.is_enabled("medlab.view.pair_close")


def test_the_open_series_is_not_compared_with_itself(compare, pair_window):
    window = compare("PET")
    window.bench.pair.close()
    window.bench.pair.open(pair_window[1]["CT"])
    settle(window)
    assert window.bench.pair.second is None
    assert window.notifier.bar.isVisible()


@pytest.mark.parametrize("way", ["button", "series", "another", "while loading"])
def test_it_closes_with_button_and_series(compare, pair_window, way):
    window = compare("PET", overlay=True)
    window.bench.pair.beside = True
    pair, views, uids = window.bench.pair, window.pair, pair_window[1]
    if way == "button":
        QTest.mouseClick(views.bar.close_button, LEFT)
    elif way == "series":
        window.bench.close_series()
    elif way == "another":
        open_series(window, uids["MR oblique"])
    else:
        pair.close()
        pair.open(uids["NIfTI"])
        window.bench.close_series()
    settle(window)
    assert pair.second is None
    assert not pair.overlay
    assert not pair.beside
    assert views.panel.isHidden()
    assert views.bar.isHidden()
    assert not views.layer.layer.visible
    assert views.layer.layer.data.shape == (1, 1)
    assert views.pane.message() == ""
    assert views.pane.corner_lines() == []


def test_several_views_of_the_first_get_more_room(compare):
    window = compare("PET")
    split, linked = window.pair.split, window.bench.linked
    assert split.sizes()[0] == pytest.approx(split.sizes()[1], abs=8)
    linked.layout = PaneLayout.ROW
    try:
        assert split.sizes()[0] > split.sizes()[1] + 20
        window.bench.view.crosshair = True
        QTest.mouseClick(window.pair.pane, LEFT, NONE, place(window, BALLS[0]))
        at = window.pair.pane.crosshair_at().toPoint()
        away = at - place(window, BALLS[0])
        assert away.manhattanLength() <= 2
    finally:
        linked.layout = PaneLayout.ONE


# ---- opening again ----------------------------------------------------------------


def test_the_second_series_stays_when_the_first_is_opened_again(compare):
    window = compare("PET")
    window.bench.pair.set_window(3.0, 8.0)
    before = window.bench.session
    window.bench.reopen()
    wait_for(lambda: window.bench.session not in (None, before))
    settle(window)
    assert window.bench.pair.second.title == "PET"
    assert (window.bench.pair.level, window.bench.pair.width) == (3.0, 8.0)
    assert window.pair.pane.isVisible()
    assert window.pair.pane.message() == ""


def test_it_goes_where_the_first_cannot_be_opened_again(compare, monkeypatch):
    from medlab_gui.core.errors import StoreError
    from medlab_gui.review.session import ReviewSession

    window = compare("PET")

    def fail(*_args, **_more):
        raise StoreError("The disk is away.")

    monkeypatch.setattr(ReviewSession, "open", fail)
    window.bench.reopen()
    wait_for(lambda: window.bench.pair.second is None)
    for box in list(window.notifier.dialogs):
        box.close()
