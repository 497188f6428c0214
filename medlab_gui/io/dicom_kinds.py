"""What kind of picture a DICOM frame is: what tells volumes of one series apart.

A series may hold several volumes at the same place: echoes, b-values, points in time,
water and fat, magnitude and phase, a localiser, a page with the dose. Nothing in DICOM
says which elements tell them apart, so that all that may are gathered here, by the
names that a person knows them by.

References
----------
DICOM PS3.3, C.7.6.1.1.2 (Image Type), C.8.13.3.1.1 (enhanced MR); the manufacturers'
conformance statements for the private elements of b-values and of GE's phase images.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from medlab_gui.io.dicom_values import text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ESSENTIAL", "PRIVATE_KINDS", "kinds_of"]

ESSENTIAL = ("modality", "page", "localiser", "stack", "component", "dixon", "map")
"""Names of kinds that are never mixed in one volume, wherever the slices lie."""

_SIEMENS_B, _PHILIPS_B, _GE_B = 0x0019100C, 0x20011003, 0x00431039
_GE_COMPONENT = 0x0043102F
_PLACES = ("(0020,9056)", "(0020,9057)", "(0020,0032)")
"""Dimensions that say where a frame lies, and not what it is."""
PRIVATE_KINDS = (_SIEMENS_B, _PHILIPS_B, _GE_B, _GE_COMPONENT)
"""Private elements that `kinds_of` looks at."""

_COMPONENTS = {
    "M": "magnitude",
    "MAGNITUDE": "magnitude",
    "P": "phase",
    "PHASE": "phase",
    "PHASE MAP": "phase",
    "R": "real",
    "REAL": "real",
    "I": "imaginary",
    "IMAGINARY": "imaginary",
}
_GE_COMPONENTS = {0: "magnitude", 1: "phase", 2: "real", 3: "imaginary"}
_DIXON = {
    **dict.fromkeys(("W", "WATER"), "water"),
    **dict.fromkeys(("F", "FAT"), "fat"),
    **dict.fromkeys(("IP", "IN", "IN_PHASE", "INPHASE"), "in phase"),
    **dict.fromkeys(
        ("OP", "OPP", "OUT", "OUT_PHASE", "OPP_PHASE", "OPPOSED_PHASE"), "opposed phase"
    ),
    **dict.fromkeys(("FF", "FAT_FRACTION", "FAT_FRAC"), "fat fraction"),
    **dict.fromkeys(("WF", "WATER_FRACTION"), "water fraction"),
}
_MAPS = {
    "ADC": "ADC",
    "EADC": "exponential ADC",
    "FA": "FA",
    "TRACE": "trace",
    "TRACEW": "trace",
    "FIELD_MAP": "field map",
    "T1_MAP": "T1 map",
    "T2_MAP": "T2 map",
    "T2_STAR_MAP": "T2* map",
    "R2_MAP": "R2 map",
    "R2_STAR_MAP": "R2* map",
    "RCBF": "rCBF",
    "RCBV": "rCBV",
    "MTT": "MTT",
    "TTP": "TTP",
    "TMAX": "Tmax",
    "SUBTRACTION": "subtraction",
    "MIP": "MIP",
    "PROJECTION IMAGE": "projection",
}
_LOCALISERS = ("LOCALIZER", "SURVIEW", "SCOUT", "TOPOGRAM")
_DOSE = ("DOSE_INFO", "DOSEINFO", "DOSE", "PATIENT_INFO")
_SCREENS = ("SCREEN SAVE", "SCREEN CAPTURE", "RESULTS", "REF_SURVIEW", "REPORT")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def kinds_of(
    dataset: Any, look: Callable[[str], Any], n: int = 0
) -> tuple[tuple[str, str], ...]:
    """Return what may tell a frame from those of another volume.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Header of the file.
    look : callable
        ``look(sequence)`` returns the item of a functional group, else the header.
    n : int
        Number of the frame, for elements that hold a value for each frame.

    Returns
    -------
    tuple of (str, str)
        Name and value, e.g. ``("echo time", "4.6")``; only what the file says.
    """
    content = look("FrameContentSequence")
    echo = look("MREchoSequence")
    diffusion = look("MRDiffusionSequence")
    heart = look("CardiacSynchronizationSequence")
    gradient = (diffusion.get("DiffusionGradientDirectionSequence") or [diffusion])[0]
    typed = dataset
    for name in ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence"):
        item = look(name)
        typed = item if item is not dataset else typed
    image_type = text(typed, "FrameType") or text(dataset, "ImageType")
    tokens = [t.strip().upper() for t in image_type.split("\\")]
    found = (
        ("modality", text(dataset, "Modality").upper()[:16]),
        *_families(dataset, typed, tokens),
        ("stack", text(content, "StackID") if content is not dataset else ""),
        ("echo time", text(echo, "EffectiveEchoTime") or text(dataset, "EchoTime")),
        ("echo", text(dataset, "EchoNumbers")),
        (
            "point in time",
            text(content, "TemporalPositionIndex")
            or text(dataset, "TemporalPositionIdentifier"),
        ),
        ("b-value", text(diffusion, "DiffusionBValue") or _private_b(dataset)),
        ("gradient direction", text(gradient, "DiffusionGradientOrientation")),
        ("inversion time", text(dataset, "InversionTime")),
        (
            "heart phase",
            text(heart, "NominalPercentageOfCardiacPhase"),
        ),
        (
            "trigger time",
            text(heart, "NominalCardiacTriggerDelayTime")
            or text(dataset, "TriggerTime"),
        ),
        (
            "label",
            text(look("MRArterialSpinLabelingSequence"), "ASLContext").lower(),
        ),
        ("kernel", text(dataset, "ConvolutionKernel")),
        ("acquisition", text(dataset, "AcquisitionNumber")),
        ("origin", tokens[0].lower() if tokens[0] in ("ORIGINAL", "DERIVED") else ""),
        ("kind of picture", image_type),
        *_dimensions(dataset, content),
    )
    return tuple((name, value) for name, value in found if value)


def _families(
    dataset: Any, typed: Any, tokens: list[str]
) -> tuple[tuple[str, str], ...]:
    """Return what the image type says, in words."""
    special = tokens[2:]
    page = localiser = component = dixon = map_ = ""
    if text(dataset, "SOPClassUID").startswith(_SECONDARY_CAPTURE):
        page = "screen page"
    if any(t in _SCREENS for t in special):
        page = "screen page"
    if any(t in _DOSE for t in special):
        page = "dose page"
    elif not page and any(t in _LOCALISERS for t in special):
        localiser = "localiser"
    map_ = next((_MAPS[t] for t in special if t in _MAPS), "")
    if text(dataset, "Modality").upper() == "MR":
        component = _component(dataset, typed, special)
        dixon = next((_DIXON[t] for t in special if t in _DIXON), "")
    return (
        ("page", page),
        ("localiser", localiser),
        ("component", component),
        ("dixon", dixon),
        ("map", map_),
    )


def _dimensions(dataset: Any, content: Any) -> tuple[tuple[str, str], ...]:
    """Return what a multi-frame file itself says that it is sorted by."""
    described = dataset.get("DimensionIndexSequence") or ()
    values = text(content, "DimensionIndexValues").split("\\")
    if content is dataset or len(values) != len(described):
        return ()
    return tuple(
        (f"dimension {text(item, 'DimensionDescriptionLabel') or n}", value)
        for n, (item, value) in enumerate(zip(described, values, strict=True), 1)
        if text(item, "DimensionIndexPointer") not in _PLACES
    )


def _component(dataset: Any, typed: Any, special: list[str]) -> str:
    named = text(typed, "ComplexImageComponent") or text(
        dataset, "ComplexImageComponent"
    )
    if named.upper() in _COMPONENTS:
        return _COMPONENTS[named.upper()]
    ge = _private(dataset, _GE_COMPONENT)
    if ge is not None and "GE" in text(dataset, "Manufacturer").upper():
        return _GE_COMPONENTS.get(int(ge), "")
    for token in special:
        # Philips writes M_FFE, P_SE, R_IR, I_FFE and then M, P, R, I.
        head = token.split("_")[0] if token[1:2] == "_" else token
        if head in _COMPONENTS and (head == token or token[2:] in _SEQUENCES):
            return _COMPONENTS[head]
    return ""


_SEQUENCES = ("FFE", "SE", "IR", "B0", "B1", "PCA", "TSE")


def _private_b(dataset: Any) -> str:
    for tag in (_SIEMENS_B, _PHILIPS_B, _GE_B):
        value = _private(dataset, tag)
        if value is not None and value >= 0:
            # GE adds 10^9 to some.
            return f"{value % 1e9 if tag == _GE_B else value:g}"
    return ""


def _private(dataset: Any, tag: int) -> float | None:
    """Return the first number of a private element, whose VR may not be known."""
    try:
        value = dataset[tag].value if tag in dataset else None
        if isinstance(value, bytes):
            if tag == _PHILIPS_B and len(value) == 4:
                return float(struct.unpack("<f", value)[0])
            if tag == _GE_COMPONENT and len(value) == 2:
                return float(struct.unpack("<h", value)[0])
            value = value.decode("ascii").strip(" \0").split("\\")[0]
        elif value is not None and not isinstance(value, (str, int, float)):
            value = value[0]
        return float(value) if value not in (None, "") else None
    except (ValueError, TypeError, LookupError, AttributeError, NotImplementedError):
        return None
