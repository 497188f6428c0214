"""What is installed in an environment, and whether all its files are there."""

from __future__ import annotations

import csv
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".dist-info"


def canonical(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(site: Path) -> dict[str, str]:
    """Return name and version of all that is installed.

    Parameters
    ----------
    site : Path
        The environment's ``site-packages``.
    """
    found = {}
    for folder in site.glob(f"*{SUFFIX}"):
        name, _, version = folder.name.removesuffix(SUFFIX).rpartition("-")
        found[canonical(name)] = version
    return found


def _is_whole(site: str, record: Path) -> bool:
    try:
        with record.open(encoding="utf-8", newline="") as rows:
            for path, _, size in csv.reader(rows):
                # Compiled files are rewritten by whoever runs the program.
                if not size or path.endswith(".pyc"):
                    continue
                if os.stat(f"{site}/{path}").st_size != int(size):  # noqa: PTH116 - 40,000 of them
                    return False
    except (OSError, ValueError):
        return False
    return True


def damaged(site: Path) -> list[Path]:
    """Find packages that are not whole, from each one's own list of files.

    Parameters
    ----------
    site : Path
        The environment's ``site-packages``.

    Returns
    -------
    list of Path
        Their ``.dist-info`` folders: without its list (pip was ended while it wrote),
        or with a file that is missing or of another size.
    """
    root = str(site)
    return sorted(
        folder
        for folder in site.glob(f"*{SUFFIX}")
        if not _is_whole(root, folder / "RECORD")
    )
