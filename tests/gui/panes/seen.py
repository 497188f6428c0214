"""What is seen of the unique voxels in a view, reckoned from their spacing alone."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint

from medlab_gui.core.measurements import Plane
from tests.gui.panes.unique_voxels import SHAPE, values

VALUES = values()
LIGHT_PANES = (Plane.CORONAL, Plane.SAGITTAL)


def at(pane, flat):
    """Where a pixel of an untouched, unsheared pane is, reckoned from spacing alone."""
    spacing = pane.grid.spacing
    rows, columns = pane.plane.axes
    n_rows, n_columns = SHAPE[rows], SHAPE[columns]
    zoom = 0.98 * min(
        pane.width() / (n_columns * spacing[columns]),
        pane.height() / (n_rows * spacing[rows]),
    )
    x = pane.width() / 2 + zoom * spacing[columns] * (flat[1] - (n_columns - 1) / 2)
    # coronal and sagittal: the head, where k is largest, is up
    y = pane.height() / 2 - zoom * spacing[rows] * (flat[0] - (n_rows - 1) / 2)
    return QPoint(round(x), round(y))


def shown(pane):
    """The grey value at the middle of every pixel of a light pane, as in the array."""
    image = pane.grab().toImage()
    rows, columns = pane.plane.axes
    return np.array(
        [
            [image.pixelColor(at(pane, (r, c))).red() for c in range(SHAPE[columns])]
            for r in range(SHAPE[rows])
        ]
    )
