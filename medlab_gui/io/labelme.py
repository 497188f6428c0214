"""Labelme files: outlines drawn on pictures, as masks.

Shapes are filled as Labelme's own ``labelme.utils.shape_to_mask`` fills them (by
Pillow, borders included), so that a mask is the same as Labelme's export; a shape that
was drawn later lies upon those drawn before it.
"""

from __future__ import annotations

import base64
import io
import json
import math
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, GeometryError, InputError
from medlab_gui.core.labels import IGNORE
from medlab_gui.io.image_stack import natural_key, picture_kind, read_picture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["is_labelme", "read_labelme"]

_KNOWN = {"_background_": 0, "__ignore__": IGNORE}
_LARGEST = 256 * 2**20


def is_labelme(path: Path) -> bool:
    """Tell whether a path is a Labelme file, or a folder with one."""
    if path.is_dir():
        return any(is_labelme(p) for p in path.glob("*.json"))
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        _loaded(path)
    except InputError:
        return False
    return True


def read_labelme(path: Path, classes: Mapping[str, int]) -> NDArray[np.uint8]:
    """Fill the shapes of a Labelme file, or of a folder of them, by class.

    Parameters
    ----------
    path : Path
        A file: a mask of one slice. A folder: one slice for each picture in it, in the
        natural order of names, empty where a picture has no file of its name; where
        there are no pictures, one for each file.
    classes : mapping of str to int
        Value of each label, without regard to case. Labels that are whole numbers and
        Labelme's ``_background_`` and ``__ignore__`` need none.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        Class values.

    Raises
    ------
    InputError
        If a label has no class, or a shape has no area (a point, a line).
    GeometryError
        If sizes of pictures differ.
    DamagedFileError
        If a file is no JSON of Labelme's.
    """
    files = _files(path)
    table = {**_KNOWN, **{k.casefold(): v for k, v in classes.items()}}
    size = _size(files[0])
    for file in files[1:]:
        if _size(file) != size:
            y, x = _size(file)
            msg = (
                f"{files[0].name} is about pictures of {size[1]} x {size[0]} pixels "
                f"and {file.name} of {x} x {y}; the slices of a mask are of one size."
            )
            raise GeometryError(msg, path=file)
    slices = _slices(path, files)
    mask = np.zeros((len(slices), *size), np.uint8)
    for plane, drawn in zip(mask, slices, strict=True):
        if drawn is not None:
            for shape in _shapes(drawn):
                value = _value(_label(shape), table, drawn)
                plane[_filled(shape, size, drawn)] = value
    return mask


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.json"), key=lambda p: natural_key(p.name))
    return [p for p in found if is_labelme(p)]


def _slices(path: Path, files: list[Path]) -> list[Path | None]:
    """Return the file of each slice, None for a slice without one."""
    if not path.is_dir():
        return [path]
    pictures = [p for p in path.iterdir() if p.is_file() and _is_picture(p)]
    if not pictures:
        return list(files)
    drawn = {p.stem: p for p in files}
    lost = set(drawn) - {p.stem for p in pictures}
    if lost:
        name = sorted(lost)[0]
        msg = (
            f"{name}.json in {path} belongs to no picture there (none is called "
            f"{name}), so its slice is not known. Put picture and file together."
        )
        raise InputError(msg, path=path)
    pictures.sort(key=lambda p: natural_key(p.name))
    return [drawn.get(p.stem) for p in pictures]


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(picture_kind(file.read(8)))


def _loaded(path: Path) -> dict[str, Any]:
    """Return the content of a Labelme file."""
    try:
        if path.stat().st_size > _LARGEST:
            msg = f"{path.name} is too large for a file of Labelme."
            raise InputError(msg, path=path)
        content = json.loads(path.read_bytes())
    except OSError as error:
        msg = f"{path} cannot be opened: {error.strerror or error}."
        raise InputError(msg, path=path) from error
    except (ValueError, RecursionError) as error:
        raise _no_labelme(path, "it is not JSON") from error
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise _no_labelme(path, "it has no list of shapes")
    return content


def _shapes(path: Path) -> list[dict[str, Any]]:
    shapes = _loaded(path)["shapes"]
    if not all(isinstance(s, dict) and isinstance(s.get("label"), str) for s in shapes):
        raise _no_labelme(path, "a shape in it has no label")
    return list(shapes)


def _label(shape: dict[str, Any]) -> str:
    return str(shape["label"]).strip()


def _value(label: str, table: Mapping[str, int], path: Path) -> int:
    known = table.get(label.casefold())
    if known is not None:
        return known
    if label.isdecimal() and int(label) <= 255:
        return int(label)
    names = ", ".join(sorted(set(table) - set(_KNOWN))) or "none"
    msg = (
        f"{path.name} has outlines called {label!r}, which is no class here (known: "
        f"{names}). Say which class it is, e.g. {label}=1."
    )
    raise InputError(msg, path=path)


def _size(path: Path) -> tuple[int, int]:
    """Return ``(Y, X)`` of the picture that a file is about."""
    content = _loaded(path)
    stated = tuple(content.get(k) for k in ("imageHeight", "imageWidth"))
    size = None
    if all(isinstance(n, int) and 0 < n <= 65535 for n in stated):
        size = int(stated[0] or 0), int(stated[1] or 0)
    # The name alone: a path from another machine, or one that leads elsewhere.
    name = PurePosixPath(str(content.get("imagePath") or "").replace("\\", "/")).name
    picture = path.parent / name if name else None
    if picture is not None and picture.is_file() and _is_picture(picture):
        with picture.open("rb") as file:
            kind = picture_kind(file.read(8))
        real = read_picture(picture, kind).size
        if size is not None and real != size:
            msg = (
                f"{path.name} is about a picture of {size[1]} x {size[0]} pixels, but "
                f"{name} beside it has {real[1]} x {real[0]}: the outlines would not "
                "fit. Draw them again on this picture."
            )
            raise GeometryError(msg, path=path)
        size = real
    if size is None:
        raise _no_labelme(path, "it does not tell the size of its picture")
    return size


def _filled(
    shape: dict[str, Any], size: tuple[int, int], path: Path
) -> NDArray[np.bool_]:
    """Return the pixels of a shape, bool (Y, X)."""
    from PIL import Image, ImageDraw

    kind = shape.get("shape_type") or "polygon"
    points = _points(shape, path)
    image = Image.new("L", (size[1], size[0]))
    draw = ImageDraw.Draw(image)
    label = _label(shape)
    if kind == "polygon" and len(points) >= 3:
        draw.polygon(points, outline=1, fill=1)
    elif kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        corners = [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]
        draw.rectangle(corners, outline=1, fill=1)
    elif kind == "circle" and len(points) == 2:
        (x, y), rim = points
        r = math.dist((x, y), rim)
        draw.ellipse([x - r, y - r, x + r, y + r], outline=1, fill=1)
    elif kind == "mask" and len(points) == 2:
        return _painted(shape, points[0], size, path)
    elif kind in ("polygon", "rectangle", "circle", "mask"):
        msg = (
            f"{path.name} has a {kind} called {label!r} with {len(points)} points, "
            "which encloses nothing. Remove it in Labelme or draw it again."
        )
        raise InputError(msg, path=path)
    else:
        msg = (
            f"{path.name} has a {kind} called {label!r}, which has no area. MedLab "
            "takes polygons, rectangles, circles and painted masks; remove it in "
            "Labelme or draw it as one of these."
        )
        raise InputError(msg, path=path)
    filled: NDArray[np.bool_] = np.array(image) > 0
    return filled


def _points(shape: dict[str, Any], path: Path) -> list[tuple[float, float]]:
    try:
        points = [(float(x), float(y)) for x, y in shape["points"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _no_labelme(path, "a shape in it has no points") from error
    if not all(math.isfinite(v) and abs(v) < 1e6 for p in points for v in p):
        raise _no_labelme(path, "a point in it lies nowhere")
    return points


def _painted(
    shape: dict[str, Any],
    corner: tuple[float, float],
    size: tuple[int, int],
    path: Path,
) -> NDArray[np.bool_]:
    """Return the pixels of a painted mask: a PNG in the file, put at its corner."""
    from PIL import Image

    try:
        packed = base64.b64decode(shape["mask"])
        with Image.open(io.BytesIO(packed), formats=("PNG",)) as image:
            part = np.array(image.convert("L")) > 0
    except (KeyError, TypeError, ValueError, OSError, SyntaxError) as error:
        raise _no_labelme(path, "a painted mask in it does not decode") from error
    filled = np.zeros(size, np.bool_)
    x, y = int(corner[0]), int(corner[1])
    if x < 0 or y < 0 or y + part.shape[0] > size[0] or x + part.shape[1] > size[1]:
        raise _no_labelme(path, "a painted mask in it lies outside the picture")
    filled[y : y + part.shape[0], x : x + part.shape[1]] = part
    return filled


def _no_labelme(path: Path, what: str) -> DamagedFileError:
    msg = f"{path.name} is not a sound Labelme file: {what}."
    return DamagedFileError(msg, path=path)
