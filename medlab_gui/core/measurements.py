"""What a person measures on a slice: distances, angles, regions.

A measurement belongs to one slice of one plane of a series' working grid. Its points
are LPS millimetres, so that it holds on pixels of any shape, and length, angle and area
follow from them alone; the grid is needed only to find the pixels of a region.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.i18n import N_, _
from medlab_gui.core.outlines import enclosed_area

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid

__all__ = [
    "KIND_NAMES",
    "MAX_POINTS",
    "PLANE_NAMES",
    "Kind",
    "Measurement",
    "Plane",
    "Values",
    "as_points",
    "check_on_grid",
    "short_value",
]

Point = tuple[float, float, float]

MAX_POINTS = 2000
"""Most points of a line drawn by hand."""

_SMALLEST_MM2 = 1e-6
_OFF_PLANE_MM = 0.05


class Kind(StrEnum):
    """What is measured, and what the points mean.

    A distance has its two ends; an angle a point on one arm, the vertex and a point on
    the other arm; a rectangle its four corners in order. An ellipse has four points as
    DICOM's ``ELLIPSE`` (PS3.3 C.18.6): the ends of the longer axis, then those of the
    shorter. A freehand region has the corners of its outline, which closes by itself.
    """

    DISTANCE = "distance"
    ANGLE = "angle"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    FREEHAND = "freehand"

    @property
    def is_region(self) -> bool:
        """Whether it encloses pixels."""
        return self in (Kind.ELLIPSE, Kind.RECTANGLE, Kind.FREEHAND)


class Plane(StrEnum):
    """A direction in which the working grid is cut."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    @property
    def axis(self) -> int:
        """Axis of ``(k, j, i)`` that numbers the slices."""
        return list(Plane).index(self)

    @property
    def axes(self) -> tuple[int, int]:
        """Axes of ``(k, j, i)`` that are rows and columns of the picture."""
        rows, columns = (a for a in range(3) if a != self.axis)
        return rows, columns


KIND_NAMES = {
    Kind.DISTANCE: N_("Distance"),
    Kind.ANGLE: N_("Angle"),
    Kind.ELLIPSE: N_("Ellipse"),
    Kind.RECTANGLE: N_("Rectangle"),
    Kind.FREEHAND: N_("Freehand"),
}
PLANE_NAMES = {
    Plane.AXIAL: N_("axial"),
    Plane.CORONAL: N_("coronal"),
    Plane.SAGITTAL: N_("sagittal"),
}
"""Words for people, translated when they are shown."""

_N_POINTS = {
    Kind.DISTANCE: (2, 2),
    Kind.ANGLE: (3, 3),
    Kind.ELLIPSE: (4, 4),
    Kind.RECTANGLE: (4, 4),
    Kind.FREEHAND: (3, MAX_POINTS),
}


def as_points(points: Any) -> tuple[Point, ...]:
    """Return points as plain numbers, ``((x, y, z), ...)`` in LPS mm.

    Raises
    ------
    GeometryError
        If they are not rows of three finite numbers.
    """
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = "The points of a measurement must be rows of three numbers (LPS mm)."
        raise GeometryError(msg) from error
    if array.ndim != 2 or array.shape[1] != 3 or not np.isfinite(array).all():
        msg = (
            "The points of a measurement must be rows of three finite numbers (LPS "
            f"mm); found an array of {array.shape}."
        )
        raise GeometryError(msg)
    return tuple((float(x), float(y), float(z)) for x, y, z in array)


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something that was measured on a slice.

    Parameters
    ----------
    id : str
        Its own name; all its versions share it.
    series_uid : str
        The series.
    kind : Kind
        What is measured.
    plane : Plane
        How the working grid is cut.
    slice_index : int
        Which slice of that plane, from 0.
    points : tuple of (x, y, z)
        LPS millimetres, in the order that `Kind` says.
    label : str
        What the person calls it.
    created_by, created : str
        Who drew it, and the ISO time in UTC.
    changed_by, changed : str
        Who made this version, and when.
    version : int
        Counts from 1; a change must name the version that it saw.
    deleted : bool
        Taken away, but kept.

    Raises
    ------
    GeometryError
        If the points are too few, not finite, not in one plane, or enclose nothing.
    """

    id: str
    series_uid: str
    kind: Kind
    plane: Plane
    slice_index: int
    points: tuple[Point, ...]
    label: str = ""
    created_by: str = ""
    created: str = ""
    changed_by: str = ""
    changed: str = ""
    version: int = 1
    deleted: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", as_points(self.points))
        least, most = _N_POINTS[self.kind]
        found = len(self.points)
        if not least <= found <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            msg = f"A measurement of the kind {self.kind} has {wanted} points, not "
            raise GeometryError(msg + f"{found}.")
        if self.slice_index < 0:
            msg = f"Slices are counted from 0; found {self.slice_index}."
            raise GeometryError(msg)
        if self.kind is Kind.ANGLE and 0.0 in self._arms():
            msg = "An angle needs two arms: its vertex lies on one of the other points."
            raise GeometryError(msg)
        if self.kind.is_region:
            self._check_region()

    def _check_region(self) -> None:
        if self._flat()[1] > _OFF_PLANE_MM:
            msg = (
                "The points of a region must lie in one plane; these are "
                f"{self._flat()[1]:.2f} mm off it."
            )
            raise GeometryError(msg)
        if not (self.area_mm2 or 0.0) > _SMALLEST_MM2:
            msg = f"The {self.kind} encloses nothing. Draw it larger."
            raise GeometryError(msg)

    def _array(self) -> NDArray[np.float64]:
        return np.asarray(self.points, dtype=np.float64)

    def _arms(self) -> tuple[float, float]:
        one, vertex, other = self._array()
        return float(np.linalg.norm(one - vertex)), float(
            np.linalg.norm(other - vertex)
        )

    def _flat(self) -> tuple[NDArray[np.float64], float]:
        """Return the points as ``(n, 2)`` mm in their own plane, and how far off."""
        around = self._array() - self._array().mean(axis=0)
        _u, _s, directions = np.linalg.svd(around, full_matrices=False)
        off = float(np.abs(around @ directions[2]).max())
        return around @ directions[:2].T, off

    @property
    def length_mm(self) -> float | None:
        """Length of a distance in mm; None for other kinds."""
        if self.kind is not Kind.DISTANCE:
            return None
        one, other = self._array()
        return float(np.linalg.norm(other - one))

    @property
    def angle_deg(self) -> float | None:
        """Angle at the vertex, 0 to 180 degrees; None for other kinds."""
        if self.kind is not Kind.ANGLE:
            return None
        one, vertex, other = self._array()
        a, b = one - vertex, other - vertex
        # Unlike the arc cosine this keeps its digits near 0 and 180 degrees.
        sine, cosine = float(np.linalg.norm(np.cross(a, b))), float(a @ b)
        return math.degrees(math.atan2(sine, cosine))

    @property
    def area_mm2(self) -> float | None:
        """Area of the drawn outline in square mm; None for a distance or an angle.

        It is the outline's own area, not the number of pixels times theirs, and counts
        in full where the outline leaves the picture.
        """
        if not self.kind.is_region:
            return None
        if self.kind is Kind.ELLIPSE:
            a, b, c, d = self._array()
            return float(math.pi / 4 * np.linalg.norm(np.cross(b - a, d - c)))
        return enclosed_area(self._flat()[0])

    def moved(self, by_mm: Iterable[float]) -> Measurement:
        """Return it moved by a step in LPS mm."""
        return replace(self, points=as_points(self._array() + np.asarray([*by_mm])))


@dataclass(frozen=True, slots=True)
class Values:
    """What a measurement comes to.

    Parameters
    ----------
    length_mm, angle_deg, area_mm2 : float or None
        See `Measurement`.
    n_pixels : int or None
        Pixels of the region that have a value; None where it is no region.
    mean, sd, low, high : float or None
        Of those pixels in ``units``: mean, sample standard deviation (divided by
        n - 1; None for one pixel), smallest and largest. None where there are none.
    units : str or None
        ``"HU"``, ``"SUV"`` or None for arbitrary units.
    is_cut : bool
        Part of the region lies outside the picture: the figures of the pixels are
        those of the rest.
    n_filled : int
        Pixels of the region where nothing was measured; they are left out.
    """

    length_mm: float | None = None
    angle_deg: float | None = None
    area_mm2: float | None = None
    n_pixels: int | None = None
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    units: str | None = None
    is_cut: bool = False
    n_filled: int = 0

    def lines(self) -> list[str]:
        """Return what a person reads, the chief figure first; [] where unknown."""
        if self.length_mm is not None:
            return [_("{mm:.1f} mm").format(mm=self.length_mm)]
        if self.angle_deg is not None:
            return [_("{angle:.1f}°").format(angle=self.angle_deg)]
        if self.area_mm2 is None:
            return []
        if self.area_mm2 >= 100.0:
            lines = [_("{area:.2f} cm²").format(area=self.area_mm2 / 100)]
        else:
            lines = [_("{area:.1f} mm²").format(area=self.area_mm2)]
        left_out = [_("{n} px not measured").format(n=self.n_filled)]
        if not self.n_filled:
            left_out = []
        if not self.n_pixels:
            return [*lines, *(left_out or [_("no pixel inside")])]
        unit = self.units or _("a.u.")
        spread = "" if self.sd is None else f" ± {short_value(self.sd)}"
        lines.append(f"{short_value(self.mean)}{spread} {unit}")
        lines.append(
            _("{low} to {high}, {n} px").format(
                low=short_value(self.low), high=short_value(self.high), n=self.n_pixels
            )
        )
        lines += left_out
        if self.is_cut:
            lines.append(_("cut off by the picture's edge"))
        return lines


def short_value(value: float | None) -> str:
    """Return a value with as many digits as help: ``42.3``, ``0.0124``."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.3g}"


def check_on_grid(measurement: Measurement, grid: Grid) -> None:
    """Refuse a measurement that is not on the slice that it names.

    Parameters
    ----------
    measurement : Measurement
        Of a series with this working grid.
    grid : Grid
        The series' working grid.

    Raises
    ------
    GeometryError
        If there is no such slice, or a point is more than 0.05 mm off it.
    """
    axis, k = measurement.plane.axis, measurement.slice_index
    n = grid.shape[axis]
    if k >= n:
        msg = (
            f"The series has the {measurement.plane} slices 1 to {n}; the measurement "
            f"is on slice {k + 1}."
        )
        raise GeometryError(msg)
    off = np.abs(grid.to_index(measurement.points)[:, axis] - k).max()
    off_mm = float(off) * grid.heights[axis]
    if off_mm > _OFF_PLANE_MM:
        msg = (
            f"A point of the measurement lies {off_mm:.2f} mm off the "
            f"{measurement.plane} slice {k + 1}; measurements stay on one slice."
        )
        raise GeometryError(msg)
