"""Preprocessing: the recipe, what it does to the slice, and whom it is for."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec
from medlab_gui.gui.compare_panel import ComparePanel
from medlab_gui.gui.compare_view import CompareLayout
from medlab_gui.gui.histogram_view import HistogramView
from medlab_gui.gui.own_keys import OwnKeys
from medlab_gui.gui.preview import Preview, complete, in_words, preview, same_effect
from medlab_gui.gui.step_controls import StepControls

if TYPE_CHECKING:
    from qtpy.QtGui import QHideEvent, QShowEvent

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PreprocessDock"]

_PAPER, _NONE, _MODEL, _OWN = "paper", "none", "model", "own"


class PreprocessDock(QWidget):
    """Edits the project's `PipelineSpec` and shows what it does to the open slice.

    Parameters
    ----------
    workbench : Workbench
        What is open; the recipe is its ``pipeline``, which saves itself.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._model_spec: PipelineSpec | None = None
        self._preview: Preview | None = None
        self._panel: ComparePanel | None = None
        self._layout_used = CompareLayout.SIDE
        self._comparing = False
        self._kept_closed = False
        self.steps: dict[str, StepControls] = {}
        self._build()
        workbench.pipeline_changed.connect(self._on_pipeline)
        workbench.session_changed.connect(self._on_session)
        workbench.slice_changed.connect(self._on_slice)
        workbench.project_changed.connect(self._on_project)
        workbench.view.events.level.connect(self._on_window)
        workbench.view.events.width.connect(self._on_window)
        self._on_project()
        self._on_session()
        self._on_pipeline(workbench.pipeline)

    def sizeHint(self) -> QSize:
        """Return the width of a dock."""
        return QSize(300, 620)

    # ---- building -------------------------------------------------------------

    def _build(self) -> None:
        inner = QWidget()
        rows = QVBoxLayout(inner)
        rows.setContentsMargins(8, 6, 8, 6)
        rows.addLayout(self._preset_row())
        self.badge = QLabel(inner)
        self.badge.setWordWrap(True)
        self.badge.setFrameShape(QFrame.Shape.StyledPanel)
        self.badge.setMargin(5)
        self.badge.setAccessibleName(_("Whom the preprocessing is for"))
        rows.addWidget(self.badge)
        self._step_rows = QVBoxLayout()
        self._step_rows.setSpacing(0)
        rows.addLayout(self._step_rows)
        rows.addLayout(self._compare_row())
        self.before = HistogramView(_("Original"), 0, inner)
        self.after = HistogramView(_("Processed"), 1, inner)
        rows.addWidget(self.before, 1)
        rows.addWidget(self.after, 1)
        self.log = QCheckBox(_("Logarithmic counts"), inner)
        self.log.setToolTip(_("Space the counts by decades: rare values show"))
        self.log.toggled.connect(self.before.set_log)
        self.log.toggled.connect(self.after.set_log)
        rows.addWidget(self.log)
        self.message = QLabel(inner)
        self.message.setWordWrap(True)
        rows.addWidget(self.message)
        area = QScrollArea(self)
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        self.setMinimumWidth(270)

    def _preset_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        label = QLabel(_("Recipe"), self)
        self.preset = QComboBox(self)
        self.preset.addItem(_("Liver paper chain"), _PAPER)
        self.preset.addItem(_("None"), _NONE)
        self.preset.addItem(_("Same as the model"), _MODEL)
        self.preset.addItem(_("Your own"), _OWN)
        self.preset.setAccessibleName(_("Preprocessing recipe"))
        self.preset.activated.connect(self._chose_preset)
        self.preset.installEventFilter(OwnKeys(self))
        label.setBuddy(self.preset)
        row.addWidget(label)
        row.addWidget(self.preset, 1)
        return row

    def _compare_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(QLabel(_("Compare"), self))
        self._compare_buttons = QButtonGroup(self)
        self.off = self._compare_button(_("Off"), _("Work on the canvas"))
        self.side = self._compare_button(
            _("Side by side"), _("Original and processed next to each other")
        )
        self.swipe = self._compare_button(
            _("Swipe"), _("Drag a line between original and processed")
        )
        self.off.setChecked(True)
        for button in (self.off, self.side, self.swipe):
            row.addWidget(button)
        row.addStretch(1)
        self._compare_buttons.buttonClicked.connect(self._chose_compare)
        return row

    def _compare_button(self, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(_("Compare: {what}").format(what=text))
        button.setCheckable(True)
        self._compare_buttons.addButton(button)
        return button

    # ---- the recipe -----------------------------------------------------------

    def _on_pipeline(self, spec: PipelineSpec) -> None:
        """Show a recipe: its steps in its order."""
        from medlab_gui.imaging.pipeline import STEPS

        try:
            full = complete(spec)
        except MedlabError as error:
            self.message.setText(error.message)
            return
        names = [step.name for step in full.steps]
        if names != list(self.steps):
            for old in self.steps.values():
                self._step_rows.removeWidget(old)
                old.deleteLater()
            self.steps = {}
            for name in names:
                controls = StepControls(STEPS[name], self)
                controls.set_unit(self._unit)
                controls.changed.connect(self._edited)
                self._step_rows.addWidget(controls)
                self.steps[name] = controls
        for step in full.steps:
            if self.steps[step.name].step != step:
                self.steps[step.name].set_step(step)
        self._show_preset(spec)
        self._show_badge(spec)
        self._compute()

    def _edited(self) -> None:
        self._bench.pipeline = PipelineSpec(tuple(s.step for s in self.steps.values()))
        if not self._comparing and not self._kept_closed:
            self._compare(self._layout_used)

    def _chose_preset(self, _row: int) -> None:
        chosen = self.preset.currentData()
        if chosen == _PAPER:
            self._bench.pipeline = complete(LIVER_PIPELINE)
        elif chosen == _NONE:
            self._bench.pipeline = PipelineSpec(
                tuple(replace(s.step, enabled=False) for s in self.steps.values())
            )
        elif chosen == _MODEL and self._model_spec is not None:
            self._bench.pipeline = complete(self._model_spec)
        self._show_preset(self._bench.pipeline)

    def _show_preset(self, spec: PipelineSpec) -> None:
        if same_effect(spec, LIVER_PIPELINE):
            which = _PAPER
        elif same_effect(spec, PipelineSpec()):
            which = _NONE
        elif self._model_spec is not None and same_effect(spec, self._model_spec):
            which = _MODEL
        else:
            which = _OWN
        self.preset.setCurrentIndex(self.preset.findData(which))

    def _show_badge(self, spec: PipelineSpec) -> None:
        if self._model_spec is None:
            text = _("<b>For the eye only.</b> The project has no model yet.")
        elif same_effect(spec, self._model_spec):
            text = _("<b>Also what the model gets:</b> its weights know these steps.")
        else:
            text = _("<b>For the eye only.</b> The model gets: {chain}.").format(
                chain=escape(in_words(self._model_spec))
            )
        self.badge.setText(text)

    def _on_project(self) -> None:
        store = self._bench.store
        try:
            current = store.current_checkpoint() if store is not None else None
        except MedlabError:
            current = None
        self._model_spec = current.pipeline if current is not None else None
        # "Same as the model" can be chosen only where there is one.
        model = self.preset.model().index(self.preset.findData(_MODEL), 0)
        self.preset.setItemData(
            model.row(), None if current else 0, Qt.ItemDataRole.UserRole - 1
        )
        self._show_preset(self._bench.pipeline)
        self._show_badge(self._bench.pipeline)

    # ---- the slice ------------------------------------------------------------

    @property
    def _unit(self) -> str:
        session = self._bench.session
        return "HU" if session is None else (session.volume.units or "")

    def _on_session(self) -> None:
        session = self._bench.session
        for controls in self.steps.values():
            controls.set_unit(self._unit)
        if session is None:
            self._preview = None
            self.before.set_histogram(None)
            self.after.set_histogram(None)
            self.message.setText(_("Open a series to see what the steps do to it."))
            if self._panel is not None:
                self._panel.set_preview(None, (1.0, 1.0), 0)
        else:
            self.message.setText("")
            self._compute()

    def _on_slice(self, _k: int) -> None:
        self._compute()

    def _on_window(self, _value: float) -> None:
        self._compute()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed while the dock was hidden."""
        super().showEvent(event)
        self._compute()

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the canvas back when the dock is closed or another tab is shown."""
        super().hideEvent(event)
        if not event.spontaneous() and self._comparing:
            self._compare(None)

    def _compute(self) -> None:
        """Run the recipe on the open slice, in a thread; the newest wish wins."""
        session = self._bench.session
        if session is None or not self.isVisible():
            return
        k, spec = session.k, self._bench.pipeline
        data, scheme, unit = session.volume.data, session.scheme, self._unit
        window = (self._bench.view.level, self._bench.view.width)
        mask = session.mask[k].copy() if self._comparing else None

        def work(_ctx: JobContext) -> Preview:
            # No cancellation point: a result that is late by one step of a slider
            # is better than none while the slider moves.
            return preview(
                data, k, spec, window=window, unit=unit, mask=mask, scheme=scheme
            )

        self._bench.submit("", work, on_done=self._show, on_error=self._failed)

    def _show(self, result: Preview) -> None:
        session = self._bench.session
        if session is None or not 0 <= result.k < session.volume.grid.shape[0]:
            return
        self._preview = result
        self.message.setText("")
        self.before.set_histogram(result.original_histogram, result.unit, result.marks)
        self.after.set_histogram(result.processed_histogram, result.processed_unit)
        if self._panel is not None and self._comparing:
            _dz, dy, dx = session.volume.grid.spacing
            self._panel.set_preview(result, (dy, dx), session.volume.grid.shape[0])

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, MedlabError):
            raise error
        self.message.setText(error.message)

    # ---- comparing ------------------------------------------------------------

    @property
    def panel(self) -> ComparePanel | None:
        """What lies over the canvas while two pictures are compared."""
        return self._panel

    def _chose_compare(self, button: QToolButton) -> None:
        if button is self.off:
            self._close_compare()
        else:
            self._kept_closed = False
            self._compare(
                CompareLayout.SIDE if button is self.side else CompareLayout.SWIPE
            )

    def _close_compare(self) -> None:
        # Who has closed it does not want it back with the next move of a slider.
        self._kept_closed = True
        self._compare(None)

    def _compare(self, layout: CompareLayout | None) -> None:
        buttons = {
            None: self.off,
            CompareLayout.SIDE: self.side,
            CompareLayout.SWIPE: self.swipe,
        }
        buttons[layout].setChecked(True)
        self._comparing = layout is not None
        if layout is None:
            if self._panel is not None:
                self._panel.hide()
            return
        self._layout_used = layout
        if self._panel is None:
            self._panel = ComparePanel(self)
            self._panel.arranged.connect(self._compare)
            self._panel.closed.connect(self._close_compare)
            self._panel.pictures.stepped.connect(self._bench.step)
            self._panel.destroyed.connect(self._forget_panel)
        self._panel.arrange(layout)
        self._compute()

    def _forget_panel(self) -> None:
        self._panel = None
