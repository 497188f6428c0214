"""The preprocessing dock with real mouse and keys, on a phantom."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QKeySequence, QShortcut, QWheelEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.gui.axes import number, ticks
from medlab_gui.gui.compare_view import CompareLayout
from medlab_gui.gui.docks.preprocess import PreprocessDock
from medlab_gui.gui.histogram_view import summarise
from medlab_gui.gui.preview import complete, in_words, preview, same_effect
from medlab_gui.gui.workbench import Workbench
from medlab_gui.imaging.pipeline import run_pipeline
from tests.gui.docks_phantom import add_weights, make_project, phantom

# ---- without a window ------------------------------------------------------------


def test_ticks_are_round_and_inside():
    assert ticks(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(-1024, 1500, 6) == [-1000, -500, 0, 500, 1000, 1500]
    assert ticks(3, 3) == [3]
    assert [number(v) for v in (0.25, 12000, 2e6, 0)] == ["0.25", "12k", "2M", "0"]


def test_entropy_of_a_flat_and_an_even_histogram():
    flat = np.zeros((4, 4))
    assert summarise(flat, np.array([16, 0]), np.array([0.0, 1, 2])).entropy == 0
    even = np.arange(16.0).reshape(4, 4)
    counts, edges = np.histogram(even, 16)
    figures = summarise(even, counts, edges)
    assert figures.entropy == pytest.approx(4.0)
    assert figures.mean == pytest.approx(7.5)
    assert figures.deviation == pytest.approx(np.sqrt(255 / 12))


def test_recipes_are_the_same_if_they_do_the_same():
    off = PipelineSpec((*LIVER_PIPELINE.steps[:2], Step("tv", {}, enabled=False)))
    assert same_effect(off, PipelineSpec(LIVER_PIPELINE.steps[:2]))
    assert same_effect(complete(LIVER_PIPELINE), LIVER_PIPELINE)
    assert not same_effect(off, LIVER_PIPELINE)
    turned = PipelineSpec(tuple(reversed(LIVER_PIPELINE.steps)))
    assert not same_effect(turned, LIVER_PIPELINE)
    assert "40/400" in in_words(LIVER_PIPELINE)


def test_preview_is_what_the_pipeline_gives():
    data, labels = phantom()
    made = preview(data, 8, LIVER_PIPELINE, window=(40, 400), unit="HU", mask=labels[8])
    np.testing.assert_array_equal(made.processed, run_pipeline(LIVER_PIPELINE, data)[8])
    assert made.processed_unit == ""
    assert made.marks == (-160, 240)
    assert made.original_histogram.counts.sum() == data[8].size
    assert made.original_image.width() == data.shape[2]
    raw = preview(data, 8, PipelineSpec(), window=(40, 400), unit="HU")
    assert raw.processed_unit == "HU"
    assert raw.processed_image == raw.original_image


# ---- with a window ---------------------------------------------------------------


@pytest.fixture
def bench(tmp_path, qtbot):
    folder = tmp_path / "project"
    make_project(folder, n_series=1)
    bench = Workbench(str(folder))
    bench.open_project()
    qtbot.waitUntil(lambda: bench.store is not None)
    bench.open_series("1.2.0.1", 8)
    qtbot.waitUntil(lambda: bench.session is not None)
    yield bench
    bench.close()


@pytest.fixture
def window(qtbot, bench):
    """A main window with a stand-in for the canvas, and the dock beside it."""
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(QWidget())
    from qtpy.QtWidgets import QDockWidget

    holder = QDockWidget("Preprocessing", window)
    dock = PreprocessDock(bench)
    holder.setWidget(dock)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, holder)
    window.resize(1200, 700)
    window.dock = dock
    window.show()
    qtbot.waitExposed(window)
    qtbot.waitUntil(lambda: dock.before.histogram is not None)
    return window


def results(qtbot, dock):
    """Wait until nothing is being computed any more."""
    qtbot.waitUntil(lambda: not dock._bench.jobs.active)


def test_the_spec_is_shown_in_its_order_with_units(window):
    dock = window.dock
    assert list(dock.steps) == ["window", "equalize", "tv"]
    level = dock.steps["window"].params["level"]
    assert level.spin.text() == "40 HU"
    assert level.slider.accessibleName() == "Linear window: Level"
    assert dock.steps["tv"].params["weight"].spin.value() == pytest.approx(0.1)
    assert not dock.steps["tv"].params["eps"].spin.isVisible()
    assert dock.preset.currentText() == "Liver paper chain"
    assert dock.minimumSizeHint().width() <= 300


def test_another_order_is_kept(bench, window):
    bench.pipeline = PipelineSpec((Step("tv", {}), Step("window", {})))
    assert list(window.dock.steps) == ["tv", "window", "equalize"]
    assert not window.dock.steps["equalize"].check.isChecked()
    assert window.dock.preset.currentText() == "Your own"


def test_moving_a_slider_changes_pictures_histogram_and_project(qtbot, bench, window):
    dock = window.dock
    before = dock.after.figures
    slider = dock.steps["window"].params["width"].slider
    slider.setFocus()
    for _n in range(5):
        qtbot.keyClick(slider, Qt.Key.Key_PageDown)
    width = dock.steps["window"].params["width"].spin.value()
    assert width < 400
    results(qtbot, dock)
    assert dock.after.figures != before
    assert dock.panel is not None
    assert dock.panel.isVisible()
    shown = dock.panel.pictures._preview
    spec = bench.pipeline
    assert spec.steps[0].params["width"] == width
    np.testing.assert_array_equal(
        shown.processed, run_pipeline(spec, bench.session.volume.data[8])
    )
    qtbot.waitUntil(lambda: bench.store.pipeline() == spec)


def test_a_step_turned_off_does_nothing(qtbot, bench, window):
    dock = window.dock
    qtbot.mouseClick(
        dock.steps["tv"].check, Qt.MouseButton.LeftButton, pos=QPoint(8, 8)
    )
    assert bench.pipeline.steps[2] == replace(bench.pipeline.steps[2], enabled=False)
    assert not dock.steps["tv"].params["weight"].spin.isEnabled()
    results(qtbot, dock)
    two = PipelineSpec(LIVER_PIPELINE.steps[:2])
    np.testing.assert_array_equal(
        dock._preview.processed, run_pipeline(two, bench.session.volume.data[8])
    )


def test_presets(qtbot, bench, window):
    dock = window.dock
    dock.preset.setFocus()
    qtbot.keyClick(dock.preset, Qt.Key.Key_Down)
    assert dock.preset.currentText() == "None"
    assert not any(step.enabled for step in bench.pipeline.steps)
    # "Same as the model" cannot be chosen while there is none.
    qtbot.keyClick(dock.preset, Qt.Key.Key_Down)
    assert dock.preset.currentText() != "Same as the model"
    qtbot.keyClick(dock.preset, Qt.Key.Key_Home)
    assert same_effect(bench.pipeline, LIVER_PIPELINE)


def test_the_badge_says_whom_it_is_for(qtbot, bench, window, tmp_path):
    dock = window.dock
    assert "no model" in dock.badge.text()
    add_weights(tmp_path / "project")
    bench.project_changed.emit()
    assert "Also what the model gets" in dock.badge.text()
    dock.steps["tv"].params["weight"].spin.setValue(0.3)
    assert "For the eye only" in dock.badge.text()
    assert "Total variation 0.1" in dock.badge.text()


def test_another_slice_is_computed_anew(qtbot, bench, window):
    dock = window.dock
    first = dock.before.figures
    bench.go_to(2)
    qtbot.waitUntil(lambda: dock._preview is not None and dock._preview.k == 2)
    assert dock.before.figures != first


def test_logarithmic_counts(qtbot, window):
    dock = window.dock
    qtbot.mouseClick(dock.log, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert dock.before.is_log
    assert dock.after.is_log
    plain = dock.before.grab().toImage()
    qtbot.mouseClick(dock.log, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert dock.before.grab().toImage() != plain


def test_side_by_side_covers_the_canvas(qtbot, bench, window):
    dock = window.dock
    qtbot.mouseClick(dock.side, Qt.MouseButton.LeftButton)
    results(qtbot, dock)
    panel = dock.panel
    assert panel.geometry() == window.centralWidget().rect()
    window.resize(1000, 600)
    qtbot.waitUntil(lambda: panel.geometry() == window.centralWidget().rect())
    pictures = panel.pictures
    left = pictures.voxel_at(QPointF(pictures.width() * 0.25, pictures.height() / 2))
    right = pictures.voxel_at(QPointF(pictures.width() * 0.75, pictures.height() / 2))
    assert left == pytest.approx(right, abs=1)
    assert abs(left[0] - 48) <= 1
    assert abs(left[1] - 48) <= 1
    pictures.setFocus()
    qtbot.keyClick(pictures, Qt.Key.Key_Escape)
    assert panel.isHidden()
    assert dock.off.isChecked()
    # Closed on purpose: the next move of a slider does not bring it back.
    dock.steps["tv"].params["weight"].spin.setValue(0.2)
    assert panel.isHidden()


def test_the_swipe_line_is_dragged(qtbot, bench, window):
    dock = window.dock
    qtbot.mouseClick(dock.swipe, Qt.MouseButton.LeftButton)
    results(qtbot, dock)
    pictures = dock.panel.pictures
    assert pictures.arrangement is CompareLayout.SWIPE
    middle, quarter = pictures.width() // 2, pictures.width() // 4
    y = pictures.height() // 3
    before = pictures.grab().toImage()
    qtbot.mousePress(pictures, Qt.MouseButton.LeftButton, pos=QPoint(middle, y))
    qtbot.mouseMove(pictures, QPoint(quarter, y))
    qtbot.mouseRelease(pictures, Qt.MouseButton.LeftButton, pos=QPoint(quarter, y))
    assert pictures.split == pytest.approx(0.25, abs=0.01)
    after = pictures.grab().toImage()
    at = QPoint(int(pictures.width() * 0.4), int(pictures.height() * 0.55))
    scale = after.width() / pictures.width()
    spot = (int(at.x() * scale), int(at.y() * scale))
    assert before.pixel(*spot) != after.pixel(*spot)
    qtbot.keyClick(pictures, Qt.Key.Key_Right)
    assert pictures.split == pytest.approx(0.27, abs=0.01)


def wheel(widget, notches, modifiers=Qt.KeyboardModifier.NoModifier):
    point = QPointF(widget.rect().center())
    event = QWheelEvent(
        point,
        QPointF(widget.mapToGlobal(point.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_wheel_is_slice_and_with_ctrl_zoom(qtbot, bench, window):
    dock = window.dock
    qtbot.mouseClick(dock.side, Qt.MouseButton.LeftButton)
    results(qtbot, dock)
    pictures = dock.panel.pictures
    wheel(pictures, 1)
    assert bench.session.k == 9
    wheel(pictures, -2)
    assert bench.session.k == 7
    results(qtbot, dock)
    assert "8" in dock.panel.place.text()
    under = pictures.voxel_at(QPointF(pictures.rect().center()) - QPointF(100, 0))
    wheel(pictures, 3, Qt.KeyboardModifier.ControlModifier)
    assert pictures.zoom == pytest.approx(1.2**3)
    assert pictures.voxel_at(QPointF(pictures.rect().center()) - QPointF(100, 0)) != (
        under
    )
    qtbot.mouseDClick(pictures, Qt.MouseButton.LeftButton)
    assert pictures.zoom == 1.0


def test_the_readout_names_both_values(qtbot, bench, window):
    dock = window.dock
    qtbot.mouseClick(dock.swipe, Qt.MouseButton.LeftButton)
    results(qtbot, dock)
    pictures = dock.panel.pictures
    j, i = pictures.voxel_at(QPointF(pictures.rect().center()))
    qtbot.mouseMove(pictures, pictures.rect().center())
    qtbot.waitUntil(lambda: dock.panel.readout.text() != "")
    assert f"{bench.session.volume.data[8, j, i]} HU" in dock.panel.readout.text()


def test_a_hidden_dock_gives_the_canvas_back_and_computes_nothing(qtbot, bench, window):
    dock = window.dock
    qtbot.mouseClick(dock.side, Qt.MouseButton.LeftButton)
    results(qtbot, dock)
    dock.parentWidget().hide()
    assert dock.panel.isHidden()
    bench.go_to(3)
    assert not bench.jobs.active
    dock.parentWidget().show()
    qtbot.waitUntil(lambda: dock._preview.k == 3)


def test_closing_the_series_clears(qtbot, bench, window):
    dock = window.dock
    bench.close_series()
    assert dock.before.histogram is None
    assert "Open a series" in dock.message.text()


def test_typing_a_number_accepts_no_slice(qtbot, window):
    """Enter is the window's key for accepting, but not while a number is typed."""
    fired = []
    for key in ("Return", "Up", "Right"):
        QShortcut(QKeySequence(key), window).activated.connect(
            partial(fired.append, key)
        )
    window.keyPressEvent = lambda event: fired.append(event.key())
    window.activateWindow()
    spin = window.dock.steps["window"].params["level"].spin
    spin.setFocus()
    qtbot.waitUntil(spin.hasFocus)
    spin.selectAll()
    qtbot.keyClicks(spin, "55")
    qtbot.keyClick(spin, Qt.Key.Key_Return)
    assert spin.value() == 55
    qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert spin.value() == 56
    slider = window.dock.steps["tv"].params["weight"].slider
    slider.setFocus()
    before = slider.value()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == before + 1
    assert fired == []
    window.dock.off.setFocus()
    qtbot.keyClick(window.dock.off, Qt.Key.Key_Return)
    assert fired == ["Return"]
