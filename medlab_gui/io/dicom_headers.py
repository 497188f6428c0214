"""Reads DICOM headers: what a slice is and where its pixels lie in the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import DamagedFileError, NotAnImageError
from medlab_gui.io.dicom_display import (
    display_of,
    is_secondary_capture,
    usable_window,
    voi_item,
    window_of,
)
from medlab_gui.io.dicom_frames import FrameDefaults, frames_of
from medlab_gui.io.dicom_ge import GE_PRIVATE
from medlab_gui.io.dicom_kinds import PRIVATE_KINDS
from medlab_gui.io.dicom_lut import lookup_table
from medlab_gui.io.dicom_pixel_place import find_pixels, most_frames
from medlab_gui.io.dicom_rescale import RescaleFault, rescale_fault
from medlab_gui.io.dicom_source import DEFLATED, open_dicom
from medlab_gui.io.dicom_text import element_text, person_name
from medlab_gui.io.dicom_values import numbers, printable, text
from medlab_gui.io.pydicom_quiet import pydicom_errors, quiet_pydicom
from medlab_gui.io.series import PixelLayout, pseudonym

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from pydicom.tag import BaseTag

    from medlab_gui.core.display import Display
    from medlab_gui.io.series import Frame

__all__ = [
    "WANTED",
    "DicomHeader",
    "header_of",
    "read_header",
    "wanted_tags",
]

WANTED: tuple[str | int, ...] = (
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "AcquisitionTime",
    "ContentTime",
    "AcquisitionNumber",
    "Modality",
    "StudyDescription",
    "SeriesDescription",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "SliceThickness",
    "SpacingBetweenSlices",
    "EchoTime",
    "EchoNumbers",
    "TriggerTime",
    "GantryDetectorTilt",
    "ConvolutionKernel",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "FrameOfReferenceUID",
    "TemporalPositionIdentifier",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "WindowCenter",
    "WindowWidth",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "DoseGridScaling",
    "GridFrameOffsetVector",
    "LossyImageCompression",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "VOILUTFunction",
    "DiffusionBValue",
    "InversionTime",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ModalityLUTSequence",
    "ComplexImageComponent",
    "DimensionIndexSequence",
    "Manufacturer",
    *PRIVATE_KINDS,
)
"""Elements that are looked at; everything else in a header is passed over."""


@cache
def wanted_tags() -> list[BaseTag]:
    """Return `WANTED` as tags."""
    from pydicom.tag import Tag

    return [Tag(name) for name in WANTED]


_RLE = "1.2.840.10008.1.2.5"
_PLAIN = "1.2.840.10008.1.2.1"
_LONGEST_TEXT = 128
"""Twice what the standard allows in a description; what is longer is no text."""


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """What one DICOM file says of itself; names as in `FileSeries`.

    ``cut_short``, ``rescale_fault`` and ``bits_fault`` say in words what is missing of
    the pixels, and wrong with slope and intercept and with their bits, or are empty;
    ``n_spare`` bytes of pixels are more than its size needs; where it ``denies`` what
    they are, they are plain and are said to be compressed; ``n_described`` frames
    have a functional group of their own. ``text_guess`` names the encoding of its text
    where that is a guess.
    """

    path: Path
    series_uid: str
    study_uid: str
    modality: str
    description: str
    patient_name: str
    patient_key: str
    study_date: str | None
    study_description: str
    number: int
    units: str | None
    transfer_syntax: str
    window: tuple[float, float] | None
    lossy: bool
    display: Display
    is_secondary: bool
    tilt: float
    slice_gap: float | None
    cut_short: str
    n_spare: int
    denies: bool
    n_described: int
    has_rescale: bool
    has_lookup_table: bool
    rescale_fault: RescaleFault
    bits_fault: str
    text_guess: str
    frames: tuple[Frame, ...] = field(repr=False)


def read_header(path: Path, *, force: bool = False) -> DicomHeader:
    """Read the header of a DICOM picture.

    Parameters
    ----------
    path : Path
        The file.
    force : bool
        Read it although it lacks the DICOM preamble.

    Raises
    ------
    NotAnImageError
        If it is DICOM but no picture (a report, a plan, a mask, an index).
    DamagedFileError
        If its header cannot be read to the end.
    """
    import pydicom

    with quiet_pydicom():
        try:
            with open_dicom(path) as file:
                dataset = pydicom.dcmread(
                    file,
                    stop_before_pixels=True,
                    specific_tags=wanted_tags(),
                    force=force,
                )
                if isinstance(file, BytesIO):
                    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(DEFLATED)
                return header_of(path, file, dataset)
        except pydicom.errors.InvalidDicomError as error:
            msg = f"{path.name} is not a DICOM file."
            raise NotAnImageError(msg, path=path) from error
        except pydicom_errors(OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's fault, not the file's
            msg = (
                f"{path.name} is damaged: its DICOM header cannot be read to the end. "
                "Fetch the file again from where it came from."
            )
            raise DamagedFileError(msg, path=path) from error


def header_of(path: Path, file: BinaryIO, dataset: Any) -> DicomHeader:
    """Return what a header says.

    Parameters
    ----------
    path : Path
        The file.
    file : file
        The same file, standing where the element of the pixels begins.
    dataset : pydicom.FileDataset
        Its header; of the elements `WANTED` at least.

    Raises
    ------
    NotAnImageError, DamagedFileError
        As `read_header`, besides what pydicom raises.
    """
    from pydicom.uid import UID

    meta = dataset.file_meta
    class_uid = printable(str(meta.get("MediaStorageSOPClassUID", "") or ""))
    class_uid = class_uid or text(dataset, "SOPClassUID")
    _refuse_what_is_no_picture(path, dataset, class_uid)
    if not text(dataset, "SOPInstanceUID"):
        dataset.SOPInstanceUID = meta.get("MediaStorageSOPInstanceUID", "")
    layout = _layout(dataset)
    syntax = meta.get("TransferSyntaxUID")
    n_frames = int((numbers(dataset, "NumberOfFrames") or (1,))[0])
    n_frames = max(1, n_frames)
    compressed = bool(syntax is not None and _is(syntax, "is_encapsulated"))
    deflated = bool(syntax is not None and _is(syntax, "is_deflated"))
    # pydicom takes what it does not know for explicit.
    is_ge = str(syntax) == GE_PRIVATE
    encoding = (True, True) if is_ge else dataset.original_encoding
    place = find_pixels(file, encoding, layout, n_frames, compressed)
    cut_short = place.cut_short
    if place.denies:
        compressed, syntax = False, UID(_PLAIN)
    # A header may claim two thousand million frames; each would be an object here.
    most = most_frames(layout, file.seek(0, 2), compressed=compressed)
    if n_frames > most:
        cut_short = cut_short or f"it cannot hold the {n_frames:,} frames it claims"
        n_frames = most
    layout = _with_kind(layout, place.kind)
    if compressed and str(syntax) != _RLE:
        # Codecs know of values only; High Bit says nothing about them.
        layout = replace(layout, high_bit=layout.bits_stored - 1)
    # Of a dose, the scaling is what a rescale is elsewhere.
    dose = numbers(dataset, "DoseGridScaling")
    slope = (numbers(dataset, "RescaleSlope") or dose or (1.0,))[0]
    intercept = (numbers(dataset, "RescaleIntercept") or (0.0,))[0]
    little = dataset.original_encoding[1] is not False
    table = lookup_table(dataset, layout, is_little=little)
    if table is not None:
        slope, intercept = 1.0, 0.0
    offset = place.offset if little and not deflated and not is_ge else None
    frames = frames_of(
        path,
        dataset,
        n_frames,
        FrameDefaults(layout, offset, slope or 1.0, intercept, table),
    )
    display = display_of(dataset, layout, frames, is_little=little)
    fault = rescale_fault(dataset) if table is None else RescaleFault()
    modality = text(dataset, "Modality").upper()[:16] or "OT"
    name, guess = element_text(dataset, "PatientName")
    described, guess_too = element_text(dataset, "SeriesDescription")
    has_rescale = (
        table is not None
        or numbers(dataset, "RescaleIntercept") is not None
        or any((f.slope, f.intercept) != (1.0, 0.0) for f in frames)
    )
    hounsfield = (
        text(dataset, "RescaleType").upper() in ("", "HU")
        if table is None
        else table.units == "HU"
    )
    return DicomHeader(
        path=path,
        series_uid=text(dataset, "SeriesInstanceUID")[:_LONGEST_TEXT],
        study_uid=text(dataset, "StudyInstanceUID")[:_LONGEST_TEXT],
        modality=modality,
        description=described[:_LONGEST_TEXT],
        patient_name=person_name(name[: 3 * _LONGEST_TEXT]),
        patient_key=_patient_key(dataset),
        study_date=_iso_date(text(dataset, "StudyDate")),
        study_description=element_text(dataset, "StudyDescription")[0],
        number=int((numbers(dataset, "SeriesNumber") or (0,))[0]),
        units=(
            "HU"
            if modality == "CT"
            and has_rescale
            and hounsfield
            and layout.is_grey
            and slope != 0
            and not fault.is_unsafe
            else None
        ),
        transfer_syntax=printable(str(syntax)) if syntax is not None else "",
        window=usable_window(window_of(voi_item(dataset)), display.function),
        lossy=text(dataset, "LossyImageCompression") == "01",
        display=display,
        is_secondary=is_secondary_capture(class_uid),
        tilt=(numbers(dataset, "GantryDetectorTilt") or (0.0,))[0],
        slice_gap=(numbers(dataset, "SpacingBetweenSlices") or (None,))[0],
        cut_short=cut_short,
        n_spare=place.n_spare,
        denies=place.denies,
        n_described=len(dataset.get("PerFrameFunctionalGroupsSequence") or ()),
        has_rescale=has_rescale,
        has_lookup_table=bool(dataset.get("ModalityLUTSequence")),
        rescale_fault=fault,
        bits_fault=_bits_fault(dataset, layout),
        text_guess=guess or guess_too,
        frames=frames,
    )


def _bits_fault(dataset: Any, layout: PixelLayout) -> str:
    if layout.kind != "integer" or not layout.is_grey:
        return ""
    stored = numbers(dataset, "BitsStored")
    sign = numbers(dataset, "PixelRepresentation")
    if stored and stored[0] != layout.bits_stored:
        return (
            f"say that {stored[0]:g} bits of {layout.bits_allocated} are used, which "
            "cannot be; all of them are taken"
        )
    if numbers(dataset, "BitsAllocated") is None:
        return "do not say how many bits a pixel has (Bits Allocated); 16 are taken"
    if sign is None or sign[0] not in (0, 1):
        return (
            "do not say whether values have a sign (Pixel Representation); none is "
            "taken, and if there is one, values below 0 are far too high"
        )
    claimed = text(dataset, "PhotometricInterpretation")[:16]
    if not claimed.startswith("MONOCHROME"):
        named = f"(Photometric Interpretation is {claimed or 'missing'})"
        return (
            f"do not say rightly that high values are bright {named}; they are taken so"
        )
    return ""


def _photometric(dataset: Any, samples: int) -> str:
    claimed = text(dataset, "PhotometricInterpretation")[:16]
    known = claimed.startswith("MONOCHROME") or claimed == "PALETTE COLOR"
    # One sample cannot be a colour of its own; `_bits_fault` tells what is taken.
    return claimed if known or samples > 1 else "MONOCHROME2"


def _is(syntax: Any, what: str) -> bool:
    try:
        return bool(getattr(syntax, what))
    except ValueError:  # a UID that is not a transfer syntax known to pydicom
        return False


def _refuse_what_is_no_picture(path: Path, dataset: Any, class_uid: str) -> None:
    from pydicom.uid import UID

    name = UID(class_uid).name if class_uid else ""
    if not name or name == class_uid:
        name = "of an unknown kind"
    if class_uid == "1.2.840.10008.1.3.10":
        msg = "It is an index of other files (DICOMDIR), not a picture."
        raise NotAnImageError(msg, path=path)
    is_mask = text(dataset, "Modality").upper() == "SEG"
    if is_mask or "Segmentation" in name or "Surface" in name:
        msg = f"It is a mask or surface, not a scan ({name})."
        raise NotAnImageError(msg, path=path)
    if "Rows" not in dataset or "Columns" not in dataset:
        if not class_uid and "SOPInstanceUID" not in dataset:
            msg = f"{path.name} is damaged or not a DICOM picture: no image size in it."
            raise DamagedFileError(msg, path=path)
        if "Image" in name and "SR" not in name.split():
            msg = (
                f"{path.name} is damaged: it should be a picture ({name}) but "
                "its header ends before the size of the image."
            )
            raise DamagedFileError(msg, path=path)
        msg = f"It is DICOM without a picture ({name})."
        raise NotAnImageError(msg, path=path)


def _layout(dataset: Any) -> PixelLayout:
    def one(name: str, default: int) -> int:
        return int((numbers(dataset, name) or (default,))[0])

    allocated = one("BitsAllocated", 16)
    stored = one("BitsStored", allocated)
    samples = one("SamplesPerPixel", 1) or 1
    if not 1 <= stored <= allocated:
        stored = allocated  # told as `bits_fault`
    return PixelLayout(
        rows=one("Rows", 0),
        columns=one("Columns", 0),
        samples=samples,
        photometric=_photometric(dataset, samples),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=one("HighBit", stored - 1),
        signed=one("PixelRepresentation", 0) == 1,
    )


def _with_kind(layout: PixelLayout, kind: str) -> PixelLayout:
    return replace(layout, kind=kind) if kind != "integer" else layout


def _patient_key(dataset: Any) -> str:
    issuer, patient = text(dataset, "IssuerOfPatientID"), text(dataset, "PatientID")
    if patient:
        return pseudonym("id", issuer, patient)
    name, born = text(dataset, "PatientName"), text(dataset, "PatientBirthDate")
    if name:
        return pseudonym("name", name, born)
    study = text(dataset, "StudyInstanceUID")
    return pseudonym("study", study) if study else "unknown"


def _iso_date(value: str) -> str | None:
    match = re.fullmatch(r"(\d{4})[.\-]?(\d\d)[.\-]?(\d\d)", value)
    if not match or not "01" <= match[2] <= "12" or not "01" <= match[3] <= "31":
        return None
    return "-".join(match.groups())
