"""Text that people read: marked where it is written, translated where it is shown."""

from __future__ import annotations

import gettext
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

__all__ = ["N_", "_"]


def N_(text: str) -> str:
    """Mark a text that is translated later, when it is shown."""
    return text


@cache
def _catalogue() -> NullTranslations:
    from medlab_gui.core.resources import resource

    return gettext.translation("medlab", resource("locale"), fallback=True)


def _(text: str) -> str:
    """Return a text in the user's language, or as it is where there is none."""
    return _catalogue().gettext(text)
