"""Where the frames of a dose (RTDOSE) lie: one header places them all.

References
----------
DICOM PS3.3, C.8.8.3.2 (Grid Frame Offset Vector): distances from the first frame along
the cross product of the directions of rows and columns, the first of which is 0; or,
of transverse frames alone, their places along the patient's axis.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from medlab_gui.io.dicom_values import numbers, text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["dose_positions"]

_NEAR_MM = 0.01
_TRANSVERSE = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def dose_positions(dataset: Any, n_frames: int) -> tuple[tuple[float, ...], ...]:
    """Return the LPS position in mm of each frame of a dose; none where it is unsure.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Header of the file.
    n_frames : int
        How many frames it has.
    """
    if text(dataset, "Modality").upper() != "RTDOSE":
        return ()
    first = numbers(dataset, "ImagePositionPatient") or ()
    turned = numbers(dataset, "ImageOrientationPatient") or ()
    offsets = numbers(dataset, "GridFrameOffsetVector") or ()
    if (len(first), len(turned), len(offsets)) != (3, 6, n_frames):
        return ()
    if not all(map(math.isfinite, (*first, *turned, *offsets))):
        return ()
    if offsets[0] != 0:
        is_level = all(
            abs(abs(a) - b) < 1e-4 for a, b in zip(turned, _TRANSVERSE, strict=True)
        )
        if not is_level or abs(offsets[0] - first[2]) > _NEAR_MM:
            return ()
        return tuple((first[0], first[1], z) for z in offsets)
    normal = _cross(turned[:3], turned[3:])
    return tuple(
        tuple(a + d * n for a, n in zip(first, normal, strict=True)) for d in offsets
    )


def _cross(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )
