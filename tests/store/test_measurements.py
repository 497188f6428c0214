from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import ConflictError, GeometryError, InputError
from medlab_gui.core.measurements import Kind, Measurement, Plane, as_points
from medlab_gui.store import schema, tables
from medlab_gui.store.project import ProjectStore
from tests.store.conftest import add_series

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.core.records import Series


def distance(series: Series, id_: str = "m1", k: int = 2) -> Measurement:
    points = series.grid.to_mm([(k, 3, 4), (k, 3, 14)])
    return Measurement(
        id_,
        series.uid,
        Kind.DISTANCE,
        Plane.AXIAL,
        k,
        as_points(points),
        label="lesion",
        changed_by="Ann",
    )


def test_what_is_put_comes_back(store: ProjectStore, series: Series) -> None:
    put = store.put_measurement(distance(series))
    assert store.measurements(series.uid) == (put,)
    assert store.measurements() == (put,)
    assert put.created == put.changed
    assert put.created_by == "Ann"
    assert put.label == "lesion"
    assert put.length_mm == pytest.approx(8.0)  # ten columns of 0.8 mm
    assert np.allclose(put.points, distance(series).points, rtol=0, atol=0)


def test_it_is_there_when_the_project_is_opened_again(
    place: Path, store: ProjectStore, series: Series
) -> None:
    put = store.put_measurement(distance(series))
    store.close()
    with ProjectStore.open(place) as again:
        assert again.measurements() == (put,)


def test_a_change_keeps_who_made_it_and_every_version(
    store: ProjectStore, series: Series
) -> None:
    first = store.put_measurement(distance(series))
    moved = replace(first.moved((1, 0, 0)), version=2, changed_by="Bob")
    second = store.put_measurement(moved)
    assert (second.created_by, second.created) == ("Ann", first.created)
    assert second.changed_by == "Bob"
    assert second.changed > first.changed
    assert store.measurements() == (second,)
    assert store.measurement_history("m1") == (first, second)


def test_deleting_hides_and_can_be_taken_back(
    store: ProjectStore, series: Series
) -> None:
    first = store.put_measurement(distance(series))
    gone = store.put_measurement(replace(first, version=2, deleted=True))
    assert store.measurements() == ()
    assert store.measurements(deleted=True) == (gone,)
    assert store.measurement("m1") == gone
    back = store.put_measurement(replace(gone, version=3, deleted=False))
    assert store.measurements() == (back,)
    assert back.points == first.points
    assert [m.deleted for m in store.measurement_history("m1")] == [False, True, False]


def test_the_second_of_two_changes_to_one_version_is_refused(
    store: ProjectStore, series: Series
) -> None:
    first = store.put_measurement(distance(series))
    mine = store.put_measurement(replace(first, version=2, label="mine"))
    with pytest.raises(ConflictError, match="Somebody else changed"):
        store.put_measurement(replace(first, version=2, label="theirs"))
    with pytest.raises(ConflictError):
        store.put_measurement(replace(first, version=7))
    assert store.measurements() == (mine,)


def test_only_what_lies_on_the_slice_is_taken(
    store: ProjectStore, series: Series
) -> None:
    across = replace(
        distance(series), points=as_points(series.grid.to_mm([(2, 0, 0), (3, 0, 0)]))
    )
    with pytest.raises(GeometryError, match=r"3\.00 mm off the axial slice 3"):
        store.put_measurement(across)
    with pytest.raises(GeometryError, match="slices 1 to 6"):
        store.put_measurement(distance(series, k=6))
    with pytest.raises(InputError, match="no series"):
        store.put_measurement(replace(distance(series), series_uid="9.9"))
    assert store.measurements(deleted=True) == ()


def test_a_measurement_stays_with_its_series(
    store: ProjectStore, series: Series
) -> None:
    first = store.put_measurement(distance(series))
    other = add_series(store, "1.2.4")
    stolen = replace(first, series_uid=other.uid, version=2)
    with pytest.raises(InputError, match="another series"):
        store.put_measurement(stolen)
    assert store.measurements(other.uid) == ()


def test_an_unknown_one_is_said_to_be_unknown(store: ProjectStore) -> None:
    assert store.measurement_history("nothing") == ()
    with pytest.raises(InputError, match="no measurement 'nothing'"):
        store.measurement("nothing")


def test_a_project_from_before_measurements_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, before)
    for file in (before / "versions").glob("v*.py"):
        if int(file.name[1:5]) > 2:
            file.unlink()
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", before)
        older.setattr(tables, "SCHEMA_VERSION", 2)
        ProjectStore.open(tmp_path / "old", create=True).close()
    connection = sqlite3.connect(tmp_path / "old" / "project.db")
    names = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert ("series",) in names
    assert ("measurement",) not in names
    with ProjectStore.open(tmp_path / "old") as again:
        assert again.measurements() == ()
        series = add_series(again)
        put = again.put_measurement(distance(series))
        assert again.measurements(series.uid) == (put,)
