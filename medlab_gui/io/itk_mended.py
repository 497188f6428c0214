"""Files whose geometry cannot be, made readable for ITK, which refuses or guesses.

Only the header is another one: the voxels are the file's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["with_lines", "without_geometry"]

_LONGEST_HEADER = 1 << 20
_NRRD_GEOMETRY = (
    "axismaxs",
    "axismins",
    "measurementframe",
    "space",
    "spacedimension",
    "spacedirections",
    "spaceorigin",
    "spaceunits",
    "spacings",
    "thicknesses",
)
_META_GEOMETRY = (
    "anatomicalorientation",
    "centerofrotation",
    "elementsize",
    "elementspacing",
    "offset",
    "orientation",
    "origin",
    "position",
    "rotation",
    "transformmatrix",
)
_ELSEWHERE = {"nrrd": ("datafile", ":"), "mha": ("elementdatafile", "=")}


@contextmanager
def without_geometry(path: Path, kind: str) -> Iterator[Path]:
    """Yield a file with the same voxels whose header says nothing of their place.

    Parameters
    ----------
    path : Path
        A file whose header `check_itk_header` found sound.
    kind : str
        ``"nrrd"`` or ``"mha"``.

    Yields
    ------
    Path
        It lies in a temporary folder and is gone afterwards.
    """
    dropped = _NRRD_GEOMETRY if kind == "nrrd" else _META_GEOMETRY
    with with_lines(path, kind, dict.fromkeys(dropped)) as mended:
        yield mended


@contextmanager
def with_lines(
    path: Path, kind: str, instead: Mapping[str, str | None]
) -> Iterator[Path]:
    """Yield a file with the same voxels and other lines in its header.

    Parameters
    ----------
    path, kind
        As for `without_geometry`.
    instead : mapping of str to (str or None)
        Values by the names of lines, in small letters without spaces; None drops it.

    Yields
    ------
    Path
        It lies in a temporary folder and is gone afterwards.
    """
    place, mark = _ELSEWHERE[kind]
    with (
        tempfile.TemporaryDirectory(prefix="medlab-") as folder,
        path.open("rb") as file,
    ):
        mended = Path(folder) / path.name
        with mended.open("wb") as out:
            while file.tell() < _LONGEST_HEADER:
                line = file.readline()
                name, _, value = line.decode("latin-1").partition(mark)
                name, value = name.strip().lower().replace(" ", ""), value.strip()
                title = line.partition(mark.encode())[0] + mark.encode() + b" "
                if name == place and value.upper() not in ("LOCAL", "LIST"):
                    line = title + os.fsencode(path.parent.resolve() / value) + b"\n"
                told = instead.get(name)
                if told is not None:
                    line = title + told.encode() + b"\n"
                if name not in instead or told is not None:
                    out.write(line)
                if not line.strip() or (kind == "mha" and name == place):
                    break
            shutil.copyfileobj(file, out)
        yield mended
