"""A person's hand on two series that are compared, and what they see of them."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from tests.gui.conftest import wait_for
from tests.gui.hand import LEFT, NONE, Hand
from tests.gui.moving import move
from tests.gui.pair.phantoms import grids

GRIDS = grids()
CT_Z = [-42.0 + 3 * k for k in range(30)]


def place(window, mm):
    """Where a place is in the pane of the second series, tied to an untouched first.

    From spacing and origin of the first alone: the same place of the patient is in the
    middle of both pictures, and a millimetre is as long.
    """
    pane, canvas, grid = window.pair.pane, window.canvas, GRIDS["CT"]
    _dz, dy, dx = grid.spacing
    _z, rows, columns = grid.shape
    zoom = 0.98 * min(canvas.width() / (columns * dx), canvas.height() / (rows * dy))
    middle = grid.affine[:2, 3] + [dx * (columns - 1) / 2, dy * (rows - 1) / 2]
    x, y = (np.array(mm[:2]) - middle) * zoom
    return QPoint(round(pane.width() / 2 + x), round(pane.height() / 2 + y))


def gray(pane, point):
    return pane.grab().toImage().pixelColor(point).lightness()


def drag(widget, start, way, button):
    QTest.mousePress(widget, button, NONE, start)
    for n in range(1, 5):
        QTest.mouseMove(widget, start + way * n / 4)
    QTest.mouseRelease(widget, button, NONE, start + way)


def point_at(widget, point):
    """Move the mouse with no button down."""
    move(widget, point, NONE)


def choose(box, row):
    """Choose a row of a combo box by mouse."""
    box.showPopup()
    view = box.view()
    wait_for(view.isVisible)
    at = view.visualRect(box.model().index(row, 0)).center()
    QTest.mouseMove(view.viewport(), at)
    QTest.mouseClick(view.viewport(), LEFT, NONE, at)
    wait_for(lambda: not view.isVisible())


def on_canvas(window, mm):
    """Colour of the picture at a place, as (red, green, blue)."""
    window.viewer.window._qt_viewer.canvas.native.update()
    QApplication.processEvents()
    i, j = (np.array(mm[:2]) - GRIDS["CT"].affine[:2, 3]) / GRIDS["CT"].spacing[:0:-1]
    at = Hand(window).at(j, i)
    picture = window.viewer.screenshot(canvas_only=True, flash=False)
    ratio = picture.shape[1] / window.canvas.width()
    return picture[round(at.y() * ratio), round(at.x() * ratio), :3].astype(int)
