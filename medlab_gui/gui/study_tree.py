"""The tree of the study browser: patient, study, series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QMimeData, QSize, Qt
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import (
    QAbstractItemView,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.series_drops import series_mime
from medlab_gui.gui.study_rows import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qtpy.QtGui import QIcon

__all__ = ["PICTURE_SIDE", "StudyTree"]

PICTURE_SIDE = 44
_ROW = Qt.ItemDataRole.UserRole


class StudyTree(QTreeWidget):
    """Sections (files, project) of patients, of studies, of series.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[QTreeWidgetItem] = []
        self._open_uid = ""
        self.setHeaderHidden(True)
        self.setAccessibleName(_("Studies"))
        self.setIconSize(QSize(PICTURE_SIDE, PICTURE_SIDE))
        self.setIndentation(9)
        self.setUniformRowHeights(False)
        self.setRootIsDecorated(True)
        self.setExpandsOnDoubleClick(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)

    def mimeData(self, items: Sequence[QTreeWidgetItem]) -> QMimeData:
        """Return what is dragged: a series, to be dropped onto a picture."""
        rows = [row for item in items if (row := self.row_of(item)) is not None]
        good = [row for row in rows if not row.blocked]
        return series_mime(good[0].uid) if good else QMimeData()

    # ---- content ----------------------------------------------------------------

    def fill(self, sections: Sequence[tuple[str, Sequence[SeriesRow]]]) -> None:
        """Show sections; with one that has anything, its title is left out.

        What was selected or closed stays so.
        """
        current = self.row_of(self.currentItem())
        shut = {_place(item) for item in self._groups() if not item.isExpanded()}
        self.clear()
        self._rows = []
        full = [(title, rows) for title, rows in sections if rows]
        for title, rows in full:
            parent: QTreeWidget | QTreeWidgetItem = self
            if len(full) > 1 or title != sections[-1][0]:
                parent = QTreeWidgetItem(self, [title])
                font = parent.font(0)
                font.setBold(True)
                parent.setFont(0, font)
            self._fill_section(parent, rows)
        for item in self._groups():
            item.setExpanded(_place(item) not in shut)
        if current is not None:
            self._select(current.uid, in_files=current.found is not None)

    def _fill_section(
        self, parent: QTreeWidget | QTreeWidgetItem, rows: Sequence[SeriesRow]
    ) -> None:
        patients: dict[str, QTreeWidgetItem] = {}
        studies: dict[tuple[str, str], QTreeWidgetItem] = {}
        for row in rows:
            patient = patients.get(row.patient_key)
            if patient is None:
                patient = patients[row.patient_key] = QTreeWidgetItem(
                    parent, [row.patient]
                )
                patient.setToolTip(
                    0,
                    _("From the open files; the project keeps no patient's name.")
                    if row.is_named
                    else _("A pseudonym: MedLab keeps no patient's name."),
                )
            key = (row.patient_key, row.study_uid)
            if key not in studies:
                studies[key] = QTreeWidgetItem(patient, [row.study])
                studies[key].setToolTip(0, row.study)
            self._add(studies[key], row)

    def _add(self, study: QTreeWidgetItem, row: SeriesRow) -> None:
        item = QTreeWidgetItem(study)
        self._describe(item, row)
        self._rows.append(item)

    def renew(self, rows: Iterable[SeriesRow]) -> None:
        """Say of series of the project that are listed what is true of them now."""
        by_uid = {row.uid: row for row in rows}
        for item in self._rows:
            before = self.row_of(item)
            if before is None or before.found is not None:
                continue
            row = by_uid.get(before.uid, before)
            if row != before:
                self._describe(item, row)

    def _describe(self, item: QTreeWidgetItem, row: SeriesRow) -> None:
        badge = "⚠ " if row.problems else ""
        second = f"{row.facts} · {row.blocked}" if row.blocked else row.facts
        item.setText(0, f"{badge}{row.name}\n{second}")
        item.setData(0, _ROW, row)
        tip = "\n".join(t for t in (row.name, row.facts, row.voxels, row.why) if t)
        item.setToolTip(0, tip)
        # Screen readers say what others see from colour and badge.
        item.setData(0, Qt.ItemDataRole.AccessibleDescriptionRole, row.why)
        if row.blocked:
            grey = self.palette().color(
                QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text
            )
            item.setForeground(0, grey)

    def _groups(self) -> list[QTreeWidgetItem]:
        """Return all items that have others below them."""
        found = []
        left = [self.topLevelItem(n) for n in range(self.topLevelItemCount())]
        while left:
            item = left.pop()
            if item is not None and item.childCount():
                found.append(item)
                left += [item.child(n) for n in range(item.childCount())]
        return found

    def row_of(self, item: QTreeWidgetItem | None) -> SeriesRow | None:
        """Return the series of an item; None for a patient or a study."""
        row = item.data(0, _ROW) if item is not None else None
        return row if isinstance(row, SeriesRow) else None

    @property
    def series_items(self) -> tuple[QTreeWidgetItem, ...]:
        """The items of series, from top to bottom."""
        return tuple(self._rows)

    # ---- looks ------------------------------------------------------------------

    def show_pictures(self, icons: Mapping[str, QIcon]) -> None:
        """Put pictures beside series, by UID."""
        for item in self._rows:
            row = self.row_of(item)
            if row is not None and row.uid in icons:
                item.setIcon(0, icons[row.uid])

    def mark_open(self, uid: str) -> None:
        """Write the open series in bold, and go there when it is another one."""
        for item in self._rows:
            row = self.row_of(item)
            font = item.font(0)
            is_open = row is not None and row.uid == uid
            if font.bold() != is_open:
                font.setBold(is_open)
                item.setFont(0, font)
        # What is not listed yet is gone to as soon as it is.
        if uid != self._open_uid and (self._select(uid) or not uid):
            self._open_uid = uid

    def _select(self, uid: str, *, in_files: bool | None = None) -> bool:
        for item in self._rows:
            row = self.row_of(item)
            if row is None or row.uid != uid:
                continue
            if in_files is None or in_files == (row.found is not None):
                self.setCurrentItem(item)
                return True
        return False

    # ---- search -------------------------------------------------------------------

    def show_only(self, text: str) -> int:
        """Hide series that do not hold every word, and what is then empty.

        Returns
        -------
        int
            How many series are left.
        """
        words = text.casefold().split()
        for item in self._rows:
            row = self.row_of(item)
            item.setHidden(row is None or not row.matches(words))
        for n in range(self.topLevelItemCount()):
            _hide_empty(self.topLevelItem(n))
        return sum(not item.isHidden() for item in self._rows)

    def go_to_first(self) -> None:
        """Select the first series that is shown, and take the keys."""
        for item in self._rows:
            if not item.isHidden():
                self.setCurrentItem(item)
                self.setFocus()
                return


def _place(item: QTreeWidgetItem) -> tuple[str, ...]:
    """Return the texts from the root to an item."""
    texts = []
    at: QTreeWidgetItem | None = item
    while at is not None:
        texts.append(at.text(0))
        at = at.parent()
    return tuple(texts)


def _hide_empty(item: QTreeWidgetItem | None) -> bool:
    """Hide what has nothing below it that is shown; tell whether it is hidden."""
    if item is None:
        return True
    if item.childCount():
        shown = [not _hide_empty(item.child(n)) for n in range(item.childCount())]
        item.setHidden(not any(shown))
    return bool(item.isHidden())
