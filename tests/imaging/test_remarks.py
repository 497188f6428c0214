"""Recipes whose steps get values that they are not meant for."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.imaging import run_pipeline
from medlab_gui.imaging.remarks import remarks


def chain(*names, **params):
    return PipelineSpec(tuple(Step(n, params.get(n, {})) for n in names))


def test_gamma_on_hounsfield_units_is_black_and_white_and_says_so():
    ct = np.linspace(-1000, 2000, 64 * 64, dtype=np.float32).reshape(64, 64)
    alone = chain("gamma", gamma={"gamma": 0.5})
    assert set(np.unique(run_pipeline(alone, ct.round() + 2))) == {0.0, 1.0}
    (said,) = remarks(alone, -1000, 2000, "HU")
    assert "-1000 to 2000 HU reach it" in said
    assert "Put a window" in said


@pytest.mark.parametrize("first", ["window", "percentile", "equalize", "clahe"])
def test_nothing_is_said_where_values_are_from_0_to_1(first):
    assert remarks(chain(first, "gamma", "tv"), -1000, 2000) == ()
    assert remarks(chain("gamma", "tv"), 0.0, 1.0) == ()
    assert remarks(LIVER_PIPELINE, -1024, 3071) == ()


def test_each_step_is_judged_by_what_reaches_it():
    assert len(remarks(chain("zscore", "gamma"), 0, 500)) == 1
    assert len(remarks(chain("median", "gaussian", "gamma"), 0, 500)) == 1
    off = PipelineSpec((Step("window", {}, enabled=False), Step("gamma")))
    assert len(remarks(off, -1000, 2000)) == 1
    assert remarks(PipelineSpec((Step("gamma", {}, enabled=False),)), 0, 500) == ()


def test_total_variation_on_raw_values_does_next_to_nothing_and_says_so():
    noisy = np.random.default_rng(0).normal(40, 100, (48, 48)).astype(np.float32)
    low, high = float(noisy.min()), float(noisy.max())
    done = run_pipeline(chain("tv"), noisy)
    assert done.std() > 0.99 * noisy.std()
    assert len(remarks(chain("tv"), low, high)) == 1
    assert remarks(chain("tv", tv={"weight": 0.0}), low, high) == ()


def test_a_window_after_another_scale_leaves_one_grey_and_says_so():
    turned = chain("equalize", "window")
    ct = np.random.default_rng(0).normal(40, 100, (48, 48)).astype(np.float32)
    assert np.ptp(run_pipeline(turned, ct)) < 0.01
    (said,) = remarks(turned, -1000, 2000)
    assert "level 40, width 400" in said
    narrow = chain("equalize", "window", window={"level": 0.5, "width": 1.0})
    assert remarks(narrow, -1000, 2000) == ()
