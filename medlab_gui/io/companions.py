"""Files that desktops lay beside others unseen: no scans, and not worth a word.

macOS writes one beside each file on drives that cannot keep what it knows of the file
(``._IM0001`` on a USB stick), and one in each folder; Windows writes some, too.
"""

from __future__ import annotations

import os
import re

__all__ = ["is_companion", "is_companion_in_archive", "is_named_companion"]

_OF_FOLDERS = {".ds_store", "thumbs.db", "desktop.ini"}
_BESIDE = "._"
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
_IN_ARCHIVE = re.compile(r"(^|/)(__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")


def is_companion(path: str) -> bool:
    """Tell whether a file in a folder is none of the user's.

    Parameters
    ----------
    path : str
        What is called like one that macOS lays beside others is looked into: a scan
        could be called so, too.
    """
    name = os.path.basename(path)  # noqa: PTH119 - of all files of a folder
    if not is_named_companion(name):
        return False
    if not name.startswith(_BESIDE):
        return True
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(4) == _APPLE_DOUBLE
    except OSError:
        return False


def is_named_companion(name: str) -> bool:
    """Tell whether a file, which need not be there any more, is called like one."""
    return name.lower() in _OF_FOLDERS or name.startswith(_BESIDE)


def is_companion_in_archive(name: str) -> bool:
    """Tell the same of a member of an archive by its name, which holds its folders."""
    return _IN_ARCHIVE.search(name) is not None
