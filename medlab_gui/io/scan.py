"""Looks through a file or folder and says what series are in it."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.errors import (
    DamagedFileError,
    InputError,
    MedlabError,
    NotAnImageError,
)
from medlab_gui.io.dicom_quick import FIRST_BLOCK, HeaderReader
from medlab_gui.io.series import FileSeries, Ignored, ScanResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.dicom_headers import DicomHeader

__all__ = ["scan"]

_TELL_EVERY = 1000


def scan(
    path: str | os.PathLike[str],
    *,
    progress: ProgressCallback | None = None,
    found: Callable[[FileSeries], None] | None = None,
) -> ScanResult:
    """Find the series in a file or in a folder and all below it.

    Only headers are read. Files are known by their content, not by their names.

    Parameters
    ----------
    path : path
        A file or a folder.
    progress : callable, optional
        Called as ``progress(done, total, message)`` after each file, and while a large
        folder is listed; may raise to cancel.
    found : callable, optional
        Called with a series when its first file has been read, and again whenever its
        files have doubled in number: for a list that fills while the scan runs. What
        it is told is provisional (``problems`` are of the files so far); the result
        takes its place.

    Returns
    -------
    ScanResult
        At least one series.

    Raises
    ------
    NotAnImageError
        If there is nothing there, or nothing that can be read as a scan.
    DamagedFileError
        If the path is one file, and its header is broken.
    """
    root = Path(path).expanduser()
    heap = _Heap(found)
    files = _files(root, heap.ignored, progress)
    for n, file in enumerate(files, start=1):
        heap.take(Path(file))
        if progress is not None:
            progress(n, len(files), "Reading headers")
    series = heap.series()
    if not series:
        _complain(root, heap.ignored, heap.damaged)
    series.sort(key=lambda s: (s.study_date or "", s.study_uid, s.number, s.uid))
    return ScanResult(tuple(series), tuple(heap.ignored))


class _Heap:
    """What has been found so far, file by file."""

    def __init__(self, found: Callable[[FileSeries], None] | None) -> None:
        self.ignored: list[Ignored] = []
        self.damaged: MedlabError | None = None
        self._others: list[FileSeries] = []
        self._headers: dict[tuple[str, str], list[DicomHeader]] = {}
        self._reader: HeaderReader | None = None
        self._found = found

    def take(self, path: Path) -> None:
        """Look into a file and remember what it holds."""
        try:
            what = self._look_into(path)
        except OSError as error:
            why = error.strerror or "the system gives no reason"
            self.ignored.append(Ignored(path, f"It cannot be opened ({why})."))
        except DamagedFileError as error:
            self.damaged = self.damaged or error
            self.ignored.append(Ignored(path, error.message))
        except InputError as error:
            self.ignored.append(Ignored(path, error.message))
        else:
            if isinstance(what, FileSeries):
                self._others.append(what)
                if self._found is not None:
                    self._found(what)
            else:
                self._add(what)

    def series(self) -> list[FileSeries]:
        """Return all series."""
        result = list(self._others)
        if self._headers:
            from medlab_gui.io.dicom_series import group_headers

            result += group_headers(
                h for group in self._headers.values() for h in group
            )
        return result

    def _add(self, header: DicomHeader) -> None:
        group = self._headers.setdefault((header.study_uid, header.series_uid), [])
        group.append(header)
        n = len(group)
        # Doubling keeps the work of telling in proportion to that of reading.
        if self._found is not None and n & (n - 1) == 0:
            from medlab_gui.io.dicom_series import group_headers

            for series in group_headers(group):
                self._found(series)

    def _look_into(self, path: Path) -> FileSeries | DicomHeader:
        """Return what a file holds, going by its first bytes."""
        with path.open("rb", buffering=0) as file:
            head = file.read(FIRST_BLOCK)
            if head[128:132] == b"DICM":
                if self._reader is None:
                    self._reader = HeaderReader()
                return self._reader.read(path, file, head)
        return _other_than_dicom(path, head[:352])


def _files(
    root: Path, ignored: list[Ignored], progress: ProgressCallback | None
) -> list[str]:
    """Return all files below a folder, in the order of their names."""
    try:
        if root.is_file() and root.name.upper() == "DICOMDIR":
            # An index may list files that have gone; what lies beside it counts.
            root = root.parent
        if root.is_file():
            return [str(root)]
        if not root.exists():
            msg = f"There is no file or folder at {root}. Check the path."
            raise NotAnImageError(msg, path=root)
        with os.scandir(root):
            pass  # or say why not
    except OSError as error:
        msg = f"{root} cannot be opened: {error.strerror or error}."
        raise NotAnImageError(msg, path=root) from error
    found: list[str] = []
    folders = [str(root)]
    n_told = 0
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    # The listing knows these, without a look at each file.
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file():
                        found.append(entry.path)
        except OSError as error:
            why = error.strerror or "the system gives no reason"
            ignored.append(Ignored(Path(folder), f"It cannot be opened ({why})."))
        if progress is not None and len(found) - n_told >= _TELL_EVERY:
            n_told = len(found)
            progress(0, 0, "Looking for files")
    found.sort(key=lambda name: name.replace(os.sep, "\0"))  # as folders are listed
    return found


def _complain(root: Path, ignored: list[Ignored], damaged: MedlabError | None) -> None:
    if not ignored:
        msg = f"The folder {root} is empty: there is no scan in it."
        raise NotAnImageError(msg, path=root)
    if len(ignored) == 1:
        reason = ignored[0].reason
        if damaged is not None:
            raise DamagedFileError(reason, path=ignored[0].path)
        name = ignored[0].path.name
        msg = f"{ignored[0].path} is not a scan that MedLab can open. {reason}"
        if root.is_dir():
            msg = f"There is no scan in {root}. {reason}"
        elif name in reason:
            msg = reason
        raise NotAnImageError(msg, path=ignored[0].path)
    example = ignored[0]
    msg = (
        f"There is no scan in {root}: {len(ignored)} files were looked at and none can "
        f"be opened. The first is {example.path.name}: {example.reason}"
    )
    raise NotAnImageError(msg, path=root)


def _other_than_dicom(path: Path, head: bytes) -> FileSeries | DicomHeader:
    """Return what a file without DICOM's mark holds."""
    if head[:2] == b"\x1f\x8b":
        head = _unpacked_head(path)
        if head[128:132] == b"DICM":
            msg = f"{path.name} is DICOM packed with gzip; unpack it first."
            raise NotAnImageError(msg, path=path)
    if _is_nifti(head):
        from medlab_gui.io.nifti import nifti_series

        return nifti_series(path)
    if head[:4] == b"NRRD" or _is_metaimage(head):
        from medlab_gui.io.itk_files import itk_series

        return itk_series(path, "nrrd" if head[:4] == b"NRRD" else "mha")
    if _may_be_bare_dicom(head):
        from medlab_gui.io.dicom_headers import read_header

        return read_header(path, force=True)
    raise NotAnImageError(_what_it_is(path, head), path=path)


def _unpacked_head(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(352)
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{path.name} is damaged: it cannot be unpacked (gzip)."
        raise DamagedFileError(msg, path=path) from error


def _is_nifti(head: bytes) -> bool:
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0"):
        return True
    # A header whose magic is broken is still a NIfTI that someone wants explained.
    return head[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") and len(head) >= 348


def _is_metaimage(head: bytes) -> bool:
    first = head.lstrip()[:12]
    return first.startswith((b"ObjectType", b"NDims"))


_VRS = "AE AS AT CS DA DS DT FD FL IS LO LT OB OW PN SH SL SQ SS ST TM UI UL UN US UT"


def _may_be_bare_dicom(head: bytes) -> bool:
    """Tell whether a file without preamble begins like a DICOM data set."""
    if len(head) < 16 or head[1] != 0 or head[0] not in (0x02, 0x08):
        return False
    if head[4:6].decode("latin-1") in _VRS.split():
        return True
    return head[3] == 0 and int.from_bytes(head[4:8], "little") < 1024


def _what_it_is(path: Path, head: bytes) -> str:
    name = path.name
    if not head:
        return f"{name} is empty (0 bytes)."
    if head[:8] == b"\x89PNG\r\n\x1a\n" or head[:3] == b"\xff\xd8\xff":
        return f"{name} is a plain picture without position or pixel size."
    if head[:2] == b"PK":
        return f"{name} is a zip archive; unpack it first."
    if path.suffix.lower() in (".dcm", ".dicom", ".ima"):
        kind = "text" if _is_text(head) else "something else"
        return f"{name} is not DICOM although it is named so: it holds {kind}."
    if path.suffix.lower() in (".nii", ".gz", ".nrrd", ".mha", ".mhd"):
        return f"{name} is not the image that its name says, or its start is damaged."
    return f"{name} is not a file that MedLab reads (DICOM, NIfTI, NRRD, MetaImage)."


def _is_text(head: bytes) -> bool:
    try:
        # The last bytes may cut a character in two.
        return head[:-4].decode("utf-8").isprintable() or b"\n" in head
    except UnicodeDecodeError:
        return False
