"""What was found in a file or folder, before any voxel is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from medlab_gui.core.display import Display
from medlab_gui.core.records import Severity

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.records import Problem
    from medlab_gui.core.remedies import AppliedRemedy
    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.dicom_lut import LookupTable

__all__ = [
    "Derivation",
    "FileSeries",
    "Frame",
    "Ignored",
    "PixelLayout",
    "ScanResult",
    "derived_uid",
    "pseudonym",
]


def derived_uid(*parts: str) -> str:
    """Return a UID ``2.25.<number>`` that depends on the parts alone."""
    digest = sha256("\0".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def pseudonym(*parts: str) -> str:
    """Return 12 hexadecimal digits that stand for a patient; never a name."""
    return sha256("\0".join(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """How the pixels of a DICOM frame are written.

    Parameters
    ----------
    rows, columns, samples : int
        Size, and values for each pixel (1 for grey, 3 for colour).
    photometric : str
        DICOM Photometric Interpretation, e.g. ``"MONOCHROME2"``.
    bits_allocated, bits_stored, high_bit : int
        As in the file.
    signed : bool
        Whether values are two's complement.
    kind : str
        ``"integer"``, ``"float"`` or ``"double"``.
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    kind: str = "integer"

    @property
    def is_grey(self) -> bool:
        """Whether a pixel is one grey value."""
        return self.samples == 1 and self.photometric.startswith("MONOCHROME")

    @property
    def is_at_the_bottom(self) -> bool:
        """Whether values lie at the lower end of their words, as they should."""
        return self.kind != "integer" or self.high_bit == self.bits_stored - 1

    @property
    def shifts(self) -> tuple[int, int]:
        """By how many bits to shift a stored word left, then right, for its value.

        High Bit tells where in the word the value ends (`dicom_high_bit`). One that
        cannot be is not believed.
        """
        top = self.high_bit + 1
        if not self.bits_stored <= top <= self.bits_allocated:
            top = self.bits_stored
        return self.bits_allocated - top, self.bits_allocated - self.bits_stored

    @property
    def n_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        return (self.rows * self.columns * self.samples * self.bits_allocated + 7) // 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One slice of a DICOM series: a file, or a frame of a multi-frame file.

    Parameters
    ----------
    path : Path
        The file.
    index : int
        Number of the frame in the file, from 0.
    instance : int
        Instance number, for the order of slices at one place.
    sop_uid : str
        SOP Instance UID of the file.
    position : tuple of 3 floats or None
        LPS mm of the centre of the first pixel.
    orientation : tuple of 6 floats or None
        LPS directions in which columns and rows are counted, in DICOM's order.
    pixel_spacing : tuple of 2 floats or None
        ``(dy, dx)`` in mm.
    slope, intercept : float
        Value in ``units`` = stored value * slope + intercept.
    layout : PixelLayout
        How its pixels are written.
    offset : int or None
        Where its uncompressed little-endian bytes begin in the file.
    kinds : tuple of (str, str)
        What may tell apart several volumes of one series: ``("echo time", "4.6")``.
    frame_of_reference : str
        Frame of Reference UID, or "".
    thickness : float or None
        Slice thickness in mm.
    slice_gap : float or None
        What the file says of the distance between slices, in mm.
    table : LookupTable or None
        What stored values are looked up in before slope and intercept.
    window : tuple of float or None
        ``(level, width)`` that a frame of an enhanced object has of its own.
    acquired, created : float or None
        When it was taken, and made, in seconds since midnight; of single slices.
    """

    path: Path
    index: int
    instance: int
    sop_uid: str
    position: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, float] | None
    slope: float
    intercept: float
    layout: PixelLayout
    offset: int | None
    kinds: tuple[tuple[str, str], ...] = ()
    frame_of_reference: str = ""
    thickness: float | None = None
    slice_gap: float | None = None
    table: LookupTable | None = None
    window: tuple[float, float] | None = None
    acquired: float | None = None
    created: float | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A file that was passed over.

    Parameters
    ----------
    path : Path
        The file.
    reason : str
        Why, as a sentence.
    """

    path: Path
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return {"path": str(self.path), "reason": self.reason}


class Derivation(Protocol):
    """Voxels that are not those of the files one by one: a resampling, a mosaic.

    Parameters
    ----------
    source : FileSeries
        What is read from the files first.
    """

    @property
    def source(self) -> FileSeries:
        """What is read from the files first."""

    def apply(
        self,
        data: NDArray[Any],
        display: Display,
        progress: ProgressCallback | None = None,
    ) -> tuple[NDArray[Any], Display]:
        """Return the voxels, shape (Z, Y, X), made from those of ``source``.

        And how they ask to be shown, where those of ``source`` ask for ``display``.
        """


@dataclass(frozen=True, slots=True, eq=False)
class FileSeries:
    """A series as it lies in files.

    Parameters
    ----------
    uid, study_uid : str
        DICOM UIDs; derived from the content where there are none.
    modality : str
        DICOM modality; ``"OT"`` where unknown.
    description, study_description : str
        As in the file.
    patient_name : str
        Decoded; for `inspect` only, never stored.
    patient_key : str
        A pseudonym.
    study_date : str or None
        ISO date.
    n_slices : int
        Number of slices.
    shape : tuple of int
        ``(Z, Y, X)`` as stored.
    grid : Grid or None
        The *native* grid, as stored; None where no volume can be read (then one of
        ``problems`` says why: `blocking`).
    units : str or None
        ``"HU"`` for CT, ``"SUV"`` or ``"Bq/ml"`` for PET.
    transfer_syntax : str
        Name of the DICOM transfer syntax, or "".
    format : str
        ``"dicom"``, ``"nifti"`` (and Analyze), ``"mgh"``, ``"nrrd"``, ``"mha"`` or
        ``"pictures"``.
    files : tuple of Path
        In the order of the slices.
    problems : tuple of Problem
        All that is odd about it.
    window : tuple of float or None
        ``(level, width)`` that the file asks for.
    original_uid : str
        The Series Instance UID in the files; differs from ``uid`` where one series had
        to be taken apart.
    number : int
        Series number, or 0.
    frames : tuple of Frame
        For DICOM: where each slice is.
    part : str
        What tells it from the other volumes of its series: ``"b=800"``; or "".
    tilt : float
        Gantry tilt that the header names, in degrees.
    spare : tuple of Frame
        Slices that lie where one of ``frames`` does, and are not used.
    applied : tuple of AppliedRemedy
        What was chosen about its geometry.
    derivation : Derivation or None
        How its voxels come from those of the files, where they are not the same.
    display : Display
        How the files ask to be shown: window function, inverted, filling values.
    volume_index : int
        Which volume of a file that holds several (4-D), from 0.
    loose_axes : ndarray of float64, shape (4, 4), or None
        Of a file of voxels without a size, which has no ``grid``: how its axes run
        (`io.loose_axes.unit_axes`), so that a person can give the size.
    contents : dict of Path to (int, frozenset of str)
        Of a series of several files: what was in its folders when they were looked
        through (`io.growing.contents_of`).
    looked : dict of str to (int, int, int)
        Path of each file of the scan to its state (`io.growing.state_of`) when its
        header was read. All series of a scan share it.
    """

    uid: str
    study_uid: str
    modality: str
    description: str
    patient_name: str
    patient_key: str
    study_date: str | None
    study_description: str
    n_slices: int
    shape: tuple[int, int, int]
    grid: Grid | None
    units: str | None
    transfer_syntax: str
    format: str
    files: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()
    window: tuple[float, float] | None = None
    original_uid: str = ""
    number: int = 0
    frames: tuple[Frame, ...] = field(default=(), repr=False)
    part: str = ""
    tilt: float = 0.0
    spare: tuple[Frame, ...] = field(default=(), repr=False)
    applied: tuple[AppliedRemedy, ...] = ()
    derivation: Derivation | None = field(default=None, repr=False)
    display: Display = field(default_factory=Display)
    volume_index: int = 0
    loose_axes: NDArray[np.float64] | None = None
    contents: dict[Path, tuple[int, frozenset[str]]] = field(
        default_factory=dict, repr=False
    )
    looked: dict[str, tuple[int, int, int]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def name(self) -> str:
        """What a person chooses by: ``"T2 DWI b=800"``, ``"CT series 3"``."""
        name = self.description or f"{self.modality} series {self.number or ''}".strip()
        if self.part and self.part.casefold() not in name.casefold():
            joint = " " if "=" in self.part.split(",")[0] else ", "
            name = f"{name}{joint}{self.part}"
        return name

    @property
    def sort_key(self) -> tuple[object, ...]:
        """By study, series number and, in one series, "time 2" before "time 10".

        Files that name neither come by their names.
        """
        when = self.study_date or ""
        if self.format != "dicom":
            return when, "", self.number, "", _counting(self.name), self.uid
        part = _counting(self.part)
        return when, self.study_uid, self.number, self.original_uid, part, self.uid

    @property
    def blocking(self) -> Problem | None:
        """The first problem that keeps it from being opened as a volume."""
        for problem in self.problems:
            if problem.severity is Severity.NOT_A_VOLUME:
                return problem
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: one entry of ``inspect --json``."""
        grid = self.grid
        return {
            "uid": self.uid,
            "modality": self.modality,
            "description": self.description,
            "patient_name": self.patient_name,
            "n_slices": self.n_slices,
            "shape": list(self.shape),
            "spacing_mm": None if grid is None else list(grid.spacing),
            # "+ 0.0" turns a negative zero into zero.
            "affine": None if grid is None else (grid.affine + 0.0).tolist(),
            "orientation": None if grid is None else grid.orientation,
            "units": self.units,
            "transfer_syntax": self.transfer_syntax,
            "problems": [p.to_dict() for p in self.problems],
            "name": self.name,
            "applied": [{"code": a.code, "effect": a.effect} for a in self.applied],
        }


@dataclass(frozen=True, slots=True, eq=False)
class ScanResult:
    """All that was found at a path.

    Parameters
    ----------
    series : tuple of FileSeries
        By study, series number and UID.
    ignored : tuple of Ignored
        Files that were passed over, with the reason.
    n_read, n_files : int
        How many files were looked into, and how many there are: fewer than these where
        the search was stopped.
    """

    series: tuple[FileSeries, ...]
    ignored: tuple[Ignored, ...] = ()
    n_read: int = 0
    n_files: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: the JSON of ``inspect``."""
        return {
            "series": [s.to_dict() for s in self.series],
            "ignored": [i.to_dict() for i in self.ignored],
        }


def _counting(text: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts "time 2" before "time 10"."""
    return tuple(
        (int(piece), "") if piece.isdecimal() else (-1, piece.casefold())
        for piece in re.split(r"(\d+)", text)
    )
