"""Files that are not scans, and NRRD and MetaImage."""

from __future__ import annotations

import os

import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.core.errors import DamagedFileError, MedlabError, NotAnImageError
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, scan, write_image
from tests.synthetic import plain_grid, write_series


def sentence(call, error=NotAnImageError):
    with pytest.raises(error) as caught:
        call()
    text = caught.value.message
    assert text.endswith(".")
    assert len(text) > 20
    return text


def test_nothing_there(tmp_path):
    assert "no file or folder" in sentence(lambda: scan(tmp_path / "gone"))


def test_empty_folder(tmp_path):
    (tmp_path / "e").mkdir()
    assert "is empty" in sentence(lambda: scan(tmp_path / "e"))


def test_folder_without_images(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("a letter", encoding="utf-8")
    text = sentence(lambda: scan(tmp_path))
    assert "no scan in" in text
    assert "2 files" in text
    assert text.endswith("Open the scan itself, or its folder.")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.dcm", b"a letter to a friend", "not DICOM although it is named so"),
        ("a.dcm", b"", "is empty (0 bytes)"),
        ("a.nii", b"nothing of the kind", "not the image that its name says"),
        ("a.nii.gz", b"nothing of the kind", "not the image that its name says"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "cannot be read as a picture"),
        ("a.zip", b"PK\x03\x04" + bytes(50), "list of files cannot be read"),
        ("a", bytes(400), "is not a file that MedLab reads"),
        ("a.dcm", b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "damaged or not a DICOM picture"),
    ],
)
def test_a_file_that_is_no_scan(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    broken = "damaged" in said or "cannot be read" in said
    error = DamagedFileError if broken else NotAnImageError
    text = sentence(lambda: scan(path), error)
    assert said in text
    assert name in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.dcm", b"Dear colleague"),
        ("a.dcm", b""),
        ("a.nii", b"nothing of the kind"),
        ("a.nii.gz", b"\x1f\x8b" + bytes(9)),
    ],
)
def test_what_is_no_scan_says_what_to_do(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MedlabError, match="Fetch or export the scan again") as caught:
        scan(path)
    assert name in caught.value.message


def test_what_is_no_scan_is_listed_beside_what_is(tmp_path):
    write_series(tmp_path / "deep" / "er", plain_grid())
    (tmp_path / "letter.dcm").write_text("a letter", encoding="utf-8")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 200)
    result = scan(tmp_path)
    assert len(result.series) == 1
    assert sorted(i.path.name for i in result.ignored) == ["DICOMDIR", "letter.dcm"]
    assert all(i.reason.endswith(".") for i in result.ignored)
    assert len(scan(tmp_path / "DICOMDIR").series) == 1


def test_report_and_mask_objects_are_passed_over(tmp_path):
    grid = plain_grid((3, 20, 24))

    def report(ds, k):
        for name in ("Rows", "Columns", "PixelData", "BitsAllocated"):
            delattr(ds, name)
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.67"
        ds.Modality = "SR"

    (path,) = write_series(tmp_path, grid, slices=[0], edit=report)
    assert "without a picture" in sentence(lambda: scan(path))

    def mask(ds, k):
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
        ds.Modality = "SEG"

    (path,) = write_series(tmp_path, grid, slices=[1], edit=mask)
    assert "mask" in sentence(lambda: scan(path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="as root")
def test_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"x")
    path.chmod(0)
    assert "cannot be opened" in sentence(lambda: scan(path))


def test_mhd_without_its_voxels(tmp_path):
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    sitk.WriteImage(image, str(tmp_path / "x.mhd"))
    (tmp_path / "x.raw").unlink()
    with pytest.raises(DamagedFileError, match=r"x\.mhd"):
        read_one(tmp_path / "x.mhd")


def test_mhd_with_raw_beside_it(tmp_path):
    data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = sitk.GetImageFromArray(data)
    image.SetSpacing((1.25, 1.5, 3))
    image.SetOrigin((5, 6, 7))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "x.mhd"))
    result = scan(tmp_path)
    assert [i.path.name for i in result.ignored] == ["x.raw"]
    _, volume = read_one(tmp_path)
    assert np.array_equal(volume.data, data)
    for k, j, i in np.ndindex(data.shape):
        truth = image.TransformIndexToPhysicalPoint((i, j, k))
        assert np.allclose(volume.grid.to_mm((k, j, i)), truth)


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_truncated(tmp_path, ending):
    grid = plain_grid((4, 5, 6))
    data = np.random.default_rng(0).integers(0, 999, grid.shape).astype(np.int16)
    path = write_image(tmp_path / f"x{ending}", data, grid)
    path.write_bytes(path.read_bytes()[:-60])
    (series,) = scan(path).series
    assert series.problems[0].code == "truncated"
    with pytest.raises(DamagedFileError, match=r"does not hold the 6x5x4 voxels"):
        read_one(path)


def test_nrrd_without_orientation(tmp_path):
    path = tmp_path / "x.nrrd"
    head = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 3 2\nencoding: raw\n\n"
    path.write_bytes(head.encode() + bytes(range(24)))
    (series,) = scan(path).series
    assert [p.code for p in series.problems] == ["no-orientation", "no-spacing"]
    assert {p.severity for p in series.problems} == {Severity.UNSAFE}


def test_nrrd_in_ras(tmp_path):
    path = tmp_path / "x.nrrd"
    head = (
        "NRRD0004\ntype: uchar\ndimension: 3\nspace: right-anterior-superior\n"
        "sizes: 4 3 2\nspace directions: (1,0,0) (0,2,0) (0,0,3)\n"
        "space origin: (10,20,30)\nencoding: raw\n\n"
    )
    path.write_bytes(head.encode() + bytes(range(24)))
    series, volume = read_one(path)
    assert series.problems == ()
    assert series.grid.orientation == "RAS"
    assert np.allclose(volume.grid.to_mm((0, 0, 0)), (-10, -20, 30))
    assert np.allclose(volume.grid.to_mm((1, 1, 1)), (-11, -22, 33))
    assert volume.data[1, 2, 3] == 23


def test_light_imports():
    """Nothing heavy comes in before a file asks for it."""
    import subprocess
    import sys

    code = (
        "import sys, medlab_gui.io, medlab_gui.imaging\n"
        "heavy = {'pydicom', 'nibabel', 'SimpleITK', 'scipy', 'skimage', 'torch'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
