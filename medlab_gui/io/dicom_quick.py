"""Reads the headers of many DICOM files, several times as fast as one by one.

A folder of a scan holds hundreds of headers that differ in three elements: the
instance's UID, its number and its position. `HeaderReader` walks over the elements of
a header (plain explicit or implicit VR, little endian) without making objects of them,
keeps the bytes of those that matter, and asks pydicom what they mean only where the
same bytes were not seen before. Whatever is odd is left to pydicom altogether, so that
the facts are the same, and so are the errors.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from medlab_gui.io.dicom_headers import (
    PYDICOM_ERRORS,
    WANTED,
    DicomHeader,
    find_pixels,
    header_of,
    quiet_pydicom,
    read_header,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from medlab_gui.io.series import PixelLayout

__all__ = ["FIRST_BLOCK", "HeaderReader", "Walked", "walk_header"]

FIRST_BLOCK = 16 * 1024
"""Bytes read at first; the headers of most scans are shorter."""
_LARGEST_BLOCK = 1024 * 1024
_MOST_KEPT = 20_000

_SOP_UID, _NUMBER, _POSITION = 0x00080018, 0x00200013, 0x00200032
_OWN = frozenset((_SOP_UID, _NUMBER, _POSITION))
"""What differs from slice to slice."""
_CHARACTER_SET = 0x00080005
_PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_SYNTAX = 0x00020010
_META = frozenset((0x00020002, 0x00020003, _SYNTAX))

_SHORT = frozenset(
    re.findall(
        rb"\w+", b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
    )
)
_LONG = frozenset(re.findall(rb"\w+", b"OB OD OF OL OV OW SQ SV UC UN UR UT UV"))
_ENDLESS = 0xFFFFFFFF
_ITEM, _ITEM_ENDS, _SEQUENCE_ENDS = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST = 16

_IMPLICIT = "1.2.840.10008.1.2"
_NOT_PLAIN = {
    "1.2.840.10008.1.2.1.99",  # deflated
    "1.2.840.10008.1.2.2",  # big endian
}

_explicit = struct.Struct("<HH2sH").unpack_from
_implicit = struct.Struct("<HHL").unpack_from
_long = struct.Struct("<L").unpack_from

_number = rb" *[-+]?\d{1,12}(?:\.\d{0,20})?(?:[eE][-+]?\d{1,2})? *"
_ONE_INTEGER = re.compile(rb" *[-+]?\d{1,12} *")
_THREE_NUMBERS = re.compile(rb"%b\\%b\\%b" % (_number, _number, _number))
_ONE_UID = re.compile(rb"([0-9.]{1,64})\0?")


class _OddError(Exception):
    """The header is none of the plain ones; pydicom has to look at it."""


@dataclass(slots=True)
class Walked:
    """Where things lie in the header of a file.

    Parameters
    ----------
    syntax : str
        Transfer Syntax UID.
    meta : bytes
        The file meta group as it lies in the file, with preamble and prefix.
    shared : bytes
        Wanted elements that slices of one series usually have in common, raw, in
        their order.
    own : dict of int to (int, bytes)
        Elements that belong to the slice alone, by tag: how many bytes of ``shared``
        come before, and the raw element.
    values : dict of int to bytes
        The values of ``own``.
    pixels : int
        Where the element of the pixels begins.
    """

    syntax: str
    meta: bytes
    shared: bytes
    own: dict[int, tuple[int, bytes]]
    values: dict[int, bytes]
    pixels: int


def walk_header(block: bytes, wanted: frozenset[int]) -> Walked | None:
    """Find the wanted elements of a header.

    Parameters
    ----------
    block : bytes
        The beginning of a file, up to the pixels at least.
    wanted : frozenset of int
        Tags, as ``group << 16 | element``.

    Returns
    -------
    Walked or None
        None where the header is not a plain one, or is longer than the block.
    """
    try:
        return _walk(block, wanted)
    except (_OddError, struct.error, UnicodeDecodeError):
        return None


def _walk(block: bytes, wanted: frozenset[int]) -> Walked:
    if block[128:132] != b"DICM":
        raise _OddError
    syntax, at = _file_meta(block)
    meta = block[:at]
    implicit = syntax == _IMPLICIT
    if syntax in _NOT_PLAIN or not syntax.startswith("1.2.840.10008.1.2"):
        raise _OddError
    if implicit and b"AA" <= block[at + 4 : at + 6] <= b"ZZ":
        raise _OddError  # it may be explicit after all
    size = len(block)
    parts: list[bytes] = []
    own: dict[int, tuple[int, bytes]] = {}
    values: dict[int, bytes] = {}
    n_shared = 0
    last = 0x0002FFFF
    while True:
        if implicit:
            group, element, length = _implicit(block, at)
            vr = b""
            start = at + 8
        else:
            group, element, vr, length = _explicit(block, at)
            if vr in _SHORT:
                start = at + 8
            elif vr in _LONG:
                (length,) = _long(block, at + 8)
                start = at + 12
            else:
                raise _OddError
        tag = group << 16 | element
        if tag <= last:
            raise _OddError
        last = tag
        if tag in _PIXELS:
            break
        if length == _ENDLESS:
            if implicit:
                if not _is_sequence(tag):
                    raise _OddError
            elif vr != b"SQ":
                raise _OddError
            end = _after_items(block, start, implicit, 0)
        else:
            end = start + length
        if end > size:
            raise _OddError
        if tag in wanted:
            if tag in _OWN:
                own[tag] = n_shared, block[at:end]
                values[tag] = block[start:end]
            else:
                parts.append(block[at:end])
                n_shared += end - at
        at = end
    return Walked(syntax, meta, b"".join(parts), own, values, at)


def _file_meta(block: bytes) -> tuple[str, int]:
    """Return the transfer syntax and where the data set begins."""
    at, last, syntax = 132, 0, ""
    while True:
        group, element, vr, length = _explicit(block, at)
        if group != 2:
            break
        start = at + 8
        if vr in _LONG:
            (length,) = _long(block, at + 8)
            start = at + 12
        elif vr not in _SHORT:
            raise _OddError
        tag = group << 16 | element
        if tag <= last or length == _ENDLESS:
            raise _OddError
        last = tag
        if tag == _SYNTAX:
            match = _ONE_UID.fullmatch(block[start : start + length])
            if match is None or vr != b"UI":
                raise _OddError
            syntax = match[1].decode("ascii")
        at = start + length
    return syntax, at


def _after_items(block: bytes, at: int, implicit: bool, depth: int) -> int:
    """Return where a sequence without a length ends."""
    if depth > _DEEPEST:
        raise _OddError
    while True:
        group, element, length = _implicit(block, at)
        tag = group << 16 | element
        at += 8
        if tag == _SEQUENCE_ENDS and length == 0:
            return at
        if tag != _ITEM:
            raise _OddError
        at = (
            _after_item(block, at, implicit, depth)
            if length == _ENDLESS
            else (at + length)
        )


def _after_item(block: bytes, at: int, implicit: bool, depth: int) -> int:
    while True:
        group, element, length = _implicit(block, at)
        tag = group << 16 | element
        start = at + 8
        if tag == _ITEM_ENDS:
            if length:
                raise _OddError
            return start
        vr = b""
        if not implicit:
            vr = block[at + 4 : at + 6]
            if vr in _SHORT:
                length = block[at + 6] | block[at + 7] << 8
            elif vr in _LONG:
                (length,) = _long(block, at + 8)
                start = at + 12
            else:
                raise _OddError
        if length == _ENDLESS:
            if (vr != b"SQ") if not implicit else not _is_sequence(tag):
                raise _OddError
            at = _after_items(block, start, implicit, depth + 1)
        else:
            at = start + length


_sequence_tags: dict[int, bool] = {}


def _is_sequence(tag: int) -> bool:
    """Tell whether the dictionary calls a public element a sequence."""
    known = _sequence_tags.get(tag)
    if known is None:
        from pydicom.datadict import dictionary_VR

        try:
            known = dictionary_VR(tag) == "SQ"
        except KeyError:
            known = False
        _sequence_tags[tag] = known
    return known


@dataclass(frozen=True, slots=True)
class _Known:
    """What headers with the same shared bytes have in common."""

    header: DicomHeader
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
        from pydicom.datadict import tag_for_keyword

        tags = {
            tag_for_keyword(name) if isinstance(name, str) else name for name in WANTED
        }
        self._wanted = frozenset(int(tag) for tag in tags if tag is not None) | {
            _CHARACTER_SET
        }
        self._known: dict[bytes, _Known] = {}
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
        walked = walk_header(block, self._wanted)
        if walked is None and len(block) == FIRST_BLOCK:
            file.seek(0)
            walked = walk_header(_read(file, _LARGEST_BLOCK), self._wanted)
        if walked is None:
            return read_header(path)
        known = self._known.get(walked.shared + walked.syntax.encode())
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
            except (*PYDICOM_ERRORS, OSError):
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
            self._known[walked.shared + walked.syntax.encode()] = _Known(
                header,
                frame.layout,
                compressed=_is_compressed(dataset),
                implicit=walked.syntax == _IMPLICIT,
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


def _own_facts(
    walked: Walked,
) -> tuple[str, int, tuple[float, float, float]] | None:
    """Return UID, number and position of a slice, where they are plainly written."""
    values = walked.values
    if len(values) != len(_OWN):
        return None
    uid = _ONE_UID.fullmatch(values[_SOP_UID])
    number = values[_NUMBER]
    position = values[_POSITION]
    if (
        uid is None
        or _ONE_INTEGER.fullmatch(number) is None
        or _THREE_NUMBERS.fullmatch(position) is None
    ):
        return None
    x, y, z = position.split(b"\\")
    return uid[1].decode("ascii"), int(number), (float(x), float(y), float(z))


def _another(
    path: Path, file: BinaryIO, walked: Walked, known: _Known
) -> DicomHeader | None:
    """Return the header of one more slice, or None where that takes pydicom."""
    facts = _own_facts(walked)
    if facts is None:
        return None
    file.seek(walked.pixels)
    kind, offset, cut_short = find_pixels(
        file,
        (known.implicit, True),
        known.layout,
        1,
        known.compressed,
    )
    if kind != known.layout.kind:
        return None
    uid, number, position = facts
    frame = replace(
        known.header.frames[0],
        path=path,
        sop_uid=uid,
        instance=number,
        position=position,
        offset=offset,
    )
    return replace(known.header, path=path, cut_short=cut_short, frames=(frame,))
