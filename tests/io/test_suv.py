"""PET: SUVs against a calculation by hand, and reasons where there are none."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from medlab_gui.imaging.voi import linear_limits
from medlab_gui.io import read_one, scan
from medlab_gui.io.suv import suv_of_headers
from tests.synthetic import edit_file, plain_grid, write_enhanced, write_series

F18_S = 6586.2


def pet(**changes):
    """A header of FDG PET: 70 kg, 370 MBq at 10:00, scan from 11:00."""
    ds = Dataset()
    ds.Modality = "PT"
    ds.Units = "BQML"
    ds.CorrectedImage = ["NORM", "DTIM", "ATTN", "SCAT", "DECY"]
    ds.DecayCorrection = "START"
    ds.PatientWeight = 70
    ds.SeriesDate = ds.AcquisitionDate = "20240305"
    ds.SeriesTime, ds.AcquisitionTime = "110000", "110000.5"
    drug = Dataset()
    drug.RadiopharmaceuticalStartTime = "100000.00"
    drug.RadionuclideTotalDose = 370e6
    drug.RadionuclideHalfLife = F18_S
    ds.RadiopharmaceuticalInformationSequence = [drug]
    for name, value in changes.items():
        where = drug if name.startswith("Radio") and name in drug else ds
        if name == "RadiopharmaceuticalStartDateTime":
            where = drug
        if value is None:
            delattr(where, name)
        else:
            setattr(where, name, value)
    return ds


# By hand: one hour is 3600 / 6586.2 half lives; 370 MBq become 253.32 MBq; 1 Bq/ml is
# 70000 g / 253.32e6 Bq = 2.7633e-4.
FACTOR = 2.7633e-4


def test_by_hand():
    suv = suv_of_headers([pet()])
    assert suv.units == "SUV"
    assert suv.factor == pytest.approx(FACTOR, rel=1e-4)
    assert "70 kg, 370 MBq; 60.0 minutes before the scan" in suv.note


def test_corrected_to_the_injection():
    suv = suv_of_headers([pet(DecayCorrection="ADMIN")])
    assert suv.factor == pytest.approx(70000 / 370e6)


@pytest.mark.parametrize(
    "changes",
    [
        {"RadiopharmaceuticalStartDateTime": "20240305100000.000000"},
        {"RadiopharmaceuticalStartDateTime": "20240305100000"},
        # A series' time set anew after the scan: GE's own, or the frame's times.
        {"SeriesTime": "150000", "ge": "20240305110000.00"},
    ],
)
def test_other_ways_to_say_when(changes):
    changes = dict(changes)
    ge = changes.pop("ge", None)
    ds = pet(**changes)
    if ge:
        ds.add_new((0x0009, 0x0010), "LO", "GEMS_PETD_01")
        ds.add_new((0x0009, 0x100D), "DT", ge)
    assert suv_of_headers([ds]).factor == pytest.approx(FACTOR, rel=1e-4)


def test_start_from_the_times_of_the_frame():
    # Acquired at 11:05 as the frame whose average count rate was 310 s after the start
    # of the scan; for a frame of 180 s that average is 89.7 s after its beginning.
    ds = pet(SeriesTime="150000", AcquisitionTime="110340")
    ds.FrameReferenceTime = 309_716
    ds.ActualFrameDuration = 180_000
    suv = suv_of_headers([ds])
    assert suv.factor == pytest.approx(FACTOR, rel=1e-4)


def test_injection_in_the_evening_before():
    ds = pet(
        SeriesTime="002000",
        AcquisitionTime="002000",
        RadiopharmaceuticalStartTime="232000",
    )
    assert suv_of_headers([ds]).factor == pytest.approx(FACTOR, rel=1e-4)


def test_the_earliest_bed_counts():
    late = pet(SeriesTime="110500", AcquisitionTime="112000")
    early = pet(SeriesTime="110500", AcquisitionTime="110000")
    # The series' time lies after the first bed: it was set anew, and nothing helps.
    assert suv_of_headers([late]).units == "SUV"
    assert suv_of_headers([late, early]).units == "Bq/ml"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Units": "CNTS"}, "are CNTS"),
        ({"Units": None}, "not named"),
        ({"PatientWeight": None}, "the patient's weight is not in the file"),
        ({"PatientWeight": 0}, "the patient's weight is not in the file"),
        ({"RadionuclideTotalDose": None}, "the injected dose is not"),
        ({"RadionuclideHalfLife": None}, "the half life is not"),
        ({"RadiopharmaceuticalStartTime": None}, "the time of injection is not"),
        ({"RadiopharmaceuticalInformationSequence": None}, "nothing of the radioph"),
        ({"CorrectedImage": ["DECY"]}, "corrected for attenuation"),
        ({"CorrectedImage": ["ATTN"]}, "corrected for decay"),
        ({"DecayCorrection": "NONE"}, "decay was corrected is NONE"),
        ({"AcquisitionTime": None}, "the time of acquisition is not"),
        ({"SeriesTime": "150000"}, "nothing else says when"),
        ({"RadiopharmaceuticalStartTime": "110500"}, "contradict one another"),
    ],
)
def test_why_there_are_none(changes, said):
    suv = suv_of_headers([pet(**changes)])
    assert suv.factor == 1.0
    assert suv.units != "SUV"
    assert said in suv.note


def test_suv_already():
    assert suv_of_headers([pet(Units="GML")]).units == "SUV"
    assert suv_of_headers([pet(Units="GML", SUVType="LBM")]).units is None


def test_units_that_are_a_book_are_not_told_in_full():
    for name in ("Units", "SUVType"):
        header = pet(Units="GML")
        header.add_new(name, "LT", "X" * 9000)
        assert len(suv_of_headers([header]).note) < 200


def test_a_whole_series_with_a_slope_for_each_slice(tmp_path):
    grid = plain_grid((5, 20, 24))
    stored = np.random.default_rng(1).integers(0, 30000, grid.shape).astype(np.uint16)
    slopes = np.linspace(0.3, 4.7, 5)

    def edit(ds, k):
        for element in pet():
            ds[element.tag] = element
        ds.RescaleSlope, ds.RescaleIntercept = round(float(slopes[k]), 6), 0
        ds.WindowCenter, ds.WindowWidth = 10000, 20000
        ds.PixelData = stored[k].tobytes()

    write_series(tmp_path, grid, edit=edit, modality="PT")
    series, volume = read_one(tmp_path)
    assert series.units == volume.units == "SUV"
    expected = stored * slopes.round(6)[:, None, None] * FACTOR
    assert np.allclose(volume.data, expected, rtol=2e-4)
    assert series.window == pytest.approx((10000 * FACTOR, 20000 * FACTOR), rel=1e-4)
    (note,) = [p for p in series.problems if p.code == "pet-suv"]
    assert "minutes before the scan" in note.message
    # The window is drawn from the same stored values as before: 0 to 19999.
    assert series.display.function == "LINEAR_EXACT"
    low, high = linear_limits(*series.window, "LINEAR_EXACT")
    assert (low, high) == pytest.approx(
        [v * FACTOR for v in linear_limits(10000, 20000)], rel=1e-4, abs=1e-6
    )


def test_a_series_without_weight_keeps_its_units_and_says_why(tmp_path):
    def edit(ds, k):
        for element in pet(PatientWeight=None):
            ds[element.tag] = element

    write_series(tmp_path, plain_grid((5, 20, 24)), edit=edit, modality="PT")
    (series,) = scan(tmp_path).series
    assert series.units == "Bq/ml"
    (note,) = [p for p in series.problems if p.code == "no-suv"]
    assert "weight" in note.message


ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.130"


def _mapping(slope, unit="Bq/ml"):
    code, item = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", unit
    item.MeasurementUnitsCodeSequence = [code]
    item.RealWorldValueSlope, item.RealWorldValueIntercept = float(slope), 0.0
    return item


def _enhanced_pet(path, *, slopes, unit="Bq/ml", **changes):
    """Write an enhanced file: decay corrected to 11:00, as PS3.3 A.56 has it."""
    grid = plain_grid((len(slopes), 20, 24))
    write_enhanced(path, grid)

    def edit(ds):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = ENHANCED_PET
        ds.Modality = "PT"
        ds.PatientWeight = 70
        ds.DecayCorrected = ds.AttenuationCorrected = "YES"
        ds.DecayCorrectionDateTime = "20240305110000"
        drug = Dataset()
        drug.RadiopharmaceuticalStartDateTime = "20240305100000"
        drug.RadionuclideTotalDose = 370e6
        drug.RadionuclideHalfLife = F18_S
        ds.RadiopharmaceuticalInformationSequence = [drug]
        transform = ds.SharedFunctionalGroupsSequence[0]
        transform.PixelValueTransformationSequence[0].RescaleIntercept = 0
        for frame, slope in zip(
            ds.PerFrameFunctionalGroupsSequence, slopes, strict=True
        ):
            frame.RealWorldValueMappingSequence = [_mapping(slope, unit)]
        for name, value in changes.items():
            if value is None:
                delattr(ds, name)
            else:
                setattr(ds, name, value)

    edit_file(path, edit)
    return pydicom.dcmread(path).pixel_array.astype(np.float64)


def test_enhanced_files_with_a_mapping_for_each_frame(tmp_path):
    slopes = [0.5, 2.0, 3.25, 1.0]
    stored = _enhanced_pet(tmp_path / "e.dcm", slopes=slopes)
    series, volume = read_one(tmp_path / "e.dcm")
    assert series.units == "SUV"
    expected = stored * np.array(slopes)[:, None, None] * FACTOR
    assert np.allclose(volume.data, expected, rtol=2e-4)
    (note,) = [p for p in series.problems if p.code == "pet-suv"]
    assert "60.0 minutes before the scan" in note.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"DecayCorrected": "NO"}, "decay"),
        ({"AttenuationCorrected": "NO"}, "attenuation"),
        ({"PatientWeight": None}, "weight"),
        ({"DecayCorrectionDateTime": None}, "moment"),
        ({"DecayCorrectionDateTime": "20240307110000"}, "contradict"),
    ],
)
def test_enhanced_files_that_lack_something_stay_activity(tmp_path, changes, said):
    stored = _enhanced_pet(tmp_path / "e.dcm", slopes=[0.5, 2.0], **changes)
    series, volume = read_one(tmp_path / "e.dcm")
    assert series.units == "Bq/ml"
    assert np.allclose(volume.data, stored * np.array([0.5, 2.0])[:, None, None])
    (note,) = [p for p in series.problems if p.code == "no-suv"]
    assert said in note.message


def test_enhanced_files_of_suv_and_of_counts(tmp_path):
    path = tmp_path / "suv.dcm"
    stored = _enhanced_pet(path, slopes=[0.01, 0.02], unit="g/ml{SUVbw}")
    series, volume = read_one(path)
    assert series.units == "SUV"
    assert np.allclose(volume.data, stored * np.array([0.01, 0.02])[:, None, None])
    path = tmp_path / "counts.dcm"
    stored = _enhanced_pet(path, slopes=[0.5, 2.0], unit="{counts}")
    series, volume = read_one(path)
    assert series.units is None
    assert np.array_equal(volume.data, stored)


def test_plain_files_that_were_put_into_an_enhanced_one(tmp_path):
    """Legacy Converted Enhanced PET keeps the old elements in sequences."""
    path = tmp_path / "e.dcm"
    grid = plain_grid((4, 20, 24))
    write_enhanced(path, grid)

    def edit(ds):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = (
            "1.2.840.10008.5.1.4.1.1.128.1"
        )
        ds.Modality, ds.PatientWeight = "PT", 70
        old = pet()
        ds.SeriesDate, ds.SeriesTime = "20240305", "110000"
        ds.RadiopharmaceuticalInformationSequence = (
            old.RadiopharmaceuticalInformationSequence
        )
        shared, own = Dataset(), Dataset()
        for name in ("Units", "CorrectedImage", "DecayCorrection"):
            setattr(shared, name, getattr(old, name))
        own.AcquisitionDate, own.AcquisitionTime = "20240305", "110000.5"
        groups = ds.SharedFunctionalGroupsSequence[0]
        groups.UnassignedSharedConvertedAttributesSequence = [shared]
        groups.PixelValueTransformationSequence[0].RescaleIntercept = 0
        for frame in ds.PerFrameFunctionalGroupsSequence:
            frame.UnassignedPerFrameConvertedAttributesSequence = [own]

    edit_file(path, edit)
    stored = pydicom.dcmread(path).pixel_array
    series, volume = read_one(path)
    assert series.units == "SUV"
    assert np.allclose(volume.data, stored * FACTOR, rtol=2e-4)
