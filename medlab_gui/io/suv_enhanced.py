"""PET in enhanced (multi-frame) files, which say in other tags what plain ones say.

An enhanced file gives units as Real World Value Mapping, corrections as flags, and the
moment to which decay was corrected outright; one that was converted from plain files
keeps their elements in sequences of its own. Here both become headers like plain ones.

References
----------
DICOM PS3.3, A.56 and C.8.22 (Enhanced PET), C.7.6.16.2.11 (Real World Value Mapping),
A.72 (Legacy Converted Enhanced PET).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.io.dicom_values import numbers, text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ENHANCED_TAGS", "as_plain", "is_enhanced", "real_values"]

ENHANCED_TAGS = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DecayCorrected",
    "AttenuationCorrected",
    "DecayCorrectionDateTime",
)
_CONVERTED = (
    "UnassignedSharedConvertedAttributesSequence",
    "UnassignedPerFrameConvertedAttributesSequence",
)
_UNITS = {"BQ/ML": "BQML", "G/ML{SUVBW}": "GML", "{SUVBW}G/ML": "GML"}
"""Codes of UCUM, and what Units calls them."""


def is_enhanced(header: Any) -> bool:
    """Tell whether a header has functional groups."""
    return bool(
        header.get("SharedFunctionalGroupsSequence")
        or header.get("PerFrameFunctionalGroupsSequence")
    )


def as_plain(header: Any, n: int) -> Any:
    """Return the header of a frame as that of a plain slice.

    Parameters
    ----------
    header : pydicom.Dataset
        Of an enhanced file; of the elements `ENHANCED_TAGS` and those that SUVs need.
    n : int
        Number of the frame, from 0.
    """
    from pydicom.dataset import Dataset

    plain = Dataset()
    plain.update({e.tag: e for e in header if e.keyword not in ENHANCED_TAGS[:2]})
    for group in _groups(header, n):
        for name in _CONVERTED:
            for item in group.get(name) or ():
                plain.update({e.tag: e for e in item if e.tag not in plain})
        for item in group.get("FrameContentSequence") or ():
            moment = text(item, "FrameAcquisitionDateTime")
            if len(moment) >= 14 and "AcquisitionTime" not in plain:
                plain.AcquisitionDate, plain.AcquisitionTime = moment[:8], moment[8:]
    if "Units" not in plain:
        found = real_values(header, n)
        plain.Units = found[2] if found is not None else ""
    if "CorrectedImage" not in plain:
        flags = (("ATTN", "AttenuationCorrected"), ("DECY", "DecayCorrected"))
        plain.CorrectedImage = [
            code for code, name in flags if text(plain, name).upper() == "YES"
        ]
    return plain


def real_values(header: Any, n: int) -> tuple[float, float, str] | None:
    """Return how the stored values of a frame become activity or SUVs.

    Returns
    -------
    slope, intercept : float
        Real value = stored value * slope + intercept.
    units : str
        ``"BQML"`` or ``"GML"``.
    None where the frame has no such mapping.
    """
    for group in _groups(header, n):
        for item in group.get("RealWorldValueMappingSequence") or ():
            codes = item.get("MeasurementUnitsCodeSequence") or ()
            units = _UNITS.get(text(codes[0], "CodeValue").upper()) if codes else None
            slope = numbers(item, "RealWorldValueSlope")
            intercept = numbers(item, "RealWorldValueIntercept")
            if units and slope and slope[0] and intercept:
                return slope[0], intercept[0], units
    return None


def _groups(header: Any, n: int) -> Sequence[Any]:
    """Return the functional groups of a frame, its own before those of all."""
    own = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    return [*own[n : n + 1], *shared[:1]]
