"""Each finding of the geometry doctor, on slices that were moved on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Severity
from medlab_gui.core.remedies import REMEDIES
from medlab_gui.io import read_one, scan
from medlab_gui.io.geometry_doctor import measure_distances
from tests.io.dicom_checks import codes, problem
from tests.synthetic import plain_grid, tilted_grid, write_enhanced, write_series


def moved(mm_of):
    """Return an edit that moves slice k by ``mm_of(k)`` in LPS mm."""

    def edit(ds, k):
        ds.ImagePositionPatient = list(np.array(ds.ImagePositionPatient) + mm_of(k))

    return edit


def one(folder):
    (series,) = scan(folder).series
    return series


def offers(found):
    return {r.code for r in found.remedies}


def test_a_sound_scan_has_nothing(tmp_path):
    write_series(tmp_path, plain_grid())
    assert one(tmp_path).problems == ()


@pytest.mark.parametrize(
    ("edit", "code", "severity", "ways_out"),
    [
        (
            moved(lambda k: np.array([0, 0, 1.0 if k == 5 else 0])),
            "uneven-spacing",
            Severity.UNSAFE,
            {"even-grid", "longest-part", "keep-as-measured"},
        ),
        (
            moved(lambda k: np.array([2.0 if k in (3, 7) else 0, 0, 0])),
            "shifted-slices",
            Severity.UNSAFE,
            {"straighten", "longest-part", "keep-as-measured"},
        ),
        (
            moved(lambda k: np.array([0, -0.3 * k, 0])),
            "gantry-tilt",
            Severity.WARNING,
            {"straighten", "keep-as-measured"},
        ),
        (
            lambda ds, k: setattr(ds, "FrameOfReferenceUID", f"1.2.{k // 6}"),
            "frames-of-reference-differ",
            Severity.UNSAFE,
            {"split-frames", "keep-as-measured"},
        ),
        (
            lambda ds, _: setattr(ds, "SpacingBetweenSlices", 7.5),
            "spacing-contradicts",
            Severity.WARNING,
            {"given-spacing", "keep-as-measured"},
        ),
        (
            lambda ds, _: setattr(ds, "PixelSpacing", [0.0005, 0.0005]),
            "absurd-spacing",
            Severity.UNSAFE,
            {"given-spacing", "keep-as-measured"},
        ),
        (
            moved(lambda _: np.array([0, 0, 2e5])),
            "absurd-position",
            Severity.UNSAFE,
            {"keep-as-measured"},
        ),
        (
            lambda ds, k: setattr(ds, "InstanceNumber", 12 - k),
            "flipped-order",
            Severity.NOTE,
            set(),
        ),
        (
            lambda ds, k: setattr(ds, "InstanceNumber", k * 7 % 12),
            "shuffled-order",
            Severity.NOTE,
            set(),
        ),
        (
            lambda ds, _: setattr(ds, "SliceThickness", 4.5),
            "overlap",
            Severity.NOTE,
            set(),
        ),
        (lambda ds, _: setattr(ds, "SliceThickness", 1.0), "gap", Severity.NOTE, set()),
        (
            lambda ds, _: setattr(ds, "GantryDetectorTilt", 12),
            "gantry-tilt-not-in-positions",
            Severity.WARNING,
            {"keep-as-measured"},
        ),
        (
            lambda ds, _: ds.__delattr__("PixelSpacing"),
            "no-spacing",
            Severity.NOT_A_VOLUME,
            {"given-spacing"},
        ),
        (
            lambda ds, _: ds.__delattr__("ImagePositionPatient"),
            "no-position",
            Severity.NOT_A_VOLUME,
            {"given-spacing"},
        ),
        (
            lambda ds, _: setattr(ds, "ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
            "bad-orientation",
            Severity.NOT_A_VOLUME,
            {"given-spacing"},
        ),
        (
            lambda ds, _: setattr(ds, "ImagePositionPatient", [0, 0, 0]),
            "not-a-volume",
            Severity.NOT_A_VOLUME,
            {"given-spacing"},
        ),
    ],
)
def test_one_thing_wrong(tmp_path, edit, code, severity, ways_out):
    write_series(tmp_path, plain_grid(), edit=edit)
    series = one(tmp_path)
    assert codes(series) == {code}
    found = problem(series, code)
    assert found.severity is severity
    assert offers(found) == ways_out
    assert [r["code"] for r in found.to_dict()["remedies"]] == [
        c for c in REMEDIES if c in ways_out
    ]


def test_rounded_positions_are_even(tmp_path):
    """A distance of 0.625 mm with one decimal: 0.6 or 0.7, and on the mean 0.625."""

    def edit(ds, k):
        x, y, _ = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, f"{-100 + 0.625 * k:.1f}"]

    grid = plain_grid((21, 8, 9), (0.625, 1.5, 1.25))
    write_series(tmp_path, grid, edit=edit)
    found = problem(one(tmp_path), "rounded-positions")
    assert found.severity is Severity.NOTE
    assert codes(one(tmp_path)) == {"rounded-positions"}
    assert one(tmp_path).grid.spacing[0] == pytest.approx(0.625, abs=1e-9)


def test_rounding_hides_no_lack_of_a_slice(tmp_path):
    def edit(ds, k):
        x, y, _ = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, f"{-100 + 0.625 * (k + (k > 9)):.1f}"]

    grid = plain_grid((21, 8, 9), (0.625, 1.5, 1.25))
    write_series(tmp_path, grid, edit=edit)
    assert "rounded-positions" not in codes(one(tmp_path))
    assert problem(one(tmp_path), "uneven-spacing").severity is Severity.UNSAFE


def test_missing_slices_are_counted_and_placed(tmp_path):
    write_series(tmp_path, plain_grid(), slices=[0, 1, 2, 3, 6, 7, 8, 10, 11])
    found = problem(one(tmp_path), "missing-slices")
    assert found.severity is Severity.UNSAFE
    assert found.message.startswith("3 slices are missing")
    assert len(found.files) == 4
    assert {"even-grid", "longest-part"} <= offers(found)


def test_a_change_of_distance_is_not_taken_for_missing_slices():
    """Half the liver at 2.5 mm, half at 5 mm: nothing is missing."""
    found = measure_distances(np.array([0, 2.5, 5, 7.5, 10, 15, 20, 25, 30]))
    assert found.holes == ()
    assert found.odd != ()
    assert all(found.bridged)
    found = measure_distances(np.array([0, 2.5, 5, 10, 12.5, 17.5, 20]))
    assert found.holes == (2, 4)
    assert found.bridged == (True, True, False, True, False, True)


def test_acquisitions_within_one_another(tmp_path):
    """The second half was scanned again, a third of a slice off."""

    def edit(ds, k):
        ds.AcquisitionNumber = 1 + k // 6
        z = (k % 6) * 3 + (1 if k >= 6 else 0)
        ds.ImagePositionPatient = [0, 0, z]

    write_series(tmp_path, plain_grid(), edit=edit)
    found = problem(one(tmp_path), "overlapping-blocks")
    assert found.severity is Severity.UNSAFE
    assert "acquisition 1: 0.0 to 15.0 mm; acquisition 2: 1.0 to 16.0 mm" in (
        found.message
    )
    assert {"split-acquisitions", "longest-part"} <= offers(found)


def test_a_distance_from_edge_to_edge_does_not_contradict(tmp_path):
    """Some scanners write the gap between slices, not from centre to centre."""

    def edit(ds, _):
        ds.SliceThickness, ds.SpacingBetweenSlices = 2.5, 0.5

    write_series(tmp_path, plain_grid(), edit=edit)
    assert codes(one(tmp_path)) == {"gap"}


@pytest.mark.parametrize("named", [3.0, 3.0 / np.cos(np.radians(15))])
def test_the_distance_along_the_table_does_not_contradict(tmp_path, named):
    """Of a tilted scan, both the distance of planes and that of origins are right."""

    def edit(ds, _):
        ds.SpacingBetweenSlices = named

    write_series(tmp_path, tilted_grid(15), edit=edit)
    assert codes(one(tmp_path)) == {"gantry-tilt"}


@pytest.mark.parametrize(
    ("row", "column", "first", "words"),
    [
        ((1, 0, 0), (0, 1, 0), (0, 0, 1), "from the head to the feet"),
        ((0, 1, 0), (0, 0, -1), (1, 0, 0), "from the patient's left to the right"),
        ((1, 0, 0), (0, 0, -1), (0, 1, 0), "from the back to the front"),
    ],
)
def test_the_order_is_told_in_the_patients_directions(
    tmp_path, row, column, first, words
):
    """Numbered against S, L and P: the directions in which MedLab counts."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = np.array(first) * 3.0, np.array(column) * 1.5
    affine[:3, 2] = np.array(row) * 1.25
    grid = Grid((4, 5, 6), affine)
    write_series(
        tmp_path, grid, edit=lambda ds, k: setattr(ds, "InstanceNumber", 4 - k)
    )
    found = problem(one(tmp_path), "flipped-order")
    assert f"number the slices {words}" in found.message


def test_numbers_say_nothing_about_frames_of_one_file(tmp_path):
    write_enhanced(tmp_path / "one.dcm", plain_grid(), order=range(11, -1, -1))
    assert read_one(tmp_path)[0].problems == ()


def test_copies_are_dropped_without_a_choice(tmp_path):
    files = write_series(tmp_path, plain_grid())
    (tmp_path / "copy.dcm").write_bytes(files[3].read_bytes())
    found = problem(one(tmp_path), "duplicate-slices")
    assert found.severity is Severity.WARNING
    assert found.remedies == ()


def test_every_remedy_answers_something_and_explains_itself():
    for code, remedy in REMEDIES.items():
        assert remedy.code == code
        assert remedy.answers
        assert remedy.effect.endswith(".")
        assert not remedy.title.endswith(".")
