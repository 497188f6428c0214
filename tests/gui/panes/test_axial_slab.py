"""A thick axial slab is computed on a thread, and nothing older stands for it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes import axial_slab, plane_values
from medlab_gui.gui.panes.slab import Projection, Slab
from tests.gui.conftest import wait_for
from tests.gui.panes.seen import VALUES
from tests.gui.panes.test_plane_values import Taker

pytestmark = pytest.mark.gui

MEAN, MIP = Slab(Projection.MEAN, 8.0), Slab(Projection.MIP, 8.0)
"""Three slices of 4 mm."""


@pytest.fixture
def taker(monkeypatch):
    taker = Taker(monkeypatch)
    yield taker
    taker.may_take.set()


@pytest.fixture
def slow(opened, taker, monkeypatch):
    """The window, with every slab computed on a thread that is not waited for."""
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    monkeypatch.setattr(plane_values, "_INSTANT_VOXELS", 0)
    monkeypatch.setattr(axial_slab, "_PATIENCE_S", 0.0)
    yield window
    taker.may_take.set()
    window.bench.linked.set_slab(Plane.AXIAL, Slab())
    wait_for(lambda: not window.bench.jobs.active)


def given(window) -> np.ndarray:
    """What napari draws."""
    return np.asarray(window.stage.image._slice.image.raw)


def slab_about(k, of=np.mean):
    return of(VALUES[max(0, k - 1) : k + 2], axis=0)


def test_no_older_slab_stands_under_the_number_of_another_slice(slow, taker):
    bench, image, linked = slow.bench, slow.stage.image, slow.bench.linked
    assert bench.session.k == 2
    assert np.array_equal(given(slow), VALUES[2])
    taker.may_take.clear()
    linked.set_slab(Plane.AXIAL, MEAN)
    assert not image.visible, "a slice is no slab"
    assert slow.stage.slab.values is None
    taker.may_take.set()
    wait_for(lambda: image.visible)
    assert np.allclose(given(slow), slab_about(2))
    taker.may_take.clear()
    bench.go_to(1)
    assert not image.visible, "nor the one of another slice"
    bench.go_to(3)
    assert not image.visible
    taker.may_take.set()
    wait_for(lambda: image.visible)
    assert np.allclose(given(slow), slab_about(3))
    taker.may_take.clear()
    linked.set_slab(Plane.AXIAL, MIP)
    assert not image.visible, "nor another kind of slab"
    taker.may_take.set()
    wait_for(lambda: image.visible)
    assert np.array_equal(given(slow), slab_about(3, np.max))
    linked.set_slab(Plane.AXIAL, Slab())
    assert image.visible
    assert np.array_equal(given(slow), VALUES[3])
    assert taker.of_slabs
    assert threading.current_thread() not in taker.of_slabs


def test_what_takes_no_long_time_is_never_black(slow, taker, monkeypatch):
    bench, image = slow.bench, slow.stage.image
    monkeypatch.setattr(axial_slab, "_PATIENCE_S", 30.0)
    bench.linked.set_slab(Plane.AXIAL, MIP)
    assert image.visible
    assert np.array_equal(given(slow), slab_about(2, np.max))
    wait_for(lambda: not bench.jobs.active)
    sliced = taker.threads.copy()
    QApplication.processEvents()
    assert given(slow) is not None
    assert taker.threads == sliced, "it was taken once"
    bench.go_to(1)
    assert image.visible
    assert np.array_equal(given(slow), slab_about(1, np.max))


def test_the_picture_says_that_a_slab_is_coming(slow, taker):
    taker.may_take.clear()
    slow.bench.linked.set_slab(Plane.AXIAL, MIP)
    assert slow.stage.slab.is_coming
    taker.may_take.set()
    wait_for(lambda: not slow.stage.slab.is_coming)


def test_a_box_takes_the_slab_that_is_shown(slow, taker):
    view, canvas = slow.bench.view, slow.canvas
    slow.bench.linked.set_slab(Plane.AXIAL, MIP)
    wait_for(lambda: slow.stage.image.visible and not slow.bench.jobs.active)
    taker.threads.clear()
    held, left = Qt.KeyboardModifier.ControlModifier, Qt.MouseButton.LeftButton
    box = slow.box
    corners = box._pane.to_canvas([(-0.4, -0.4), (6.4, 5.4)])
    first, last = (QPoint(*np.round(c).astype(int)) for c in corners)
    QTest.mousePress(canvas, left, held, first)
    QTest.mouseRelease(canvas, left, held, last)
    low, high = np.percentile(slab_about(2, np.max), (1, 99))
    assert view.level == pytest.approx((low + high) / 2)
    assert view.width == pytest.approx(high - low)
    assert taker.threads == []


def test_another_series_is_shown_as_the_slab_that_is_asked_for(slow, opened, taker):
    slow.bench.linked.set_slab(Plane.AXIAL, MIP)
    wait_for(lambda: slow.stage.image.visible)
    uid = slow.bench.session.series_uid
    slow.bench.close_series()
    slow.bench.open_series(uid, 1)
    wait_for(lambda: slow.stage.is_ready and slow.stage.image.visible)
    assert np.array_equal(given(slow), slab_about(1, np.max))
