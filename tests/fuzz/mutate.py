"""Breaks a folder of files: one case of the fuzzer from its seed number."""

from __future__ import annotations

import gzip
import struct
import zlib
from random import Random
from typing import TYPE_CHECKING

from tests.fuzz.dicom_bytes import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fuzz.seeds import Folder

__all__ = ["Case", "make_case"]

Case = tuple[str, tuple[tuple[str, str, int], ...]]
"""A seed's name, and what is done to it: file, operation, random number."""

_ODD_BYTES = (0, 1, 0x20, 0x7F, 0x80, 0xFE, 0xFF)

_NIFTI1 = {
    **{f"dim{n}": (40 + 2 * n, "h") for n in range(8)},
    **{f"pixdim{n}": (76 + 4 * n, "f") for n in range(8)},
    **{f"srow{n}": (280 + 4 * n, "f") for n in range(12)},
    **{f"qform{n}": (256 + 4 * n, "f") for n in range(6)},
    "sizeof_hdr": (0, "i"),
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "xyzt_units": (123, "B"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "intent_code": (68, "h"),
    "magic": (344, "i"),
    "extension": (348, "i"),
}
_NIFTI2 = {
    **{f"dim{n}": (16 + 8 * n, "q") for n in range(8)},
    **{f"pixdim{n}": (104 + 8 * n, "d") for n in range(8)},
    **{f"srow{n}": (400 + 8 * n, "d") for n in range(12)},
    **{f"qform{n}": (352 + 8 * n, "d") for n in range(6)},
    "datatype": (12, "h"),
    "bitpix": (14, "h"),
    "vox_offset": (168, "q"),
    "scl_slope": (176, "d"),
    "scl_inter": (184, "d"),
    "qform_code": (344, "i"),
    "sform_code": (348, "i"),
    "xyzt_units": (500, "i"),
    "extension": (540, "i"),
}
_TYPES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 255, 256, 512, 768, 1024, 1280, 1536, 1792)
_TYPES += (2048, 2304, 3, -1, 9999)

_LINES = (
    *(b"sizes: 99999 99999 99999", b"sizes: 0 0 0", b"sizes: -1 4 5", b"sizes: 6 5"),
    *(b"dimension: 0", b"dimension: 17", b"dimension: 3", b"type: double", b"type: x"),
    *(b"type: block", b"block size: 1000000000", b"encoding: gzip", b"encoding: bzip2"),
    *(b"encoding: hex", b"encoding: txt", b"encoding: zzz", b"endian: middle"),
    *(b"space: left-posterior-superior", b"space: nowhere", b"space dimension: 9"),
    *(
        b"space directions: (0,0,0) (0,0,0) (0,0,0)",
        b"space directions: none none none",
    ),
    *(b"space directions: (nan,0,0) (0,1e300,0) (0,0,inf)", b"space origin: (a,b,c)"),
    *(
        b"data file: LIST",
        b"data file: ../../../../etc/passwd",
        b"data file: %03d 1 9 1",
    ),
    *(
        b"line skip: 1000000",
        b"byte skip: -1",
        b"byte skip: 99999999999",
        b"spacings: 0",
    ),
    *(
        b"kinds: domain domain vector",
        b"content: " + b"x" * 5000,
        b"measurement frame: 1",
    ),
    *(b"NDims = 0", b"NDims = 3", b"NDims = 99", b"NDims = -1", b"DimSize = 0 0 0"),
    *(b"DimSize = 99999 99999 99999", b"DimSize = 4 5", b"ElementSpacing = 0 0 0"),
    *(b"ElementSpacing = nan 1 1", b"ElementSpacing = -1 -1 -1", b"Offset = inf 0 0"),
    *(
        b"TransformMatrix = 0 0 0 0 0 0 0 0 0",
        b"TransformMatrix = 1 0",
        b"HeaderSize = 9",
    ),
    *(b"TransformMatrix = 1 0 0 1 0 0 0 0 1", b"ElementType = MET_DOUBLE", b"= ="),
    *(
        b"ElementType = MET_NOTHING",
        b"ElementNumberOfChannels = 100000",
        b"HeaderSize=-1",
    ),
    *(b"ElementNumberOfChannels = 0", b"CompressedData = True", b"BinaryData = False"),
    *(
        b"CompressedDataSize = 99999999999",
        b"CompressedDataSize = 1",
        b"ObjectType = Tube",
    ),
    *(
        b"ElementDataFile = LIST",
        b"ElementDataFile = /etc/passwd",
        b"ElementDataFile =",
    ),
    *(b"ElementDataFile = pattern%d.raw 1 900000 1", b"BinaryDataByteOrderMSB = True"),
    *(
        b"CenterOfRotation = 1",
        b"Color = 1 2",
        b"Comment = " + b"y" * 9000,
        b"\xff\xfe",
    ),
)


def make_case(
    seed: int, number: int, names: Sequence[str], files: dict[str, Folder]
) -> Case:
    """Return what case ``number`` of a run is, drawn from the seed alone.

    Parameters
    ----------
    seed, number : int
        Of the run, and in the run.
    names : sequence of str
        Names of the seeds; each comes round equally often.
    files : dict
        The seeds.
    """
    rng = Random(f"{seed}/{number}")
    name = names[number % len(names)]
    steps = []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        file = rng.choice(sorted(files[name]))
        operation = rng.choice(_operations(file, files[name][file]))
        steps.append((file, operation, rng.randrange(2**32)))
    return name, tuple(steps)


def apply(case: Case, files: dict[str, Folder]) -> Folder:
    """Return the broken files of a case."""
    folder = dict(files[case[0]])
    for file, operation, number in case[1]:
        folder[file] = _ALL[operation](Random(number), folder[file])
    return folder


def _operations(name: str, data: bytes) -> list[str]:
    if data[128:132] == b"DICM" or data[:2] == b"\x08\0":
        deflated = data.find(b"1.2.840.10008.1.2.1.99", 0, 400) > 0
        chosen = [k for k in OPERATIONS if k != "deflated"]
        # "value" and "frames" twice: they decide most.
        chosen += ["deflated"] * 12 if deflated else ["value", "value", "frames"]
        return [*chosen, "bytes", "end", "block"]
    if data[:2] == b"\x1f\x8b":
        return ["unpacked", "unpacked", "bytes", "end", "block", "tail"]
    if name.endswith((".nii", ".hdr")):
        return ["nifti"] * 6 + ["bytes", "end", "block"]
    if data[:4] == b"NRRD" or data[:6] in (b"Object", b"NDims "):
        return ["line"] * 4 + ["bytes", "end", "block", "number", "number"]
    return ["bytes", "end", "block", "tail", "number"]


def _bytes(rng: Random, data: bytes) -> bytes:
    broken = bytearray(data)
    reach = min(len(data), rng.choice((64, 400, 2000, 10**9)))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if reach:
            odd = rng.choice((*_ODD_BYTES, rng.randrange(256)))
            broken[rng.randrange(reach)] = odd
    return bytes(broken)


def _end(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.1:
        return data[: rng.randrange(5)]
    return data[: rng.randrange(len(data) + 1)]


def _tail(rng: Random, data: bytes) -> bytes:
    return data + (rng.randbytes(rng.choice((1, 100))) if rng.random() < 0.5 else data)


def _block(rng: Random, data: bytes) -> bytes:
    """Take a block out, repeat it, move it, or blank it."""
    a = rng.randrange(len(data) + 1)
    b = min(len(data), a + rng.choice((1, 2, 4, 8, 64, 500)))
    way = rng.randrange(4)
    if way == 0:
        return data[:a] + data[b:]
    if way == 1:
        return data[:b] + data[a:b] * rng.choice((1, 2, 30)) + data[b:]
    if way == 2:
        return data[:a] + bytes([rng.choice(_ODD_BYTES)]) * (b - a) + data[b:]
    to = rng.randrange(len(data) + 1)
    return data[:to] + data[a:b] + data[to:]


def _nifti(rng: Random, data: bytes) -> bytes:
    if len(data) < 4:
        return data
    two = data[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c")
    big = data[0] == 0
    fields = _NIFTI2 if two else _NIFTI1
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice(list(fields))
        at, code = fields[name]
        if code in "fd":
            odd = (0.0, -1.0, 1.0, 1e-30, 1e30, 1e38, float("nan"), float("inf"))
            value: float = rng.choice((*odd, 0.5, 352.0, 1e9, -0.001))
            if name == "vox_offset":
                value = rng.choice((0.0, 1.0, 352.5, 1e10, -4.0, float("nan"), 348.0))
        elif name == "datatype":
            value = rng.choice(_TYPES)
        else:
            top = 2 ** (8 * struct.calcsize(code) - 1) - 1
            if code == "B":
                value = rng.randrange(256)
            else:
                value = rng.choice((0, 1, 2, 3, 7, 8, -1, top, -top - 1, 300, 30000))
        size = struct.calcsize(code)
        if at + size <= len(broken):
            struct.pack_into((">" if big else "<") + code, broken, at, value)
    return bytes(broken)


def _line(rng: Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    n_head = min(len(lines), 24)
    at = rng.randrange(n_head)
    kind = rng.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[rng.randrange(n_head)])
    elif kind == 2:
        lines.insert(at, rng.choice(_LINES))
    else:
        wanted = rng.choice(_LINES)
        key = wanted.split(b":")[0].split(b"=")[0].strip()
        at = next((n for n in range(n_head) if key and lines[n].startswith(key)), at)
        lines[at] = wanted
    return b"\n".join(lines)


def _number(rng: Random, data: bytes) -> bytes:
    """Put another number in the place of one written in digits."""
    head = data[:1500]
    places = [n for n, c in enumerate(head) if 48 <= c <= 57]
    if not places:
        return _bytes(rng, data)
    start = rng.choice(places)
    end = start
    while end < len(head) and (48 <= head[end] <= 57 or head[end] in b".-e"):
        end += 1
    odd = (b"0", b"-1", b"99999", b"4294967296", b"nan", b"1e300", b"", b"2147483647")
    return data[:start] + rng.choice(odd) + data[end:]


def _unpacked(rng: Random, data: bytes) -> bytes:
    try:
        inside = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return _bytes(rng, data)
    change = rng.choice((_nifti, _nifti, _nifti, _end, _bytes, _block))
    return gzip.compress(change(rng, inside), mtime=0)


_ALL: dict[str, Callable[[Random, bytes], bytes]] = {
    **OPERATIONS,
    "bytes": _bytes,
    "end": _end,
    "tail": _tail,
    "block": _block,
    "nifti": _nifti,
    "line": _line,
    "number": _number,
    "unpacked": _unpacked,
}
