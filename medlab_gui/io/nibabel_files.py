"""What nibabel reads besides NIfTI files: Analyze 7.5, NIfTI pairs, FreeSurfer MGH."""

from __future__ import annotations

import gzip
import math
import zlib
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.glance import content_digest
from medlab_gui.io.grid_checks import shear_problems, spacing_problems
from medlab_gui.io.loose_axes import no_geometry, unit_axes
from medlab_gui.io.nifti_bytes import open_bytes
from medlab_gui.io.nifti_geometry import (
    nifti_axes,
    nifti_grid,
    ras_to_lps,
    raw_sizes,
    size_problems,
)
from medlab_gui.io.plain_series import plain_series
from medlab_gui.io.pydicom_quiet import quiet_warnings
from medlab_gui.io.series import FileSeries, derived_uid
from medlab_gui.io.several_volumes import one_for_each
from medlab_gui.io.voxels import fit_voxels, look_like_ct, value_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["header_of_pair", "is_mgh", "nibabel_series", "read_nibabel_voxels"]

_BROKEN = (
    ArithmeticError,
    EOFError,
    KeyError,
    IndexError,
    OSError,
    OverflowError,
    TypeError,
    ValueError,
    zlib.error,
)
"""What nibabel was seen to raise on broken files, besides its own errors."""
_BEST_GZIP = 1032
_PACKED = (".gz", ".mgz")


def is_mgh(head: bytes) -> bool:
    """Tell whether bytes begin like an MGH file: version 1, sane sizes and type."""
    if len(head) < 28 or head[:4] != b"\0\0\0\x01":
        return False
    numbers = [int.from_bytes(head[n : n + 4], "big") for n in range(4, 24, 4)]
    return all(0 < n <= 1 << 20 for n in numbers[:4]) and numbers[4] in (0, 1, 3, 4, 10)


def header_of_pair(path: Path) -> Path | None:
    """Return the header (``.hdr``) that belongs to a file of voxels (``.img``)."""
    if path.suffix.lower() != ".img":
        return None
    for ending in (".hdr", ".HDR", ".Hdr"):
        header = path.with_suffix(ending)
        if header.is_file():
            return header
    return None


def nibabel_series(path: Path, kind: str) -> tuple[FileSeries, ...]:
    """Describe the volumes of a file.

    Parameters
    ----------
    path : Path
        ``.hdr`` with its ``.img`` beside it, ``.mgh`` or ``.mgz``.
    kind : str
        ``"analyze"`` (a NIfTI pair too) or ``"mgh"``.

    Returns
    -------
    tuple of FileSeries
        One for each volume of a 4-D file.

    Raises
    ------
    DamagedFileError
        If the header makes no sense, or the voxels are missing.
    """
    with _opened(path, kind) as image:
        return _described(path, kind, image)


def _described(path: Path, kind: str, image: Any) -> tuple[FileSeries, ...]:
    shape = tuple(map(int, image.shape))  # of MGH they are numpy's, which overflow
    if not shape or min(shape) < 1 or len(shape) > 7:
        raise _damaged(path, f"it claims to have {shape} voxels")
    x, y, z = (*shape[:3], 1, 1)[:3]
    n_volumes = math.prod(shape[3:])
    problems: list[Problem] = []
    with np.errstate(all="ignore"):  # absurd numbers are told as a problem
        grid = _grid((z, y, x), image, problems)
    if z == 1:
        message = "There is only one slice: areas can be measured, volumes cannot."
        problems.append(Problem("single-slice", Severity.WARNING, message))
    is_ct = False
    raw: NDArray[Any] | None = None
    dtype = image.get_data_dtype()
    if dtype.fields is not None or dtype.kind == "c":
        grid = None
        message = "The voxels are colours or complex numbers; MedLab needs grey values."
        problems.append(Problem("colour", Severity.NOT_A_VOLUME, message))
    else:
        try:
            raw = _voxels(path, image, 0)
            problems += value_problems(raw)
            is_ct = look_like_ct(raw, *_scaling(image))
        except DamagedFileError as error:
            grid = None
            names = (path.name,)
            problems.append(
                Problem("truncated", Severity.NOT_A_VOLUME, error.message, names)
            )
    files = [path]
    if kind == "analyze":
        files.append(Path(image.file_map["image"].filename))
    digests = [
        content_digest(f, sealed=f.suffix.lower() in _PACKED)
        for f in files
        if f.is_file()
    ]
    uid = derived_uid(kind, *digests)
    name = path.name.removesuffix(".gz")
    first = plain_series(
        uid, kind, Path(name).stem, (path,), (z, y, x), grid, problems, is_ct=is_ct
    )
    if grid is None and raw is not None:
        first = replace(first, loose_axes=_axes(image))
    return one_for_each(first, n_volumes)


def read_nibabel_voxels(
    path: Path, kind: str, index: int = 0, problems: list[Problem] | None = None
) -> NDArray[Any]:
    """Return a volume of a file, (Z, Y, X), scaled; dtype as `fit_voxels` keeps it.

    Parameters
    ----------
    path, kind
        As for `nibabel_series`.
    index : int
        Which volume of a 4-D file.
    problems : list of Problem, optional
        Takes what is odd about the values.

    Raises
    ------
    DamagedFileError
        If the file does not hold what its header says.
    """
    with _opened(path, kind) as image:
        raw = _voxels(path, image, index)
        scaling = _scaling(image)
    if problems is not None:
        problems += value_problems(raw)
    return fit_voxels(raw, *scaling)


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[Any]:
    import logging

    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.fileholders import FileHolder
    from nibabel.spatialimages import HeaderDataError

    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)
    broken = (*_BROKEN, ImageFileError, HeaderDataError)
    if kind != "mgh":
        try:
            with quiet_warnings:
                image = nibabel.load(path)
        except broken as error:
            raise _damaged(path, "its header makes no sense") from error
        yield image
        return
    # Given a name, nibabel would leave the file open.
    packed = path.suffix.lower() in _PACKED
    with gzip.open(path) if packed else path.open("rb") as file:
        holder = FileHolder(filename=str(path), fileobj=file)
        try:
            with quiet_warnings:
                image = nibabel.freesurfer.MGHImage.from_file_map({"image": holder})
        except broken as error:
            raise _damaged(path, "its header makes no sense") from error
        yield image


def _grid(
    shape: tuple[int, int, int], image: Any, problems: list[Problem]
) -> Grid | None:
    import nibabel

    header = image.header
    if isinstance(image, (nibabel.Nifti1Pair, nibabel.Nifti2Pair)):
        return nifti_grid(shape, header, problems, sizes=_sizes(image))
    if isinstance(image, nibabel.freesurfer.MGHImage):
        if not int(header["goodRASFlag"]):
            message = (
                "The file does not say how it lies in the patient; FreeSurfer's usual "
                "way (coronal slices) is assumed. LEFT AND RIGHT MAY BE SWAPPED."
            )
            problems.append(Problem("no-orientation", Severity.UNSAFE, message))
    else:
        message = (
            "Analyze files do not say which side of the picture is the patient's left. "
            "Axial slices whose columns run to the left are assumed; LEFT AND RIGHT "
            "MAY BE SWAPPED. Ask for NIfTI or DICOM."
        )
        problems.append(Problem("no-orientation", Severity.UNSAFE, message))
        problems += size_problems(shape, _sizes(image))
    try:
        grid = Grid(shape, ras_to_lps(np.array(image.affine, dtype=np.float64)))
    except GeometryError as error:
        problems.append(no_geometry(error.message))
        return None
    problems += spacing_problems(grid)
    problems += shear_problems(grid)
    return grid


def _sizes(image: Any) -> NDArray[np.float64]:
    """Return the sizes of voxels as they stand in the header of a pair."""
    with open_bytes(Path(image.file_map["header"].filename)) as file:
        return raw_sizes(type(image.header).from_fileobj(file, check=False))


@np.errstate(all="ignore")
def _axes(image: Any) -> NDArray[np.float64]:
    """Return how the axes run where `_grid` gives no grid (`unit_axes`)."""
    import nibabel

    if isinstance(image, (nibabel.Nifti1Pair, nibabel.Nifti2Pair)):
        return nifti_axes(image.header)
    if isinstance(image, nibabel.freesurfer.MGHImage):
        # Its directions stand apart from the sizes of voxels.
        affine = np.eye(4)
        affine[:3, :3] = np.array(image.header["Mdc"], dtype=np.float64).T
        return unit_axes(ras_to_lps(affine))
    # Analyze names no directions; these are what `_grid` has said that it assumes.
    return ras_to_lps(np.diag([-1.0 if image.header.default_x_flip else 1.0, 1, 1, 1]))


def _scaling(image: Any) -> tuple[float, float]:
    return float(image.dataobj.slope), float(image.dataobj.inter)


def _voxels(path: Path, image: Any, index: int) -> NDArray[Any]:
    """Return stored values (Z, Y, X) of one volume, without scaling."""
    shape = tuple(map(int, image.shape))
    source = Path(image.file_map["image"].filename)
    if not source.is_file():
        lost = f"the file with its voxels, {source.name}, is not beside it"
        raise _damaged(path, lost)
    packed = source.suffix.lower() in _PACKED
    n_bytes = math.prod(shape) * image.get_data_dtype().itemsize
    try:
        # Before memory is asked for: a header may claim anything.
        if n_bytes > source.stat().st_size * (_BEST_GZIP if packed else 1):
            msg = "too few bytes"
            raise EOFError(msg)
        raw: NDArray[Any] = np.asanyarray(image.dataobj.get_unscaled())
    except (*_BROKEN, MemoryError) as error:
        size = "x".join(str(n) for n in shape)
        what = f"it does not hold the {size} voxels that its header names"
        raise _damaged(path, what) from error
    while raw.ndim < 3:
        raw = raw[..., np.newaxis]
    if raw.ndim > 3:
        raw = raw.reshape((*raw.shape[:3], -1), order="F")[..., index]
    return raw.transpose(2, 1, 0)


def _damaged(path: Path, what: str) -> DamagedFileError:
    msg = f"{path.name} is damaged: {what}. Fetch the file again."
    return DamagedFileError(msg, path=path)
