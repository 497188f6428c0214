"""Stacks of PNG, JPEG and TIFF pictures: slices without geometry.

The pictures of a folder that have one format are the slices of one series, in the
natural order of their names (``slice2`` before ``slice10``); a TIFF of several pages is
a series of its own. Nobody knows how large their pixels are and which side is left, so
1 mm is assumed and said to be unsafe, until a person gives the spacing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.core.remedies import APART
from medlab_gui.io.plain_series import plain_series
from medlab_gui.io.pydicom_quiet import quiet_warnings
from medlab_gui.io.series import FileSeries, derived_uid
from medlab_gui.io.voxels import fit_voxels
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.imaging.slicewise import ProgressCallback

__all__ = [
    "Picture",
    "natural_key",
    "offered_spacing",
    "picture_kind",
    "read_picture",
    "read_picture_voxels",
    "stack_pictures",
]

_MARKS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_GREY = {"1", "L", "I;16", "I;16B", "I;16L", "I", "F"}
_WITH_ALPHA = {"LA", "La"}
_UNIT_MM = {2: 25.4, 3: 10.0}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file, before its pixels are read.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        ``"PNG"``, ``"JPEG"`` or ``"TIFF"``.
    size : tuple of int
        ``(Y, X)``.
    n_pages : int
        Pictures in the file.
    spacing : tuple of float or None
        ``(dz, dy, dx)`` in mm as the tags of a TIFF say, 0 where they say nothing. It
        may be about paper or a screen, so it is offered and never used unasked.
    may_be_coloured : bool
        Whether it holds red, green and blue, which may all be the same.
    """

    path: Path
    kind: str
    size: tuple[int, int]
    n_pages: int
    spacing: tuple[float, float, float] | None
    may_be_coloured: bool = True


def picture_kind(head: bytes) -> str:
    """Return ``"PNG"``, ``"JPEG"`` or ``"TIFF"`` for the beginning of one, else ""."""
    return next((kind for mark, kind in _MARKS if head.startswith(mark)), "")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts ``slice2`` before ``slice10``."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


@quiet_warnings
def read_picture(path: Path, kind: str) -> Picture:
    """Read the header of a picture.

    Raises
    ------
    DamagedFileError
        If it is none, or broken.
    """
    with _opened(path) as image:
        try:
            n_pages = int(getattr(image, "n_frames", 1)) if kind == "TIFF" else 1
            spacing = _tagged_spacing(image) if kind == "TIFF" else None
        except _BROKEN as error:
            raise _damaged(path) from error
        size = (image.height, image.width)
        may_be_coloured = n_pages > 1 or image.mode not in _GREY | _WITH_ALPHA
        return Picture(path, kind, size, n_pages, spacing, may_be_coloured)


def stack_pictures(pictures: Iterable[Picture]) -> list[FileSeries]:
    """Return the series that pictures make: one for each folder and format.

    What is odd is in their ``problems``.
    """
    groups: dict[tuple[Path, str, str], list[Picture]] = defaultdict(list)
    for picture in pictures:
        pages = picture.path.name if picture.n_pages > 1 else ""
        groups[picture.path.parent, picture.kind, pages].append(picture)
    return [_series(group) for group in groups.values()]


def offered_spacing(series: FileSeries) -> tuple[float, float, float] | None:
    """Return the spacing that the tags of a TIFF name, for a person to judge.

    Returns
    -------
    tuple of float or None
        ``(dz, dy, dx)`` in mm, 0 for what is not named; None where nothing is.
    """
    if series.format != "pictures":
        return None
    return read_picture(series.files[0], _kind_of(series.files[0])).spacing


def read_picture_voxels(
    series: FileSeries, *, progress: ProgressCallback | None = None
) -> NDArray[Any]:
    """Read all slices of a stack of pictures.

    Returns
    -------
    ndarray, shape (Z, Y, X)
        uint8, or int16 where every value fits, else float32.

    Raises
    ------
    DamagedFileError
        If a picture has gone or is broken.
    InputError
        If one is in colour.
    """
    slices: list[NDArray[Any]] = []
    n = series.n_slices
    for path in series.files:
        n_pages = n if len(series.files) == 1 else 1
        with _opened(path) as image:
            for page in range(n_pages):
                plane = _grey_plane(image, path, page)
                if plane is None:
                    raise InputError(_colour_message([path.name], 1), path=path)
                if plane.shape != series.shape[1:]:
                    raise _damaged(path)
                slices.append(plane)
                if progress is not None:
                    progress(len(slices), n, "Reading pictures")
    return fit_voxels(np.stack(slices))


def _series(group: list[Picture]) -> FileSeries:
    group.sort(key=lambda p: natural_key(p.path.name))
    first = group[0]
    n_slices = sum(p.n_pages for p in group)
    (rows, columns), _ = Counter(p.size for p in group).most_common(1)[0]
    shape = (n_slices, rows, columns)
    problems: list[Problem] = []
    grid: Grid | None = None
    try:
        _judge(group, (rows, columns), problems)
    except DamagedFileError as error:
        names = (error.path.name,) if error.path is not None else ()
        problems.append(
            Problem("truncated", Severity.NOT_A_VOLUME, error.message, names)
        )
    if not any(p.severity is Severity.NOT_A_VOLUME for p in problems):
        grid = Grid.from_spacing(shape, (1.0, 1.0, 1.0))
    digest = sha256()
    for picture in group:
        digest.update(sha256(picture.path.read_bytes()).digest())
    uid = derived_uid("pictures", digest.hexdigest())
    alone = first.n_pages > 1 or len(group) == 1
    name = first.path.stem if alone else first.path.parent.name
    files = tuple(p.path for p in group)
    return plain_series(uid, "pictures", name, files, shape, grid, problems)


def _judge(
    group: list[Picture], usual: tuple[int, int], problems: list[Problem]
) -> None:
    """Say what is odd about pictures that should be one stack."""
    others = [p for p in group if p.size != usual]
    if others:
        shown = others[0]
        problems.append(
            Problem(
                "mixed-size",
                Severity.NOT_A_VOLUME,
                f"The pictures of a stack must be of one size: "
                f"{counted(len(group) - len(others), 'is', 'are')} {usual[1]} x "
                f"{usual[0]} pixels and {len(others)} not, such as {shown.path.name} "
                f"with {shown.size[1]} x {shown.size[0]}. Put them in folders of their "
                "own.",
                tuple(p.path.name for p in others),
            )
        )
    coloured = _coloured(group)
    if coloured:
        message = _colour_message(coloured, len(group))
        problems.append(
            Problem("colour", Severity.NOT_A_VOLUME, message, tuple(coloured))
        )
        return
    # Each is looked at again when it is read; these tell what kind of stack it is.
    for picture in {id(group[n]): group[n] for n in (0, len(group) // 2, -1)}.values():
        with _opened(picture.path) as image:
            sizes = set()
            for page in sorted({0, picture.n_pages - 1}):
                _grey_plane(image, picture.path, page)
                sizes.add((image.height, image.width))
            if len(sizes) > 1:
                message = f"The pages of {picture.path.name} are of different size."
                problems.append(Problem("mixed-size", Severity.NOT_A_VOLUME, message))
                return
    offered = group[0].spacing
    tags = ""
    if offered is not None:
        dz, dy, dx = offered
        depth = f" and slices {dz:g} mm apart" if dz else ""
        tags = (
            f" The tags of the TIFF name pixels of {dy:g} x {dx:g} mm{depth}, which is "
            "not used: it may be meant for paper or a screen."
        )
    problems.append(
        Problem(
            "no-spacing",
            Severity.UNSAFE,
            "Pictures do not say how large a pixel is and how far slices are apart; 1 "
            "mm is assumed, so nothing can be measured. Give the distances in mm: "
            f"--spacing SLICES,ROWS,COLUMNS, or in the window.{tags}",
        )
    )
    problems.append(
        Problem(
            "no-orientation",
            Severity.UNSAFE,
            "Pictures do not say how they lie in the patient: they are taken for axial "
            "slices from the feet to the head with the patient's right on the left of "
            "the picture. LEFT AND RIGHT MAY BE SWAPPED.",
        )
    )
    n_slices = sum(p.n_pages for p in group)
    if n_slices > 1:
        message = (
            f"The {n_slices} pictures are taken for neighbouring slices of one "
            f"patient. If they are of different ones, say so (--remedy {APART}), since "
            "training and judging must part patients."
        )
        problems.append(Problem("one-patient", Severity.NOTE, message))
    if n_slices == 1:
        message = "There is only one slice: areas can be measured, volumes cannot."
        problems.append(Problem("single-slice", Severity.WARNING, message))


def _coloured(group: list[Picture]) -> list[str]:
    """Return the names of the pictures that are in colour.

    One coloured mark on one slice is enough for a stack not to be read, so all that
    may be coloured are looked at.
    """
    names = []
    for picture in group:
        if not picture.may_be_coloured:
            continue
        with _opened(picture.path) as image:
            pages = range(picture.n_pages)
            if any(_grey_plane(image, picture.path, n) is None for n in pages):
                names.append(picture.path.name)
    return names


def _colour_message(names: list[str], n_pictures: int) -> str:
    if len(names) > 1:
        which = f"{len(names)} of {n_pictures} pictures, such as {names[0]}, are"
    elif n_pictures > 1:
        which = f"{names[0]}, one of {n_pictures} pictures, is"
    else:
        which = f"{names[0]} is"
    return (
        f"{which} in colour (red, green and blue differ), and MedLab works on grey "
        "values. Export the pictures in grey, without marks and colour maps."
    )


_BROKEN = (
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)
"""What Pillow was seen to raise on broken pictures."""


_BEST_PACKED = 10_000
"""Pixels of a byte: deflate packs 1,032 bytes in one, each of eight black pixels."""


@quiet_warnings
def _opened(path: Path) -> Any:
    from PIL import Image

    try:
        image = Image.open(path, formats=("PNG", "JPEG", "TIFF"))
    except Image.DecompressionBombError as error:
        msg = f"{path.name} has more pixels than a slice of any scan; it was not read."
        raise InputError(msg, path=path) from error
    except _BROKEN as error:
        raise _damaged(path) from error
    return image


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        return picture_kind(file.read(8))


@quiet_warnings
def _grey_plane(image: Any, path: Path, page: int) -> NDArray[Any] | None:
    """Return one page as grey values (Y, X), or None where it is in colour."""
    try:
        if page or getattr(image, "n_frames", 1) > 1:
            image.seek(page)
        if image.width * image.height > _BEST_PACKED * path.stat().st_size:
            raise _damaged(path)  # before Pillow makes room for what is not there
        if image.mode in _GREY:
            plane = np.array(image)
            return plane.astype(np.uint8) if plane.dtype == np.bool_ else plane
        if image.mode in _WITH_ALPHA:
            grey: NDArray[Any] = np.array(image)[..., 0]
            return grey
        rgb = np.array(image.convert("RGB"))
    except _BROKEN as error:
        raise _damaged(path) from error
    if image.mode not in ("RGB", "RGBA", "RGBX", "P", "PA", "YCbCr"):
        return None
    red, green, blue = (rgb[..., n] for n in range(3))
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        return None
    return red


def _tagged_spacing(image: Any) -> tuple[float, float, float] | None:
    """Return what a TIFF's tags say, in mm; 0 for what they do not say."""
    tags = image.tag_v2
    dz = 0.0
    described = str(tags.get(270, ""))
    unit_mm = _UNIT_MM.get(int(tags.get(296, 2)))
    if described.startswith("ImageJ"):
        # ImageJ: pixels for each unit in the resolution, its name in the text.
        unit = re.search(r"^unit=(\S+)", described, re.MULTILINE)
        names = {"mm": 1.0, "cm": 10.0, "um": 1e-3, "micron": 1e-3, "inch": 25.4}
        unit_mm = names.get(unit[1].replace("\\u00B5", "u")) if unit else None
        depth = re.search(r"^spacing=([0-9.eE+-]+)", described, re.MULTILINE)
        if depth and unit_mm:
            dz = float(depth[1]) * unit_mm
    try:
        dx, dy = (unit_mm / float(tags[tag]) for tag in (282, 283) if unit_mm)
    except (KeyError, ValueError, TypeError, ZeroDivisionError):
        return None
    if not (np.isfinite([dz, dy, dx]).all() and min(dy, dx) > 0 and dz >= 0):
        return None
    return dz, dy, dx


def _damaged(path: Path) -> DamagedFileError:
    msg = (
        f"{path.name} cannot be read as a picture: it is damaged, incomplete or of a "
        "kind that MedLab does not know. Fetch or export it again."
    )
    return DamagedFileError(msg, path=path)
