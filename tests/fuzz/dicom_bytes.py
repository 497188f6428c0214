"""Breaks DICOM files where it hurts: tags, VRs, lengths, values, fragments.

The walker here is not pydicom's: it must also find its way in files that pydicom would
not write.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

__all__ = ["OPERATIONS", "elements"]

_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"}
_VRS = [
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO"),
    *(b"LT", b"OB", b"OW", b"PN", b"SH", b"SL", b"SQ", b"SS", b"ST", b"TM", b"UI"),
    *(b"UL", b"UN", b"US", b"UT", b"OF", b"OD", b"UC", b"UR", b"SV", b"UV", b"\0\0"),
    *(b"XX", b"\xff\xfe", b"os"),
]
_ENDLESS = 0xFFFFFFFF

_SYNTAXES = [
    f"1.2.840.10008.1.2{end}"
    for end in (
        *("", ".1", ".2", ".1.99", ".5", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80"),
        *(".4.81", ".4.90", ".4.91", ".4.92", ".4.201", ".4.202", ".4.203", ".8.1"),
        *(".4.100", ".4.102", ".6.1"),
    )
] + ["", "1.2.3", "1.2.840.113619.5.2", "not a uid", "1.2.840.10008.1.2.1\\1.2"]

_CHARSETS = [
    *("ISO_IR 6", "ISO_IR 100", "ISO_IR 13", "ISO_IR 192", "GB18030", "GBK"),
    *("ISO 2022 IR 6\\ISO 2022 IR 87", "\\ISO 2022 IR 149", "\\ISO 2022 IR 58"),
    *("ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159", "ISO_IR 127", "ISO_IR 166"),
    *("nonsense", "ISO_IR", "utf-8", "ISO 2022 IR 58\\GB18030", "\\\\\\", "rot13"),
    *("hex", "idna", "punycode", "ISO-IR 100", "unicode_escape", "zip", "undefined"),
]

_TAGS = (
    (0x0002, 0x0010),
    *((0x0008, e) for e in (0x0005, 0x0008, 0x0016, 0x0018, 0x0020, 0x0060, 0x103E)),
    *((0x0010, e) for e in (0x0010, 0x0020, 0x0030)),
    *((0x0018, e) for e in (0x0050, 0x0081, 0x0086, 0x0088, 0x1120, 0x1060, 0x9087)),
    *((0x0020, e) for e in (0x000D, 0x000E, 0x0011, 0x0012, 0x0013, 0x0032, 0x0037)),
    *((0x0020, e) for e in (0x0052, 0x0100, 0x1041)),
    *((0x0028, e) for e in (0x0002, 0x0004, 0x0006, 0x0008, 0x0010, 0x0011, 0x0030)),
    *((0x0028, e) for e in (0x0100, 0x0101, 0x0102, 0x0103, 0x0120, 0x0121, 0x1050)),
    *((0x0028, e) for e in (0x1051, 0x1052, 0x1053, 0x1054, 0x1056, 0x1101, 0x1102)),
    *((0x0028, e) for e in (0x1201, 0x1202, 0x3000, 0x3010, 0x3002, 0x3006, 0x2110)),
    *((0x0054, e) for e in (0x1001, 0x1102, 0x0016, 0x1321)),
    *((0x5200, e) for e in (0x9229, 0x9230)),
    *((0x7FE0, e) for e in (0x0001, 0x0002, 0x0008, 0x0009, 0x0010)),
)
"""What decides about geometry, values, series and pixels."""

_WORDS = [
    *("0", "-1", "1", "2", "1e400", "-1e400", "nan", "inf", "1e-300", "1e-9", "1e9"),
    *("", " ", "\\", "\\\\\\\\\\\\", "0\\0", "0\\0\\0", "1\\0\\0\\0\\1\\0", "abc"),
    *("1\\0\\0\\1\\0\\0", "0\\0\\0\\0\\0\\0", "999999999999999999999", "65536", "1,5"),
    *(
        "0.5\\-0.5",
        "nan\\nan\\nan",
        "1e38\\1e38\\1e38",
        "-0",
        "+5",
        "0x10",
        "１２",
        "٣",
    ),
    *("RGB", "PALETTE COLOR", "YBR_FULL_422", "MONOCHROME1", "YBR_PARTIAL_420"),
    *("MONOCHROME", "SEG", "PT", "CT", "20240230", "99999999", "\0", "\x1b$B", "²"),
    *("A" * 70, "9" * 400, "1.2." * 40, "\r\n\t", "DERIVED\\SECONDARY\\MOSAIC"),
    *("LINEAR", "SIGMOID", "LINEAR_EXACT", "HU", "US", "2147483648", "-2147483649"),
]

_NUMBERS = [0, 1, 2, 3, 7, 8, 12, 15, 16, 17, 32, 33, 64, 255, 256, 4096, 32767]
_NUMBERS += [32768, 65535]


@dataclass(frozen=True)
class Element:
    """Where an element lies: its tag at ``at``, its value at ``value``."""

    tag: tuple[int, int]
    vr: bytes
    at: int
    value: int
    length: int
    big: bool
    depth: int

    @property
    def explicit(self) -> bool:
        return bool(self.vr)

    @property
    def wide(self) -> bool:
        """Whether the length is written in four bytes."""
        return not self.vr or self.vr in _LONG

    @property
    def length_at(self) -> int:
        return self.value - (4 if self.wide else 2)

    @property
    def end(self) -> int:
        return self.value + (0 if self.length == _ENDLESS else self.length)


def elements(data: bytes) -> list[Element]:
    """Return the elements of a file at all depths, in order."""
    start, big, explicit = 0, False, True
    found: list[Element] = []
    if data[128:132] == b"DICM":
        _walk(data, 132, len(data), False, True, 0, found, meta=True)
        start = found[-1].end if found else 132
        for element in found:
            if element.tag == (0x0002, 0x0010):
                syntax = data[element.value : element.end].rstrip(b"\0 ")
                explicit = syntax != b"1.2.840.10008.1.2"
                big = syntax == b"1.2.840.10008.1.2.2"
    elif len(data) > 6:
        explicit = data[4:6].isalpha()
    _walk(data, start, len(data), big, explicit, 0, found)
    return found


def _walk(
    data: bytes,
    at: int,
    end: int,
    big: bool,
    explicit: bool,
    depth: int,
    found: list[Element],
    *,
    meta: bool = False,
) -> int:
    order = ">" if big else "<"
    while at + 8 <= end and len(found) < 3000:
        group, number = struct.unpack_from(order + "HH", data, at)
        if meta and group != 2:
            return at
        vr, value = b"", at + 8
        if group == 0xFFFE or not explicit:
            (length,) = struct.unpack_from(order + "L", data, at + 4)
        else:
            vr = data[at + 4 : at + 6]
            if vr in _LONG:
                if at + 12 > end:
                    return at
                (length,) = struct.unpack_from(order + "L", data, at + 8)
                value = at + 12
            else:
                (length,) = struct.unpack_from(order + "H", data, at + 6)
        element = Element((group, number), vr, at, value, length, big, depth)
        found.append(element)
        nested = vr == b"SQ" or group == 0xFFFE or length == _ENDLESS
        if nested and number != 0xE00D and number != 0xE0DD and depth < 12:
            stop = end if length == _ENDLESS else min(end, value + length)
            if group == 0xFFFE and depth == 1 and _in_pixels(found):
                at = stop  # a fragment
            else:
                at = _walk(data, value, stop, big, explicit, depth + 1, found)
        elif (group, number) in ((0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)):
            return value
        else:
            at = value + length
    return at


def _in_pixels(found: list[Element]) -> bool:
    for element in reversed(found):
        if element.depth == 0:
            return element.tag[0] == 0x7FE0
    return False


def _pick(rng: Random, data: bytes) -> Element | None:
    found = elements(data)
    if not found:
        return None
    weighty = [e for e in found if e.tag in _TAGS or e.tag[0] == 0xFFFE]
    return rng.choice(weighty if weighty and rng.random() < 0.75 else found)


def _some_value(rng: Random, vr: bytes, length: int) -> bytes:
    if vr in (b"US", b"SS", b"UL", b"SL", b"FL", b"FD", b"OW", b"AT"):
        size = {b"UL": "L", b"SL": "L", b"FL": "f", b"FD": "d"}.get(vr.upper(), "H")
        number = rng.choice(_NUMBERS)
        if size in "fd":
            odd = [float("nan"), float("inf"), 0.0, -1.0, 1e30, 1e-30]
            return struct.pack("<" + size, rng.choice(odd)) * rng.choice((1, 1, 3, 6))
        return struct.pack("<" + size, number) * rng.choice((1, 1, 1, 3))
    if vr in (b"SQ", b"OB", b"UN", b"OF", b"OD") or rng.random() < 0.2:
        return rng.randbytes(rng.choice((0, 1, 2, 3, 8, min(length, 64))))
    return rng.choice(_WORDS).encode("utf-8")


def _replaced(data: bytes, element: Element, value: bytes) -> bytes:
    """Return the file with another value; the lengths round it are left as they are
    where it lies in a sequence, which is one more way to be wrong."""
    if element.length == _ENDLESS:
        return data
    order = ">" if element.big else "<"
    if len(value) % 2:
        value += b" "
    size = "L" if element.wide else "H"
    length = struct.pack(order + size, min(len(value), 0xFFFE))
    return (
        data[: element.length_at]
        + length
        + value
        + data[element.value + element.length :]
    )


def _set_value(rng: Random, data: bytes) -> bytes:
    element = _pick(rng, data)
    if element is None:
        return data
    if element.tag == (0x0002, 0x0010):
        return _replaced(data, element, rng.choice(_SYNTAXES).encode())
    if element.tag == (0x0008, 0x0005):
        return _replaced(data, element, rng.choice(_CHARSETS).encode())
    vr = element.vr
    if not vr and element.length == 2:
        vr = b"US"
    value = _some_value(rng, vr, element.length)
    if element.big and vr in (b"US", b"SS"):
        value = value[::-1]
    return _replaced(data, element, value)


def _set_length(rng: Random, data: bytes) -> bytes:
    element = _pick(rng, data)
    if element is None or element.length_at + 2 > len(data):
        return data
    order = ">" if element.big else "<"
    lies = [0, 1, 2, 0x7FFF, 0xFFFF, 0x7FFFFFFF, _ENDLESS, 0xFFFFFFFE, 0x10000000]
    lies += [element.length ^ 1, element.length + 2, element.length // 2, len(data)]
    lie = rng.choice(lies)
    size = "L" if element.wide else "H"
    lie &= 0xFFFFFFFF if element.wide else 0xFFFF
    at = element.length_at
    packed = struct.pack(order + size, lie)
    return data[:at] + packed + data[at + len(packed) :]


def _set_vr(rng: Random, data: bytes) -> bytes:
    element = _pick(rng, data)
    if element is None or not element.vr:
        return data
    return data[: element.at + 4] + rng.choice(_VRS) + data[element.at + 6 :]


def _set_tag(rng: Random, data: bytes) -> bytes:
    element = _pick(rng, data)
    if element is None:
        return data
    tag = rng.choice([*_TAGS, (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)])
    order = ">" if element.big else "<"
    return data[: element.at] + struct.pack(order + "HH", *tag) + data[element.at + 4 :]


def _delete(rng: Random, data: bytes) -> bytes:
    element = _pick(rng, data)
    if element is None:
        return data
    return data[: element.at] + data[element.end :]


def _twice(rng: Random, data: bytes) -> bytes:
    element = _pick(rng, data)
    if element is None:
        return data
    part = data[element.at : element.end]
    target = _pick(rng, data) if rng.random() < 0.5 else element
    assert target is not None
    return data[: target.at] + part[:4096] + data[target.at :]


def _insert(rng: Random, data: bytes) -> bytes:
    place = _pick(rng, data)
    if place is None:
        return data
    order = ">" if place.big else "<"
    tag = rng.choice(_TAGS)
    vr = rng.choice(_VRS[:31])
    value = _some_value(rng, vr, 16)
    value += b"\0" * (len(value) % 2)
    head = struct.pack(order + "HH", *tag)
    if not place.vr:
        head += struct.pack(order + "L", len(value))
    elif vr in _LONG:
        head += vr + b"\0\0" + struct.pack(order + "L", len(value))
    else:
        head += vr + struct.pack(order + "H", len(value) & 0xFFFF)
    return data[: place.at] + head + value + data[place.at :]


def _nest(rng: Random, data: bytes) -> bytes:
    """Put sequences into sequences, deeper than anybody writes them."""
    place = _pick(rng, data)
    if place is None or place.big:
        return data
    depth = rng.choice((3, 60, 700, 3000))
    tag = rng.choice([(0x0008, 0x1140), (0x5200, 0x9229), (0x0028, 0x3000)])
    head = struct.pack("<HH", *tag)
    head += b"SQ\0\0" + b"\xff" * 4 if place.vr else b"\xff" * 4
    item = b"\xfe\xff\x00\xe0" + b"\xff" * 4
    ends = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    closed = ends * depth if rng.random() < 0.7 else b""
    return data[: place.at] + (head + item) * depth + closed + data[place.at :]


def _cut(rng: Random, data: bytes) -> bytes:
    element = _pick(rng, data)
    if element is None:
        return data[: len(data) // 2]
    return data[: element.at + rng.choice((0, 2, 4, 6, 8, 9, 12))]


def _pixels(rng: Random, data: bytes) -> bytes:
    """Break the coded stream: the marks and sizes in its head above all."""
    found = [e for e in elements(data) if e.tag[0] == 0x7FE0 and e.depth == 0]
    if not found:
        return data
    start = found[-1].value
    reach = min(len(data) - start, rng.choice((16, 64, 200, 4000)))
    if reach <= 0:
        return data
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at = start + rng.randrange(reach)
        broken[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0xD9, rng.randrange(256)))
    return bytes(broken)


def _frames(rng: Random, data: bytes) -> bytes:
    """Claim another size: rows, columns, frames, bits, all at once."""
    for element in reversed(elements(data)):
        if element.depth or rng.random() < 0.4:
            continue
        order = ">" if element.big else "<"
        if element.tag in ((0x0028, 0x0010), (0x0028, 0x0011)) and element.length == 2:
            value = struct.pack(order + "H", rng.choice((0, 1, 17, 60000, 65535)))
            data = data[: element.value] + value + data[element.value + 2 :]
        elif element.tag == (0x0028, 0x0100) and element.length == 2:
            value = struct.pack(
                order + "H", rng.choice((0, 1, 4, 8, 12, 16, 32, 64, 99))
            )
            data = data[: element.value] + value + data[element.value + 2 :]
        elif element.tag == (0x0028, 0x0008):
            claim = rng.choice((b"0", b"-5", b"2", b"100000", b"2000000000", b"1.5"))
            data = _replaced(data, element, claim)
    return data


def _letters(rng: Random, data: bytes) -> bytes:
    """Put escapes and broken characters into names, under some character set."""
    found = elements(data)
    for element in reversed(found):
        if element.tag == (0x0008, 0x0005) and rng.random() < 0.8:
            data = _replaced(data, element, rng.choice(_CHARSETS).encode())
        elif element.vr in (b"PN", b"LO") and rng.random() < 0.5 and not element.depth:
            escapes = (b"\x1b$)C", b"\x1b$B", b"\x1b(J", b"\x1b", b"\x1b$(D", b"\xff")
            words = [rng.choice(escapes) + rng.randbytes(rng.randrange(9))]
            words += [b"^", b"=", b"\\", "王".encode("gbk")]
            rng.shuffle(words)
            data = _replaced(data, element, b"".join(words))
    return data


def _deflated(rng: Random, data: bytes) -> bytes:
    """Open a deflated file, break what is inside, and pack it again; or its stream."""
    meta: list[Element] = []
    _walk(data, 132, len(data), False, True, 0, meta, meta=True)
    if data[128:132] != b"DICM" or not meta:
        return data
    start = meta[-1].end
    try:
        inside = zlib.decompress(data[start:], -15)
    except zlib.error:
        at = start + rng.randrange(max(1, len(data) - start))
        return data[:at] + rng.randbytes(2) + data[at + 2 :]
    change = rng.choice([_set_value, _set_length, _set_vr, _delete, _cut, _frames])
    inside = change(rng, inside)
    if rng.random() < 0.1:
        inside += b"\0" * 50_000_000  # a bomb: 50 kB on disk
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return data[:start] + packer.compress(inside) + packer.flush()


OPERATIONS: dict[str, Callable[[Random, bytes], bytes]] = {
    "value": _set_value,
    "length": _set_length,
    "vr": _set_vr,
    "tag": _set_tag,
    "delete": _delete,
    "twice": _twice,
    "insert": _insert,
    "nest": _nest,
    "cut": _cut,
    "pixels": _pixels,
    "frames": _frames,
    "letters": _letters,
    "deflated": _deflated,
}
"""Each takes a random generator and a file, and returns the broken file."""
