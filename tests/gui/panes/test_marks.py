from __future__ import annotations

import pytest
from qtpy.QtCore import QRect, QSize

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.panes.marks import scale_length, side_text, window_text
from medlab_gui.gui.panes.pane_area import pane_rects


@pytest.mark.parametrize(
    ("mm_per_px", "room", "mm"),
    [(1.0, 180, 100), (0.5, 180, 50), (0.3, 180, 50), (0.02, 180, 2), (1.0, 200, 200)],
)
def test_a_scale_bar_is_a_round_length_that_fits(mm_per_px, room, mm):
    assert scale_length(mm_per_px, room) == pytest.approx(mm)
    assert mm / mm_per_px <= room + 1e-6


def test_the_side_of_a_slice():
    assert side_text(24.0, Plane.AXIAL, doubt=False) == "S 24.0 mm"
    assert side_text(-3.25, Plane.CORONAL, doubt=False) == "A 3.2 mm"
    assert side_text(-1.0, Plane.SAGITTAL, doubt=True) == "R? 1.0 mm"


@pytest.mark.parametrize("layout", PaneLayout)
def test_panes_fill_the_room_without_overlap(layout):
    size = QSize(1001, 640)
    rects = pane_rects(layout, "", size)
    n = {PaneLayout.ONE: 1, PaneLayout.QUAD: 4}.get(layout, 3)
    assert len(rects) == n
    places = list(rects.values())
    for a, one in enumerate(places):
        assert QRect(0, 0, 1001, 640).contains(one)
        assert not any(one.intersects(other) for other in places[a + 1 :])
    area = sum(r.width() * r.height() for r in places)
    assert area > 0.985 * 1001 * 640
    assert pane_rects(layout, "coronal", size) == {"coronal": QRect(0, 0, 1001, 640)}


@pytest.mark.parametrize(
    ("level", "width", "shown"),
    [
        (40, 400, "W 400  L 40"),
        (-0.3, 20.4, "W 20  L 0"),
        (1234.5, 8.0, "W 8  L 1234.5"),
        (0.0009, 0.00254, "W 0.00254  L 0.0009"),
        (1.6e38, 3.2e38, "W 3.2e+38  L 1.6e+38"),  # a damaged file
    ],
)
def test_a_window_is_written_short(level, width, shown):
    assert window_text(level, width, None) == shown
    assert window_text(level, width, "HU") == f"{shown} HU"
