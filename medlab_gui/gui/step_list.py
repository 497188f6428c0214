"""The steps of a recipe below each other: their order, adding and removing."""

from __future__ import annotations

from qtpy import QtCore
from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtGui import QAction, QColor, QKeyEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QApplication,
    QLabel,
    QMenu,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.core.specs import PipelineSpec, Step
from medlab_gui.gui.step_controls import StepControls
from medlab_gui.imaging.recipes import complete

__all__ = ["StepList"]

_LINE = QColor(240, 228, 66)


class _Line(QWidget):
    """Lies where a step that is being dragged would go."""

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), _LINE)


class StepList(QWidget):
    """Shows a `PipelineSpec` and lets a person change it.

    A step is taken by its dots and dropped elsewhere, or moved by Alt and up or down
    while anything in it has the focus.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    edited = QtCore.Signal(str)
    """The person changed the recipe; what, as `RecipeHistory.note` wants it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[StepControls] = []
        # Whom Tab leads from to the first step; by itself it would be last of all.
        self.comes_after: QWidget | None = None
        self._unit = "HU"
        self._taken: StepControls | None = None
        self._drop: int | None = None
        self._steps = QVBoxLayout()
        self._steps.setSpacing(0)
        self.empty = QLabel(_("No step: the picture stays as it is."), self)
        self.empty.setWordWrap(True)
        self.add = QToolButton(self)
        self.add.setText(_("Add a step"))
        self.add.setToolTip(_("Put another step at the end of the recipe"))
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.add)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.menu.triggered.connect(self._chosen)
        self.add.setMenu(self.menu)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.empty)
        layout.addLayout(self._steps)
        layout.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)
        self.line = _Line(self)
        self.line.hide()

    # ---- the recipe -----------------------------------------------------------

    @property
    def spec(self) -> PipelineSpec:
        """The recipe as it is set."""
        return PipelineSpec(tuple(row.step for row in self.rows))

    def set_spec(self, spec: PipelineSpec) -> None:
        """Show another recipe without telling anybody.

        Raises
        ------
        SpecError
            If a step is not known here.
        """
        full = complete(spec)
        if [s.name for s in full.steps] != [row.info.name for row in self.rows]:
            self._arrange([s.name for s in full.steps])
        for row, step in zip(self.rows, full.steps, strict=True):
            if row.step != step:
                row.set_step(step)
        self.empty.setVisible(not self.rows)

    def set_unit(self, unit: str) -> None:
        """Name the unit of the open scan where a parameter is in HU."""
        self._unit = unit
        for row in self.rows:
            row.set_unit(unit)

    def _arrange(self, names: list[str]) -> None:
        """Have one row for each name, in this order; rows are kept where they can."""
        self._put_back()  # what is carried may go
        spare = list(self.rows)
        rows = []
        for name in names:
            row = next((r for r in spare if r.info.name == name), None)
            if row is None:
                row = self._make_row(name)
            else:
                spare.remove(row)
            rows.append(row)
        for old in spare:
            self._steps.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._place(rows)

    def _place(self, rows: list[StepControls]) -> None:
        # Taking a widget out of a layout and putting it back keeps its focus.
        for place, row in enumerate(rows):
            if self._steps.indexOf(row) != place:
                self._steps.removeWidget(row)
                self._steps.insertWidget(place, row)
        before = self.comes_after or self
        for row in rows:
            for part in (row.check, *self._controls(row), row.more, row.remove):
                QWidget.setTabOrder(before, part)
                before = part
        QWidget.setTabOrder(before, self.add)
        self.rows = rows

    @staticmethod
    def _controls(row: StepControls) -> list[QWidget]:
        return [w for c in row.params.values() for w in (c.slider, c.spin)]

    def _make_row(self, name: str) -> StepControls:
        from medlab_gui.imaging.pipeline import STEPS

        row = StepControls(STEPS[name], self)
        row.set_unit(self._unit)
        row.changed.connect(self._row_changed)
        row.move_wanted.connect(self._move_row)
        row.remove_wanted.connect(self._remove_row)
        row.grip.pressed.connect(self._take)
        row.grip.dragged.connect(self._carry)
        row.grip.released.connect(self._let_go)
        return row

    def _row_of(self, sender: QtCore.QObject | None) -> int:
        if isinstance(sender, StepControls):
            return self.rows.index(sender)
        assert isinstance(sender, QWidget)
        parent = sender.parentWidget()
        assert isinstance(parent, StepControls)
        return self.rows.index(parent)

    def _row_changed(self, param: str) -> None:
        place = self._row_of(self.sender())
        self.edited.emit(f"{place}.{param}" if param else "")

    def _move_row(self, by: int) -> None:
        place = self._row_of(self.sender())
        self.move_step(place, min(max(place + by, 0), len(self.rows) - 1))

    def _remove_row(self) -> None:
        self.remove_step(self._row_of(self.sender()))

    def move_step(self, source: int, target: int) -> None:
        """Put a step at another place, as if the person had done it."""
        if source != target:
            row = self.rows[source]
            rows = list(self.rows)
            rows.insert(target, rows.pop(source))
            held = self._focus_in(row)
            self._place(rows)
            if held is not None:
                held.setFocus(Qt.FocusReason.OtherFocusReason)
            self.edited.emit("")

    @staticmethod
    def _focus_in(row: QWidget) -> QWidget | None:
        held = row.window().focusWidget()
        return held if held is not None and row.isAncestorOf(held) else None

    def remove_step(self, place: int) -> None:
        """Take a step out, as if the person had done it."""
        steps = list(self.spec.steps)
        del steps[place]
        had_focus = self._focus_in(self.rows[place]) is not None
        gone = self.rows.pop(place)
        self._steps.removeWidget(gone)
        gone.hide()
        gone.deleteLater()
        self.empty.setVisible(not self.rows)
        if had_focus:
            # Whoever works by keyboard goes on where the step was.
            near = self.rows[min(place, len(self.rows) - 1)] if self.rows else None
            (near.check if near is not None else self.add).setFocus()
        self.edited.emit("")

    def add_step(self, name: str) -> None:
        """Put a step at the end, on and at its defaults, as if the person had."""
        self.set_spec(PipelineSpec((*self.spec.steps, Step(name))))
        self.rows[-1].check.setFocus()
        self.edited.emit("")

    def _fill_menu(self) -> None:
        from medlab_gui.imaging.pipeline import STEPS

        self.menu.clear()
        for name, info in STEPS.items():
            action = self.menu.addAction(_(info.title))
            action.setToolTip(_(info.summary))
            action.setData(name)

    def _chosen(self, action: QAction) -> None:
        self.add_step(str(action.data()))

    # ---- dragging -------------------------------------------------------------

    def _take(self, _point: QPoint) -> None:
        self._taken, self._drop = self.rows[self._row_of(self.sender())], None
        # The keys stay with the picture; of them, Escape is ours meanwhile.
        app = QApplication.instance()
        assert app is not None
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Put a step back that is being carried, on Escape."""
        if not (isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape):
            return False
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            self._put_back()
        return True

    def _put_back(self) -> None:
        """Carry nothing any more."""
        if self._taken is not None:
            app = QApplication.instance()
            assert app is not None
            app.removeEventFilter(self)
        self._taken = self._drop = None
        self._show_line()

    def _carry(self, point: QPoint) -> None:
        if self._taken is None:
            return
        y = self.mapFromGlobal(point).y()
        self._drop = sum(row.geometry().center().y() < y for row in self.rows)
        area = self._scroll_area()
        inner = area.widget() if area is not None else None
        if area is not None and inner is not None:
            seen = self.mapTo(inner, QPoint(0, y))
            area.ensureVisible(0, seen.y(), 0, 24)
        self._show_line()

    def _let_go(self, _point: QPoint) -> None:
        taken, drop = self._taken, self._drop
        self._put_back()
        if taken is not None and drop is not None:
            source = self.rows.index(taken)
            self.move_step(source, drop - 1 if drop > source else drop)

    def _scroll_area(self) -> QScrollArea | None:
        above = self.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        return above

    def _show_line(self) -> None:
        """Show where the taken step would go."""
        self.line.setVisible(self._drop is not None)
        if self._drop is not None:
            y = (
                self.rows[self._drop].geometry().top()
                if self._drop < len(self.rows)
                else self.rows[-1].geometry().bottom() + 1
            )
            self.line.setGeometry(0, y - 1, self.width(), 3)
            self.line.raise_()
