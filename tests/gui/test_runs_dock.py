"""The runs dock and the comparison of weights, on a phantom project."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QRectF, Qt

from medlab_gui.core.jobs import JobContext, JobState
from medlab_gui.core.records import Run, RunState
from medlab_gui.gui.axes import Axes
from medlab_gui.gui.curves import CurvesView, TrainingCurves
from medlab_gui.gui.dialogs.compare_weights import CompareWeightsDialog, worst_slices
from medlab_gui.gui.docks.runs import RunsDock
from medlab_gui.gui.durations import in_words
from medlab_gui.gui.launching import rank_again
from medlab_gui.gui.runs_model import RunColumn
from medlab_gui.gui.workbench import Workbench
from medlab_gui.store.project import ProjectStore
from tests.gui.docks_phantom import add_weights, make_project

ONE = "1.2.0.1"


def comparison(old: float, new: float, *, adopted: bool) -> dict[str, Any]:
    def side(mean: float) -> dict[str, Any]:
        return {
            "mean_dice": mean,
            "n_slices": 4,
            "dice": {"Liver": mean + 0.05, "Spleen": mean - 0.05},
            "per_slice": [
                {
                    "series_uid": ONE,
                    "slice_index": k,
                    "dice": {"Liver": mean - 0.1 * k, "Spleen": None},
                }
                for k in range(4)
            ]
            + [
                {
                    "series_uid": ONE,
                    "slice_index": 9,
                    "dice": {"Liver": None, "Spleen": None},
                }
            ],
        }

    return {
        "n_slices": 5,
        "old": side(old),
        "new": side(new),
        "adopted": adopted,
        "reason": f"mean Dice {old} -> {new}",
    }


_NUMBERS = itertools.count(1)


def add_run(store: ProjectStore, **changes: Any) -> Run:
    values: dict[str, Any] = {
        "id": f"run{next(_NUMBERS)}",
        "kind": "fine-tune",
        "spec": {},
        "state": RunState.DONE,
        "seed": 0,
        "code_version": "0",
        "started": "2024-05-01T10:00:00+00:00",
        **changes,
    }
    run = Run(**values)
    store.add_run(run)
    return run


# ---- without a window ------------------------------------------------------------


def report(epoch: int, step: int, loss: float, **more: Any) -> dict[str, Any]:
    return {
        "phase": "head" if epoch == 1 else "all",
        "epoch": epoch,
        "epochs": 3,
        "step": step,
        "steps": 4,
        "loss": loss,
        "dice": None,
        "seconds_left": 90.0,
        **more,
    }


def test_curves_take_batches_epochs_and_phases():
    curves = TrainingCurves()
    for step in range(1, 5):
        curves.add(report(1, step, 1.0 - 0.1 * step))
    curves.add(report(1, 4, 0.75, dice={"Liver": 0.6, "Spleen": None}))
    curves.add(report(2, 2, 0.4))
    np.testing.assert_allclose(
        curves.steps, [(0.25, 0.9), (0.5, 0.8), (0.75, 0.7), (1.0, 0.6), (1.5, 0.4)]
    )
    np.testing.assert_allclose(curves.losses, [(1.0, 0.75), (2.0, 0.4)])
    assert curves.dice == {"Liver": [(1.0, 0.6)]}
    assert curves.phases == [(0.0, "head"), (1.0, "all")]
    assert curves.epochs == 3


def test_curves_of_a_history_are_those_that_were_seen():
    curves = TrainingCurves.from_history(
        [
            {"epoch": 1, "phase": "head", "loss": 0.9, "dice": {"Liver": 0.5}},
            {"epoch": 2, "phase": "all", "loss": 0.6, "dice": {"Liver": 0.7}},
        ]
    )
    assert curves.losses == [(1.0, 0.9), (2.0, 0.6)]
    assert curves.dice == {"Liver": [(1.0, 0.5), (2.0, 0.7)]}
    assert curves.epochs == 2
    assert curves.phases == [(0.0, "head"), (1.0, "all")]
    assert curves.steps == [], "single batches are not in a history"
    assert not curves.is_empty


def test_times_in_words():
    assert [in_words(s) for s in (0.2, 40, 120, 4800)] == [
        "1 s",
        "40 s",
        "2 min",
        "80 min",
    ]
    assert in_words(7300) == "2 h 02 min"


def test_worst_slices_come_first_and_empty_ones_not_at_all():
    worst = worst_slices(comparison(0.8, 0.9, adopted=True))
    assert [row[1] for row in worst] == [3, 2, 1]
    assert worst[0][2:] == pytest.approx((0.5, 0.6))
    assert worst_slices({}) == []


# ---- with a window ---------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with two sets of weights, the second in use."""
    folder = tmp_path_factory.mktemp("runs") / "project"
    make_project(folder, n_series=1)
    return folder, add_weights(folder, "first"), add_weights(folder, "second")


@pytest.fixture
def folder(project, tmp_path):
    import shutil

    copy = tmp_path / "project"
    shutil.copytree(project[0], copy)
    return copy


@pytest.fixture
def bench(folder, qtbot):
    bench = Workbench(str(folder))
    bench.open_project()
    qtbot.waitUntil(lambda: bench.store is not None)
    yield bench
    bench.close()


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
    bench.project_changed.emit()
    assert cells(dock, 2)[1:] == ["0.800\n→ 0.850", "in use"]
    assert cells(dock, 2)[0].startswith("from first\n")
    assert cells(dock, 1)[1:] == ["0.850\n→ 0.830", "refused"]
    assert cells(dock, 0)[1:] == ["", "cancelled"]
    spec = {"network": {"name": "segnet"}}
    alone = {"new": comparison(0.8, 0.7, adopted=False)["new"]}
    add_run(bench.store, spec=spec, seed=3, comparison=alone)
    bench.project_changed.emit()
    assert cells(dock, 0)[0].startswith("segnet\n")
    assert cells(dock, 0)[0].endswith("seed 3")
    assert cells(dock, 0)[1:] == ["0.700", "kept aside"]
    bench.store.delete_run(dock.model.run(0).id)
    bench.project_changed.emit()
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
    assert dock.status.text() == "Epoch 2 of 3, loss 0.500 · 2 min left"
    assert dock.bar.value() == 500
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
    qtbot.mouseClick(dock.cancel, Qt.MouseButton.LeftButton)
    assert not dock.cancel.isEnabled()
    assert "Stopping" in dock.status.text()
    qtbot.waitUntil(dock.live.isHidden)
    assert training.job.state is JobState.CANCELLED
    assert dock.finetune.isEnabled()


def test_one_that_was_ended_by_force_can_be_resumed(qtbot, bench, dock):
    """Too busy to stop in time, its process wrote no end down."""
    training = Training(bench)
    qtbot.waitUntil(dock.live.isVisible)
    made = add_run(bench.store, state=RunState.RUNNING)
    training.reports = [(0, 1, "Preparing", {"run": made.id})]
    qtbot.waitUntil(lambda: dock.status.text() == "Preparing")
    qtbot.mouseClick(dock.cancel, Qt.MouseButton.LeftButton)
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
    bench.project_changed.emit()
    assert dock.curves.curves.losses == [(1.0, 0.9)]
    assert dock.curves.isVisible()


def test_what_was_put_to_use_by_hand_was_in_use(project, bench, dock):
    _folder, first, _second = project
    add_run(bench.store, checkpoint=first, comparison={})
    bench.project_changed.emit()
    assert cells(dock, 0)[2] == "was in use", "the second are now"
    bench.store.adopt(first, "me", "better")
    bench.project_changed.emit()
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


def test_curves_view_paints_every_state(qtbot):
    view = CurvesView()
    qtbot.addWidget(view)
    view.resize(280, 300)
    empty = view.grab().toImage()
    curves = TrainingCurves()
    curves.add(report(1, 1, 0.9))
    view.set_curves(curves)
    one = view.grab().toImage()
    assert one != empty
    curves.add(report(1, 4, 0.8, dice={"Liver": 0.5}))
    view.set_curves(curves)
    assert view.grab().toImage() != one


def test_a_curve_has_the_colour_of_its_class(qtbot, bench, dock):
    made = add_run(bench.store)
    rows = [
        {"epoch": n, "phase": "all", "loss": 1, "dice": {"Spleen": 0.5}} for n in (1, 2)
    ]
    path = bench.store.run_folder(made.id) / "history.json"
    path.write_text(json.dumps(rows))
    bench.project_changed.emit()
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
    bench.project_changed.emit()
    dock.table.clearSelection()
    rows = [dock.model.index(row, RunColumn.WHAT) for row in (0, 1)]
    first, second = (
        dock.table.viewport().grab(dock.table.visualRect(row)).toImage() for row in rows
    )
    assert first != second


def test_names_of_short_phases_stand_above_one_another(qtbot):
    view = CurvesView()
    qtbot.addWidget(view)
    curves = TrainingCurves()
    for epoch in (1, 2, 3):
        curves.add(report(epoch, 4, 0.5))
    view.set_curves(curves)
    axes = Axes(QRectF(0, 0, 120, 100), (0.0, 3.0), (0.0, 1.0))
    (_frozen, first), (_all, second) = view.phase_names(axes)
    assert first.width() > axes.to_x(1) - axes.to_x(0), "there is too little room"
    assert not first.intersects(second)
    wide = Axes(QRectF(0, 0, 1200, 100), (0.0, 3.0), (0.0, 1.0))
    assert len({place.top() for _name, place in view.phase_names(wide)}) == 1


# ---- the comparison ----------------------------------------------------------------


def table_text(table):
    return [
        [table.item(r, c).text() for c in range(table.columnCount())]
        for r in range(table.rowCount())
    ]


@pytest.mark.parametrize(
    ("new", "in_use", "may"),
    [(0.85, False, True), (0.79, False, False), (0.85, True, False)],
)
def test_comparison_and_its_buttons(qtbot, project, bench, new, in_use, may):
    _folder, first, second = project
    run = add_run(
        bench.store,
        parent_checkpoint=first,
        checkpoint=second if in_use else first,
        comparison=comparison(0.80, new, adopted=in_use),
    )
    launched = []
    bench.launch = lambda verb, params=None, **_more: launched.append((verb, params))
    opened = []
    bench.open_series = lambda uid, k: opened.append((uid, k))
    dialog = CompareWeightsDialog(bench, run)
    qtbot.addWidget(dialog)
    dialog.show()
    rows = table_text(dialog.table)
    assert rows[0][:3] == ["Liver", "0.850", f"{new + 0.05:.3f}"]
    assert rows[-1][0] == "Mean"
    assert rows[-1][3][0] == ("▲" if new > 0.8 else "▼")
    assert table_text(dialog.worst)[0][0].startswith("Slice 4")
    cell = dialog.worst.visualItemRect(dialog.worst.item(0, 0)).center()
    qtbot.mouseClick(dialog.worst.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert opened == [(ONE, 3)]
    assert dialog.adopt.isEnabled() is may
    if may:
        qtbot.mouseClick(dialog.adopt, Qt.MouseButton.LeftButton)
        assert launched[0][0] == "adopt"
        assert launched[0][1] == {"checkpoint": run.checkpoint}
    else:
        qtbot.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
        assert launched == []
    assert dialog.isHidden()
