"""Siemens mosaics: many slices laid out as tiles of one picture, taken apart.

The standard part of such a file describes the picture of tiles as if it were one large
slice. How many tiles there are and in which direction they follow one another is in
Siemens' private CSA header only; where that cannot be read, nothing is guessed.

References
----------
NiBabel, "Siemens mosaic format" and "CSA header", https://nipy.org/nibabel/dicom/;
SPM, spm_dicom_headers.m, for the lengths in the first version of the header.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_values import numbers
from medlab_gui.io.grid_checks import spacing_problems

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.core.display import Display
    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.series import FileSeries, Frame

__all__ = ["Mosaic", "can_unpack", "csa_values", "is_mosaic", "unpacked"]

_CSA, _N_TILES = 0x00291010, 0x0019100A
_MOST_ITEMS = 1000
_CHECK = 77
_ITEM = struct.Struct("<4i")
_TAG = struct.Struct("<64si4s3i")


def is_mosaic(frame: Frame) -> bool:
    """Tell whether a frame is a picture of tiles."""
    kind = dict(frame.kinds).get("kind of picture", "")
    return "MOSAIC" in kind.upper().split("\\")


def can_unpack(frame: Frame) -> bool:
    """Tell whether it is a mosaic whose private header says how it is laid out."""
    return is_mosaic(frame) and _facts(frame.path) is not None


@dataclass(frozen=True, slots=True)
class Mosaic:
    """How the slices come out of a picture of tiles (a `Derivation`).

    Parameters
    ----------
    source : FileSeries
        The picture as one large slice.
    shape : tuple of int
        ``(Z, Y, X)`` of the slices.
    per_row : int
        Tiles beside one another.
    """

    source: FileSeries
    shape: tuple[int, int, int]
    per_row: int

    def apply(
        self,
        data: NDArray[Any],
        display: Display,
        progress: ProgressCallback | None = None,
    ) -> tuple[NDArray[Any], Display]:
        """Return the tiles, shape (Z, Y, X), of a picture (1, rows, columns)."""
        z, y, x = self.shape
        result = np.empty(self.shape, data.dtype)
        for n in range(z):
            top, left = n // self.per_row * y, n % self.per_row * x
            result[n] = data[0, top : top + y, left : left + x]
        return result, display


def unpacked(series: FileSeries) -> FileSeries | None:
    """Return the volume in a mosaic, or None where it is none or cannot be read.

    Parameters
    ----------
    series : FileSeries
        Of one frame that `is_mosaic`, as it was put together as a slice.
    """
    if len(series.frames) != 1 or not is_mosaic(series.frames[0]):
        return None
    blocking = [
        p
        for p in series.problems
        if p.severity is Severity.NOT_A_VOLUME and p.code != "mosaic"
    ]
    frame = series.frames[0]
    if blocking or not frame.position or not frame.orientation:
        return None
    if frame.pixel_spacing is None or not min(frame.pixel_spacing) > 0:
        return None
    facts = _facts(frame.path)
    if facts is None:
        return None
    n_tiles, normal, distance = facts
    per_row = math.ceil(math.sqrt(n_tiles))
    rows, columns = frame.layout.rows // per_row, frame.layout.columns // per_row
    if not rows or not columns:
        return None
    row, column = np.array(frame.orientation[:3]), np.array(frame.orientation[3:])
    dy, dx = frame.pixel_spacing
    affine = np.eye(4)
    affine[:3, 0] = normal * (distance or frame.thickness or 1.0)
    affine[:3, 1] = column * dy
    affine[:3, 2] = row * dx
    # The position is that of a slice as large as the whole picture, about the centre.
    affine[:3, 3] = (
        np.array(frame.position)
        + row * dx * (frame.layout.columns - columns) / 2
        + column * dy * (frame.layout.rows - rows) / 2
    )
    large = affine.copy()
    large[:3, 3] = frame.position
    try:
        whole = Grid((1, frame.layout.rows, frame.layout.columns), large)
        grid = Grid((n_tiles, rows, columns), affine, frame.frame_of_reference or None)
    except GeometryError:
        return None
    kept = tuple(p for p in series.problems if p.code not in ("mosaic", "single-slice"))
    told = Problem(
        "mosaic-taken-apart",
        Severity.NOTE,
        f"The file is one picture of {n_tiles} tiles (a Siemens mosaic); the tiles "
        "were taken apart into slices as its private header says.",
        (frame.path.name,),
    )
    source = replace(series, grid=whole, problems=(), shape=whole.shape)
    return replace(
        series,
        n_slices=n_tiles,
        shape=grid.shape,
        grid=grid,
        problems=(*kept, told, *spacing_problems(grid)),
        derivation=Mosaic(source, grid.shape, per_row),
    )


def _facts(path: Path) -> tuple[int, NDArray[np.float64], float | None] | None:
    """Return the number of tiles, their unit normal and their distance."""
    import pydicom

    from medlab_gui.io.dicom_source import open_dicom
    from medlab_gui.io.pydicom_quiet import pydicom_errors, quiet_pydicom

    try:
        with quiet_pydicom(), open_dicom(path) as file:
            dataset = pydicom.dcmread(
                file,
                specific_tags=[_CSA, _N_TILES, 0x00180088],
                stop_before_pixels=True,
                force=True,
            )
            raw = dataset[_CSA].value if _CSA in dataset else b""
            gap = numbers(dataset, "SpacingBetweenSlices")
            named = dataset[_N_TILES].value if _N_TILES in dataset else None
    except pydicom_errors(OSError):
        return None
    found = csa_values(raw) if isinstance(raw, bytes) else {}
    if isinstance(named, bytes) and len(named) == 2:
        named = int.from_bytes(named, "little")
    try:
        n_tiles = int(found.get("NumberOfImagesInMosaic", [str(named)])[0])
        normal = np.array([float(v) for v in found["SliceNormalVector"][:3]])
    except (KeyError, ValueError, IndexError):
        return None
    length = float(np.linalg.norm(normal)) if normal.shape == (3,) else 0.0
    if not 1 <= n_tiles <= 10_000 or not 0.9 < length < 1.1:
        return None
    return n_tiles, normal / length, abs(gap[0]) if gap and gap[0] else None


def csa_values(raw: bytes) -> dict[str, list[str]]:
    """Return the elements of Siemens' CSA header (of either version) as text.

    Parameters
    ----------
    raw : bytes
        Value of (0029,1010).

    Returns
    -------
    dict of str to list of str
        Empty where it is no such header; what follows a broken element is left out.
    """
    is_second = raw[:4] == b"SV10"
    place = 16 if is_second else 8
    if len(raw) < place:
        return {}
    n_tags, check = struct.unpack_from("<2I", raw, place - 8)
    if not is_second and (check != _CHECK or n_tags > _MOST_ITEMS):
        return {}
    result: dict[str, list[str]] = {}
    too_long = 0
    for n in range(min(n_tags, _MOST_ITEMS)):
        if place + _TAG.size > len(raw):
            break
        name, _vm, _vr, _type, n_items, _last = _TAG.unpack_from(raw, place)
        place += _TAG.size
        items = []
        if not 0 <= n_items <= _MOST_ITEMS:
            break
        if n == 0 and not is_second:
            too_long = n_items  # which the first version adds to each length
        for _item in range(n_items):
            if place + _ITEM.size > len(raw):
                return result
            length = _ITEM.unpack_from(raw, place)[is_second] - too_long
            place += _ITEM.size
            if not is_second and (length < 0 or place + length > len(raw)):
                break  # as written where there are no more items
            if length < 0 or place + length > len(raw):
                return result
            item = raw[place : place + length].split(b"\0")[0]
            place += length + -length % 4
            if item:
                items.append(item.decode("latin-1").strip())
        if items:
            result[name.split(b"\0")[0].decode("latin-1")] = items
    return result
