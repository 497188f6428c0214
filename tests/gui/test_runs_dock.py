"""The runs dock, on a phantom project."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import Any

import pytest
from qtpy.QtCore import Qt

from medlab_gui.commands.train_runs import alive
from medlab_gui.core.errors import ConflictError
from medlab_gui.core.jobs import JobContext, JobState
from medlab_gui.core.records import RunState
from medlab_gui.core.specs import LIVER_PIPELINE
from medlab_gui.gui.dialogs.compare_weights import CompareWeightsDialog
from medlab_gui.gui.docks.runs import RunsDock
from medlab_gui.gui.launching import rank_again
from medlab_gui.gui.runs_model import RunColumn
from medlab_gui.gui.workbench import Workbench
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import wait_for
from tests.gui.runs_phantom import add_run, comparison, folder, project, report

__all__ = ["folder", "project"]


@pytest.fixture
def dock(qtbot, bench):
    dock = RunsDock(bench)
    qtbot.addWidget(dock)
    dock.resize(300, 650)
    dock.show()
    qtbot.waitExposed(dock)
    return dock


def cells(dock, row):
    return [str(dock.model.index(row, c).data()) for c in RunColumn]


def tell(dock):
    """Say that the project changed; wait until the dock shows it."""
    dock._bench.project_changed.emit()
    wait_for(lambda: not dock._seen.is_due)


def test_without_any_run(dock):
    assert dock.empty.isVisible()
    assert dock.table.isHidden()
    assert dock.live.isHidden()
    assert "second" in dock.weights.text()
    assert dock.minimumSizeHint().width() <= 300


def test_runs_say_what_came_of_them(project, bench, dock):
    _folder, first, second = project
    add_run(
        bench.store,
        parent_checkpoint=first,
        checkpoint=second,
        comparison=comparison(0.80, 0.85, adopted=True),
    )
    add_run(
        bench.store,
        parent_checkpoint=second,
        checkpoint=first,
        comparison=comparison(0.85, 0.83, adopted=False),
    )
    add_run(bench.store, parent_checkpoint=second, state=RunState.CANCELLED)
    tell(dock)
    assert cells(dock, 2)[1:] == ["0.800\n→ 0.850", "in use"]
    assert cells(dock, 2)[0].startswith("from first\n")
    assert cells(dock, 1)[1:] == ["0.850\n→ 0.830", "refused"]
    assert cells(dock, 0)[1:] == ["", "cancelled"]
    spec = {"network": {"name": "segnet"}}
    alone = {"new": comparison(0.8, 0.7, adopted=False)["new"]}
    add_run(bench.store, spec=spec, seed=3, comparison=alone)
    tell(dock)
    assert cells(dock, 0)[0].startswith("segnet\n")
    assert cells(dock, 0)[0].endswith("seed 3")
    assert cells(dock, 0)[1:] == ["0.700", "kept aside"]
    bench.store.delete_run(dock.model.run(0).id)
    tell(dock)
    dock.table.selectRow(0)
    assert dock.resume.isEnabled()
    assert not dock.compare.isEnabled()
    dock.table.selectRow(2)
    assert not dock.resume.isEnabled()
    assert dock.compare.isEnabled()


def test_an_interrupted_run_is_told_and_can_be_resumed(qtbot, folder, project):
    with ProjectStore.open(folder) as store:
        made = add_run(store, parent_checkpoint=project[1], state=RunState.RUNNING)
    bench = Workbench(str(folder))
    said = []
    bench.noticed.connect(said.append)
    dock = RunsDock(bench)
    qtbot.addWidget(dock)
    dock.show()
    bench.open_project()
    qtbot.waitUntil(lambda: dock.model.rowCount() == 1)
    assert bench.store.run(made.id).state is RunState.CANCELLED
    assert "interrupted" in said[0].text
    assert dock.resume.isEnabled()
    bench.close()


class Training:
    """Stands in for the child: reports what it is told to."""

    def __init__(self, bench: Workbench) -> None:
        self.go = threading.Event()
        self.reports: list[tuple[float, float, str, dict[str, Any]]] = []
        self.result: dict[str, Any] = {}
        title = bench.command("train").title.rstrip("…")
        self.job = bench.submit(title, self.work, lane="gpu", newest_wins=False)

    def work(self, ctx: JobContext) -> dict[str, Any]:
        while not self.go.wait(0.005):
            ctx.check()
            while self.reports:
                ctx.progress(*self.reports.pop(0))
        return self.result


def test_the_running_one_shows_curves_and_time_left(qtbot, bench, dock):
    training = Training(bench)
    qtbot.waitUntil(dock.live.isVisible)
    assert not dock.finetune.isEnabled()
    made = add_run(bench.store, state=RunState.RUNNING)
    training.reports = [
        (0, 1, "Preparing", {"run": made.id}),
        (1, 12, "Epoch 1 of 3, loss 0.900", report(1, 1, 0.9)),
        (4, 12, "Epoch 1 of 3, loss 0.800", report(1, 4, 0.8)),
        (4, 12, "Epoch 1 of 3", report(1, 4, 0.85, dice={"Liver": 0.5, "Spleen": 0.4})),
        (6, 12, "Epoch 2 of 3, loss 0.500", report(2, 2, 0.5)),
    ]
    qtbot.waitUntil(lambda: len(dock.curves.curves.steps) == 3)
    assert dock.curves.curves.dice == {"Liver": [(1.0, 0.5)], "Spleen": [(1.0, 0.4)]}
    assert dock.live.status.text() == "Epoch 2 of 3, loss 0.500 · 2 min left"
    assert dock.live.bar.value() == 500
    assert "Dice of Liver 0.500" in dock.curves.accessibleDescription()
    training.go.set()
    qtbot.waitUntil(dock.live.isHidden)
    assert training.job.state is JobState.DONE
    # What was watched is still there to be looked at.
    assert len(dock.curves.curves.steps) == 3
    assert dock.curves.isVisible()


def test_a_resumed_one_keeps_the_curves_of_before(qtbot, bench, dock):
    made = add_run(bench.store, state=RunState.RUNNING)
    row = {"epoch": 1, "phase": "head", "loss": 0.9, "dice": {"Liver": 0.3}}
    path = bench.store.run_folder(made.id) / "history.json"
    path.write_text(json.dumps([row]))
    training = Training(bench)
    training.reports = [
        (4, 12, "Going on", {"run": made.id}),
        (5, 12, "Epoch 2 of 3, loss 0.500", report(2, 1, 0.5)),
        (8, 12, "Epoch 2 of 3", report(2, 4, 0.5, dice={"Liver": 0.6})),
    ]
    qtbot.waitUntil(lambda: len(dock.curves.curves.dice.get("Liver", ())) == 2)
    assert dock.curves.curves.dice == {"Liver": [(1.0, 0.3), (2.0, 0.6)]}
    assert dock.curves.curves.losses == [(1.0, 0.9), (2.0, 0.5)]
    training.go.set()
    qtbot.waitUntil(dock.live.isHidden)
    assert dock.curves.curves.losses[0] == (1.0, 0.9), "afterwards too"


def test_cancel(qtbot, bench, dock):
    training = Training(bench)
    qtbot.waitUntil(dock.live.isVisible)
    qtbot.mouseClick(dock.live.cancel, Qt.MouseButton.LeftButton)
    assert not dock.live.cancel.isEnabled()
    assert "Stopping" in dock.live.status.text()
    qtbot.waitUntil(dock.live.isHidden)
    assert training.job.state is JobState.CANCELLED
    assert dock.finetune.isEnabled()


def test_one_that_was_ended_by_force_can_be_resumed(qtbot, bench, dock):
    """Too busy to stop in time, its process wrote no end down."""
    training = Training(bench)
    qtbot.waitUntil(dock.live.isVisible)
    made = add_run(bench.store, state=RunState.RUNNING)
    training.reports = [(0, 1, "Preparing", {"run": made.id})]
    qtbot.waitUntil(lambda: dock.live.status.text() == "Preparing")
    with alive(bench.store.run_folder(made.id)):  # the system is taking it down
        qtbot.mouseClick(dock.live.cancel, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(dock.live.isHidden)
        assert bench.store.run(made.id).state is RunState.CANCELLED
        assert dock.resume.isEnabled()


def test_a_finished_one_is_told_with_its_comparison(qtbot, project, bench, dock):
    said = []
    bench.noticed.connect(said.append)
    training = Training(bench)
    made = add_run(
        bench.store,
        parent_checkpoint=project[1],
        checkpoint=project[2],
        comparison=comparison(0.8, 0.79, adopted=False),
    )
    training.result = {
        "run": made.id,
        "comparison": comparison(0.8, 0.79, adopted=False),
        "adopted": False,
    }
    training.go.set()
    qtbot.waitUntil(lambda: bool(said))
    assert said[0].text == "mean Dice 0.8 -> 0.79"
    said[0].actions[0].run()
    dialog = dock.window().findChild(CompareWeightsDialog)
    qtbot.waitUntil(dialog.isVisible)
    dialog.close()


def test_curves_of_an_earlier_session_are_read(bench, dock):
    made = add_run(bench.store, state=RunState.CANCELLED)
    rows = [{"epoch": 1, "phase": "head", "loss": 0.9, "dice": {"Liver": 0.5}}]
    path = bench.store.run_folder(made.id) / "history.json"
    path.write_text(json.dumps(rows))
    tell(dock)
    assert dock.curves.curves.losses == [(1.0, 0.9)]
    assert dock.curves.isVisible()


def test_what_was_put_to_use_by_hand_was_in_use(project, bench, dock):
    _folder, first, _second = project
    add_run(bench.store, checkpoint=first, comparison={})
    tell(dock)
    assert cells(dock, 0)[2] == "was in use", "the second are now"
    bench.store.adopt(first, "me", "better")
    tell(dock)
    assert cells(dock, 0)[2] == "in use"


def test_other_weights_stop_a_ranking_and_begin_one(qtbot, bench):
    stop, launched = threading.Event(), []

    def rank(ctx: JobContext) -> None:
        while not stop.wait(0.005):
            ctx.check()

    title = bench.command("score").title
    old = bench.submit(title, rank, lane="gpu", newest_wins=False)
    qtbot.waitUntil(lambda: old.state is JobState.RUNNING)
    bench.launch = lambda verb, given, **_more: launched.append((verb, given))
    rank_again(bench)
    qtbot.waitUntil(lambda: old.state is JobState.CANCELLED)
    assert launched == [("score", {})]


def test_back_to_the_previous_weights(qtbot, bench, dock):
    launched = []
    bench.launch = lambda verb, params=None, **_more: launched.append((verb, params))
    assert "first" in dock.back.toolTip()
    qtbot.mouseClick(dock.back, Qt.MouseButton.LeftButton)
    assert launched == [("adopt", {"checkpoint": "previous"})]


def test_a_curve_has_the_colour_of_its_class(qtbot, bench, dock):
    made = add_run(bench.store)
    rows = [
        {"epoch": n, "phase": "all", "loss": 1, "dice": {"Spleen": 0.5}} for n in (1, 2)
    ]
    path = bench.store.run_folder(made.id) / "history.json"
    path.write_text(json.dumps(rows))
    tell(dock)
    spleen = next(c for c in bench.store.scheme().classes if c.name == "Spleen")
    dock.curves.resize(300, 300)
    picture = dock.curves.grab().toImage()
    seen = {
        picture.pixelColor(x, y).getRgb()[:3]
        for x in range(picture.width())
        for y in range(picture.height() // 2, picture.height())
    }
    assert tuple(spleen.color) in seen


def test_long_names_leave_the_dates_to_tell_trainings_apart(
    project, bench, dock, monkeypatch
):
    name = "Abdomen starter + 21 Nov 15:50 + 22 Nov 08:15 + 23 Nov 18:30"
    named = [dataclasses.replace(c, name=name) for c in bench.store.checkpoints()]
    monkeypatch.setattr(bench.store, "checkpoints", lambda: named)
    for day in ("03", "04"):
        begun = f"2024-06-{day}T10:00:00+00:00"
        add_run(bench.store, parent_checkpoint=project[1], started=begun)
    tell(dock)
    dock.table.clearSelection()
    rows = [dock.model.index(row, RunColumn.WHAT) for row in (0, 1)]
    first, second = (
        dock.table.viewport().grab(dock.table.visualRect(row)).toImage() for row in rows
    )
    assert first != second


def test_classifiers_have_f1_and_others_dice(bench, dock):
    before = dock.model.headerData(RunColumn.DICE, Qt.Orientation.Horizontal)
    assert before == "Dice"
    told = comparison(0.8, 0.9, adopted=False)
    add_run(bench.store, spec={"network": {"name": "unet"}})
    run = add_run(bench.store, spec={"network": {"name": "resnet50"}}, comparison=told)
    folder = bench.store.run_folder(run.id)
    history = [{"epoch": 1, "phase": "all", "loss": 0.9, "dice": {"Liver": 0.5}}]
    (folder / "history.json").write_text(json.dumps(history), encoding="utf-8")
    tell(dock)
    head = dock.model.headerData(RunColumn.DICE, Qt.Orientation.Horizontal)
    assert head == "Dice, F1"
    dock.table.selectRow(dock.model.row_of(run.id))
    assert "Mean F1 on the locked slices" in dock.model.in_words(run)
    assert "F1 of Liver 0.500" in dock.curves.accessibleDescription()


def test_classifiers_are_judged_by_balanced_accuracy(bench, dock):
    """F1 put those in use that say the larger class of every slice."""
    told = comparison(0.8, 0.9, adopted=False)
    told["old"]["balanced_accuracy"], told["new"]["balanced_accuracy"] = 0.7, 0.5
    spec = {"network": {"name": "resnet50"}}
    run = add_run(bench.store, spec=spec, comparison=told, checkpoint="c1")
    row = {"epoch": 1, "phase": "all", "loss": 0.9, "dice": {"Liver": 0.8}}
    history = [{**row, "balanced_accuracy": 0.5}]
    for one in (run, add_run(bench.store, spec=spec)):
        folder = bench.store.run_folder(one.id)
        (folder / "history.json").write_text(json.dumps(history), encoding="utf-8")
    tell(dock)
    head = dock.model.headerData(RunColumn.DICE, Qt.Orientation.Horizontal)
    assert "Bal. acc." in head
    where = dock.model.row_of(run.id)
    cell = dock.model.index(where, RunColumn.DICE)
    assert cell.data() == "0.700\n→ 0.500"
    assert dock.model.result_word(run) == "refused"
    words = dock.model.in_words(run)
    assert "Balanced accuracy on the locked slices 0.700 → 0.500" in words
    dock.table.selectAll()
    assert "balanced accuracy 0.500" in dock.together.accessibleDescription()


def test_a_training_elsewhere_is_seen(qtbot, folder, bench, dock):
    """As `medlab train` in a terminal: another connection, its lock, its file."""
    with ProjectStore.open(folder) as other:
        place = other.run_folder("elsewhere")
        with alive(place):
            add_run(other, id="elsewhere", state=RunState.RUNNING)
            qtbot.waitUntil(lambda: dock.model.rowCount() == 1)
            assert cells(dock, 0)[2] == "running"
            assert not dock.resume.isEnabled()
            history = [report(1, 4, 0.5, val_loss=0.4, lr=1e-3)]
            (place / "history.json").write_text(json.dumps(history), encoding="utf-8")
            qtbot.waitUntil(lambda: not dock.curves.isHidden())
            other.update_run("elsewhere", state=RunState.DONE)
            qtbot.waitUntil(lambda: cells(dock, 0)[2] != "running")


def test_a_training_elsewhere_that_was_killed_can_be_resumed(
    qtbot, folder, bench, dock
):
    with ProjectStore.open(folder) as other:
        add_run(other, id="killed", state=RunState.RUNNING)  # nobody holds its lock
    qtbot.waitUntil(lambda: dock.model.rowCount() == 1)
    qtbot.waitUntil(lambda: cells(dock, 0)[2] == "cancelled")
    assert dock.resume.isEnabled()


def test_a_training_elsewhere_is_seen_although_the_dock_was_hidden(folder, bench, dock):
    """It was read once more while it was hidden, and took that for the newest."""
    dock.hide()
    dock.refresh()
    with ProjectStore.open(folder) as other:
        add_run(other)
    dock.show()
    wait_for(lambda: not dock._seen.is_due)
    assert dock.model.rowCount() == 1


def test_a_training_elsewhere_is_seen_beside_our_own(qtbot, folder, bench, dock):
    training = Training(bench)
    qtbot.waitUntil(dock.live.isVisible)
    made = add_run(bench.store, state=RunState.RUNNING)
    training.reports = [(0, 1, "Preparing", {"run": made.id})]
    qtbot.waitUntil(lambda: dock.model.rowCount() == 1)
    with ProjectStore.open(folder) as other:
        add_run(other)
    dock._elsewhere.look()
    assert dock.model.rowCount() == 2
    training.go.set()
    qtbot.waitUntil(dock.live.isHidden)


def test_what_could_not_be_read_for_a_moment_is_seen_later(
    folder, bench, dock, monkeypatch
):
    with ProjectStore.open(folder) as other:
        add_run(other)

    def busy() -> None:
        raise ConflictError("Another MedLab has been writing.")

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "runs", busy)
        dock._elsewhere.look()
    assert dock.model.rowCount() == 0
    dock._elsewhere.look()
    assert dock.model.rowCount() == 1


def test_what_others_write_leaves_the_table_alone(qtbot, folder, bench, dock):
    add_run(bench.store)
    tell(dock)
    resets = []
    dock.model.modelReset.connect(lambda: resets.append(1))
    with ProjectStore.open(folder) as other:
        other.set_pipeline(LIVER_PIPELINE)
    with qtbot.waitSignal(dock._elsewhere.changed):
        pass
    assert resets == []
