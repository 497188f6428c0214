"""Whether the files of a series are those that the project has under its UID."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.commands.values import counted
from medlab_gui.core.errors import MedlabError
from medlab_gui.core.records import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medlab_gui.io import FileSeries
    from medlab_gui.store.project import ProjectStore

__all__ = ["apart_from_known"]


def apart_from_known(
    store: ProjectStore, series: FileSeries, *, n_compared: int = 0
) -> FileSeries:
    """Return a series under a UID of its own where the project has another under its.

    So it is where a part of a series was taken in first, such as one slice of it, or
    what had come of it until then; and where the sender has mended its values. The
    masks made on what is there belong to it.

    Parameters
    ----------
    store : ProjectStore
        The project.
    series : FileSeries
        What `io.scan` found.
    n_compared : int
        Of how many slices the values are compared; their files are read for that,
        which may take long.

    Returns
    -------
    FileSeries
        The same one where the project does not have it, or has it on the same grid
        with the same values, as far as these were compared.
    """
    if series.grid is None or not store.has_series(series.uid):
        return series
    there = store.series(series.uid).reorientation.source
    here = counted(series.n_slices, "slice")
    if not there.same_as(series.grid):
        place = series.grid.affine.round(3).tolist()
        return _beside(
            series,
            f"with another geometry ({counted(there.shape[0], 'slice')}; {here} in "
            "these files)",
            here,
            repr((series.grid.shape, place)),
        )
    other = _other_values(store, series, n_compared) if n_compared else ""
    if other:
        return _beside(series, "with other grey values", "other values", other)
    return series


def _beside(series: FileSeries, how: str, part: str, key: str) -> FileSeries:
    from medlab_gui.io.series import derived_uid

    told = Problem(
        "differs-from-project",
        Severity.WARNING,
        f"The project has this series already, {how}. It is left as it is, with its "
        "masks; these files are a series of their own beside it.",
    )
    return replace(
        series,
        uid=derived_uid(series.uid, "beside", key),
        part=", ".join(p for p in (series.part, part) if p),
        problems=(*series.problems, told),
    )


def _other_values(store: ProjectStore, series: FileSeries, n_compared: int) -> str:
    """Return what stands for the values of the files, or "" if the project has them.

    Those of other formats are known by their content, and so is their UID.
    """
    if series.format != "dicom" or series.derivation is not None or series.applied:
        return ""
    record = store.series(series.uid)
    places = np.linspace(0, series.n_slices - 1, n_compared)
    picks = sorted({round(k) for k in places})
    try:
        kept = record.reorientation.restore(store.array(record.blob))[picks]
        found = _slices(series, picks)
        same = np.array_equal(kept, found)
        return "" if same else sha256(found.tobytes()).hexdigest()
    except MedlabError:
        return ""  # what is wrong with them is told when they are read


def _slices(series: FileSeries, picks: Sequence[int]) -> NDArray[Any]:
    """Read some slices, as float32."""
    from medlab_gui.core.geometry import Grid
    from medlab_gui.io import read_volume

    frames = tuple(series.frames[k] for k in picks)
    shape = (len(frames), *series.shape[1:])
    part = replace(
        series,
        frames=frames,
        files=tuple(dict.fromkeys(f.path for f in frames)),
        n_slices=len(frames),
        shape=shape,
        # Only the values are wanted; where they lie does not matter.
        grid=Grid(shape, np.eye(4)),
        problems=(),
    )
    return read_volume(part).data.astype(np.float32)
