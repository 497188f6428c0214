"""Several trainings in the runs dock: curves together, changes, export, delete."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from qtpy.QtCore import QItemSelectionModel, QPoint
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget

from medlab_gui.core.records import RunState
from medlab_gui.core.run_titles import run_titles
from medlab_gui.gui.chosen_runs import changes_in_words, new_folder
from medlab_gui.gui.curves import TrainingCurves
from medlab_gui.gui.curves_together import CurvesTogether, merit_line
from medlab_gui.gui.dialogs.aside import show_beside
from medlab_gui.gui.dialogs.evaluation import EvaluationDialog
from medlab_gui.gui.docks.runs import RunsDock
from tests.gui.runs_phantom import add_run, folder, project

__all__ = ["folder", "project"]

HISTORY = [
    {"epoch": 1, "phase": "all", "loss": 0.9, "dice": {"Liver": 0.5, "Spleen": 0.3}},
    {"epoch": 2, "phase": "all", "loss": 0.6, "dice": {"Liver": 0.7, "Spleen": None}},
]


@pytest.fixture
def dock(qtbot, bench, project):
    for batch, checkpoint in ((4, project[1]), (8, project[2])):
        run = add_run(
            bench.store,
            spec={"batch": batch, "loss": "dice"},
            checkpoint=checkpoint,
            parent_checkpoint=project[1],
        )
        path = bench.store.run_folder(run.id) / "history.json"
        path.write_text(json.dumps(HISTORY), encoding="utf-8")
    dock = RunsDock(bench)
    qtbot.addWidget(dock)
    dock.resize(320, 900)
    dock.show()
    qtbot.waitExposed(dock)
    return dock


def select(dock, *rows):
    dock.table.clearSelection()
    flags = QItemSelectionModel.SelectionFlag
    for row in rows:
        dock.table.selectionModel().select(
            dock.model.index(row, 0), flags.Select | flags.Rows
        )


def test_mean_dice_is_of_the_classes_that_were_judged():
    assert merit_line(TrainingCurves.from_history(HISTORY)) == [
        (1.0, pytest.approx(0.4)),
        (2.0, pytest.approx(0.7)),
    ]


def test_two_runs_are_drawn_together_and_told_apart(dock):
    select(dock, 0)
    assert dock.together.isHidden()
    assert dock.curves.isVisible()
    assert dock.chosen.changes.isHidden()
    select(dock, 0, 1)
    assert dock.together.isVisible()
    assert dock.curves.isHidden()
    assert dock.together.accessibleDescription().count("mean Dice 0.700") == 2
    assert "batch: 4 → 8" in dock.chosen.changes.text()
    assert "loss" not in dock.chosen.changes.text()
    assert not dock.chosen.adopt.isEnabled()
    assert dock.chosen.report.isEnabled()
    # It is drawn: two lines in two colours.
    picture = dock.together.grab().toImage()
    seen = {
        picture.pixelColor(x, y).name()
        for x in range(0, picture.width(), 2)
        for y in range(0, picture.height(), 2)
    }
    assert len(seen) > 5
    dock.refresh()
    assert len(dock._all_selected()) == 2


def test_nothing_to_draw_is_drawn_too(qtbot):
    view = CurvesTogether()
    qtbot.addWidget(view)
    view.set_runs({"empty": TrainingCurves()})
    view.grab()
    assert "not judged" in view.accessibleDescription()


def test_weights_of_a_run_are_used_and_given_back(dock, bench, project, qtbot):
    select(dock, 0)
    assert not dock.chosen.adopt.isEnabled()  # these are in use
    select(dock, 1)
    launched = []
    bench.launch = lambda verb, given, **_more: launched.append((verb, given))
    dock.chosen.adopt.click()
    assert launched == [("adopt", {"checkpoint": project[1]})]


def test_refused_weights_are_used_only_when_somebody_insists(
    dock, bench, project, monkeypatch
):
    comparison = {"old": {"mean_dice": 0.883}, "new": {"mean_dice": 0.877}}
    add_run(bench.store, checkpoint=project[1], comparison=comparison)
    dock.refresh()
    select(dock, 0)
    launched, asked = [], []
    bench.launch = lambda verb, given, **_more: launched.append((verb, given))
    answer = QMessageBox.StandardButton.No
    monkeypatch.setattr(
        QMessageBox, "question", lambda *given: asked.append(given) or answer
    )
    dock.chosen.adopt.click()
    assert launched == []
    assert "worse on the locked validation set (mean Dice 0.883 → 0.877)" in asked[0][2]
    assert asked[0][-1] is QMessageBox.StandardButton.No, "Return uses nothing"
    answer = QMessageBox.StandardButton.Yes
    dock.chosen.adopt.click()
    assert launched == [("adopt", {"checkpoint": project[1]})]


def test_export_delete_and_report_are_commands(dock, bench, monkeypatch, tmp_path):
    launched = []
    bench.launch = lambda verb, given, **_more: launched.append((verb, given))
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *_a, **_k: str(empty)
    )
    ids = [dock.model.run(row).id for row in (0, 1)]
    select(dock, 0)
    dock.chosen.export.click()
    assert launched.pop() == ("export-run", {"run": ids[0], "output": str(empty)})
    (empty / "mine.txt").touch()
    select(dock, 0, 1)
    dock.chosen.report.click()
    verb, given = launched.pop()
    assert verb == "evaluate"
    assert given["output"] == str(empty / "medlab-report")
    places = given["compare"].splitlines()
    assert [p.rpartition("=")[2] for p in places] == ids[::-1]
    assert len({p.partition("=")[0] for p in places}) == 2
    asked = []
    monkeypatch.setattr(
        QMessageBox,
        "question",
        lambda *a: asked.append(a) or QMessageBox.StandardButton.No,
    )
    dock.chosen.delete.click()
    assert launched == []
    assert asked[0][-1] is QMessageBox.StandardButton.No, "Return deletes nothing"
    assert all(
        title in asked[0][2] for title in dock.model.titles(dock._all_selected())
    )
    monkeypatch.setattr(
        QMessageBox, "question", lambda *_a: QMessageBox.StandardButton.Yes
    )
    dock.chosen.delete.click()
    assert launched == [("delete-run", {"run": i}) for i in reversed(ids)]


def test_where_a_training_was_written_is_told(dock, bench, monkeypatch, tmp_path):
    said, place = [], tmp_path / "out"
    place.mkdir()
    bench.noticed.connect(said.append)
    bench.launch = lambda verb, given, on_done: on_done(given)
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *_a, **_k: str(place)
    )
    select(dock, 0)
    dock.chosen.export.click()
    assert str(place) in said[0].text
    assert said[0].actions[0].text == "Open the folder"


def test_a_run_under_way_cannot_be_deleted(dock, bench):
    add_run(bench.store, state=RunState.RUNNING)
    dock.refresh()
    select(dock, 0)
    assert not dock.chosen.delete.isEnabled()
    assert not dock.chosen.export.isEnabled()


def test_the_weights_of_a_fold_are_chosen_from_a_menu(dock, bench, project):
    folds = [
        {"fold": n, "checkpoint": weights, "mean_dice": dice}
        for n, weights, dice in ((1, project[1], 0.8), (2, project[2], 0.9))
    ]
    comparison = {"n_folds": 2, "folds": folds, "mean_dice": 0.85, "sd_dice": 0.07}
    run = add_run(bench.store, kind="cross-validation", comparison=comparison)
    for n in (1, 2):
        folder = bench.store.run_folder(run.id) / f"fold-{n}"
        folder.mkdir()
        (folder / "history.json").write_text(json.dumps(HISTORY), encoding="utf-8")
    dock.refresh()
    select(dock, 0)
    row = [dock.model.index(0, c).data() for c in range(dock.model.columnCount())]
    assert row[1] == "0.850\n± 0.070"
    assert "what the folds left out 0.850 ± 0.070" in dock.model.in_words(run)
    assert not dock.compare.isEnabled(), "there are no old and new weights"
    assert dock.together.isVisible()
    assert "Fold 2" in dock.together.accessibleDescription()
    launched = []
    bench.launch = lambda verb, given, **_more: launched.append((verb, given))
    assert dock.chosen.adopt.isEnabled()
    dock.chosen.adopt.click()
    assert dock.chosen.folds.isVisible()
    first, second = dock.chosen.folds.actions()
    assert (first.text(), second.text()) == ("Fold 1: Dice 0.800", "Fold 2: Dice 0.900")
    in_use = dock.model.current
    assert [a.isEnabled() for a in (first, second)] == [
        weights != in_use for weights in project[1:3]
    ]
    chosen = first if first.isEnabled() else second
    chosen.trigger()
    dock.chosen.folds.close()
    assert launched == [
        ("adopt", {"checkpoint": project[1] if chosen is first else project[2]})
    ]


def test_folds_without_weights_can_be_compared_but_not_used(dock, bench):
    add_run(bench.store, kind="cross-validation", comparison={"n_folds": 2})
    dock.refresh()
    select(dock, 0)
    assert dock.chosen.report.isEnabled()
    assert not dock.chosen.adopt.isEnabled()
    dock._compare()  # says what there is, and does not fail


def test_changes_of_runs_that_are_alike(bench):
    one = add_run(bench.store, spec={"batch": 4})
    other = add_run(bench.store, spec={"batch": 4})
    assert "Nothing changed" in changes_in_words(one, other, ("a", "b"))
    many = add_run(bench.store, spec={f"k{n:02}": n for n in range(20)})
    words = changes_in_words(one, many, ("a", "b"))
    assert "and 9 more" in words
    assert words.startswith("Changed from a to b:")


def test_trainings_are_called_by_what_tells_them_apart(bench):
    unet, segnet = ({"network": {"name": name}} for name in ("unet", "segnet"))
    runs = [
        add_run(bench.store, spec=unet, seed=0),
        add_run(bench.store, spec=unet, seed=1),
        add_run(bench.store, spec=segnet),
        add_run(bench.store, spec=unet, seed=1),
        replace(add_run(bench.store), parent_checkpoint="x"),
    ]
    titles = run_titles(runs, {"x": "starter"})
    assert titles[0] == "unet, seed 0"
    assert titles[2] == "segnet"
    assert titles[4] == "from starter"
    assert titles[1].startswith("unet, seed 1")
    assert len({*titles}) == 5, "also where only their ids differ"
    assert run_titles(runs[:3], {}) == ["unet, seed 0", "unet, seed 1", "segnet"]
    assert run_titles(runs[4:], {}) == ["from unknown weights"]


def test_nothing_moves_under_the_mouse_while_more_is_selected(dock):
    def places():
        return [dock.table.geometry(), dock.chosen.report.mapTo(dock, QPoint())]

    select(dock, 0)
    one = places()
    select(dock, 0, 1)
    assert dock.chosen.changes.isVisible()
    QApplication.processEvents()
    assert places() == one


def test_what_is_written_gets_a_folder_of_its_own(tmp_path):
    assert new_folder(tmp_path, "report") == tmp_path, "it is empty"
    (tmp_path / "thesis.tex").touch()
    first = new_folder(tmp_path, "report")
    assert first == tmp_path / "report"
    first.mkdir()
    assert new_folder(tmp_path, "report") == tmp_path / "report-2"
    assert new_folder(tmp_path / "thesis.tex", "report") == tmp_path / "thesis.tex"


def test_a_dialog_steps_aside_for_the_slice_that_it_opens(bench, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.setGeometry(10, 20, 1200, 800)
    window.show()
    qtbot.waitExposed(window)
    worst = {"case": "p", "path": "", "series_uid": "1.2", "slice_index": 7, "dsc": 0.4}
    result = {"tables": ["a table"], "notes": [], "output": "", "worst": [worst]}
    dialog = EvaluationDialog(bench, result, window)
    bench.open_series = lambda *_a: None
    show_beside(dialog)
    qtbot.waitExposed(dialog)
    assert not dialog.isModal(), "one goes on working in the window"
    middle = window.mapToGlobal(window.rect().center())
    dialog.move(middle - dialog.rect().center())
    assert dialog.frameGeometry().contains(middle)
    dialog.worst.clicked.emit(dialog.worst.model().index(0, 0))
    assert not dialog.frameGeometry().contains(middle)
    assert dialog.width() <= 400
    dialog.move(window.mapToGlobal(QPoint(30, 300)))  # where a person wants it
    there = dialog.pos()
    dialog.worst.clicked.emit(dialog.worst.model().index(0, 0))
    assert dialog.pos() == there
    dialog.close()


def test_a_click_opens_a_worst_case(bench, qtbot):
    worst = [
        {"case": "p1", "path": "", "series_uid": "1.2", "slice_index": 7, "dsc": 0.4},
        {"case": "p2", "path": "/s/p2", "series_uid": "", "slice_index": 0, "dsc": 0.9},
    ]
    result = {
        "tables": ["a table"],
        "notes": [],
        "output": "/somewhere",
        "worst": worst,
    }
    dialog = EvaluationDialog(bench, result, None)
    qtbot.addWidget(dialog)
    dialog.show()
    assert "a table" in dialog.figures.toPlainText()
    assert dialog.worst.item(0, 1).text() == "40.0 %"
    opened = []
    bench.open_series = lambda *a: opened.append(a)
    bench.incoming.open = lambda paths: opened.append(paths)
    dialog.worst.clicked.emit(dialog.worst.model().index(0, 0))
    dialog.worst.clicked.emit(dialog.worst.model().index(1, 0))
    assert opened[0] == ("1.2", 7)
    assert [str(p) for p in opened[1]] == ["/s/p2"]


def test_the_worst_cases_of_classifiers_open_too(bench, qtbot):
    places = [{"path": "", "series_uid": "1.2", "slice_index": 7},
              {"path": "", "series_uid": "", "slice_index": 0}]  # fmt: skip
    worst = [
        {"case": f"p{n}", "probability": 0.125 + n / 2, **place}
        for n, place in enumerate(places)
    ]
    result = {"tables": ["a table"], "notes": [], "output": "/x", "worst": worst}
    dialog = EvaluationDialog(bench, result, None)
    qtbot.addWidget(dialog)
    dialog.show()
    head = dialog.worst.horizontalHeaderItem(1).text()
    assert head == "Probability of the truth"
    assert dialog.worst.item(0, 1).text() == "12.5 %"
    opened = []
    bench.open_series = lambda *a: opened.append(a)
    bench.incoming.open = opened.append
    for row in (0, 1):
        dialog.worst.clicked.emit(dialog.worst.model().index(row, 0))
    assert opened == [("1.2", 7)], "a line of a file of scores is nowhere to be seen"
