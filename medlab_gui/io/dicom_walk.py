"""Walks over the elements of a DICOM header without making objects of them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IMPLICIT", "HeaderWalker", "Walked", "file_meta"]

_PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_SYNTAX = 0x00020010
_OF_INSTANCE = frozenset((0x00020000, 0x00020003))
"""The length of the file meta group, and the instance's UID."""

_SHORT = frozenset(
    re.findall(
        rb"\w+", b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
    )
)
_LONG = frozenset(re.findall(rb"\w+", b"OB OD OF OL OV OW SQ SV UC UN UR UT UV"))
_ENDLESS = 0xFFFFFFFF
_ITEM, _ITEM_ENDS, _SEQUENCE_ENDS = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST = 16
_MOST_LAYOUTS = 64

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
    meta_shared : bytes
        The elements of that group without what belongs to the instance.
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
    meta_shared: bytes
    shared: bytes
    own: dict[int, tuple[int, bytes]]
    values: dict[int, bytes]
    pixels: int


class HeaderWalker:
    """Finds the wanted elements of one header after another.

    The headers of a scan have the same elements at the same places, but for a few
    lengths of UIDs and numbers. Where a header fits one that was walked over before,
    down to each tag, VR and length, its elements are cut out without a walk.

    Parameters
    ----------
    wanted : frozenset of int
        Tags, as ``group << 16 | element``.
    own_tags : frozenset of int
        Those of them that belong to a slice alone.
    """

    def __init__(self, wanted: frozenset[int], own_tags: frozenset[int]) -> None:
        self._wanted, self._own_tags = wanted, own_tags
        self._layouts: list[_Layout] = []

    def walk(self, block: bytes) -> Walked | None:
        """Find the wanted elements of a header.

        Parameters
        ----------
        block : bytes
            The beginning of a file, up to the pixels at least.

        Returns
        -------
        Walked or None
            None where the header is not a plain one, or is longer than the block.
        """
        layouts = self._layouts
        for n, layout in enumerate(layouts):
            if layout.fits(block):
                if n:
                    layouts.insert(0, layouts.pop(n))
                return layout.cut(block)
        try:
            layout = _walk(block, self._wanted, self._own_tags)
        except (_OddError, struct.error, UnicodeDecodeError):
            return None
        del layouts[_MOST_LAYOUTS - 1 :]
        layouts.insert(0, layout)
        return layout.cut(block)


class _Layout:
    """Where the elements of a header are."""

    def __init__(self, syntax: str, data: int) -> None:
        self._syntax, self._data = syntax, data
        self._fixed: list[slice] = [slice(128, 132)]
        self._meta: list[slice] = []
        self._shared: list[slice] = []
        self._own: list[tuple[int, int, slice, slice]] = []
        self._n_shared = 0
        self._pixels = self._end = 0
        self._mark = b""
        self._look: Callable[[bytes], object] = len
        self._expected: object = None

    def must_be(self, start: int, end: int) -> None:
        """Note bytes that have to be these ones."""
        self._fixed.append(slice(start, end))

    def take_meta(self, at: int, end: int) -> None:
        """Note an element of the file meta group that slices have in common."""
        self._meta.append(slice(at, end))

    def take(self, at: int, end: int) -> None:
        """Note a wanted element."""
        self._n_shared += end - at
        if self._shared and self._shared[-1].stop == at:
            at = self._shared.pop().start
        self._shared.append(slice(at, end))

    def take_own(self, tag: int, at: int, start: int, end: int) -> None:
        """Note a wanted element of the slice alone."""
        self._own.append((tag, self._n_shared, slice(at, end), slice(start, end)))

    def close(self, block: bytes, pixels: int, n_mark: int, n_head: int) -> None:
        """Note where the pixels are, and what the fixed bytes are."""
        self._pixels, self._end = pixels, pixels + n_head
        self._mark = block[pixels : pixels + n_mark]
        self._fixed.append(slice(pixels, pixels + n_mark))
        self._look = itemgetter(*self._fixed)
        self._expected = self._look(block)

    def fits(self, block: bytes) -> bool:
        """Tell whether a header has the same elements at the same places."""
        return (
            len(block) >= self._end
            and block.startswith(self._mark, self._pixels)
            and self._look(block) == self._expected
        )

    def cut(self, block: bytes) -> Walked:
        """Cut the elements out of a header that fits."""
        return Walked(
            self._syntax,
            block[: self._data],
            b"".join([block[s] for s in self._meta]),
            b"".join([block[s] for s in self._shared]),
            {tag: (before, block[s]) for tag, before, s, _ in self._own},
            {tag: block[s] for tag, _, _, s in self._own},
            self._pixels,
        )


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


def _walk(block: bytes, wanted: frozenset[int], own_tags: frozenset[int]) -> _Layout:
    if block[128:132] != b"DICM":
        raise _OddError
    syntax, at = _file_meta(block)
    implicit = syntax == IMPLICIT
    if syntax in _NOT_PLAIN or not syntax.startswith("1.2.840.10008.1.2"):
        raise _OddError
    if implicit and b"AA" <= block[at + 4 : at + 6] <= b"ZZ":
        raise _OddError  # it may be explicit after all
    layout = _Layout(syntax, at)
    _walk_meta(block, at, layout)
    size = len(block)
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
            layout.close(block, at, 4 if implicit else 6, start - at)
            return layout
        fixed = start
        if length == _ENDLESS:
            if implicit:
                if not _is_sequence(tag):
                    raise _OddError
            elif vr != b"SQ":
                raise _OddError
            end = fixed = _after_items(block, start, implicit, 0)
        else:
            end = start + length
        if end > size:
            raise _OddError
        layout.must_be(at, fixed)
        if tag in own_tags:
            layout.take_own(tag, at, start, end)
        elif tag in wanted:
            layout.take(at, end)
        at = end


def _walk_meta(block: bytes, data: int, layout: _Layout) -> None:
    at = 132
    while at < data:
        group, element, vr, length = _explicit(block, at)
        start = at + 8
        if vr in _LONG:
            (length,) = _long(block, at + 8)
            start = at + 12
        end = start + length
        tag = group << 16 | element
        layout.must_be(at, end if tag == _SYNTAX else start)
        if tag not in _OF_INSTANCE:
            layout.take_meta(at, end)
        at = end


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
