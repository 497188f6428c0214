"""A series that is looked at while it is read, and what puts an end to that."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams, run
from medlab_gui.core.geometry import Grid
from medlab_gui.gui.reading_note import reading_text
from medlab_gui.store.project import ProjectStore
from tests.gui.incoming_bench import bench, errors, idle, is_stored, nothing_written
from tests.synthetic import (
    cut_short,
    phantom_values,
    plain_grid,
    write_series,
)

__all__ = ["bench"]
pytestmark = pytest.mark.gui


def test_the_middle_slice_is_looked_at_before_the_rest_is_read(
    qtbot, bench, gate, tmp_path
):
    grid = plain_grid()
    write_series(tmp_path / "scan", grid)
    gate.let(6)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    session = bench.session
    assert gate.asked[0] == 6
    assert session.is_provisional
    assert session.k == 6
    assert session.n_read == 1
    assert np.array_equal(session.volume.data[6], phantom_values(grid)[6])
    assert [session.is_filled(k) for k in (5, 6, 7)] == [False, True, False]
    assert "Reading 1 of 12 slices" in reading_text(bench)
    assert nothing_written(bench)
    gate.open()
    qtbot.waitUntil(lambda: is_stored(bench))
    assert bench.is_same_place
    assert reading_text(bench) == ""


def test_a_slice_that_is_asked_for_jumps_the_queue(qtbot, bench, gate, tmp_path):
    write_series(tmp_path / "scan", plain_grid((30, 20, 24)))
    gate.let(15)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    # Every reading thread stands before a slice by now, whatever their number.
    n = len(bench.session.stream._threads)
    qtbot.waitUntil(lambda: len(gate.asked) == n + 1)
    bench.go_to(2)
    assert "Slice 3 is read next" in reading_text(bench)
    gate.let(gate.asked[-1])
    qtbot.waitUntil(lambda: len(gate.asked) == n + 2)
    assert gate.asked[-1] == 2
    gate.let(2)
    qtbot.waitUntil(lambda: bench.session.is_filled(2))
    gate.open()
    qtbot.waitUntil(lambda: is_stored(bench))
    assert bench.session.k == 2


@pytest.mark.parametrize("turned", [False, True])
def test_the_project_gets_the_same_bytes(qtbot, bench, tmp_path, turned):
    grid = plain_grid()
    if turned:  # slices are sagittal, from left to right
        affine = grid.affine[:, [2, 0, 1, 3]]
        grid = Grid((12, 20, 24), affine)
    write_series(tmp_path / "scan", grid)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)
    (ours,) = bench.store.series_list()
    run(ImportParams(str(tmp_path / "scan")), Context(str(tmp_path / "other")))
    with ProjectStore.open(tmp_path / "other") as other:
        (theirs,) = other.series_list()
    assert ours.blob == theirs.blob  # the content's own hash
    assert ours.grid.same_as(theirs.grid)
    assert ours.problems == theirs.problems
    assert ours.window == theirs.window


def test_slices_across_the_picture_fill_it_line_by_line(qtbot, bench, gate, tmp_path):
    base = plain_grid((12, 20, 24))
    grid = Grid((12, 20, 24), base.affine[:, [2, 0, 1, 3]])  # sagittal
    values = phantom_values(grid)
    write_series(tmp_path / "scan", grid)
    gate.let(6)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    session = bench.session
    assert not session.is_sliced
    assert session.volume.grid.shape == (20, 24, 12)
    assert np.array_equal(session.sample(), values[6])
    assert "Reading 1 of 12" in reading_text(bench)
    gate.open()
    qtbot.waitUntil(lambda: is_stored(bench))


def test_values_beyond_int16_change_the_array_on_the_way(qtbot, bench, gate, tmp_path):
    grid = plain_grid()
    data = phantom_values(grid).astype(np.int32)
    data[0, 0, 0] = 60000
    write_series(tmp_path / "scan", grid, data)
    gate.let(6)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    assert bench.session.volume.data.dtype == np.int16
    session = bench.session
    kinds = []
    session.arrived.connect(lambda: kinds.append(session.volume.data.dtype.kind))
    gate.open()
    qtbot.waitUntil(lambda: is_stored(bench))
    assert kinds[-1] == "f"
    assert np.array_equal(bench.session.volume.data, data)


def test_nothing_can_be_edited_or_saved_before_it_is_in_the_project(
    qtbot, bench, gate, tmp_path
):
    write_series(tmp_path / "scan", plain_grid())
    gate.let(6)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    session = bench.session
    assert session.read_only
    assert "still being read" in session.read_only_reason
    assert not session.mask.flags.writeable
    assert not session.can_undo
    assert not session.can_redo
    assert not session.undo()
    assert session.n_unsaved == 0
    bench.accept_and_next()
    assert not session.confirmed.any()
    assert bench.measure.list is None


def test_cancelling_the_reading_leaves_nothing(qtbot, bench, gate, tmp_path):
    write_series(tmp_path / "scan", plain_grid())
    gate.let(6)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    bench.incoming.cancel()
    gate.open()
    idle(qtbot, bench)
    assert bench.session is None
    assert nothing_written(bench)
    # What was found stays listed, and can be opened after all.
    bench.incoming.open_found(bench.incoming.found[0])
    qtbot.waitUntil(lambda: is_stored(bench))


def test_cancelling_the_import_leaves_nothing(qtbot, bench, tmp_path, monkeypatch):
    from medlab_gui.store.blobs import BlobStore

    real, stopped = BlobStore.put_array, []

    def put_array(self, array, **how):
        check = how.pop("check")

        def cancelled():
            check.__self__.cancel()  # as the status bar does, but while it is written
            stopped.append(array.shape)
            check()

        return real(self, array, check=cancelled, **how)

    monkeypatch.setattr(BlobStore, "put_array", put_array)
    write_series(tmp_path / "scan", plain_grid())
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bool(stopped))
    idle(qtbot, bench)
    assert bench.session is None
    assert nothing_written(bench)


def test_another_series_puts_an_end_to_reading(qtbot, bench, gate, tmp_path):
    gate.open()
    write_series(tmp_path / "one", plain_grid())
    bench.incoming.open((tmp_path / "one",))
    qtbot.waitUntil(lambda: is_stored(bench))
    first = bench.session.series_uid
    gate._all = False
    write_series(tmp_path / "two", plain_grid((9, 20, 24)))
    gate.let(4)
    bench.incoming.open((tmp_path / "two",))
    qtbot.waitUntil(lambda: bench.session is not None and bench.session.is_provisional)
    bench.open_series(first)
    gate.open()
    idle(qtbot, bench)
    assert bench.session.series_uid == first
    assert [s.uid for s in bench.store.series_list()] == [first]


def test_a_file_that_breaks_off_is_told_and_nothing_is_kept(
    qtbot, bench, gate, tmp_path
):
    files = write_series(tmp_path / "scan", plain_grid())
    gate.let(6)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    cut_short(files[2], 100)
    gate.open()
    qtbot.waitUntil(lambda: bool(errors(bench)))
    idle(qtbot, bench)
    assert files[2].name in errors(bench)[0]
    assert bench.session is None
    assert nothing_written(bench)
