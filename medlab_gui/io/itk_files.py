"""NRRD and MetaImage files, read by SimpleITK (LPS already)."""

from __future__ import annotations

import re
from dataclasses import replace
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
from medlab_gui.io.itk_mended import without_geometry
from medlab_gui.io.loose_axes import no_geometry, span_a_volume, unit_axes
from medlab_gui.io.nrrd_units import nrrd_unit_mm
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
        problems.append(Problem("not-three-axes", Severity.NOT_A_VOLUME, message))
    else:
        n_volumes = int(size[3]) if len(size) == 4 else 1
        with np.errstate(all="ignore"):  # absurd numbers are told as a problem
            grid = _grid(path, kind, shape, reader, problems)
        try:
            voxels = part_of_voxels(path, kind, size, _dtype(reader))
            if voxels is None:
                voxels = _voxels(path, kind, reader)
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
    raw = _voxels(path, kind, _reader(path, kind), index)
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
    check_itk_header(path, kind)
    return _opened(path, kind)


def _opened(path: Path, kind: str) -> Any:
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
    if span_a_volume(unit_axes(_affine(reader))):
        return _executed(path, reader, index)
    # ITK reads no voxels without a size, or with axes that span nothing.
    with without_geometry(path, kind) as mended:
        return _executed(path, _opened(mended, kind), index)


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
        msg = (
            f"{path.name} is damaged: it does not hold the "
            f"{'x'.join(str(n) for n in size)} voxels that its header names. Fetch the "
            "file again from where it came from."
        )
        raise DamagedFileError(msg, path=path) from error
    array: NDArray[Any] = sitk.GetArrayFromImage(image)
    return array


def _grid(
    path: Path,
    kind: str,
    shape: tuple[int, int, int],
    reader: Any,
    problems: list[Problem],
) -> Grid | None:
    orientation, size = _lacking(path)
    if orientation:
        problems.append(
            Problem(
                "no-orientation",
                Severity.UNSAFE,
                "The file does not give its orientation; axes along left, back and "
                "head are assumed. LEFT AND RIGHT MAY BE SWAPPED.",
            )
        )
    if size:
        problems.append(
            Problem(
                "no-spacing",
                Severity.UNSAFE,
                f"The file does not give its {size}; 1 mm is assumed where nothing is "
                "said. Do not measure before you have given the spacing.",
            )
        )
    affine = _affine(reader)
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


def _lacking(path: Path) -> tuple[bool, str]:
    """Tell whether the header lacks directions, and in words what of the size."""
    with path.open("rb") as file:
        head = file.read(8192)
    if head[:4] == b"NRRD":
        return _nrrd_lacks(head.split(b"\n\n")[0].replace(b"\r", b"").decode("latin-1"))
    # Whole names: there are a CenterOfRotation and an AnatomicalOrientation, too,
    # which ITK does not turn anything by.
    lines = head.decode("latin-1").split("\n")
    names = {line.partition("=")[0].strip() for line in lines}
    turned = names & {"TransformMatrix", "Orientation", "Rotation"}
    sized = names & {"ElementSpacing", "ElementSize"}
    return not turned, "" if sized else "pixel size"


def _nrrd_lacks(text: str) -> tuple[bool, str]:
    lines = (line.partition(":") for line in text.lower().split("\n"))
    fields = {name.strip(): value.strip() for name, _, value in lines}
    directions = fields.get("space directions", "")
    # Of spaces that are none of the patient ("scanner-xyz") ITK takes axes for ours.
    lost = not directions or fields.get("space", "") not in _OF_THE_PATIENT
    vectors = re.findall(r"\(([^)]*)\)", directions)
    lost = lost or any("nan" in vector for vector in vectors)
    sizes = vectors or fields.get("spacings", "").split()
    if not sizes:
        return lost, "pixel size"
    # Of an axis that has none, or "nan", ITK makes one of 1 mm.
    n_unknown = _N_SPACE - sum("nan" not in size for size in sizes)
    return lost, f"distance along {n_unknown} of its axes" if n_unknown > 0 else ""
