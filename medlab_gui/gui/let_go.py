"""Waits until another window lets go of the series that is open here read-only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.session import ReviewSession
    from medlab_gui.store.project import ProjectStore

__all__ = ["EVERY_MS", "edit_when_let_go"]

EVERY_MS = 2000
"""Milliseconds between two looks; each asks the system for one lock."""


def edit_when_let_go(bench: Workbench) -> None:
    """Open the series for editing as soon as no other window edits it.

    What was done there is shown then, too. It ends when something else is opened.
    """
    session = bench.session
    if session is not None and session.read_only and not session.is_provisional:
        _look_later(bench, session)


def _look_later(
    bench: Workbench, session: ReviewSession, *, was_free: bool = False
) -> None:
    QTimer.singleShot(EVERY_MS, partial(_look, bench, session, was_free))


def _look(bench: Workbench, session: ReviewSession, was_free: bool) -> None:
    if bench.session is not session or bench.store is None:
        return
    is_free = _is_free(bench.store, session.series_uid)
    # Who closes a series saves it just after letting go of it.
    if is_free and was_free and not _is_busy(bench):
        bench.reopen(partial(_tell, bench))
    else:
        _look_later(bench, session, was_free=is_free)


def _is_free(store: ProjectStore, uid: str) -> bool:
    try:
        is_there = store.journal_path(uid).exists()
    except OSError:
        is_there = False
    return is_there and not store.is_edited(uid)


def _tell(bench: Workbench) -> None:
    if bench.session is not None and not bench.session.read_only:
        bench.inform(_("This series can be edited now: the other window let go of it."))


def _is_busy(bench: Workbench) -> bool:
    """Tell whether a person is in the middle of something with the pictures."""
    return (
        QApplication.mouseButtons() != Qt.MouseButton.NoButton
        or QApplication.activeModalWidget() is not None
        or bench.measure.drawing
        or bench.cine.is_playing
    )
