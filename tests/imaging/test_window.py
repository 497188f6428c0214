import numpy as np
import pytest

from medlab_gui.core.errors import SpecError
from medlab_gui.imaging import PRESETS, default_window, window


def test_presets_are_those_of_the_table():
    """Window and level as agreed; a typo here would show a lung as black."""
    assert {(p.name, p.width, p.level) for p in PRESETS} == {
        ("Brain", 80, 40),
        ("Stroke", 40, 40),
        ("Abdomen", 400, 40),
        ("Mediastinum", 400, 40),
        ("Lung", 1500, -600),
        ("Bone", 2000, 400),
        ("Liver", 150, 90),
        ("CT angiography", 600, 200),
    }
    assert PRESETS[0].name == "Abdomen"


def test_window_is_linear_and_clipped():
    data = np.array([-1000, -160, -60, 40, 140, 240, 3000], np.int16)
    out = window(data, level=40, width=400)
    assert out.dtype == np.float32
    assert np.allclose(out, [0, 0, 0.25, 0.5, 0.75, 1, 1], atol=1e-6)
    assert data[0] == -1000


@pytest.mark.parametrize(
    ("level", "width"), [(0, 0), (0, -5), (np.nan, 5), (0, np.inf)]
)
def test_impossible_windows(level, width):
    with pytest.raises(SpecError, match="width above 0"):
        window(np.zeros((2, 2)), level=level, width=width)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, (40, 400)),
        ((50.0, 350.0), (50, 350)),
        ((0.0, 0.0), (40, 400)),
        ((0.0, 1.0), (40, 400)),
        ((40.0, 65535.0), (40, 400)),
        ((float("nan"), 400.0), (40, 400)),
    ],
)
def test_ct_opens_in_the_file_s_window_if_it_is_sane(asked, given):
    assert default_window(np.zeros((2, 2)), "CT", asked) == given


def test_mr_opens_between_percentiles():
    rng = np.random.default_rng(1)
    data = np.zeros((4, 100, 100), np.int16)
    data[:, 30:70, 30:70] = rng.normal(500, 50, (4, 40, 40))
    data[0, 50, 50] = 30000  # one bright voxel must not darken the rest
    level, width = default_window(data, "MR")
    assert level - width / 2 == 0
    assert 550 < level + width / 2 < 800
    assert default_window(data, "MR", (300.0, 600.0)) == (300, 600)
    assert default_window(data, "MR", (90000.0, 10.0)) == (level, width)


def test_default_window_of_what_shows_nothing():
    for data in (np.zeros((3, 3)), np.full((3, 3), np.nan), np.zeros((0, 3))):
        _, width = default_window(data, "MR")
        assert width > 0
    level, width = default_window(np.full((3, 3), 7), "MR")
    assert level - width / 2 == 7, "black, not grey"
