"""Masks from files, and onto the grid of a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.geometry import Reorientation
from medlab_gui.core.places import as_path
from medlab_gui.io.image_stack import picture_kind
from medlab_gui.io.labelme import is_labelme, read_labelme
from medlab_gui.io.read import read_checked
from medlab_gui.io.scan import scan
from medlab_gui.io.wording import counted, placed

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid

__all__ = ["mask_on_grid", "read_mask"]


def read_mask(
    path: str | os.PathLike[str], labels: Mapping[str, int] | None = None
) -> tuple[NDArray[Any], Grid | None]:
    """Read a mask of whole numbers.

    Parameters
    ----------
    path : path
        NIfTI, NRRD, MetaImage, Analyze or MGH; pictures (a file or a folder of them);
        Labelme JSON (a file or a folder of them).
    labels : mapping of str to int, optional
        For Labelme: the value of each label.

    Returns
    -------
    mask : ndarray of an integer dtype, shape (Z, Y, X)
        Class values as in the file. A JPEG of black and white gets 0 and 255.
    grid : Grid or None
        Native grid of the file; None where it has no geometry, so that only the number
        of slices, rows and columns can be compared.

    Raises
    ------
    InputError
        If it is a scan and no mask (values that are not whole numbers, DICOM).
    """
    path = as_path(path)
    if is_labelme(path):
        return read_labelme(path, labels or {}), None
    series = scan(path).series
    if len(series) > 1 and series[0].format != "dicom":
        msg = (
            f"{path} holds {len(series)} volumes, and a mask is one. Save the one that "
            "is the mask in a file of its own."
        )
        raise InputError(msg, path=path)
    if series[0].format == "dicom":
        msg = (
            f"{path} is not a mask file: a mask must be one NIfTI, NRRD or MetaImage "
            "file, pictures of one folder or Labelme files, of whole numbers."
        )
        raise InputError(msg, path=path)
    found, volume = read_checked(series[0])
    rounded = next((p for p in found.problems if p.code == "values-rounded"), None)
    if rounded is not None:
        msg = (
            f"The labels of {path.name} cannot be told apart. {rounded.message} Number "
            "the labels anew, from 1, in the program that made the mask."
        )
        raise InputError(msg, path=path)
    data = volume.data
    if data.dtype.kind == "f":
        whole = np.rint(data)
        if not np.array_equal(whole, data):
            msg = (
                f"{path.name} is not a mask: it holds values such as "
                f"{float(data[whole != data][0]):g}, and a mask holds whole numbers."
            )
            raise InputError(msg, path=path)
        data = whole.astype(np.int32)
    if series[0].format != "pictures":
        return data, volume.grid
    with series[0].files[0].open("rb") as file:
        kind = picture_kind(file.read(8))
    return (_two_values(data, path) if kind == "JPEG" else data), None


def _two_values(data: NDArray[Any], path: Path) -> NDArray[Any]:
    """Undo what JPEG does to the edges of a mask of black and white."""
    off = np.minimum(data, 255 - data)
    # The noise reaches about a quarter of the range, at some pixels of each border.
    if np.mean(off > 16) > 0.02:
        msg = (
            f"{path.name} is a JPEG that is not black and white, and JPEG changes "
            "values, so it cannot be a mask. Save masks as PNG."
        )
        raise InputError(msg, path=path)
    return np.where(data > 127, 255, 0).astype(np.uint8)


def mask_on_grid(
    mask: NDArray[Any], mask_grid: Grid | None, grid: Grid
) -> NDArray[Any]:
    """Return a mask on the grid of a scan, if both are the same lattice.

    Axes may be permuted and flipped, which is exact. Nothing is ever interpolated.

    Parameters
    ----------
    mask : ndarray, shape (Z, Y, X)
        Class values.
    mask_grid : Grid or None
        Where they are; None for a mask without geometry, which fits a grid of its
        shape as it is.
    grid : Grid
        Where they are wanted.

    Returns
    -------
    ndarray, shape ``grid.shape``
        A view of ``mask`` where possible.

    Raises
    ------
    GeometryError
        If any corner would be more than a twentieth of a voxel off, or the sizes do
        not fit.
    """
    if mask_grid is None:
        if mask.shape == grid.shape:
            return mask
        z, y, x = mask.shape
        msg = (
            f"The mask has {counted(z, 'slice', 'slices')} of {x} x {y} pixels and no "
            f"geometry; the scan has {grid.shape[0]} of {grid.shape[2]} x "
            f"{grid.shape[1]}. Use a mask that was made on this very scan."
        )
        raise GeometryError(msg)
    # Columns say how many voxels of `grid` one step of `mask_grid` is worth.
    relation = np.linalg.inv(grid.affine) @ mask_grid.affine
    turn = np.rint(relation[:3, :3])
    if np.array_equal(np.abs(turn).sum(axis=0), [1, 1, 1]) and np.array_equal(
        np.abs(turn).sum(axis=1), [1, 1, 1]
    ):
        axes = [int(np.flatnonzero(turn[n])[0]) for n in range(3)]
        flips = [bool(turn[n].sum() < 0) for n in range(3)]
        how = Reorientation(
            mask_grid, (axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2])
        )
        if how.grid.same_as(grid, tol=0.05 * min(grid.spacing)):
            return how.apply(mask)
    raise GeometryError(_difference(mask_grid, grid))


def _difference(mask_grid: Grid, grid: Grid) -> str:
    return (
        "The mask does not lie on the voxels of the scan, and MedLab does not "
        f"interpolate masks. The mask has {placed(mask_grid)}; the scan has "
        f"{placed(grid)}. Use a mask that was made on this very scan."
    )
