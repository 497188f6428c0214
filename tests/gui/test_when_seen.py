"""What changed is read when it can be seen, each dock in a turn of its own."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QScrollArea

from medlab_gui.core.records import ItemState
from medlab_gui.gui.runs_model import RunColumn, RunsModel
from medlab_gui.gui.study_tree import StudyTree
from medlab_gui.gui.when_seen import WhenSeen
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import wait_for
from tests.gui.docks_phantom import label, make_project, queue_item
from tests.gui.runs_phantom import add_run

pytestmark = pytest.mark.gui


class Reader(QLabel):
    """Notes when it reads, and that others are heard in between."""

    def __init__(self, name, seen):
        super().__init__(name)
        self.name, self.seen = name, seen
        self.when_seen = WhenSeen(self, self.refresh)

    def refresh(self):
        self.when_seen.done()
        self.seen.append(self.name)
        QTimer.singleShot(0, lambda: self.seen.append("mouse"))


@pytest.fixture
def tabs(qtbot):
    """Two docks in one place, as in the window; the first in front."""
    main, seen = QMainWindow(), []
    qtbot.addWidget(main)
    main.resize(400, 300)
    docks, readers = [], []
    for name in ("one", "two"):
        dock, scroll = QDockWidget(name, main), QScrollArea()
        readers.append(Reader(name, seen))
        scroll.setWidget(readers[-1])
        dock.setWidget(scroll)
        main.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        docks.append(dock)
    main.tabifyDockWidget(*docks)
    docks[0].raise_()
    main.show()
    qtbot.waitExposed(main)
    yield docks, readers, seen
    main.close()


def test_what_is_behind_a_tab_is_read_when_it_comes_to_the_front(qtbot, tabs):
    docks, (one, two), seen = tabs
    assert two.isVisible(), "to Qt"
    one.when_seen.ask()
    two.when_seen.ask()
    assert seen == [], "not in the turn in which it changed"
    qtbot.waitUntil(lambda: seen == ["one", "mouse"])
    qtbot.wait(50)
    assert two.when_seen.is_due
    docks[1].raise_()
    qtbot.waitUntil(lambda: seen == ["one", "mouse", "two", "mouse"])
    docks[0].raise_()
    qtbot.wait(50)
    assert len(seen) == 4, "nothing changed since"


def test_each_dock_has_a_turn_of_its_own_and_reads_once(qtbot):
    seen = []
    readers = [Reader(name, seen) for name in ("one", "two")]
    for reader in readers:
        qtbot.addWidget(reader)
        reader.show()
        qtbot.waitExposed(reader)
    for _ in range(3):
        for reader in readers:
            reader.when_seen.ask()
    qtbot.waitUntil(lambda: len(seen) == 4)
    qtbot.wait(50)
    assert sorted(seen) == ["mouse", "mouse", "one", "two"]


def test_hidden_docks_of_the_window_read_nothing_when_the_project_changes(
    window, monkeypatch
):
    wait_for(lambda: not window.bench.jobs.active)
    runs = window.docks["runs"].widget().widget()
    window.show_dock("queue")  # another may be in front, as the last window left it
    wait_for(lambda: window.docks["queue"].widget().widget()._seen.is_seen)
    asked = []
    monkeypatch.setattr(ProjectStore, "runs", lambda _store: asked.append(1) or ())
    window.bench.project_changed.emit()
    studies = window.docks["studies"].widget().widget()
    assert studies._seen.is_due, "in a turn of its own"
    wait_for(lambda: not studies._seen.is_due)
    assert runs.isVisible(), "to Qt"
    assert asked == []
    window.show_dock("runs")
    wait_for(lambda: not runs._seen.is_due)
    assert asked == [1]


def test_the_slices_of_one_series_are_asked_for_alone(tmp_path):
    one, two = make_project(tmp_path / "p")
    with ProjectStore.open(tmp_path / "p") as store:
        store.replace_queue(
            [
                queue_item(one, 3, 0.9),
                queue_item(one, 5, 0.8),
                queue_item(one, 6, 0.7),
                queue_item(two, 7, 0.6),
            ]
        )
        for k, state in ((5, ItemState.OPEN), (6, ItemState.SKIPPED)):
            item = store.item_for(one, k)
            store.set_item_state(item.id, state, version=item.version)
        asked = [ItemState.QUEUED, ItemState.OPEN]
        assert store.slices_in(one, asked) == {3, 5}
        assert store.slices_in("unknown", asked) == frozenset()


def test_the_bar_of_slices_makes_no_items_of_the_queue(window, monkeypatch):
    wait_for(lambda: not window.bench.jobs.active)
    monkeypatch.setattr(ProjectStore, "items", None)
    window.slice_bar._on_project()


def test_an_accepted_slice_changes_one_line_of_the_list(window, monkeypatch):
    """All lines with their pictures were made anew."""
    bench = window.bench
    dock = window.docks["studies"].widget().widget()
    wait_for(lambda: not bench.jobs.active and dock.tree.series_items)
    monkeypatch.setattr(StudyTree, "fill", None)
    item = dock.tree.series_items[0]
    uid = dock.tree.row_of(item).uid
    before = [i.text(0) for i in dock.tree.series_items]
    label(bench.store.folder, uid, range(2))
    bench.project_changed.emit()
    wait_for(lambda: not dock._seen.is_due)
    after = [i.text(0) for i in dock.tree.series_items]
    assert after[0] != before[0]
    assert "2" in after[0]
    assert after[1:] == before[1:]


def test_a_run_is_put_into_words_once(tmp_path, monkeypatch):
    make_project(tmp_path / "p", n_series=1)
    said = []
    word = RunsModel.result_word
    monkeypatch.setattr(
        RunsModel, "result_word", lambda self, run: said.append(1) or word(self, run)
    )
    with ProjectStore.open(tmp_path / "p") as store:
        runs = [add_run(store) for _ in range(5)]
    model = RunsModel()
    model.set_runs(runs, {}, "")
    for _ in range(3):
        for row in range(5):
            for column in RunColumn:
                model.index(row, column).data()
    assert len(said) == 5
    assert model.widest(RunColumn.RESULT, len) == 0
    model.set_runs(runs[:1], {}, "")
    model.index(0, 0).data()
    assert len(said) == 6
