"""Reads the headers of many DICOM files, several times as fast as one by one.

A folder of a scan holds hundreds of headers that differ in a few elements: the
instance's UID, its number, its position, perhaps its window. `HeaderReader` walks over
the elements of a header without making objects of them, keeps the bytes of those that
matter, and asks pydicom what they mean only where the same bytes were not seen before.
Whatever is not plain (explicit or implicit VR, little endian) is left to pydicom
altogether, so that the facts are the same, and so are the errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from medlab_gui.io.dicom_display import usable_window, window_of
from medlab_gui.io.dicom_headers import (
    DicomHeader,
    header_of,
    read_header,
    wanted_tags,
)
from medlab_gui.io.dicom_pixel_place import find_pixels
from medlab_gui.io.dicom_times import seconds_of
from medlab_gui.io.dicom_walk import IMPLICIT, HeaderWalker
from medlab_gui.io.pydicom_quiet import pydicom_errors, quiet_pydicom
from medlab_gui.io.series import Frame

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from medlab_gui.io.dicom_walk import Walked
    from medlab_gui.io.series import PixelLayout

__all__ = ["FIRST_BLOCK", "HeaderReader"]

FIRST_BLOCK = 16 * 1024
"""Bytes read at first; the headers of most scans are shorter."""
_LARGEST_BLOCK = 1024 * 1024
_MOST_KEPT = 20_000

_SOP_UID, _NUMBER, _POSITION = 0x00080018, 0x00200013, 0x00200032
_LEVEL, _WIDTH = 0x00281050, 0x00281051
_ACQUIRED, _CREATED = 0x00080032, 0x00080033
_OWN = frozenset((_SOP_UID, _NUMBER, _POSITION, _LEVEL, _WIDTH, _ACQUIRED, _CREATED))
"""What differs from slice to slice; only in MR the last two do."""
_CHARACTER_SET = 0x00080005
_PADDING = b" \0"

_number = rb" *[-+]?\d{1,12}(?:\.\d{0,20})?(?:[eE][-+]?\d{1,2})? *"
_one_integer = re.compile(rb" *[-+]?\d{1,12} *").fullmatch
_three_numbers = re.compile(rb"%b\\%b\\%b" % (_number, _number, _number)).fullmatch
_some_numbers = re.compile(rb"%b(?:\\%b){0,7}" % (_number, _number)).fullmatch
_one_uid = re.compile(rb"([0-9.]{1,64})\0?").fullmatch


@dataclass(frozen=True, slots=True)
class _Known:
    """What headers with the same shared bytes have in common."""

    header: dict[str, Any]  # the fields; faster than `replace`
    frame: dict[str, Any]
    layout: PixelLayout
    compressed: bool
    implicit: bool


class HeaderReader:
    """Reads the headers of the files of one scan; remembers what it has seen.

    Not for several threads at once. What it keeps is gone with it.

    Attributes
    ----------
    n_quick : int
        Headers that were read without pydicom.
    n_asked : int
        Headers of which pydicom was given the wanted elements alone.
    """

    def __init__(self) -> None:
        wanted = frozenset(int(tag) for tag in wanted_tags()) | {_CHARACTER_SET}
        self._walker = HeaderWalker(wanted, _OWN)
        self._known: dict[tuple[object, ...], _Known] = {}
        self.n_quick = 0
        self.n_asked = 0

    def read(self, path: Path, file: BinaryIO, block: bytes) -> DicomHeader:
        """Read the header of a DICOM picture; facts and errors as by `read_header`.

        Parameters
        ----------
        path : Path
            The file.
        file : file
            The same file, open for reading bytes.
        block : bytes
            Its first bytes, `FIRST_BLOCK` of them if there are so many.

        Raises
        ------
        NotAnImageError
            If it is DICOM but no picture.
        DamagedFileError
            If its header cannot be read to the end.
        """
        walked = self._walker.walk(block)
        if walked is None and len(block) == FIRST_BLOCK:
            file.seek(0)
            walked = self._walker.walk(_read(file, _LARGEST_BLOCK))
        if walked is None:
            return read_header(path)
        known = self._known.get(_key(walked))
        if known is not None:
            header = _another(path, file, walked, known)
            if header is not None:
                self.n_quick += 1
                return header
        return self._ask(path, file, walked)

    def _ask(self, path: Path, file: BinaryIO, walked: Walked) -> DicomHeader:
        """Let pydicom read a file that holds nothing but the wanted elements."""
        import pydicom

        with quiet_pydicom():
            try:
                dataset = pydicom.dcmread(BytesIO(_shortened(walked)))
                file.seek(walked.pixels)
                header = header_of(path, file, dataset)
            except pydicom_errors(OSError):
                header = None
        if header is None:
            return read_header(path)  # which tells what is wrong
        self.n_asked += 1
        if (
            len(header.frames) == 1
            and _own_facts(walked) is not None
            and len(self._known) < _MOST_KEPT
        ):
            frame = header.frames[0]
            self._known[_key(walked)] = _Known(
                {f.name: getattr(header, f.name) for f in fields(header)},
                {f.name: getattr(frame, f.name) for f in fields(frame)},
                frame.layout,
                compressed=_is_compressed(dataset),
                implicit=walked.syntax == IMPLICIT,
            )
        return header


def _read(file: BinaryIO, n: int) -> bytes:
    """Read ``n`` bytes, or what there is."""
    parts: list[bytes] = []
    while n > 0:
        part = file.read(n)
        if not part:
            break
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def _shortened(walked: Walked) -> bytes:
    parts = [walked.meta]
    at = 0
    for _, (before, element) in sorted(walked.own.items()):
        parts += [walked.shared[at:before], element]
        at = before
    parts.append(walked.shared[at:])
    return b"".join(parts)


def _is_compressed(dataset: Any) -> bool:
    try:
        return bool(dataset.file_meta.TransferSyntaxUID.is_encapsulated)
    except ValueError:  # a UID that is not a transfer syntax known to pydicom
        return False


def _key(walked: Walked) -> tuple[object, ...]:
    return walked.meta_shared, walked.shared, *walked.values


@dataclass(slots=True)
class _Own:
    """What a slice does not share with others."""

    sop_uid: str
    instance: int
    position: tuple[float, float, float]
    window: tuple[float, float] | None
    acquired: float | None
    created: float | None


def _own_facts(walked: Walked) -> _Own | None:
    """Return what is the slice's own, where all of it is plainly written."""
    values = walked.values
    uid = _one_uid(values.get(_SOP_UID, b""))
    number = values.get(_NUMBER, b"").rstrip(_PADDING)
    position = values.get(_POSITION, b"").rstrip(_PADDING)
    if uid is None or not _one_integer(number) or not _three_numbers(position):
        return None
    plain, window = _window(values.get(_LEVEL), values.get(_WIDTH))
    if not plain:
        return None
    x, y, z = map(float, position.split(b"\\"))
    acquired = seconds_of(values.get(_ACQUIRED, b"").decode("latin-1"))
    created = seconds_of(values.get(_CREATED, b"").decode("latin-1"))
    uid_text = uid[1].decode("ascii")
    return _Own(uid_text, int(number), (x, y, z), window, acquired, created)


@lru_cache(maxsize=1024)
def _window(
    level: bytes | None, width: bytes | None
) -> tuple[bool, tuple[float, float] | None]:
    """Return whether the values are plainly written, and the window if they are."""
    found: dict[str, tuple[float, ...]] = {}
    for name, value in (("WindowCenter", level), ("WindowWidth", width)):
        if value is not None:
            plain = value.rstrip(_PADDING)
            if not _some_numbers(plain):
                return False, None
            found[name] = tuple(map(float, plain.split(b"\\")))
    return True, window_of(found)


def _another(
    path: Path, file: BinaryIO, walked: Walked, known: _Known
) -> DicomHeader | None:
    """Return the header of one more slice, or None where that takes pydicom."""
    own = _own_facts(walked)
    if own is None:
        return None
    file.seek(walked.pixels)
    place = find_pixels(file, (known.implicit, True), known.layout, 1, known.compressed)
    if place.kind != known.layout.kind or place.denies:
        return None
    frame = Frame(
        **{
            **known.frame,
            "path": path,
            "sop_uid": own.sop_uid,
            "instance": own.instance,
            "position": own.position,
            "offset": place.offset,
            "acquired": own.acquired,
            "created": own.created,
        }
    )
    return DicomHeader(
        **{
            **known.header,
            "path": path,
            "cut_short": place.cut_short,
            "n_spare": place.n_spare,
            "window": usable_window(own.window, known.header["display"].function),
            "frames": (frame,),
        }
    )
