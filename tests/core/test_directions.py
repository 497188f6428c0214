from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.directions import direction_letters, in_doubt


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "L"),
        ((-2, 0, 0), "R"),
        ((0, 1, 0), "P"),
        ((0, -0.1, 0), "A"),
        ((0, 0, 1), "S"),
        ((0, 0, -1), "I"),
        ((1, -1.001, 0), "AL"),
        ((1.001, -1, 0), "LA"),
        ((0.6, 0.5, -0.7), "ILP"),
    ],
)
def test_the_largest_part_comes_first(direction, letters):
    assert direction_letters(direction) == letters


@pytest.mark.parametrize(("degrees", "letters"), [(9, "L"), (11, "LS"), (60, "SL")])
def test_a_small_tilt_has_one_letter(degrees, letters):
    angle = np.radians(degrees)
    assert direction_letters((np.cos(angle), 0, np.sin(angle))) == letters


@pytest.mark.parametrize("bad", [(0, 0, 0), (1, 2), (np.nan, 1, 0)])
def test_what_is_no_direction_is_refused(bad):
    with pytest.raises(ValueError, match="three numbers"):
        direction_letters(bad)


def test_what_is_only_assumed_is_marked():
    assert in_doubt("LA", doubt=True) == "LA?"
    assert in_doubt("LA", doubt=False) == "LA"
    assert in_doubt("", doubt=True) == ""
