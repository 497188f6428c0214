"""Folders for what can be made again: compiled filters, converted networks."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

from medlab_gui.core.leaving import at_end

__all__ = ["cache_folder", "made_folder"]


def cache_folder(name: str) -> Path:
    """Return a folder that only this user writes; made where it is not there.

    Parameters
    ----------
    name : str
        What is kept in it, e.g. ``"compiled"``.

    Returns
    -------
    Path
        In the user's cache; where that cannot be written, a temporary folder that goes
        when the program ends.
    """
    try:
        from platformdirs import user_cache_path

        cache = user_cache_path("medlab")
    except ImportError:
        cache = Path.home() / ".cache" / "medlab"
    try:
        return made_folder(cache / name)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix=f"medlab-{name}-"))
        at_end(partial(shutil.rmtree, folder, ignore_errors=True))
        return folder


def made_folder(folder: Path) -> Path:
    """Make a folder and return it, or raise OSError where nothing can be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder
