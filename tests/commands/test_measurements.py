from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as run_import
from medlab_gui.commands.measurements import (
    COLUMNS,
    DELETE_MEASUREMENT,
    EXPORT_MEASUREMENTS,
    MEASUREMENTS,
    DeleteMeasurementParams,
    ExportMeasurementsParams,
    MeasurementsParams,
    caution,
    run_delete,
    run_export,
    run_list,
)
from medlab_gui.core.errors import InputError, StorageFullError
from medlab_gui.core.measurements import Kind, Measurement, Plane, as_points
from medlab_gui.core.records import Problem, Severity
from medlab_gui.store.project import ProjectStore
from tests.store.conftest import add_series
from tests.synthetic import plain_grid, write_series

if TYPE_CHECKING:
    from pathlib import Path

LABEL = 'Läsion, "S2"; 病灶\nzweite Zeile'


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """A project with a distance, an angle and two regions on one series."""
    place = tmp_path / "project"
    with ProjectStore.open(place, create=True) as store:
        series = add_series(store)

        def put(id_: str, kind: Kind, plane: Plane, k: int, flat, label: str) -> None:
            index = np.zeros((len(flat), 3))
            index[:, plane.axis] = k
            index[:, list(plane.axes)] = flat
            points = as_points(series.grid.to_mm(index))
            store.put_measurement(
                Measurement(
                    id_, series.uid, kind, plane, k, points, label, changed_by="Ann"
                )
            )

        put("d1", Kind.DISTANCE, Plane.AXIAL, 2, [(3, 4), (3, 14)], LABEL)
        put("a1", Kind.ANGLE, Plane.CORONAL, 9, [(0, 3), (2, 3), (2, 9)], "=1+1")
        box = [(1.5, 2.5), (1.5, 6.5), (4.5, 6.5), (4.5, 2.5)]
        put("r1", Kind.RECTANGLE, Plane.AXIAL, 3, box, "")
        put("f1", Kind.FREEHAND, Plane.SAGITTAL, 7, [(-9, 1), (3, 1), (3, 9)], "cut")
    return Context(str(place))


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), "")))


def test_the_list_has_figures_units_author_and_time(ctx: Context):
    listed = run_list(MeasurementsParams(), ctx)
    by_id = {m["id"]: m for m in listed["measurements"]}
    assert list(by_id) == ["d1", "a1", "r1", "f1"]
    assert by_id["d1"]["length_mm"] == pytest.approx(8.0)
    assert by_id["d1"]["slice"] == 3
    assert by_id["a1"]["angle_deg"] == pytest.approx(90.0)
    region = by_id["r1"]
    with ctx.store() as store:
        series = store.series("1.2.3")
        pixels = store.array(series.blob)[3, 2:5, 3:7].astype(float)
    assert region["n_pixels"] == 12
    assert region["area_mm2"] == pytest.approx(12 * 0.7 * 0.8)
    assert region["mean"] == pytest.approx(pixels.mean())
    assert region["sd"] == pytest.approx(pixels.std(ddof=1))
    assert (region["min"], region["max"]) == (pixels.min(), pixels.max())
    assert region["unit"] == "HU"
    assert by_id["f1"]["cut_by_edge"]
    assert by_id["d1"]["unit"] is None
    assert by_id["d1"]["created_by"] == "Ann"
    assert by_id["d1"]["created_utc"].endswith("+00:00")
    json.dumps(listed, allow_nan=False)
    words = MEASUREMENTS.text(listed)
    assert "8.0 mm" in words
    assert "90.0°" in words
    assert "cut off by the picture's edge" in words
    assert run_list(MeasurementsParams("1.2.3"), ctx) == listed


def test_the_table_reads_back_to_the_same_figures(ctx: Context, tmp_path: Path):
    out = tmp_path / "out.csv"
    told = run_export(ExportMeasurementsParams(str(out)), ctx)
    assert told["n"] == 4
    assert "4 measurements" in EXPORT_MEASUREMENTS.text(told)
    raw = out.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfid,series_uid,"), "Excel knows UTF-8 by it"
    assert raw.count(b"\r\n") == 5
    rows = table(out)
    assert tuple(rows[0]) == COLUMNS
    listed = {m["id"]: m for m in run_list(MeasurementsParams(), ctx)["measurements"]}
    for row in rows:
        known = listed[row["id"]]
        for name in ("length_mm", "angle_deg", "area_mm2", "mean", "sd", "min", "max"):
            if known[name] is None:
                assert row[name] == ""
            else:
                assert float(row[name]) == pytest.approx(known[name], abs=1e-6)
        points = [
            [float(v) for v in p.split()] for p in row["points_lps_mm"].split(";")
        ]
        assert np.allclose(points, known["points_lps_mm"], atol=1e-6)
        assert "e" not in row["points_lps_mm"]
    by_id = {row["id"]: row for row in rows}
    assert by_id["d1"]["label"] == LABEL
    assert by_id["d1"]["frame_of_reference"] == "1.9"
    assert by_id["r1"]["plane"] == "axial"
    assert by_id["r1"]["cut_by_edge"] == "no"
    assert by_id["f1"]["cut_by_edge"] == "yes"
    # A spreadsheet must not run what somebody wrote.
    assert by_id["a1"]["label"] == "'=1+1"
    assert float(by_id["d1"]["points_lps_mm"].split()[0]) < 0
    assert not list(tmp_path.glob(".*"))


def test_deleting_and_bringing_back(ctx: Context, tmp_path: Path):
    gone = run_delete(DeleteMeasurementParams("r1"), ctx)
    assert gone["deleted"]
    assert "--restore" in DELETE_MEASUREMENT.text(gone)
    left = [m["id"] for m in run_list(MeasurementsParams(), ctx)["measurements"]]
    assert left == ["d1", "a1", "f1"]
    every = run_list(MeasurementsParams(deleted=True), ctx)["measurements"]
    assert [m["id"] for m in every if m["deleted"]] == ["r1"]
    assert every[2]["created_by"] == "Ann"
    assert every[2]["changed_by"] == ctx.settings.author_name
    with pytest.raises(InputError, match="deleted already"):
        run_delete(DeleteMeasurementParams("r1"), ctx)
    back = run_delete(DeleteMeasurementParams("r1", restore=True), ctx)
    assert "is back" in DELETE_MEASUREMENT.text(back)
    with pytest.raises(InputError, match="nothing to restore"):
        run_delete(DeleteMeasurementParams("r1", restore=True), ctx)
    assert len(run_list(MeasurementsParams(), ctx)["measurements"]) == 4


def test_a_series_unsafe_for_measurement_says_so_in_every_row(
    ctx: Context, tmp_path: Path
):
    unsafe = Problem("no-spacing", Severity.UNSAFE, "The spacing is not known.")
    with ctx.store() as store:
        series = store.series("1.2.3")
        store.add_series(replace(series, uid="7.7", problems=(unsafe,)))
        store.put_measurement(
            replace(store.measurement("d1"), id="u1", series_uid="7.7")
        )
    (row,) = run_list(MeasurementsParams("7.7"), ctx)["measurements"]
    assert row["caution"] == "The spacing is not known."
    assert "not known" in MEASUREMENTS.text({"measurements": [row]})
    run_export(ExportMeasurementsParams(str(tmp_path / "u.csv"), "7.7"), ctx)
    assert table(tmp_path / "u.csv")[0]["caution"] == "The spacing is not known."


def test_one_that_does_not_fit_its_series_does_not_hide_the_others(ctx: Context):
    import sqlite3

    connection = sqlite3.connect(f"{ctx.project}/project.db")
    connection.execute("UPDATE measurement SET slice_index = 4 WHERE id = 'r1'")
    connection.commit()
    connection.close()
    listed = run_list(MeasurementsParams(), ctx)
    by_id = {m["id"]: m for m in listed["measurements"]}
    assert by_id["r1"]["area_mm2"] is None
    assert by_id["r1"]["n_pixels"] is None
    assert "3.00 mm off the axial slice 5" in by_id["r1"]["caution"]
    assert by_id["d1"]["length_mm"] == pytest.approx(8.0)
    assert "off the axial slice 5" in MEASUREMENTS.text(listed)


def test_what_cannot_be_done(ctx: Context, tmp_path: Path):
    for params, said in (
        (ExportMeasurementsParams(str(tmp_path / "m.txt")), r"must end in \.csv"),
        (ExportMeasurementsParams(str(tmp_path / "no" / "m.csv")), "does not exist"),
        (ExportMeasurementsParams(str(tmp_path / "m.csv"), "5.5"), "no series '5.5'"),
    ):
        with pytest.raises(InputError, match=said):
            run_export(params, ctx)
    with pytest.raises(InputError, match="no measurement 'x'"):
        run_delete(DeleteMeasurementParams("x"), ctx)
    with pytest.raises(InputError, match="no series"):
        run_list(MeasurementsParams("5.5"), ctx)
    for id_ in ("d1", "a1", "r1", "f1"):
        run_delete(DeleteMeasurementParams(id_), ctx)
    with pytest.raises(InputError, match="nothing has been measured"):
        run_export(ExportMeasurementsParams(str(tmp_path / "m.csv")), ctx)
    assert not (tmp_path / "m.csv").exists()
    empty = run_list(MeasurementsParams(), ctx)
    assert MEASUREMENTS.text(empty) == "Nothing has been measured yet."


def test_an_older_table_stays_whole_where_writing_fails(
    ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "m.csv"
    out.write_text("precious")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFullError, match="no room"):
        run_export(ExportMeasurementsParams(str(out)), ctx)
    assert out.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["m.csv"]


def test_the_shell_speaks_clean_json(ctx: Context):
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "medlab_gui", "measurements"),
            *("--project", ctx.project, "--json"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    listed = json.loads(ran.stdout)
    assert [m["id"] for m in listed["measurements"]] == ["d1", "a1", "r1", "f1"]


def test_a_missing_slice_leaves_lengths_within_slices_alone(tmp_path):
    grid = plain_grid()
    slices = [k for k in range(grid.shape[0]) if k != 4]
    write_series(tmp_path / "in", grid, slices=slices)
    place = str(tmp_path / "project")
    run_import(ImportParams(str(tmp_path / "in")), Context(place))
    with ProjectStore.open(place) as store:
        (series,) = store.series_list()
    for plane in (None, Plane.CORONAL, Plane.SAGITTAL):
        assert "missing" in caution(series, plane)
    assert caution(series, Plane.AXIAL) == ""
    absurd = replace(
        series, problems=(Problem("absurd-spacing", Severity.UNSAFE, "No scanner."),)
    )
    assert caution(absurd, Plane.AXIAL) == "No scanner."
