"""The overlay in the other views of the first series."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.pair.pair_state import OverlayLook
from medlab_gui.gui.pair.plane_tint import tint_image
from medlab_gui.gui.panes.linked_state import PaneLayout
from tests.gui.conftest import wait_for
from tests.gui.pair.by_hand import (
    GRIDS,
)
from tests.gui.pair.conftest import settle
from tests.gui.pair.phantoms import BALLS

pytestmark = pytest.mark.gui


def test_the_overlay_is_in_every_view_of_the_first(compare):
    """Each ball is seen in colour where it is, in coronal and sagittal views too."""
    window = compare("PET", overlay=True)
    linked, pair = window.bench.linked, window.bench.pair
    linked.layout = PaneLayout.ROW
    pair.set_look(low=0.0, high=9.0, opacity=1.0)
    window.bench.view.mask_visible = False
    grid = GRIDS["CT"]
    try:
        for ball, value in zip(BALLS, (9.0, 6.0), strict=True):
            index = grid.to_index(ball)
            linked.place(index)
            settle(window)
            for plane in (Plane.CORONAL, Plane.SAGITTAL):
                pane = window.views.panes[plane]
                wait_for(lambda pane=pane: pane.tint.image(pane.slice_index))
                rows, columns = plane.axes
                x, y = pane.to_canvas([index[rows], index[columns]])[0]
                color = pane.grab().toImage().pixelColor(round(x), round(y))
                # hot: red first, then green, then blue
                share = value / 9.0
                expected = [255 * min(1.0, max(0.0, share * 8 / 3 - n)) for n in (0, 1)]
                assert color.red() == pytest.approx(expected[0], abs=6)
                assert color.green() == pytest.approx(expected[1], abs=6)
                assert pane.tint.lines()[0] == "PET: 0 to 9 SUV"
        pair.overlay = False
        assert pane.tint.image(pane.slice_index) is None
        assert pane.grab().toImage().pixelColor(round(x), round(y)).saturation() == 0
    finally:
        linked.layout = PaneLayout.ONE


def test_what_was_not_measured_is_clear_and_low_values_too():
    picture = np.array([[np.nan, 0.0, 5.0, 10.0, 99.0]], np.float32)
    image = tint_image(picture, OverlayLook("hot", 0.5, 0.0, 10.0))
    alphas = [image.pixelColor(i, 0).alpha() for i in range(5)]
    assert alphas[:2] == [0, 0]
    assert alphas[2:] == [128, 128, 128]
    assert image.pixelColor(3, 0) == image.pixelColor(4, 0)
