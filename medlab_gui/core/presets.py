"""Named pipelines: what comes with MedLab, and what the user has saved."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any

from medlab_gui.core.errors import InputError, SpecError, storage_error
from medlab_gui.core.i18n import N_
from medlab_gui.core.json_file import read_json
from medlab_gui.core.settings import settings_path
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec
from medlab_gui.core.whole_files import write_whole

__all__ = [
    "SHIPPED_PRESETS",
    "delete_preset",
    "export_preset",
    "import_preset",
    "parse_pipeline",
    "pipeline_presets",
    "preset_folder",
    "read_pipeline",
    "save_preset",
]

_log = logging.getLogger(__name__)

SHIPPED_PRESETS: dict[str, PipelineSpec] = {N_("Liver paper"): LIVER_PIPELINE}
"""Presets that come with MedLab; they can be neither changed nor deleted."""

_VERSION = 1
_LONGEST_NAME = 80


def preset_folder() -> Path:
    """Return the folder of the user's presets, beside the settings."""
    return settings_path().parent / "presets"


def pipeline_presets() -> dict[str, PipelineSpec]:
    """Return all presets by name: the shipped ones, then the user's by alphabet.

    A file that cannot be read is reported in the log and left out. The steps' names
    and values are checked where a pipeline is run (``imaging.check_pipeline``): a
    preset made with a plug-in stays listed while the plug-in is away.
    """
    own = {name: spec for name, (_, spec) in _own_presets().items()}
    return SHIPPED_PRESETS | {n: own[n] for n in sorted(own, key=str.casefold)}


def save_preset(name: str, spec: PipelineSpec) -> None:
    """Keep a pipeline under a name; a preset of that name is replaced.

    Raises
    ------
    InputError
        If the name is empty, too long or of a preset that comes with MedLab, or if the
        file of that name cannot be read, as one of a newer MedLab: it is not replaced.
    StorageFullError
        If the file cannot be written.
    """
    name = _own_name(name)
    own, path = _own_presets(), _path_of(name)
    if name in own:
        path = own[name][0]
    elif path.exists():
        _refuse_to_replace(name, path)
    _write(path, name, spec)


def delete_preset(name: str) -> None:
    """Remove one of the user's presets.

    Raises
    ------
    InputError
        If there is none of that name, or it comes with MedLab.
    """
    name = _own_name(name)
    own = _own_presets()
    if name not in own:
        raise InputError(_no_such(name))
    path = own[name][0]
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, path) from error


def export_preset(name: str, path: Path | str) -> None:
    """Write a preset to a JSON file, for another machine or ``--pipeline``.

    Raises
    ------
    InputError
        If there is no preset of that name.
    StorageFullError
        If the file cannot be written.
    """
    presets = pipeline_presets()
    if name not in presets:
        raise InputError(_no_such(name))
    _write(Path(path), name, presets[name])


def import_preset(path: Path | str) -> str:
    """Take a preset from a JSON file, and return the name under which it is kept.

    Parameters
    ----------
    path : Path or str
        What `export_preset` wrote, or a bare ``{"steps": [...]}``, which is named
        after the file. Where another preset has the name already, a number is added.

    Raises
    ------
    InputError
        If the file cannot be read or is no pipeline.
    """
    wanted, spec = _read(Path(path))
    presets = pipeline_presets()
    name, n = wanted, 1
    while name in presets and presets[name] != spec:
        n += 1
        name = f"{wanted[: _LONGEST_NAME - 5]} ({n})"
    if name not in presets:
        save_preset(name, spec)
    return name


def read_pipeline(path: Path | str) -> PipelineSpec:
    """Return the steps in a preset's file or in a bare ``{"steps": [...]}``.

    Raises
    ------
    InputError
        If the file cannot be read or is no pipeline.
    """
    return _read(Path(path))[1]


def parse_pipeline(text: str) -> PipelineSpec:
    """Return the steps that are written out as JSON, ``{"steps": [...]}``.

    Raises
    ------
    SpecError
        If the text is no pipeline.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"The steps are not JSON text ({error})."
        raise SpecError(msg) from error
    if not isinstance(data, dict) or "steps" not in data:
        msg = (
            "The text is no preprocessing recipe: expected a JSON object with the "
            'entry "steps", such as {"steps": [{"name": "window"}]}.'
        )
        raise SpecError(msg)
    return PipelineSpec.from_dict(data)


def _own_presets() -> dict[str, tuple[Path, PipelineSpec]]:
    # By the name inside the file: a file that somebody copied here counts as well.
    own: dict[str, tuple[Path, PipelineSpec]] = {}
    for path in sorted(preset_folder().glob("*.json")):
        try:
            name, spec = _read(path)
        except InputError as error:
            _log.warning("The recipe %s is left out: %s", path.name, error)
            continue
        if name not in SHIPPED_PRESETS:
            own.setdefault(name, (path, spec))
    return own


def _refuse_to_replace(name: str, path: Path) -> None:
    """Say why a file that is not listed stays; nothing where it is another preset's."""
    try:
        _read(path)
    except InputError as error:
        msg = (
            f"There is a recipe {name!r} already that cannot be read, and it is not "
            f"replaced: choose another name. {error.message}"
        )
        raise InputError(msg, path=path) from error


def _read(path: Path) -> tuple[str, PipelineSpec]:
    data = read_json(path, "a preprocessing recipe")
    if not isinstance(data, dict) or "steps" not in data:
        msg = (
            f"{path} is not a preprocessing recipe: expected a JSON object with the "
            'entry "steps", such as {"steps": [{"name": "window"}]}.'
        )
        raise InputError(msg, path=path)
    version = data.pop("medlab_pipeline", _VERSION)
    if version != _VERSION:
        msg = (
            f"{path} was written by another version of MedLab (recipe format "
            f"{version!r}; this one reads {_VERSION}): please update MedLab."
        )
        raise InputError(msg, path=path)
    name = _checked_name(data.pop("name", path.stem), path)
    try:
        return name, PipelineSpec.from_dict(data)
    except SpecError as error:
        raise SpecError(f"{path}: {error.message}", path=path) from error


def _write(path: Path, name: str, spec: PipelineSpec) -> None:
    data: dict[str, Any] = {
        "medlab_pipeline": _VERSION,
        "name": name,
        **spec.to_dict(),
    }
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, path) from error
    write_whole(path, text.encode())


def _checked_name(name: object, path: Path | None = None) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        where = "A recipe" if path is None else f"{path}: a recipe"
        msg = f"{where} needs a name on one line; found {name!r}."
        raise InputError(msg, path=path)
    name = name.strip()
    if len(name) > _LONGEST_NAME:
        msg = (
            f"The name of a recipe may have {_LONGEST_NAME} characters at most; "
            f"this one has {len(name)}."
        )
        raise InputError(msg, path=path)
    return name


def _own_name(name: str) -> str:
    name = _checked_name(name)
    if name in SHIPPED_PRESETS:
        msg = (
            f"The recipe {name!r} comes with MedLab and stays as it is: "
            "choose another name."
        )
        raise InputError(msg)
    return name


def _no_such(name: str) -> str:
    return f"There is no recipe {name!r}; there are {', '.join(pipeline_presets())}."


def _path_of(name: str) -> Path:
    # Any name in any script is allowed, on file systems that tell upper from lower
    # case and on those that do not: the readable part is for people, the digest counts.
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "preset"
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return preset_folder() / f"{readable}-{digest}.json"
