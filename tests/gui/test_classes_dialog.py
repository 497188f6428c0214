from __future__ import annotations

import pytest
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QDialogButtonBox

from medlab_gui.gui.dialogs.classes import ClassesDialog
from medlab_gui.gui.drawing import next_class
from tests.gui.conftest import wait_for
from tests.gui.docks_phantom import SCHEME


def ok(dialog) -> None:
    dialog.findChild(QDialogButtonBox).button(
        QDialogButtonBox.StandardButton.Ok
    ).click()


def test_the_dialog_gives_what_the_verb_reads(qtbot):
    dialog = ClassesDialog(SCHEME)
    qtbot.addWidget(dialog)
    dialog.add.click()
    dialog.table.item(2, 0).setText("Tumour")
    dialog.set_color(2, QColor("#d55e00"))
    ok(dialog)
    assert dialog.params.classes == "Liver,#e69f00; Spleen,#56b4e9; Tumour,#d55e00"


@pytest.mark.parametrize(("name", "word"), [("", "no name"), ("LIVER", "same name")])
def test_a_wrong_name_keeps_it_open(qtbot, name, word):
    dialog = ClassesDialog(SCHEME)
    qtbot.addWidget(dialog)
    dialog.table.item(1, 0).setText(name)
    ok(dialog)
    assert word in dialog.problem.text()
    assert dialog.params is None


def test_no_class_at_all_keeps_it_open(qtbot):
    dialog = ClassesDialog(SCHEME)
    qtbot.addWidget(dialog)
    for _n in range(2):
        dialog.table.setCurrentCell(0, 0)
        dialog.delete.click()
    ok(dialog)
    assert "none is given" in dialog.problem.text()


@pytest.mark.gui
def test_new_classes_are_there_at_once(window, monkeypatch):
    def answer(dialog) -> None:
        dialog.add.click()
        dialog.table.item(2, 0).setText("Tumour")
        ok(dialog)

    monkeypatch.setattr(ClassesDialog, "exec", answer)
    k = window.bench.session.k
    window.menus.app.commands.execute_command("medlab.classes").result()
    wait_for(
        lambda: (
            window.stage.is_ready
            and len(window.bench.session.scheme.classes) == 3
            and not window.bench.jobs.active
        )
    )
    labels = window.docks["labels"].widget().widget()
    assert labels.classes.count() == 3
    assert window.bench.session.k == k
    for _n in range(3):
        next_class(window.bench)
    assert window.bench.view.value == 1
