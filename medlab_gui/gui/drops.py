"""Files and folders that are dropped onto the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

__all__ = ["DropFilter"]

_DRAGS = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)
_MADE = (QEvent.Type.WinIdChange, QEvent.Type.Show)


class DropFilter(QObject):
    """Takes files that are dropped anywhere onto a window, in place of all in it.

    A search field would take the name of a file for what is searched, and napari's
    viewer opens files its own way.

    Parameters
    ----------
    window : QWidget
        The window.
    take : callable
        ``take(paths)``.
    """

    def __init__(
        self, window: QWidget, take: Callable[[tuple[Path, ...]], object]
    ) -> None:
        super().__init__(window)
        self._window = window
        self._take = take
        window.setAcceptDrops(True)
        window.installEventFilter(self)
        self._listen()

    def _listen(self) -> None:
        """Be asked before any widget is, which is where the system's window is."""
        handle = self._window.windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accept local files and folders; leave what else is dragged to the others."""
        kind = event.type()
        if kind in _MADE and watched is self._window:
            self._listen()
        if kind not in _DRAGS:
            return False
        # Enter, move and drop events are all drop events to Qt.
        assert isinstance(event, QDropEvent)
        if not event.mimeData().hasUrls():
            return False
        paths = tuple(
            Path(url.toLocalFile())
            for url in event.mimeData().urls()
            if url.isLocalFile()
        )
        # Where a move is accepted, some file managers delete the files.
        copies = event.possibleActions() & Qt.DropAction.CopyAction
        is_blocked = QApplication.activeModalWidget() is not None
        if not paths or not copies or is_blocked:
            event.ignore()
            return True
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if kind == QEvent.Type.Drop:
            self._take(paths)
        return True
