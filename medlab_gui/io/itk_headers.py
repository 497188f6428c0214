"""Checks the header of an NRRD or MetaImage file before ITK is given the file.

ITK's parsers trust what they read: an absurd number or a line without an end makes them
write past their buffers, reserve all memory, or end the process. So what they are
given has been looked at here, and what is wrong is told in words.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from medlab_gui.core.errors import DamagedFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_itk_header"]

_LONGEST_HEADER = 1 << 20
_LONGEST_LINE = 1000
_MOST_AXES = 7
_BEST_PACKED = 1032
"""Deflate packs nothing better than this (RFC 1951: 258 bytes in 2 bits)."""

_NRRD_BYTES = {
    1: "signed char|int8|int8_t|uchar|unsigned char|uint8|uint8_t",
    2: "short|short int|signed short|signed short int|int16|int16_t|ushort|"
    "unsigned short|unsigned short int|uint16|uint16_t",
    4: "int|signed int|int32|int32_t|uint|unsigned int|uint32|uint32_t|float",
    8: "longlong|long long|long long int|signed long long|signed long long int|int64|"
    "int64_t|ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t|"
    "double",
}
_TEXT = ("txt", "text", "ascii")
_WRITTEN_BYTES = 1
"""A number that is written as text takes so many at least (and a space)."""
_VECTORS = (
    "Offset",
    "Position",
    "Origin",
    "CenterOfRotation",
    "ElementSpacing",
    "ElementSize",
)
_MATRICES = ("TransformMatrix", "Orientation", "Rotation")
_META_BYTES = {
    "CHAR": 1,
    "UCHAR": 1,
    "SHORT": 2,
    "USHORT": 2,
    "INT": 4,
    "UINT": 4,
    "LONG": 4,
    "ULONG": 4,
    "LONG_LONG": 8,
    "ULONG_LONG": 8,
    "FLOAT": 4,
    "DOUBLE": 8,
}


def check_itk_header(path: Path, kind: str) -> None:
    """Refuse a file whose header cannot be true.

    Parameters
    ----------
    path : Path
        The file; of a pair, the header.
    kind : str
        ``"nrrd"`` or ``"mha"``.

    Raises
    ------
    DamagedFileError
        If sizes, types or lines make no sense, or more voxels are claimed than the
        files could hold.
    """
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    fault = _nrrd_fault(path, head) if kind == "nrrd" else _meta_fault(path, head)
    if fault:
        msg = (
            f"{path.name} is damaged: {fault}. Fetch the file again from where it came "
            "from."
        )
        raise DamagedFileError(msg, path=path)


def _nrrd_fault(path: Path, head: bytes) -> str:
    ends = [n for n in (head.find(b"\n\n"), head.find(b"\r\n\r\n")) if n >= 0]
    text = head[: min(ends)] if ends else head
    lines = text.replace(b"\r", b"").split(b"\n")
    if not ends and max(map(len, lines)) > _LONGEST_LINE:
        return "its header does not end"
    fields: dict[str, str] = {}
    for line in lines[1:]:
        if len(line) > _LONGEST_LINE:
            return "a line of its header does not end"
        name, mark, value = line.decode("latin-1").partition(":")
        if mark and not value.startswith("="):
            fields[name.strip().lower().replace(" ", "")] = value.strip()
    sizes = _whole_numbers(fields.get("sizes", ""))
    axes = _whole_numbers(fields.get("dimension", ""))
    if sizes is None or axes is None or len(axes) != 1 or len(sizes) != axes[0]:
        return "its header does not give a size for each axis"
    kind = fields.get("type", "").lower()
    n_bytes = next((n for n, k in _NRRD_BYTES.items() if kind in k.split("|")), 0)
    if not n_bytes:
        return "its header names no type of number that can be read"
    from_end = fields.get("byteskip") == "-1"
    for name in ("byteskip", "lineskip"):
        if name not in fields or (from_end and name == "byteskip"):
            continue
        if _whole_numbers(fields[name]) is None:
            return "its header says nonsense of where the voxels begin"
    for name in ("spacedirections", "spaceorigin", "measurementframe"):
        for vector in fields.get(name, "").split("("):
            if vector.partition(")")[0].count(",") >= _MOST_AXES:
                return "its header holds vectors with too many numbers"
    place = fields.get("datafile", "")
    encoding = fields.get("encoding", "").lower()
    if n_bytes > 1 and "endian" not in fields and encoding not in _TEXT:
        return (
            "its header does not say in which order the bytes of its numbers come "
            "(endian: little, or big), which nobody can guess"
        )
    if encoding in _TEXT:
        n_bytes = _WRITTEN_BYTES
    packed = encoding not in ("raw", *_TEXT)
    before = min(ends) + 2 if ends and from_end else 0
    return _size_fault(path, place, sizes, n_bytes, packed=packed, before=before)


def _meta_fault(path: Path, head: bytes) -> str:
    fields: dict[str, str] = {}
    order: list[str] = []
    for line in head.split(b"\n"):
        if len(line) > _LONGEST_LINE:
            return "a line of its header does not end"
        name, mark, value = line.decode("latin-1").partition("=")
        if not line.strip() or line.startswith(b"#"):
            continue
        if not mark:
            return "its header holds a line that says nothing"
        fields[name.strip()] = value.strip()
        order.append(name.strip())
        if name.strip() == "ElementDataFile":
            break
    else:
        return "its header does not say where the voxels are"
    if len(set(order)) < len(order):
        return "its header says the same thing twice"
    axes = _whole_numbers(fields.get("NDims", ""))
    sizes = _whole_numbers(fields.get("DimSize", ""))
    if sizes is None or axes is None or len(axes) != 1 or len(sizes) != axes[0]:
        return "its header does not give a size for each axis"
    counts = dict.fromkeys(_VECTORS, len(sizes))
    counts |= dict.fromkeys(_MATRICES, len(sizes) ** 2)
    for name, count in counts.items():
        if name not in fields:
            continue
        if order.index(name) < order.index("NDims"):
            return f"its header gives {name} before the number of axes"
        if len(fields[name].split()) != count:
            return f"its header holds a wrong number of values for {name}"
    if order.index("DimSize") < order.index("NDims"):
        return "its header gives sizes before the number of axes"
    n_bytes = _META_BYTES.get(fields.get("ElementType", "").removeprefix("MET_"), 0)
    if not n_bytes:
        return "its header names no type of number that can be read"
    channels = _whole_numbers(fields.get("ElementNumberOfChannels", "1"))
    if channels is None or len(channels) != 1 or channels[0] > 1000:
        return "its header gives no sound number of values for a voxel"
    skip = fields.get("HeaderSize", "0")
    if skip != "-1" and not skip.isdecimal():
        return "its header says nonsense of where the voxels begin"
    place = fields["ElementDataFile"]
    packed = fields.get("CompressedData", "").lower() in ("true", "1", "t")
    if not place:
        return "its header does not say where the voxels are"
    if place.upper() in ("LOCAL", "LIST"):
        place = "" if place.upper() == "LOCAL" else "LIST"
    if skip == "-1" and packed:
        return "its header says nonsense of where the voxels begin"
    before = head.find(b"\n", head.find(b"ElementDataFile")) if skip == "-1" else 0
    if fields.get("BinaryData", "True")[:1] not in ("T", "t", "1"):
        n_bytes = _WRITTEN_BYTES
    n_bytes *= channels[0]
    return _size_fault(path, place, sizes, n_bytes, packed=packed, before=before + 1)


def _size_fault(
    path: Path,
    place: str,
    sizes: list[int],
    n_bytes: int,
    *,
    packed: bool,
    before: int,
) -> str:
    """Say so where the files cannot hold the voxels that are claimed.

    Of those that are counted from the end, the header's ``before`` bytes are none.
    """
    shown = " x ".join(str(n) for n in sizes)
    if min(sizes) < 1:
        return f"its header names {shown} voxels, which is none"
    wanted = math.prod(sizes) * n_bytes
    if place.startswith("LIST") or "%" in place:
        files = [p for p in path.parent.iterdir() if p.is_file()]
        held = sum(p.stat().st_size for p in files)
    else:
        data = path.parent / place if place else path
        if not data.is_file():
            name = place.replace("\\", "/").rpartition("/")[2][:80]
            return f"the file with its voxels ({_printable(name)}) is missing"
        held = data.stat().st_size - (0 if place else before)
    if wanted > held * (_BEST_PACKED if packed else 1):
        return f"it cannot hold the {shown} voxels that its header names"
    return ""


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _whole_numbers(text: str) -> list[int] | None:
    """Return positive whole numbers, or None where there is anything else."""
    words = text.split()
    if not 0 < len(words) <= _MOST_AXES:
        return None
    if not all(w.isascii() and w.isdecimal() and len(w) < 12 for w in words):
        return None
    return [int(w) for w in words]
