"""NRRD and MetaImage files, read by SimpleITK (LPS already)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.glance import GLANCE_BYTES, content_digest
from medlab_gui.io.grid_checks import shear_problems, spacing_problems
from medlab_gui.io.itk_glance import is_sealed, part_of_voxels
from medlab_gui.io.itk_headers import check_itk_header
from medlab_gui.io.plain_series import plain_series
from medlab_gui.io.series import FileSeries, derived_uid
from medlab_gui.io.several_volumes import one_for_each
from medlab_gui.io.silence import silent_libraries
from medlab_gui.io.voxels import fit_voxels, look_like_ct, value_problems

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["itk_series", "read_itk_voxels"]

_IO = {"nrrd": "NrrdImageIO", "mha": "MetaImageIO"}
_N_SPACE = 3
_OF_THE_PATIENT = (
    "right-anterior-superior",
    "ras",
    "left-anterior-superior",
    "las",
    "left-posterior-superior",
    "lps",
)
"""Spaces of NRRD that say where left and right are, and that ITK turns into LPS."""


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
    reader = _reader(path, kind)
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
        problems.append(Problem("not-a-volume", Severity.NOT_A_VOLUME, message))
    else:
        n_volumes = int(size[3]) if len(size) == 4 else 1
        with np.errstate(all="ignore"):  # absurd numbers are told as a problem
            grid = _grid(path, shape, reader, problems)
        try:
            # ITK reads no voxels of size 0.
            if grid is not None:
                voxels = part_of_voxels(path, kind, size, _dtype(reader))
                if voxels is None:
                    voxels = _voxels(path, reader)
                    problems += value_problems(voxels)
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
    raw = _voxels(path, _reader(path, kind), index)
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


def _reader(path: Path, kind: str) -> Any:
    import SimpleITK as sitk

    check_itk_header(path, kind)
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


def _voxels(path: Path, reader: Any, index: int = 0) -> NDArray[Any]:
    import SimpleITK as sitk

    size = list(reader.GetSize())
    if len(size) == 4:
        reader.SetExtractSize([*size[:3], 0])
        reader.SetExtractIndex([0, 0, 0, index])
    try:
        with silent_libraries():
            image = reader.Execute()
    except RuntimeError as error:
        msg = (
            f"{path.name} is damaged: it does not hold the "
            f"{'x'.join(str(n) for n in size)} voxels that its header names. Fetch the "
            "file again from where it came from."
        )
        raise DamagedFileError(msg, path=path) from error
    array: NDArray[Any] = sitk.GetArrayFromImage(image)
    return array


def _grid(
    path: Path, shape: tuple[int, int, int], reader: Any, problems: list[Problem]
) -> Grid | None:
    n = reader.GetDimension()
    direction = np.array(reader.GetDirection()).reshape(n, n)[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = (direction * np.array(reader.GetSpacing()[:3]))[:, ::-1]
    affine[:3, 3] = reader.GetOrigin()[:3]
    lacking = _lacking(path)
    if lacking:
        problems.append(
            Problem(
                "no-orientation" if "orientation" in lacking else "no-spacing",
                Severity.UNSAFE,
                f"The file does not give its {lacking}; axes along left, back and head "
                "and 1 mm are assumed where nothing is said. LEFT AND RIGHT MAY BE "
                "SWAPPED.",
            )
        )
    try:
        grid = Grid(shape, affine)
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
    problems += spacing_problems(grid)
    problems += shear_problems(grid)
    return grid


def _lacking(path: Path) -> str:
    """Return in words what the header does not say."""
    with path.open("rb") as file:
        head = file.read(8192)
    if head[:4] == b"NRRD":
        return _nrrd_lacks(head.split(b"\n\n")[0].replace(b"\r", b"").decode("latin-1"))
    text = head.decode("latin-1")
    lacking = []
    if not any(k in text for k in ("TransformMatrix", "Orientation", "Rotation")):
        lacking.append("orientation")
    if not any(k in text for k in ("ElementSpacing", "ElementSize")):
        lacking.append("pixel size")
    return " and ".join(lacking)


def _nrrd_lacks(text: str) -> str:
    lines = (line.partition(":") for line in text.lower().split("\n"))
    fields = {name.strip(): value.strip() for name, _, value in lines}
    directions = fields.get("space directions", "")
    lacking = []
    # Of spaces that are none of the patient ("scanner-xyz") ITK takes axes for ours.
    if not directions or fields.get("space", "") not in _OF_THE_PATIENT:
        lacking.append("orientation")
    n_axes = directions.count("(")
    if 0 < n_axes < _N_SPACE:
        lacking.append(f"distance along {_N_SPACE - n_axes} of its axes")
    elif not n_axes and "spacings" not in fields:
        lacking.append("pixel size")
    return " and ".join(lacking)
