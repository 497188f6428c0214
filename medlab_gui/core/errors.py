"""What can go wrong, as one tree.

::

    MedlabError                  the user can mend it: one sentence, exit code 2
    ├── InputError               a file, folder or value that cannot be used
    │   ├── NotAnImageError      nothing in it can be read as a picture
    │   ├── DamagedFileError     it is an image, but broken or incomplete
    │   ├── GeometryError        positions, spacing or grids that do not fit
    │   ├── CheckpointError      not a checkpoint of ours, or one that is not safe
    │   └── SpecError            a pipeline, network or training recipe that is wrong
    ├── StoreError               the project cannot be read or written
    │   ├── ProjectMissingError  no project there (any more)
    │   ├── ProjectVersionError  made by a newer MedLab
    │   ├── ConflictError        somebody else changed the same thing first
    │   │   └── BusyError        somebody else is writing for longer than one waits
    │   └── StorageFullError     no room, or no permission to write
    └── ResourceError            memory, a device or a system library is lacking

    Cancelled (core.jobs)        not an error: the user asked for it, exit code 130

Every message is one sentence or two that say what is wrong, what was found, and what
to do. Anything that is not a ``MedlabError`` is a bug of ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = [
    "BusyError",
    "CheckpointError",
    "ConflictError",
    "DamagedFileError",
    "GeometryError",
    "InputError",
    "MedlabError",
    "NotAnImageError",
    "ProjectMissingError",
    "ProjectVersionError",
    "ResourceError",
    "SpecError",
    "StorageFullError",
    "StoreError",
    "storage_error",
]


_ON_WINDOWS = sys.platform == "win32"
_TOO_LONG, _NOT_FOUND = 206, (2, 3)  # Windows: name too long, no file, no path
_LONGEST = 248  # characters of a folder's path where long paths are off; 260 of a file
_IN_USE = (32, 33)  # Windows: sharing violation, lock violation


class MedlabError(Exception):
    """Something the user can mend.

    Parameters
    ----------
    message : str
        What is wrong, what was found, what to do; shown to the user as it is.
    path : Path, optional
        The file or folder that it is about.
    """

    def __init__(self, message: str, *, path: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class InputError(MedlabError):
    """A file, folder or value that cannot be used."""


class NotAnImageError(InputError):
    """Nothing in the file or folder can be read as a picture."""


class DamagedFileError(InputError):
    """An image file that is broken or incomplete."""


class GeometryError(InputError):
    """Positions, spacing or grids that do not fit."""


class CheckpointError(InputError):
    """A file that is not a checkpoint of ours, or not a safe one."""


class SpecError(InputError):
    """A pipeline, network or training recipe that is wrong."""


class StoreError(MedlabError):
    """The project cannot be read or written."""


class ProjectMissingError(StoreError):
    """There is no project at that place, or it has vanished."""


class ProjectVersionError(StoreError):
    """The project was made by a newer MedLab."""


class ConflictError(StoreError):
    """Somebody else changed the same thing first."""


class BusyError(ConflictError):
    """Somebody else is writing, and was waited for already."""


class StorageFullError(StoreError):
    """There is no room on the disk, or no permission to write."""


class ResourceError(MedlabError):
    """Memory, a device or a system library is lacking."""


def storage_error(error: OSError, path: Path) -> StorageFullError:
    """Turn an operating system's refusal to write into a sentence.

    Parameters
    ----------
    error : OSError
        What ``open``, ``write``, ``fsync`` or ``rename`` raised.
    path : Path
        The file or folder that was to be written.

    Returns
    -------
    StorageFullError
        To be raised from ``error``.
    """
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = f"There is no room left on the disk that holds {path}."
        todo = "Free some space and try again; what was written before is whole."
    elif getattr(error, "winerror", None) in _IN_USE:
        what = f"Another program has {path} open."
        todo = "Close it there and try again."
    elif error.errno == errno.ENAMETOOLONG or _is_too_long(error):
        what = f"The path {path} is too long for this system."
        todo = "Choose a folder nearer to the root of the disk, or a shorter name."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        what = f"MedLab may not write to {path} (read-only or not permitted)."
        todo = "Choose another folder, or ask for the right to write there."
    elif error.errno == errno.ENOENT and _lies_in_a_folder(error.filename):
        # The folder is there and yet takes no file: /proc, a drive that was ejected.
        what = f"No file can be made in {Path(error.filename).parent}."
        todo = "Choose another folder."
    elif error.errno == errno.ENOENT:
        what = f"{path} is not there any more."
        todo = "Connect the drive again or choose another folder."
    else:
        what = f"Writing {path} failed: {error.strerror or error}."
        todo = "Check the disk and try again."
    return StorageFullError(f"{what} {todo}", path=path)


def _is_too_long(error: OSError) -> bool:
    """Tell whether Windows refused a path for its length, which it seldom says."""
    import errno

    said = getattr(error, "winerror", None)
    # ``open`` tells the number of the C library alone.
    is_missing = said in _NOT_FOUND or (
        _ON_WINDOWS and said is None and error.errno in (errno.ENOENT, errno.EINVAL)
    )
    return said == _TOO_LONG or (
        is_missing and len(str(error.filename or "")) >= _LONGEST
    )


def _lies_in_a_folder(filename: object) -> bool:
    return isinstance(filename, str) and Path(filename).parent.is_dir()
