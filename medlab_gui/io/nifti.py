"""NIfTI files: what they hold, and their voxels."""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, NotAnImageError
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.glance import (
    GLANCE_BYTES,
    content_digest,
    gzip_length,
    unpacked_start,
)
from medlab_gui.io.nifti_bytes import is_packed, open_bytes, read_packed
from medlab_gui.io.nifti_claims import (
    bytes_left_over,
    scaling_problems,
    voxels_begin,
)
from medlab_gui.io.nifti_geometry import nifti_axes, nifti_grid, raw_sizes
from medlab_gui.io.plain_series import plain_series
from medlab_gui.io.pydicom_quiet import quiet_warnings
from medlab_gui.io.series import FileSeries, derived_uid
from medlab_gui.io.several_volumes import one_for_each
from medlab_gui.io.voxels import (
    fit_voxels,
    left_over_problems,
    look_like_ct,
    value_problems,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["nifti_series", "read_nifti_voxels"]

_BEST_GZIP = 1032
"""Deflate packs nothing better than this (RFC 1951: 258 bytes in 2 bits)."""


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
    problems: list[Problem] = list(image.odd)
    shape = _shape(path, image.shape, problems)
    with np.errstate(all="ignore"):  # absurd numbers are told as a problem
        grid = nifti_grid(shape, header, problems, sizes=image.sizes)
    voxels: NDArray[Any] | None = None
    if image.dtype.fields is not None:
        grid = None
        message = "The voxels are colours; MedLab works on grey values."
        problems.append(Problem("colour", Severity.NOT_A_VOLUME, message))
    elif image.dtype.kind == "c":
        grid = None
        message = "The voxels are complex numbers; export magnitude or phase instead."
        problems.append(Problem("complex", Severity.NOT_A_VOLUME, message))
    else:
        try:
            voxels, are_all = _to_look_at(path, image, problems)
            if are_all:
                problems += value_problems(voxels, *image.scaling)
        except DamagedFileError as error:
            grid = None
            problems.append(
                Problem("truncated", Severity.NOT_A_VOLUME, error.message, (path.name,))
            )
    is_ct = voxels is not None and look_like_ct(voxels, *image.scaling)
    n_volumes = _n_volumes(path, image, problems)
    uid = derived_uid("nifti", content_digest(path, sealed=image.packed))
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    first = plain_series(
        uid, "nifti", name, (path,), shape, grid, problems, is_ct=is_ct
    )
    if grid is None and voxels is not None:
        first = replace(first, loose_axes=nifti_axes(header))
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
    odd: list[Problem] = []
    raw = _volume(path, image, odd, index)
    if problems is not None:
        problems += [*odd, *value_problems(raw, *image.scaling)]
    return fit_voxels(raw, *image.scaling)


def _to_look_at(
    path: Path, image: _Opened, problems: list[Problem]
) -> tuple[NDArray[Any], bool]:
    """Return stored voxels (Z, Y, X), and whether they are all; of a large file some.

    The file is complete where they are not all.
    """
    x, y, z = (*image.shape[:3], 1, 1)[:3]
    dtype, offset = image.dtype, image.offset
    n_bytes = x * y * z * dtype.itemsize
    if n_bytes <= GLANCE_BYTES:
        return _volume(path, image, problems), True
    if not image.packed:
        if path.stat().st_size < offset + n_bytes:
            return _volume(path, image, problems), True  # which says what is lacking
        stored = np.memmap(path, dtype, "r", offset, (x, y, z), "F")
        return stored.transpose(2, 1, 0), False
    total = offset + math.prod(image.shape) * dtype.itemsize
    if gzip_length(path) != total % 2**32:
        return _volume(path, image, problems), True
    n_slices = max(1, GLANCE_BYTES // (x * y * dtype.itemsize))
    wanted = offset + n_slices * x * y * dtype.itemsize
    try:
        start = unpacked_start(path, wanted)
    except (OSError, EOFError, zlib.error):
        start = b""
    if len(start) < wanted:
        return _volume(path, image, problems), True
    part = np.frombuffer(start, dtype, n_slices * x * y, offset)
    return part.reshape((x, y, n_slices), order="F").transpose(2, 1, 0), False


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A NIfTI file's header, and where its voxels are and what they mean."""

    header: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    packed: bool
    sizes: NDArray[np.float64]
    scaling: tuple[float, float]
    odd: tuple[Problem, ...]


def _open(path: Path) -> _Opened:
    import logging

    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    # It prints remarks on odd headers; those that matter are problems of the series.
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)
    try:
        with np.errstate(all="ignore"), quiet_warnings, open_bytes(path) as file:
            start = file.read(540)
            _check_magic(path, start)
            is_first = Nifti1Header.may_contain_header(start)
            kind = Nifti1Header if is_first else Nifti2Header
            # Not from the file: that also reads extensions, which nobody asks for and
            # whose sizes may be anything.
            header = kind(start[: kind.template_dtype.itemsize], check=False)
            sizes = raw_sizes(header)
            odd = scaling_problems(header)
            packed = is_packed(path)
            begin = voxels_begin(path, header, odd, packed=packed)
            if not packed:
                odd += left_over_problems(*bytes_left_over(path, header, begin))
            header.check_fix()
            slope, intercept = header.get_slope_inter()
            return _Opened(
                header,
                tuple(int(n) for n in header.get_data_shape()),
                header.get_data_dtype(),
                begin,
                packed,
                sizes,
                (
                    1.0 if slope is None else float(slope),
                    0.0 if intercept is None else float(intercept),
                ),
                tuple(odd),
            )
    except (
        HeaderDataError,
        WrapStructError,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        EOFError,
        OSError,
        zlib.error,
    ) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the file's
        msg = f"{path.name} is damaged: its NIfTI header makes no sense."
        raise DamagedFileError(msg, path=path) from error


def _check_magic(path: Path, start: bytes) -> None:
    """Refuse a file that does not begin like one with its voxels in itself."""
    marks = start[344:347], start[4:7]
    if b"n+1" in marks or b"n+2" in marks:
        return
    if b"ni1" in marks or b"ni2" in marks:
        msg = (
            f"{path.name} is half of a NIfTI pair; convert it to a single .nii file "
            "first."
        )
        raise NotAnImageError(msg, path=path)
    msg = (
        f"{path.name} cannot be read as NIfTI: its beginning is damaged. Fetch the "
        "file again from where it came from."
    )
    raise DamagedFileError(msg, path=path)


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


def _n_volumes(path: Path, image: _Opened, problems: list[Problem]) -> int:
    """Return how many volumes there are: no more than the file can hold."""
    claimed: int = math.prod(image.shape[3:])
    n_bytes = math.prod(image.shape[:3]) * image.dtype.itemsize
    held = path.stat().st_size * (_BEST_GZIP if image.packed else 1)
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
def _volume(
    path: Path, image: _Opened, problems: list[Problem], index: int = 0
) -> NDArray[Any]:
    """Return stored values (Z, Y, X) of a volume without scaling."""
    shape, dtype = image.shape, image.dtype
    count = math.prod(shape[:3])
    raw: NDArray[Any]
    try:
        # Before memory is asked for: a header may claim anything.
        best = _BEST_GZIP if image.packed else 1
        if count * dtype.itemsize > path.stat().st_size * best:
            msg = "too few bytes"
            raise EOFError(msg)
        if len(shape) > 3 or image.packed:
            # Reading one volume of many must not read them all.
            start = image.offset + index * count * dtype.itemsize
            raw, odd = read_packed(path, start, dtype, shape)
            problems += odd
        else:
            raw = np.memmap(path, dtype, "c", image.offset, shape, "F")
    except gzip.BadGzipFile as error:
        msg = (
            f"{path.name} is damaged: what comes out of it is not what was packed (its "
            "checksum does not match), so values may be wrong anywhere. Fetch the file "
            "again from where it came from."
        )
        raise DamagedFileError(msg, path=path) from error
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
