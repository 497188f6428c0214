"""The queue as rows and columns."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPalette
from qtpy.QtWidgets import (
    QApplication,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from medlab_gui.core.i18n import _
from medlab_gui.core.records import ItemState, WorkItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QObject, QPersistentModelIndex

    from medlab_gui.gui.thumbnails import Place, Thumbnails

    AnyIndex = QModelIndex | QPersistentModelIndex

__all__ = ["WAITING", "Column", "QueueDelegate", "QueueModel", "in_order", "state_word"]

WAITING = (ItemState.QUEUED, ItemState.OPEN, ItemState.CORRECTED)
"""States of a slice that still wants a person."""

ITEM_ROLE = int(Qt.ItemDataRole.UserRole) + 1
OPEN_ROLE = int(Qt.ItemDataRole.UserRole) + 2

_PICTURE = Qt.ItemDataRole.DecorationRole
_NOWHERE = QModelIndex()


class Column(IntEnum):
    """What each column holds."""

    PICTURE = 0
    SLICE = 1
    SCORE = 2
    REASON = 3
    STATE = 4


_ALIGNED = {
    Column.SLICE: Qt.AlignmentFlag.AlignCenter,
    Column.STATE: Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
}


def state_word(state: ItemState) -> str:
    """Return a state as a person reads it."""
    return {
        ItemState.QUEUED: _("waiting"),
        ItemState.OPEN: _("open"),
        ItemState.CORRECTED: _("corrected"),
        ItemState.ACCEPTED: _("done ✓"),
        ItemState.SKIPPED: _("skipped"),
    }[state]


def in_order(items: Sequence[WorkItem]) -> list[WorkItem]:
    """Return what waits, most urgent first, then what was skipped, then the rest."""

    def key(item: WorkItem) -> tuple[int, float, str, int]:
        group = 0 if item.state in WAITING else 1 + (item.state is ItemState.ACCEPTED)
        return group, -item.priority, item.series_uid, item.slice_index

    return sorted(items, key=key)


class QueueModel(QAbstractTableModel):
    """Rows of `WorkItem`.

    Parameters
    ----------
    thumbnails : Thumbnails
        Gives the pictures.
    parent : QObject, optional
        Owner.
    """

    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._items: list[WorkItem] = []
        self._names: dict[str, str] = {}
        self._open: Place | None = None
        thumbnails.ready.connect(self._on_ready)

    def set_items(self, items: Sequence[WorkItem], names: dict[str, str]) -> None:
        """Show another queue.

        Parameters
        ----------
        items : sequence of WorkItem
            In any order.
        names : dict of str to str
            Series UID to what a person reads; shown where there are several.
        """
        self.beginResetModel()
        self._items = in_order(items)
        self._names = names if len({i.series_uid for i in items}) > 1 else {}
        self.endResetModel()

    def set_open(self, place: Place | None) -> None:
        """Mark the row of the slice that is on the canvas."""
        before, self._open = self._open, place
        for one in (before, place):
            row = self.row_at(one)
            if row >= 0:
                self.dataChanged.emit(
                    self.index(row, 0), self.index(row, self.columnCount() - 1)
                )

    def item(self, row: int) -> WorkItem:
        """Return the item of a row."""
        return self._items[row]

    def row_at(self, place: Place | None) -> int:
        """Return the row of a slice, or -1."""
        for row, item in enumerate(self._items):
            if (item.series_uid, item.slice_index) == place:
                return row
        return -1

    def _on_ready(self, places: set[Place]) -> None:
        for row, item in enumerate(self._items):
            if (item.series_uid, item.slice_index) in places:
                cell = self.index(row, Column.PICTURE)
                self.dataChanged.emit(cell, cell, [Qt.ItemDataRole.DecorationRole])

    # ---- what Qt asks -----------------------------------------------------------

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        """Return the number of slices."""
        return 0 if parent.isValid() else len(self._items)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Return the titles of the columns, and what they mean."""
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return ("", _("Slice"), _("Score"), _("Reason"), _("State"))[section]
        if role == Qt.ItemDataRole.ToolTipRole and section == Column.SCORE:
            return _(
                "How unsure the model is of the slice, 0 to 1.\n"
                "The queue goes by the bright part of the bar, what a minute on the\n"
                "slice is still worth: slices beside labelled or earlier ones teach\n"
                "little, and patients take turns."
            )
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        item = self._items[index.row()]
        place = (item.series_uid, item.slice_index)
        column = Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(item, column)
        if role == Qt.ItemDataRole.DecorationRole and column is Column.PICTURE:
            return self._thumbnails.get(place)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._in_words(item)
        if role == ITEM_ROLE:
            return item
        if role == OPEN_ROLE:
            return place == self._open
        if role == Qt.ItemDataRole.FontRole and place == self._open:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def _text(self, item: WorkItem, column: Column) -> str:
        if column is Column.SLICE:
            name = self._names.get(item.series_uid, "")
            return f"{item.slice_index + 1}" + (f"\n{name}" if name else "")
        if column is Column.SCORE:
            return f"{item.score:.2f}"
        if column is Column.REASON:
            return item.reason
        return state_word(item.state) if column is Column.STATE else ""

    def _in_words(self, item: WorkItem) -> str:
        text = _(
            "Slice {k}{of}, {state}: uncertainty {score}; what is left of it beside "
            "labelled and earlier slices {priority}; {reason}"
        )
        name = self._names.get(item.series_uid, "")
        return text.format(
            k=item.slice_index + 1,
            of=f" ({name})" if name else "",
            state=state_word(item.state),
            score=f"{item.score:.3f}",
            priority=f"{item.priority:.3f}",
            reason=item.reason or _("no reason given"),
        )


class QueueDelegate(QStyledItemDelegate):
    """Draws pictures, the score as a bar, and the row of the open slice.

    It draws short words by itself: the style asks the model for each of a dozen roles
    of every cell, which makes all other work in the window wait.
    """

    picture_side = 48
    """Longer side of a picture in logical pixels."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """Return room for a picture."""
        hint = super().sizeHint(option, index)
        return QSize(hint.width(), self.picture_side + 4)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex
    ) -> None:
        """Draw one cell."""
        item: WorkItem = index.data(ITEM_ROLE)
        is_open: bool = index.data(OPEN_ROLE)
        column = Column(index.column())
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        highlight = option.palette.color(QPalette.ColorRole.Highlight)
        ink = option.palette.color(
            QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        )
        if item.state not in WAITING and not selected:
            ink.setAlpha(140)
        if is_open and not selected:
            painter.fillRect(option.rect, _faded(highlight, 90))
        if column is Column.REASON:  # may be long: the style wraps and shortens it
            option.palette.setColor(QPalette.ColorRole.Text, ink)
            super().paint(painter, option, index)
            return
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        painter.save()
        painter.setPen(ink)
        if is_open:
            font = QFont(option.font)
            font.setBold(True)
            painter.setFont(font)
        if column is Column.PICTURE:
            self._paint_picture(painter, option, index.data(_PICTURE), ink)
            if is_open:
                bar = QRectF(option.rect)
                bar.setWidth(4)
                painter.fillRect(bar, highlight)
        elif column is Column.SCORE:
            self._paint_score(painter, option, index.data(), item, ink)
        else:
            room = option.rect.adjusted(3, 0, -3, 0)
            lines = [
                painter.fontMetrics().elidedText(
                    line, Qt.TextElideMode.ElideRight, room.width()
                )
                for line in index.data().split("\n")
            ]
            painter.drawText(room, _ALIGNED[column], "\n".join(lines))
        painter.restore()

    def _paint_picture(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        image: QImage | None,
        ink: QColor,
    ) -> None:
        room = QRectF(option.rect).adjusted(2, 2, -2, -2)
        if image is None:
            painter.fillRect(room, _faded(ink, 40))
            return
        scale = min(room.width() / image.width(), room.height() / image.height())
        size = QSize(round(image.width() * scale), round(image.height() * scale))
        target = QRectF(0, 0, size.width(), size.height())
        target.moveCenter(room.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, image)

    def _paint_score(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        text: str,
        item: WorkItem,
        ink: QColor,
    ) -> None:
        """Draw the score as a pale bar, what is left of it as a full one."""
        room = QRectF(option.rect).adjusted(4, 4, -4, -4)
        line = option.fontMetrics.height()
        top = room.center().y() - (line + 8) / 2
        painter.drawText(
            QRectF(room.left(), top, room.width(), line),
            Qt.AlignmentFlag.AlignCenter,
            text,
        )
        bar = QRectF(room.left(), top + line + 2, room.width(), 6)
        for share, alpha in ((1.0, 40), (item.score, 90), (item.priority, 230)):
            part = QRectF(bar)
            part.setWidth(bar.width() * min(1.0, max(0.0, share)))
            painter.fillRect(part, _faded(ink, alpha))


def _faded(color: QColor, alpha: int) -> QColor:
    """Return the same colour with an opacity of its own, 0 to 255."""
    faded = QColor(color)
    faded.setAlpha(alpha)
    return faded
