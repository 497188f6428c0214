"""What we write, two other readers must see at the very same place."""

from __future__ import annotations

import errno
import os

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.core.errors import GeometryError, InputError, StorageFullError
from medlab_gui.core.geometry import Grid
from medlab_gui.io import FORMATS, mask_on_grid, read_mask, read_one, write_image
from tests.synthetic import oblique_grid, oriented_grids, plain_grid, tilted_grid

GRIDS = [*oriented_grids(), plain_grid(), oblique_grid((4, 5, 6))]


def values(grid, dtype=np.int16):
    return np.arange(np.prod(grid.shape), dtype=dtype).reshape(grid.shape)


def by_nibabel(path):
    image = nibabel.load(path)
    for code in (image.header["sform_code"], image.header["qform_code"]):
        assert code == 1
    assert np.allclose(image.get_sform(), image.get_qform(), atol=1e-4)
    affine = np.diag([-1, -1, 1, 1]) @ image.affine
    return np.asarray(image.dataobj).T, affine[:, [2, 1, 0, 3]]


def by_simpleitk(path):
    image = sitk.ReadImage(str(path))
    z, y, x = sitk.GetArrayViewFromImage(image).shape
    affine = np.eye(4)
    affine[:3, 3] = image.TransformIndexToPhysicalPoint((0, 0, 0))
    steps = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
    for n, step in enumerate(steps):
        there = image.TransformIndexToPhysicalPoint(step)
        affine[:3, n] = np.array(there) - affine[:3, 3]
    array = sitk.GetArrayFromImage(image)
    assert array.shape == (z, y, x)
    return array, affine


@pytest.mark.parametrize("ending", FORMATS)
def test_other_readers_agree_on_every_orientation(tmp_path, ending):
    for n, grid in enumerate(GRIDS):
        data = values(grid)
        path = write_image(tmp_path / f"{n}{ending}", data, grid)
        readers = [by_simpleitk]
        if ".nii" in ending:
            readers.append(by_nibabel)
        for reader in readers:
            array, affine = reader(path)
            assert np.array_equal(array, data)
            assert Grid(grid.shape, affine).same_as(grid, tol=1e-3)
    _, volume = read_one(tmp_path / f"49{ending}")
    assert volume.grid.same_as(GRIDS[49])
    assert np.array_equal(volume.data, values(GRIDS[49]))


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "int16", "uint16", "int32", "int64", "float16", "float32"],
)
def test_dtypes(tmp_path, ending, dtype):
    grid = plain_grid((2, 3, 4))
    data = (values(grid) % 2).astype(dtype)
    path = write_image(tmp_path / f"x{ending}", data, grid)
    array, _ = by_simpleitk(path)
    assert np.array_equal(array, data)
    if dtype in ("bool", "uint8", "int64"):
        assert array.dtype == np.uint8


def test_transposed_and_flipped_views_are_written_as_seen(tmp_path):
    grid = oblique_grid((4, 5, 6))
    data = values(grid)
    how = Grid(grid.shape, grid.affine).canonical()
    view = how.restore(how.apply(data))[:, :, :]
    flipped = np.flip(np.flip(view, 1).copy(), 1)
    path = write_image(tmp_path / "x.nrrd", flipped, grid)
    assert np.array_equal(by_simpleitk(path)[0], data)


def test_same_mask_gives_the_same_bytes(tmp_path):
    grid = plain_grid((4, 5, 6))
    for ending in FORMATS:
        first = write_image(tmp_path / f"a{ending}", values(grid), grid)
        second = write_image(tmp_path / f"b{ending}", values(grid), grid)
        assert first.read_bytes() == second.read_bytes()


def test_sheared_grid(tmp_path):
    grid = tilted_grid()
    path = write_image(tmp_path / "x.nii.gz", values(grid), grid)
    image = nibabel.load(path)
    assert image.header["qform_code"] == 0
    series, volume = read_one(path)
    assert volume.grid.same_as(grid, tol=1e-3)
    assert [p.code for p in series.problems] == ["gantry-tilt"]


def test_refusals(tmp_path):
    grid = plain_grid((4, 5, 6))
    with pytest.raises(InputError, match=r"must end in \.nii\.gz, \.nii"):
        write_image(tmp_path / "x.dcm", values(grid), grid)
    with pytest.raises(GeometryError, match="does not fit"):
        write_image(tmp_path / "x.nii", values(grid)[1:], grid)
    with pytest.raises(InputError, match="complex"):
        write_image(tmp_path / "x.nii", values(grid).astype(complex), grid)
    assert list(tmp_path.glob("*.*")) == []


def test_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    grid = plain_grid((4, 5, 6))
    path = write_image(tmp_path / "x.nii.gz", values(grid), grid)
    before = path.read_bytes()

    def no_room(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(StorageFullError, match="no room left"):
        write_image(path, values(grid) + 1, grid)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["x.nii.gz"]


def test_folder_that_is_not_there(tmp_path):
    grid = plain_grid((4, 5, 6))
    with pytest.raises(StorageFullError, match="not there"):
        write_image(tmp_path / "gone" / "x.mha", values(grid), grid)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StorageFullError):
        write_image(tmp_path / "file" / "x.mha", values(grid), grid)


def test_a_disk_that_lies_is_found_out(tmp_path, monkeypatch):
    from medlab_gui.io import write

    grid = plain_grid((4, 5, 6))

    def wrong(file, data, grid):
        other = data.copy()
        other[0, 0, 0] += 1
        write._write_mha(file, other, grid)

    monkeypatch.setitem(write._WRITERS, ".mha", wrong)
    with pytest.raises(StorageFullError, match="other voxels"):
        write_image(tmp_path / "x.mha", values(grid), grid)
    assert not (tmp_path / "x.mha").exists()

    def moved(file, data, grid):
        affine = np.array(grid.affine)
        affine[0, 3] += 1
        write._write_mha(file, data, Grid(grid.shape, affine))

    monkeypatch.setitem(write._WRITERS, ".mha", moved)
    with pytest.raises(GeometryError, match="another geometry"):
        write_image(tmp_path / "x.mha", values(grid), grid)
    assert [p for p in tmp_path.iterdir() if p.is_file()] == []


def test_mask_round_trip_through_every_orientation(tmp_path):
    """A mask stored along other axes lands on the very same places."""
    target = oblique_grid((4, 5, 6))
    mask = (values(target) % 5).astype(np.uint8)
    for n, like in enumerate(oriented_grids()):
        how = _reorientation(target, like)
        path = write_image(tmp_path / f"{n}.nii.gz", how.apply(mask), how.grid)
        found, grid = read_mask(path)
        assert np.array_equal(mask_on_grid(found, grid, target), mask)


def _reorientation(grid, like):
    from medlab_gui.core.geometry import Reorientation

    pattern = like.canonical()
    return Reorientation(grid, pattern.axes, pattern.flips)


def test_mask_on_another_grid_is_refused(tmp_path):
    grid = oblique_grid((4, 5, 6))
    mask = np.ones(grid.shape, np.uint8)
    for change in (
        lambda a: a.__setitem__((0, 3), a[0, 3] + 0.6),
        lambda a: a.__setitem__((slice(3), 0), a[:3, 0] * 1.1),
    ):
        affine = np.array(grid.affine)
        change(affine)
        with pytest.raises(GeometryError, match="does not interpolate"):
            mask_on_grid(mask, Grid(grid.shape, affine), grid)
    smaller = Grid((4, 5, 5), grid.affine)
    with pytest.raises(GeometryError, match="4 x 5 x 5 voxels"):
        mask_on_grid(mask[..., 1:], smaller, grid)


def test_float32_noise_in_the_geometry_is_forgiven():
    grid = oblique_grid((4, 5, 6))
    noisy = Grid(grid.shape, np.asarray(grid.affine, np.float32).astype(float) + 0)
    mask = values(grid)
    assert np.array_equal(mask_on_grid(mask, noisy, grid), mask)


def test_a_scan_is_no_mask(tmp_path):
    grid = plain_grid((4, 5, 6))
    path = write_image(tmp_path / "x.nii", values(grid) / np.float32(3), grid)
    with pytest.raises(InputError, match="whole numbers"):
        read_mask(path)
    path = write_image(tmp_path / "y.nii", values(grid).astype(np.float32), grid)
    mask, _ = read_mask(path)
    assert mask.dtype.kind == "i"


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_channels_lie_along_the_fourth_axis(tmp_path, ending):
    import nibabel
    import SimpleITK as sitk

    grid = oblique_grid((4, 5, 6))
    stack = np.stack([values(grid), values(grid) * 2, values(grid) * 3])
    path = write_image(tmp_path / f"x{ending}", stack.astype(np.float16), grid)
    image = nibabel.load(path)
    assert image.shape == (6, 5, 4, 3)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(
        np.asarray(image.dataobj).T, stack.astype(np.float16).astype(np.float32)
    )
    alone = write_image(tmp_path / f"y{ending}", values(grid), grid)
    assert np.array_equal(image.affine, nibabel.load(alone).affine)
    first = sitk.ReadImage(str(path))[:, :, :, 0]
    other = sitk.ReadImage(str(alone))
    assert np.allclose(first.GetOrigin(), other.GetOrigin())
    assert np.allclose(first.GetDirection(), other.GetDirection())


def test_channels_are_for_nifti_and_must_fit(tmp_path):
    grid = plain_grid((4, 5, 6))
    stack = np.zeros((2, 4, 5, 6), np.uint8)
    with pytest.raises(GeometryError, match="does not fit"):
        write_image(tmp_path / "x.nrrd", stack, grid)
    with pytest.raises(GeometryError, match="does not fit"):
        write_image(tmp_path / "x.nii", stack[:, :3], grid)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_labels_that_cannot_be_told_apart_are_refused(tmp_path, ending):
    """As the numbers of some brain atlases: float32 would make two labels one."""
    labels = np.zeros((3, 4, 5), np.uint32)
    labels[1, 1, 1:3] = 614_454_276, 614_454_277
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(tmp_path / f"atlas{ending}"))
    with pytest.raises(InputError, match=r"cannot be told apart.*614,454,277.*anew"):
        read_mask(tmp_path / f"atlas{ending}")
    labels[labels > 0] -= 614_454_276 - 16_777_215
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(tmp_path / f"atlas{ending}"))
    read, _ = read_mask(tmp_path / f"atlas{ending}")
    assert np.array_equal(read, labels)
