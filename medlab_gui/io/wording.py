"""Numbers in sentences."""

from __future__ import annotations

__all__ = ["counted"]


def counted(n: int, one: str, many: str) -> str:
    """Return ``"1 slice is"`` or ``"3 slices are"``."""
    return f"{n:,} {one if n == 1 else many}"
