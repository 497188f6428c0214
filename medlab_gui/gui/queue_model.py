"""The queue as rows and columns."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPalette
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

_NOWHERE = QModelIndex()


class Column(IntEnum):
    """What each column holds."""

    PICTURE = 0
    SLICE = 1
    SCORE = 2
    REASON = 3
    STATE = 4


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
        """Return the titles of the columns."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Vertical:
            return None
        titles = ("", _("Slice"), _("Score"), _("Reason"), _("State"))
        return titles[section]

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
        if role == Qt.ItemDataRole.TextAlignmentRole and column is Column.SLICE:
            return int(Qt.AlignmentFlag.AlignCenter)
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
            "Slice {k}, {state}: uncertainty {score}, after labelled neighbours "
            "{priority}; {reason}"
        )
        return text.format(
            k=item.slice_index + 1,
            state=state_word(item.state),
            score=f"{item.score:.3f}",
            priority=f"{item.priority:.3f}",
            reason=item.reason or _("no reason given"),
        )


class QueueDelegate(QStyledItemDelegate):
    """Draws pictures, the score as a bar, and the row of the open slice."""

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
        own = QStyleOptionViewItem(option)
        self.initStyleOption(own, index)
        item: WorkItem = index.data(ITEM_ROLE)
        selected = bool(own.state & QStyle.StateFlag.State_Selected)
        if index.data(OPEN_ROLE) and not selected:
            mark = own.palette.color(QPalette.ColorRole.Highlight)
            mark.setAlpha(90)
            painter.fillRect(own.rect, mark)
        column = Column(index.column())
        if column is Column.PICTURE:
            self._paint_picture(painter, own, index, selected=selected)
        elif column is Column.SCORE:
            self._paint_score(painter, own, item)
        else:
            if item.state not in WAITING:
                faint = own.palette.color(QPalette.ColorRole.Text)
                faint.setAlpha(140)
                own.palette.setColor(QPalette.ColorRole.Text, faint)
            style = own.widget.style() if own.widget else QApplication.style()
            style.drawControl(
                QStyle.ControlElement.CE_ItemViewItem, own, painter, own.widget
            )

    def _paint_picture(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: AnyIndex,
        *,
        selected: bool,
    ) -> None:
        if selected:
            painter.fillRect(
                option.rect, option.palette.color(QPalette.ColorRole.Highlight)
            )
        image = index.data(Qt.ItemDataRole.DecorationRole)
        room = QRectF(option.rect).adjusted(2, 2, -2, -2)
        if image is None:
            faint = option.palette.color(QPalette.ColorRole.Text)
            faint.setAlpha(40)
            painter.fillRect(room, faint)
        else:
            scale = min(room.width() / image.width(), room.height() / image.height())
            size = QSize(round(image.width() * scale), round(image.height() * scale))
            target = QRectF(0, 0, size.width(), size.height())
            target.moveCenter(room.center())
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, image)
            painter.restore()
        if index.data(OPEN_ROLE):
            bar = QRectF(option.rect.left(), option.rect.top(), 4, option.rect.height())
            painter.fillRect(bar, option.palette.color(QPalette.ColorRole.Highlight))

    def _paint_score(
        self, painter: QPainter, option: QStyleOptionViewItem, item: WorkItem
    ) -> None:
        """Draw the score as a pale bar, what is left of it as a full one."""
        text = option.text
        option.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(
            QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget
        )
        room = QRectF(option.rect).adjusted(4, 4, -4, -4)
        line = option.fontMetrics.height()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = (
            QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        )
        ink = option.palette.color(role)
        painter.save()
        painter.setPen(ink)
        painter.setFont(option.font)
        top = room.center().y() - (line + 8) / 2
        painter.drawText(
            QRectF(room.left(), top, room.width(), line),
            Qt.AlignmentFlag.AlignCenter,
            text,
        )
        bar = QRectF(room.left(), top + line + 2, room.width(), 6)
        for share, alpha in ((1.0, 40), (item.score, 90), (item.priority, 230)):
            color = QColor(ink)
            color.setAlpha(alpha)
            part = QRectF(bar)
            part.setWidth(bar.width() * min(1.0, max(0.0, share)))
            painter.fillRect(part, color)
        painter.restore()
