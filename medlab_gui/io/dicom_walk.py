"""Walks over the elements of a DICOM header without making objects of them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

__all__ = ["IMPLICIT", "Walked", "file_meta", "walk_header"]

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

IMPLICIT = "1.2.840.10008.1.2"
"""The transfer syntax without VRs."""
_NOT_PLAIN = {
    "1.2.840.10008.1.2.1.99",  # deflated
    "1.2.840.10008.1.2.2",  # big endian
}

_explicit = struct.Struct("<HH2sH").unpack_from
_implicit = struct.Struct("<HHL").unpack_from
_long = struct.Struct("<L").unpack_from
_one_uid = re.compile(rb"([0-9.]{1,64})\0?").fullmatch


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


def walk_header(
    block: bytes, wanted: frozenset[int], own_tags: frozenset[int]
) -> Walked | None:
    """Find the wanted elements of a header.

    Parameters
    ----------
    block : bytes
        The beginning of a file, up to the pixels at least.
    wanted : frozenset of int
        Tags, as ``group << 16 | element``.
    own_tags : frozenset of int
        Those of them that belong to a slice alone.

    Returns
    -------
    Walked or None
        None where the header is not a plain one, or is longer than the block.
    """
    try:
        return _walk(block, wanted, own_tags)
    except (_OddError, struct.error, UnicodeDecodeError):
        return None


def file_meta(block: bytes) -> tuple[str, int] | None:
    """Return the transfer syntax of a file, and where its data set begins.

    Parameters
    ----------
    block : bytes
        The beginning of a file.

    Returns
    -------
    tuple of str and int, or None
        None where there is no plain file meta group.
    """
    if block[128:132] != b"DICM":
        return None
    try:
        return _file_meta(block)
    except (_OddError, struct.error, UnicodeDecodeError):
        return None


def _walk(block: bytes, wanted: frozenset[int], own_tags: frozenset[int]) -> Walked:
    if block[128:132] != b"DICM":
        raise _OddError
    syntax, at = _file_meta(block)
    meta = block[:at]
    implicit = syntax == IMPLICIT
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
        if group == 0x7FE0 and tag in _PIXELS:
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
            if tag in own_tags:
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
            match = _one_uid(block[start : start + length])
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
