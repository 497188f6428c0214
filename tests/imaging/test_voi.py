"""DICOM's window functions, against the standard's formulas and pydicom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_windowing

from medlab_gui.core.errors import SpecError
from medlab_gui.imaging.voi import linear_limits, voi


def by_pydicom(values, level, width, function):
    """Return pydicom's brightness, 0 to 1, of unsigned 16-bit values."""
    ds = Dataset()
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelRepresentation, ds.BitsStored, ds.BitsAllocated = 0, 16, 16
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = level, width, function
    with np.errstate(over="ignore"):  # pydicom's exp, far below a narrow window
        return apply_windowing(values, ds) / 65535


@given(
    st.floats(-1000, 60000),
    st.floats(2, 40000),
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_the_same_as_pydicom(level, width, function):
    values = np.arange(0, 65536, 97, dtype=np.uint16)
    level, width = round(level, 2), round(width, 2)
    ours = voi(values, level=level, width=width, function=function)
    truth = by_pydicom(values, level, width, function)
    # float32 holds about seven digits of values up to 65535.
    steep = 65536 * 2**-22 / max(width - (function == "LINEAR"), 1e-2)
    same = np.isclose(ours, truth, atol=1e-5 + 4 * steep)
    assert same.all()


# PS3.3 C.11.2.1.2, the notes: c = 2048, w = 4096 shows 0 to 4095 unchanged; c = 2048,
# w = 1 is a threshold at 2048; c = 0, w = 100 (LINEAR) goes from -50 to 49.
@pytest.mark.parametrize(
    ("value", "level", "width", "shown"),
    [
        (0, 2048, 4096, 0.0),
        (4095, 2048, 4096, 1.0),
        (2047.5, 2048, 4096, 0.5),
        (2047, 2048, 1, 0.0),
        (2048, 2048, 1, 1.0),
        (-50, 0, 100, 0.0),
        (49, 0, 100, 1.0),
        (-0.5, 0, 100, 0.5),
    ],
)
def test_numbers_of_the_standard(value, level, width, shown):
    got = voi(np.array([value]), level=level, width=width)
    assert got[0] == pytest.approx(shown, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(10, 0.5), (10 + 25, 1 / (1 + np.exp(-1))), (10 - 100, 1 / (1 + np.exp(4)))],
)
def test_sigmoid_by_hand(value, shown):
    got = voi(np.array([value]), level=10, width=100, function="SIGMOID")
    assert got[0] == pytest.approx(shown, rel=1e-5)


def test_exact_and_inverted():
    values = np.array([-50, 0, 50], np.int16)
    exact = voi(values, level=0, width=100, function="LINEAR_EXACT")
    assert exact.tolist() == [0, 0.5, 1]
    turned = voi(values, level=0, width=100, function="LINEAR_EXACT", inverted=True)
    assert turned.tolist() == [1, 0.5, 0]
    far = voi(np.array([-(10.0**9), 10.0**9]), level=0, width=1, function="SIGMOID")
    assert far == pytest.approx([0, 1], abs=1e-30)
    assert linear_limits(40, 400) == (-160, 239)
    assert linear_limits(40, 400, "LINEAR_EXACT") == (-160, 240)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0.5},
        {"width": 0, "function": "LINEAR_EXACT"},
        {"width": float("nan")},
        {"width": 10, "level": float("inf")},
        {"width": 10, "function": "CUBIC"},
    ],
)
def test_impossible_windows(wrong):
    with pytest.raises(SpecError):
        voi(np.zeros(3), **{"level": 0, **wrong})
