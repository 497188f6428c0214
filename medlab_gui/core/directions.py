"""Letters for directions in the patient, also for those between the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["direction_letters", "in_doubt"]

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
_LEAST = float(np.sin(np.radians(10.0)))


def direction_letters(direction: ArrayLike) -> str:
    """Return where a direction points, the largest part first: ``"L"``, ``"LA"``.

    A letter is left out where the direction is less than 10 degrees off the plane that
    its axis stands on: the usual tilt of a head would otherwise give three letters on
    every edge.

    Parameters
    ----------
    direction : array-like of float, shape (3,)
        LPS; of any length over zero.

    Returns
    -------
    str
        One to three of L/R, P/A, S/I (DICOM PS3.3 C.7.6.1.1.1).
    """
    vector = np.asarray(direction, dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if vector.shape != (3,) or not np.isfinite(length) or length <= 0:
        msg = f"A direction needs three numbers, not all zero; found {vector}."
        raise ValueError(msg)
    parts = vector / length
    order = sorted(range(3), key=lambda axis: -abs(parts[axis]))
    return "".join(
        _LETTERS[axis][int(parts[axis] > 0)]
        for n, axis in enumerate(order)
        if n == 0 or abs(parts[axis]) >= _LEAST
    )


def in_doubt(letters: str, *, doubt: bool) -> str:
    """Return letters as they are written: ``"R?"`` where the side is only assumed.

    Parameters
    ----------
    letters : str
        What `direction_letters` returned.
    doubt : bool
        Whether the files do not say how the scan lies (`Series.sides_assumed`).
    """
    return f"{letters}?" if doubt and letters else letters
