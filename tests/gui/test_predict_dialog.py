from __future__ import annotations

from types import SimpleNamespace

import pytest
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit, QScrollArea, QSpinBox

from medlab_gui.commands.predict import PREDICT, PredictParams
from medlab_gui.core.settings import Settings
from medlab_gui.gui import launching
from medlab_gui.gui.dialogs.form import ParamsDialog, PathField
from medlab_gui.gui.notify import NoticeBar
from medlab_gui.store.project import ProjectStore

pytestmark = pytest.mark.gui


@pytest.fixture
def dialog(qtbot, tmp_path):
    place = tmp_path / "project"
    ProjectStore.open(place, create=True).close()
    bench = SimpleNamespace(store=None, project_place=str(place), settings=Settings())
    made = ParamsDialog(bench, PREDICT, {"input": "1.2.3"})
    qtbot.addWidget(made)
    made.show()
    return made


def qt_settled():
    for _ in range(5):
        QApplication.processEvents()


def child(dialog, kind, name):
    return dialog.findChild(kind, f"param_{name}")


def test_the_dialog_offers_what_the_command_line_does(dialog, tmp_path):
    child(dialog, QSpinBox, "tiles").setValue(256)
    axes = child(dialog, QComboBox, "axes")
    axes.setCurrentIndex(axes.findData("all"))
    flips = child(dialog, QComboBox, "flips")
    flips.setCurrentIndex(flips.findData("left-right"))
    child(dialog, QSpinBox, "dropout_passes").setValue(5)
    child(dialog, QLineEdit, "largest_component").setText("Liver")
    child(dialog, QLineEdit, "fill_holes").setText("all")
    kept = str(tmp_path / "p.nii.gz")
    child(dialog, PathField, "probability").line.setText(kept)
    dialog.ok.click()
    assert dialog.params == PredictParams(
        "1.2.3",
        tiles=256,
        axes="all",
        flips="left-right",
        dropout_passes=5,
        largest_component="Liver",
        fill_holes="all",
        probability=kept,
    )


@pytest.mark.parametrize("name", ["largest_component", "fill_holes"])
def test_a_field_for_classes_says_what_goes_in(dialog, name):
    field = child(dialog, QLineEdit, name)
    assert field.placeholderText() == "None; names with commas between, or all"
    assert not field.text()


def test_an_impossible_wish_stays_with_a_sentence(dialog):
    child(dialog, QSpinBox, "dropout_passes").setValue(1)
    dialog.ok.click()
    assert dialog.params is None
    assert "at least 2" in dialog.error.text()


@pytest.mark.parametrize(
    ("field", "wrong", "said"),
    [
        ("largest_component", "Livre", "These weights know no class 'Livre'"),
        ("fill_holes", "liver, 9", "These weights know no class '9'"),
    ],
)
def test_a_class_that_the_weights_do_not_know_is_said_before_they_work(
    dialog, field, wrong, said
):
    child(dialog, QLineEdit, field).setText(wrong)
    dialog.ok.click()
    assert said in dialog.error.text()
    assert "Liver (" in dialog.error.text(), "the classes that there are"
    assert dialog.params is None
    assert dialog.isVisible()
    child(dialog, QLineEdit, field).setText("liver")
    dialog.ok.click()
    assert getattr(dialog.params, field) == "liver"


def test_a_file_that_may_be_written_is_asked_for_last(dialog):
    field = child(dialog, PathField, "probability")
    assert field.line.placeholderText() == "None"
    assert list(dialog._read)[-1] == "probability"
    assert dialog.focusWidget() is not field.line


def test_probabilities_go_into_a_file_that_can_hold_them(dialog, tmp_path, monkeypatch):
    field = child(dialog, PathField, "probability")
    offered = []

    def choose(_parent, _title, _start, filters):
        offered.append(filters)
        return str(tmp_path / "p"), filters.split(";;")[0]

    monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getSaveFileName", choose)
    field._take(field._save())
    assert offered[0].startswith("NIfTI (*.nii.gz *.nii);;All")
    assert field.text() == str(tmp_path / "p.nii.gz")
    field.line.setText(str(tmp_path / "p.nrrd"))
    dialog.ok.click()
    assert "must end in .nii.gz or .nii" in dialog.error.text()
    assert dialog.params is None


def test_what_is_wrong_is_said_beside_the_fields_and_not_over_them(qtbot, window):
    given = {"input": window.bench.session.series_uid}
    dialog = ParamsDialog(window.bench, PREDICT, given, window.main)  # in its theme
    qtbot.addWidget(dialog)
    dialog.show()
    (area,) = dialog.findChildren(QScrollArea)
    qt_settled()
    seen = area.viewport().height()
    for _ in range(2):  # the second time nothing is to be added
        child(dialog, QLineEdit, "fill_holes").setText("livre")
        dialog.ok.click()
        qt_settled()
        assert dialog.error.isVisible()
        assert area.viewport().height() >= seen
    assert dialog.height() < seen + 300


def test_the_menu_asks_and_runs_what_was_said(window, monkeypatch):
    bench = window.bench
    launched = []
    answers = [None, PredictParams(bench.session.series_uid, flips="all")]
    asked = []

    def ask(command, given):
        asked.append((command.verb, given))
        return answers.pop(0)

    monkeypatch.setattr(bench, "ask", ask)
    monkeypatch.setattr(bench, "launch", lambda *given: launched.append(given))
    title = "Predict with options…"
    menu = window.menus.menu("medlab/model")
    (entry,) = [a for a in menu.actions() if a.text().replace("&", "") == title]
    wanted = answers[1]
    entry.trigger()
    assert launched == [], "the dialog was closed"
    entry.trigger()
    assert launched == [("predict", wanted)]
    assert asked == [("predict", {"input": bench.session.series_uid})] * 2


def test_notes_of_a_prediction_are_shown(window, monkeypatch):
    told = []
    monkeypatch.setattr(window.bench, "warn", told.append)
    monkeypatch.setattr(launching, "refresh_prediction", lambda *_, show: None)
    launching.follow_up(window.bench, "predict", {"notes": ["Slower today."]})
    assert told == ["Slower today."]


def test_where_the_probabilities_are_is_said(window, monkeypatch):
    told = []
    monkeypatch.setattr(window.bench, "inform", told.append)
    monkeypatch.setattr(launching, "refresh_prediction", lambda *_, show: None)
    result = {"notes": [], "probability": "/scans/p.nii.gz", "prediction": "1"}
    launching.follow_up(window.bench, "predict", result)
    assert told == ["The probabilities are in /scans/p.nii.gz."]


def test_where_the_probabilities_are_is_said_beside_warnings(window, monkeypatch):
    """The first warning took its place: nobody saw it who let mirrored slices vote."""
    monkeypatch.setattr(launching, "refresh_prediction", lambda *_, show: None)
    notes = ["Coronal slices voted too.", "Mirrored slices voted too."]
    result = {"notes": notes, "probability": "/scans/p.nii.gz", "prediction": "1"}
    launching.follow_up(window.bench, "predict", result)
    (bar,) = (b for b in window.main.findChildren(NoticeBar) if b.notices)
    said = [notice.text for notice in bar.notices]
    assert said == [*notes, "The probabilities are in /scans/p.nii.gz."]
