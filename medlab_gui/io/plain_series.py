"""Series of files that tell their voxels, and nothing of patient, study or machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_values import printable
from medlab_gui.io.series import FileSeries, derived_uid, pseudonym

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from medlab_gui.core.geometry import Grid

__all__ = ["plain_series"]


def plain_series(
    uid: str,
    kind: str,
    name: str,
    files: Sequence[Path],
    shape: tuple[int, int, int],
    grid: Grid | None,
    problems: Iterable[Problem],
    *,
    is_ct: bool = False,
) -> FileSeries:
    """Return the series of a file, or of files, that only hold voxels.

    Parameters
    ----------
    uid : str
        Follows from the content, so that it is known again wherever it lies.
    kind : str
        Format, such as ``"nifti"``.
    name : str
        What people know it by.
    files : sequence of Path
        Where it lies.
    shape : tuple of int
        ``(Z, Y, X)``.
    grid : Grid or None
        None where it is no volume.
    problems : iterable of Problem
        What is odd about it.
    is_ct : bool
        Whether its values look like a CT's; that this is a guess is said, too.

    Returns
    -------
    FileSeries
        Its study is its own, and its patient's pseudonym follows from ``uid``.
    """
    told = list(problems)
    if is_ct:
        message = (
            "The file does not say which machine made it; its values look like CT in "
            "Hounsfield units and are taken as such."
        )
        told.append(Problem("modality-guessed", Severity.NOTE, message))
    return FileSeries(
        uid=uid,
        study_uid=derived_uid("study", uid),
        modality="CT" if is_ct else "OT",
        description=printable(name),
        patient_name="",
        patient_key=pseudonym("file", uid),
        study_date=None,
        study_description="",
        n_slices=shape[0],
        shape=shape,
        grid=grid,
        units="HU" if is_ct else None,
        transfer_syntax="",
        format=kind,
        files=tuple(files),
        problems=tuple(told),
        original_uid=uid,
    )
