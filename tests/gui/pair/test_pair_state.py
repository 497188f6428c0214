"""Which slices of two series belong together, and what is said where none do."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton

from medlab_gui.gui.pair.pair_state import Link
from tests.gui.conftest import wait_for
from tests.gui.hand import LEFT, Hand, wheel
from tests.gui.pair.by_hand import (
    CT_Z,
    choose,
)
from tests.gui.pair.conftest import settle

pytestmark = pytest.mark.gui


def test_slices_go_by_position_and_none_is_made_up(compare):
    window = compare("PET")
    pane, pair = window.pair.pane, window.bench.pair
    assert pair.link is Link.POSITION
    assert pane.isVisible()
    seen = set()
    for k, z in enumerate(CT_Z):
        window.bench.go_to(k)
        distances = np.abs(-31.0 + 4 * np.arange(22) - z)
        is_there = distances.min() <= 2
        if is_there:
            assert distances[pane.slice_index] == distances.min()
            assert pane.message() == ""
        else:
            assert pane.slice_index is None
            assert f"{distances.min():.1f} mm away" in pane.message()
            assert pane.grab().toImage().pixelColor(5, 5).lightness() == 0
        seen.add(is_there)
    assert seen == {True, False}


def test_the_wheel_moves_both_when_linked_and_one_when_not(compare):
    window = compare("PET")
    pane, bench = window.pair.pane, window.bench
    before = pane.slice_index
    wheel(pane, 2)
    assert bench.session.k == 12
    assert pane.slice_index == before + 1  # z = -6: its slices are at -11, -7, -3
    Hand(window).wheel(-2)
    assert (bench.session.k, pane.slice_index) == (10, before)
    bench.pair.link = Link.FREE
    here = pane.slice_index
    wheel(pane, 3)
    assert (bench.session.k, pane.slice_index) == (10, here + 3)
    wheel(pane, 100)
    assert pane.slice_index == 21
    bench.step(5)
    assert pane.slice_index == 21


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Later CT", "not synchronised: other frame of reference"),
        ("NIfTI", "not synchronised: frame of reference unknown"),
    ],
)
def test_without_a_common_frame_nothing_follows(compare, name, words):
    window = compare(name)
    pane, pair = window.pair.pane, window.bench.pair
    assert pair.link is Link.FREE
    assert pair.badge() == words
    here = pane.slice_index
    Hand(window).wheel(4)
    assert pane.slice_index == here


def test_by_number_is_a_choice_that_is_shown(compare):
    window = compare("Later CT")
    pane, pair = window.pair.pane, window.bench.pair
    choose(window.pair.panel.link, 1)
    assert pair.link is Link.NUMBER
    assert pair.badge() == "by slice number, not by position"
    for k in (0, 7, 19):
        window.bench.go_to(k)
        assert pane.slice_index == k
    window.bench.go_to(20)  # it has 20 slices
    assert pane.slice_index is None
    assert "no slice here" in pane.message()


def test_link_here_keeps_the_way_in_mm(compare):
    window = compare("Later CT")
    pane, pair, bench = window.pair.pane, window.bench.pair, window.bench
    wheel(pane, -3)
    there = pane.slice_index
    QTest.mouseClick(window.pair.panel.here, LEFT)
    assert pair.link is Link.HAND
    assert pair.badge() == f"linked by hand: slice 11 = slice {there + 1}"
    assert window.pair.panel.link.currentText() == "Linked by hand"
    for way in (-9, -6, 3, 6, 9):  # 3 mm each; its slices are 4.5 mm apart
        bench.go_to(10 + way)
        assert pane.slice_index == there + round(way * 3 / 4.5)
    bench.go_to(29)  # 57 mm further: past its last slice
    assert pane.slice_index is None
    bench.go_to(10)
    assert pane.slice_index == there


def test_an_overlay_without_a_common_frame_is_refused_until_insisted_on(compare):
    window = compare("Later CT")
    pair, bar = window.bench.pair, window.pair.bar
    QTest.mouseClick(bar.over, LEFT)
    assert not pair.overlay
    assert not bar.over.isChecked()
    assert window.pair.layer.layer is None or not window.pair.layer.layer.visible
    notice = window.notifier.bar
    wait_for(notice.isVisible)
    button = next(
        b for b in notice.findChildren(QPushButton) if b.text() == "Overlay anyway"
    )
    QTest.mouseClick(button, LEFT)
    settle(window)
    assert pair.overlay
    assert bar.over.isChecked()
    assert pair.link is Link.POSITION
    assert pair.badge() == "other frame of reference: your choice"
    assert window.pair.layer.legend_lines()[-1] == pair.badge()
    assert window.pair.layer.layer.visible
