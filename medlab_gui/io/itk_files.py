"""NRRD and MetaImage files, read by SimpleITK (LPS already)."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.glance import GLANCE_BYTES, content_digest
from medlab_gui.io.grid_checks import shear_problems, spacing_problems
from medlab_gui.io.itk_geometry import geometry_problems, said_geometry
from medlab_gui.io.itk_glance import bytes_left_over, is_sealed, part_of_voxels
from medlab_gui.io.itk_headers import check_itk_header
from medlab_gui.io.itk_mended import with_lines, without_geometry
from medlab_gui.io.itk_voxels import own_voxels
from medlab_gui.io.loose_axes import no_geometry, span_a_volume, unit_axes
from medlab_gui.io.nrrd_units import nrrd_unit_mm
from medlab_gui.io.plain_series import plain_series
from medlab_gui.io.series import FileSeries, derived_uid
from medlab_gui.io.several_volumes import one_for_each
from medlab_gui.io.silence import silent_libraries
from medlab_gui.io.voxels import (
    fit_voxels,
    left_over_problems,
    look_like_ct,
    value_problems,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.io.itk_geometry import SaidGeometry

__all__ = ["itk_series", "read_itk_voxels"]

_IO = {"nrrd": "NrrdImageIO", "mha": "MetaImageIO"}


def itk_series(path: Path, kind: str) -> tuple[FileSeries, ...]:
    """Describe an NRRD or MetaImage file: a series for each volume that it holds.

    Parameters
    ----------
    path : Path
        ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd``.
    kind : str
        ``"nrrd"`` or ``"mha"``.

    Raises
    ------
    DamagedFileError
        If its header makes no sense.
    """
    with _opened(path, kind) as (reader, said):
        return _series_of(path, kind, reader, said)


def _series_of(
    path: Path, kind: str, reader: Any, said: SaidGeometry
) -> tuple[FileSeries, ...]:
    problems: list[Problem] = []
    size = reader.GetSize()
    grid: Grid | None = None
    voxels: NDArray[Any] | None = None
    n_volumes = 1
    shape = (int(size[2]) if len(size) > 2 else 1, int(size[1]), int(size[0]))
    if reader.GetNumberOfComponents() > 1:
        message = "Each voxel holds several values (colour or vectors), not one grey."
        problems.append(Problem("colour", Severity.NOT_A_VOLUME, message))
    elif len(size) not in (3, 4):
        message = f"The file holds a {len(size)}-D picture, not a volume."
        problems.append(Problem("not-three-axes", Severity.NOT_A_VOLUME, message))
    else:
        n_volumes = int(size[3]) if len(size) == 4 else 1
        with np.errstate(all="ignore"):  # absurd numbers are told as a problem
            grid = _grid(path, kind, shape, reader, said, problems)
        try:
            voxels = part_of_voxels(path, kind, size, _dtype(reader))
            if voxels is None:
                voxels = _voxels(path, kind, reader)
                problems += value_problems(voxels)
            n_bytes = math.prod(size) * _dtype(reader).itemsize
            n_over = bytes_left_over(path, kind, n_bytes)
            problems += left_over_problems(n_over, n_bytes)
        except DamagedFileError as error:
            grid = None
            problems.append(
                Problem("truncated", Severity.NOT_A_VOLUME, error.message, (path.name,))
            )
    is_ct = voxels is not None and look_like_ct(voxels)
    uid = derived_uid(kind, _digest(path, kind, voxels))
    first = plain_series(
        uid, kind, path.stem, (path,), shape, grid, problems, is_ct=is_ct
    )
    if grid is None and voxels is not None:
        first = replace(first, loose_axes=unit_axes(_affine(reader, sized=False)))
    return one_for_each(first, n_volumes)


def read_itk_voxels(
    path: Path, kind: str, problems: list[Problem] | None = None, index: int = 0
) -> NDArray[Any]:
    """Return a volume, (Z, Y, X), as `fit_voxels` keeps it.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        ``"nrrd"`` or ``"mha"``.
    problems : list of Problem, optional
        Takes what is odd about the values.
    index : int
        Which volume of a 4-D file.

    Raises
    ------
    DamagedFileError
        If the file does not hold what its header says.
    """
    with _opened(path, kind) as (reader, _):
        raw = _voxels(path, kind, reader, index)
    if problems is not None:
        problems += value_problems(raw)
    return fit_voxels(raw)


def _digest(path: Path, kind: str, voxels: NDArray[Any] | None) -> str:
    if voxels is not None and path.stat().st_size > GLANCE_BYTES:
        sealed = is_sealed(path, kind)
        if sealed is not None:
            return content_digest(path, sealed=sealed)
    content = sha256(path.read_bytes())
    if voxels is not None:
        # The header alone (.mhd, .nhdr) does not tell two scans apart.
        content.update(np.ascontiguousarray(voxels).tobytes())
    return content.hexdigest()


def _dtype(reader: Any) -> np.dtype[Any]:
    import SimpleITK as sitk

    one = sitk.Image([1, 1], reader.GetPixelIDValue())
    dtype: np.dtype[Any] = sitk.GetArrayFromImage(one).dtype
    return dtype


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[tuple[Any, SaidGeometry]]:
    """Yield a reader that has read the header, and what that says of geometry."""
    check_itk_header(path, kind)
    said = said_geometry(path)
    if not said.instead:
        yield _reader(path, kind), said
        return
    with with_lines(path, kind, said.instead) as mended:
        yield _reader(mended, kind), said


def _reader(path: Path, kind: str) -> Any:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO(_IO[kind])
    reader.SetFileName(str(path))
    try:
        with silent_libraries():
            reader.ReadImageInformation()
    except RuntimeError as error:
        msg = (
            f"{path.name} is damaged: its header makes no sense, or the file with its "
            "voxels is missing."
        )
        raise DamagedFileError(msg, path=path) from error
    return reader


def _voxels(path: Path, kind: str, reader: Any, index: int = 0) -> NDArray[Any]:
    try:
        own = own_voxels(path, kind, reader.GetSize(), _dtype(reader), index)
    except ValueError as error:
        raise _lacks_voxels(path, reader) from error
    if own is not None:
        return own
    if span_a_volume(unit_axes(_affine(reader))):
        return _executed(path, reader, index)
    # ITK reads no voxels without a size, or with axes that span nothing.
    with without_geometry(path, kind) as mended:
        return _executed(path, _reader(mended, kind), index)


def _lacks_voxels(path: Path, reader: Any) -> DamagedFileError:
    msg = (
        f"{path.name} is damaged: it does not hold the "
        f"{'x'.join(str(n) for n in reader.GetSize())} voxels that its header names. "
        "Fetch the file again from where it came from."
    )
    return DamagedFileError(msg, path=path)


def _executed(path: Path, reader: Any, index: int) -> NDArray[Any]:
    import SimpleITK as sitk

    size = list(reader.GetSize())
    if len(size) == 4:
        reader.SetExtractSize([*size[:3], 0])
        reader.SetExtractIndex([0, 0, 0, index])
    try:
        with silent_libraries():
            image = reader.Execute()
    except RuntimeError as error:
        raise _lacks_voxels(path, reader) from error
    array: NDArray[Any] = sitk.GetArrayFromImage(image)
    return array


def _grid(
    path: Path,
    kind: str,
    shape: tuple[int, int, int],
    reader: Any,
    said: SaidGeometry,
    problems: list[Problem],
) -> Grid | None:
    problems += geometry_problems(said)
    affine = _affine(reader)
    affine[:3, [2 - axis for axis in said.zeros]] = 0.0
    if kind == "nrrd":
        affine[:3] *= nrrd_unit_mm(path, problems)
    try:
        grid = Grid(shape, affine)
    except GeometryError as error:
        problems.append(no_geometry(error.message))
        return None
    problems += spacing_problems(grid)
    problems += shear_problems(grid)
    return grid


def _affine(reader: Any, *, sized: bool = True) -> NDArray[np.float64]:
    """Return the map from (k, j, i) to LPS mm that a header gives, sound or not.

    Where ``sized`` is false, as if voxels measured 1 mm.
    """
    n = reader.GetDimension()
    direction = np.array(reader.GetDirection()).reshape(n, n)[:3, :3]
    affine = np.eye(4)
    with np.errstate(all="ignore"):
        size = np.array(reader.GetSpacing()[:3]) if sized else np.ones(3)
        affine[:3, :3] = (direction * size)[:, ::-1]
    affine[:3, 3] = reader.GetOrigin()[:3]
    return affine
