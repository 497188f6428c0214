from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.specs import PipelineSpec, Step
from medlab_gui.learning.dataset import (
    ArraySource,
    PreparedSlices,
    ScanArrays,
    SliceKey,
    Subset,
)
from medlab_gui.learning.prepare import prepare_labels
from tests.learning.conftest import WINDOW, disc_scan, disc_source


def test_a_source_names_and_returns_its_slices():
    scan = disc_scan(3, group="anna")
    source = ArraySource({"s": scan})
    assert list(source.keys) == [SliceKey("s", k) for k in range(3)]
    key = SliceKey("s", 2)
    np.testing.assert_array_equal(source.image(key), scan.data[2])
    np.testing.assert_array_equal(source.labels(key), scan.labels[2])
    assert source.spacing(key) == (2.0, 2.0)
    assert source.group(key) == "anna"
    part = Subset(source, [key])
    assert part.keys == [key]
    assert part.group(key) == "anna"


def test_prepared_slices_are_kept_and_the_same_when_they_are_not():
    kept = PreparedSlices(disc_source(), WINDOW, 3.0, 3)
    recalled = PreparedSlices(disc_source(), WINDOW, 3.0, 3, cache_bytes=0)
    assert kept[1][0] is kept[1][0]
    assert recalled[1][0] is not recalled[1][0]
    for a, b in zip(kept[1], recalled[1], strict=True):
        np.testing.assert_array_equal(a, b)
    image, labels = kept[1]
    assert image.shape == labels.shape == (27, 27)
    assert (image.dtype, labels.dtype) == (np.float32, np.uint8)
    assert len(kept) == 6


def test_the_cache_keeps_to_its_size():
    one = 40 * 40 * 5
    slices = PreparedSlices(disc_source(), WINDOW, None, 3, cache_bytes=2 * one)
    for n in range(6):
        slices[n]
    assert len(slices._kept) == 2


@pytest.mark.parametrize("cache_bytes", [0, 1 << 30])
def test_neighbours_are_channels_and_the_ends_are_repeated(cache_bytes):
    alone = PreparedSlices(disc_source(), WINDOW, 3.0, 3)
    source = Subset(disc_source(), [SliceKey("s", k) for k in (0, 3, 5)])
    slices = PreparedSlices(
        source, WINDOW, 3.0, 3, n_channels=5, cache_bytes=cache_bytes
    )
    for n, near in enumerate([(0, 0, 0, 1, 2), (1, 2, 3, 4, 5), (3, 4, 5, 5, 5)]):
        image, labels = slices[n]
        assert image.shape == (5, 27, 27)
        assert image.dtype == np.float32
        np.testing.assert_array_equal(image, [alone[k][0] for k in near])
        np.testing.assert_array_equal(labels, alone[(0, 3, 5)[n]][1])


def test_the_whole_scan_is_asked_for_only_where_it_is_needed():
    """A project makes it: a copy of the scan where some of it only fills up."""
    source = disc_source()
    asked = []

    def scan(key):
        asked.append(key)
        return ArraySource.scan(source, key)

    source.scan = scan
    for n in range(6):
        PreparedSlices(source, WINDOW, None, 3, n_channels=3)[n]
    assert asked == []
    n4 = PipelineSpec((Step("n4", {}), *WINDOW.steps))
    slices = PreparedSlices(source, n4, None, 3)
    for n in range(6):
        slices[n]
    assert len(asked) == 1


@pytest.mark.parametrize("n_channels", [0, 2, -1])
def test_neighbours_are_an_odd_number(n_channels):
    with pytest.raises(SpecError, match="odd number"):
        PreparedSlices(disc_source(), WINDOW, 3.0, 3, n_channels=n_channels)


def test_masks_take_the_nearest_and_make_no_new_classes():
    labels = disc_scan(1).labels[0]
    labels[0, 0] = 255
    small = prepare_labels(labels, (17, 23))
    assert small.shape == (17, 23)
    assert set(np.unique(small)) <= {0, 1, 2, 255}
    assert prepare_labels(labels, (40, 40)) is not None


def test_foreground_means_a_class():
    scan = disc_scan(3)
    scan.labels[0] = 0
    scan.labels[1] = 255
    slices = PreparedSlices(ArraySource({"s": scan}), PipelineSpec(), None, 3)
    assert [slices.has_foreground(n) for n in range(3)] == [False, False, True]


def test_unknown_classes_and_shapes_get_a_sentence():
    scan = disc_scan(1)
    scan.labels[0, 0, 0] = 7
    with pytest.raises(InputError, match=r"\[7\], but the classes are 0 to 2"):
        PreparedSlices(ArraySource({"s": scan}), WINDOW, None, 3)[0]
    with pytest.raises(InputError, match="same shape"):
        ScanArrays(scan.data, scan.labels[:, :-1], scan.spacing)
