"""Looks through a file or folder and says what series are in it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.errors import (
    DamagedFileError,
    InputError,
    MedlabError,
    NotAnImageError,
)
from medlab_gui.core.places import as_path
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.archives import archive_kind, origin, unpack
from medlab_gui.io.companions import is_companion
from medlab_gui.io.dicom_headers import DicomHeader
from medlab_gui.io.dicom_quick import FIRST_BLOCK, HeaderReader
from medlab_gui.io.dicomdir import index_note, is_index, read_index
from medlab_gui.io.folders import list_files
from medlab_gui.io.growing import contents_of, folders_of, maybe_growing, state_of
from medlab_gui.io.image_stack import Picture
from medlab_gui.io.lost_slices import lost_in_archive, may_be_slice, with_lost_slices
from medlab_gui.io.nibabel_files import header_of_pair
from medlab_gui.io.other_files import NOT_READ, read_other
from medlab_gui.io.series import Ignored, ScanResult
from medlab_gui.io.series_names import told_apart
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.growing import Contents
    from medlab_gui.io.series import FileSeries

__all__ = ["scan", "scan_files"]


def scan(
    path: str | os.PathLike[str],
    *,
    nested: bool = True,
    progress: ProgressCallback | None = None,
    found: Callable[[FileSeries], None] | None = None,
    stopped: Callable[[], bool] | None = None,
) -> ScanResult:
    """Find the series in a file or archive, or in a folder and all below it.

    Only headers are read. Files are known by their content, not by their names. An
    archive is unpacked to a temporary folder (`io.archives`).

    Parameters
    ----------
    path : path
        A file, a folder, an archive (zip or tar, packed or not) or a DICOMDIR.
    nested : bool, optional
        Whether the folders below a folder are looked through, too.
    progress : callable, optional
        Called as ``progress(done, total, message)`` after each file, and while a large
        folder is listed; may raise to cancel.
    found : callable, optional
        Called with a series when its first file has been read, and again whenever its
        files have doubled in number: for a list that fills while the scan runs. What
        it is told is provisional (``problems`` are of the files so far); the result
        takes its place.
    stopped : callable, optional
        Asked after each file; where it says True, what has been found by then is the
        result, and each series has the problem that more of it may lie there.

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
    root = as_path(path)
    heap = _Heap(found)
    if root.is_file():
        # Of a pair, the header says what it is.
        root = header_of_pair(root) or root
    place = root
    if root.is_file() and archive_kind(root):
        unpacked = unpack(root, progress=progress)
        place = unpacked.folder
        heap.ignored += unpacked.ignored
        heap.lost, heap.broken_archives = lost_in_archive(unpacked)
    files, contents = _files(
        place, heap.ignored, progress, nested=nested or place != root
    )
    n_read = len(files)
    for n, file in enumerate(files, start=1):
        heap.take(Path(file))
        if stopped is not None and stopped():
            n_read = n
            break
        if progress is not None:
            progress(n, len(files), "Reading headers")
    series = heap.series()
    ignored = [Ignored(origin(i.path), i.reason) for i in heap.ignored]
    if not series:
        _complain(
            root,
            ignored,
            heap.damaged,
            inside=place != root or root.is_dir(),
            archive=place != root,
        )
    series = told_apart(with_lost_slices(series, heap.lost, heap.broken_archives))
    series.sort(key=lambda s: s.sort_key)
    series = [_with_states(s, contents, heap.looked) for s in series]
    if place == root:
        series = [_with_hint(s) for s in series]
    if n_read < len(files):
        series = [_half_looked(s, n_read, len(files)) for s in series]
    return ScanResult(tuple(series), tuple(ignored), n_read, len(files))


def scan_files(files: Iterable[Path]) -> list[FileSeries]:
    """Return the series that files make together, none of them an archive.

    Parameters
    ----------
    files : iterable of Path
        What they are in is not looked at. Those that are no scan, or have gone, are
        passed over.
    """
    heap = _Heap(None)
    for file in files:
        heap.take(file)
    return heap.series()


def _half_looked(series: FileSeries, done: int, total: int) -> FileSeries:
    """Return a series with the warning that the search ended before its end."""
    told = Problem(
        "search-stopped",
        Severity.WARNING,
        f"The search was stopped after {done:,} of {total:,} files: more slices of "
        "this series may lie in the others. Open the folder again to have it whole.",
    )
    return replace(series, problems=(*series.problems, told))


def _with_states(
    series: FileSeries, contents: Contents, looked: dict[str, tuple[int, int, int]]
) -> FileSeries:
    """Return a series with how its files were, and what lay in the folders of many."""
    if len(series.files) < 2:
        return replace(series, looked=looked)
    folders = folders_of(map(str, series.files))
    return replace(
        series,
        contents={f: contents[f] for f in folders if f in contents},
        looked=looked,
    )


def _with_hint(series: FileSeries) -> FileSeries:
    """Return a series of which something lacks with what may be the reason."""
    lacking = [p for p in series.problems if p.code == "truncated"]
    hint = maybe_growing(series.files) if lacking else ""
    if not hint:
        return series
    told = (
        replace(p, message=p.message + hint) if p in lacking else p
        for p in series.problems
    )
    return replace(series, problems=tuple(told))


class _Heap:
    """What has been found so far, file by file."""

    def __init__(self, found: Callable[[FileSeries], None] | None) -> None:
        self.ignored: list[Ignored] = []
        self.damaged: MedlabError | None = None
        self.lost: list[Path] = []
        self.broken_archives: list[str] = []
        self.looked: dict[str, tuple[int, int, int]] = {}
        self._others: list[FileSeries] = []
        self._pictures: list[Picture] = []
        self._headers: dict[tuple[str, str], list[DicomHeader]] = {}
        self._reader: HeaderReader | None = None
        self._found = found

    def take(self, path: Path) -> None:
        """Look into a file and remember what it holds."""
        if is_index(path):
            self.ignored.append(Ignored(path, index_note(read_index(path))))
            return
        try:
            what = self._look_into(path)
        except OSError as error:
            why = error.strerror or "the system gives no reason"
            self._leave_out(path, f"It cannot be opened ({why}).", damaged=True)
        except DamagedFileError as error:
            self.damaged = self.damaged or error
            self._leave_out(path, error.message, damaged=True)
        except InputError as error:
            self._leave_out(path, error.message, damaged=False)
        else:
            if isinstance(what, DicomHeader):
                self._add(what)
            elif isinstance(what, Picture):
                self._pictures.append(what)
            else:
                self._others += what
                if self._found is not None:
                    for series in what:
                        self._found(series)

    def _leave_out(self, path: Path, reason: str, *, damaged: bool) -> None:
        self.ignored.append(Ignored(path, reason))
        if may_be_slice(path, damaged=damaged):
            self.lost.append(path)

    def series(self) -> list[FileSeries]:
        """Return all series; to be asked once, at the end."""
        result = list(self._others)
        if self._headers:
            from medlab_gui.io.dicom_series import group_headers

            result += group_headers(
                h for group in self._headers.values() for h in group
            )
        if not self._pictures:
            return result
        if result:
            # Beside scans they are previews, logos and screenshots.
            reason = (
                "It is a plain picture without position or pixel size, beside scans; "
                "open it on its own to take it for a slice."
            )
            self.ignored += [Ignored(p.path, reason) for p in self._pictures]
            return result
        from medlab_gui.io.image_stack import stack_pictures

        return stack_pictures(self._pictures)

    def _add(self, header: DicomHeader) -> None:
        group = self._headers.setdefault((header.study_uid, header.series_uid), [])
        group.append(header)
        n = len(group)
        # Doubling keeps the work of telling in proportion to that of reading.
        if self._found is not None and n & (n - 1) == 0:
            from medlab_gui.io.dicom_series import group_headers

            for series in group_headers(group):
                self._found(series)

    def _look_into(self, path: Path) -> Sequence[FileSeries] | DicomHeader | Picture:
        """Return what a file holds, going by its first bytes."""
        with path.open("rb", buffering=0) as file:
            facts = os.fstat(file.fileno())
            self.looked[str(path)] = state_of(path, facts)
            head = file.read(FIRST_BLOCK)
            if head[128:132] == b"DICM":
                if self._reader is None:
                    self._reader = HeaderReader()
                return self._reader.read(path, file, head)
        return read_other(path, head[:512])


def _files(
    root: Path,
    ignored: list[Ignored],
    progress: ProgressCallback | None,
    *,
    nested: bool,
) -> tuple[list[str], Contents]:
    """Return all files below a folder, by their names, and what is in each folder."""
    contents: Contents = {}
    try:
        if root.is_file() and is_index(root):
            index = read_index(root)
            if index.is_complete:
                listed = [str(root), *(str(file) for file in index.present)]
                return listed, contents_of(folders_of(listed))
            # What it lists has gone, or has other names: what lies beside it counts.
            root = root.parent
        if root.is_file():
            return [str(root)], contents
        if not root.exists():
            msg = f"There is no file or folder at {root}. Check the path."
            raise NotAnImageError(msg, path=root)
        if not root.is_dir():
            msg = f"{root} is neither a file nor a folder, so no scan can be in it."
            raise NotAnImageError(msg, path=root)
        with os.scandir(root) as entries:  # or say why not
            if not nested:
                listed = sorted(
                    entry.path
                    for entry in entries
                    if entry.is_file() and not is_companion(entry.path)
                )
                return listed, contents_of(folders_of(listed))
    except OSError as error:
        msg = f"{root} cannot be opened: {error.strerror or error}."
        raise NotAnImageError(msg, path=root) from error
    found = list_files(root, ignored, progress, contents)
    found.sort(key=lambda name: name.replace(os.sep, "\0"))  # as folders are listed
    return found, contents


def _complain(
    root: Path,
    ignored: list[Ignored],
    damaged: MedlabError | None,
    *,
    inside: bool,
    archive: bool,
) -> None:
    if not ignored:
        msg = f"{root} is empty: there is no scan in it. Open the folder that has one."
        raise NotAnImageError(msg, path=root)
    if len(ignored) == 1:
        reason = ignored[0].reason
        if damaged is not None:
            hint = "" if archive else maybe_growing([ignored[0].path])
            raise DamagedFileError(reason + hint, path=ignored[0].path)
        name = ignored[0].path.name
        msg = f"{ignored[0].path} is not a scan that MedLab can open. {reason}"
        if inside:
            msg = f"There is no scan in {root}. {reason}"
        elif name in reason:
            msg = reason
        raise NotAnImageError(_what_to_do(msg), path=ignored[0].path)
    # A licence or a note tells less than an archive or a broken scan beside it.
    example = next((i for i in ignored if NOT_READ not in i.reason), ignored[0])
    name = example.path.name
    why = example.reason if name in example.reason else f"{name}: {example.reason}"
    looked = counted(
        len(ignored),
        "file was looked at and cannot",
        "files were looked at and none can",
    )
    msg = f"There is no scan in {root}: {looked} be opened. {why}"
    raise NotAnImageError(_what_to_do(msg), path=root)


def _what_to_do(said: str) -> str:
    """Add what to do about a file that has nothing to do with scans."""
    return f"{said} Open the scan itself, or its folder." if NOT_READ in said else said
