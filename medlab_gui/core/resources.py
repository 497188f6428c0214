"""Files that come with the program."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["resource"]


@cache
def _root() -> Path:
    package = Path(__file__).resolve().parents[1]
    for root in (package / "_resources", package.parent / "resources"):
        if root.is_dir():
            return root
    msg = "MedLab's own resources are missing; install it again."
    raise FileNotFoundError(msg)


def resource(*parts: str) -> Path:
    """Return the path of a shipped file, e.g. of ``resource("icons", "x.svg")``."""
    return _root().joinpath(*parts)
