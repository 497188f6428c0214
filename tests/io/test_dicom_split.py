"""Series that hold several volumes: taken apart, and named so that one can choose."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from medlab_gui.io import read_volume, scan
from medlab_gui.io.dicom_copies import n_people
from tests.io.dicom_checks import assert_is_phantom, codes, problem
from tests.synthetic import (
    edit_file,
    phantom_values,
    plain_grid,
    save_dataset,
    write_enhanced,
    write_series,
)

GRID = plain_grid((6, 20, 24))


def write(folder, n, edit, *, modality="MR", grid=GRID):
    """Write ``n`` volumes at the same place; ``edit(ds, volume, k)`` marks them."""
    for volume in range(n):

        def mark(ds, k, volume=volume):
            ds.SeriesDescription = "T2"
            ds.InstanceNumber = 1 + k + 100 * volume
            edit(ds, volume, k)

        write_series(
            folder / str(volume), grid, edit=mark, modality=modality, series_uid="1.2.3"
        )


def names(folder):
    found = scan(folder).series
    for series in found:
        assert series.original_uid == "1.2.3"
        if series.grid is not None:
            assert_is_phantom(read_volume(series))
    assert len({s.uid for s in found}) == len(found)
    return [s.name for s in found]


def tag(name, *values):
    return lambda ds, volume, _: setattr(ds, name, values[volume])


@pytest.mark.parametrize(
    ("edit", "n", "expected"),
    [
        (tag("DiffusionBValue", 0, 800), 2, ["T2 b=0", "T2 b=800"]),
        (
            tag("TemporalPositionIdentifier", 1, 2, 10),
            3,
            ["T2, time 1 of 3", "T2, time 2 of 3", "T2, time 3 of 3"],
        ),
        (tag("EchoTime", 4.6, 2.3), 2, ["T2, TE 2.3 ms", "T2, TE 4.6 ms"]),
        (tag("InversionTime", 50, 900), 2, ["T2, TI 50 ms", "T2, TI 900 ms"]),
        (
            tag("TriggerTime", 0, 120),
            2,
            ["T2, 0 ms after the trigger", "T2, 120 ms after the trigger"],
        ),
        (
            tag(
                "ImageType",
                ["ORIGINAL", "PRIMARY", "M", "ND"],
                ["ORIGINAL", "PRIMARY", "P", "ND"],
            ),
            2,
            ["T2, magnitude", "T2, phase"],
        ),
        (
            tag(
                "ImageType",
                ["ORIGINAL", "PRIMARY", "R_FFE", "R", "FFE"],
                ["ORIGINAL", "PRIMARY", "I_FFE", "I", "FFE"],
            ),
            2,
            ["T2, imaginary", "T2, real"],
        ),
        (
            tag(
                "ImageType",
                ["DERIVED", "PRIMARY", "DIXON", "WATER"],
                ["DERIVED", "PRIMARY", "DIXON", "FAT"],
                ["ORIGINAL", "PRIMARY", "DIXON", "IN_PHASE"],
                ["ORIGINAL", "PRIMARY", "DIXON", "OPP_PHASE"],
            ),
            4,
            ["T2, fat", "T2, in phase", "T2, opposed phase", "T2, water"],
        ),
        (
            tag(
                "ImageType",
                ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"],
                ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"],
            ),
            2,
            ["T2", "T2, ADC"],
        ),
        (
            tag(
                "ImageType",
                ["ORIGINAL", "PRIMARY", "OTHER"],
                ["DERIVED", "SECONDARY", "OTHER"],
            ),
            2,
            ["T2, derived", "T2, original"],
        ),
    ],
)
def test_volumes_at_one_place(tmp_path, edit, n, expected):
    write(tmp_path, n, edit)
    assert names(tmp_path) == expected


def test_two_things_at_once(tmp_path):
    def edit(ds, volume, _):
        ds.DiffusionBValue = (0, 800)[volume % 2]
        ds.EchoTime = (60, 90)[volume // 2]

    write(tmp_path, 4, edit)
    assert names(tmp_path) == [
        "T2, TE 60 ms, b=0",
        "T2, TE 60 ms, b=800",
        "T2, TE 90 ms, b=0",
        "T2, TE 90 ms, b=800",
    ]


def test_b_values_with_directions_and_repeats(tmp_path):
    """One picture without diffusion, three directions, and all of it twice."""
    directions = [None, [1, 0, 0], [0, 1, 0], [0, 0, 1]]

    def edit(ds, volume, _):
        ds.DiffusionBValue = 0 if volume % 4 == 0 else 1000
        if directions[volume % 4]:
            ds.DiffusionGradientOrientation = directions[volume % 4]

    write(tmp_path, 8, edit)
    found = scan(tmp_path).series
    assert len(found) == 8
    assert {s.shape for s in found} == {(6, 20, 24)}
    for series in found:
        assert_is_phantom(read_volume(series))
    assert sum("b=0" in s.name for s in found) == 2


@pytest.mark.parametrize(
    ("group", "element", "vr", "values", "maker"),
    [
        (0x0019, 0x100C, "IS", ("0", "800"), "SIEMENS MR HEADER"),
        (0x2001, 0x1003, "FL", (0.0, 800.0), "Philips Imaging DD 001"),
        (0x0043, 0x1039, "IS", (["0", "8"], ["1000000800", "8"]), "GEMS_PARM_01"),
    ],
)
def test_private_b_values(tmp_path, group, element, vr, values, maker):
    def edit(ds, volume, _):
        ds.add_new((group, element >> 8), "LO", maker)
        ds.add_new((group, element), vr, values[volume])

    write(tmp_path, 2, edit)
    assert names(tmp_path) == ["T2 b=0", "T2 b=800"]


def test_a_component_at_another_place_is_never_mixed_in(tmp_path):
    """Phase pictures of the upper half only: no place holds two slices."""

    def edit(ds, k):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "P" if k > 3 else "M"]

    write_series(tmp_path, GRID, edit=edit, modality="MR")
    found = scan(tmp_path).series
    assert [(s.n_slices, s.part) for s in found] == [(4, "magnitude"), (2, "phase")]


def test_a_kind_that_differs_from_slice_to_slice_splits_nothing(tmp_path):
    def edit(ds, k):
        ds.TriggerTime, ds.AcquisitionNumber, ds.EchoTime = 10 * k, k, 4 + k % 2

    write_series(tmp_path, GRID, edit=edit, modality="MR")
    (series,) = scan(tmp_path).series
    assert series.n_slices == 6
    assert series.part == ""


def test_a_localiser_and_a_dose_page_stand_apart(tmp_path):
    write_series(tmp_path, GRID, series_uid="1.2.3")

    def localiser(ds, _):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    def page(ds, _):
        ds.ImageType = ["DERIVED", "SECONDARY", "DOSE_INFO"]
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        del ds.ImagePositionPatient

    write_series(tmp_path / "l", GRID, slices=[2], edit=localiser, series_uid="1.2.3")
    write_series(tmp_path / "d", GRID, slices=[2], edit=page, series_uid="1.2.3")
    found = scan(tmp_path).series
    assert [(s.name, s.n_slices) for s in found] == [
        ("phantom", 6),
        ("phantom, dose page", 1),
        ("phantom, localiser", 1),
    ]
    assert found[0].uid == "1.2.3"
    assert_is_phantom(read_volume(found[0]))


def test_directions_and_sizes_have_names(tmp_path):
    write_series(tmp_path / "a", GRID, series_uid="1.2.3")
    affine = np.eye(4)
    affine[:3, :3] = [[3, 0, 0], [0, 0, 1.5], [0, -1.5, 0]]
    sagittal = type(GRID)((4, 20, 24), affine)
    write_series(tmp_path / "s", sagittal, series_uid="1.2.3")
    small = plain_grid((3, 10, 12))
    write_series(tmp_path / "m", small, series_uid="1.2.3")
    assert sorted(s.name for s in scan(tmp_path).series) == [
        "phantom, axial, 12 x 10",
        "phantom, axial, 24 x 20",
        "phantom, sagittal",
    ]


def test_what_has_no_description_still_has_a_name(tmp_path):
    write_series(tmp_path, GRID, edit=lambda ds, _: ds.__delattr__("SeriesDescription"))
    (series,) = scan(tmp_path).series
    assert series.description == ""
    assert series.name == "CT series 3"


def test_one_name_for_ten_volumes_in_the_right_order(tmp_path):
    write(tmp_path, 11, lambda ds, v, _: setattr(ds, "TemporalPositionIdentifier", v))
    assert names(tmp_path) == [f"T2, time {n} of 11" for n in range(1, 12)]


def test_nothing_but_the_order_tells(tmp_path):
    write(tmp_path, 2, lambda *_: None)
    found = scan(tmp_path).series
    assert [s.name for s in found] == ["T2, volume 1 of 2", "T2, volume 2 of 2"]
    assert "several-volumes" in codes(found[0])


def test_one_uid_for_all_files_does_not_make_them_copies(tmp_path):
    """Broken anonymisers do so; the b-values still tell two pictures apart."""

    def edit(ds, volume, _):
        ds.SOPInstanceUID = "1.2.3.4.5"
        ds.DiffusionBValue = 800 * volume

    write(tmp_path, 2, edit)
    assert names(tmp_path) == ["T2 b=0", "T2 b=800"]


def test_enhanced_frames_by_time_and_b_value(tmp_path):
    """One multi-frame file with two b-values at two points in time."""
    path = write_enhanced(tmp_path / "e.dcm", GRID, order=[*range(6)] * 4)
    import pydicom

    ds = pydicom.dcmread(path)
    for n, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        content, diffusion = Dataset(), Dataset()
        content.TemporalPositionIndex = 1 + n // 12
        content.StackID, content.InStackPositionNumber = "1", n % 6 + 1
        diffusion.DiffusionBValue = 0.0 if n // 6 % 2 == 0 else 600.0
        frame.FrameContentSequence = Sequence([content])
        frame.MRDiffusionSequence = Sequence([diffusion])
    ds.SeriesDescription, ds.Modality = "DWI", "MR"
    save_dataset(path, ds)
    found = scan(path).series
    assert [s.name for s in found] == [
        "DWI, time 1 of 2, b=0",
        "DWI, time 1 of 2, b=600",
        "DWI, time 2 of 2, b=0",
        "DWI, time 2 of 2, b=600",
    ]
    for series in found:
        assert_is_phantom(read_volume(series))


def test_stacks_of_one_enhanced_file_are_volumes_of_their_own(tmp_path):
    path = write_enhanced(tmp_path / "e.dcm", GRID)
    import pydicom

    ds = pydicom.dcmread(path)
    for n, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        content = Dataset()
        content.StackID = str(1 + n // 3)
        frame.FrameContentSequence = Sequence([content])
    save_dataset(path, ds)
    found = scan(path).series
    assert [(s.n_slices, s.part) for s in found] == [
        (3, "stack 1 of 2"),
        (3, "stack 2 of 2"),
    ]


def test_a_study_made_up_for_each_file_is_one_series(tmp_path):
    """As SimpleITK writes them when nobody tells it otherwise."""

    def edit(ds, k):
        ds.StudyInstanceUID = f"1.2.3.{k}"
        ds.PatientID = ds.PatientName = ""

    write_series(tmp_path, GRID, edit=edit, series_uid="1.2.3")
    (series,) = scan(tmp_path).series
    assert codes(series) == {"studies-differ"}
    assert_is_phantom(read_volume(series))


def test_two_patients_with_one_uid_stay_two(tmp_path):
    for n in range(2):
        write_series(
            tmp_path / str(n),
            GRID,
            edit=lambda ds, _, n=n: setattr(ds, "PatientID", f"P{n}"),
            series_uid="1.2.3",
        )
    found = scan(tmp_path).series
    assert len(found) == 2
    assert len({s.uid for s in found}) == 2
    assert {s.original_uid for s in found} == {"1.2.3"}
    for series in found:
        assert_is_phantom(read_volume(series))
        assert codes(series) == {"patients-differ"}


def test_two_names_under_one_id_are_told(tmp_path):
    def named(name):
        return lambda ds, k: setattr(ds, "PatientName", name(k))

    write_series(tmp_path / "a", GRID, edit=named(lambda _: "Meier^Anna"))
    write_series(tmp_path / "b", GRID, edit=named(lambda _: "Schulz^Otto"))
    for series in scan(tmp_path).series:
        assert codes(series) == {"names-differ"}
        assert "2 different patients" in problem(series, "names-differ").message
        assert "Meier" not in problem(series, "names-differ").message
    (series,) = scan(tmp_path / "a").series
    assert codes(series) == set()
    write_series(
        tmp_path / "c",
        GRID,
        edit=named(lambda k: "Schulz^Otto" if k > 2 else "Meier^Anna"),
    )
    (series,) = scan(tmp_path / "c").series
    assert "this one series" in problem(series, "names-differ").message


@pytest.mark.parametrize(
    ("names", "n"),
    [
        (["Meier, Anna", "MEIER ANNA", "Anna Meier"], 1),
        (["Meier, Anna Maria", "Meier, Anna", ""], 1),
        (["Meier, Anna", "Meier, Otto"], 2),
        (["山田 太郎", "山田 花子"], 2),
    ],
)
def test_ways_to_write_a_name(names, n):
    assert n_people(names) == n


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_one_number_for_other_pixels_is_no_copy(tmp_path, syntax):
    """As programs leave it that take noise away and keep the UIDs."""
    data = phantom_values(GRID)
    uids = [f"1.2.3.4.{k}" for k in range(len(data))]

    def numbered(ds, k):
        ds.SOPInstanceUID = uids[k]

    def write(folder, values):
        paths = write_series(folder, GRID, values, edit=numbered, series_uid="1.2.3")
        if syntax == RLELossless:
            for path in paths:
                edit_file(
                    path, lambda ds: ds.compress(syntax, generate_instance_uid=False)
                )

    write(tmp_path / "a", data)
    write(tmp_path / "copy", data)
    (series,) = scan(tmp_path).series
    assert codes(series) == {"duplicate-slices"}
    shutil.rmtree(tmp_path / "copy")
    write(tmp_path / "b", data + np.int16(9))
    found = scan(tmp_path).series
    assert [codes(s) for s in found] == [
        {"same-number-other-pixels", "several-volumes"}
    ] * 2
    one, other = (read_volume(s).data for s in found)
    assert np.array_equal(one, data)
    assert np.array_equal(other, data + 9)


def test_a_slice_without_a_place_leaves_the_others_a_volume(tmp_path):
    def edit(ds, k):
        if k == 0:
            del ds.ImagePositionPatient

    paths = write_series(tmp_path, GRID, edit=edit)
    whole, lost = scan(tmp_path).series
    assert (whole.n_slices, lost.n_slices) == (GRID.shape[0] - 1, 1)
    assert lost.name == "phantom, without position"
    assert codes(whole) == {"mixed-position"}
    assert problem(lost, "no-position").files == (paths[0].name,)
    assert "Image Position is missing" in problem(lost, "no-position").message
    assert lost.blocking is not None
    assert_is_phantom(read_volume(whole))


def test_modalities_are_never_mixed(tmp_path):
    """A CT and a PET in one series, as an anonymiser left them."""

    def pet(ds, k):
        ds.Modality = "PT"

    write_series(tmp_path / "a", GRID, slices=[0, 2, 4], series_uid="1.2.3")
    write_series(tmp_path / "b", GRID, slices=[1, 3, 5], edit=pet, series_uid="1.2.3")
    found = scan(tmp_path).series
    assert {(s.modality, s.name, s.n_slices) for s in found} == {
        ("CT", "phantom, CT", 3),
        ("PT", "phantom, PT", 3),
    }
    assert {s.units for s in found} == {"HU", None}


def test_pixels_of_another_size_tell_parts_apart(tmp_path):
    def other(ds, k):
        ds.PixelSpacing = [2, 2]

    def none(ds, k):
        del ds.PixelSpacing

    write_series(tmp_path / "a", GRID, series_uid="1.2.3")
    write_series(tmp_path / "b", GRID, edit=other, series_uid="1.2.3")
    write_series(tmp_path / "c", GRID, edit=none, series_uid="1.2.3")
    assert sorted(s.name for s in scan(tmp_path).series) == [
        "phantom, 24 x 20 of 1.25 x 1.5 mm",
        "phantom, 24 x 20 of 2 mm",
        "phantom, 24 x 20 without spacing",
    ]
