from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.display import Display
from medlab_gui.gui.panes.plane_picture import slice_image
from medlab_gui.gui.shading import Shading, shading

VALUES = np.arange(-400, 500, dtype=np.int16)[np.newaxis]


def standard(x, level, width, function):
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, written down once more."""
    x = x.astype(float)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (x - level) / width))
    if function == "LINEAR":
        level, width = level - 0.5, width - 1
    return np.clip((x - level) / width + 0.5, 0, 1)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(("level", "width"), [(40, 400), (40, 80), (0.5, 4)])
def test_both_ways_of_drawing_follow_the_standard(function, inverted, level, width):
    expected = standard(VALUES, level, width, function)
    if inverted:
        expected = 1 - expected
    shade = Shading(function, inverted)
    # napari: straight between the limits, then the colours
    low, high = shade.limits(level, width)
    at = np.clip((VALUES - low) / (high - low), 0, 1)
    colors = shade.colors()
    drawn = np.interp(at, np.linspace(0, 1, len(colors)), colors)
    assert np.abs(drawn - expected).max() < 1 / 255
    # our panes
    image = slice_image(VALUES, level, width, shade)
    gray = [image.pixelColor(n, 0).red() for n in range(VALUES.size)]
    assert np.abs(np.array(gray) / 255 - expected[0]).max() < 1.01 / 255


def test_fractions_are_not_shifted_by_half_a_value():
    assert Shading("LINEAR", is_whole=False).limits(0.5, 4) == (-1.5, 2.5)
    assert Shading("LINEAR").limits(0.5, 4) == (-1.5, 1.5)
    assert Shading("LINEAR").limits(0, 1)[0] == -0.5


def test_turning_round_what_the_file_turned_round_gives_the_usual():
    display = Display(inverted=True)
    assert shading(display, np.dtype(np.int16), inverted=False).name == "gray_r"
    assert shading(display, np.dtype(np.float32), inverted=True).name == "gray"
    assert not shading(display, np.dtype(np.float32), inverted=True).is_whole


def test_what_must_be_known_is_said():
    assert Shading().words() == ""
    assert Shading("SIGMOID", True).words() == "SIGMOID, inverted"
    assert Shading("LINEAR_EXACT").words() == "LINEAR_EXACT"


def test_no_value_is_black_in_a_pane():
    picture = np.array([[np.nan, 1000.0]], dtype=np.float32)
    for function in ("LINEAR", "SIGMOID"):
        image = slice_image(picture, 40, 400, Shading(function))
        assert image.pixelColor(0, 0).red() == 0
        assert image.pixelColor(1, 0).red() >= 254
