"""NIfTI files: RAS outside, LPS inside."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, GeometryError, NotAnImageError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.glance import (
    GLANCE_BYTES,
    content_digest,
    gzip_length,
    unpacked_start,
)
from medlab_gui.io.grid_checks import shear_problems, spacing_problems
from medlab_gui.io.plain_series import plain_series
from medlab_gui.io.pydicom_quiet import quiet_warnings
from medlab_gui.io.series import FileSeries, derived_uid
from medlab_gui.io.several_volumes import one_for_each
from medlab_gui.io.voxels import fit_voxels, look_like_ct, value_problems

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["lps_to_ras", "nifti_series", "ras_to_lps", "read_nifti_voxels"]

_BEST_GZIP = 1032
"""Deflate packs nothing better than this (RFC 1951: 258 bytes in 2 bits)."""
_PIECE = 1 << 20
_UNIT_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}


def ras_to_lps(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn a NIfTI affine, (i, j, k) to RAS mm, into ours, (k, j, i) to LPS mm."""
    flipped = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return flipped[:, [2, 1, 0, 3]]


def lps_to_ras(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn our affine, (k, j, i) to LPS mm, into NIfTI's, (i, j, k) to RAS mm."""
    flipped = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return flipped[:, [2, 1, 0, 3]]


def nifti_series(path: Path) -> tuple[FileSeries, ...]:
    """Describe a NIfTI file: a series for each volume that it holds.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``, NIfTI-1 or -2.

    Raises
    ------
    DamagedFileError
        If the header makes no sense or the file is shorter than it says.
    """
    image = _open(path)
    header = image.header
    problems: list[Problem] = []
    shape = _shape(path, image.shape, problems)
    with np.errstate(all="ignore"):  # absurd numbers are told as a problem
        grid = nifti_grid(shape, header, problems)
    voxels: NDArray[Any] | None = None
    if header.get_data_dtype().fields is not None:
        grid = None
        message = "The voxels are colours; MedLab works on grey values."
        problems.append(Problem("colour", Severity.NOT_A_VOLUME, message))
    elif header.get_data_dtype().kind == "c":
        grid = None
        message = "The voxels are complex numbers; export magnitude or phase instead."
        problems.append(Problem("complex", Severity.NOT_A_VOLUME, message))
    else:
        try:
            voxels, are_all = _to_look_at(path, image)
            if are_all:
                problems += value_problems(voxels)
        except DamagedFileError as error:
            grid = None
            problems.append(
                Problem("truncated", Severity.NOT_A_VOLUME, error.message, (path.name,))
            )
    is_ct = voxels is not None and look_like_ct(voxels, *_scaling(image))
    n_volumes = _n_volumes(path, image, problems)
    uid = derived_uid("nifti", content_digest(path, sealed=_is_packed(path)))
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    first = plain_series(
        uid, "nifti", name, (path,), shape, grid, problems, is_ct=is_ct
    )
    return one_for_each(first, n_volumes)


def read_nifti_voxels(
    path: Path, problems: list[Problem] | None = None, index: int = 0
) -> NDArray[Any]:
    """Return a volume of a NIfTI file, (Z, Y, X), scaled.

    int16 or uint8 where every value fits exactly, else float32. What is not a number
    becomes the smallest number in the file.

    Parameters
    ----------
    path : Path
        The file.
    problems : list of Problem, optional
        Takes what is odd about the values.
    index : int
        Which volume of a file that holds several.

    Raises
    ------
    DamagedFileError
        If the file does not hold what its header says.
    """
    image = _open(path)
    raw = _volume(path, image, index)
    if problems is not None:
        problems += value_problems(raw)
    return fit_voxels(raw, *_scaling(image))


def _to_look_at(path: Path, image: Any) -> tuple[NDArray[Any], bool]:
    """Return stored voxels (Z, Y, X), and whether they are all; of a large file some.

    The file is complete where they are not all.
    """
    x, y, z = (*image.shape[:3], 1, 1)[:3]
    dtype = image.header.get_data_dtype()
    offset = int(image.dataobj.offset)
    n_bytes = x * y * z * dtype.itemsize
    if n_bytes <= GLANCE_BYTES:
        return _volume(path, image), True
    if not _is_packed(path):
        if path.stat().st_size < offset + n_bytes:
            return _volume(path, image), True  # which says what is lacking
        stored = np.memmap(path, dtype, "r", offset, (x, y, z), "F")
        return stored.transpose(2, 1, 0), False
    total = offset + math.prod(image.shape) * dtype.itemsize
    if gzip_length(path) != total % 2**32:
        return _volume(path, image), True
    n_slices = max(1, GLANCE_BYTES // (x * y * dtype.itemsize))
    wanted = offset + n_slices * x * y * dtype.itemsize
    try:
        start = unpacked_start(path, wanted)
    except (OSError, EOFError, zlib.error):
        start = b""
    if len(start) < wanted:
        return _volume(path, image), True
    part = np.frombuffer(start, dtype, n_slices * x * y, offset)
    return part.reshape((x, y, n_slices), order="F").transpose(2, 1, 0), False


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _open(path: Path) -> Any:
    import logging

    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    # It prints remarks on odd headers; those that matter are problems of the series.
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)
    try:
        with np.errstate(all="ignore"), quiet_warnings:
            image = nibabel.load(path)
        if not isinstance(image, (nibabel.Nifti1Image, nibabel.Nifti2Image)):
            msg = (
                f"{path.name} is an Analyze file or half of a NIfTI pair; convert it "
                "to a single .nii file first."
            )
            raise NotAnImageError(msg, path=path)
    except ImageFileError as error:
        msg = (
            f"{path.name} cannot be read as NIfTI: its beginning is damaged, or its "
            "name ends in neither .nii nor .nii.gz."
        )
        raise DamagedFileError(msg, path=path) from error
    except (
        HeaderDataError,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        EOFError,
        zlib.error,
    ) as error:
        msg = f"{path.name} is damaged: its NIfTI header makes no sense."
        raise DamagedFileError(msg, path=path) from error
    return image


def _shape(
    path: Path, shape: tuple[int, ...], problems: list[Problem]
) -> tuple[int, int, int]:
    if not shape or min(shape) < 1 or len(shape) > 7:
        msg = f"{path.name} is damaged: it claims to have {shape} voxels."
        raise DamagedFileError(msg, path=path)
    x, y, z = (*shape[:3], 1, 1)[:3]
    if z == 1:
        problems.append(
            Problem(
                "single-slice",
                Severity.WARNING,
                "There is only one slice: areas can be measured, volumes cannot.",
            )
        )
    return int(z), int(y), int(x)


def nifti_grid(
    shape: tuple[int, int, int], header: Any, problems: list[Problem]
) -> Grid | None:
    """Return the grid that a NIfTI header gives, or None where it cannot be.

    Parameters
    ----------
    shape : tuple of int
        ``(Z, Y, X)``.
    header : nibabel.Nifti1Header
        The sform is used, else the qform, else the sizes of voxels alone.
    problems : list of Problem
        Takes what is odd.
    """
    unit_code = int(header["xyzt_units"]) & 7
    unit = _UNIT_MM.get(unit_code, 1.0)
    if unit != 1.0:
        name = "metres" if unit > 1 else "micrometres"
        message = f"The file gives its lengths in {name}; they were turned into mm."
        problems.append(Problem("units", Severity.NOTE, message))
    sform = _matrix(header, "sform")
    qform = _matrix(header, "qform")
    matrix = sform if sform is not None else qform
    if matrix is None:
        problems.append(
            Problem(
                "no-orientation",
                Severity.UNSAFE,
                "The file does not say how it lies in the patient (neither qform nor "
                "sform). The first axis is taken to run to the patient's right, the "
                "second to the front, the third to the head; LEFT AND RIGHT MAY BE "
                "SWAPPED.",
            )
        )
        sizes = [float(v) for v in header["pixdim"][1 : 1 + int(header["dim"][0])]]
        matrix = np.diag([*[*sizes, 1.0, 1.0][:3], 1.0])
    matrix = np.array(matrix, dtype=np.float64)
    matrix[:3] *= unit
    try:
        grid = Grid(shape, ras_to_lps(matrix))
    except GeometryError as error:
        problems.append(
            Problem(
                "absurd-spacing",
                Severity.NOT_A_VOLUME,
                "The file's geometry cannot be: a voxel of size 0, or numbers that are "
                f"none. {error.message}",
            )
        )
        return None
    if sform is not None and qform is not None:
        _compare(grid, qform, unit, problems)
    problems += spacing_problems(grid)
    problems += shear_problems(grid)
    return grid


def _matrix(header: Any, which: str) -> NDArray[np.float64] | None:
    try:
        matrix, code = getattr(header, f"get_{which}")(coded=True)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return None
    return matrix if code > 0 else None


def _compare(
    grid: Grid, qform: NDArray[np.float64], unit: float, problems: list[Problem]
) -> None:
    other = qform.copy()
    other[:3] *= unit
    try:
        second = Grid(grid.shape, ras_to_lps(other))
    except GeometryError:
        return
    if grid.same_as(second, tol=0.5 * min(grid.spacing)):
        return
    serious = grid.orientation != second.orientation
    ways = (
        f": {grid.orientation} against {second.orientation}, so left and right, front "
        "and back or head and feet are in doubt"
        if serious
        else ""
    )
    problems.append(
        Problem(
            "sform-qform-differ",
            Severity.UNSAFE if serious else Severity.WARNING,
            f"The file gives two geometries that contradict one another{ways}. "
            "The sform is used.",
        )
    )


def _read_one(
    path: Path, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Read a volume by the piece; of the only one, its checksum too."""
    from nibabel.openers import Opener

    raw = np.empty(math.prod(shape[:3]), dtype)
    target = raw.view(np.uint8)
    n_read = 0
    with Opener(path) as file:
        file.seek(offset)
        while n_read < raw.nbytes:
            piece = file.read(min(_PIECE, raw.nbytes - n_read))
            if not piece:
                msg = "too few bytes"
                raise EOFError(msg)
            target[n_read : n_read + len(piece)] = np.frombuffer(piece, np.uint8)
            n_read += len(piece)
        if math.prod(shape[3:]) == 1:
            while file.read(_PIECE):
                pass  # gzip compares its checksum at the end
    return raw.reshape(shape[:3], order="F")


def _scaling(image: Any) -> tuple[float, float]:
    # nibabel blanks them in the header when it loads; the array proxy keeps them.
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    return float(slope), float(intercept)


def _n_volumes(path: Path, image: Any, problems: list[Problem]) -> int:
    """Return how many volumes there are: no more than the file can hold."""
    claimed: int = math.prod(image.shape[3:])
    n_bytes = math.prod(image.shape[:3]) * image.header.get_data_dtype().itemsize
    held = path.stat().st_size * (_BEST_GZIP if _is_packed(path) else 1)
    most: int = max(1, held // max(1, n_bytes))
    if claimed > most:
        problems.append(
            Problem(
                "cut-short",
                Severity.WARNING,
                f"The header names {claimed:,} volumes, and the file cannot hold more "
                f"than {most:,} of them. Fetch it again if you need them all.",
            )
        )
    return min(claimed, most)


@np.errstate(all="ignore")
def _volume(path: Path, image: Any, index: int = 0) -> NDArray[Any]:
    """Return stored values (Z, Y, X) of a volume without scaling."""
    shape = image.shape
    proxy = image.dataobj
    count = math.prod(shape[:3])
    dtype = image.header.get_data_dtype()
    packed = _is_packed(path)
    try:
        # Before memory is asked for: a header may claim anything.
        if count * dtype.itemsize > path.stat().st_size * (_BEST_GZIP if packed else 1):
            msg = "too few bytes"
            raise EOFError(msg)
        if len(shape) > 3 or packed:
            # Reading one volume of many must not read them all.
            start = int(proxy.offset) + index * count * dtype.itemsize
            raw = _read_one(path, start, dtype, shape)
        else:
            raw = np.asanyarray(proxy.get_unscaled())
    except (
        OSError,
        EOFError,
        ValueError,
        OverflowError,
        zlib.error,
        MemoryError,
    ) as error:
        size = "x".join(str(n) for n in shape)
        msg = (
            f"{path.name} is damaged: it does not hold the {size} voxels that its "
            "header names. Fetch the file again from where it came from."
        )
        raise DamagedFileError(msg, path=path) from error
    while raw.ndim < 3:
        raw = raw[..., np.newaxis]
    return raw.transpose(2, 1, 0)
