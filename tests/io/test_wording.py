"""Sentences that a clinician reads agree with their numbers."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.io import mask_on_grid, read_mask, read_one, scan
from medlab_gui.io.voxels import value_problems
from medlab_gui.io.wording import placed
from tests.io.dicom_checks import problem
from tests.synthetic import plain_grid, write_series


def _without_place(ds, k):
    del ds.ImagePositionPatient


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (1, "1 picture does not say where in the patient it was taken"),
        (3, "3 pictures do not say where in the patient they were taken"),
    ],
)
def test_without_a_position(tmp_path, n, said):
    write_series(tmp_path, plain_grid((n, 4, 5)), edit=_without_place)
    (series,) = scan(tmp_path).series
    assert problem(series, "no-position").message.startswith(said)


def test_one_slice_in_a_list(tmp_path):
    write_series(tmp_path / "a", plain_grid((1, 4, 5)), series_uid="1.2.3")
    write_series(tmp_path / "b", plain_grid((2, 4, 5)), series_uid="1.2.4")
    with pytest.raises(InputError, match=r"CT, 1 slice[,)].*CT, 2 slices[,)]"):
        read_one(tmp_path)


def test_a_volume_told_by_what_it_lacks(tmp_path):
    def edit(ds, k):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]

    def other(ds, k):
        edit(ds, k)
        ds.EchoTime = 4.6

    uid = "1.2.3.4"
    write_series(tmp_path / "a", plain_grid((3, 4, 5)), edit=edit, series_uid=uid)
    write_series(tmp_path / "b", plain_grid((3, 4, 5)), edit=other, series_uid=uid)
    told = {problem(s, "several-volumes").message for s in scan(tmp_path).series}
    assert any("echo time 4.6. Each" in message for message in told)
    assert any("the one without echo time. Each" in message for message in told)


def test_whole_numbers_that_float32_rounds():
    exact = np.array([[[0, 1 << 24]]], np.uint32)
    assert value_problems(exact) == []
    (told,) = value_problems(exact + np.uint32(1))
    assert told.code == "values-rounded"
    assert "16,777,216 (from 1 to 16,777,217)" in told.message
    assert value_problems(-exact.astype(np.int64) - 1)[0].code == "values-rounded"


def test_grids_that_differ_do_not_read_alike():
    plain = plain_grid((3, 4, 5))
    affine = plain.affine.copy()
    turn = np.deg2rad(7)
    affine[:2, :3] = [
        [np.cos(turn), -np.sin(turn)],
        [np.sin(turn), np.cos(turn)],
    ] @ affine[:2, :3]
    turned = Grid(plain.shape, affine)
    assert placed(turned).replace(" turned by 7 degrees", "") == placed(plain)
    with pytest.raises(GeometryError, match="turned by 7 degrees"):
        mask_on_grid(np.zeros(plain.shape, np.uint8), turned, plain)


def test_a_mask_of_several_volumes(tmp_path):
    image = nibabel.Nifti1Image(np.ones((3, 4, 5, 2), np.uint8), np.eye(4))
    image.to_filename(tmp_path / "m.nii")
    with pytest.raises(InputError, match=r"m\.nii holds 2 volumes, and a mask is one"):
        read_mask(tmp_path / "m.nii")
