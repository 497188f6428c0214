"""Arrays and files in a project, named by what they contain.

A blob's name is the SHA-256 of its file. It is written under another name, flushed to
the disk, and only then given its own, so that a name always leads to a whole file; the
row that refers to it is committed after that.

Volumes are plain ``.npy`` and are mapped into memory at once. Masks and entropy are
compressed: `_MAGIC`, then the ``.npy`` file as one zlib stream.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
import time
import zlib
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import ProjectMissingError, StoreError, storage_error
from medlab_gui.core.whole_files import flush_to_disk, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["BlobStore", "fsync_folder"]

_MAGIC = b"MLZ1"
_NPY = b"\x93NUMPY"
_CHUNK = 1 << 22
_LONGEST_HEADER = 512  # of the arrays kept here; numpy's own limit is 64 kB
_STALE_SECONDS = 3600.0


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable (where the system can)."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        flush_to_disk(fd)
    finally:
        os.close(fd)


class BlobStore:
    """Content-addressed files under one folder.

    Parameters
    ----------
    folder : Path
        ``blobs`` of the project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incoming = folder / "incoming"

    def path(self, blob: str) -> Path:
        """Return where a blob lies, whether or not it is there."""
        return self.folder / blob[:2] / blob

    # ---- writing ------------------------------------------------------------

    def put_array(
        self,
        array: NDArray[Any],
        *,
        compressed: bool = False,
        check: Callable[[], object] | None = None,
    ) -> str:
        """Keep an array.

        Parameters
        ----------
        array : ndarray
            Any shape and plain dtype.
        compressed : bool
            True for masks and entropy, which shrink a lot; False for volumes, which
            are then mapped into memory instead of read.
        check : callable, optional
            Called before each piece of some MB; if it raises, nothing is kept.

        Returns
        -------
        str
            Its content address.

        Raises
        ------
        StorageFullError
            If there is no room or no permission; nothing is left behind.
        """
        array = np.atleast_1d(array)

        def fill(write: Callable[[bytes], object]) -> None:
            head = BytesIO()
            about = np.lib.format.header_data_from_array_1_0(array)
            # What is written is always in C order, see `_pieces`.
            np.lib.format.write_array_header_1_0(
                head, {**about, "fortran_order": False}
            )
            pieces = itertools.chain((head.getvalue(),), _pieces(array))
            packer = zlib.compressobj(1) if compressed else None
            if packer is not None:
                write(_MAGIC)
            for piece in pieces:
                if check is not None:
                    check()
                write(piece if packer is None else packer.compress(piece))
            if packer is not None:
                write(packer.flush())

        return self._put(fill, check)

    def put_file(self, source: Path) -> str:
        """Keep a copy of a file; return its content address.

        Raises
        ------
        StoreError
            If the file cannot be read, or the copy not be written.
        """
        try:
            opened = source.open("rb")
        except OSError as error:
            msg = f"{source} cannot be read ({error.strerror})."
            raise StoreError(msg, path=source) from error

        def fill(write: Callable[[bytes], object]) -> None:
            while piece := opened.read(_CHUNK):
                write(piece)

        with opened:
            return self._put(fill)

    def _put(
        self,
        fill: Callable[[Callable[[bytes], object]], None],
        check: Callable[[], object] | None = None,
    ) -> str:
        digest = hashlib.sha256()
        part = self._incoming / f"{secrets.token_hex(8)}.part"
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:

                def write(piece: bytes) -> None:
                    digest.update(piece)
                    file.write(piece)

                fill(write)
                file.flush()
                flush_to_disk(file.fileno())
            if check is not None:
                check()  # the disk may have taken seconds
            blob = digest.hexdigest()
            target = self.path(blob)
            if self.verify(blob):  # one that was damaged is replaced
                part.unlink()
            else:
                self._name(part, target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise storage_error(error, self.folder) from error
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return blob

    def _name(self, part: Path, target: Path) -> None:
        if not target.parent.exists():
            target.parent.mkdir(exist_ok=True)
            fsync_folder(self.folder)
        patiently(lambda: part.replace(target))
        fsync_folder(target.parent)

    # ---- reading ------------------------------------------------------------

    def array(self, blob: str, *, mmap: bool = True) -> NDArray[Any]:
        """Return an array.

        Parameters
        ----------
        blob : str
            Its content address.
        mmap : bool
            Map an uncompressed array instead of reading it: at once, and read-only.
            A compressed one is always read, and may be written to.

        Raises
        ------
        StoreError
            If it is missing or damaged.
        """
        path = self.path(blob)
        try:
            with path.open("rb") as file:
                magic = file.read(len(_NPY))
                if magic.startswith(_MAGIC):
                    file.seek(len(_MAGIC))
                    return _unpack(file)
            if magic != _NPY:
                msg = "it is not an array"
                raise ValueError(msg)
            loaded = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
        except FileNotFoundError as error:
            raise self._missing(blob) from error
        except (ValueError, EOFError, zlib.error) as error:
            msg = (
                f"A scan or mask of the project is damaged ({path}: {error}). Restore "
                "it from a backup, or import or predict it again."
            )
            raise StoreError(msg, path=path) from error
        except OSError as error:
            msg = (
                "A scan or mask of the project cannot be read "
                f"({path}: {error.strerror})."
            )
            raise StoreError(msg, path=path) from error
        # A plain array: sums and comparisons of a memmap would be memmaps too.
        return np.asarray(loaded)

    def existing_path(self, blob: str) -> Path:
        """Return where a blob lies.

        Raises
        ------
        StoreError
            If it is missing.
        """
        path = self.path(blob)
        if not path.is_file():
            raise self._missing(blob)
        return path

    def _missing(self, blob: str) -> StoreError:
        if not self.folder.is_dir():
            place = self.folder.parent
            msg = (
                f"The project in {place} is not there (any more). Connect the drive "
                "again, or choose another project."
            )
            return ProjectMissingError(msg, path=place)
        path = self.path(blob)
        msg = (
            f"A file of the project is missing ({path}). Restore it from a backup, or "
            "import or predict it again."
        )
        return StoreError(msg, path=path)

    def verify(self, blob: str) -> bool:
        """Tell whether a blob is there and still holds what its name says."""
        digest = hashlib.sha256()
        try:
            with self.path(blob).open("rb") as file:
                while piece := file.read(_CHUNK):
                    digest.update(piece)
        except OSError:
            return False
        return digest.hexdigest() == blob

    # ---- leftovers ----------------------------------------------------------

    def leftovers(self) -> Iterator[Path]:
        """Give files whose writing was cut off more than an hour ago.

        Another process may be writing a younger one at this moment.
        """
        if not self._incoming.is_dir():
            return
        oldest = time.time() - _STALE_SECONDS
        for part in sorted(self._incoming.glob("*.part")):
            try:
                stale = part.stat().st_mtime < oldest
            except FileNotFoundError:
                continue
            if stale:
                yield part

    def sweep(self) -> int:
        """Remove `leftovers`; return how many."""
        swept = 0
        for part in list(self.leftovers()):
            try:
                part.unlink()
            except OSError:  # read-only, or another process swept it
                continue
            swept += 1
        return swept


def _pieces(array: NDArray[Any]) -> Iterator[bytes]:
    """Give an array's bytes in C order; a flipped volume is never copied whole."""
    if not array.flags.c_contiguous and array.ndim > 1:
        for part in array:
            yield from _pieces(part)
        return
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    for start in range(0, flat.size, _CHUNK):
        yield flat[start : start + _CHUNK].tobytes()


def _inflated(file: IO[bytes]) -> Iterator[bytes]:
    """Give what a zlib stream holds, never much more than `_CHUNK` at once."""
    unpacker = zlib.decompressobj()
    while piece := file.read(1 << 18):
        while piece:
            yield unpacker.decompress(piece, _CHUNK)
            piece = unpacker.unconsumed_tail
    yield unpacker.flush()
    if not unpacker.eof:
        msg = "it is shorter than it says"
        raise ValueError(msg)


def _unpack(file: IO[bytes]) -> NDArray[Any]:
    """Return the array of a zlib stream of an ``.npy`` file."""
    pieces = _inflated(file)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _LONGEST_HEADER:
            break
    stream = BytesIO(head)
    if np.lib.format.read_magic(stream) != (1, 0):
        msg = "its header is of another version"
        raise ValueError(msg)
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    array = np.empty(shape, dtype)
    flat = array.reshape(-1).view(np.uint8)
    done = 0
    for piece in itertools.chain([head[stream.tell() :]], pieces):
        if done + len(piece) > flat.size:
            msg = "it is longer than it says"
            raise ValueError(msg)
        flat[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    if done != flat.size:
        msg = "it is shorter than it says"
        raise ValueError(msg)
    return array
