"""Preprocessing: the recipe, what it does to slice and volume, whom it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _, counted
from medlab_gui.gui.compare_view import CompareLayout
from medlab_gui.gui.model_badge import ModelBadge
from medlab_gui.gui.preprocess_bench import PreprocessBench
from medlab_gui.gui.preset_bar import PresetBar
from medlab_gui.gui.progress_bar import ProgressBar
from medlab_gui.gui.recipe_history import RecipeHistory
from medlab_gui.gui.step_list import StepList
from medlab_gui.imaging.recipes import complete

if TYPE_CHECKING:
    from qtpy.QtGui import QHideEvent, QShowEvent

    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.gui.compare_panel import ComparePanel
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PreprocessDock"]


class PreprocessDock(QWidget):
    """Edits the project's `PipelineSpec` and shows what it does to the open series.

    Parameters
    ----------
    workbench : Workbench
        What is open; the recipe is its ``pipeline``, which saves itself.
    parent : QWidget, optional
        Owner.

    Attributes
    ----------
    steps : StepList
        The recipe.
    presets : PresetBar
        Recipes by name.
    shown : PreprocessBench
        What computes and shows the comparison.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._history = RecipeHistory(workbench.pipeline)
        self._place: tuple[str, bool] | None = None
        self._layout_used = CompareLayout.SIDE
        self._kept_closed = False
        self._what = ""
        self.shown = PreprocessBench(workbench, self)
        self._build()
        self.shown.failed.connect(self.message.setText)
        self.shown.volume.changed.connect(self._show_volume)
        self.shown.arranged.connect(self._show_arrangement)
        self.shown.closed.connect(self._close_compare)
        workbench.pipeline_changed.connect(self._on_pipeline)
        workbench.session_changed.connect(self._on_session)
        workbench.project_changed.connect(self._on_project)
        self._on_project()
        self._on_session()
        self._on_pipeline(workbench.pipeline)

    def sizeHint(self) -> QSize:
        """Return the width of a dock."""
        return QSize(300, 620)

    # ---- building -------------------------------------------------------------

    def _build(self) -> None:
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 6, 8, 6)
        self.presets = PresetBar(self._bench.inform, self._fail, self)
        self.presets.chosen.connect(self._chose)
        self.presets.undo_wanted.connect(self.undo)
        self.presets.redo_wanted.connect(self.redo)
        self.presets.reset_wanted.connect(self._reset)
        self.badge = ModelBadge(parent=self)
        self.steps = StepList(self)
        self.steps.edited.connect(self._edited)
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        rows.addWidget(self.presets)
        rows.addWidget(self.badge)
        rows.addWidget(self.steps)
        rows.addSpacing(6)
        rows.addLayout(self._compare_row())
        rows.addLayout(self._volume_row())
        rows.addWidget(self.message)
        rows.addStretch(1)
        self.setMinimumWidth(270)
        self.steps.comes_after = self.presets.more

    def _compare_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self._compare_buttons = QButtonGroup(self)
        self.off = self._compare_button(_("Off"), _("Work on the canvas"))
        self.side = self._compare_button(
            _("Side by side"), _("Original and processed next to each other")
        )
        self.swipe = self._compare_button(
            _("Swipe"), _("Drag a line between original and processed")
        )
        self.difference = self._compare_button(
            _("Difference"), _("What became darker and what brighter, in colour")
        )
        self.off.setChecked(True)
        for button in (self.off, self.side, self.swipe, self.difference):
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

    def _volume_row(self) -> QVBoxLayout:
        rows = QVBoxLayout()
        rows.setSpacing(2)
        row = QHBoxLayout()
        self.volume = QPushButton(_("Apply to the volume"), self)
        self.volume.setToolTip(
            _(
                "Process every slice in the background, so that scrolling shows them "
                "at once. Only for looking: the scan stays as it is."
            )
        )
        self.volume.clicked.connect(self._volume_clicked)
        self.bar = ProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(_("Slices processed"))
        row.addWidget(self.volume)
        row.addWidget(self.bar, 1)
        self.volume_state = QLabel(self)
        self.volume_state.setWordWrap(True)
        rows.addLayout(row)
        rows.addWidget(self.volume_state)
        return rows

    def _fail(self, error: BaseException) -> None:
        self._bench.fail(error, _("Preprocessing"))

    # ---- the recipe -----------------------------------------------------------

    def _on_pipeline(self, spec: PipelineSpec) -> None:
        """Show a recipe: its steps in its order."""
        try:
            if self.steps.spec != spec:
                self.steps.set_spec(spec)
        except MedlabError as error:
            self.message.setText(error.message)
            return
        self.message.setText(self.shown.waiting)
        place = (self._bench.project_place, self._bench.store is not None)
        if place != self._place:
            # Another project is open: its recipe is where undo ends.
            self._place = place
            self._history.start_at(spec)
        self._history.note(spec, self._what)
        self._what = ""
        self.presets.set_spec(spec)
        self._show_history()
        self._show_badge()
        self._show_volume()

    def _edited(self, what: str) -> None:
        self._what = what
        self._bench.pipeline = self.steps.spec
        if not self.shown.comparing and not self._kept_closed:
            self._compare(self._layout_used, take_focus=False)

    def _chose(self, spec: PipelineSpec) -> None:
        try:
            complete(spec)
        except MedlabError as error:  # a step of a plugin that is away
            self._fail(error)
            return
        self._bench.pipeline = spec
        self._history.base = spec
        self._show_history()

    def undo(self) -> None:
        """Take back the last change of the recipe."""
        self._bench.pipeline = self._history.undo()
        self._show_history()

    def redo(self) -> None:
        """Do again what was taken back."""
        self._bench.pipeline = self._history.redo()
        self._show_history()

    def _reset(self) -> None:
        self._bench.pipeline = self._history.base

    def _show_history(self) -> None:
        history = self._history
        self.presets.set_history(
            can_undo=history.can_undo,
            can_redo=history.can_redo,
            can_reset=history.now != history.base,
        )

    def _on_project(self) -> None:
        self.shown.read_weights()
        weights = self.shown.weights
        self.presets.set_model(weights.pipeline if weights is not None else None)
        self._show_badge()

    def _show_badge(self) -> None:
        badges = [self.badge]
        if self.panel is not None:
            badges.append(self.panel.badge)
        for badge in badges:
            badge.show_answer(self._bench.pipeline, self.shown.weights, self.shown.unit)

    # ---- keys -------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Keep undo and redo for the recipe while the dock has the focus."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._meaning(event) is not None
        ):
            event.accept()
            return True
        return bool(super().event(event))

    @staticmethod
    def _meaning(event: QKeyEvent) -> str | None:
        if event.matches(QKeySequence.StandardKey.Undo):
            return "undo"
        if event.matches(QKeySequence.StandardKey.Redo):
            return "redo"
        return None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Undo and redo the recipe."""
        meaning = self._meaning(event)
        if meaning == "undo":
            self.undo()
        elif meaning == "redo":
            self.redo()
        else:
            super().keyPressEvent(event)

    # ---- the series -----------------------------------------------------------

    def _on_session(self) -> None:
        self.steps.set_unit(self.shown.unit)
        is_open = self._bench.session is not None
        self.message.setText(
            "" if is_open else _("Open a series to see what the steps do to it.")
        )
        self._show_badge()
        self._show_volume()

    def showEvent(self, event: QShowEvent) -> None:
        """Take up the presets and the slice as they are by now."""
        super().showEvent(event)
        self.presets.refresh()
        self.shown.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the canvas back when the dock is closed; behind other tabs it is not."""
        super().hideEvent(event)
        if not event.spontaneous() and self.shown.comparing:
            self._compare(None)

    # ---- the volume -----------------------------------------------------------

    def _volume_clicked(self) -> None:
        if self.shown.volume.is_running:
            self.shown.volume.cancel()
        else:
            self.shown.volume.start()
            if not self.shown.comparing:
                self._kept_closed = False
                self._compare(self._layout_used, take_focus=False)

    def _show_volume(self) -> None:
        done, total = self.shown.volume.progress
        running = self.shown.volume.is_running
        whole = total > 0 and done == total
        self.volume.setEnabled(self._bench.session is not None and not whole)
        self.volume.setText(_("Cancel") if running else _("Apply to the volume"))
        self.bar.setVisible(running)
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        if whole and not running:
            text = counted(
                total,
                "The slice is processed.",
                "All {n} slices are processed; scroll through them.",
            )
        elif running or done:
            text = counted(
                total,
                "{done} of {n} slice is processed.",
                "{done} of {n} slices are processed.",
            )
        else:
            text = ""
        self.volume_state.setText(text.replace("{done}", str(done)))
        self.volume_state.setVisible(bool(text))

    # ---- comparing ------------------------------------------------------------

    @property
    def panel(self) -> ComparePanel | None:
        """What lies over the canvas while two pictures are compared."""
        return self.shown.panel

    def _chose_compare(self, button: QToolButton) -> None:
        layouts = {
            self.side: CompareLayout.SIDE,
            self.swipe: CompareLayout.SWIPE,
            self.difference: CompareLayout.DIFFERENCE,
        }
        if button is self.off:
            self._close_compare()
        else:
            self._kept_closed = False
            self._compare(layouts[button])

    def _close_compare(self) -> None:
        # Who has closed it does not want it back with the next move of a slider.
        self._kept_closed = True
        self._compare(None)

    def _compare(
        self, layout: CompareLayout | None, *, take_focus: bool = True
    ) -> None:
        self.shown.compare(layout, take_focus=take_focus)
        self._show_arrangement(layout)
        self._show_badge()

    def _show_arrangement(self, layout: CompareLayout | None) -> None:
        buttons = {
            None: self.off,
            CompareLayout.SIDE: self.side,
            CompareLayout.SWIPE: self.swipe,
            CompareLayout.DIFFERENCE: self.difference,
        }
        buttons[layout].setChecked(True)
        if layout is not None:
            self._layout_used = layout
