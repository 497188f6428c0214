"""One Series Instance UID for each file: joined where nothing speaks against it."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import generate_uid

from medlab_gui.core.records import Severity
from medlab_gui.io import read_volume, scan
from tests.io.dicom_checks import assert_is_phantom, codes, problem
from tests.synthetic import oblique_grid, plain_grid, tilted_grid, write_series

GRID = plain_grid((6, 4, 5))


def write(folder, edit=lambda ds, k: None, grid=GRID, **options):
    def each(ds, k):
        ds.SeriesInstanceUID = generate_uid()
        edit(ds, k)

    write_series(folder, grid, edit=each, **options)


def setting(name, value):
    return lambda ds, k: setattr(ds, name, value(k))


@pytest.mark.parametrize(
    "grid", [GRID, oblique_grid((6, 4, 5)), tilted_grid()], ids=str
)
def test_joined(tmp_path, grid):
    write(tmp_path, grid=grid)
    (series,) = scan(tmp_path).series
    assert series.n_slices == grid.shape[0]
    told = problem(series, "series-joined")
    assert told.severity is Severity.WARNING
    assert f"Each of these {grid.shape[0]} slices" in told.message
    assert np.allclose(series.grid.affine, grid.affine, atol=1e-3)
    assert_is_phantom(read_volume(series))
    assert scan(tmp_path).series[0].uid == series.uid


@pytest.mark.parametrize(
    "edit",
    [
        setting("InstanceNumber", lambda k: 1),
        setting("AcquisitionNumber", lambda k: k),
        setting("SOPInstanceUID", lambda k: generate_uid()),
    ],
)
def test_what_differs_in_one_series_does_not_matter(tmp_path, edit):
    write(tmp_path, edit)
    (series,) = scan(tmp_path).series
    assert "series-joined" in codes(series)


def test_a_slice_that_lacks_is_told(tmp_path):
    write(tmp_path, slices=[0, 1, 2, 4, 5])
    (series,) = scan(tmp_path).series
    assert {"series-joined", "missing-slices"} <= codes(series)


@pytest.mark.parametrize(
    "edit",
    [
        setting("SeriesNumber", lambda k: k),
        setting("SeriesDescription", lambda k: f"slice {k}"),
        setting("StudyInstanceUID", lambda k: generate_uid()),
        setting("FrameOfReferenceUID", lambda k: generate_uid()),
        setting("PatientID", lambda k: f"P{k}"),
        setting("PixelSpacing", lambda k: [1 + k, 1 + k]),
        setting("SliceThickness", lambda k: 1 + k),
        setting("EchoTime", lambda k: 1 + k),
        setting("InstanceNumber", lambda k: k // 2),
        setting("ImageOrientationPatient", lambda k: [1, 0, 0, 0, 1 - k % 2, -(k % 2)]),
        setting("ImagePositionPatient", lambda k: [0, 0, 3 * k * k]),
        setting("ImagePositionPatient", lambda k: [0, 5 * (k % 2), 3 * k]),
        setting("ImagePositionPatient", lambda k: [0, 0, k // 2]),
        setting("ImageType", lambda k: ["ORIGINAL", "PRIMARY", "AXIAL", f"X{k}"]),
    ],
)
def test_what_tells_series_apart_keeps_them_apart(tmp_path, edit):
    write(tmp_path, edit)
    found = scan(tmp_path).series
    assert len(found) == 6
    assert not any("series-joined" in codes(s) for s in found)


def test_few_pictures_may_be_localisers(tmp_path):
    write(tmp_path, slices=range(4))
    assert len(scan(tmp_path).series) == 4


def test_phases_at_the_same_places_stay_apart(tmp_path):
    for phase in range(2):
        write(tmp_path / str(phase), setting("InstanceNumber", lambda k: 1 + k))
    found = scan(tmp_path).series
    assert len(found) == 12
    assert not any("series-joined" in codes(s) for s in found)


def test_a_whole_series_of_the_same_name_is_not_added_to(tmp_path):
    write(tmp_path / "alone")
    write_series(tmp_path / "whole", GRID, series_uid="1.2.3")
    found = scan(tmp_path).series
    assert sorted(s.n_slices for s in found) == [1] * 6 + [6]
