import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.specs import PipelineSpec, Step
from medlab_gui.imaging import fit_pipeline, needs_volume, run_pipeline
from medlab_gui.imaging.bias import bias_field

QUICK = {"shrink": 2, "levels": 2, "iterations": 20}
CHAIN = PipelineSpec((Step("n4", dict(QUICK)), Step("zscore")))


@pytest.fixture(scope="module")
def mr():
    """Three tissues, noise, and a known field."""
    rng = np.random.default_rng(0)
    z, y, x = np.mgrid[:10, :64, :64]
    body = np.hypot(y - 32, x - 32) < 26
    tissue = np.where(body, 100.0, 4.0) + 60 * (np.hypot(y - 26, x - 36) < 8)
    field = np.exp(0.3 * np.sin(x / 30) + 0.2 * (y - 32) / 32 + 0.01 * z)
    scan = (tissue + rng.normal(0, 2, tissue.shape)).clip(1) * field
    return scan.astype(np.float32), field, body


def test_a_known_field_is_found(mr):
    scan, field, body = mr
    found = bias_field(scan, **QUICK)
    assert found.dtype == np.float32
    before = np.log(field[body]).std()
    assert np.log(found[body] / field[body]).std() < 0.2 * before


def test_the_field_is_that_of_simpleitk(mr):
    scan, _, _ = mr
    image = sitk.GetImageFromArray(scan)
    mask = sitk.OtsuThreshold(image, 0, 1, 256)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([20, 20])
    n4.Execute(image, mask)
    log_field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image))
    ours = np.log(bias_field(scan, shrink=1, levels=2, iterations=20))
    inside = sitk.GetArrayFromImage(mask) > 0
    apart = (ours - log_field)[inside]
    assert apart.std() < 0.01
    assert np.abs(ours[inside].mean()) < 0.01


def test_the_same_bits_each_time(mr):
    assert np.array_equal(bias_field(mr[0], **QUICK), bias_field(mr[0], **QUICK))


def test_a_slice_through_a_fitted_pipeline_has_the_bits_of_the_scan(mr):
    scan, _, _ = mr
    assert needs_volume(CHAIN)
    off = PipelineSpec((Step("n4", enabled=False), Step("zscore")))
    assert not needs_volume(off)
    whole = run_pipeline(CHAIN, scan)
    fitted = fit_pipeline(CHAIN, scan)
    for k in (0, 4, 9):
        assert np.array_equal(fitted(scan[k], k), whole[k])
    # A slice alone is a scan of one slice, which is something else.
    assert not np.array_equal(run_pipeline(CHAIN, scan[4]), whole[4])
    easy = fit_pipeline(off, scan)
    assert np.array_equal(easy(scan[3], 3), run_pipeline(off, scan)[3])


def test_a_step_before_it_counts(mr):
    scan, _, _ = mr
    doubled = PipelineSpec((Step("gaussian", {"sigma": 0.0}), *CHAIN.steps))
    assert np.array_equal(run_pipeline(doubled, scan), run_pipeline(CHAIN, scan))
    blurred = PipelineSpec((Step("gaussian", {"sigma": 2.0}), *CHAIN.steps))
    fitted = fit_pipeline(blurred, scan)
    assert np.array_equal(fitted(scan[5], 5), run_pipeline(blurred, scan)[5])


def test_it_reports_and_stops(mr):
    seen = []
    bias_field(mr[0], **QUICK, progress=lambda *a: seen.append(a))
    assert seen
    assert all(0 < done <= total == 40 for done, total, _ in seen)

    class StopHereError(Exception):
        pass

    def stop(done, total=0, message=""):
        raise StopHereError

    with pytest.raises(StopHereError):
        bias_field(mr[0], **QUICK, progress=stop)


def test_one_slice_and_scans_with_nothing_to_find(mr):
    assert bias_field(mr[0][4:5], **QUICK).shape == (1, 64, 64)
    for flat in (np.zeros((3, 20, 20)), np.ones((1, 1, 1)), np.ones((0, 5, 5))):
        assert np.array_equal(bias_field(flat), np.ones_like(flat))


def test_what_it_cannot_do_is_said(mr):
    ct = np.where(mr[2], 40.0, -1000.0) + np.random.default_rng(0).normal(
        0, 100, mr[2].shape
    )
    with pytest.raises(InputError, match="for MR"):
        bias_field(ct)
    with pytest.raises(SpecError, match="at least 1"):
        bias_field(mr[0], levels=0)
