"""Doses of radiotherapy: many frames in one file, which one header places."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from medlab_gui.core.errors import MedlabError
from medlab_gui.io import read_one, scan
from tests.synthetic import plain_grid, write_series

VALUES = (np.arange(5 * 20 * 24) % 3000).astype("<u2").reshape(5, 20, 24)
TURNED = [0.6, 0.8, 0, 0, 0, -1]


def dose(folder, offsets, *, modality="RTDOSE", orientation=None):
    """A file of five frames; returns its path and where its header says it begins."""
    (first, *_) = write_series(folder / "one", plain_grid((2, 20, 24)))
    ds = pydicom.dcmread(first)
    for name in ("RescaleSlope", "RescaleIntercept"):
        delattr(ds, name)
    ds.Modality, ds.NumberOfFrames, ds.DoseGridScaling = modality, 5, "0.001"
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 15, 0
    ds.PixelData = VALUES.tobytes()
    if orientation:
        ds.ImageOrientationPatient = orientation
    place = [float(v) for v in ds.ImagePositionPatient]
    if offsets is not None:
        ds.GridFrameOffsetVector = offsets(place) if callable(offsets) else offsets
    path = folder / "dose.dcm"
    ds.save_as(path)
    return path, place


@pytest.mark.parametrize(
    "offsets",
    [[0, 2.5, 5, 7.5, 10], lambda place: [place[2] + 2.5 * n for n in range(5)]],
)
def test_a_dose(tmp_path, offsets):
    path, place = dose(tmp_path, offsets)
    series, volume = read_one(path)
    assert np.allclose(volume.data, VALUES * 0.001)
    assert series.grid.spacing[0] == pytest.approx(2.5)
    for n in range(5):
        expected = [place[0], place[1], place[2] + 2.5 * n]
        assert np.allclose(series.grid.to_mm((n, 0, 0)), expected)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_turned_dose(tmp_path, sign):
    path, place = dose(
        tmp_path, [0, *(sign * 2.5 * n for n in range(1, 5))], orientation=TURNED
    )
    series, volume = read_one(path)
    normal = np.cross(TURNED[:3], TURNED[3:])
    for n in range(5):
        where = np.array(place) + sign * 2.5 * n * normal
        (k,) = {round(v) for v in series.grid.to_index(where)[:1]}
        assert np.allclose(series.grid.to_mm((k, 0, 0)), where)
        assert np.allclose(volume.data[k], VALUES[n] * 0.001)


def test_an_uneven_dose_is_told(tmp_path):
    path, _ = dose(tmp_path, [0, 2.5, 5, 9, 11.5])
    (series,) = scan(path).series
    assert {p.code for p in series.problems} & {"uneven-spacing", "gap"}


@pytest.mark.parametrize(
    ("offsets", "more"),
    [
        (None, {}),
        ([0, 2.5, 5], {}),
        ([50, 52.5, 55, 57.5, 60], {}),  # neither of what the standard has
        (lambda p: [p[2] + 2.5 * n for n in range(5)], {"orientation": TURNED}),
        ([0, 2.5, 5, 7.5, 10], {"modality": "NM"}),
    ],
)
def test_what_is_not_sure_is_no_volume(tmp_path, offsets, more):
    path, _ = dose(tmp_path, offsets, **more)
    with pytest.raises(MedlabError, match="one after another in one file"):
        read_one(path)
    (series,) = scan(path).series
    (problem,) = [p for p in series.problems if p.code == "no-position"]
    assert "given-spacing" in [r.code for r in problem.remedies]
