"""In which state the files of a series are, without reading them.

A file that is written anew has another size, time of change or, where a program sets
the old time again, another time at which its entry changed. So what had one
stamp once has the same content as long as it has that stamp, and is understood in the
same way: a header that was looked at before its file was written anew is not.

A clock that ticks every two seconds (FAT, on most sticks and cards) gives two contents
one time. So what changed less than that before it was looked at has no stamp yet, as in
git (`racy-git.txt`).
"""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING

from medlab_gui.io.archives import origin, state_unpacked
from medlab_gui.io.growing import state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from medlab_gui.io.series import FileSeries, Frame

__all__ = ["as_understood", "stamp_of"]

_SLOWEST_TICK_S = 2.0
"""Between two times of change that FAT can tell apart."""
_HEADERS = (".mhd", ".nhdr", ".hdr", ".img")
"""Names of files whose voxels, or header, lie in another file beside them."""


def stamp_of(series: FileSeries, *, read_since: float | None = None) -> str:
    """Return a digest of where the files of a series lie, their sizes and times.

    Parameters
    ----------
    series : FileSeries
        As `scan` found it. What was unpacked is as its archive was then.
    read_since : float, optional
        When reading its voxels began (`time.time`); now, where left out: they are not
        read yet.

    Returns
    -------
    str
        64 hexadecimal digits; "" where a file has gone, has changed since it was
        read, or so shortly before that its time need not tell.
    """
    since = time.time() if read_since is None else read_since
    digest = sha256(f"{series.uid}\0{series.volume_index}\0{series.units}\0".encode())
    states: dict[Path, tuple[int, int, int]] = {}
    try:
        for file in series.files:
            place, unpacked = origin(file), state_unpacked(file)
            real = [] if unpacked else [file]
            if real and file.suffix.lower() in _HEADERS:
                real = sorted(p for p in file.parent.iterdir() if p.is_file())
            for one in real:
                if one not in states:
                    states[one] = state_of(one)
            line = f"{place}\0{unpacked or [states[one] for one in real]}\0"
            digest.update(line.encode("utf-8", "surrogatepass"))
    except OSError:
        return ""
    times = [max(changed, entered) for _size, changed, entered in states.values()]
    if max(times, default=0) / 1e9 > since - _SLOWEST_TICK_S:
        return ""
    for fact in as_understood(series.frames):
        digest.update(fact)
    return digest.hexdigest()


def as_understood(frames: Iterable[Frame]) -> Iterator[bytes]:
    """Yield what headers say of where voxels are, and of what they mean.

    Parameters
    ----------
    frames : iterable of Frame
        Of a DICOM series, in its order.

    Yields
    ------
    bytes
        Equal for frames that are read, placed and rescaled in the same way.
    """
    layout, table = None, None
    for frame in frames:
        if frame.layout != layout or frame.table != table:  # mostly those of the first
            layout, table = frame.layout, frame.table
            yield f"{layout}\0{table}\0".encode()
            yield b"" if table is None else table.entries
        facts = (frame.index, frame.slope, frame.intercept, frame.offset)
        yield f"{facts}\0{frame.position}\0{frame.orientation}\0".encode()
