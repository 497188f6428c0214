"""Files and folders that are dropped onto the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QDropEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QWidget

__all__ = ["DropFilter", "what_to_import"]


def what_to_import(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return what to import for dropped paths.

    A series is many files: several files of one folder stand for that folder.
    """
    files = [p for p in paths if not p.is_dir()]
    folders = {p.parent for p in files}
    if len(files) > 1 and len(folders) == 1:
        return (*(p for p in paths if p.is_dir()), *folders)
    return tuple(paths)


class DropFilter(QObject):
    """Takes drops in place of napari.

    Parameters
    ----------
    widget : QWidget
        What accepts drops; napari's viewer or the window.
    take : callable
        ``take(paths)``.
    """

    def __init__(
        self, widget: QWidget, take: Callable[[tuple[Path, ...]], object]
    ) -> None:
        super().__init__(widget)
        self._take = take
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accept local files and folders, nothing else."""
        kind = event.type()
        if kind not in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            return False
        # Enter, move and drop events are all drop events to Qt.
        assert isinstance(event, QDropEvent)
        paths = tuple(
            Path(url.toLocalFile())
            for url in event.mimeData().urls()
            if url.isLocalFile()
        )
        if not paths:
            event.ignore()
            return True
        event.acceptProposedAction()
        if kind == QEvent.Type.Drop:
            self._take(what_to_import(paths))
        return True
