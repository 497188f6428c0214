"""The second series in colour over the first: balls are at known places in both."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from medlab_gui.gui.view_state import Mode
from tests.gui.hand import Hand
from tests.gui.pair.by_hand import (
    CT_Z,
    GRIDS,
    choose,
    on_canvas,
)
from tests.gui.pair.conftest import settle
from tests.gui.pair.phantoms import BALLS, voxels
from tests.gui.panes.written import Written

pytestmark = pytest.mark.gui


def test_the_overlay_lies_on_the_balls_in_colour(compare):
    window = compare("PET", overlay=True)
    layer = window.pair.layer
    window.bench.pair.set_look(opacity=1.0)
    for ball, other in (BALLS, BALLS[::-1]):
        window.bench.go_to(CT_Z.index(ball[2]))
        settle(window)
        assert layer.layer.visible
        red, _green, blue = on_canvas(window, ball)
        assert red > blue + 40  # hot: 6 and 9 of 10 SUV are orange to yellow
        red, _green, blue = on_canvas(window, other)
        assert abs(red - blue) < 25  # the grey of the CT's body shines through
    names = [one.name for one in window.viewer.layers]
    assert names.index("Image") < names.index("Second series") < names.index("Mask")


def test_the_overlay_is_never_of_another_slice(compare):
    window = compare("PET", overlay=True)
    layer, pet, shown = window.pair.layer, voxels("PET"), 0
    grid, ct = GRIDS["PET"], GRIDS["CT"]

    def is_right(k):
        """Whether it is shown, and then what the PET has there."""
        # the voxel of the CT at the middle of the first ball
        index = np.round(ct.to_index((*BALLS[0][:2], CT_Z[k]))).astype(int)
        place = grid.to_index(ct.to_mm(index))
        low = np.floor(place).astype(int)
        if not layer.layer.visible or not 0 <= low[0] < 21:
            return False
        part = pet[low[0] : low[0] + 2, low[1] : low[1] + 2, low[2] : low[2] + 2]
        share = place - low
        for axis_share in share:
            part = part[0] * (1 - axis_share) + part[1] * axis_share
        found = float(layer.layer.data[index[1], index[2]])
        assert found == pytest.approx(float(part), abs=1e-3)
        return True

    for k in [*range(5, 26), 8, 22, 9]:
        Hand(window).wheel(k - window.bench.session.k)
        assert window.bench.session.k == k
        for _turn in range(3):  # while it is made, or when it is there: as it comes
            is_right(k)
            QTest.qWait(3)
        if k % 2:
            settle(window)
            shown += is_right(k)
    assert shown == 12


def test_where_it_was_not_measured_the_overlay_is_clear_and_says_so(compare):
    window = compare("PET", overlay=True)
    window.bench.go_to(0)  # z = -42, the PET begins at -31
    settle(window)
    assert "not measured in this slice" in window.pair.layer.legend_lines()
    red, _green, blue = on_canvas(window, (0, 0))
    assert abs(red - blue) < 5


def test_colours_opacity_and_range_by_mouse_and_keys(compare):
    window = compare("PET", overlay=True)
    bar, pair, layer = window.pair.bar, window.bench.pair, window.pair.layer.layer
    choose(bar.colors, 1)
    assert pair.look.colors == "viridis"
    assert layer.colormap.name == "second_viridis"
    before = layer.opacity
    QTest.keyClick(bar.opacity, Qt.Key.Key_PageUp)
    assert layer.opacity == pytest.approx(before + 0.1)
    for box, text in ((bar.low, "2"), (bar.high, "7.5")):
        box.selectAll()
        QTest.keyClicks(box, text)
        QTest.keyClick(box, Qt.Key.Key_Return)
    assert layer.contrast_limits == [2.0, 7.5]
    bar.high.selectAll()
    QTest.keyClicks(bar.high, "1")
    QTest.keyClick(bar.high, Qt.Key.Key_Return)
    assert (pair.look.low, pair.look.high) == (2.0, 7.5)  # no empty range
    assert bar.high.value() == 7.5
    assert bar.high.suffix() == " SUV"


def test_one_paints_on_the_mask_below_the_overlay(compare):
    window = compare("PET", overlay=True)
    window.bench.view.mode = Mode.ANNOTATE
    Hand(window).drag((40, 30), (40, 50))
    mask = window.bench.session.mask
    assert set(np.argwhere(mask)[:, 0]) == {10}
    assert mask[10, 40, 40] == 1


def test_the_texts_of_its_legend_are_clear_of_each_other(compare, monkeypatch):
    window = compare("PET", overlay=True)
    text, written = window.text, Written()
    with monkeypatch.context() as patch:
        patch.setattr(text, "stamps", written)
        text.grab()
    (name,) = (
        r for t, r in written.rooms.items() if t == window.bench.pair.second.title
    )
    (highest,) = (room for words, room in written.rooms.items() if "SUV" in words)
    assert highest.top() > name.top(), "the colours are under the name"
    assert not highest.intersects(name)
