"""PET: from activity concentration to standardised uptake values (SUVbw).

Follows the vendor-neutral pseudo-code of the QIBA FDG-PET/CT profile [1]_ where the
values are in Bq/ml; enhanced files come by way of `suv_enhanced`. Whatever it asks for
and the file lacks is named, and the values stay as they are.

References
----------
.. [1] QIBA, "Standardized Uptake Value (SUV) calculation", vendor-neutral pseudo-code
   for the happy path and for series times that post-processing changed (2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_source import open_dicom
from medlab_gui.io.dicom_values import numbers, text
from medlab_gui.io.pydicom_quiet import pydicom_errors, quiet_pydicom
from medlab_gui.io.suv_enhanced import (
    ENHANCED_TAGS,
    as_plain,
    is_enhanced,
    real_values,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.io.series import FileSeries, Frame

__all__ = ["Suv", "suv_of_headers", "with_suv"]

_LONGEST_CODE = 16
"""Characters; what is longer is no code of DICOM (CS)."""

_TAGS = (
    "SpecificCharacterSet",
    "Modality",
    "Units",
    "SUVType",
    "CorrectedImage",
    "DecayCorrection",
    "PatientWeight",
    "SeriesDate",
    "SeriesTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "FrameReferenceTime",
    "ActualFrameDuration",
    "RadiopharmaceuticalInformationSequence",
)
_GE_PRIVATE = (0x0009, 0x100D)
"""GE: date and time at which the scan began, whatever became of the series' time."""


@dataclass(frozen=True, slots=True)
class Suv:
    """What the values of a PET series become.

    Parameters
    ----------
    factor : float
        SUV = value * factor; 1 where the values stay as they are.
    units : str or None
        ``"SUV"`` (body weight, g/ml), ``"Bq/ml"`` or None.
    note : str
        A sentence with the figures, or on why there are no SUVs.
    """

    factor: float
    units: str | None
    note: str


def with_suv(series: FileSeries) -> FileSeries:
    """Return a PET series whose values are SUVs, or as they were with a note why.

    Parameters
    ----------
    series : FileSeries
        DICOM, with its frames in order.
    """
    frames = series.frames
    if not frames or not frames[0].layout.is_grey:
        return series
    try:
        with quiet_pydicom():
            frames, headers = _looked_up(frames)
            suv = suv_of_headers(headers)
    except pydicom_errors(OSError):
        lost = "The header cannot be read again, so there are no SUVs."
        suv = Suv(1.0, None, lost)
    code = "pet-suv" if suv.units == "SUV" else "no-suv"
    severity = Severity.NOTE if suv.units == "SUV" else Severity.WARNING
    window, display = series.window, series.display
    if frames is not series.frames:
        window = None  # it is one of the values before
    padding = display.padding
    if suv.factor != 1.0:
        frames = tuple(
            replace(f, slope=f.slope * suv.factor, intercept=f.intercept * suv.factor)
            for f in frames
        )
        if window is not None:
            if display.function == "LINEAR":
                # Its half and whole units of 1 are of the stored values, not of SUVs.
                window = window[0] - 0.5, window[1] - 1
                display = replace(display, function="LINEAR_EXACT")
            window = window[0] * suv.factor, window[1] * suv.factor
        if padding is not None:
            padding = padding[0] * suv.factor, padding[1] * suv.factor
            display = replace(display, padding=padding)
    return replace(
        series,
        frames=frames,
        units=suv.units,
        window=window if window is None or window[1] > 0 else None,
        display=display,
        problems=(*series.problems, Problem(code, severity, suv.note)),
    )


def _looked_up(frames: tuple[Frame, ...]) -> tuple[tuple[Frame, ...], list[Any]]:
    """Return frames with the values that their files mean, and a few headers.

    The first and the last slice are enough, for the bed moves one way and the scan
    begins at one of its ends.
    """
    few = [frames[n] for n in (0, len(frames) // 2, -1)]
    first = _header(few[0].path)
    if not is_enhanced(first):
        others = dict.fromkeys(f.path for f in few[1:] if f.path != few[0].path)
        return frames, [first, *map(_header, others)]
    known = {path: _header(path) for path in {f.path for f in frames}}
    found = [real_values(known[f.path], f.index) for f in frames]
    if len({values and values[2] for values in found}) == 1 and None not in found:
        frames = tuple(
            replace(f, slope=values[0], intercept=values[1])
            for f, values in zip(frames, found, strict=True)
            if values is not None
        )
    return frames, [as_plain(known[f.path], f.index) for f in few]


def _header(path: Path) -> Any:
    import pydicom
    from pydicom.tag import Tag

    names = (*_TAGS, *ENHANCED_TAGS)
    tags = [Tag(name) for name in names] + [Tag(_GE_PRIVATE), Tag(0x0009, 0x0010)]
    with open_dicom(path) as file:
        return pydicom.dcmread(
            file, stop_before_pixels=True, specific_tags=list(tags), force=True
        )


def suv_of_headers(headers: Sequence[Any]) -> Suv:
    """Return how the values of a PET series become SUVs.

    Parameters
    ----------
    headers : sequence of pydicom.Dataset
        Of some slices of one series; the first and the last slice are enough.
    """
    first = headers[0]
    units = text(first, "Units").upper()
    if units == "GML":
        kind = text(first, "SUVType").upper()[:_LONGEST_CODE] or "BW"
        if kind == "BW":
            return Suv(1.0, "SUV", "The values are SUVs (body weight) already.")
        return Suv(1.0, None, f"The values are SUVs by another measure ({kind}).")
    if units != "BQML":
        shown = units[:_LONGEST_CODE] or "not named"
        return Suv(
            1.0,
            None,
            f"The units of the values are {shown}; SUVs can be reckoned from Bq/ml "
            "(BQML) only, so values are shown as stored.",
        )
    try:
        return _from_activity(headers)
    except _LackingError as lack:
        return Suv(
            1.0,
            "Bq/ml",
            f"The values are activity concentrations in Bq/ml; they cannot be turned "
            f"into SUVs because {lack}.",
        )


class _LackingError(Exception):
    """Something that SUVs need is not in the file; says what."""


def _from_activity(headers: Sequence[Any]) -> Suv:
    first = headers[0]
    corrected = text(first, "CorrectedImage").upper().split("\\")
    for needed, what in (("ATTN", "attenuation"), ("DECY", "decay")):
        if needed not in corrected:
            msg = f"the picture is not said to be corrected for {what}"
            raise _LackingError(msg)
    correction = text(first, "DecayCorrection").upper()
    corrected_to = _moment(text(first, "DecayCorrectionDateTime"))  # enhanced files
    if corrected_to is None and correction not in ("START", "ADMIN"):
        shown = correction or "not named"
        msg = f"the moment to which decay was corrected is {shown}"
        raise _LackingError(msg)
    weight = _above_zero(first, "PatientWeight", "the patient's weight")
    items = first.get("RadiopharmaceuticalInformationSequence")
    if not items:
        msg = "the file says nothing of the radiopharmaceutical"
        raise _LackingError(msg)
    drug = items[0]
    dose = _above_zero(drug, "RadionuclideTotalDose", "the injected dose")
    half_life = _above_zero(drug, "RadionuclideHalfLife", "the half life")
    if corrected_to is None and correction == "ADMIN":
        decayed, when = dose, "decay is corrected to the injection"
    else:
        start = corrected_to or _scan_start(headers, half_life)
        waited = (start - _injection(drug, start)).total_seconds()
        # After eight half lives nothing is left to be seen: a date is wrong.
        if not 0 <= waited <= 8 * half_life:
            msg = (
                "the times of injection and scan contradict one another "
                f"({waited / 3600:.1f} hours)"
            )
            raise _LackingError(msg)
        decayed = dose * 2.0 ** (-waited / half_life)
        when = f"{waited / 60:.1f} minutes before the scan"
    factor = weight * 1000.0 / decayed
    return Suv(
        factor,
        "SUV",
        f"Values are SUVs by body weight: Bq/ml times {factor:.6g} ({weight:g} kg, "
        f"{dose / 1e6:.4g} MBq; {when}).",
    )


def _above_zero(dataset: Any, name: str, what: str) -> float:
    found = numbers(dataset, name)
    if not found or not found[0] > 0:
        msg = f"{what} is not in the file"
        raise _LackingError(msg)
    return found[0]


def _injection(drug: Any, start: datetime) -> datetime:
    whole = _moment(text(drug, "RadiopharmaceuticalStartDateTime"))
    if whole is not None:
        return whole
    time = text(drug, "RadiopharmaceuticalStartTime")
    moment = _moment(start.strftime("%Y%m%d") + time) if time else None
    if moment is None:
        msg = "the time of injection is not in the file"
        raise _LackingError(msg)
    # A time without a date, later than the scan: the evening before.
    return moment - timedelta(days=1) if moment > start else moment


def _scan_start(headers: Sequence[Any], half_life: float) -> datetime:
    """Return the moment to which decay was corrected: when the scan began."""
    acquired: list[tuple[datetime, Any]] = []
    for header in headers:
        moment = _moment(text(header, "AcquisitionDate") + _time(header, "Acquisition"))
        if moment is not None:
            acquired.append((moment, header))
    if not acquired:
        msg = "the time of acquisition is not in the file"
        raise _LackingError(msg)
    earliest, header = min(acquired, key=lambda a: a[0])
    series = _moment(text(header, "SeriesDate") + _time(header, "Series"))
    if series is not None and series <= earliest:
        return series
    # Post-processing has set the series' time anew.
    private = header.get(_GE_PRIVATE)
    if private is not None:
        value = private.value
        if isinstance(value, bytes):
            value = value.decode("ascii", "replace")
        moment = _moment(str(value).strip(" \0"))
        if moment is not None:
            return moment
    reference = numbers(header, "FrameReferenceTime")
    duration = numbers(header, "ActualFrameDuration")
    if reference and duration and duration[0] > 0:
        rate = math.log(2) / half_life
        during = rate * duration[0] / 1000
        average = math.log(during / -math.expm1(-during)) / rate
        return earliest + timedelta(seconds=average - reference[0] / 1000)
    msg = (
        "the series' time lies after the acquisition, and nothing else says when the "
        "scan began"
    )
    raise _LackingError(msg)


def _time(header: Any, which: str) -> str:
    return text(header, f"{which}Time")


def _moment(value: str) -> datetime | None:
    """Return a DICOM date and time; time zones are left out, as both ends share one."""
    value = value.strip().replace(":", "").replace("-", "")
    plain = value.split("+")[0]
    whole, _, fraction = plain.partition(".")
    if len(whole) < 12 or not whole.isdecimal():
        return None
    try:
        moment = datetime.strptime(whole[:14].ljust(14, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    if fraction.isdecimal():
        moment += timedelta(seconds=float(f"0.{fraction}"))
    return moment
