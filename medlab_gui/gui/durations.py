"""Times as a person reads them."""

from __future__ import annotations

from medlab_gui.core.i18n import _

__all__ = ["in_words"]

_MANY_HOURS = 72


def in_words(seconds: float) -> str:
    """Return a length of time, roughly: ``"40 s"``, ``"1 h 20 min"``, ``"3 days"``."""
    seconds = max(0.0, seconds)
    if seconds < 90:
        return _("{n} s").format(n=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 90:
        return _("{n} min").format(n=minutes)
    if minutes >= _MANY_HOURS * 60:
        return _("{n} days").format(n=round(minutes / 60 / 24))
    return _("{h} h {m} min").format(h=minutes // 60, m=f"{minutes % 60:02}")
