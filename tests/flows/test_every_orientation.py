"""One volume in all 48 orders and directions of its axes, upright, oblique, sheared.

Whatever way it is stored: the same picture, letters and millimetres in the project; and
a mask goes out as the scan came in, bit for bit.
"""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.cli.main import main
from medlab_gui.commands.command import Context
from medlab_gui.commands.export import ExportParams
from medlab_gui.commands.export import run as export
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.commands.save import AnnotateParams, run_annotate
from medlab_gui.core.geometry import Grid, Reorientation
from medlab_gui.io import read_one, write_image
from medlab_gui.io.nifti_geometry import ras_to_lps
from tests.synthetic import (
    oblique_grid,
    phantom_values,
    plain_grid,
    tilted_grid,
    write_enhanced,
    write_series,
)

SHAPE = (5, 7, 6)
WAYS = [
    (axes, flips)
    for axes in itertools.permutations(range(3))
    for flips in itertools.product((False, True), repeat=3)
]


def stored(grid, axes, flips):
    """Return another order and direction of a grid's axes, from it to there."""
    return Reorientation(grid, axes, flips)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Context(str(tmp_path_factory.mktemp("orientations") / "project"))


def letters(way):
    return stored(plain_grid(SHAPE), *way).grid.orientation


@pytest.mark.parametrize("way", WAYS, ids=letters)
def test_dicom_in_any_order_goes_in_and_its_mask_out(tmp_path, project, way):
    """Stored as slices along any axis, numbered either way."""
    truth = phantom_values(plain_grid(SHAPE))
    how = stored(plain_grid(SHAPE), *way)
    write_series(tmp_path / "scan", how.grid, how.apply(truth))
    (told,) = import_(ImportParams(str(tmp_path / "scan")), project)["series"]
    with project.store() as store:
        series = store.series(told["uid"])
        picture = np.array(store.array(series.blob))
    assert np.array_equal(picture, truth)
    assert series.grid.axis_letters == ("S", "P", "L")
    assert np.allclose(series.grid.affine, plain_grid(SHAPE).affine, atol=1e-5)

    # A mask drawn elsewhere on the very files goes in, and out again unchanged.
    _, native = read_one(tmp_path / "scan")
    mask = np.random.default_rng(7).integers(0, 2, native.data.shape).astype(np.uint8)
    write_image(tmp_path / "in.nii", mask, native.grid)
    run_annotate(AnnotateParams(told["uid"], str(tmp_path / "in.nii")), project)
    for ending in (".nii.gz", ".nrrd", ".mha"):
        out = tmp_path / f"out{ending}"
        export(ExportParams(told["uid"], str(out)), project)
        voxels, affine = independently(out)
        assert voxels.dtype == np.uint8
        assert np.array_equal(voxels, mask)
        assert np.allclose(affine, native.grid.affine, atol=1e-4)


def independently(path):
    """Read a file as others do: voxels (Z, Y, X), affine (k, j, i) to LPS."""
    if ".nii" in path.name:
        image = nibabel.load(path)
        return np.asarray(image.dataobj).T, ras_to_lps(image.affine)
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (direction * np.array(image.GetSpacing()))[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image), affine


@pytest.mark.parametrize("base", [plain_grid, oblique_grid, tilted_grid])
def test_nifti_and_nrrd_in_any_order_are_one_picture(tmp_path, base):
    """As SimpleITK and NiBabel write them, not as we do."""
    grid = base() if base is tilted_grid else base(SHAPE)
    truth = phantom_values(grid)
    for n, way in enumerate(WAYS):
        nii = tmp_path / f"{n}.nii"  # Windows does not replace one that is still open
        how = stored(grid, *way)
        data, affine = how.apply(truth), how.grid.affine
        ras = (np.diag([-1.0, -1, 1, 1]) @ affine)[:, [2, 1, 0, 3]]
        image = nibabel.Nifti1Image(np.ascontiguousarray(data.T), ras)
        nibabel.save(image, nii)
        paths = [nii]
        if base is not tilted_grid:
            other = sitk.GetImageFromArray(np.ascontiguousarray(data))
            spacing = np.array(how.grid.spacing)
            other.SetSpacing([float(v) for v in spacing[::-1]])
            other.SetDirection((affine[:3, :3] / spacing)[:, ::-1].ravel())
            other.SetOrigin(affine[:3, 3])
            sitk.WriteImage(other, str(tmp_path / "a.nrrd"))
            paths.append(tmp_path / "a.nrrd")
        for path in paths:
            _, volume = read_one(path)
            back = volume.grid.canonical()
            working = volume.reoriented(back)
            assert np.array_equal(working.data, truth), (way, path.name)
            assert working.grid.axis_letters == ("S", "P", "L")
            assert np.allclose(working.grid.affine, grid.affine, atol=1e-4)
            assert np.array_equal(back.restore(working.data), data)


@pytest.mark.parametrize("way", WAYS[::5], ids=letters)
@pytest.mark.parametrize("base", [oblique_grid, tilted_grid])
def test_oblique_and_sheared_dicom(tmp_path, base, way):
    """A stack along any axis of an oblique block; of a sheared one along its slices."""
    grid = base() if base is tilted_grid else base(SHAPE)
    axes, flips = way
    if base is tilted_grid:
        # Slices of a tilted gantry are its slices: only their rows may be elsewhere.
        axes = (0, 2, 1) if axes.index(0) % 2 else (0, 1, 2)
    how = stored(grid, axes, flips)
    truth = phantom_values(grid)
    write_series(tmp_path, how.grid, how.apply(truth))
    _, volume = read_one(tmp_path)
    working = volume.reoriented(volume.grid.canonical())
    assert np.array_equal(working.data, truth)
    assert np.allclose(working.grid.affine, grid.affine, atol=1e-4)


def _oblique(degrees, shape=SHAPE):
    return oblique_grid(shape, degrees=degrees)


def _sheared():
    affine = np.array(_oblique((12.0, -7.0, 20.0)).affine)
    affine[:3, 1] += 0.3 * affine[:3, 2]
    return Grid(SHAPE, affine)


ODD = {
    "missing": lambda folder: write_series(
        folder, plain_grid(), slices=[0, 1, 2, 5, 6, 9]
    ),
    "tilted": lambda folder: write_series(folder, tilted_grid()),
    "45 degrees": lambda folder: write_series(folder, _oblique((44.9, 45.1, 45.0))),
    "one slice": lambda folder: write_series(folder, plain_grid((1, 7, 6))),
    "frames in any order": lambda folder: write_enhanced(
        folder / "e.dcm", _oblique((3.0, 60.0, -20.0)), order=[3, 0, 4, 1, 2]
    ),
    "sheared": lambda folder: write_image(
        folder / "s.nii.gz", phantom_values(_sheared()), _sheared()
    ),
    "far and tiny": lambda folder: write_image(
        folder / "t.nii.gz",
        phantom_values(plain_grid(SHAPE)),
        Grid.from_spacing(SHAPE, (0.002, 0.001, 0.001), (1e4, -1e4, 5e3)),
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_masks_of_odd_grids_return_bit_for_bit(tmp_path, capsys, name):
    """By the verbs, as a person does it."""
    (tmp_path / "scan").mkdir()
    ODD[name](tmp_path / "scan")

    def verb(*words):
        code, result = main([*map(str, words), "--project", str(tmp_path / "p")])
        assert code == 0, capsys.readouterr().err
        return result

    uid = verb("import", tmp_path / "scan")["series"][0]["uid"]
    _, native = read_one(tmp_path / "scan")
    mask = np.random.default_rng(7).integers(0, 2, native.data.shape).astype(np.uint8)
    write_image(tmp_path / "in.nii", mask, native.grid)
    verb("annotate", uid, "--mask", tmp_path / "in.nii")
    for ending in (".nii.gz", ".nrrd", ".mha"):
        out = tmp_path / f"out{ending}"
        verb("export", uid, "--output", out)
        voxels, affine = independently(out)
        assert np.array_equal(voxels, mask)
        assert np.allclose(affine, native.grid.affine, atol=1e-3)
