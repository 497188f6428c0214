"""Text that people read: marked where it is written, translated where it is shown."""

from __future__ import annotations

import gettext
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

__all__ = ["N_", "_", "counted"]


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


def counted(n: int, one: str, many: str) -> str:
    """Return a text about so many things, in the user's language.

    Parameters
    ----------
    n : int
        How many; ``{n}`` in the text is replaced by it.
    one, many : str
        What is said of one, and of any other number.
    """
    return _catalogue().ngettext(one, many, n).replace("{n}", str(n))
