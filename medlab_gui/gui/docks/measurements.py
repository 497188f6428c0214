"""What is measured on the open series, and the tools for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import N_, _
from medlab_gui.core.measurements import KIND_NAMES, PLANE_NAMES, Kind, Plane
from medlab_gui.gui.keybook import as_held
from medlab_gui.gui.measure_actions import TOOL_KEYS, copy_figures, export_table
from medlab_gui.gui.own_keys import OwnKeys

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

    from medlab_gui.core.measurements import Measurement
    from medlab_gui.gui.workbench import Workbench

__all__ = ["MeasurementsDock"]

_ID = int(Qt.ItemDataRole.UserRole)

_HOW = {
    Kind.DISTANCE: N_("Drag from one end to the other ({key})"),
    Kind.ANGLE: N_("Click a point on one arm, the vertex, and the other arm ({key})"),
    Kind.ELLIPSE: N_("Drag the box that holds the ellipse ({key})"),
    Kind.RECTANGLE: N_("Drag from corner to corner ({key})"),
    Kind.FREEHAND: N_("Draw round the region; it closes by itself ({key})"),
}


class MeasurementsDock(QWidget):
    """Tools, and a list of what is measured.

    Parameters
    ----------
    workbench : Workbench
        What is open.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._state = workbench.measure
        self._stale = True
        self.setMinimumWidth(260)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addLayout(self._tool_row())
        self.hint = QLabel()
        self.hint.setObjectName("hint")
        self.hint.setWordWrap(True)
        layout.addWidget(self.hint)
        self.caution = QLabel()
        self.caution.setObjectName("locked_note")
        self.caution.setWordWrap(True)
        layout.addWidget(self.caution)
        self.table = self._table()
        layout.addWidget(self.table, 1)
        layout.addLayout(self._button_row())
        state = self._state
        state.changed.connect(self._on_changed)
        state.selected_changed.connect(self._on_selected)
        state.tool_changed.connect(self._on_tool)
        workbench.session_changed.connect(self._on_tool)
        self._on_changed()
        self._on_tool()

    def sizeHint(self) -> QSize:
        """Return the size that shows all of it."""
        return QSize(330, 420)

    # ---- parts ----------------------------------------------------------------

    def _tool_row(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        self.tools: dict[Kind, QToolButton] = {}
        for n, (kind, key) in enumerate(TOOL_KEYS.items()):
            button = QToolButton()
            button.setText(_(KIND_NAMES[kind]))
            button.setToolTip(_(_HOW[kind]).format(key=key))
            button.setCheckable(True)
            button.setSizePolicy(
                button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed
            )
            button.setObjectName(f"measure_{kind}")
            button.clicked.connect(self._on_tool_clicked)
            grid.addWidget(button, n // 3, n % 3)
            self.tools[kind] = button
        return grid

    def _table(self) -> QTreeWidget:
        table = QTreeWidget()
        table.setColumnCount(3)
        table.setHeaderLabels([_("What"), _("Slice"), _("Figures")])
        table.setRootIsDecorated(False)
        table.setEditTriggers(QTreeWidget.EditTrigger.NoEditTriggers)
        table.setAccessibleName(_("Measurements of this series"))
        header = table.header()
        header.setStretchLastSection(True)
        for column in (0, 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        table.installEventFilter(OwnKeys(self))
        table.itemClicked.connect(self._on_clicked)
        table.itemDoubleClicked.connect(self._on_double_clicked)
        table.itemChanged.connect(self._on_renamed)
        return table

    def _button_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.copy = QPushButton(_("Copy"))
        self.copy.setToolTip(_("Copy the figures of the selected measurement"))
        self.copy.clicked.connect(self._on_copy)
        self.delete = QPushButton(_("Delete"))
        self.delete.setToolTip(
            as_held(_("Delete the selected measurement (Del); Ctrl+Z brings it back"))
        )
        self.delete.clicked.connect(self._on_delete)
        self.export = QPushButton(_("Export CSV…"))
        self.export.setToolTip(
            _("Write all measurements of the open series as a table")
        )
        self.export.clicked.connect(self._on_export)
        for button in (self.copy, self.delete, self.export):
            button.setAutoDefault(False)
            row.addWidget(button)
        return row

    # ---- showing ----------------------------------------------------------------

    def _on_changed(self) -> None:
        self.caution.setText(self._state.caution)
        self.caution.setVisible(bool(self._state.caution))
        self._stale = True
        if self.isVisible():
            self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed while the dock was hidden."""
        super().showEvent(event)
        if self._stale:
            self._refresh()

    def _refresh(self) -> None:
        """List everything; figures of regions need the scan, so only when seen."""
        self._stale = False
        self.table.blockSignals(True)
        self.table.clear()
        for one in self._state.items:
            self.table.addTopLevelItem(self._row(one))
        second = self._bench.pair.second
        if second is not None and self._state.second_items:
            heading = QTreeWidgetItem([second.title])
            heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
            heading.setToolTip(0, _("Measured on the second series:"))
            self.table.addTopLevelItem(heading)
            heading.setFirstColumnSpanned(True)
            for one in self._state.second_items:
                self.table.addTopLevelItem(self._row(one))
        self.table.blockSignals(False)
        self._on_selected()

    def _row(self, one: Measurement) -> QTreeWidgetItem:
        slice_ = str(one.slice_index + 1)
        if one.plane is not Plane.AXIAL:
            slice_ = f"{_(PLANE_NAMES[one.plane])} {slice_}"
        lines = self._state.lines(one)
        figures = "\n".join(lines[1:] if one.label else lines)
        item = QTreeWidgetItem([one.label or _(KIND_NAMES[one.kind]), slice_, figures])
        item.setData(0, _ID, one.id)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        top = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        for column in range(3):
            item.setTextAlignment(column, top)
        when = one.changed[:16].replace("T", " ")
        tip = _("{kind}, {author}, {when} UTC. Double click to name it.").format(
            kind=_(KIND_NAMES[one.kind]), author=one.changed_by, when=when
        )
        item.setToolTip(0, tip)
        return item

    def _on_selected(self) -> None:
        chosen = self._state.selected
        self.table.blockSignals(True)
        self.table.clearSelection()
        for n in range(self.table.topLevelItemCount()):
            item = self.table.topLevelItem(n)
            if (
                chosen is not None
                and item is not None
                and item.data(0, _ID) == chosen.id
            ):
                self.table.setCurrentItem(item)
        self.table.blockSignals(False)
        self.copy.setEnabled(chosen is not None)
        self.delete.setEnabled(chosen is not None)
        self.export.setEnabled(bool(self._state.items))

    def _on_tool(self) -> None:
        tool = self._state.tool
        is_open = self._bench.session is not None
        for kind, button in self.tools.items():
            button.setChecked(kind is tool)
            button.setEnabled(is_open)
        if not is_open:
            text = _("Open a series to measure on it.")
        elif tool is None:
            text = _("Choose a tool; Esc puts it away.")
        else:
            text = _(_HOW[tool]).format(key=TOOL_KEYS[tool])
        self.hint.setText(text)

    # ---- doing ------------------------------------------------------------------

    def _on_tool_clicked(self) -> None:
        sender = self.sender()
        for kind, button in self.tools.items():
            if button is sender:
                self._state.tool = kind if button.isChecked() else None

    def _of(self, item: QTreeWidgetItem) -> Measurement | None:
        return self._state.find(item.data(0, _ID) or "")

    def _on_clicked(self, item: QTreeWidgetItem, _column: int) -> None:
        one = self._of(item)
        if one is not None:
            self._state.show(one)

    def _on_double_clicked(self, item: QTreeWidgetItem, _column: int) -> None:
        self.table.editItem(item, 0)

    def _on_renamed(self, item: QTreeWidgetItem, _column: int) -> None:
        one = self._of(item)
        if one is not None:
            text = item.text(0).strip()
            label = "" if text == _(KIND_NAMES[one.kind]) else text
            # Later: the rows are made anew, and this one is still being edited.
            QTimer.singleShot(0, partial(self._rename, one.id, label))

    def _rename(self, measurement_id: str, label: str) -> None:
        self._state.change(measurement_id, label=label)
        self._on_changed()

    def _on_copy(self) -> None:
        copy_figures(self._bench)

    def _on_delete(self) -> None:
        self._state.remove_selected()

    def _on_export(self) -> None:
        export_table(self._bench, self.window())
