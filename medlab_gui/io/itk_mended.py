"""Files whose voxels have no size, made readable for ITK, which refuses them.

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
    from collections.abc import Iterator

__all__ = ["without_geometry"]

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
                if name == place and value.upper() not in ("LOCAL", "LIST"):
                    where = os.fsencode(path.parent.resolve() / value)
                    line = line.partition(mark.encode())[0] + mark.encode() + b" "
                    line += where + b"\n"
                if name not in dropped:
                    out.write(line)
                if not line.strip() or (kind == "mha" and name == place):
                    break
            shutil.copyfileobj(file, out)
        yield mended
