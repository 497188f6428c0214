from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QWidget,
)

from medlab_gui.commands import COMMANDS
from medlab_gui.commands.command import Command, param
from medlab_gui.commands.export import EXPORT
from medlab_gui.commands.preprocess import PREPROCESS, PreprocessParams
from medlab_gui.core.errors import InputError
from medlab_gui.core.presets import parse_pipeline, save_preset
from medlab_gui.core.remedies import AppliedRemedy
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.gui.dialogs.form import ParamsDialog, PathField

pytestmark = pytest.mark.gui


@dataclass(frozen=True)
class Params:
    """Of everything one."""

    path: str = param("Where.", kind="save_file")
    what: str = param(
        "Which.", "b", choices=("a", "b", "c"), words=("First", "Second", "Third")
    )
    number: int = param("How many.", 4, minimum=1, maximum=9)
    rate: float = param("How fast.", 3e-4, minimum=1e-7, maximum=1.0)
    really: bool = param("Or not.", True)
    hidden: str = param("Not asked.", "x", in_dialog=False)

    def __post_init__(self) -> None:
        if self.number == 7:
            msg = "Seven is taken. Choose another number."
            raise InputError(msg)


COMMAND = Command(
    verb="try", title="Try…", help="Tries.", params=Params, run=lambda p, c: None
)
BENCH = SimpleNamespace(store=None, session=None, pipeline=LIVER_PIPELINE)
BRAIN = PipelineSpec((Step("window", {"level": 40.0, "width": 80.0}),))


@pytest.fixture
def dialog(qtbot):
    made = ParamsDialog(BENCH, COMMAND, {})
    qtbot.addWidget(made)
    made.show()
    return made


def child(dialog, kind, name):
    return dialog.findChild(kind, f"param_{name}")


def test_each_field_gets_its_widget_and_default(dialog):
    what = child(dialog, QComboBox, "what")
    assert (what.currentText(), what.currentData()) == ("Second", "b")
    number = child(dialog, QSpinBox, "number")
    assert (number.value(), number.minimum(), number.maximum()) == (4, 1, 9)
    assert child(dialog, QDoubleSpinBox, "rate").value() == pytest.approx(3e-4)
    assert child(dialog, QCheckBox, "really").isChecked()
    assert child(dialog, QSpinBox, "hidden") is None


def test_what_must_be_given_is_waited_for(dialog):
    assert not dialog.ok.isEnabled()
    child(dialog, PathField, "path").line.setText("/a/b.nii.gz")
    assert dialog.ok.isEnabled()
    dialog.ok.click()
    assert dialog.params == Params("/a/b.nii.gz")


def test_one_can_type_at_once(dialog):
    assert dialog.focusWidget() is child(dialog, PathField, "path").line


def test_wrong_values_stay_with_a_sentence(dialog):
    child(dialog, PathField, "path").line.setText("x")
    child(dialog, QSpinBox, "number").setValue(7)
    dialog.ok.click()
    assert dialog.params is None
    assert dialog.isVisible()
    assert dialog.error.text() == "Seven is taken. Choose another number."


def test_what_is_known_is_not_asked(qtbot):
    dialog = ParamsDialog(BENCH, COMMAND, {"path": "p", "number": 3})
    qtbot.addWidget(dialog)
    assert child(dialog, PathField, "path") is None
    dialog.ok.click()
    assert dialog.params == Params("p", number=3)


@pytest.mark.parametrize("answer", ["No", "Yes"])
def test_a_file_is_written_over_only_if_one_says_so(
    dialog, tmp_path, monkeypatch, answer
):
    """Who types the name of the scan instead of the mask's would lose the scan."""
    asked = []

    def question(_parent, _title, text, *_buttons):
        asked.append(text)
        return getattr(QMessageBox.StandardButton, answer)

    monkeypatch.setattr(QMessageBox, "question", question)
    there = tmp_path / "scan.nii.gz"
    there.write_bytes(b"precious")
    child(dialog, PathField, "path").line.setText(str(there))
    dialog.ok.click()
    assert asked == [f"{there} is there already. Replace it?"]
    assert dialog.isVisible() == (answer == "No")
    assert (dialog.params is None) == (answer == "No")


def test_a_chosen_name_gets_the_ending_of_its_format(dialog, tmp_path, monkeypatch):
    there = tmp_path / "scan.nrrd"
    there.write_bytes(b"old")
    monkeypatch.setattr(QMessageBox, "question", None)
    field = child(dialog, PathField, "path")
    for chosen, ending, text in (
        (tmp_path / "mask", "NIfTI (*.nii.gz *.nii)", tmp_path / "mask.nii.gz"),
        (tmp_path / "mask.mha", "NIfTI (*.nii.gz *.nii)", tmp_path / "mask.mha"),
        (there, "NRRD (*.nrrd)", there),
    ):
        monkeypatch.setattr(
            QFileDialog, "getSaveFileName", lambda *_a, c=chosen, e=ending: (str(c), e)
        )
        field.findChild(QPushButton).click()
        assert field.text() == str(text)
    dialog.ok.click()
    assert dialog.params == Params(str(there)), "the file dialog had asked already"


def test_images_may_go_into_a_folder(recipe_bench, qtbot, tmp_path, monkeypatch):
    dialog = ParamsDialog(recipe_bench, PREPROCESS, {"input": "1.2.0.1"})
    qtbot.addWidget(dialog)
    field = child(dialog, PathField, "output")
    folder = next(b for b in field.findChildren(QPushButton) if b.text() == "Folder…")
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *_args: str(tmp_path)
    )
    folder.click()
    dialog.ok.click()
    assert dialog.params.output == str(tmp_path)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.verb)
def test_every_command_has_a_dialog(command, qtbot):
    dialog = ParamsDialog(BENCH, command, {})
    qtbot.addWidget(dialog)
    assert dialog.ok.text()


def test_images_are_exported_as_the_dock_shows_them(recipe_bench, qtbot):
    recipe_bench.pipeline = BRAIN
    save_preset("Whole range", PipelineSpec((Step("window", {"width": 2000.0}),)))
    dialog = ParamsDialog(recipe_bench, PREPROCESS, {"input": "1.2.0.1"})
    qtbot.addWidget(dialog)
    recipe = child(dialog, QWidget, "pipeline")
    assert recipe.box.currentText() == "As it stands under Preprocessing"
    assert recipe.steps.text() == "Linear window (level 40, width 80)"
    child(dialog, PathField, "output").line.setText("out.nrrd")
    dialog.ok.click()
    given = {"input": "1.2.0.1", "output": "out.nrrd"}
    assert dialog.params == PreprocessParams(**given, pipeline=dialog.params.pipeline)
    assert parse_pipeline(dialog.params.pipeline) == BRAIN
    recipe.box.setCurrentText("Whole range")
    assert recipe.steps.text() == "Linear window (level 40, width 2000)"
    dialog.ok.click()
    assert parse_pipeline(dialog.params.pipeline).steps[0].params == {"width": 2000.0}


@pytest.mark.parametrize("resampled", [False, True])
def test_the_grid_is_asked_for_only_where_there_are_two(recipe_bench, qtbot, resampled):
    session = recipe_bench.session
    if resampled:
        made = AppliedRemedy("even-grid", "Resampled.", {"source": {}})
        session.series = dataclasses.replace(session.series, remedies=(made,))
    dialog = ParamsDialog(recipe_bench, EXPORT, {"series": session.series_uid})
    qtbot.addWidget(dialog)
    assert (child(dialog, QComboBox, "grid") is not None) == resampled
    child(dialog, PathField, "output").line.setText("out.nii")
    dialog.ok.click()
    assert dialog.params.grid == "resampled"


def test_the_grid_is_asked_for_where_nothing_is_known_of_the_series(
    recipe_bench, qtbot
):
    dialog = ParamsDialog(recipe_bench, EXPORT, {})
    qtbot.addWidget(dialog)
    assert child(dialog, QComboBox, "grid") is not None


def test_weights_may_come_from_a_file(recipe_bench, qtbot, tmp_path, monkeypatch):
    """What another project exported: the queue says that this menu takes it."""
    adopt = next(c for c in COMMANDS if c.verb == "adopt")
    dialog = ParamsDialog(recipe_bench, adopt, {})
    qtbot.addWidget(dialog)
    box = child(dialog, QComboBox, "checkpoint")
    first = box.currentText()
    answers = ["", str(tmp_path / "theirs.safetensors")]
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_args: (answers.pop(0), "")
    )
    for shown in (first, "theirs.safetensors"):  # closed without an answer, and named
        row = box.findText("From a file…")
        box.setCurrentIndex(row)
        box.activated.emit(row)
        assert box.currentText() == shown
    dialog.accept()
    assert dialog.params.checkpoint == str(tmp_path / "theirs.safetensors")
