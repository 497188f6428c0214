"""Pictures, figures and volumes of a recipe: without a window."""

from __future__ import annotations

import numpy as np
import psutil
import pytest

from medlab_gui.core.errors import ResourceError, SpecError
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.gui import preview as module
from medlab_gui.gui.axes import number, ticks
from medlab_gui.gui.compare_painting import scale_numbers
from medlab_gui.gui.difference import difference_colors, difference_image, nice_limit
from medlab_gui.gui.figures_view import figure_rows
from medlab_gui.gui.histogram_view import summarise
from medlab_gui.gui.preview import SliceRunner, figures, preview
from medlab_gui.gui.processed_volume import ProcessedVolume, outwards
from medlab_gui.gui.shading import Shading
from medlab_gui.imaging.pipeline import run_pipeline
from tests.gui.docks_phantom import SCHEME, phantom
from tests.gui.gated_slices import GatedSlices

WINDOW = (40.0, 400.0)


def made(plane, spec, **more):
    return preview(plane, run_pipeline(spec, plane), spec, window=WINDOW, **more)


def test_ticks_are_round_and_inside():
    assert ticks(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(-1024, 1500, 6) == [-1000, -500, 0, 500, 1000, 1500]
    assert ticks(3, 3) == [3]
    assert [number(v) for v in (0.25, 12000, 2e6, 0)] == ["0.25", "12k", "2M", "0"]


def test_mean_and_deviation_of_a_histogram():
    even = np.arange(16.0).reshape(4, 4)
    counts, edges = np.histogram(even, 16)
    told = summarise(even, counts, edges)
    assert told.mean == pytest.approx(7.5)
    assert told.deviation == pytest.approx(np.sqrt(255 / 12))


def test_slices_run_step_by_step_are_those_of_the_pipeline():
    data, _labels = phantom()
    runner = SliceRunner(data)
    others = PipelineSpec(
        (Step("tv", {"weight": 0.05}), *LIVER_PIPELINE.steps[:2], Step("tv"))
    )
    for spec in (LIVER_PIPELINE, others, PipelineSpec(), LIVER_PIPELINE):
        once = runner.run(spec, 8)
        np.testing.assert_array_equal(once, run_pipeline(spec, data)[8])
    np.testing.assert_array_equal(
        runner.run(LIVER_PIPELINE, 3),
        run_pipeline(LIVER_PIPELINE, data)[3],
    )
    with pytest.raises(SpecError):
        runner.run(PipelineSpec((Step("sharpen"),)), 8)


def test_what_the_first_steps_gave_is_not_computed_again(monkeypatch):
    from medlab_gui.imaging import pipeline

    ran = []
    real = pipeline.run_pipeline

    def spy(spec, plane, **more):
        ran.extend(s.name for s in spec.steps)
        return real(spec, plane, **more)

    monkeypatch.setattr(pipeline, "run_pipeline", spy)
    data, _labels = phantom()
    runner = SliceRunner(data)
    runner.run(LIVER_PIPELINE, 8)
    assert ran == ["window", "equalize", "tv"]
    ran.clear()
    stronger = PipelineSpec((*LIVER_PIPELINE.steps[:2], Step("tv", {"weight": 0.2})))
    runner.run(stronger, 8)
    assert ran == ["tv"]
    ran.clear()
    runner.run(stronger, 9)
    assert ran == ["window", "equalize", "tv"]


def test_a_slow_recipe_stops_between_steps_and_keeps_what_it_has(monkeypatch):
    data, _labels = phantom()
    runner = SliceRunner(data)

    def stop() -> None:
        raise Cancelled

    # Quick ones are shown although a newer wish is there.
    runner.run(LIVER_PIPELINE, 8, stop)
    monkeypatch.setattr(module, "_PATIENCE_S", -1.0)
    with pytest.raises(Cancelled):
        runner.run(LIVER_PIPELINE, 9, stop)
    runner.run(LIVER_PIPELINE, 8, stop)


def test_preview_is_what_the_pipeline_gives():
    data, labels = phantom()
    shown = made(data[8], LIVER_PIPELINE, unit="HU", mask=labels[8], scheme=SCHEME)
    np.testing.assert_array_equal(
        shown.processed, run_pipeline(LIVER_PIPELINE, data)[8]
    )
    assert shown.processed_unit == ""
    assert shown.original_ends == (-160, 240)
    assert shown.processed_ends == (0, 1)
    assert shown.original_image.width() == data.shape[2]
    assert shown.outline is not None
    raw = made(data[8], PipelineSpec(), unit="HU")
    assert raw.processed_unit == raw.difference_unit == "HU"
    assert raw.processed_image == raw.original_image
    assert not raw.difference.any()


def test_differences_are_of_what_is_seen():
    plane = np.full((20, 20), 40, np.int16)
    plane[:, 10:] = 140
    wide = PipelineSpec((Step("window", {"level": 40.0, "width": 800.0}),))
    shown = made(plane, wide)
    # 140 HU is 0.75 of black to white in 40/400 and 0.625 in 40/800
    assert shown.difference_unit == "%"
    np.testing.assert_allclose(shown.difference[:, :10], 0, atol=1e-6)
    np.testing.assert_allclose(shown.difference[:, 10:], -0.125, atol=1e-6)
    assert shown.limit == 0.2
    assert scale_numbers(shown.limit, "%") == ("+20 %", "0 %", "\N{MINUS SIGN}20 %")


def test_scores_on_a_scale_of_their_own_are_visible():
    rng = np.random.default_rng(0)
    plane = rng.normal(100, 50, (64, 64))
    scores = ((plane - 100) / 50).astype(np.float32)
    shown = preview(plane, scores, LIVER_PIPELINE, window=WINDOW)
    low, high = shown.processed_ends
    assert -4 < low < -1.5
    assert 1.5 < high < 4
    assert shown.difference_unit == "%"
    smooth = preview(
        plane, plane.astype(np.float32) * 0.9, LIVER_PIPELINE, window=WINDOW
    )
    assert smooth.processed_ends == smooth.original_ends == (-160, 240)


def test_what_is_no_number_is_black():
    plane = np.full((16, 16), 300.0, np.float32)
    plane[0, 0] = np.nan
    shown = preview(plane, plane.copy(), PipelineSpec(), window=WINDOW)
    assert shown.original_image.pixelColor(0, 0).value() == 0
    assert shown.original_image.pixelColor(5, 5).value() == 255
    assert np.isfinite(shown.difference).all()


def test_difference_colours_tell_sign_and_size():
    colors = difference_colors().astype(int)
    darker, same, brighter = colors[0], colors[127], colors[255]
    assert darker[2] > darker[0] + 100
    assert brighter[0] > brighter[2] + 100
    assert same.max() < 60
    luma = colors @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma[:127]) <= 0).all()
    assert (np.diff(luma[129:]) >= 0).all()
    # blue and orange differ in what red-green blind eyes still have: blue - yellow
    assert (
        (darker[2] - darker[:2].mean()) > 80 > -80 > (brighter[2] - brighter[:2].mean())
    )


def test_difference_pictures_and_limits():
    step = np.zeros((40, 40), np.float32)
    step[:, 20:] = 0.3
    assert nice_limit(step) == 0.5
    assert nice_limit(np.zeros((8, 8))) == 1.0
    assert nice_limit(-37 * np.ones((8, 8))) == 50
    assert nice_limit(np.full((8, 8), np.nan)) == 1.0
    image = difference_image(step, 0.3)
    colors = difference_colors()
    assert tuple(image.pixelColor(30, 5).getRgb()[:3]) == tuple(colors[255])
    assert max(image.pixelColor(2, 5).getRgb()[:3]) < 60


def test_figures_of_less_noise():
    rng = np.random.default_rng(1)
    plane = np.where(np.arange(96) < 48, 0.0, 100.0) + rng.normal(0, 20, (96, 96))
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(plane, 1.5).astype(np.float32)
    told = figures(preview(plane, smooth, LIVER_PIPELINE, window=WINDOW))
    assert told.quality.noise_before == pytest.approx(20 / 400, rel=0.25)
    assert told.quality.noise_after < 0.4 * told.quality.noise_before
    assert told.quality.sharpness_after < told.quality.sharpness_before
    rows = figure_rows(told.quality)
    assert rows["noise"][0] == f"{100 * told.quality.noise_before:.2f} %"
    assert rows["psnr"] == ("", f"{told.quality.psnr_db:.1f} dB")
    assert told.original_histogram.counts.sum() == plane.size
    same = figures(made(plane.astype(np.float32), PipelineSpec()))
    assert figure_rows(same.quality)["psnr"][1] == "\N{INFINITY} dB"
    assert figure_rows(same.quality)["ssim"][1] == "1.000"


def test_a_step_that_needs_the_scan_is_fitted_once_and_gives_its_bits(monkeypatch):
    from medlab_gui.imaging import pipeline

    fitted = []
    real = pipeline.fit_pipeline

    def spy(spec, volume, **more):
        fitted.append([s.name for s in spec.steps])
        return real(spec, volume, **more)

    monkeypatch.setattr(pipeline, "fit_pipeline", spy)
    data, _labels = phantom()
    data = data[4:12, ::2, ::2] + 1100  # a bias field is of an MR scan: above 0
    quick = Step("n4", {"shrink": 4, "levels": 1, "iterations": 3})
    spec = PipelineSpec((Step("median"), quick, Step("gaussian", {"sigma": 0.7})))
    runner = SliceRunner(data)
    assert not runner.is_ready(spec)
    expected = run_pipeline(spec, data)
    reports = []
    for k in (4, 2):
        once = runner.run(spec, k, None, lambda *r, **_k: reports.append(r))
        np.testing.assert_array_equal(once, expected[k])
    assert runner.is_ready(spec)
    assert fitted == [["median", "n4"]]
    assert reports
    volume = ProcessedVolume("a", spec, data)
    volume.fill(3, lambda *_a: None, runner)
    assert [names for names in fitted if "n4" in names] == [["median", "n4"]]
    for k in range(len(data)):
        np.testing.assert_array_equal(volume.slice(k), expected[k])


# ---- the volume ------------------------------------------------------------------


def test_slices_nearest_to_the_one_shown_come_first():
    order = outwards(20, 13)
    assert order[0] == 13
    assert set(order[:5]) == {11, 12, 13, 14, 15}
    assert sorted(order) == list(range(20))


def test_a_volume_is_that_of_the_pipeline_and_can_be_stopped(monkeypatch):
    data, _labels = phantom()
    volume = ProcessedVolume("a", LIVER_PIPELINE, data)
    reports = []

    def stop_after_ten(done, total, _message):
        reports.append((done, total))
        if done >= 10:
            raise Cancelled

    with monkeypatch.context() as patched:
        GatedSlices(patched, 8, 10).go.set()
        with pytest.raises(Cancelled):
            volume.fill(8, stop_after_ten)
    assert 10 <= volume.n_done <= 13
    assert volume.slice(8) is not None
    assert not volume.complete
    volume.fill(8, lambda *_a: None)
    assert volume.complete
    expected = run_pipeline(LIVER_PIPELINE, data)
    for k in range(data.shape[0]):
        np.testing.assert_array_equal(volume.slice(k), expected[k])
    assert reports[0] == (0, 16)
    assert [done for done, _n in reports] == sorted(done for done, _n in reports)


def test_a_volume_belongs_to_its_series_and_recipe():
    volume = ProcessedVolume("a", LIVER_PIPELINE, np.zeros((2, 4, 4)))
    assert volume.is_of("a", LIVER_PIPELINE)
    assert not volume.is_of("b", LIVER_PIPELINE)
    assert not volume.is_of("a", PipelineSpec())


def test_a_volume_that_does_not_fit_is_refused(monkeypatch):
    class Little:
        available = 1_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    with pytest.raises(ResourceError, match="4 MB and 0 MB of memory"):
        ProcessedVolume("a", LIVER_PIPELINE, np.zeros((4, 512, 512), np.int16))


@pytest.mark.parametrize("inverted", [False, True])
def test_the_original_is_shown_by_the_files_own_curve(inverted):
    """PS3.3 C.11.2.1.3: SIGMOID reckoned by hand, and MONOCHROME1 turned round."""
    plane = np.arange(-400, 500, 100).reshape(3, 3).astype(np.int16)
    shown = made(plane, PipelineSpec(), shading=Shading("SIGMOID", inverted))
    expected = 255 / (1 + np.exp(-4 * (plane - 40.0) / 400))
    if inverted:
        expected = 255 - expected
    for image in (shown.original_image, shown.processed_image):
        found = [[image.pixelColor(i, j).red() for i in range(3)] for j in range(3)]
        np.testing.assert_allclose(found, expected, atol=1.0)


def test_the_difference_is_that_of_the_curve_that_is_seen():
    plane = np.array([[-160, 40], [140, 240]], np.int16)
    spec = PipelineSpec((Step("window", {"level": 40, "width": 400}),))
    shown = made(plane, spec, shading=Shading("SIGMOID"))
    seen = 1 / (1 + np.exp(-4 * (plane - 40.0) / 400))
    np.testing.assert_allclose(
        shown.difference, np.array([[0, 0.5], [0.75, 1]]) - seen, atol=1e-5
    )


def test_what_only_fills_the_picture_is_in_no_histogram():
    plane = np.full((40, 40), 50, np.int16)
    plane[:, 20:] = 90
    plane[:10] = -2000
    spec = PipelineSpec((Step("window", {"level": 70, "width": 100}),))
    runner = SliceRunner(plane[np.newaxis], (-2000, -2000))
    processed = runner.run(spec, 0)
    np.testing.assert_allclose(np.unique(processed), [0.3, 0.7], atol=1e-6)
    shown = preview(plane, processed, spec, window=WINDOW, padding=(-2000, -2000))
    counted = figures(shown)
    for histogram in (counted.original_histogram, counted.processed_histogram):
        assert histogram.counts.sum() == 30 * 40
    assert counted.original_histogram.edges[0] == 50
    assert counted.original_histogram.mean == pytest.approx(70)
    assert counted.processed_histogram.mean == pytest.approx(0.5)
    whole = ProcessedVolume("u", spec, plane[np.newaxis], (-2000, -2000))
    whole.fill(0, lambda *_a, **_k: None)
    np.testing.assert_array_equal(whole.slice(0), processed)
