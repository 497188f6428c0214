"""Analyze 7.5, NIfTI pairs and FreeSurfer's MGH."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medlab_gui.core.errors import DamagedFileError, MedlabError
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, read_volume, scan, write_image
from tests.synthetic import oblique_grid, phantom_values

SHARED = Path(os.environ.get("MEDLAB_SHARED", "../shared")) / "data"
DATA = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
RAS = np.array([[-1.25, 0, 0, 5], [0, 1.5, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])


def codes(series):
    return {p.code: p for p in series.problems}


@pytest.mark.parametrize("given", ["x.hdr", "x.img", "."])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_analyze_with_a_warning_on_left_and_right(tmp_path, given, endian):
    header = nibabel.AnalyzeHeader(endianness=endian)
    image = nibabel.AnalyzeImage(DATA, RAS, header)
    image.header.set_zooms((1.25, 1.5, 3.0))
    nibabel.save(image, tmp_path / "x.img")
    result = scan(tmp_path / given)
    (series,) = result.series
    assert series.format == "analyze"
    assert series.description == "x"
    problem = codes(series)["no-orientation"]
    assert problem.severity is Severity.UNSAFE
    assert "LEFT AND RIGHT MAY BE SWAPPED" in problem.message
    assert series.grid.spacing == pytest.approx((3.0, 1.5, 1.25))
    assert series.grid.orientation == "LAS"
    assert np.array_equal(read_volume(series).data, DATA.T)
    if given == ".":
        (ignored,) = result.ignored
        assert ignored.reason == "It holds the voxels of x.hdr, which is read with it."


def test_analyze_without_its_voxels(tmp_path):
    nibabel.save(nibabel.AnalyzeImage(DATA, RAS), tmp_path / "x.img")
    (tmp_path / "x.img").unlink()
    with pytest.raises(DamagedFileError, match=r"x\.hdr is damaged.*x\.img"):
        read_one(tmp_path / "x.hdr")


@pytest.mark.parametrize("cls", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
def test_pair_of_nifti_knows_left_and_right(tmp_path, cls):
    nibabel.save(cls(DATA, RAS), tmp_path / "x.img")
    series, volume = read_one(tmp_path)
    assert "no-orientation" not in codes(series)
    for i, j, k in ((0, 0, 0), (3, 4, 5), (1, 2, 3)):
        ras = RAS @ (i, j, k, 1)
        assert volume.data[k, j, i] == DATA[i, j, k]
        lps = volume.grid.to_mm((k, j, i))
        assert np.allclose(lps, (-ras[0], -ras[1], ras[2]), atol=1e-4)


@pytest.mark.parametrize("ending", [".mgh", ".mgz"])
def test_mgh_is_where_nibabel_puts_it(tmp_path, ending):
    grid = oblique_grid()
    affine = np.diag([-1, -1, 1, 1]) @ grid.affine[:, [2, 1, 0, 3]]
    data = phantom_values(grid)
    path = tmp_path / f"brain{ending}"
    nibabel.save(nibabel.MGHImage(data.T, affine), path)
    series, volume = read_one(path)
    assert (series.format, series.description) == ("mgh", "brain")
    assert {type(n) for n in series.shape} == {int}
    assert np.array_equal(volume.data, data)
    assert volume.grid.same_as(grid, tol=1e-2)
    assert series.problems == () or set(codes(series)) == {"modality-guessed"}


def test_four_dimensions(tmp_path):
    data = np.arange(240, dtype=np.int16).reshape(4, 5, 6, 2)
    nibabel.save(nibabel.MGHImage(data, RAS), tmp_path / "x.mgz")
    nibabel.save(nibabel.AnalyzeImage(data, RAS), tmp_path / "y.img")
    for name in ("x.mgz", "y.hdr"):
        found = scan(tmp_path / name).series
        assert [s.part for s in found] == ["volume 1", "volume 2"]
        for n, series in enumerate(found):
            assert np.array_equal(read_volume(series).data, data[..., n].T)


@pytest.mark.parametrize("name", ["x.mgh", "x.mgz", "x.img"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_cut_short(tmp_path, name, share):
    data = np.random.default_rng(0).integers(0, 9999, (20, 21, 22)).astype(np.int16)
    cls = nibabel.AnalyzeImage if name == "x.img" else nibabel.MGHImage
    nibabel.save(cls(data, RAS), tmp_path / name)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(MedlabError) as caught:
        read_one(path)
    assert caught.value.message.endswith(".")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_real_mgz_and_its_conversion(tmp_path):
    paths = sorted((SHARED / "niivue").rglob("*.mgz"))
    assert paths
    for path in paths:
        series, volume = read_one(path)
        image = nibabel.load(path)
        assert np.array_equal(volume.data, np.asarray(image.dataobj).T)
        out = write_image(tmp_path / "x.nii.gz", volume.data, volume.grid)
        assert np.allclose(nibabel.load(out).affine, image.affine, atol=1e-3)
        assert series.blocking is None
