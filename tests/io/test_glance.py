"""Large NIfTI, NRRD and MetaImage files: what a scan reads of them, and what it tells.

The limit is set so low that small files are large.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.core.records import Severity
from medlab_gui.io import (
    glance,
    itk_files,
    itk_glance,
    nifti,
    read_one,
    read_volume,
    scan,
)

AFFINE = np.diag([-1.5, -1.25, 3.0, 1.0])
LIMIT = 4000
SHAPE = (24, 20, 18)  # (X, Y, Z)


@pytest.fixture
def low_limit(monkeypatch):
    for module in (glance, nifti, itk_files, itk_glance):
        monkeypatch.setattr(module, "GLANCE_BYTES", LIMIT)
    monkeypatch.setattr(glance, "_SAMPLE_BYTES", 64)


@pytest.fixture
def bytes_read(monkeypatch):
    """How many bytes the readers of whole files were asked for."""
    calls = []
    for module, name in ((nifti, "_volume"), (itk_files, "_voxels")):
        original = getattr(module, name)

        def watched(*args, original=original, name=name):
            calls.append(name)
            return original(*args)

        monkeypatch.setattr(module, name, watched)
    return calls


def body(shape=SHAPE):
    """Air, and in the middle soft tissue: what looks like CT. (X, Y, Z)."""
    data = np.full(shape, -1000, np.int16)
    data[6:18, 5:15] = np.random.default_rng(1).integers(0, 90, (12, 10, *shape[2:]))
    return data


def write(path, data):
    if path.name.endswith((".nii", ".nii.gz")):
        nibabel.save(nibabel.Nifti1Image(data, AFFINE), path)
    else:
        image = sitk.GetImageFromArray(data.T)
        image.SetSpacing((1.5, 1.25, 3.0))
        sitk.WriteImage(image, str(path), path.name.startswith("packed"))
    return path


NAMES = ["a.nii", "a.nii.gz", "a.nrrd", "packed.nrrd", "a.mha"]


def only(path):
    (series,) = scan(path).series
    return series


@pytest.mark.parametrize("name", NAMES)
def test_the_same_facts_from_a_part(tmp_path, low_limit, bytes_read, name):
    path = write(tmp_path / name, body())
    series = only(path)
    assert bytes_read == []
    glance_facts = series.to_dict()
    series, volume = read_one(path)
    assert bytes_read != []
    assert np.array_equal(volume.data, body().T)
    assert (series.modality, volume.units) == ("CT", "HU")
    assert {p.code for p in series.problems} == {"modality-guessed"}
    assert series.to_dict() == glance_facts


@pytest.mark.parametrize("name", NAMES)
def test_small_files_keep_their_uid_and_are_read_whole(tmp_path, bytes_read, name):
    from hashlib import sha256

    from medlab_gui.io.series import derived_uid

    path = write(tmp_path / name, body())
    series = only(path)
    assert len(bytes_read) == 1
    content = sha256(path.read_bytes())
    if ".nii" not in name:
        content.update(body().T.tobytes())
    kind = "nifti" if ".nii" in name else path.suffix[1:]
    assert series.uid == derived_uid(kind, content.hexdigest())


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_voxel_is_another_scan(tmp_path, low_limit, name):
    data = body()
    first = only(write(tmp_path / name, data))
    before = (tmp_path / name).stat()
    data[11, 9, 7] += 1
    path = write(tmp_path / name, data)
    # Even where the clock did not move on, unless nothing but it could tell.
    if not name.endswith((".nii", ".mha", "a.nrrd")):
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 100))
    assert only(path).uid != first.uid
    assert only(path).uid == only(path).uid


@pytest.mark.parametrize("name", ["a.nii.gz", "packed.nrrd"])
def test_a_copy_is_the_same_scan(tmp_path, low_limit, name):
    path = write(tmp_path / name, body())
    copy = tmp_path / "copies" / name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert only(copy).uid == only(path).uid


@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_none_are_told_when_they_are_read(tmp_path, low_limit, name):
    data = body().astype(np.float32) + 0.5
    data[1, 2, 3] = np.nan
    path = write(tmp_path / name, data)
    assert "not-numbers" not in {p.code for p in only(path).problems}
    series, volume = read_one(path)
    (problem,) = [p for p in series.problems if p.code == "not-numbers"]
    assert problem.severity is Severity.WARNING
    assert problem.message.startswith("1 voxel")
    assert np.isfinite(volume.data).all()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_nan_is_refused_when_it_is_read(tmp_path, low_limit, name):
    path = write(tmp_path / name, np.full(SHAPE, np.nan, np.float32))
    assert only(path).blocking is None
    with pytest.raises(InputError, match="No voxel of the file holds a number"):
        read_one(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_short_is_told_by_the_scan(tmp_path, low_limit, name):
    path = write(tmp_path / name, body())
    path.write_bytes(path.read_bytes()[:-200])
    assert only(path).blocking.code == "truncated"
    with pytest.raises(DamagedFileError, match="24x20x18"):
        read_one(path)


def test_packed_bytes_that_were_changed_are_told_when_they_are_read(
    tmp_path, low_limit
):
    noise = np.random.default_rng(0).integers(0, 999, SHAPE).astype(np.int16)
    path = write(tmp_path / "a.nii.gz", noise)
    raw = bytearray(path.read_bytes())
    raw[-2000] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(DamagedFileError, match=r"a\.nii\.gz"):
        read_one(path)


def test_gzip_of_several_members_is_read_whole(tmp_path, low_limit, bytes_read):
    plain = write(tmp_path / "a.nii", body()).read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(plain[:999]) + gzip.compress(plain[999:]))
    series = only(path)
    assert bytes_read == ["_volume"]
    assert series.blocking is None
    assert np.array_equal(read_one(path)[1].data, body().T)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_four_dimensions(tmp_path, low_limit, bytes_read, name):
    data = np.stack([body(), body() + np.int16(5)], axis=-1)
    path = write(tmp_path / name, data)
    found = scan(path).series
    assert bytes_read == []
    assert [s.modality for s in found] == ["CT", "CT"]
    for n, series in enumerate(found):
        assert np.array_equal(read_volume(series).data, data[..., n].T)


@pytest.mark.parametrize("kind", ["<i2", ">i2", "<f8", "u1"])
def test_any_byte_order(tmp_path, low_limit, bytes_read, kind):
    dtype = np.dtype(kind)
    data = np.clip(body(), 0, 255).astype(dtype) if kind == "u1" else body()
    big = dtype.byteorder == ">"
    head = (
        f"NRRD0004\ntype: {'uint8' if kind == 'u1' else 'int16'}\ndimension: 3\n"
        f"sizes: 24 20 18\nencoding: raw\nendian: {'big' if big else 'little'}\n"
        "space: left-posterior-superior\n"
        "space directions: (1.5,0,0) (0,1.25,0) (0,0,3)\nspace origin: (0,0,0)\n\n"
    )
    if kind == "<f8":
        head = head.replace("int16", "double")
    path = tmp_path / "x.nrrd"
    path.write_bytes(head.encode() + data.astype(dtype).T.tobytes())
    series = only(path)
    assert bytes_read == []
    assert series.modality == ("OT" if kind == "u1" else "CT")
    assert np.array_equal(read_one(path)[1].data, data.T)


def test_voxels_in_another_file_are_read(tmp_path, low_limit, bytes_read):
    path = write(tmp_path / "x.mhd", body())
    first = only(path)
    assert bytes_read == ["_voxels"]
    raw = Path(tmp_path / "x.raw")
    content = bytearray(raw.read_bytes())
    content[500] ^= 1
    raw.write_bytes(content)
    assert only(path).uid != first.uid
