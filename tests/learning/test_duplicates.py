from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.learning.dataset import ArraySource, ScanArrays
from medlab_gui.learning.duplicates import look_alikes, merged_groups, picture_bits


def blobs(seed: int, n: int = 4, size: int = 64) -> np.ndarray:
    """Smooth pictures that look like nothing else."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    return np.stack(
        [gaussian_filter(rng.normal(size=(size, size)), 5) * 1000 for _ in range(n)]
    ).astype(np.float32)


def scan(data, group):
    return ScanArrays(data, np.zeros(data.shape, np.uint8), (1.0, 1.0, 1.0), group)


def test_a_copy_is_known_at_another_size_window_and_with_noise():
    from medlab_gui.imaging.resample import resize

    one = blobs(0, 1, 128)[0]
    noise = np.random.default_rng(1).normal(0, 0.02 * one.std(), one.shape)
    bits = picture_bits(one)
    for other in (one * 3 - 50, resize(one, (64, 64)), one + noise):
        assert (picture_bits(other) != bits).sum() <= 8
    assert (picture_bits(blobs(2, 1, 128)[0]) != bits).sum() > 50


def test_a_picture_of_one_grey_looks_like_nothing():
    assert picture_bits(np.full((40, 40), -1000, np.int16)) is None


def test_patients_that_share_pictures_are_one():
    a, b, c = blobs(0), blobs(10), blobs(20)
    again = np.concatenate([blobs(30, 2), a[2:3] * 1.01])
    source = ArraySource(
        {"a": scan(a, "pa"), "b": scan(b, "pb"), "c": scan(c, "pc"),
         "d": scan(again, "pd")}
    )  # fmt: skip
    groups = merged_groups(source)
    assert len(groups) == len(source.keys)
    by_series = {k.series_uid: g for k, g in zip(source.keys, groups, strict=True)}
    assert by_series["a"] == by_series["d"]
    assert len(set(groups)) == 3


def test_empty_slices_do_not_join_patients():
    a, b = blobs(0), blobs(10)
    a[0] = b[0] = -1000
    source = ArraySource({"a": scan(a, "pa"), "b": scan(b, "pb")})
    assert set(merged_groups(source)) == {"pa", "pb"}


def test_slices_that_look_like_a_judging_one_are_found():
    a = blobs(0, 6)
    a[4] = a[0] + 1
    source = ArraySource({"a": scan(a, "p")})
    keys = list(source.keys)
    assert look_alikes(source, keys[1:], keys[:1]) == {keys[4]}
    assert look_alikes(source, [], keys) == set()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_does_no_harm(bad):
    one = blobs(0, 1)[0]
    one[3, 3] = bad
    assert picture_bits(one) is None or picture_bits(one).shape == (256,)
