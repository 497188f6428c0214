"""A series that begins to come in is never shown as the one before it was."""

from __future__ import annotations

import threading

import pytest

from medlab_gui.core.measurements import Plane
from medlab_gui.gui import layers, steps, warming
from medlab_gui.gui.layer_making import add_hidden, new_entropy
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.window import MedlabWindow
from tests.gui.conftest import open_series, wait_for
from tests.gui.docks_phantom import make_project
from tests.synthetic import plain_grid, write_series

pytestmark = pytest.mark.gui


def test_window_and_zoom_of_the_series_before_are_never_seen(window, gate, tmp_path):
    def edit(ds, _k):
        ds.WindowCenter, ds.WindowWidth = 55, 333

    write_series(tmp_path / "scan", plain_grid(), edit=edit)
    bench, view = window.bench, window.bench.view
    bench.linked.layout = PaneLayout.ROW
    view.level, view.width = -700.0, 77.0
    window.viewer.scene.camera.zoom *= 7
    seen = []

    def look():
        """As the screen is drawn at once, before any timer comes."""
        if bench.session is None:
            return
        pane = window.views.panes[Plane.SAGITTAL]
        pane.grab()
        text = window.text.grab().toImage()
        blank = all(
            text.pixelColor(x, y).alpha() == 0
            for x in range(0, text.width(), 3)
            for y in range(0, text.height(), 3)
        )
        seen.append((view.level, view.width, pane._gray[0][1:3], blank))

    bench.session_changed.connect(look)
    gate.let(6)
    bench.incoming.open((tmp_path / "scan",))
    wait_for(lambda: bench.session is not None and bench.session.is_provisional)
    assert seen == [(55.0, 333.0, (55.0, 333.0), True)]
    uid = bench.session.series_uid
    wait_for(lambda: window.stage.placed == uid)
    fitting = window.viewer.scene.camera.zoom
    assert any("Zoom" in line for line in window.text.corner_lines()[1])
    # What the person does while it is read stays when the project's takes its place.
    view.level, view.width = 60.0, 300.0
    window.viewer.scene.camera.zoom = 2 * fitting
    gate.open()
    wait_for(lambda: not bench.session.is_provisional)
    level, width, drawn, blank = seen[-1]
    assert (level, width, drawn) == (60.0, 300.0, (60.0, 300.0))
    assert not blank
    wait_for(lambda: window.stage.is_ready)
    assert (view.level, view.width) == (60.0, 300.0)
    assert window.viewer.scene.camera.zoom == pytest.approx(2 * fitting)
    bench.session_changed.disconnect(look)


def test_nothing_is_let_go_of_a_series_that_opens_meanwhile(window):
    stage, bench = window.stage, window.bench
    layers = (stage.image, stage.mask, stage.prediction, stage.entropy)
    uid = bench.store.series_list()[0].uid
    open_series(window, uid)
    bench.close_series()
    steps = stage._let_go()
    next(steps)
    assert stage.image.data.size == 1
    assert stage.mask.data.size > 1
    open_series(window, uid)
    assert list(steps) == []
    assert stage.image.data is bench.session.volume.data
    assert stage.mask.data is bench.session.mask
    bench.close_series()
    wait_for(lambda: all(layer.data.size == 1 for layer in layers))
    open_series(window, uid)


def test_a_layer_that_was_added_in_a_hurry_is_not_added_again(window):
    before, wanted = list(window.viewer.layers), True
    steps = add_hidden(window.viewer, new_entropy, lambda: wanted)
    next(steps)
    next(steps)
    wanted = False
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value is None
    assert list(window.viewer.layers) == before


def test_a_series_opened_at_once_has_its_layers_made_in_turns(
    qapp, tmp_path, monkeypatch
):
    uids = make_project(tmp_path / "project")
    threads, turns, made = [], [0], []
    load, add = warming.load_for_layers, layers.add_hidden

    def load_noting() -> None:
        threads.append(threading.current_thread())
        load()

    def add_noting(*args):
        made.append(turns[0])
        return add(*args)

    monkeypatch.setattr(warming, "load_for_layers", load_noting)
    monkeypatch.setattr(layers, "add_hidden", add_noting)
    monkeypatch.setattr(steps, "_TURN_S", 0.0)
    window = MedlabWindow(str(tmp_path / "project"))
    window.warming.stop()  # nothing is ready
    window.show()
    window.bench.open_project(then=lambda: window.bench.open_series(uids[0]))

    def is_ready() -> bool:
        turns[0] += 1
        return window.stage.is_ready

    try:
        wait_for(is_ready)
        assert len(made) == 4
        assert len(set(made)) == 4
        assert threads
        assert threading.current_thread() not in threads
    finally:
        window.close()
        window.deleteLater()


def test_another_series_asked_for_meanwhile_is_the_one_that_opens(window, monkeypatch):
    bench = window.bench
    first, second, *_rest = (
        s.uid for s in bench.store.series_list() if s.uid != bench.session.series_uid
    )
    go_on, begun = [], []

    def make():
        begun.append(True)
        while not go_on:
            yield

    monkeypatch.setattr(window.warming, "make", make)
    bench.open_series(first)
    wait_for(lambda: begun)
    bench.open_series(second)
    wait_for(lambda: len(begun) == 2)
    go_on.append(True)
    wait_for(lambda: not bench.jobs.active)
    assert bench.session.series_uid == second
    open_series(window, first)
    assert not bench.session.read_only, "it was not left open elsewhere"


@pytest.mark.parametrize("is_warm", [True, False])
def test_files_opened_at_once_wait_for_what_draws_them(
    window, tmp_path, monkeypatch, is_warm
):
    bench, go_on = window.bench, []

    def make():
        while not go_on:
            yield

    bench.close_series()
    wait_for(lambda: not bench.jobs.active)
    monkeypatch.setattr(window.warming, "make", make)
    monkeypatch.setattr(window.warming, "has_made", is_warm)
    write_series(tmp_path / "scan", plain_grid())
    bench.incoming.open((tmp_path / "scan",))
    if is_warm:
        wait_for(lambda: bench.session is not None)
    else:
        wait_for(lambda: any(j.lane == "open" and j.result for j in bench.jobs.active))
        wait_for(lambda: not any(j.lane == "scan" for j in bench.jobs.active))
        assert bench.session is None, "nor is it shown half"
        go_on.append(True)
        wait_for(lambda: bench.session is not None)
    wait_for(lambda: window.stage.is_ready and not bench.jobs.active)


def test_the_3d_view_is_loaded_on_a_thread_and_made_before_the_series_is_shown(
    qapp, tmp_path, monkeypatch
):
    uids = make_project(tmp_path / "project")
    loaded, turns = [], [0]

    class Importing:
        @staticmethod
        def import_module(name):
            loaded.append((name, threading.current_thread()))

    monkeypatch.setattr(warming, "importlib", Importing)
    window = MedlabWindow(str(tmp_path / "project"))
    window.warming.stop()  # nothing is ready
    window.bench.linked.layout = PaneLayout.QUAD
    made, shown, make = [], [], window.views._make_volume

    def make_noting() -> None:
        made.append(turns[0])
        make()

    monkeypatch.setattr(window.views, "_make_volume", make_noting)
    window.bench.session_changed.connect(lambda: shown.append(turns[0]))
    window.show()
    window.bench.open_project(then=lambda: window.bench.open_series(uids[0]))

    def is_ready() -> bool:
        turns[0] += 1
        return window.stage.is_ready

    try:
        wait_for(is_ready)
        assert len(made) == 1
        assert made[0] < shown[-1], "in a turn before"
        assert window.views.volume.isVisible()
        names, threads = zip(*loaded, strict=True)
        assert "medlab_gui.gui.panes.volume_pane" in names
        assert threading.current_thread() not in threads
    finally:
        wait_for(lambda: not window.bench.jobs.active)
        window.close()
        window.deleteLater()
