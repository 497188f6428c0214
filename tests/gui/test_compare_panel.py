"""Comparing original and processed: layouts, camera, volume, model."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt

from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.gui.compare_view import CompareLayout
from medlab_gui.gui.model_look import entropy_image, mask_image
from medlab_gui.gui.model_strip import told
from medlab_gui.imaging import pipeline
from medlab_gui.imaging.pipeline import run_pipeline
from tests.gui.docks_phantom import SCHEME, add_weights
from tests.gui.gated_slices import GatedSlices
from tests.gui.hand import wheel
from tests.gui.recipe_window import rest

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def side(qtbot, recipe_bench, recipe_window):
    """The window while it compares side by side."""
    qtbot.mouseClick(recipe_window.dock.side, LEFT)
    rest(qtbot, recipe_bench)
    return recipe_window


def test_nothing_is_computed_before_somebody_looks(qtbot, recipe_bench, recipe_window):
    rest(qtbot, recipe_bench)
    recipe_bench.go_to(4)
    assert not recipe_bench.jobs.active
    assert recipe_window.dock.shown.preview is None


def test_side_by_side_covers_the_canvas(qtbot, side):
    dock, panel = side.dock, side.panel
    assert panel.geometry() == side.centralWidget().rect()
    side.resize(1000, 600)
    qtbot.waitUntil(lambda: panel.geometry() == side.centralWidget().rect())
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
    side.row("tv").params["weight"].spin.setValue(0.2)
    assert panel.isHidden()


def test_a_slider_keeps_the_focus_when_it_opens_the_comparison(qtbot, recipe_window):
    window = recipe_window
    window.activateWindow()
    slider = window.row("tv").params["weight"].slider
    slider.setFocus()
    qtbot.waitUntil(slider.hasFocus)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert window.panel.isVisible()
    assert slider.hasFocus()


def test_what_is_covered_does_not_draw(side):
    covered = side.centralWidget()
    below = [w for w in covered.children() if w is not side.panel and w.isWidgetType()]
    assert all(not w.updatesEnabled() for w in below)
    side.dock.off.click()
    assert all(w.updatesEnabled() for w in below)


def test_the_swipe_line_is_dragged(qtbot, recipe_bench, side):
    qtbot.mouseClick(side.dock.swipe, LEFT)
    rest(qtbot, recipe_bench)
    pictures = side.panel.pictures
    assert pictures.arrangement is CompareLayout.SWIPE
    middle, quarter = pictures.width() // 2, pictures.width() // 4
    y = pictures.height() // 3
    before = pictures.grab().toImage()
    qtbot.mousePress(pictures, LEFT, pos=QPoint(middle, y))
    qtbot.mouseMove(pictures, QPoint(quarter, y))
    qtbot.mouseRelease(pictures, LEFT, pos=QPoint(quarter, y))
    assert pictures.split == pytest.approx(0.25, abs=0.01)
    after = pictures.grab().toImage()
    at = QPoint(int(pictures.width() * 0.4), int(pictures.height() * 0.55))
    scale = after.width() / pictures.width()
    spot = (int(at.x() * scale), int(at.y() * scale))
    assert before.pixel(*spot) != after.pixel(*spot)
    qtbot.keyClick(pictures, Qt.Key.Key_Right)
    assert pictures.split == pytest.approx(0.27, abs=0.01)


def test_the_difference_is_drawn_in_its_colours_with_a_scale(qtbot, recipe_bench, side):
    recipe_bench.pipeline = PipelineSpec(
        (Step("window", {"level": 40.0, "width": 800.0}),)
    )
    qtbot.mouseClick(side.dock.difference, LEFT)
    rest(qtbot, recipe_bench)
    pictures, shown = side.panel.pictures, side.dock.shown.preview
    # half the contrast: tissue above the level is darker, below it brighter
    liver = shown.original > 100
    assert (shown.difference[liver] <= 1e-6).all()
    picture = pictures.grab().toImage()
    scale = picture.width() / pictures.width()

    def color(j: int, i: int):
        there = pictures._transform(pictures._rooms()[0]).map(QPointF(i, j))
        return picture.pixelColor(int(there.x() * scale), int(there.y() * scale))

    expected = shown.difference_image.pixelColor(30, 40)
    assert expected.blue() > expected.red()
    seen = color(40, 30)
    assert seen.blue() > seen.red()
    qtbot.mouseMove(pictures, pictures.rect().center())
    qtbot.waitUntil(lambda: "%)" in side.panel.readout.text())


def test_the_panel_s_own_buttons_arrange(qtbot, side):
    buttons = {b.text(): b for b in side.panel._buttons.buttons()}
    qtbot.mouseClick(buttons["Difference"], LEFT)
    assert side.dock.difference.isChecked()
    assert side.panel.pictures.arrangement is CompareLayout.DIFFERENCE


def test_wheel_is_slice_and_with_ctrl_zoom(qtbot, recipe_bench, side):
    pictures, camera = side.panel.pictures, recipe_bench.camera
    wheel(pictures, 1)
    assert recipe_bench.session.k == 9
    wheel(pictures, -2)
    assert recipe_bench.session.k == 7
    rest(qtbot, recipe_bench)
    assert "8" in side.panel.place.text()
    spot = QPointF(pictures.rect().center()) - QPointF(100, 0)
    under = pictures.voxel_at(spot)
    wheel(pictures, 3, Qt.KeyboardModifier.ControlModifier)
    assert camera.zoom == pytest.approx(1.2**3)
    assert pictures.voxel_at(spot) != under
    qtbot.keyClick(pictures, Qt.Key.Key_Minus)
    assert camera.zoom == pytest.approx(1.2**2)
    qtbot.mouseDClick(pictures, LEFT)
    assert camera.zoom == 1.0


def test_both_halves_follow_the_common_camera(qtbot, recipe_bench, side):
    pictures = side.panel.pictures
    recipe_bench.camera.look_at((0.25, 0.75), 3.0)
    rooms = pictures._rooms()
    for room in rooms:
        assert pictures.voxel_at(room.center()) == (24, 72)
    start = rooms[0].center().toPoint()
    qtbot.mousePress(pictures, LEFT, pos=start)
    qtbot.mouseMove(pictures, start + QPoint(40, 0))
    qtbot.mouseRelease(pictures, LEFT, pos=start + QPoint(40, 0))
    y, x = recipe_bench.camera.center
    assert y == pytest.approx(0.25)
    assert x < 0.75
    assert pictures.voxel_at(rooms[1].center() + QPointF(40, 0)) == (24, 72)


def test_the_readout_names_both_values(qtbot, recipe_bench, side):
    pictures = side.panel.pictures
    j, i = pictures.voxel_at(QPointF(pictures.rect().center()) + QPointF(60, 0))
    qtbot.mouseMove(pictures, pictures.rect().center() + QPoint(60, 0))
    qtbot.waitUntil(lambda: side.panel.readout.text() != "")
    value = recipe_bench.session.volume.data[8, j, i]
    assert f"{value} HU" in side.panel.readout.text()


def test_histograms_and_figures_are_those_of_the_slice(qtbot, recipe_bench, side):
    panel = side.panel
    first = panel.before.figures
    data = recipe_bench.session.volume.data
    assert f"{data[8].mean():.1f}" in first
    noise = panel.figures.cells["noise"]
    assert noise[0].text().endswith("%")
    assert float(noise[1].text()[:-2]) < float(noise[0].text()[:-2])
    assert panel.figures.cells["ssim"][1].text()
    rows, _columns = panel.pictures._region
    assert 0 <= rows.start < rows.stop <= 96
    recipe_bench.go_to(2)
    qtbot.waitUntil(lambda: panel.before.figures != first)
    assert f"{data[2].mean():.1f}" in panel.before.figures
    assert panel.strip.isEnabled()
    plain = panel.before.grab().toImage()
    qtbot.mouseClick(panel.log, LEFT, pos=QPoint(8, 8))
    assert panel.after.is_log
    assert panel.before.grab().toImage() != plain
    panel.figures_shown.click()
    assert not panel.strip.isVisible()
    assert panel.pictures._region is None


def test_a_hidden_dock_gives_the_canvas_back_and_computes_nothing(
    qtbot, recipe_bench, side
):
    dock = side.dock
    dock.parentWidget().hide()
    assert side.panel.isHidden()
    recipe_bench.go_to(3)
    assert not recipe_bench.jobs.active
    dock.parentWidget().show()
    dock.side.click()
    qtbot.waitUntil(lambda: dock.shown.preview.k == 3)


def test_closing_the_series_clears(qtbot, recipe_bench, side):
    recipe_bench.close_series()
    assert side.panel.before.histogram is None
    assert side.panel.pictures.preview is None
    assert "Open a series" in side.dock.message.text()
    assert not side.dock.volume.isEnabled()


# ---- the volume ------------------------------------------------------------------


def test_the_volume_is_processed_and_scrolling_shows_it(
    qtbot, recipe_bench, side, monkeypatch
):
    dock = side.dock
    qtbot.mouseClick(dock.volume, LEFT)
    assert dock.shown.volume.is_running
    rest(qtbot, recipe_bench)
    assert dock.shown.volume.progress == (16, 16)
    assert "All 16 slices" in dock.volume_state.text()
    assert not dock.volume.isEnabled()
    expected = run_pipeline(LIVER_PIPELINE, recipe_bench.session.volume.data)

    def never(*_args):
        raise AssertionError("computed what was there")

    monkeypatch.setattr(dock.shown._runner, "run", never)
    for k in (9, 3):
        recipe_bench.go_to(k)
        qtbot.waitUntil(lambda k=k: dock.shown.preview.k == k)
        np.testing.assert_array_equal(dock.shown.preview.processed, expected[k])
    monkeypatch.undo()
    # another recipe: the volume is of no use any more, and is not shown
    side.row("tv").params["weight"].spin.setValue(0.3)
    rest(qtbot, recipe_bench)
    assert dock.shown.volume.progress == (0, 16)
    assert dock.volume.isEnabled()
    assert not np.array_equal(dock.shown.preview.processed, expected[3])


def test_processing_the_volume_is_cancelled(qtbot, recipe_bench, side, monkeypatch):
    dock, slices = side.dock, GatedSlices(monkeypatch, recipe_bench.session.k, 3)
    dock.volume.click()
    assert dock.volume.text() == "Cancel"
    qtbot.waitUntil(lambda: dock.shown.volume.progress == (3, 16))
    dock.volume.click()
    slices.go.set()
    rest(qtbot, recipe_bench)
    assert not dock.shown.volume.is_running
    done, _n = dock.shown.volume.progress
    assert 3 <= done <= 6  # the fourth, and what each thread was at when it was heard
    assert f"{done} of 16 slices" in dock.volume_state.text()
    assert dock.volume.text() == "Apply to the volume"
    # what is done stays, and the rest can still be done
    monkeypatch.undo()
    dock.volume.click()
    rest(qtbot, recipe_bench)
    assert dock.shown.volume.progress == (16, 16)


# ---- the model -------------------------------------------------------------------


def test_what_the_model_gets_is_said_clearly():
    answer = {"classes": [{"name": "Liver", "area_cm2": 12.5}], "uncertainty": 0.25}
    said = told(answer, PipelineSpec(), LIVER_PIPELINE)
    assert "Trained on Linear window (level 40, width 400)" in said
    assert "but gets here: no preprocessing" in said
    assert "Liver 12.5 cm²; uncertainty 0.250 of 1" in said
    assert "Gets what it was trained on" in told(answer, LIVER_PIPELINE, LIVER_PIPELINE)


def test_the_model_s_pictures_are_see_through():
    labels = np.zeros((20, 20), np.uint8)
    labels[5:15, 5:15] = 1
    mask = mask_image(labels, SCHEME)
    assert mask.pixelColor(1, 1).alpha() == 0
    assert 40 < mask.pixelColor(10, 10).alpha() < 120
    assert mask.pixelColor(5, 10).alpha() == 255
    doubt = np.zeros((4, 4))
    doubt[2, 2] = 1.0
    image = entropy_image(doubt)
    assert image.pixelColor(0, 0).alpha() == 0
    assert image.pixelColor(2, 2).alpha() > 150


def test_without_a_model_there_is_nothing_to_ask(side):
    assert not side.panel.model.go.isEnabled()
    assert "no model" in side.panel.model.state.text()


def test_the_model_predicts_both_pictures_and_stores_nothing(
    qtbot, recipe_bench, side, tmp_path
):
    add_weights(tmp_path / "project")
    recipe_bench.project_changed.emit()
    said = []
    recipe_bench.noticed.connect(lambda notice: said.append(notice.text))
    strip, pictures = side.panel.model, side.panel.pictures
    side.row("tv").params["weight"].spin.setValue(0.3)
    assert strip.go.isEnabled()
    qtbot.mouseClick(strip.go, LEFT)
    assert strip.go.text() == "Cancel"
    qtbot.waitUntil(lambda: not recipe_bench.jobs.active)
    assert strip.go.text() == "Predict this slice"
    assert said == []
    assert "but gets here: no preprocessing" in strip.before.text()
    assert "but gets here: Linear window" in strip.after.text()
    assert "Nothing of this is stored" in strip.agreement.text()
    assert [len(images) for images in pictures.overlays] == [2, 2]
    strip.entropy_shown.click()
    assert [len(images) for images in pictures.overlays] == [1, 1]
    assert recipe_bench.store.latest_prediction("1.2.0.1") is None
    assert recipe_bench.session.prediction is None
    # What it said is about this slice and these recipes only.
    side.row("tv").params["weight"].spin.setValue(0.1)
    rest(qtbot, recipe_bench)
    assert pictures.overlays == ((), ())
    assert strip.before.isHidden()
    side.row("tv").params["weight"].spin.setValue(0.3)
    rest(qtbot, recipe_bench)
    assert [len(images) for images in pictures.overlays] == [1, 1]
    recipe_bench.go_to(4)
    rest(qtbot, recipe_bench)
    assert pictures.overlays == ((), ())


def test_asking_the_model_is_cancelled(qtbot, recipe_bench, side, tmp_path):
    add_weights(tmp_path / "project")
    recipe_bench.project_changed.emit()
    strip = side.panel.model
    strip.go.click()
    strip.go.click()
    qtbot.waitUntil(lambda: not recipe_bench.jobs.active)
    assert strip.go.text() == "Predict this slice"
    assert strip.before.isHidden()


def test_steps_that_are_still_computed_are_told_on_the_picture(
    qtbot, monkeypatch, recipe_bench, recipe_window
):
    dock = recipe_window.dock
    dock.side.click()
    rest(qtbot, recipe_bench)
    pictures = recipe_window.panel.pictures
    assert pictures._told("Processed") == "Processed"
    go, real = threading.Event(), pipeline.fit_pipeline

    def gated(*args, **kwargs):
        assert go.wait(120)
        return real(*args, **kwargs)

    monkeypatch.setattr(pipeline, "fit_pipeline", gated)
    quick = Step("n4", {"shrink": 4, "levels": 1, "iterations": 2})
    shown = pictures.preview
    recipe_bench.pipeline = PipelineSpec((Step("percentile"), quick))
    try:
        assert "looks at the whole scan" in dock.message.text()
        assert pictures._told("Processed") == "Processed, before the last change"
        assert pictures.preview is shown
    finally:
        go.set()
    qtbot.waitUntil(lambda: pictures.preview is not shown)
    assert dock.message.text() == ""
    assert pictures._told("Processed") == "Processed"


@pytest.mark.parametrize("first", ["preview", "volume"])
def test_slice_and_volume_look_at_the_scan_once(
    qtbot, monkeypatch, recipe_bench, recipe_window, first
):
    fits, real = [], pipeline.fit_pipeline

    def counting(spec, *args, **kwargs):
        fits.append([step.name for step in spec.steps])
        return real(spec, *args, **kwargs)

    monkeypatch.setattr(pipeline, "fit_pipeline", counting)
    quick = Step("n4", {"shrink": 4, "levels": 1, "iterations": 2})
    dock = recipe_window.dock
    if first == "preview":
        dock.side.click()
    recipe_bench.pipeline = PipelineSpec((Step("percentile"), quick))
    if first == "preview":
        rest(qtbot, recipe_bench)
    dock.volume.click()  # shows the comparison, too, where it is not shown
    qtbot.waitUntil(lambda: "All 16" in dock.volume_state.text())
    rest(qtbot, recipe_bench)
    assert [names for names in fits if "n4" in names] == [["percentile", "n4"]]
    pictures = recipe_window.panel.pictures
    assert pictures.preview.spec == recipe_bench.pipeline
    assert pictures._told("Processed") == "Processed"
    assert dock.message.text() == ""


def test_who_waits_for_a_look_at_the_scan_that_is_stopped_takes_its_place(
    qtbot, monkeypatch, recipe_bench, recipe_window
):
    go, began, real = threading.Event(), threading.Event(), pipeline.fit_pipeline

    def gated(spec, *args, progress=None, **kwargs):
        if any(step.name == "n4" for step in spec.steps):
            began.set()
            assert go.wait(120)
            if progress is not None:
                progress(0, 1, "")  # as between two rounds
        return real(spec, *args, progress=progress, **kwargs)

    monkeypatch.setattr(pipeline, "fit_pipeline", gated)
    quick = Step("n4", {"shrink": 4, "levels": 1, "iterations": 2})
    recipe_bench.pipeline = PipelineSpec((Step("percentile"), quick))
    dock = recipe_window.dock
    dock.volume.click()
    qtbot.waitUntil(began.is_set)
    assert dock.volume.text() == "Cancel"
    dock.volume.click()
    go.set()
    rest(qtbot, recipe_bench)
    assert not dock.shown.volume.is_running
    assert recipe_window.panel.pictures.preview.spec == recipe_bench.pipeline
    assert dock.message.text() == ""


def test_a_recipe_that_fails_marks_the_picture_as_that_of_another(
    qtbot, recipe_bench, recipe_window
):
    dock = recipe_window.dock
    dock.side.click()
    rest(qtbot, recipe_bench)
    pictures = recipe_window.panel.pictures
    recipe_bench.pipeline = PipelineSpec((Step("sharpen_x"),))  # of a plugin
    rest(qtbot, recipe_bench)
    assert dock.message.text() != ""
    assert pictures._told("Processed") == "Processed, before the last change"
    recipe_bench.pipeline = PipelineSpec((Step("percentile"),))
    rest(qtbot, recipe_bench)
    assert pictures._told("Processed") == "Processed"
    assert dock.message.text() == ""
