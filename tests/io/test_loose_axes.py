"""A size given by hand to voxels that have none: the directions are the file's."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.cli.main import main
from medlab_gui.core.records import Severity
from medlab_gui.io import read_volume, scan
from medlab_gui.io.loose_axes import completed_axes, span_a_volume, unit_axes
from medlab_gui.io.treatment import offered_remedies, treat
from tests.synthetic import oblique_grid

DATA = np.arange(120, dtype=np.int16).reshape(4, 5, 6) - 7
SPACING = (3.0, 1.5, 1.25)
GRID = oblique_grid(DATA.shape, SPACING)


def only(path):
    (series,) = scan(path).series
    return series


def codes(series):
    return {p.code: p for p in series.problems}


def meta_image(path, *, packed=False, **changed):
    """Write `GRID` by ITK, with some fields of the header changed or left out."""
    image = sitk.GetImageFromArray(DATA)
    image.SetSpacing(SPACING[::-1])
    image.SetDirection((GRID.affine[:3, :3] / SPACING)[:, ::-1].ravel())
    image.SetOrigin(GRID.affine[:3, 3])
    sitk.WriteImage(image, str(path), packed)
    head, mark, rest = path.read_bytes().partition(b"ElementDataFile")
    lines = []
    for line in head.decode().splitlines():
        name = line.split(" = ")[0]
        if changed.get(name, line) is not None:
            lines.append(f"{name} = {changed[name]}" if name in changed else line)
    path.write_bytes("\n".join([*lines, ""]).encode() + mark + rest)
    return path


def assert_is_given(done, grid=GRID):
    assert [a.code for a in done.applied] == ["given-spacing"]
    assert np.allclose(done.grid.affine, grid.affine, atol=1e-4)
    assert np.array_equal(read_volume(done).data, DATA)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", ["mha", "mhd"])
@pytest.mark.parametrize("size", ["0 0 0", "1.25 1.5 0"])
def test_meta_image(tmp_path, ending, packed, size):
    path = meta_image(tmp_path / f"x.{ending}", packed=packed, ElementSpacing=size)
    series = only(path)
    assert series.grid is None
    assert offered_remedies(series) == ("given-spacing",)
    (done,) = treat(series, [], SPACING)
    assert set(codes(done)) == {"spacing-given"}
    assert_is_given(done)
    assert done.uid != series.uid


def test_meta_image_without_a_word_on_size(tmp_path):
    series = only(meta_image(tmp_path / "x.mha", ElementSpacing=None))
    assert codes(series)["no-spacing"].severity is Severity.UNSAFE
    assert_is_given(*treat(series, [], SPACING))


def test_without_a_word_on_size_and_directions(tmp_path):
    lost = dict.fromkeys(("ElementSpacing", "TransformMatrix"))
    series = only(meta_image(tmp_path / "x.mha", **lost))
    assert {"no-spacing", "no-orientation"} <= set(codes(series))
    (done,) = treat(series, [], SPACING)
    assert set(codes(done)) == {"no-orientation", "spacing-given"}
    assert done.grid.spacing == pytest.approx(SPACING)


def test_directions_of_zeros_are_told_as_assumed(tmp_path):
    series = only(meta_image(tmp_path / "x.mha", TransformMatrix="0 0 0 0 0 0 0 0 0"))
    (done,) = treat(series, [], SPACING)
    assert codes(done)["direction-assumed"].severity is Severity.UNSAFE
    assert done.grid.axis_letters == ("S", "P", "L")
    assert done.grid.spacing == pytest.approx(SPACING)
    assert np.array_equal(read_volume(done).data, DATA)


@pytest.mark.parametrize("detached", [False, True])
def test_nrrd_with_an_axis_of_no_length(tmp_path, detached):
    """Its direction is gone, too: a right angle is assumed, and told."""
    columns = [GRID.affine[:3, n] for n in (2, 1)]
    shown = " ".join("({},{},{})".format(*c) for c in columns)
    head = (
        "NRRD0004\ntype: short\ndimension: 3\nsizes: 6 5 4\nencoding: raw\n"
        f"endian: little\nspace: LPS\nspace directions: {shown} (0,0,0)\n"
        "space origin: ({},{},{})\n".format(*GRID.affine[:3, 3])
    )
    path = tmp_path / ("x.nhdr" if detached else "x.nrrd")
    if detached:
        (tmp_path / "x.raw").write_bytes(DATA.tobytes())
        path.write_text(f"{head}data file: x.raw\n")
    else:
        path.write_bytes(f"{head}\n".encode() + DATA.tobytes())
    series = next(s for s in scan(tmp_path).series if s.format == "nrrd")
    assert series.grid is None
    (done,) = treat(series, [], SPACING)
    assert codes(done)["direction-assumed"].severity is Severity.UNSAFE
    assert_is_given(done)  # the phantom's third axis is at a right angle


def nifti(path, *, qform, sform, size=0.0, qfac=1.0):
    ras = np.diag([-1.0, -1, 1, 1]) @ GRID.affine[:, [2, 1, 0, 3]]
    if qfac < 0:
        ras[:, 2] *= -1
    image = nibabel.Nifti1Image(DATA.T, ras)
    image.set_qform(ras, qform)
    image.set_sform(ras if sform else None, sform)
    nibabel.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[80:92] = np.full(3, size, np.float32).tobytes()
    if sform:
        raw[280:328] = np.zeros(12, np.float32).tobytes()
    path.write_bytes(raw)
    return path, ras


@pytest.mark.parametrize("qfac", [1.0, -1.0])
@pytest.mark.parametrize("size", [0.0, np.nan])
@pytest.mark.parametrize("sform", [0, 1])
def test_nifti_turned_by_its_qform(tmp_path, sform, size, qfac):
    path, ras = nifti(tmp_path / "x.nii", qform=1, sform=sform, size=size, qfac=qfac)
    series = only(path)
    if size == 0:  # nibabel makes 1 mm of it, and so do others
        assert codes(series)["no-spacing"].severity is Severity.UNSAFE
        assert series.grid.spacing == pytest.approx((1, 1, 1))
    else:
        assert series.grid is None
        assert offered_remedies(series) == ("given-spacing",)
    (done,) = treat(series, [], SPACING)
    assert set(codes(done)) <= {"spacing-given", "sform-unusable"}
    lps = (np.diag([-1.0, -1, 1, 1]) @ ras)[:, [2, 1, 0, 3]]
    assert np.allclose(done.grid.affine, lps, atol=1e-4)
    assert np.array_equal(read_volume(done).data, DATA)


def test_nifti_that_says_nothing(tmp_path):
    series = only(nifti(tmp_path / "x.nii", qform=0, sform=0)[0])
    (done,) = treat(series, [], SPACING)
    assert "no-orientation" in codes(done)
    assert done.grid.orientation == "RAS"
    assert done.grid.spacing == pytest.approx(SPACING)


def test_a_single_nifti_slice_needs_no_thickness(tmp_path):
    image = nibabel.Nifti1Image(DATA.T[..., :1], np.diag([2.0, 2, 1, 1]))
    image.set_sform(None, 0)
    nibabel.save(image, tmp_path / "x.nii")
    raw = bytearray((tmp_path / "x.nii").read_bytes())
    raw[88:92] = bytes(4)
    (tmp_path / "x.nii").write_bytes(raw)
    assert "no-spacing" not in codes(only(tmp_path / "x.nii"))


def test_analyze_and_mgh(tmp_path):
    image = nibabel.AnalyzeImage(DATA.T, None)
    nibabel.save(image, tmp_path / "a.img")
    raw = bytearray((tmp_path / "a.hdr").read_bytes())
    raw[80:92] = bytes(12)
    (tmp_path / "a.hdr").write_bytes(raw)
    series = only(tmp_path / "a.hdr")
    assert codes(series)["no-spacing"].severity is Severity.UNSAFE
    (done,) = treat(series, [], SPACING)
    assert done.grid.orientation == "LAS"  # as where sizes are named
    assert done.grid.spacing == pytest.approx(SPACING)
    ras = np.diag([-1.0, -1, 1, 1]) @ GRID.affine[:, [2, 1, 0, 3]]
    nibabel.save(nibabel.MGHImage(DATA.T, ras), tmp_path / "m.mgh")
    raw = bytearray((tmp_path / "m.mgh").read_bytes())
    raw[30:42] = bytes(12)
    (tmp_path / "m.mgh").write_bytes(raw)
    (done,) = treat(only(tmp_path / "m.mgh"), [], SPACING)
    assert np.allclose(
        done.grid.affine[:3, :3], GRID.affine[:3, :3], atol=1e-4
    )  # the centre, by which MGH places itself, is at other figures now
    assert np.array_equal(read_volume(done).data, DATA)


def test_more_than_three_axes_offer_nothing(tmp_path):
    sitk.WriteImage(sitk.Image([4, 5], sitk.sitkInt16), str(tmp_path / "flat.mha"))
    series = only(tmp_path / "flat.mha")
    assert series.grid is None
    assert offered_remedies(series) == ()


def test_on_the_command_line_it_is_kept_with_the_series(tmp_path, capsys):
    path = meta_image(tmp_path / "x.mha", ElementSpacing="0 0 0")
    project = ["--project", str(tmp_path / "project"), "--json"]
    assert main(["import", str(path), *project])[0] == 2
    assert "size 0" in capsys.readouterr().err
    assert main(["import", str(path), "--spacing", "3,1.5,1.25", *project])[0] == 0
    (taken,) = json.loads(capsys.readouterr().out)["series"]
    assert [r["code"] for r in taken["remedies"]] == ["given-spacing"]
    assert "3 x 1.5 x 1.25" in taken["remedies"][0]["effect"]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_one_axis_is_completed_and_two_are_not(lost):
    affine = np.array(GRID.affine)
    assert span_a_volume(unit_axes(affine))
    affine[:3, lost] = 0
    known = unit_axes(affine)
    assert not span_a_volume(known)
    done, named = completed_axes(known, SPACING)
    assert not named
    assert np.allclose(done, GRID.affine)
    affine[:3, (lost + 1) % 3] = np.nan
    done, named = completed_axes(unit_axes(affine), SPACING)
    assert not named
    assert np.allclose(done[:3, :3], np.fliplr(np.diag(SPACING[::-1])))


def test_parallel_axes_are_no_directions():
    affine = np.array(GRID.affine)
    affine[:3, 1] = affine[:3, 2]
    done, named = completed_axes(unit_axes(affine), SPACING)
    assert not named
    assert np.allclose(np.linalg.norm(done[:3, :3], axis=0), SPACING)
    assert abs(np.linalg.det(done[:3, :3])) == pytest.approx(np.prod(SPACING))


def test_numbers_beyond_all_bounds_warn_of_nothing():
    affine = np.array(GRID.affine)
    affine[:3, 0], affine[1, 1], affine[0, 3] = 1e300, np.inf, np.nan
    known = unit_axes(affine)
    assert not span_a_volume(known)
    done, named = completed_axes(known, SPACING)
    assert not named
    assert np.allclose(np.linalg.norm(done[:3, :3], axis=0), SPACING)
