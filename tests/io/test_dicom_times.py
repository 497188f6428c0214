"""Series in time of which slices lack: parted where that is certain, else told."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.records import Severity
from medlab_gui.io import read_volume, scan
from medlab_gui.io.dicom_times import seconds_of
from tests.io.dicom_checks import codes, problem
from tests.synthetic import phantom_values, plain_grid, write_series

GRID = plain_grid((6, 4, 5))
TRUTH = phantom_values(GRID)
N = 3


def clock(seconds):
    return f"{int(seconds) // 3600:02}{int(seconds) // 60 % 60:02}{seconds % 60:09.6f}"


def write(folder, lost, *, number=None, acquired=None, created=None, start=36_000):
    """Write three volumes, 100 units apart, without the slices ``lost``: (t, k)."""
    for t in range(N):

        def edit(ds, k, t=t):
            ds.InstanceNumber = 7 if number is None else number(t, k)
            ds.AcquisitionTime = clock(start + acquired(t, k)) if acquired else ""
            ds.ContentTime = clock(start + created(t, k)) if created else ""

        kept = [k for k in range(6) if (t, k) not in lost]
        write_series(
            folder / str(t), GRID, TRUTH + 100 * t, slices=kept, edit=edit,
            modality="MR", series_uid="1.2.3",
        )  # fmt: skip


def assert_parted(folder, lost, name):
    found = scan(folder).series
    assert [s.part for s in found] == [f"{name} {t + 1} of 3" for t in range(N)]
    for t, series in enumerate(found):
        kept = [k for k in range(6) if (t, k) not in lost]
        assert np.array_equal(read_volume(series).data, TRUTH[kept] + 100 * t)
        inner = set(range(kept[0], kept[-1])) - set(kept)
        assert ("missing-slices" in codes(series)) == bool(inner)
        assert "duplicate-slices" not in codes(series)


LOST = [{(1, 2)}, {(1, 0)}, {(0, 5), (2, 0)}, {(1, 2), (1, 3)}, {(2, 1), (0, 4)}]


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize(
    "when",
    [
        lambda t, k: 60.0 * t,  # one time for a volume
        lambda t, k: 2.0 * t + 0.3 * k,  # slice after slice
        lambda t, k: 2.0 * t + 0.3 * (k // 2 + 3 * (k % 2)),  # every other one first
    ],
)
def test_by_the_time_of_acquisition(tmp_path, lost, when):
    # Numbers that follow the place, not the time, as after sorting by a PACS.
    write(tmp_path, lost, acquired=when, number=lambda t, k: 50 * k + 3 * t * t)
    assert_parted(tmp_path, lost, "time")


def test_by_the_time_of_the_content(tmp_path):
    write(tmp_path, {(1, 2)}, created=lambda t, k: 60.0 * t)
    assert_parted(tmp_path, {(1, 2)}, "volume")


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize(
    "number",
    [
        lambda t, k: 1 + 6 * t + k,
        lambda t, k: 41 + 6 * t + (5 - k),
        lambda t, k: 1 + 3 * k + t,
        lambda t, k: 9 + 3 * (5 - k) + t,
    ],
)
def test_by_numbers_that_leave_a_gap(tmp_path, lost, number):
    write(tmp_path, lost, number=number)
    assert_parted(tmp_path, lost, "volume")


def test_by_numbers_that_were_given_anew(tmp_path):
    lost = {(1, 2)}
    kept = [(t, k) for t in range(N) for k in range(6) if (t, k) not in lost]
    write(tmp_path, lost, number=lambda t, k: kept.index((t, k)) + 1)
    assert_parted(tmp_path, lost, "volume")


@pytest.mark.parametrize("acquired", [None, lambda t, k: 10.0 * k + t])
def test_what_nobody_can_tell_is_told(tmp_path, acquired):
    """Place after place, numbered anew: which of three slices lacks, nothing says."""
    kept = [(k, t) for k in range(6) for t in range(N) if (t, k) != (1, 2)]
    write(
        tmp_path,
        {(1, 2)},
        acquired=acquired,
        number=lambda t, k: kept.index((k, t)) + 1,
    )
    (series,) = scan(tmp_path).series
    told = problem(series, "duplicate-slices")
    assert told.severity is Severity.UNSAFE
    assert "At 5 of 6 places there are 3 slices" in told.message
    assert "may mix them" in told.message


@pytest.mark.parametrize("lost", [set(), *LOST])
@pytest.mark.parametrize("before_s", [30, 70, 130])
def test_times_that_run_over_midnight(tmp_path, lost, before_s):
    when = lambda t, k: (60.0 * t + k - before_s) % 86_400  # noqa: E731
    write(tmp_path, lost, acquired=when, start=0)
    assert_parted(tmp_path, lost, "time")


def test_times_all_over_the_day_tell_nothing(tmp_path):
    write(tmp_path, {(1, 2)}, acquired=lambda t, k: 28_000.0 * t, start=0)
    (series,) = scan(tmp_path).series
    assert "duplicate-slices" in codes(series)


def test_complete_volumes_are_named_by_their_times(tmp_path):
    write(tmp_path, set(), acquired=lambda t, k: 60.0 * t)
    assert_parted(tmp_path, set(), "time")


def test_copies_at_the_same_time_stay_a_warning(tmp_path):
    write(tmp_path, {(1, 0), (2, 0)}, acquired=lambda t, k: 5.0)
    (series,) = scan(tmp_path).series
    assert problem(series, "duplicate-slices").severity is Severity.UNSAFE


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("101530", 36930.0),
        ("101530.25 ", 36930.25),
        ("000000.000000\0", 0.0),
        ("1015", None),
        ("10:15:30", None),
        ("250000", None),
        ("101530\\101531", None),
        ("", None),
    ],
)
def test_seconds(text, seconds):
    assert seconds_of(text) == seconds
