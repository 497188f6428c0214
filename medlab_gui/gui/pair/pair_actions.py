"""Actions of the second series, for the menu and for lists of series."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_, _
from medlab_gui.gui.pair.pair_files import open_listed
from medlab_gui.gui.plain_action import PlainAction

if TYPE_CHECKING:
    from qtpy.QtWidgets import QMenu

    from medlab_gui.gui.window import MedlabWindow
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PAIR_ACTIONS", "PAIR_SUBMENUS", "add_compare"]

PAIR_SUBMENUS = (("medlab/view", "2_pair", "medlab/view/pair", N_("Second series")),)


def add_compare(menu: QMenu, bench: Workbench, uid: str) -> None:
    """Add what can be done with a series of a list to its context menu.

    Parameters
    ----------
    menu : QMenu
        Of the list.
    bench : Workbench
        What is open.
    uid : str
        The series.
    """
    session = bench.session
    can = session is not None and session.series_uid != uid
    for text, overlay in (
        (_("Compare with the open series"), False),
        (_("Lay over the open series"), True),
    ):
        action = menu.addAction(text)
        action.setEnabled(can)
        action.triggered.connect(partial(_open, bench, uid, overlay))


def _open(bench: Workbench, uid: str, overlay: bool, _checked: bool = False) -> None:
    open_listed(bench, uid, overlay=overlay)


def _compare(window: MedlabWindow) -> None:
    from medlab_gui.gui.pair.choose_series import SeriesChooser

    SeriesChooser(window.bench, window.main).open()


def _beside(window: MedlabWindow) -> None:
    window.bench.pair.beside = not window.bench.pair.beside


def _overlay(window: MedlabWindow) -> None:
    window.bench.pair.overlay = not window.bench.pair.overlay


PAIR_ACTIONS = (
    PlainAction(
        "medlab.view.pair_compare",
        N_("Compare with…"),
        _compare,
        ("Ctrl+Shift+C",),
        "medlab/view/pair/1_choose",
        "series_open",
    ),
    PlainAction(
        "medlab.view.pair_beside",
        N_("Beside the first"),
        _beside,
        (),
        "medlab/view/pair/2_show",
        "pair_open",
        "pair_beside",
    ),
    PlainAction(
        "medlab.view.pair_overlay",
        N_("Over the first, in colour"),
        _overlay,
        (),
        "medlab/view/pair/2_show",
        "pair_open",
        "pair_overlay",
    ),
    PlainAction(
        "medlab.view.pair_link_here",
        N_("Link both here by hand"),
        lambda w: w.bench.pair.link_here(),
        (),
        "medlab/view/pair/3_link",
        "pair_open",
    ),
    PlainAction(
        "medlab.view.pair_close",
        N_("Close the second series"),
        lambda w: w.bench.pair.close(),
        (),
        "medlab/view/pair/4_close",
        "pair_open",
    ),
)
