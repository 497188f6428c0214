"""Opens DICOM files for pydicom so that lies about lengths cost nothing."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from medlab_gui.io.dicom_walk import file_meta

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.tag import BaseTag

__all__ = ["DEFLATED", "open_dicom"]

DEFLATED = "1.2.840.10008.1.2.1.99"
"""The transfer syntax in which the whole data set is one deflated stream."""
_PLAIN = b"1.2.840.10008.1.2.1\0\0\0"
_LONGEST_HEADER = 1 << 18
_MANY_ZEROS = 8192
_SIZE_TAGS = ["Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "NumberOfFrames"]


class _Bounded(io.BufferedReader):
    """A file of which nobody can ask more bytes than there are.

    Python reserves the memory for a read before it reads; an element that claims two
    gigabytes in a file of two kilobytes would get them.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = self.seek(0, io.SEEK_END)
        self.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most ``size`` bytes."""
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = max(0, min(size, self._size - self.tell()))
        return super().read(size)


def open_dicom(path: Path) -> io.BufferedReader | io.BytesIO:
    """Open a file for pydicom.

    A deflated file comes unpacked, as explicit little endian in memory, and no more of
    it than its header says there are pixels: a few kilobytes of zeros deflated a
    thousandfold must not fill the memory.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    OSError
        If it cannot be opened.
    zlib.error, ValueError, ...
        If it is deflated and broken: what `medlab_gui.io.pydicom_quiet` lists.
    """
    file = _Bounded(path)
    try:
        block = file.read(4096)
        found = file_meta(block) or _sloppy_meta(file, block)
    except BaseException:
        file.close()
        raise
    if found is None or found[0] != DEFLATED:
        file.seek(0)
        return file
    with file:
        file.seek(0)
        meta = file.read(found[1]).replace(DEFLATED.encode(), _PLAIN)
        packed = file.read()
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    head = unpacker.decompress(packed, _LONGEST_HEADER)
    zeros = head.find(bytes(_MANY_ZEROS))
    most = _end_of_pixels(head if zeros < 0 else head[: zeros + 16])
    if not most and zeros >= 0:
        msg = "zeros where the header should be"  # each an object for pydicom
        raise ValueError(msg)
    # Headers seldom pack to an eighth; what is longer than that is a bomb.
    most = most or len(head) + 8 * len(packed)
    rest = unpacker.decompress(unpacker.unconsumed_tail, max(1, most - len(head)))
    head = head[:most]
    return io.BytesIO(b"".join((meta, head, rest)))


def _sloppy_meta(file: _Bounded, block: bytes) -> tuple[str, int] | None:
    """Return what `file_meta` does of a group that only pydicom makes sense of.

    What it takes for deflated it would unpack, however much that is.
    """
    start = 132 if block[128:132] == b"DICM" else 0
    if block[start : start + 2] != b"\2\0":
        return None
    from pydicom.filereader import read_dataset

    file.seek(start)
    meta = read_dataset(
        file,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != 2,
    )
    return str(meta.get("TransferSyntaxUID", "")), file.tell()


def _end_of_pixels(head: bytes) -> int:
    """Return where the pixels end that a header promises; 0 where they do not begin."""
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag

    from medlab_gui.io.dicom_values import numbers

    begins: list[bool] = []

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        begins.append(tag.group == 0x7FE0)
        return begins[-1]

    file = io.BytesIO(head)
    dataset = read_dataset(
        file,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=at_pixels,
        specific_tags=[Tag(name) for name in _SIZE_TAGS],
    )
    if not begins or not begins[-1]:
        return 0
    n_bits = 1.0
    for name in _SIZE_TAGS:
        n_bits *= max(1.0, (numbers(dataset, name) or (1.0,))[0])
    return file.tell() + 14 + int(n_bits) // 8
