"""What the user has chosen: defaults < file < environment < argument."""

from __future__ import annotations

import getpass
import json
import logging
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from medlab_gui.core.errors import storage_error
from medlab_gui.core.places import as_path
from medlab_gui.core.whole_files import patiently, write_whole

__all__ = [
    "Settings",
    "WindowChoice",
    "load_settings",
    "save_settings",
    "settings_path",
]

_log = logging.getLogger(__name__)


class WindowChoice(BaseModel):
    """A window by name.

    Parameters
    ----------
    name : str
        What a person reads.
    level, width : float
        Centre and width in the units of the scan; the width is above 0.
    modality : str
        DICOM modality that it is meant for, e.g. ``"CT"``; empty for every one.
    """

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=60)
    level: float = Field(ge=-1e9, le=1e9, allow_inf_nan=False)
    width: float = Field(gt=0, le=1e9, allow_inf_nan=False)
    modality: str = Field("", max_length=16)


class Settings(BaseSettings):
    """All that can be set; ``MEDLAB_<FIELD>`` in the environment sets it too."""

    model_config = SettingsConfigDict(env_prefix="MEDLAB_", extra="ignore")

    version: int = Field(1, description="Version of this file.")
    author: str = Field("", description="Name written into what you save.")
    project: str = Field("", description="Project that opens when none is named.")
    weights: str = Field("", description="Folder of public weights that were added.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where networks compute."
    )
    overlay_opacity: float = Field(0.45, ge=0, le=1, description="Of the mask.")
    entropy_opacity: float = Field(0.6, ge=0, le=1, description="Of the uncertainty.")
    mm_convention: Literal["LPS", "RAS"] = Field(
        "LPS", description="Signs of positions in the status bar."
    )
    key_profile: Literal["medlab", "slicer", "itksnap", "pacs"] = Field(
        "medlab", description="Keys as in another program."
    )
    window_presets: list[WindowChoice] | None = Field(
        None, description="Windows by name; those that MedLab ships where not set."
    )
    cine_fps: int = Field(12, ge=1, le=60, description="Slices per second of the cine.")
    cine_swings: bool = Field(
        False, description="Whether the cine goes back and forth."
    )
    show_names: bool = Field(
        True,
        description="Show the patients' names of files that are open; never stored.",
    )
    right_drag_erases: bool = Field(
        True, description="Dragging with the right button erases while annotating."
    )

    @property
    def author_name(self) -> str:
        """The chosen name, or the name under which the user is logged in."""
        if self.author:
            return self.author
        try:
            return getpass.getuser()
        except (OSError, KeyError, ImportError):
            return "unknown"

    @property
    def project_path(self) -> Path:
        """The chosen project, or the one in the user's data directory."""
        if self.project:
            return as_path(self.project)
        return user_data_path("medlab") / "project"

    @property
    def weights_path(self) -> Path:
        """The chosen folder of public weights, or the one in the user's data."""
        if self.weights:
            return as_path(self.weights)
        return user_data_path("medlab") / "weights"


def settings_path() -> Path:
    """Return the path of the settings file; ``MEDLAB_CONFIG`` names another."""
    chosen = os.environ.get("MEDLAB_CONFIG")
    return Path(chosen) if chosen else user_config_path("medlab") / "settings.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(patiently(lambda: path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        _log.warning(
            "The settings in %s cannot be read (%s); the usual ones hold.", path, why
        )
        return {}
    return data if isinstance(data, dict) else {}


@cache
def load_settings() -> Settings:
    """Return the user's settings; values that are wrong are reported and left out."""
    data = {
        name: value
        for name, value in _read(settings_path()).items()
        if name in Settings.model_fields and f"MEDLAB_{name.upper()}" not in os.environ
    }
    while True:
        try:
            return Settings(**data)
        except ValidationError as error:
            bad = {str(e["loc"][0]) for e in error.errors()} & set(data)
            if not bad:
                _log.warning("The environment holds a wrong setting: %s", error)
                return Settings.model_construct()
            for name in bad:
                _log.warning("The setting %s=%r is wrong.", name, data.pop(name))


def save_settings(**changes: Any) -> Settings:
    """Write changed settings to the file and return all of them.

    A file that cannot be understood is kept beside the new one.

    Raises
    ------
    StorageFullError
        If there is no room or no right to write there.
    """
    path = settings_path()
    data = {**_read(path), **changes}
    Settings(**data)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _keep_damaged(path)
    except OSError as error:
        raise storage_error(error, path) from error
    write_whole(path, json.dumps(data, indent=2).encode())
    load_settings.cache_clear()
    return load_settings()


def _keep_damaged(path: Path) -> None:
    """Put aside a file with something in it that is no settings."""
    try:
        text = patiently(lambda: path.read_text(encoding="utf-8"))
        is_ours = not text.strip() or isinstance(json.loads(text), dict)
    except FileNotFoundError:
        return
    except ValueError:
        is_ours = False
    if not is_ours:
        path.replace(path.with_suffix(".damaged.json"))
