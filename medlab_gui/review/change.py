"""A change of a mask that is worked out and can be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import InputError
from medlab_gui.core.labels import IGNORE
from medlab_gui.store.edits import Edit, in_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.records import Annotation

__all__ = ["Change", "Saved", "refuse_other_values"]


@dataclass(frozen=True, eq=False)
class Change:
    """A change of a mask that is ready to be made.

    Parameters
    ----------
    edit : Edit
        What it changes.
    values : ndarray of uint8, shape of the box
        What the mask becomes.
    write : callable
        Puts it into the journal.
    state : object
        Of the mask for which it was prepared.
    """

    edit: Edit
    values: NDArray[np.uint8]
    write: Callable[[], object]
    state: object


@dataclass(frozen=True, eq=False)
class Saved:
    """A revision that was saved, for the session that has the series open.

    Parameters
    ----------
    annotation : Annotation
        The revision.
    seq, floor : int
        Its last edit of the journal, and the one that undo does not reach.
    confirmed : ndarray of bool, shape (Z,)
        Slices that somebody vouches for.
    mask : ndarray of uint8, shape (Z, Y, X), or None
        What the mask becomes where it came from elsewhere; else None.
    """

    annotation: Annotation
    seq: int
    floor: int
    confirmed: NDArray[np.bool_]
    mask: NDArray[np.uint8] | None


def refuse_other_values(edit: Edit, scheme: LabelScheme) -> None:
    """Refuse an edit that sets a value that is no class of a scheme.

    Raises
    ------
    InputError
        If it does; 255 (ignore) may be set.
    """
    highest = scheme.n_classes - 1
    is_wrong = np.arange(256) > highest
    is_wrong[IGNORE] = False
    for some in in_parts(edit.after.shape):
        before, after = edit.before[some], edit.after[some]
        wrong = is_wrong[after] & (before != after)
        if wrong.any():
            msg = (
                f"The value {int(after[wrong][0])} is no class of {scheme.name!r} "
                f"(0 to {highest}, or {IGNORE} for voxels to ignore)."
            )
            raise InputError(msg)
