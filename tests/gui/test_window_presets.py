from __future__ import annotations

import contextlib
import dataclasses
import json

import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialogButtonBox

from medlab_gui.core.display import Display
from medlab_gui.core.errors import SpecError
from medlab_gui.core.settings import WindowChoice, load_settings, settings_path
from medlab_gui.gui.dialogs.window_presets import WindowPresetsDialog, as_preset
from medlab_gui.gui.window_presets import SHIPPED_WINDOWS, fits
from tests.gui.hand import SHIFT
from tests.gui.test_key_profiles import entries

LUNG = WindowChoice(name="Lung", level=-600, width=1500, modality="CT")


def test_what_ships_is_the_table_of_ours():
    assert [(p.name, p.level, p.width, p.modality) for p in SHIPPED_WINDOWS] == [
        ("Abdomen", 40, 400, "CT"),
        ("Liver", 90, 150, "CT"),
        ("Mediastinum", 40, 400, "CT"),
        ("Lung", -600, 1500, "CT"),
        ("Bone", 400, 2000, "CT"),
        ("CT angiography", 200, 600, "CT"),
        ("Brain", 40, 80, "CT"),
        ("Stroke", 40, 40, "CT"),
        ("SUV 0 to 5", 2.5, 5, "PT"),
        ("SUV 0 to 10", 5, 10, "PT"),
    ]


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (("", "40", "400", "CT"), "no name"),
        (("A", "x", "400", "CT"), "level"),
        (("A", "40", "", "CT"), "width"),
        (("A", "nan", "400", "CT"), "level"),
        (("A", "40", "0", "CT"), "above 0"),
        (("A", "40", "-5", "CT"), "above 0"),
        (("A", "1e30", "400", "CT"), "level"),
        (("A" * 100, "40", "400", "CT"), "name"),
    ],
)
def test_a_wrong_row_is_named(texts, word):
    with pytest.raises(SpecError, match=word) as error:
        as_preset(3, *texts)
    assert "Row 3" in error.value.message


def test_a_row_with_a_comma_for_a_point():
    preset = as_preset(1, " PET ", "2,5", "5", "pt")
    assert preset == WindowChoice(name="PET", level=2.5, width=5, modality="PT")


@pytest.mark.gui
def test_presets_fit_by_modality_and_pet_in_suv_only(window):
    volume = window.bench.session.volume
    pet = dataclasses.replace(volume, modality="PT", units="Bq/ml")
    assert not any(fits(p, pet) for p in SHIPPED_WINDOWS)
    suv = dataclasses.replace(pet, units="SUVbw")
    assert [p.name for p in SHIPPED_WINDOWS if fits(p, suv)] == [
        "SUV 0 to 5",
        "SUV 0 to 10",
    ]
    assert fits(WindowChoice(name="All", level=1, width=2), pet)


@pytest.fixture
def dialog(window):
    yield from open_dialog(window)
    window.bench.presets.save(SHIPPED_WINDOWS)


def open_dialog(window):
    window.menus.app.commands.execute_command("medlab.view.edit_presets").result()
    found = window.main.findChild(WindowPresetsDialog)
    yield found
    with contextlib.suppress(RuntimeError):  # it is gone when it was accepted
        found.close()


def press_ok(dialog) -> None:
    box = dialog.findChild(QDialogButtonBox)
    box.button(QDialogButtonBox.StandardButton.Ok).click()


@pytest.mark.gui
def test_changing_adding_and_deleting_reach_the_digits_and_the_menu(
    window, hand, dialog
):
    view = window.bench.view
    view.level, view.width = 123.0, 456.0
    dialog.table.setCurrentCell(1, 0)
    dialog.buttons["delete"].click()  # Liver
    dialog.table.item(0, 0).setText("Belly")
    dialog.table.item(0, 1).setText("50")
    dialog.buttons["add"].click()
    new = dialog.table.rowCount() - 1
    assert dialog.table.item(new, 1).text() == "123"
    dialog.table.item(new, 0).setText("Mine")
    for _n in range(new):
        dialog.buttons["up"].click()
    press_ok(dialog)
    hand.key("0")
    hand.key("1")
    assert (view.level, view.width) == (123, 456)
    hand.key("2")
    assert (view.level, view.width) == (50, 400)
    hand.key("3")
    assert (view.level, view.width) == (40, 400), "Mediastinum, Liver is gone"
    window.refresh_facts()
    shown = [
        action.text()
        for n in range(1, 10)
        for action in entries(
            window.menus.menu("medlab/view"), f"medlab.view.preset_{n}"
        )
        if action.isVisible()
    ]
    assert shown[:2] == ["Mine  (W 456  L 123 HU)", "Belly  (W 400  L 50 HU)"]
    assert len(shown) == 8
    stored = json.loads(settings_path().read_text())["window_presets"]
    assert stored[0]["name"] == "Mine"
    assert load_settings().window_presets[1].name == "Belly"


@pytest.mark.gui
def test_a_wrong_list_is_kept_open_and_reset_brings_the_shipped_one(window, dialog):
    dialog.table.item(0, 2).setText("wide")
    press_ok(dialog)
    assert dialog.isVisible()
    assert "Row 1" in dialog.problem.text()
    dialog.table.item(0, 2).setText("400")
    dialog.table.item(0, 0).setText("lung")
    press_ok(dialog)
    assert "called" in dialog.problem.text()
    dialog.buttons["reset"].click()
    press_ok(dialog)
    assert window.bench.presets.all == SHIPPED_WINDOWS
    assert json.loads(settings_path().read_text())["window_presets"] is None


@pytest.mark.gui
def test_a_settings_file_that_cannot_be_written_is_said(window, tmp_path, monkeypatch):
    said = []
    window.bench.noticed.connect(said.append)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with monkeypatch.context() as elsewhere:
        place = tmp_path / "file" / "settings.json"
        elsewhere.setenv("MEDLAB_CONFIG", str(place))
        window.bench.presets.save([LUNG])
    assert "holds until MedLab closes" in said[-1].text
    assert str(place) in said[-1].text
    assert window.bench.presets.all == (LUNG,)
    window.bench.noticed.disconnect(said.append)
    window.bench.presets.save(SHIPPED_WINDOWS)


@pytest.mark.gui
def test_a_sigmoid_file_is_drawn_so_and_the_corner_says_it(window, hand, monkeypatch):
    stage = window.stage
    monkeypatch.setattr(stage.window, "display", Display("SIGMOID"))
    hand.key("1")
    window.bench.view.width = 200.0
    assert stage.image.colormap.name == "sigmoid"
    assert tuple(stage.image.contrast_limits) == (40 - 400, 40 + 400)
    assert window.text.corner_lines()[1][0].endswith("SIGMOID")
    hand.key("I", SHIFT)
    assert stage.image.colormap.name == "sigmoid_r"
    assert "inverted" in window.text.corner_lines()[1][0]
    hand.key("I", SHIFT)
    # What napari truly draws: a voxel at the level is mid grey.
    data = window.bench.session.volume.data[window.bench.session.k]
    QTest.qWait(50)
    shot = window.viewer.screenshot(canvas_only=True, flash=False)
    ratio = shot.shape[1] / window.canvas.width()
    expected, found = [], []
    for j in range(30, 66, 4):
        for i in range(20, 76, 4):
            point = hand.at(j, i)
            value = shot[round(point.y() * ratio), round(point.x() * ratio), 0]
            found.append(float(value))
            expected.append(255 / (1 + 2.718281828 ** (-4 * (data[j, i] - 40) / 200)))
    errors = sorted(abs(a - b) for a, b in zip(found, expected, strict=True))
    # Linear interpolation and text may touch a few; most agree closely.
    assert errors[len(errors) // 2] < 12
    monkeypatch.undo()
    window.bench.view.width = 400.0
    window.stage._apply_window()
    assert stage.image.colormap.name == "gray"
