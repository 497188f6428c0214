"""Files dropped anywhere onto the window, as the system hands them over."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QLineEdit, QMessageBox, QWidget

from medlab_gui.core.geometry import Grid
from medlab_gui.gui.docks.studies import StudiesDock
from medlab_gui.io import write_image
from tests.gui.conftest import wait_for

pytestmark = pytest.mark.gui

COPY, MOVE = Qt.DropAction.CopyAction, Qt.DropAction.MoveAction


class Dragging:
    """Drags files from another program over a widget, by way of the whole window."""

    def __init__(self, window, *urls: str, offers=COPY | MOVE, text: str = "") -> None:
        self.handle = window.main.windowHandle()
        self.main, self.offers = window.main, offers
        self.mime = QMimeData()
        if urls:
            self.mime.setUrls([QUrl(url) for url in urls])
        if text:
            self.mime.setText(text)

    def over(self, widget: QWidget) -> tuple[bool, Qt.DropAction]:
        """Enter and move over a widget; return whether it would be taken, and how."""
        at = self._at(widget)
        how = (
            self.offers,
            self.mime,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.handle, QDragEnterEvent(at, *how))
        moved = QDragMoveEvent(at, *how)
        QApplication.sendEvent(self.handle, moved)
        return moved.isAccepted(), moved.dropAction()

    def drop(self, widget: QWidget) -> tuple[bool, Qt.DropAction]:
        """Let go over a widget."""
        event = QDropEvent(
            QPointF(self._at(widget)),
            self.offers,
            self.mime,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.ShiftModifier,  # asks for a move
        )
        QApplication.sendEvent(self.handle, event)
        return event.isAccepted(), event.dropAction()

    def _at(self, widget: QWidget) -> QPoint:
        return widget.mapTo(self.main, widget.rect().center())


@pytest.fixture
def scan(tmp_path):
    rng = np.random.default_rng(len(tmp_path.name))
    data = rng.integers(0, 900, (4, 9, 11), np.int16)
    path = tmp_path / "dropped.nii.gz"
    write_image(path, data, Grid.from_spacing(data.shape, (3.0, 1.2, 1.0)))
    return path, data


def is_open(window, data) -> bool:
    session = window.bench.session
    if session is None or session.is_provisional:
        return False
    return np.array_equal(session.volume.data, data)


def places(window) -> dict[str, QWidget]:
    window.show_dock("studies")
    dock = window.main.findChild(StudiesDock)
    return {
        "picture": window.canvas,
        "search": dock.search,
        "tree": dock.tree.viewport(),
        "menu": window.main.menuBar(),
        "status": window.main.statusBar(),
    }


@pytest.mark.parametrize("where", ["picture", "search", "tree", "menu", "status"])
def test_files_open_wherever_they_are_dropped(window, scan, where):
    path, data = scan
    target = places(window)[where]
    dragged = Dragging(window, QUrl.fromLocalFile(str(path)).toString())
    assert dragged.over(target) == (True, COPY)
    assert dragged.drop(target) == (True, COPY), "a move would delete the files"
    wait_for(lambda: is_open(window, data))
    texts = [w.text() for w in window.main.findChildren(QLineEdit)]
    assert not any("dropped" in text for text in texts)
    assert path.exists()


def test_what_cannot_be_opened_is_not_taken(window, scan):
    path, _data = scan
    layers = list(window.viewer.layers)
    file = QUrl.fromLocalFile(str(path)).toString()
    for urls, offers in ((["https://example.org/a.nii.gz"], COPY), ([file], MOVE)):
        dragged = Dragging(window, *urls, offers=offers)
        assert not dragged.over(window.canvas)[0]
        assert not dragged.drop(window.canvas)[0]
    assert list(window.viewer.layers) == layers
    assert (
        window.bench.incoming.places == () or path not in window.bench.incoming.places
    )


def test_words_are_still_dropped_where_one_searches(window):
    search = places(window)["search"]
    dragged = Dragging(window, text="liver")
    dragged.over(search)
    dragged.drop(search)
    assert search.text() == "liver"
    search.clear()


def test_nothing_is_taken_behind_a_dialog(window, scan):
    path, _data = scan
    dialog = QMessageBox(window.main)
    dialog.open()
    dragged = Dragging(window, QUrl.fromLocalFile(str(path)).toString())
    assert not dragged.over(window.canvas)[0]
    assert not dragged.drop(window.canvas)[0]
    dialog.reject()
    assert path not in window.bench.incoming.places
    assert dragged.over(window.canvas)[0]
