"""Zip and tar archives, and single files packed with gzip, bzip2 or xz.

What is unpacked lies in a folder of its own below the system's temporary folder, for as
long as the program runs: a `FileSeries` names files, and they are read later, perhaps
more than once. The folder goes when the program ends. A lock in it, which the system
frees when its owner dies, tells folders that a crash left behind; whoever unpacks next
removes them.

An archive is somebody else's program for writing files, so nothing in it is believed:
names are cleaned and may not lead out, links and devices are left out, and bytes are
counted as they are written, not as the archive says.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.errors import InputError, StorageFullError, storage_error
from medlab_gui.core.leaving import at_end
from medlab_gui.io.archive_limits import ArchiveLimits, Counter
from medlab_gui.io.archive_members import archive_kind, unpack_into
from medlab_gui.io.series import Ignored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import FileLock

    from medlab_gui.imaging.slicewise import ProgressCallback

__all__ = [
    "ArchiveLimits",
    "Unpacked",
    "archive_kind",
    "origin",
    "state_unpacked",
    "unpack",
]

_PREFIX = "medlab-unpacked-"
_LOCK = ".medlab-lock"
_RESERVE = 512 * 2**20
"""Bytes of the disk that are left free."""
_DAY_S = 86400

_guard = threading.RLock()
_homes: list[tuple[Path, FileLock]] = []
_known: dict[tuple[str, int, int, int], Unpacked] = {}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of an archive.

    Parameters
    ----------
    archive : Path
        The archive.
    folder : Path
        Where its members are.
    ignored : tuple of Ignored
        Members that were left out; their paths begin with that of the archive.
    """

    archive: Path
    folder: Path
    ignored: tuple[Ignored, ...] = field(default=())


def unpack(
    path: Path,
    *,
    progress: ProgressCallback | None = None,
    limits: ArchiveLimits | None = None,
) -> Unpacked:
    """Unpack an archive, and archives in it, to a temporary folder.

    The same file is unpacked once while the program runs.

    Parameters
    ----------
    path : Path
        A file that `archive_kind` knows.
    progress : callable, optional
        Called as ``progress(done, total, message)``; may raise to stop.
    limits : ArchiveLimits, optional
        What an archive may hold at most.

    Raises
    ------
    InputError
        If it is protected by a password, or larger than any study.
    DamagedFileError
        If nothing can be unpacked of it.
    StorageFullError
        If the disk has no room for it.
    """
    try:
        facts = path.stat()
        state = facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
        key = (str(path.resolve()), *state)
    except OSError as error:
        msg = f"{path} cannot be opened: {error.strerror or error}."
        raise InputError(msg, path=path) from error
    with _guard:
        known = _known.get(key)
        if known is not None and known.folder.is_dir():
            return replace(known, archive=path)
        home = _home()
    try:
        folder = Path(tempfile.mkdtemp(dir=home))
    except OSError as error:
        raise storage_error(error, home) from error
    try:
        result = _fill(path, folder, progress, limits or ArchiveLimits())
    except BaseException:
        # Cancelled, too large or damaged: nothing of it may stay.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    with _guard:
        _known[key] = result
    return result


def origin(path: Path) -> Path:
    """Return where a file came from: for an unpacked one, its place in the archive.

    Parameters
    ----------
    path : Path
        Any file, e.g. of a `FileSeries`.

    Returns
    -------
    Path
        ``study.zip/CT/000001.dcm`` for what was unpacked, else ``path`` itself.
    """
    found = _unpacked_with(path)
    if found is None:
        return path
    _state, unpacked = found
    return unpacked.archive / path.relative_to(unpacked.folder)


def state_unpacked(path: Path) -> tuple[int, int, int] | None:
    """Return in which state an archive was when a file came out of it.

    Parameters
    ----------
    path : Path
        Any file, e.g. of a `FileSeries`.

    Returns
    -------
    tuple of int or None
        Size in bytes, and times of change of content and entry in ns; None for a file
        that was not unpacked.
    """
    found = _unpacked_with(path)
    return None if found is None else found[0]


def _unpacked_with(path: Path) -> tuple[tuple[int, int, int], Unpacked] | None:
    """Return what a file came out of, and in which state that was."""
    with _guard:
        for (_place, *state), unpacked in _known.items():
            if path.is_relative_to(unpacked.folder):
                size, changed, entered = state
                return (size, changed, entered), unpacked
    return None


def _fill(
    path: Path,
    folder: Path,
    progress: ProgressCallback | None,
    limits: ArchiveLimits,
) -> Unpacked:
    try:
        room = shutil.disk_usage(folder).free - _RESERVE
        counter = Counter(path.name, limits, room, path.stat().st_size, progress)
        left_out = unpack_into(path, folder, counter)
        ignored = [Ignored(path / name, reason) for name, reason in left_out]
        ignored += _unpack_inner(path, folder, counter)
    except OSError as error:
        raise storage_error(error, folder) from error
    return Unpacked(path, folder, tuple(ignored))


def _unpack_inner(path: Path, folder: Path, counter: Counter) -> Iterator[Ignored]:
    """Unpack archives that lie in an archive: one level, and no further."""
    for inner in sorted(p for p in folder.rglob("*") if p.is_file()):
        if not archive_kind(inner):
            continue
        shown = path / inner.relative_to(folder)
        target = inner.with_name(inner.name + ".unpacked")
        try:
            target.mkdir()
            left_out = unpack_into(inner, target, counter)
        except StorageFullError:
            raise
        except InputError as error:
            if counter.is_full:
                raise
            shutil.rmtree(target, ignore_errors=True)
            yield Ignored(shown, error.message)
            continue
        inner.unlink()
        yield from (Ignored(shown / name, reason) for name, reason in left_out)
        for deeper in sorted(p for p in target.rglob("*") if p.is_file()):
            if archive_kind(deeper):
                deeper.unlink()
                yield Ignored(
                    shown / deeper.relative_to(target),
                    f"{deeper.name} is an archive in an archive in an archive; unpack "
                    "it yourself.",
                )


def _home() -> Path:
    """Return this program's own temporary folder; remove what others left behind."""
    from filelock import FileLock, Timeout

    with _guard:
        if _homes and _homes[0][0].is_dir():
            return _homes[0][0]
        _remove_stale()
        try:
            while True:
                home = Path(tempfile.mkdtemp(prefix=_PREFIX))
                lock = FileLock(home / _LOCK)
                with suppress(Timeout):
                    lock.acquire(timeout=0)
                    break
        except OSError as error:
            raise storage_error(error, Path(tempfile.gettempdir())) from error
        if not _homes:
            at_end(_remove_own)
        _homes.insert(0, (home, lock))
        return home


def _remove_stale() -> None:
    """Remove folders whose program has died."""
    from filelock import FileLock, Timeout

    with suppress(OSError):
        for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            with suppress(OSError, Timeout):
                if home.is_symlink() or not home.is_dir():
                    continue
                if not (home / _LOCK).exists():
                    # Another program may be about to lock it.
                    if time.time() - home.stat().st_mtime > _DAY_S:
                        shutil.rmtree(home, ignore_errors=True)
                    continue
                lock = FileLock(home / _LOCK)
                lock.acquire(timeout=0)
                lock.release()
                shutil.rmtree(home, ignore_errors=True)


def _remove_own() -> None:
    """Remove all that this program has unpacked; nothing of it can be read then."""
    with _guard:
        _known.clear()
        for home, lock in _homes:
            # Windows cannot remove a file that is locked.
            with suppress(OSError):
                lock.release()
            shutil.rmtree(home, ignore_errors=True)
        _homes.clear()
