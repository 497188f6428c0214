"""Numbers in sentences."""

from __future__ import annotations

__all__ = ["counted", "sized"]


def counted(n: int, one: str, many: str) -> str:
    """Return ``"1 slice is"`` or ``"3 slices are"``."""
    return f"{n:,} {one if n == 1 else many}"


def sized(n_bytes: int) -> str:
    """Return ``"3.2 GB"``, ``"40 MB"`` or ``"12 kB"``."""
    for unit, factor in (("GB", 2**30), ("MB", 2**20)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return f"{max(1, round(n_bytes / 1024))} kB"
