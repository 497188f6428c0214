"""What compared networks and cases are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.commands.inputs import existing_path
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError
from medlab_gui.core.run_titles import run_titles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.store.project import ProjectStore

__all__ = ["case_name", "is_read", "readable_names", "split_names"]

_ENDINGS: tuple[str, ...] = (
    *(".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz", ".mgh", ".hdr"),
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".json", ".dcm"),
)


def case_name(path: Path) -> str:
    """Return the name of a case: its file's name without the ending."""
    lower = path.name.lower()
    ending = next((e for e in _ENDINGS if lower.endswith(e)), "")
    return path.name[: len(path.name) - len(ending)] if ending else path.name


def is_read(path: Path) -> bool:
    """Tell by its name whether a file is a picture or a scan that may be a case."""
    return not path.name.startswith(".") and path.name.lower().endswith(_ENDINGS)


def split_names(text: str) -> list[tuple[str, str]]:
    """Return ``(name, place)`` of each line such as ``U-Net=predictions/unet``.

    Without a name it is the last part of the place; names are made unlike each other.

    Raises
    ------
    InputError
        If two are given the same name.
    """
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        line = line.strip()
        if not line:
            continue
        name, equals, place = line.partition("=")
        # A path may hold "=" itself.
        if not equals or existing_path(line) is not None:
            name, place = case_name(as_path(line)), line
            for ending in (".safetensors", ".csv", ".pt"):
                name = name.removesuffix(ending)
            taken = {n for n, _p in found}
            if name in taken:
                name = f"{as_path(line).parent.name}/{name}"
        name, place = name.strip(), place.strip()
        if not name or not place:
            msg = f"{line!r} names no network; write e.g. U-Net=predictions/unet."
            raise InputError(msg)
        if name in {n for n, _p in found}:
            msg = (
                f"Two networks are called {name!r}; give each a name of its own, e.g. "
                f"{name}-2={place}."
            )
            raise InputError(msg)
        found.append((name, place))
    return found


def readable_names(
    places: Sequence[tuple[str, str]], store: ProjectStore | None
) -> Sequence[tuple[str, str]]:
    """Return the places, those of a project that bear an id alone with readable names.

    Trainings are called by network, or beginning, and what tells them apart; weights as
    the project calls them.
    """
    if store is None:
        return places
    named = {c.id: c.name for c in store.checkpoints()}
    asked = {place for name, place in places if name == place}
    runs = [run for run in store.runs() if run.id in asked]
    titles = dict(zip((run.id for run in runs), run_titles(runs, named), strict=True))
    told = [titles.get(name, named.get(name, name)) if name == place else name
            for name, place in places]  # fmt: skip
    if len(set(told)) < len(told):
        return places
    return list(zip(told, (place for _, place in places), strict=True))
