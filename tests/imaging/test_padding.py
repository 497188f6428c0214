from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.imaging.padding import is_padding, without_padding


def test_filling_values_become_the_darkest_that_was_measured_in_their_slice():
    data = np.array(
        [[[-2000, -990], [40, -2000]], [[5, 7], [9, 11]], [[-2000] * 2] * 2], np.int16
    )
    before = data.copy()
    found = without_padding(data, (-2000, -1900))
    assert found.dtype == np.int16
    assert found.tolist() == [
        [[-990, -990], [40, -990]],
        [[5, 7], [9, 11]],
        [[-2000] * 2] * 2,  # nothing was measured there
    ]
    for k in range(3):
        np.testing.assert_array_equal(
            without_padding(data[k], (-2000, -1900)), found[k]
        )
    np.testing.assert_array_equal(data, before)


def test_nothing_is_copied_where_nothing_fills():
    data = np.arange(12, dtype=np.int16).reshape(3, 2, 2)
    assert without_padding(data, None) is data
    assert without_padding(data, (-5, -1)) is data
    assert is_padding(data, (-5, -1)) is None
    assert is_padding(data, None) is None


def test_filling_values_may_be_bright_and_others_no_numbers():
    plane = np.array([[np.nan, 65535.0], [3.0, 4.0]], np.float32)
    found = without_padding(plane, (65535, 65535))
    assert found[0, 1] == 3.0
    assert np.isnan(found[0, 0])
    fills = is_padding(plane, (65535, 65535))
    assert fills is not None
    assert fills.tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("step", ["equalize", "percentile", "zscore", "clahe", "n4"])
def test_a_padded_scan_gives_what_the_scan_gives_with_air_there(step):
    """The corners outside the field of view hold -2000, or what air measures."""
    from medlab_gui.core.specs import PipelineSpec, Step
    from medlab_gui.imaging.pipeline import run_pipeline

    if step == "n4":
        pytest.importorskip("SimpleITK")
    rng = np.random.default_rng(4)
    scan = rng.normal(40, 30, (3, 48, 48)).astype(np.int16)
    scan[:, :6] = -1000
    if step == "n4":  # for MR only
        scan += 1200
    padded = scan.copy()
    padded[:, :3] = -2000
    spec = PipelineSpec((Step(step),))
    expected = run_pipeline(spec, scan)
    given = without_padding(padded, (-2000, -2000))
    np.testing.assert_array_equal(run_pipeline(spec, given), expected)
    if step in ("equalize", "clahe"):
        assert not np.array_equal(run_pipeline(spec, padded), expected), "it matters"
