"""What a NIfTI header claims of where its voxels are and what they mean, and cannot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import DamagedFileError
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.glance import gzip_length

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bytes_left_over", "scaling_problems", "voxels_begin"]


def voxels_begin(
    path: Path, header: Any, problems: list[Problem], *, packed: bool
) -> int:
    """Return the byte at which the voxels begin.

    Parameters
    ----------
    path : Path
        A file with its voxels in itself.
    header : nibabel.Nifti1Header
        As it stands in the file. An offset within the header is set to the first byte
        that is allowed.
    problems : list of Problem
        Takes what is odd.
    packed : bool
        Whether the file is packed with gzip.

    Raises
    ------
    DamagedFileError
        If the header names a place within itself, and the length of the file does not
        tell the true one.
    """
    named = float(header["vox_offset"])
    first = int(header["sizeof_hdr"]) + 4
    if first not in (352, 544) or named >= first:
        return int(header.get_data_offset())
    n_bytes = _n_bytes(header)
    length = gzip_length(path) if packed else path.stat().st_size
    before = None if length is None else length - n_bytes
    if before not in (first, first - 4):
        msg = (
            f"{path.name} is damaged: it says that its voxels begin at byte {named:g}, "
            "which is within its header. Fetch or export the file again."
        )
        raise DamagedFileError(msg, path=path)
    header["vox_offset"] = first
    problems.append(
        Problem(
            "voxels-begin",
            Severity.WARNING,
            f"The file says that its voxels begin at byte {named:g}, which is within "
            f"its header; its length says byte {before}, which is taken.",
        )
    )
    return int(before)


def scaling_problems(header: Any) -> list[Problem]:
    """Report a scale of the values that cannot be; ``header`` as in the file."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if math.isfinite(slope) and (slope != 0 or intercept == 0):
        return []
    if math.isnan(slope) and not (math.isfinite(intercept) and intercept):
        return []  # as nibabel writes that there is none
    return [
        Problem(
            "bad-rescale",
            Severity.WARNING,
            f"The file gives a scale for its values that cannot be (slope {slope:g}, "
            f"intercept {intercept:g}); values are shown as stored.",
        )
    ]


def bytes_left_over(path: Path, header: Any, begin: int) -> tuple[int, int]:
    """Return how many bytes lie behind plain voxels, and how many these are."""
    n_bytes = _n_bytes(header)
    return path.stat().st_size - begin - n_bytes, n_bytes


def _n_bytes(header: Any) -> int:
    shape = (int(n) for n in header.get_data_shape())
    return math.prod(shape) * int(header.get_data_dtype().itemsize)
