"""Enhanced MR of two makers, against NIfTI files that dcm2niix made of them."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from medlab_gui.io import read_volume, scan
from medlab_gui.io.nifti_geometry import ras_to_lps

PHILIPS_SCALE_SLOPE = 8.448640073766e-06
"""(2005,100E) of the magnitude frames of IM_0027_fMAP.dcm."""
RESCALE_SLOPE = 1.27985347985347
"""(0028,1053) of the same."""


@pytest.fixture
def folder(shared):
    return shared / "data" / "dcm_qa_enh"


def twin(path):
    """Return a NIfTI twin in the order (Z, Y, X, ...) and its affine in LPS."""
    image = nibabel.load(path)
    return np.asarray(image.dataobj).T, ras_to_lps(image.affine)


def same_place(volume, data, affine):
    """Return the twin's voxels on our grid; it may run along an axis the other way."""
    relation = np.linalg.inv(affine) @ volume.grid.affine
    turn = np.rint(relation[:3, :3])
    assert np.allclose(relation[:3, :3], turn, atol=1e-3)
    assert np.array_equal(np.abs(turn), np.eye(3))
    flipped = data[tuple(slice(None, None, int(s)) for s in np.diag(turn))]
    first = relation @ [0, 0, 0, 1]
    corner = [0 if s > 0 else n - 1 for s, n in zip(np.diag(turn), data.shape[-3:],
                                                   strict=True)]  # fmt: skip
    assert np.allclose(first[:3], corner, atol=0.01)
    return flipped


def test_field_map_of_philips_is_in_hertz(folder):
    """Each frame has a rescale of its own: 0.2442 x - 500 here, 1.28 x there."""
    found = {s.part: s for s in scan(folder / "In" / "Philips").series}
    volume = read_volume(found["real, field map"])
    data, affine = twin(folder / "Ref" / "Philips_WIP_B0_NS_801_e2_fieldmaphz.nii")
    assert np.allclose(volume.data, same_place(volume, data, affine), atol=0.01)


def test_magnitude_of_philips_is_what_the_scanner_displays(folder):
    """The twin holds Philips' floating-point values, by the private scale slope.

    dcm2niix divides what the standard's rescale gives by Rescale Slope times Scale
    Slope (2005,100E). We follow the standard, and the Real World Value Mapping of the
    file says the same; so the two differ by exactly that factor.
    """
    found = {s.part: s for s in scan(folder / "In" / "Philips").series}
    volume = read_volume(found["magnitude"])
    data, affine = twin(folder / "Ref" / "Philips_WIP_B0_NS_801_e1.nii")
    data = same_place(volume, data, affine)
    factor = RESCALE_SLOPE * PHILIPS_SCALE_SLOPE
    assert np.allclose(volume.data, data * factor, rtol=1e-4, atol=1e-3)
    assert volume.data.max() == pytest.approx(1991 * RESCALE_SLOPE)


def test_points_in_time_of_siemens(folder):
    found = scan(folder / "In" / "Siemens").series
    assert [s.name for s in found] == [
        f"REST1 w SMS PF7-8, time {n} of 4" for n in (1, 2, 3, 4)
    ]
    data, affine = twin(folder / "Ref" / "Siemens_REST1_w_SMS_PF7-8_6.nii")
    assert data.shape == (4, 6, 64, 64)
    for n, series in enumerate(found):
        volume = read_volume(series)
        assert np.array_equal(volume.data, same_place(volume, data[n], affine))


def test_label_and_control_of_philips(shared):
    """Told apart by what the file itself says it is sorted by (a private element)."""
    packed = shared / "data" / "dcm_qa_philips_enh" / "In" / "enh"
    found = scan(packed / "1903_WIP_SOURCE_-_3DpCASL.dcm.gz").series
    assert [s.part for s in found] == [
        f"time {t} of 3, label type {n} of 2" for t in (1, 2, 3) for n in (1, 2)
    ]
    assert {s.shape for s in found} == {(40, 96, 96)}


def test_echoes_with_magnitude_and_phase_of_philips(shared):
    packed = shared / "data" / "dcm_qa_philips_enh" / "In" / "enh"
    found = scan(packed / "2001_WIP_fcMRI_Field_Mapping_e2_phMag.dcm.gz").series
    assert [s.name for s in found] == [
        f"fcMRI Field Mapping, {kind}, TE {te} ms"
        for kind in ("magnitude", "phase")
        for te in (2.3, 4.6)
    ]
    # Phase is in milliradians: -pi to pi.
    phase = read_volume(found[2]).data
    assert -3142 <= phase.min() < -3000
    assert 3000 < phase.max() <= 3142.1
