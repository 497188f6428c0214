"""Something the window can do without a trace in the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.window import MedlabWindow

__all__ = ["PlainAction"]


@dataclass(frozen=True)
class PlainAction:
    """Something the window does.

    Parameters
    ----------
    id : str
        ``"medlab.view.mask"``.
    title : str
        Text of the menu entry, marked with `N_`.
    run : callable
        Called with the window.
    keys : tuple of str
        The first one is shown in the menu. ``"Review/1"`` and ``"Annotate/1"`` mean
        something in one mode only.
    menu : str
        Menu, then group: ``"medlab/view/2_layers"``.
    when : str
        Expression over `gui.context.Key`; empty means always.
    toggled : str
        Expression that is true where the entry has a tick.
    repeats : bool
        Whether it is done again and again while its key is held down. What decides
        something about a slice, or goes to another one unasked, is done once.
    """

    id: str
    title: str
    run: Callable[[MedlabWindow], object]
    keys: tuple[str, ...] = ()
    menu: str = ""
    when: str = ""
    toggled: str = ""
    repeats: bool = False
