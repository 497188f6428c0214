"""Several trainings in the runs dock: curves together, changes, export, delete."""

from __future__ import annotations

import json

import pytest
from qtpy.QtCore import QItemSelectionModel
from qtpy.QtWidgets import QFileDialog, QMessageBox

from medlab_gui.core.records import RunState
from medlab_gui.gui.chosen_runs import changes_in_words
from medlab_gui.gui.curves import TrainingCurves
from medlab_gui.gui.curves_together import CurvesTogether, mean_dice_line
from medlab_gui.gui.dialogs.evaluation import EvaluationDialog
from medlab_gui.gui.docks.runs import RunsDock
from medlab_gui.gui.workbench import Workbench
from tests.gui.docks_phantom import add_weights, make_project
from tests.gui.test_runs_dock import add_run

HISTORY = [
    {"epoch": 1, "phase": "all", "loss": 0.9, "dice": {"Liver": 0.5, "Spleen": 0.3}},
    {"epoch": 2, "phase": "all", "loss": 0.6, "dice": {"Liver": 0.7, "Spleen": None}},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chosen") / "project"
    make_project(folder, n_series=1)
    return folder, add_weights(folder, "first"), add_weights(folder, "second")


@pytest.fixture
def bench(made, tmp_path, qtbot):
    import shutil

    folder = tmp_path / "project"
    shutil.copytree(made[0], folder)
    bench = Workbench(str(folder))
    bench.open_project()
    qtbot.waitUntil(lambda: bench.store is not None)
    yield bench
    bench.close()


@pytest.fixture
def dock(qtbot, bench, made):
    for batch, checkpoint in ((4, made[1]), (8, made[2])):
        run = add_run(
            bench.store,
            spec={"batch": batch, "loss": "dice"},
            checkpoint=checkpoint,
            parent_checkpoint=made[1],
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
    assert mean_dice_line(TrainingCurves.from_history(HISTORY)) == [
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


def test_weights_of_a_run_are_used_and_given_back(dock, bench, made, qtbot):
    select(dock, 0)
    assert not dock.chosen.adopt.isEnabled()  # these are in use
    select(dock, 1)
    launched = []
    bench.launch = lambda verb, given, **_more: launched.append((verb, given))
    dock.chosen.adopt.click()
    assert launched == [("adopt", {"checkpoint": made[1]})]


def test_export_delete_and_report_are_commands(dock, bench, monkeypatch, tmp_path):
    launched = []
    bench.launch = lambda verb, given, **_more: launched.append((verb, given))
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *_a, **_k: str(tmp_path)
    )
    ids = [dock.model.run(row).id for row in (0, 1)]
    select(dock, 0)
    dock.chosen.export.click()
    assert launched.pop() == ("export-run", {"run": ids[0], "output": str(tmp_path)})
    select(dock, 0, 1)
    dock.chosen.report.click()
    verb, given = launched.pop()
    assert verb == "evaluate"
    places = given["compare"].splitlines()
    assert [p.rpartition("=")[2] for p in places] == ids[::-1]
    assert len({p.partition("=")[0] for p in places}) == 2
    monkeypatch.setattr(
        QMessageBox, "question", lambda *_a: QMessageBox.StandardButton.No
    )
    dock.chosen.delete.click()
    assert launched == []
    monkeypatch.setattr(
        QMessageBox, "question", lambda *_a: QMessageBox.StandardButton.Yes
    )
    dock.chosen.delete.click()
    assert launched == [("delete-run", {"run": i}) for i in reversed(ids)]


def test_a_run_under_way_cannot_be_deleted(dock, bench):
    add_run(bench.store, state=RunState.RUNNING)
    dock.refresh()
    select(dock, 0)
    assert not dock.chosen.delete.isEnabled()
    assert not dock.chosen.export.isEnabled()


def test_the_weights_of_a_fold_are_chosen_from_a_menu(dock, bench, made):
    folds = [
        {"fold": n, "checkpoint": weights, "mean_dice": dice}
        for n, weights, dice in ((1, made[1], 0.8), (2, made[2], 0.9))
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
        weights != in_use for weights in made[1:3]
    ]
    chosen = first if first.isEnabled() else second
    chosen.trigger()
    dock.chosen.folds.close()
    assert launched == [
        ("adopt", {"checkpoint": made[1] if chosen is first else made[2]})
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
    assert "Nothing changed" in changes_in_words(one, other)
    many = add_run(bench.store, spec={f"k{n:02}": n for n in range(20)})
    assert "and 9 more" in changes_in_words(one, many)


def test_a_click_opens_a_worst_case(bench, qtbot):
    worst = [
        {"case": "p1", "path": "", "series_uid": "1.2", "slice_index": 7, "dsc": 0.4},
        {"case": "p2", "path": "/s/p2", "series_uid": "", "slice_index": 0, "dsc": 0.9},
    ]
    result = {"tables": ["a table"], "output": "/somewhere", "worst": worst}
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
