"""In which state the files of a series are, without reading them.

A file that is written anew has another size, time of change or, where a program sets
the old time again, another time at which its entry changed (on Unix). So what had one
stamp once has the same content as long as it has that stamp.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from medlab_gui.io.archives import origin

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.io.series import FileSeries

__all__ = ["stamp_of"]

_HEADERS = (".mhd", ".nhdr", ".hdr", ".img")
"""Names of files whose voxels, or header, lie in another file beside them."""


def stamp_of(series: FileSeries) -> str:
    """Return a digest of where the files of a series lie, their sizes and times.

    Parameters
    ----------
    series : FileSeries
        As `scan` found it. What was unpacked is as its archive is.

    Returns
    -------
    str
        64 hexadecimal digits; "" where a file has gone.
    """
    digest = sha256(f"{series.uid}\0{series.volume_index}\0".encode())
    states: dict[Path, str] = {}
    try:
        for file in series.files:
            place = origin(file)
            real = [file] if place == file else [_archive_of(place)]
            if real == [file] and file.suffix.lower() in _HEADERS:
                real = sorted(p for p in file.parent.iterdir() if p.is_file())
            for one in real:
                if one not in states:
                    states[one] = _state(one)
            line = f"{place}\0{' '.join(states[one] for one in real)}\0"
            digest.update(line.encode("utf-8", "surrogatepass"))
    except OSError:
        return ""
    return digest.hexdigest()


def _state(file: Path) -> str:
    facts = file.stat()
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


def _archive_of(place: Path) -> Path:
    """Return the archive in which a file is said to be, or raise `OSError`."""
    for folder in place.parents:
        if folder.is_file():
            return folder
    raise FileNotFoundError(str(place))
