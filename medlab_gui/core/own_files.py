"""What MedLab's own files are called where they lie among other people's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PROJECT_FILES", "PROJECT_FOLDERS", "is_of_project", "is_project"]

PROJECT_FOLDERS = ("blobs", "journal", "runs")
"""The folders of a project."""
PROJECT_FILES = ("project.db", "project.db-wal", "project.db-shm", "migration.lock")
"""The files of a project that holds nothing."""
_COPIES = re.compile(r"project-schema\d+-[0-9T]+\.(db|part)")


def is_project(folder: Path) -> bool:
    """Tell whether a folder looks like a project; it is not opened for that."""
    try:
        if not (folder / PROJECT_FILES[0]).is_file():
            return False
        return all((folder / name).is_dir() for name in PROJECT_FOLDERS)
    except OSError:
        return False


def is_of_project(name: str) -> bool:
    """Tell whether a file or folder of this name, in a project's, is MedLab's own."""
    own = name in PROJECT_FILES or name in PROJECT_FOLDERS
    return own or _COPIES.fullmatch(name) is not None
