from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.view_state import Mode
from tests.gui.hand import SHIFT

pytestmark = pytest.mark.gui


@pytest.fixture
def painted(window):
    """Two classes side by side on the slice shown."""
    session = window.bench.session
    before = np.zeros((1, 40, 40), np.uint8)
    after = before.copy()
    after[:, :, :20], after[:, :, 20:] = 1, 2
    where = (slice(8, 9), slice(30, 70), slice(30, 70))
    session.mask[where] = after
    session.record("brush", where, before, after)
    window.stage.mask.refresh()
    window.bench.view.hidden = frozenset()
    yield session
    window.bench.view.hidden = frozenset()


def alpha(window, value: int) -> float:
    return float(window.stage.mask.colormap.color_dict[value][3])


def press_eye(listing, row: int) -> None:
    rect = listing.visualItemRect(listing.item(row))
    QTest.mouseClick(
        listing.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QPoint(rect.left() + 8, rect.center().y()),
    )


def test_the_eye_hides_and_shows_in_all_views_but_changes_no_voxel(window, painted):
    listing = window.docks["labels"].widget().widget().classes
    mask = painted.mask.copy()
    press_eye(listing, 1)
    assert window.bench.view.hidden == {2}
    assert window.bench.view.value == 1, "pressing the eye chooses nothing"
    assert (alpha(window, 1), alpha(window, 2)) == (1, 0)
    assert alpha_of_pane(window) == (True, False)
    assert "Hidden: Spleen" in window.text.corner_lines()[0]
    assert "hidden" in listing.item(1).toolTip()
    press_eye(listing, 1)
    assert (alpha(window, 1), alpha(window, 2)) == (1, 1)
    assert alpha_of_pane(window) == (True, True)
    assert not any("Hidden" in line for line in window.text.corner_lines()[0])
    assert np.array_equal(painted.mask, mask)


def alpha_of_pane(window) -> tuple[bool, bool]:
    """Whether each class is seen in the coronal pane."""
    window.bench.linked.layout = PaneLayout.ROW
    QTest.qWait(30)
    pane = window.views.panes[Plane.CORONAL]
    window.bench.linked.place(np.array([8.0, 50.0, 50.0]))
    picture = pane.picture()
    seen = []
    for i in (40, 60):
        x, y = pane.to_canvas([[8, i]])[0]
        color = picture.pixelColor(round(x), round(y))
        seen.append(color.saturation() > 40)
    window.bench.linked.layout = PaneLayout.ONE
    QTest.qWait(30)
    return seen[0], seen[1]


def test_a_press_on_the_name_chooses_the_class(window, painted):
    listing = window.docks["labels"].widget().widget().classes
    rect = listing.visualItemRect(listing.item(1))
    QTest.mouseClick(
        listing.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QPoint(rect.left() + 60, rect.center().y()),
    )
    assert window.bench.view.value == 2
    assert not window.bench.view.hidden


def test_solo_by_key_and_back(window, hand, painted):
    hand.key("S", SHIFT)
    assert window.bench.view.hidden == {2}
    hand.key("S", SHIFT)
    assert not window.bench.view.hidden
    hand.key("C")
    hand.key("S", SHIFT)
    assert window.bench.view.hidden == {1}
    hand.key("H", SHIFT)
    assert window.bench.view.hidden == {1, 2}


def test_the_menu_of_a_class(window, painted):
    listing = window.docks["labels"].widget().widget().classes
    menu = listing.menu_of(1)
    hide, solo = menu.actions()
    hide.trigger()
    assert window.bench.view.hidden == {1}
    solo.trigger()
    assert window.bench.view.hidden == {2}
    menu.close()
    menu.deleteLater()


def test_what_is_painted_is_shown_again(window, hand, painted):
    view = window.bench.view
    view.mode, view.value = Mode.ANNOTATE, 2
    view.hidden = frozenset({2})
    hand.drag((10, 20), (10, 60))
    assert painted.mask[8, 10, 40] == 2
    assert not view.hidden
    assert alpha(window, 2) == 1
