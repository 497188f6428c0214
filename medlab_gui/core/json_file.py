"""Read a JSON file that a person chose, which may be anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import InputError, SpecError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_json"]

_LARGEST_FILE = 1_000_000


def read_json(path: Path, what: str) -> Any:
    """Return what a JSON file holds.

    Parameters
    ----------
    path : Path
        The file. A wrong one (a scan, say) is not read whole to find that out.
    what : str
        What it should be, with its article: "a pipeline".

    Raises
    ------
    InputError
        If it cannot be read.
    SpecError
        If it is not JSON, or has more than a million bytes.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        reason = error.strerror or error
        msg = f"{path} cannot be read as {what} ({reason})."
        raise InputError(msg, path=path) from error
    try:
        if len(raw) > _LARGEST_FILE:
            raise ValueError("too large")
        return json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not {what}: it is not JSON text ({error})."
        raise SpecError(msg, path=path) from error
