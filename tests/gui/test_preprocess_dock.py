"""The recipe in the preprocessing dock with real mouse and keys, on a phantom."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QFileDialog, QMessageBox

from medlab_gui.core.presets import pipeline_presets, save_preset
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.gui.preset_bar import file_name
from medlab_gui.imaging.pipeline import STEPS, run_pipeline
from medlab_gui.imaging.recipes import same_effect
from tests.gui.docks_phantom import add_weights
from tests.gui.recipe_window import rest

LEFT = Qt.MouseButton.LeftButton
ALT = Qt.KeyboardModifier.AltModifier


def test_the_spec_is_shown_in_its_order_with_units(recipe_window):
    window, dock = recipe_window, recipe_window.dock
    assert window.names == ["window", "equalize", "tv"]
    level = window.row("window").params["level"]
    assert level.spin.text() == "40 HU"
    assert level.slider.accessibleName() == "Linear window: Level"
    assert window.row("tv").params["weight"].spin.value() == pytest.approx(0.1)
    assert not window.row("tv").params["eps"].spin.isVisible()
    assert dock.presets.combo.currentText() == "Liver paper"
    assert dock.minimumSizeHint().width() <= 300


def test_another_order_is_shown(recipe_bench, recipe_window):
    recipe_bench.pipeline = PipelineSpec((Step("tv", {}), Step("window", {})))
    assert recipe_window.names == ["tv", "window"]
    assert recipe_window.dock.presets.combo.currentText() == "Your own, not saved"


def drag(qtbot, window, source: int, target_y: int) -> None:
    """Take a step by its dots and drop it at a height of the list."""
    steps = window.dock.steps
    steps.layout().activate()
    grip = steps.rows[source].grip
    start = grip.rect().center()
    end = grip.mapFromGlobal(steps.mapToGlobal(QPoint(5, target_y)))
    qtbot.mousePress(grip, LEFT, pos=start)
    qtbot.mouseMove(grip, (start + end) / 2)
    qtbot.mouseMove(grip, end)
    assert steps.line.isVisible()
    qtbot.mouseRelease(grip, LEFT, pos=end)
    assert not steps.line.isVisible()


def test_steps_are_ordered_by_dragging(qtbot, recipe_bench, recipe_window):
    window, steps = recipe_window, recipe_window.dock.steps
    drag(qtbot, window, 2, 0)
    assert window.names == ["tv", "window", "equalize"]
    assert [s.name for s in recipe_bench.pipeline.steps] == window.names
    steps.layout().activate()
    drag(qtbot, window, 0, steps.rows[1].geometry().bottom() - 2)
    assert window.names == ["window", "tv", "equalize"]
    drag(qtbot, window, 0, steps.rows[0].geometry().center().y())
    assert window.names == ["window", "tv", "equalize"]
    drag(qtbot, window, 0, steps.height() + 50)
    assert window.names == ["tv", "equalize", "window"]
    steps.layout().activate()
    tops = [row.geometry().top() for row in steps.rows]
    assert tops == sorted(tops)


def test_a_step_that_is_carried_is_put_back(qtbot, recipe_bench, recipe_window):
    window, steps = recipe_window, recipe_window.dock.steps
    right = Qt.MouseButton.RightButton
    steps.layout().activate()
    grip = steps.rows[2].grip
    start, end = (
        grip.rect().center(),
        grip.mapFromGlobal(steps.mapToGlobal(QPoint(5, 0))),
    )
    acts = {
        "escape": lambda: qtbot.keyClick(window.dock, Qt.Key.Key_Escape),
        "another recipe": lambda: setattr(recipe_bench, "pipeline", PipelineSpec()),
    }
    for act, do in acts.items():
        recipe_bench.pipeline = LIVER_PIPELINE
        grip = steps.rows[2].grip
        qtbot.mousePress(grip, LEFT, pos=start)
        qtbot.mouseMove(grip, end)
        qtbot.mousePress(grip, right, pos=end)
        qtbot.mouseRelease(grip, right, pos=end)
        assert steps.line.isVisible(), "a second button does not let it go"
        do()
        assert not steps.line.isVisible()
        qtbot.mouseMove(grip, end)
        qtbot.mouseRelease(grip, LEFT, pos=end)
        wanted = [] if act == "another recipe" else ["window", "equalize", "tv"]
        assert window.names == wanted
        assert not steps.line.isVisible()


def test_steps_are_ordered_by_keys(qtbot, recipe_bench, recipe_window):
    window = recipe_window
    window.activateWindow()
    check = window.row("tv").check
    check.setFocus()
    qtbot.waitUntil(check.hasFocus)
    qtbot.keyClick(check, Qt.Key.Key_Up, ALT)
    assert window.names == ["window", "tv", "equalize"]
    assert check.hasFocus()
    spin = window.row("tv").params["weight"].spin
    spin.setFocus()
    before = spin.value()
    qtbot.keyClick(spin, Qt.Key.Key_Up, ALT)
    assert window.names == ["tv", "window", "equalize"]
    assert spin.value() == before
    qtbot.keyClick(spin, Qt.Key.Key_Up, ALT)
    assert window.names == ["tv", "window", "equalize"]
    qtbot.keyClick(spin, Qt.Key.Key_Down, ALT)
    assert [s.name for s in recipe_bench.pipeline.steps] == ["window", "tv", "equalize"]


def test_tab_goes_through_the_steps_in_their_order(qtbot, recipe_window):
    window = recipe_window
    window.activateWindow()
    window.row("tv").move_wanted.emit(-2)
    first = window.dock.steps.rows[0]
    first.check.setFocus()
    qtbot.waitUntil(first.check.hasFocus)
    seen = []
    for _n in range(12):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        seen.append(window.focusWidget())
    rows = window.dock.steps.rows
    checks = [w for w in seen if w in [r.check for r in rows]]
    assert checks == [rows[1].check, rows[2].check]
    assert first.params["weight"].spin in seen


def test_any_registered_step_can_be_added(qtbot, recipe_bench, recipe_window):
    window, steps = recipe_window, recipe_window.dock.steps
    steps.menu.aboutToShow.emit()
    offered = {action.data(): action for action in steps.menu.actions()}
    assert list(offered) == list(STEPS)
    assert offered["tv"].toolTip() == STEPS["tv"].summary
    offered["window"].trigger()
    assert window.names == ["window", "equalize", "tv", "window"]
    added = recipe_bench.pipeline.steps[3]
    assert added.enabled
    assert added.params == {"level": 40, "width": 400}
    steps.rows[3].params["level"].spin.setValue(7)
    assert recipe_bench.pipeline.steps[3].params["level"] == 7
    assert recipe_bench.pipeline.steps[0].params["level"] == 40


def test_steps_are_removed_by_mouse_and_key(qtbot, recipe_bench, recipe_window):
    window = recipe_window
    window.activateWindow()
    qtbot.mouseClick(window.row("equalize").remove, LEFT)
    assert window.names == ["window", "tv"]
    check = window.row("window").check
    check.setFocus()
    qtbot.waitUntil(check.hasFocus)
    qtbot.keyClick(check, Qt.Key.Key_Delete)
    assert window.names == ["tv"]
    qtbot.waitUntil(window.row("tv").check.hasFocus)
    qtbot.keyClick(window.row("tv").check, Qt.Key.Key_Backspace)  # a Mac's delete
    assert recipe_bench.pipeline == PipelineSpec()
    assert window.dock.steps.empty.isVisible()
    assert window.dock.presets.combo.currentText() == "None"


def test_a_step_turned_off_does_nothing(qtbot, recipe_bench, recipe_window):
    window, dock = recipe_window, recipe_window.dock
    qtbot.mouseClick(window.row("tv").check, LEFT, pos=QPoint(8, 8))
    steps = recipe_bench.pipeline.steps
    assert steps[2] == replace(steps[2], enabled=False)
    assert not window.row("tv").params["weight"].spin.isVisible()
    rest(qtbot, recipe_bench)
    two = PipelineSpec(LIVER_PIPELINE.steps[:2])
    np.testing.assert_array_equal(
        dock.shown.preview.processed,
        run_pipeline(two, recipe_bench.session.volume.data[8]),
    )


def test_moving_a_slider_changes_picture_and_project(
    qtbot, recipe_bench, recipe_window
):
    window, dock = recipe_window, recipe_window.dock
    slider = window.row("window").params["width"].slider
    slider.setFocus()
    for _n in range(5):
        qtbot.keyClick(slider, Qt.Key.Key_PageDown)
    width = window.row("window").params["width"].spin.value()
    assert width < 400
    rest(qtbot, recipe_bench)
    assert window.panel.isVisible()
    spec = recipe_bench.pipeline
    assert spec.steps[0].params["width"] == width
    np.testing.assert_array_equal(
        dock.shown.preview.processed,
        run_pipeline(spec, recipe_bench.session.volume.data[8]),
    )
    qtbot.waitUntil(lambda: recipe_bench.store.pipeline() == spec)


def test_changes_are_taken_back(qtbot, recipe_bench, recipe_window):
    window, bar = recipe_window, recipe_window.dock.presets
    assert not bar.undo.isEnabled()
    slider = window.row("tv").params["weight"].slider
    for _n in range(4):
        slider.setValue(slider.value() + 3)
    qtbot.mouseClick(window.row("equalize").remove, LEFT)
    changed = recipe_bench.pipeline
    qtbot.mouseClick(bar.undo, LEFT)
    assert window.names == ["window", "equalize", "tv"]
    assert window.row("tv").params["weight"].value == pytest.approx(0.22)
    qtbot.mouseClick(bar.undo, LEFT)
    assert same_effect(recipe_bench.pipeline, LIVER_PIPELINE)
    assert window.row("tv").params["weight"].value == pytest.approx(0.1)
    assert not bar.undo.isEnabled()
    qtbot.mouseClick(bar.redo, LEFT)
    qtbot.mouseClick(bar.redo, LEFT)
    assert recipe_bench.pipeline == changed
    assert not bar.redo.isEnabled()
    qtbot.mouseClick(bar.reset, LEFT)
    assert same_effect(recipe_bench.pipeline, LIVER_PIPELINE)
    assert not bar.reset.isEnabled()
    qtbot.mouseClick(bar.undo, LEFT)
    assert recipe_bench.pipeline == changed


def test_ctrl_z_in_the_dock_is_for_the_recipe(qtbot, recipe_bench, recipe_window):
    window = recipe_window
    fired = []
    QShortcut(QKeySequence("Ctrl+Z"), window).activated.connect(
        partial(fired.append, "mask")
    )
    window.activateWindow()
    check = window.row("tv").check
    check.setFocus()
    qtbot.waitUntil(check.hasFocus)
    qtbot.keyClick(check, Qt.Key.Key_Space)
    assert not recipe_bench.pipeline.steps[2].enabled
    qtbot.keyClick(check, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert recipe_bench.pipeline.steps[2].enabled
    assert fired == []
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(check, Qt.Key.Key_Z, both)
    assert not recipe_bench.pipeline.steps[2].enabled


# ---- presets ---------------------------------------------------------------------


def test_presets_are_chosen_by_keys(qtbot, recipe_bench, recipe_window):
    combo = recipe_window.dock.presets.combo
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert combo.currentText() == "None"
    assert not any(step.enabled for step in recipe_bench.pipeline.steps)
    # "Same as the model" cannot be chosen while there is none.
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert combo.currentText() == "None"
    qtbot.keyClick(combo, Qt.Key.Key_Home)
    assert same_effect(recipe_bench.pipeline, LIVER_PIPELINE)


def test_a_preset_is_saved_chosen_and_deleted(qtbot, recipe_bench, recipe_window):
    window, bar = recipe_window, recipe_window.dock.presets
    window.row("tv").params["weight"].spin.setValue(0.25)
    strong = recipe_bench.pipeline
    assert not bar.delete.isEnabled()
    assert bar.save_as(" Strong TV ")
    assert same_effect(pipeline_presets()["Strong TV"], strong)
    assert bar.combo.currentText() == "Strong TV"
    assert not bar.reset.isEnabled()
    bar.combo.setCurrentIndex(0)
    bar.combo.activated.emit(0)
    assert same_effect(recipe_bench.pipeline, LIVER_PIPELINE)
    row = bar.combo.findText("Strong TV")
    bar.combo.setCurrentIndex(row)
    bar.combo.activated.emit(row)
    assert same_effect(recipe_bench.pipeline, strong)
    assert window.row("tv").params["weight"].value == pytest.approx(0.25)
    assert bar.delete.isEnabled()
    bar.delete_shown()
    assert "Strong TV" not in pipeline_presets()
    assert same_effect(recipe_bench.pipeline, strong)
    assert bar.combo.currentText() == "Your own, not saved"


def test_a_preset_goes_out_and_comes_in(
    recipe_bench, recipe_window, tmp_path, monkeypatch
):
    bar = recipe_window.dock.presets
    said = []
    recipe_bench.noticed.connect(lambda notice: said.append(notice.text))
    recipe_window.row("tv").params["weight"].spin.setValue(0.4)
    bar.save_as("Out")
    file = tmp_path / "out.json"
    bar.export_to(str(file))
    assert str(file) in said[-1]
    bar.delete_shown()
    recipe_bench.pipeline = LIVER_PIPELINE
    bar.import_from(str(file))
    assert bar.combo.currentText() == "Out"
    assert recipe_window.row("tv").params["weight"].value == pytest.approx(0.4)
    (tmp_path / "bad.json").write_text("[]", encoding="utf-8")
    bar.import_from(str(tmp_path / "bad.json"))
    assert "not a preprocessing recipe" in said[-1]
    (tmp_path / "typo.json").write_text('{"steps": [{"name": "windoww"}]}')
    bar.import_from(str(tmp_path / "typo.json"))
    assert "Did you mean 'window'?" in said[-1]
    assert bar.combo.findText("typo") < 0, "what cannot run is not kept"
    assert not bar.save_as("Liver paper")
    assert "comes with MedLab" in said[-1]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("CT/MR \\ 肝脏: 50 %?", "CT-MR - 肝脏- 50 %.json"),
        ("tv 0.05", "tv 0.05.json"),
        ("../up", "up.json"),
        ("*", "recipe.json"),
    ],
)
def test_a_recipes_file_is_called_as_files_may_be(name, file):
    assert file_name(name) == file


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_what_the_ending_makes_of_a_name_is_not_replaced_unasked(
    recipe_window, tmp_path, monkeypatch, answer
):
    """The dialog for saving asks about the name that was typed only."""
    bar, old = recipe_window.dock.presets, tmp_path / "tv 0.05.json"
    bar.save_as("tv/0.05")
    typed = str(tmp_path / "tv 0.05")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_given: (typed, ""))
    bar._ask_export()
    assert json.loads(old.read_text(encoding="utf-8"))["steps"], "no question: no file"
    old.write_text("mine")
    asked = []

    def question(*given):
        asked.append(given[2])
        return getattr(QMessageBox.StandardButton, answer)

    monkeypatch.setattr(QMessageBox, "question", question)
    bar._ask_export()
    monkeypatch.undo()
    assert asked == [f"{old} is there already. Replace it?"]
    assert (old.read_text(encoding="utf-8") == "mine") == (answer == "No")
    bar.delete_shown()


def test_a_step_that_is_away_is_told_not_shown_wrongly(recipe_bench, recipe_window):
    dock, said = recipe_window.dock, []
    recipe_bench.noticed.connect(lambda notice: said.append(notice.text))
    save_preset("Plugin", PipelineSpec((Step("sharpen_x"),)))
    dock.presets.refresh()
    row = dock.presets.combo.findText("Plugin")
    dock.presets.combo.setCurrentIndex(row)
    dock.presets.combo.activated.emit(row)
    assert "sharpen_x" in " ".join([dock.message.text(), *said])
    assert same_effect(recipe_bench.pipeline, LIVER_PIPELINE)
    assert recipe_window.names == ["window", "equalize", "tv"]


# ---- whom it is for --------------------------------------------------------------


def test_the_badge_says_whom_it_is_for(qtbot, recipe_bench, recipe_window, tmp_path):
    window, dock = recipe_window, recipe_window.dock
    assert "no model" in dock.badge.text()
    add_weights(tmp_path / "project")
    recipe_bench.project_changed.emit()
    assert dock.badge.for_model
    assert "Also what the model gets" in dock.badge.text()
    assert "2 mm" in dock.badge.toolTip()
    window.row("tv").params["weight"].spin.setValue(0.3)
    assert not dock.badge.for_model
    assert "For the eye only" in dock.badge.text()
    assert "Total variation 0.1" in dock.badge.text()
    told = "Strength is 0.3 here, 0.1 for the model"
    assert told in dock.badge.toolTip()
    assert told in window.panel.badge.toolTip()
    assert told in dock.badge.accessibleDescription()
    assert "1 difference" in window.panel.badge.text()
    model = dock.presets.combo.findText("Same as the model")
    dock.presets.combo.setCurrentIndex(model)
    dock.presets.combo.activated.emit(model)
    assert dock.badge.for_model
    assert "Also what the model gets" in window.panel.badge.text()


def test_weights_with_other_steps_are_named(recipe_bench, recipe_window, tmp_path):
    turned = PipelineSpec(tuple(reversed(LIVER_PIPELINE.steps)))
    add_weights(tmp_path / "project", "turned", turned)
    recipe_bench.project_changed.emit()
    dock = recipe_window.dock
    assert not dock.badge.for_model
    assert "The order differs" in dock.badge.toolTip()


def test_typing_a_number_accepts_no_slice(qtbot, recipe_window):
    """Enter is the window's key for accepting, but not while a number is typed."""
    window, fired = recipe_window, []
    for key in ("Return", "Up", "Right"):
        QShortcut(QKeySequence(key), window).activated.connect(
            partial(fired.append, key)
        )
    window.keyPressEvent = lambda event: fired.append(event.key())
    window.activateWindow()
    spin = window.row("window").params["level"].spin
    spin.setFocus()
    qtbot.waitUntil(spin.hasFocus)
    spin.selectAll()
    qtbot.keyClicks(spin, "55")
    qtbot.keyClick(spin, Qt.Key.Key_Return)
    assert spin.value() == 55
    qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert spin.value() == 56
    slider = window.row("tv").params["weight"].slider
    slider.setFocus()
    before = slider.value()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == before + 1
    assert fired == []
    window.dock.off.setFocus()
    qtbot.keyClick(window.dock.off, Qt.Key.Key_Return)
    assert fired == ["Return"]


def test_a_step_that_gets_other_values_than_it_is_meant_for_is_told(
    qtbot, recipe_bench, recipe_window
):
    dock = recipe_window.dock
    recipe_bench.pipeline = PipelineSpec((Step("gamma", {"gamma": 0.5}),))
    dock.side.click()
    qtbot.waitUntil(lambda: "Put a window" in dock.message.text())
    recipe_bench.pipeline = PipelineSpec((Step("window"), Step("gamma")))
    qtbot.waitUntil(lambda: dock.message.text() == "")
