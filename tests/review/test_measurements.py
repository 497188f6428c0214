from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from medlab_gui.core.errors import (
    ConflictError,
    GeometryError,
    InputError,
    ProjectMissingError,
)
from medlab_gui.core.measurements import Kind, Plane, as_points
from medlab_gui.review.measurements import MeasurementList, MeasurementWriter
from medlab_gui.store.project import ProjectStore
from tests.store.conftest import add_series

if TYPE_CHECKING:
    from pathlib import Path

UID = "1.2.3"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project with one series."""
    with ProjectStore.open(tmp_path / "p", create=True) as store:
        add_series(store)
    return tmp_path / "p"


@pytest.fixture
def writer(place: Path) -> MeasurementWriter:
    return MeasurementWriter(place)


@pytest.fixture
def listed(writer: MeasurementWriter) -> MeasurementList:
    return MeasurementList(UID, "Ann", writer)


def points(place: Path, k: int, *flat: tuple[float, float]):
    with ProjectStore.open(place) as store:
        grid = store.series(UID).grid
    return as_points(grid.to_mm([(k, *p) for p in flat]))


def stored(place: Path, *, deleted: bool = False):
    with ProjectStore.open(place) as store:
        return store.measurements(UID, deleted=deleted)


def test_what_is_drawn_is_there_at_once_and_on_the_disk_after_a_flush(
    place: Path, listed: MeasurementList, writer: MeasurementWriter
):
    told = []
    listed.changed.connect(lambda: told.append(len(listed.items)))
    made = listed.add(Kind.DISTANCE, Plane.AXIAL, 2, points(place, 2, (1, 1), (1, 9)))
    assert listed.items == (made,)
    assert told == [1]
    assert made.version == 1
    assert stored(place) == ()
    (kept,) = writer.flush()
    assert stored(place) == (kept,)
    assert kept.points == made.points
    assert kept.created_by == "Ann"
    assert writer.n_waiting == 0
    assert writer.flush() == ()


def test_undo_and_redo_of_any_depth_reach_the_disk(
    place: Path, listed: MeasurementList, writer: MeasurementWriter
):
    first = points(place, 2, (1, 1), (1, 9))
    second = points(place, 2, (5, 1), (1, 9))
    made = listed.add(Kind.DISTANCE, Plane.AXIAL, 2, first)
    listed.change(made.id, points=second)
    listed.change(made.id, label="  lesion ")
    listed.remove(made.id)
    assert listed.items == ()
    seen = []
    while listed.can_undo:
        listed.undo()
        writer.flush()
        seen.append([(m.points, m.label) for m in stored(place)])
    assert seen == [[(second, "lesion")], [(second, "")], [(first, "")], []]
    while listed.can_redo:
        listed.redo()
    writer.flush()
    assert stored(place) == ()
    (gone,) = stored(place, deleted=True)
    assert (gone.points, gone.label) == (second, "lesion")
    assert gone.version == 12
    listed.undo()
    assert [m.label for m in listed.items] == ["lesion"]
    listed.change(made.id, label="other")
    assert not listed.can_redo
    assert listed.redo() is None


def test_a_change_of_nothing_is_no_change(
    place: Path, listed: MeasurementList, writer: MeasurementWriter
):
    made = listed.add(Kind.DISTANCE, Plane.AXIAL, 2, points(place, 2, (1, 1), (1, 9)))
    listed.change(made.id, points=made.points, label="")
    assert writer.n_waiting == 1
    listed.undo()
    assert not listed.can_undo


def test_what_measures_nothing_or_is_gone_is_refused(
    place: Path, listed: MeasurementList, writer: MeasurementWriter
):
    with pytest.raises(GeometryError):
        listed.add(Kind.RECTANGLE, Plane.AXIAL, 2, points(place, 2, *[(1, 1)] * 4))
    with pytest.raises(InputError, match="not there"):
        listed.remove("nothing")
    assert writer.n_waiting == 0
    assert not listed.has_history


def test_one_refusal_does_not_cost_the_others(
    place: Path, listed: MeasurementList, writer: MeasurementWriter
):
    line = points(place, 2, (1, 1), (1, 9))
    mine = listed.add(Kind.DISTANCE, Plane.AXIAL, 2, line)
    writer.flush()
    # Another window moves it; this one does not know.
    other = MeasurementList(UID, "Bob", MeasurementWriter(place), stored(place))
    other.change(mine.id, label="Bob's")
    other._writer.flush()
    listed.change(mine.id, label="Ann's")
    listed.change(mine.id, label="Ann's again")
    new = listed.add(Kind.DISTANCE, Plane.AXIAL, 2, line)
    with pytest.raises(ConflictError, match="Somebody else"):
        writer.flush()
    assert {m.id: m.label for m in stored(place)} == {mine.id: "Bob's", new.id: ""}
    assert writer.n_waiting == 0


def test_a_project_that_is_gone_is_said(
    place: Path, listed: MeasurementList, writer: MeasurementWriter
):
    listed.add(Kind.DISTANCE, Plane.AXIAL, 2, points(place, 2, (1, 1), (1, 9)))
    shutil.rmtree(place)
    with pytest.raises(ProjectMissingError):
        writer.flush()


def test_flushing_on_two_threads_writes_everything_once(
    place: Path, listed: MeasurementList, writer: MeasurementWriter
):
    line = points(place, 2, (1, 1), (1, 9))
    for _ in range(20):
        listed.add(Kind.DISTANCE, Plane.AXIAL, 2, line)
    written: list[str] = []
    threads = [
        threading.Thread(target=lambda: written.extend(m.id for m in writer.flush()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == sorted(m.id for m in listed.items)
    assert len(stored(place)) == 20
