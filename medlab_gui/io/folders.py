"""Lists what lies in a folder and below it, links included."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.own_files import PROJECT_FOLDERS, is_of_project, is_project
from medlab_gui.io.companions import is_companion
from medlab_gui.io.growing import that_matter
from medlab_gui.io.series import Ignored

if TYPE_CHECKING:
    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.growing import Contents

__all__ = ["OPEN_IT", "list_files"]

OPEN_IT = "Open its folder as a project (`--project` on the command line)."
_A_PROJECT = f"It is a MedLab project, whose own files are no scans. {OPEN_IT}"

_TELL_EVERY = 1000
_DEEP = 2
"""So far below a project's folder its own folders go."""


def list_files(
    root: Path,
    ignored: list[Ignored],
    progress: ProgressCallback | None,
    contents: Contents | None = None,
) -> list[str]:
    """Return all files in a folder and below it, in no order.

    Links to folders are followed, but no folder is listed twice: links may lead round
    in a circle, or to what lies below the same folder anyway.

    Parameters
    ----------
    root : Path
        The folder.
    ignored : list of Ignored
        Gets what cannot be listed, and links that lead nowhere.
    progress : callable, optional
        Called as ``progress(0, 0, message)`` now and then; may raise to cancel.
    contents : dict, optional
        Gets what is in each folder, as `io.growing.contents_of` returns it.
    """
    found: list[str] = []
    place = root.absolute()
    if any(
        is_project(above) and place.relative_to(above).parts[0] in PROJECT_FOLDERS
        for above in place.parents[:_DEEP]
    ):
        ignored.append(Ignored(root, _A_PROJECT))
        return found
    folders: list[str] = [str(root)]
    links: list[str] = []
    seen: set[tuple[int, int]] = set()
    n_told = 0
    while folders or links:
        # Links come last: a folder is found by its own name, where it has one here.
        folder = folders.pop() if folders else links.pop(0)
        try:
            about = Path(folder).stat()
            # Some network drives have no numbers for their folders.
            if about.st_ino and (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            names: list[str] = []
            own = is_project(Path(folder))
            if own:
                ignored.append(Ignored(Path(folder), _A_PROJECT))
            with os.scandir(folder) as entries:
                for entry in entries:
                    if own and is_of_project(entry.name):
                        continue
                    # The listing knows these, without a look at each file.
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    if is_companion(entry.path):
                        continue
                    if entry.is_file(follow_symlinks=False):
                        found.append(entry.path)
                    elif entry.is_symlink() and _follow(entry, found, links, ignored):
                        continue
                    names.append(entry.name)
            if contents is not None:
                contents[Path(folder)] = about.st_mtime_ns, that_matter(names)
        except OSError as error:
            ignored.append(Ignored(Path(folder), _refusal(error)))
        if progress is not None and len(found) - n_told >= _TELL_EVERY:
            n_told = len(found)
            progress(0, 0, "Looking for files")
    return found


def _follow(
    entry: os.DirEntry[str], found: list[str], links: list[str], ignored: list[Ignored]
) -> bool:
    """Look where a link leads; return whether to a folder."""
    try:
        if entry.is_dir():
            links.append(entry.path)
            return True
        if entry.is_file():
            found.append(entry.path)
        elif not Path(entry.path).exists():
            reason = "It is a link to something that is not there."
            ignored.append(Ignored(Path(entry.path), reason))
    except OSError as error:  # a circle of links, or a forbidden place
        ignored.append(Ignored(Path(entry.path), _refusal(error)))
    return False


def _refusal(error: OSError) -> str:
    why = error.strerror or "the system gives no reason"
    return f"It cannot be opened ({why})."
