"""Tools, classes and what is taken over from the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.commands.classify import NOT_WHERE
from medlab_gui.core.i18n import N_, _
from medlab_gui.gui.class_list import ClassList
from medlab_gui.gui.view_state import Mode, Tool
from medlab_gui.gui.whole_slice import WholeSliceButton

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["LabelsDock", "swatch"]

_TOOLS = (
    (Tool.BRUSH, N_("Brush"), N_("Paint the class")),
    (Tool.ERASER, N_("Eraser"), N_("Erase; dragging with the right button too")),
    (Tool.FILL, N_("Fill"), N_("Fill what is connected under the mouse")),
    (Tool.POLYGON, N_("Polygon"), N_("Click corners; double click closes")),
    (Tool.PICK, N_("Pick"), N_("Take the class under the mouse")),
    (Tool.PAN, N_("Move"), N_("Move the picture; or hold Space")),
)
_CHECKS = {
    "mask_visible": (N_("Mask"), "medlab.view.mask"),
    "outline": (N_("Outline"), "medlab.view.outline"),
    "prediction_visible": (N_("Prediction"), "medlab.view.prediction"),
    "entropy_visible": (N_("Uncertainty"), "medlab.view.entropy"),
}
_MOST_MM = 60.0


def swatch(color: tuple[int, int, int], side: int = 14) -> QIcon:
    """Return a square of a class's colour."""
    pixmap = QPixmap(side * 2, side * 2)
    pixmap.setDevicePixelRatio(2.0)
    pixmap.fill(QColor(*color))
    painter = QPainter(pixmap)
    painter.setPen(QColor(0, 0, 0, 150))
    painter.drawRect(0, 0, side - 1, side - 1)
    painter.end()
    icon = QIcon(pixmap)
    # The same colour in a selected row: it says which class it is.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


class LabelsDock(QWidget):
    """Tools and classes.

    Parameters
    ----------
    workbench : Workbench
        What is open and how it is looked at.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._tips: list[tuple[QWidget, str, str]] = []
        self.setMinimumWidth(220)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        self.note = QLabel()
        self.note.setObjectName("locked_note")
        self.note.setWordWrap(True)
        layout.addLayout(self._mode_row())
        layout.addWidget(self.note)
        layout.addWidget(self._tool_box())
        layout.addWidget(self._class_box(), 1)
        layout.addWidget(self._look_box())
        layout.addWidget(self._model_box())
        layout.addLayout(self._save_row())
        bench = workbench
        bench.keybook.changed.connect(self._show_keys)
        self._show_keys()
        bench.session_changed.connect(self._on_session)
        bench.slice_changed.connect(self._on_slice)
        bench.mode_changed.connect(self._on_view)
        for name in (
            "tool",
            "brush_mm",
            "outline",
            "mask_visible",
            "mask_opacity",
            "entropy_visible",
            "prediction_visible",
        ):
            getattr(bench.view.events, name).connect(self._on_view)
        self._on_session()

    def sizeHint(self) -> QSize:
        """Return the size that shows all of it."""
        return QSize(270, 520)

    def _show_keys(self) -> None:
        """Name the keys of the chosen profile where the pointer rests."""
        book = self._bench.keybook
        named: tuple[tuple[QWidget, str, str], ...] = (
            (
                self.take_slice,
                _("Makes the model's mask the mask here"),
                "medlab.annotate.accept_slice",
            ),
            (
                self.take_all,
                _("Every slice but the locked ones, as one step"),
                "medlab.annotate.accept_all",
            ),
            (self.save, _("Keep the mask of now as a new version"), "medlab.save"),
            (
                self.whole,
                _(
                    "The slice shows the chosen class, wherever: what classifiers "
                    "learn.\nAccepts it and goes to the next; the arrow offers others."
                ),
                "medlab.annotate.whole_slice",
            ),
        )
        for widget, text, id_ in (*self._tips, *named):
            widget.setToolTip(book.tip(text, id_))
        for field, (text, id_) in _CHECKS.items():
            self.checks[field].setText(book.tip(_(text), id_))
        smaller, larger = (
            book.shown(f"medlab.annotate.{name}") for name in ("smaller", "larger")
        )
        self.brush_text.setToolTip(
            _("Shift + wheel, or {smaller} and {larger}").format(
                smaller=smaller, larger=larger
            )
        )

    # ---- parts --------------------------------------------------------------------

    def _mode_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._modes: dict[Mode, QToolButton] = {}
        group = QButtonGroup(self)
        for mode, text, tip in (
            (Mode.REVIEW, _("Review"), _("Look: digits are windows")),
            (Mode.ANNOTATE, _("Annotate"), _("Draw: digits are tools")),
        ):
            button = self._button(text)
            self._tips.append((button, tip, f"medlab.annotate.{mode.lower()}_mode"))
            button.clicked.connect(lambda _=False, m=mode: self._choose_mode(m))
            group.addButton(button)
            self._modes[mode] = button
            row.addWidget(button, 1)
        return row

    @staticmethod
    def _button(text: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        policy = button.sizePolicy()
        policy.setHorizontalPolicy(policy.Policy.Expanding)
        button.setSizePolicy(policy)
        return button

    def _tool_box(self) -> QGroupBox:
        box = QGroupBox(_("Tools"))
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 2, 0, 0)
        grid.setSpacing(3)
        self.tools: dict[Tool, QToolButton] = {}
        group = QButtonGroup(self)
        for n, (tool, text, tip) in enumerate(_TOOLS):
            button = self._button(_(text))
            self._tips.append((button, _(tip), f"medlab.annotate.{tool}"))
            button.clicked.connect(lambda _=False, t=tool: self._choose_tool(t))
            group.addButton(button)
            self.tools[tool] = button
            grid.addWidget(button, n // 3, n % 3)
        self.brush = QSlider(Qt.Orientation.Horizontal)
        self.brush.setRange(0, 100)
        self.brush.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.brush.setAccessibleName(_("Size of the brush"))
        self.brush.valueChanged.connect(self._on_brush)
        self.brush_text = QLabel()
        grid.addWidget(self.brush_text, 2, 0, 1, 3)
        grid.addWidget(self.brush, 3, 0, 1, 3)
        return box

    def _class_box(self) -> QGroupBox:
        box = QGroupBox(_("Classes"))
        inner = QVBoxLayout(box)
        inner.setContentsMargins(0, 2, 0, 0)
        self.classes = ClassList(self._bench)
        inner.addWidget(self.classes)
        self.whole = WholeSliceButton(self._bench)
        inner.addWidget(self.whole)
        return box

    def _look_box(self) -> QGroupBox:
        box = QGroupBox(_("Show"))
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 2, 0, 0)
        grid.setHorizontalSpacing(4)
        self.checks: dict[str, QCheckBox] = {}
        for n, field in enumerate(_CHECKS):
            check = QCheckBox()
            check.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            check.toggled.connect(lambda on, f=field: self._set(f, on))
            self.checks[field] = check
            grid.addWidget(check, n // 2, n % 2)
        grid.addWidget(QLabel(_("Opacity")), 2, 0)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(5, 100)
        self.opacity.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.opacity.setAccessibleName(_("Opacity of the mask"))
        self.opacity.valueChanged.connect(
            lambda value: self._set("mask_opacity", value / 100)
        )
        grid.addWidget(self.opacity, 2, 1)
        return box

    def _model_box(self) -> QGroupBox:
        box = QGroupBox(_("Take over from the prediction"))
        inner = QVBoxLayout(box)
        inner.setContentsMargins(0, 2, 0, 0)
        row = QHBoxLayout()
        self.take_slice = QPushButton(_("This slice"))
        self.take_all = QPushButton(_("All slices"))
        for button, all_slices in ((self.take_slice, False), (self.take_all, True)):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, a=all_slices: self._take(a))
            row.addWidget(button)
        inner.addLayout(row)
        self.classified = QLabel()
        self.classified.setObjectName("hint")
        self.classified.setWordWrap(True)
        self.classified.setAccessibleName(_("What the classifier says"))
        self.classified.setToolTip(_(NOT_WHERE))
        inner.addWidget(self.classified)
        return box

    def _save_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.save = QPushButton(_("Save"))
        self.save.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.save.clicked.connect(self._save)
        self.saved = QLabel()
        self.saved.setObjectName("hint")
        self.saved.setWordWrap(True)
        row.addWidget(self.save)
        row.addWidget(self.saved, 1)
        return row

    # ---- up: what the person did ----------------------------------------------------

    def _choose_mode(self, mode: Mode) -> None:
        self._bench.mode = mode

    def _choose_tool(self, tool: Tool) -> None:
        self._bench.view.mode = Mode.ANNOTATE
        self._bench.view.tool = tool

    def _on_brush(self, position: int) -> None:
        # Quadratic, so that small brushes can be set finely.
        least = self._pixel_mm()
        self._bench.view.brush_mm = least + (_MOST_MM - least) * (position / 100) ** 2

    def _set(self, field: str, value: object) -> None:
        setattr(self._bench.view, field, value)

    def _take(self, all_slices: bool) -> None:
        self._bench.accept_prediction(all_slices=all_slices)

    def _save(self) -> None:
        self._bench.launch("save", {})

    # ---- down: how things stand ------------------------------------------------------

    def _pixel_mm(self) -> float:
        session = self._bench.session
        return sum(session.volume.grid.spacing[1:]) / 2 if session is not None else 1.0

    def _on_session(self) -> None:
        session = self._bench.session
        self.classes.fill()
        if session is not None:
            session.state_changed.connect(self._on_state)
            session.held_changed.connect(self._on_state)
            session.prediction_changed.connect(self._on_state)
        self._on_view()
        self._on_state()

    def _on_slice(self, k: int) -> None:
        self._on_state()

    def _on_view(self, *_args: object) -> None:
        view = self._bench.view
        annotating = view.mode is Mode.ANNOTATE
        for mode, button in self._modes.items():
            button.setChecked(mode is view.mode)
        for tool, button in self.tools.items():
            group = button.group()
            group.setExclusive(annotating)
            button.setChecked(annotating and tool is view.tool)
        pixel = self._pixel_mm()
        pixels = max(1, round(view.brush_mm / pixel))
        self.brush_text.setText(
            _("Brush radius {mm:.1f} mm ({px:g} px)").format(
                mm=pixels * pixel / 2, px=pixels / 2
            )
        )
        share = max(0.0, view.brush_mm - pixel) / max(_MOST_MM - pixel, 1e-6)
        for slider, value in (
            (self.brush, round(100 * share**0.5)),
            (self.opacity, round(100 * view.mask_opacity)),
        ):
            slider.blockSignals(True)
            slider.setValue(value)
            slider.blockSignals(False)
        for field, check in self.checks.items():
            check.blockSignals(True)
            check.setChecked(bool(getattr(view, field)))
            check.blockSignals(False)

    def _on_state(self) -> None:
        session = self._bench.session
        why = ""
        if session is None:
            why = _("Open a series to label it.")
        elif session.read_only:
            why = session.read_only_reason
        elif session.k in session.locked:
            why = _(
                "This slice is locked for validation: it judges new weights and "
                "cannot be changed."
            )
        self.note.setText(why)
        self.note.setVisible(bool(why))
        held = session is not None and session.held
        editable = not (why or held)
        editable_series = session is not None and not (session.read_only or held)
        for button in (*self.tools.values(), self.whole):
            button.setEnabled(editable)
        predicted = session is not None and session.prediction is not None
        self.take_slice.setEnabled(editable and predicted)
        self.take_all.setEnabled(predicted and editable_series)
        for field in ("prediction_visible", "entropy_visible"):
            self.checks[field].setEnabled(predicted)
        self._show_classified()
        n = session.n_unsaved if session is not None else 0
        self.save.setEnabled(n > 0 and editable_series)
        if n == 1:
            text = _("1 edit since the last save; it is on the disk")
        elif n:
            text = _("{n} edits since the last save; all are on the disk").format(n=n)
        else:
            text = _("Every edit is saved") if session is not None else ""
        self.saved.setText(text)

    def _show_classified(self) -> None:
        """Say what a classifier takes the slice for, and let a person say so.

        Nothing of it is there where no classifier was asked.
        """
        session = self._bench.session
        said = session.classified if session is not None else None
        self.classified.setVisible(said is not None)
        # Where masks are drawn, one click too many would cover a slice with a class.
        self.whole.setVisible(said is not None)
        if session is None or said is None:
            return
        text = _("{name} {share} %, uncertainty {unsure} ({weights})").format(
            name=said.name(session.k),
            share=f"{100 * said.probability(session.k):.0f}",
            unsure=f"{said.entropy(session.k):.2f}",
            weights=said.weights,
        )
        self.classified.setText(_("The slice as a whole: {text}").format(text=text))
