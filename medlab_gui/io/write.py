"""Writes volumes and masks, and believes it only after reading them back."""

from __future__ import annotations

import gzip
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import (
    GeometryError,
    InputError,
    StorageFullError,
)
from medlab_gui.core.whole_files import flush_to_disk, whole_file
from medlab_gui.io.nifti_geometry import lps_to_ras
from medlab_gui.io.silence import silent_libraries

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid

__all__ = ["FORMATS", "write_image", "write_images"]

FORMATS = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Endings of the files that `write_image` makes."""

_DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")
_NRRD = dict(
    zip(_DTYPES, ("uchar", "short", "ushort", "int", "float", "double"), strict=True)
)
_META = {name: f"MET_{nrrd.upper()}" for name, nrrd in _NRRD.items()}


def write_image(
    path: str | os.PathLike[str],
    data: NDArray[Any],
    grid: Grid,
    *,
    verify: bool = True,
) -> Path:
    """Write an array on its grid as NIfTI, NRRD or MetaImage.

    The file is written beside its place under another name, flushed to the disk, read
    back and compared, and only then renamed: there is never half a file.

    Parameters
    ----------
    path : path
        Ends in ``.nii.gz``, ``.nii``, ``.nrrd`` or ``.mha``.
    data : ndarray, shape ``grid.shape``, or ``(C, *grid.shape)``
        Channels are for NIfTI alone, along its fourth axis. bool is written as uint8,
        float16 as float32; whole numbers of 64 bits in the smallest dtype that holds
        them.
    grid : Grid
        Where the voxels are. NIfTI gets it in RAS, as sform and qform (a sheared grid
        as sform alone, for a qform cannot say it).
    verify : bool
        Read it back and compare voxels and geometry.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the ending or the dtype cannot be written.
    GeometryError
        If the array does not fit the grid.
    StorageFullError
        If there is no room or no permission, or what was read back differs.
    """
    path = Path(path)
    with _written(path, data, grid, verify=verify):
        pass
    return path


def write_images(
    images: Iterable[tuple[str | os.PathLike[str], NDArray[Any], Grid]],
) -> None:
    """Write several files as `write_image` does: all of them or, if one fails, none.

    Parameters
    ----------
    images : iterable of (path, data, grid)
        Each as for `write_image`; only one array is needed at a time.

    Raises
    ------
    MedlabError
        As `write_image`; what was there before is still there. Only where all were
        written, and the system refuses to put one in its place (a folder has its name;
        on Windows, another program has it open), those put there before it stay.
    """
    with ExitStack() as all_of_them:
        for path, data, grid in images:
            all_of_them.enter_context(_written(Path(path), data, grid))


@contextmanager
def _written(
    path: Path, data: NDArray[Any], grid: Grid, *, verify: bool = True
) -> Iterator[None]:
    """Write a file whole, under another name until the block has ended well."""
    ending = next((e for e in FORMATS if path.name.lower().endswith(e)), None)
    if ending is None:
        msg = f"{path.name} must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}."
        raise InputError(msg, path=path)
    is_stack = data.ndim == 4 and ending.startswith(".nii")
    if data.shape[int(is_stack) :] != grid.shape:
        msg = f"An array of {data.shape} does not fit a grid of {grid.shape}."
        raise GeometryError(msg, path=path)
    data = _writable(data, path)
    with whole_file(path, ending) as file:
        _WRITERS[ending](file, data, grid)
        file.flush()
        flush_to_disk(file.fileno())  # a full disk may not say so before
        if verify:
            _compare(Path(file.name), path, data, grid)
        del data
        yield


def _writable(data: NDArray[Any], path: Path) -> NDArray[Any]:
    data = np.asarray(data)
    if data.dtype == np.bool_:
        return data.astype(np.uint8)
    if data.dtype == np.float16:
        return data.astype(np.float32)
    if data.dtype.name in _DTYPES:
        return data.astype(data.dtype.newbyteorder("="), copy=False)
    if data.dtype.kind in "iu":
        for name in ("uint8", "int16", "int32"):
            info = np.iinfo(name)
            if data.min() >= info.min and data.max() <= info.max:
                return data.astype(name)
    msg = f"Voxels of the type {data.dtype} cannot be written to {path.name}."
    raise InputError(msg, path=path)


def _write_nifti(file: Any, data: NDArray[Any], grid: Grid) -> None:
    import nibabel
    from nibabel.fileholders import FileHolder

    matrix = lps_to_ras(grid.affine)
    image = nibabel.Nifti1Image(data.T, matrix)
    image.header.set_xyzt_units("mm")
    image.set_sform(matrix, code=1)
    square = grid.voxel_volume_mm3 > (1 - 1e-6) * float(np.prod(grid.spacing))
    if square:
        image.set_qform(matrix, code=1)
    else:
        image.set_qform(None, code=0)
    image.file_map["image"] = FileHolder(fileobj=file)
    image.to_file_map()


def _write_nifti_gz(file: BinaryIO, data: NDArray[Any], grid: Grid) -> None:
    # No name and no time inside: the same mask gives the same file.
    with gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as packed:
        _write_nifti(packed, data, grid)


def _write_nrrd(file: BinaryIO, data: NDArray[Any], grid: Grid) -> None:
    z, y, x = grid.shape
    axes = " ".join(_vector(grid.affine[:3, n]) for n in (2, 1, 0))
    lines = [
        "NRRD0004",
        f"type: {_NRRD[data.dtype.name]}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {x} {y} {z}",
        f"space directions: {axes}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(grid.affine[:3, 3])}",
    ]
    file.write(("\n".join(lines) + "\n\n").encode("ascii"))
    with gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as packed:
        _write_voxels(packed, data)


def _vector(values: NDArray[np.float64]) -> str:
    return "(" + ",".join(repr(float(v)) for v in values) + ")"


def _write_mha(file: BinaryIO, data: NDArray[Any], grid: Grid) -> None:
    z, y, x = grid.shape
    dz, dy, dx = grid.spacing
    directions = grid.affine[:3, :3] / np.array(grid.spacing)

    def listed(values: Any) -> str:
        return " ".join(repr(float(v)) for v in values)

    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = False",
        f"TransformMatrix = {listed(directions[:, ::-1].T.ravel())}",
        f"Offset = {listed(grid.affine[:3, 3])}",
        "CenterOfRotation = 0 0 0",
        f"ElementSpacing = {listed((dx, dy, dz))}",
        f"DimSize = {x} {y} {z}",
        f"ElementType = {_META[data.dtype.name]}",
        "ElementDataFile = LOCAL",
    ]
    file.write(("\n".join(lines) + "\n").encode("ascii"))
    _write_voxels(file, data)


def _write_voxels(file: Any, data: NDArray[Any]) -> None:
    little = data.dtype.newbyteorder("<")
    for plane in data:
        file.write(np.ascontiguousarray(plane, dtype=little).tobytes())


_WRITERS = {
    ".nii": _write_nifti,
    ".nii.gz": _write_nifti_gz,
    ".nrrd": _write_nrrd,
    ".mha": _write_mha,
}


def _compare(part: Path, path: Path, data: NDArray[Any], grid: Grid) -> None:
    """Read a file back by another library's reader and compare."""
    try:
        found, affine = _read_nifti(part) if ".nii" in part.name else _read_itk(part)
    except (RuntimeError, ValueError, EOFError, zlib.error) as error:
        msg = f"{path} could not be read back after writing; nothing was kept."
        raise StorageFullError(msg, path=path) from error
    if not np.array_equal(found, data, equal_nan=data.dtype.kind == "f"):
        msg = f"{path} held other voxels when read back; nothing was kept."
        raise StorageFullError(msg, path=path)
    from medlab_gui.core.geometry import Grid as Lattice

    if not Lattice(grid.shape, affine).same_as(Lattice(grid.shape, grid.affine), 0.01):
        msg = (
            f"{path} held another geometry when read back, so nothing was kept: this "
            "format cannot hold the grid. Try .nii.gz."
        )
        raise GeometryError(msg, path=path)


def _read_nifti(part: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    import nibabel

    from medlab_gui.io.nifti_geometry import ras_to_lps

    image = nibabel.Nifti1Image.from_filename(part)
    voxels = np.asanyarray(image.dataobj)
    return voxels.T, ras_to_lps(image.affine)


def _read_itk(part: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    import SimpleITK as sitk

    with silent_libraries():
        image = sitk.ReadImage(str(part))
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (direction * np.array(image.GetSpacing()))[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image), affine
