"""Real scans, where they are to be had: what the facts (`test_facts`) do not tell."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.records import Severity
from medlab_gui.core.resources import resource
from medlab_gui.imaging import default_window
from medlab_gui.io import mask_on_grid, read_mask, read_one, read_volume, scan


def codes(series):
    return {p.code: p.severity for p in series.problems}


@pytest.fixture
def data(shared):
    return shared / "data"


def test_mask_lands_on_the_organs(data):
    """The NIfTI runs to the front, the DICOM to the back: a wrong flip gives -75 HU."""
    series, volume = read_one(data / "totalseg" / "example_ct_dicom")
    assert volume.data.shape == (20, 512, 512)
    assert series.grid.spacing == pytest.approx((2.0, 0.9766, 0.9766), abs=1e-3)
    # Most CT scanners number the slices from the head down.
    assert codes(series) == dict.fromkeys(("overlap", "flipped-order"), Severity.NOTE)
    mask, grid = read_mask(data / "totalseg" / "example_seg_dicom.nii.gz")
    mask = mask_on_grid(mask, grid, volume.grid)
    liver, spleen = volume.data[mask == 5], volume.data[mask == 1]
    assert liver.mean() == pytest.approx(89, abs=1)
    assert liver.std() < 25
    assert spleen.mean() == pytest.approx(80, abs=1)
    # Patient's right is the viewer's left: the liver lies at smaller i.
    working = volume.reoriented(volume.grid.canonical())
    assert working.grid.axis_letters == ("S", "P", "L")
    turned = volume.grid.canonical().apply(mask)
    assert np.argwhere(turned == 5)[:, 2].mean() < 256
    assert np.argwhere(turned == 1)[:, 2].mean() > 256


def test_ct_without_series_number_patient_id_and_window(data):
    folder = data / "abdomen-ct-17"
    series, volume = read_one(folder)
    assert volume.data.shape == (119, 512, 512)
    assert volume.data.dtype == np.int16
    assert (volume.data.min(), volume.data.max()) == (-1024, 1023)
    assert volume.grid.spacing == pytest.approx((1.6, 0.743, 0.743), abs=1e-6)
    assert series.problems == ()
    assert series.window is None
    assert default_window(volume.data, series.modality, series.window) == (40, 400)
    truth = sitk.ReadImage([str(f) for f in series.files])
    assert np.array_equal(sitk.GetArrayViewFromImage(truth), volume.data)
    assert np.allclose(truth.GetOrigin(), volume.grid.to_mm((0, 0, 0)))


def test_brain_in_all_48_orders_is_one_brain(data):
    first = None
    for path in sorted((data / "niivue" / "nifti_space").glob("*.nii.gz")):
        series, volume = read_one(path)
        assert series.grid.orientation == path.name[:3]
        working = volume.reoriented(volume.grid.canonical())
        if first is None:
            first = working
        assert np.array_equal(working.data, first.data)
        assert working.grid.same_as(first.grid)
    assert first is not None


@pytest.mark.parametrize(
    ("name", "code", "severity"),
    [
        ("gantrytilting", "gantry-tilt", Severity.WARNING),
        ("notavolume", "not-a-volume", Severity.NOT_A_VOLUME),
        ("sliceincrement", "missing-slices", Severity.UNSAFE),
        ("sliceorientation", "mixed-orientation", Severity.WARNING),
        ("slicecount", "few-slices", Severity.WARNING),
    ],
)
def test_hard_headers_are_told(data, name, code, severity):
    folder = data / "dicom2nifti-hard-headers" / "failing" / name
    for series in scan(folder / "001").series:
        assert codes(series)[code] is severity


def test_nothing_but_sentences_comes_out_of_odd_files(data):
    """Whatever pydicom's and fo-dicom's collections hold, no traceback."""
    n_files, refusals = 0, []
    folders = [
        data / n for n in ("pydicom-data", "fo-dicom", "dwv", "rt-utils", "dcmqi")
    ]
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            n_files += 1
            if path.stat().st_size > 2_000_000:
                continue
            try:
                for series in scan(path).series:
                    assert all(p.message.endswith(".") for p in series.problems)
                    read_volume(series)
            except MedlabError as error:
                refusals.append(error.message)
    assert n_files > 200
    assert len(refusals) > 50
    for sentence in refusals:
        assert sentence.endswith(".")
        assert "None" not in sentence


def test_demo_study_is_readable():
    """What ships with MedLab, so this runs everywhere."""
    folder = resource("demo")
    found = scan(folder)
    assert all(s.blocking is None for s in found.series)
