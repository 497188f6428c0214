"""Looking at trainings in the runs dock: sorted, named, beside one under way."""

from __future__ import annotations

import json

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QMessageBox, QScrollArea, QTabWidget

from medlab_gui.core.records import RunState
from medlab_gui.core.run_titles import run_titles
from medlab_gui.gui.dialogs.picture import PictureDialog
from medlab_gui.gui.docks.runs import RunsDock
from medlab_gui.gui.runs_model import RunColumn
from tests.gui.runs_phantom import add_run, comparison, folder, project, report
from tests.gui.test_chosen_runs import select
from tests.gui.test_runs_dock import Training, cells

__all__ = ["folder", "project"]

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">'
    '<rect width="40" height="30" fill="#ff0000"/></svg>'
)


@pytest.fixture
def dock(qtbot, bench):
    dock = RunsDock(bench)
    qtbot.addWidget(dock)
    dock.resize(320, 900)
    dock.show()
    qtbot.waitExposed(dock)
    return dock


def network(name, **options):
    return {"network": {"name": name, "options": options}}


def write_history(bench, run, *losses, fold=0):
    place = bench.store.run_folder(run.id)
    if fold:
        place = place / f"fold-{fold}"
        place.mkdir()
    rows = [
        {"epoch": n, "phase": "all", "loss": v, "dice": {"Liver": v}}
        for n, v in enumerate(losses, start=1)
    ]
    (place / "history.json").write_text(json.dumps(rows), encoding="utf-8")


def click_title(qtbot, dock, column):
    header = dock.table.horizontalHeader()
    at = header.viewport().rect().center()
    at.setX(header.sectionViewportPosition(column) + header.sectionSize(column) // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_a_click_on_a_title_sorts(qtbot, bench, dock):
    for name, dice in (("unet", 0.6), ("fcn8s", 0.9), ("segnet", 0.7)):
        told = {"new": comparison(0.1, dice, adopted=False)["new"]}
        add_run(bench.store, spec=network(name), comparison=told)
    add_run(bench.store, spec=network("alexnet"), state=RunState.FAILED)
    dock.refresh()

    def names():
        return [cells(dock, row)[0].partition("\n")[0] for row in range(4)]

    assert names() == ["alexnet", "segnet", "fcn8s", "unet"], "the newest first"
    select(dock, 1)
    click_title(qtbot, dock, RunColumn.DICE)
    assert names() == ["fcn8s", "segnet", "unet", "alexnet"], "the best first"
    chosen = [run.spec["network"]["name"] for run in dock._all_selected()]
    assert chosen == ["segnet"], "what was selected stays it"
    click_title(qtbot, dock, RunColumn.DICE)
    assert names() == ["unet", "segnet", "fcn8s", "alexnet"], "not judged: last"
    click_title(qtbot, dock, RunColumn.WHAT)
    assert names() == ["alexnet", "fcn8s", "segnet", "unet"]
    dock.refresh()
    assert names() == ["alexnet", "fcn8s", "segnet", "unet"], "it stays sorted"
    assert dock.model.shows(bench.store)
    select(dock, 1, 2)
    older = [run.spec["network"]["name"] for run in dock._all_selected()]
    assert older == ["fcn8s", "segnet"], "the oldest first, wherever they stand"
    click_title(qtbot, dock, RunColumn.WHAT)
    click_title(qtbot, dock, RunColumn.WHAT)
    assert names() == ["alexnet", "segnet", "fcn8s", "unet"], "as before any click"


def test_fifty_trainings_sort_too(bench, dock):
    for n in range(50):
        told = {"new": comparison(0, (7 * n % 50) / 50, adopted=False)["new"]}
        add_run(bench.store, spec=network("unet"), seed=n, comparison=told)
    dock.refresh()
    dock.table.sortByColumn(RunColumn.DICE, Qt.SortOrder.DescendingOrder)
    found = [float(cells(dock, row)[1]) for row in range(50)]
    assert found == sorted(found, reverse=True)
    assert len({*found}) == 50


def test_others_can_be_looked_at_while_one_learns(qtbot, bench, dock):
    old = add_run(bench.store, spec=network("unet"))
    write_history(bench, old, 0.9, 0.7)
    training = Training(bench)
    qtbot.waitUntil(dock.live.isVisible)
    made = add_run(bench.store, spec=network("segnet"), state=RunState.RUNNING)
    training.reports = [
        (0, 1, "Preparing", {"run": made.id}),
        (1, 12, "Epoch 1 of 3", report(1, 1, 0.5)),
    ]
    qtbot.waitUntil(lambda: len(dock.curves.curves.steps) == 1)
    assert dock._all_selected()[0].id == made.id, "the one that was begun"
    select(dock, dock.model.row_of(old.id))
    assert dock.curves.curves.losses == [(1.0, 0.9), (2.0, 0.7)]
    training.reports = [(2, 12, "Epoch 1 of 3", report(1, 2, 0.4))]
    qtbot.waitUntil(lambda: len(dock.live.curves.steps) == 2)
    assert dock.curves.curves.losses == [(1.0, 0.9), (2.0, 0.7)], "it stays in view"
    select(dock, 0, 1)
    assert dock.together.isVisible()
    assert "segnet" in dock.together.accessibleDescription()
    training.reports = [(4, 12, "Epoch 1", report(1, 4, 0.4, dice={"Liver": 0.5}))]
    qtbot.waitUntil(lambda: "0.500" in dock.together.accessibleDescription())
    select(dock, dock.model.row_of(made.id))
    assert len(dock.curves.curves.steps) == 2
    training.go.set()
    qtbot.waitUntil(dock.live.isHidden)


def test_a_cross_validation_among_others_is_drawn_by_its_mean(bench, dock):
    folds = {"folds": [{"fold": 1}, {"fold": 2}], "mean_dice": 0.5, "sd_dice": 0.1}
    run = add_run(
        bench.store,
        kind="cross-validation",
        spec=network("unet"),
        comparison={"n_folds": 2, **folds},
    )
    write_history(bench, run, 0.9, 0.5, fold=1)
    write_history(bench, run, 0.7, 0.3, fold=2)
    other = add_run(bench.store, spec=network("segnet"))
    write_history(bench, other, 0.6)
    dock.refresh()
    select(dock, 0, 1)
    assert "unet: mean Dice 0.400" in dock.together.accessibleDescription()
    lines = {n: c.losses for n, c in dock.together._runs.items()}
    assert lines["unet"] == [(1.0, pytest.approx(0.8)), (2.0, pytest.approx(0.4))]


def test_variants_of_a_network_are_told_apart(bench, dock):
    made = [
        add_run(
            bench.store,
            spec=network("resnet_cbam_unet", width=0.25, encoder=e, attention=a),
        )
        for e in ("plain", "residual")
        for a in ("off", "on")
    ]
    titles = run_titles(made, {})
    assert titles[0] == "resnet_cbam_unet, encoder plain, attention off"
    assert titles[3] == "resnet_cbam_unet, encoder residual, attention on"
    dock.refresh()
    assert cells(dock, 0)[0].startswith(titles[3])
    widths = [add_run(bench.store, spec=network("unet", width=w)) for w in (1, 0.5)]
    assert run_titles(widths, {}) == ["unet, width 1", "unet, width 0.5"]
    taught = network("unet", width=1) | {"encoder_weights": "vgg16"}
    both = [widths[0], add_run(bench.store, spec=taught)]
    assert run_titles(both, {}) == ["unet, from random", "unet, encoder of vgg16"]
    folds = add_run(
        bench.store, kind="cross-validation", spec=network("unet", width=0.5)
    )
    assert run_titles([folds, widths[1]], {}) == ["unet, folds", "unet"]


def test_why_a_training_failed_is_in_view(bench, dock):
    said = "Training went astray in epoch 2: lower the learning rate."
    add_run(bench.store, state=RunState.FAILED, message=said)
    dock.refresh()
    select(dock, 0)
    assert dock.chosen.changes.isVisible()
    assert dock.chosen.changes.text() == said


def test_a_word_too_long_for_the_dock_cuts_off_nothing_beside_it(bench, dock):
    """A name without spaces made all of the dock wider than what is seen of it."""
    word = "2.25.109574332248836809154544969644900693760_best_of_all.safetensors"
    add_run(bench.store, state=RunState.FAILED, message=f"There is no {word}.")
    dock.refresh()
    select(dock, 0)
    area = dock.findChild(QScrollArea)
    QApplication.processEvents()
    assert area.widget().width() <= area.viewport().width()
    edge = dock.mapToGlobal(dock.rect().topRight()).x()
    for button in (dock.resume, dock.chosen.delete, dock.chosen.pictures):
        assert button.mapToGlobal(button.rect().topRight()).x() <= edge


def test_what_is_deleted_is_named_by_its_time(bench, dock, monkeypatch):
    for n in (1, 2):
        begun = f"2024-05-0{n}T10:00:00+00:00"
        add_run(bench.store, spec=network("unet"), started=begun, seed=n)
    dock.refresh()
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *given: asked.append(given[2]))
    select(dock, 0)
    dock.chosen.delete.click()
    assert "unet, 02 May" in asked[0]
    assert "seed 2" in asked[0]
    select(dock, 0, 1)
    dock.chosen.delete.click()
    assert asked[1].count("seed 1") == 1


def test_what_it_said_while_it_learned_is_shown(qtbot, bench, dock):
    run = add_run(bench.store, spec=network("unet"))
    dock.refresh()
    select(dock, 0)
    assert not dock.chosen.pictures.isEnabled()
    figure = bench.store.run_folder(run.id) / "kept.svg"
    figure.write_text(SVG, encoding="utf-8")
    dock.refresh()
    qtbot.mouseClick(dock.chosen.pictures, Qt.MouseButton.LeftButton)
    dialog = dock.window().findChild(PictureDialog)
    qtbot.waitUntil(dialog.isVisible)
    pixels = dialog.pictures[""].pixmap().toImage()
    assert pixels.pixelColor(20, 15).name() == "#ff0000"
    dialog.close()
    figure.write_text("<svg", encoding="utf-8")
    damaged = PictureDialog({"": figure}, "unet")
    qtbot.addWidget(damaged)
    assert "damaged or gone" in damaged.pictures[""].text()


def test_what_each_fold_said_while_it_learned_is_shown(qtbot, bench, dock):
    """The folds of a cross-validation keep their pictures in folders of their own."""
    run = add_run(bench.store, spec=network("unet"), comparison={"n_folds": 3})
    colours = {1: "#ff0000", 3: "#0000ff"}  # the second was cut off before any
    for n, colour in colours.items():
        folder = bench.store.run_folder(run.id) / f"fold-{n}"
        folder.mkdir()
        text = SVG.replace("#ff0000", colour)
        (folder / "kept.svg").write_text(text, encoding="utf-8")
    dock.refresh()
    select(dock, 0)
    qtbot.mouseClick(dock.chosen.pictures, Qt.MouseButton.LeftButton)
    dialog = dock.window().findChild(PictureDialog)
    qtbot.waitUntil(dialog.isVisible)
    tabs = dialog.findChild(QTabWidget)
    assert [tabs.tabText(n) for n in range(tabs.count())] == ["Fold 1", "Fold 3"]
    for n, colour in enumerate(colours.values()):
        qtbot.mouseClick(
            tabs.tabBar(),
            Qt.MouseButton.LeftButton,
            pos=tabs.tabBar().tabRect(n).center(),
        )
        (shown,) = (p for p in dialog.pictures.values() if p.isVisible())
        assert shown.pixmap().toImage().pixelColor(20, 15).name() == colour
    dialog.close()


def test_a_longer_name_of_the_weights_moves_nothing(qtbot, bench, dock, monkeypatch):
    from dataclasses import replace

    dock.setStyleSheet("QLabel { padding: 4px }")  # as the themes have it
    dock.refresh()
    qtbot.wait(1)
    before = dock.finetune.geometry()
    current = bench.store.current_checkpoint()
    name = "resnet_cbam_unet + 22 Nov 04:20"
    monkeypatch.setattr(
        bench.store, "current_checkpoint", lambda: replace(current, name=name)
    )
    dock.refresh()
    qtbot.wait(1)
    assert name in dock.weights.text()
    assert dock.finetune.geometry() == before
