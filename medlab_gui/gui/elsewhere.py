"""Notices what other processes do in the open project, such as a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QObject, QTimer

from medlab_gui.core.errors import MedlabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from medlab_gui.gui.workbench import Workbench

__all__ = ["ElsewhereWatch"]

_EVERY_MS = 2000


class ElsewhereWatch(QObject):
    """Looks every other second whether a project was written to.

    A look asks SQLite for one number, and the system for the age of a file for each
    training under way; nothing is read.

    Parameters
    ----------
    workbench : Workbench
        Whose project it is.
    running : callable
        Returns the ids of the runs that are under way.
    parent : QObject
        Owner.
    """

    changed = QtCore.Signal()
    """Another connection wrote rows, or a run an epoch."""

    looked = QtCore.Signal()
    """It looked, whatever it saw."""

    def __init__(
        self,
        workbench: Workbench,
        running: Callable[[], Iterable[str]],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._bench, self._running = workbench, running
        self._seen: tuple[object, ...] = ()
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.look)

    def set_on(self, on: bool) -> None:
        """Begin or stop looking; what was written up to now is not told."""
        if on:
            self._seen = self._stamp()
            self._timer.start()
        else:
            self._timer.stop()

    def look_again(self) -> None:
        """Tell of what was seen once more: it could not be read just now."""
        self._seen = ()

    def look(self) -> None:
        """Look now."""
        now = self._stamp()
        if now != self._seen:
            self._seen = now
            if now:
                self.changed.emit()
        self.looked.emit()

    def _stamp(self) -> tuple[object, ...]:
        store = self._bench.store
        if store is None:
            return ()
        try:
            found: list[object] = [id(store), store.n_foreign_changes()]
        except MedlabError:  # it has gone; who wants to work in it says so
            return ()
        for run_id in self._running():
            try:
                path = store.folder / "runs" / run_id / "history.json"
                found.append((run_id, path.stat().st_mtime_ns))
            except OSError:  # before its first epoch
                found.append((run_id, 0))
        return tuple(found)
