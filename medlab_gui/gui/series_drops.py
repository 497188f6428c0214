"""A series that is dragged from the study browser onto a picture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QMimeData, QObject, Qt
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QMenu, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui.pair.pair_actions import add_compare
from medlab_gui.gui.pair.pair_files import can_open, open_listed

if TYPE_CHECKING:
    from qtpy.QtCore import QPoint

    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.io import FileSeries

__all__ = ["SeriesDrops", "dragged_series", "series_mime"]

_FORMAT = "application/x-medlab-series"
_KINDS = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)


def series_mime(uid: str) -> QMimeData:
    """Return what is dragged for a series."""
    mime = QMimeData()
    mime.setData(_FORMAT, uid.encode())
    return mime


def dragged_series(mime: QMimeData) -> str:
    """Return the UID of the series that is dragged; empty for anything else."""
    return bytes(mime.data(_FORMAT).data()).decode()


class SeriesDrops(QObject):
    """Takes a series that is dropped onto a picture.

    Onto the first picture: where nothing is open it opens; else a menu asks whether it
    is to be opened, shown beside, or laid over. Onto the second one: it takes its
    place.

    Parameters
    ----------
    bench : Workbench
        What is open.
    first : tuple of QWidget
        They hold the first picture.
    second : QWidget
        The second picture.
    """

    def __init__(
        self,
        bench: Workbench,
        first: tuple[QWidget, ...],
        second: QWidget,
    ) -> None:
        super().__init__(second)
        self._bench, self._second = bench, second
        self.menu: QMenu | None = None
        for widget in (*first, second):
            widget.setAcceptDrops(True)
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take our series; leave files to others."""
        if event.type() not in _KINDS:
            return False
        # Enter, move and drop events are all drop events to Qt.
        assert isinstance(event, QDropEvent)
        uid = dragged_series(event.mimeData())
        if not uid:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            assert isinstance(watched, QWidget)
            if not self._can_compare(uid):
                self._open(uid)
            elif watched is self._second:
                open_listed(self._bench, uid)
            else:
                self._ask(uid, watched.mapToGlobal(event.position().toPoint()))
        return True

    def _can_compare(self, uid: str) -> bool:
        """Tell whether it can be shown with what is open: it may be a volume."""
        session, store = self._bench.session, self._bench.store
        is_other = session is not None and session.series_uid != uid
        if not is_other or store is None:
            return False
        found = self._found(uid)
        return store.has_series(uid) or (found is not None and can_open(found))

    def _found(self, uid: str) -> FileSeries | None:
        found = self._bench.incoming.found
        return next((one for one in found if one.uid == uid), None)

    def _open(self, uid: str) -> None:
        found = self._found(uid)
        if found is not None:
            self._bench.incoming.open_found(found)
        else:
            self._bench.open_series(uid)

    def _ask(self, uid: str, at: QPoint) -> None:
        self.menu = menu = QMenu(self._second.window())
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(_("Open it")).triggered.connect(partial(self._on_open, uid))
        menu.addSeparator()
        add_compare(menu, self._bench, uid)
        menu.popup(at)

    def _on_open(self, uid: str, _checked: bool = False) -> None:
        self._open(uid)
