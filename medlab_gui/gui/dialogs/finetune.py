"""Fine-tuning: what is learned from, for how long, and who judges."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.commands.pace import pace_in_child
from medlab_gui.commands.train_options import BATCH, FINE_TUNING, TrainParams
from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.gui.choices import remember
from medlab_gui.gui.dialogs.form_area import FormArea
from medlab_gui.gui.dialogs.phase_row import MOST_EPOCHS, PhaseRow, what_learns
from medlab_gui.gui.dialogs.recipe_choice import RecipeChoice
from medlab_gui.gui.dialogs.room import grow_within_screen, resize_within_screen
from medlab_gui.gui.launching import context_of
from medlab_gui.gui.number_box import CountBox
from medlab_gui.gui.training_facts import TrainingFacts, foretold, gather

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

    from medlab_gui.core.jobs import Job, JobContext
    from medlab_gui.core.training import Phase
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.learning.forecast import Pace

__all__ = ["FineTuneDialog"]

_MOST_SLICES = 256
_SLICES = ("{n} slice", "{n} slices")


class FineTuneDialog(QDialog):
    """Asks for `TrainParams` and starts the fine-tuning in a process of its own.

    Parameters
    ----------
    workbench : Workbench
        Its project is learned from.
    parent : QWidget, optional
        Window that it belongs to.
    starts : bool
        Whether *Start* launches the command; else the dialog only gives ``params``.
    """

    def __init__(
        self,
        workbench: Workbench,
        parent: QWidget | None = None,
        *,
        starts: bool = True,
    ) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._starts = starts
        self._facts: TrainingFacts | None = None
        self._pace: Pace | None = None
        self._jobs: list[Job] = []
        self._over = False
        self.job: Job | None = None
        """The training, once it was started."""
        self.setWindowTitle(_("Fine-tune the model"))
        self._build()
        self._count()

    @classmethod
    def ask(cls, workbench: Workbench, parent: QWidget | None = None) -> Any:
        """Show the dialog and return `TrainParams`, or None if it was closed."""
        dialog = cls(workbench, parent, starts=False)
        try:
            accepted = dialog.exec() == QDialog.DialogCode.Accepted
            return dialog.params if accepted else None
        finally:
            dialog.deleteLater()

    # ---- building -------------------------------------------------------------

    def _build(self) -> None:
        inner = QWidget()
        self._form = QFormLayout(inner)
        self._form.setFieldGrowthPolicy(
            QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow
        )
        self.facts = self._sentence(_("Counting the labelled slices…"))
        self._form.addRow(self.facts)
        weights = self._bench.settings.weights_path
        self.recipe = RecipeChoice(weights, self._bench.pipeline, inner)
        self._form.addRow(_("Recipe"), self.recipe)
        self.init = QComboBox(inner)
        self.init.setAccessibleName(_("Weights to start from"))
        self._fill_weights()
        self._form.addRow(_("Start from"), self.init)
        self._phases_shown = PhaseRow(self._form), PhaseRow(self._form)
        (self.epochs_head, self.lr_head), (self.epochs_all, self.lr_all) = (
            (row.epochs, row.lr) for row in self._phases_shown
        )
        self._show_phases()
        self.batch = self._whole(BATCH, 1, _MOST_SLICES, _SLICES)
        self.batch.setAccessibleName(_("Slices in a step"))
        self.batch.setToolTip(_("Slices in a step; fewer need less memory"))
        self._form.addRow(_("Batch"), self.batch)
        self.device = QComboBox(inner)
        for value, title in (
            ("auto", _("Best there is")),
            ("cpu", _("Processor")),
            ("cuda", _("Graphics card (CUDA)")),
        ):
            self.device.addItem(title, value)
        self.device.setCurrentIndex(
            max(0, self.device.findData(self._bench.settings.device))
        )
        self.device.setAccessibleName(_("Where it computes"))
        self.device.setToolTip(_("Kept for everything that runs the network"))
        self._form.addRow(_("Computes on"), self.device)
        self.augment = QCheckBox(inner)
        self._show_augmentation("usual")
        self._form.addRow(_("Augmentation"), self.augment)
        self.seed = self._whole(0, 0, 2**31 - 1)
        self.seed.setAccessibleName(_("Seed"))
        self.seed.setToolTip(_("Same seed, same machine, same weights"))
        self._form.addRow(_("Seed"), self.seed)
        self.adopt = QCheckBox(
            _("Use the new weights at once if they are not worse"), inner
        )
        self.adopt.setToolTip(
            _("Judged on the locked validation slices; there is always a way back")
        )
        self.adopt.setChecked(True)
        self._form.addRow(_("Afterwards"), self.adopt)
        self.forecast = self._sentence(_("Measuring this machine…"))
        self.forecast.setAccessibleName(_("Time it will take"))
        self._form.addRow(_("Time"), self.forecast)
        area = FormArea(inner, self)
        area.height_changed.connect(self._grow)
        self._area, self._inner = area, inner
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.start = self.buttons.addButton(
            _("Start"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.start.setEnabled(False)
        self.buttons.accepted.connect(self._start)
        self.buttons.rejected.connect(self.reject)
        rows = QVBoxLayout(self)
        rows.addWidget(area, 1)
        rows.addWidget(self.buttons)
        resize_within_screen(self, 560, 600)
        for spin in (self.epochs_head, self.epochs_all, self.batch):
            spin.valueChanged.connect(self._show_forecast)
        self.device.activated.connect(self._measure)
        self.init.activated.connect(self._count)
        self.recipe.chosen.connect(self._take_recipe)
        self.recipe.cross_validate.toggled.connect(self._show_forecast)
        self.recipe.network_chosen.connect(self._count)

    def _sentence(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _whole(
        self, value: int, low: int, high: int, things: tuple[str, str] = ("", "")
    ) -> CountBox:
        spin = CountBox(self)
        spin.setRange(low, high)
        spin.setValue(value)
        spin.set_things(*things)
        return spin

    def _fill_weights(self) -> None:
        store = self._bench.store
        current = store.current_checkpoint() if store is not None else None
        name = current.name if current is not None else _("MedLab's starter")
        self.init.addItem(_("The weights in use ({name})").format(name=name), "")
        if store is not None:
            for checkpoint in reversed(store.checkpoints()):
                if current is None or checkpoint.id != current.id:
                    self.init.addItem(checkpoint.name, checkpoint.id)

    # ---- counting and measuring ---------------------------------------------------

    def _count(self, *_args: object) -> None:
        if self._bench.store is None:
            self._refuse(_("No project is open, so there is nothing to learn from."))
            return
        place, chosen = self._bench.project_place, self.init.currentData()
        preset = self.recipe.preset

        def work(ctx: JobContext) -> TrainingFacts:
            from medlab_gui.store.project import ProjectStore

            ctx.check()
            with ProjectStore.open(place) as store:
                return gather(store, chosen, preset)

        self._submit(work, self._counted)

    def _submit(self, work: Any, done: Any) -> None:
        self._jobs.append(
            self._bench.submit(
                "",
                work,
                on_done=partial(self._if_alive, done),
                on_error=partial(self._if_alive, self._not_known),
                lane="forecast",
            )
        )

    def _if_alive(self, callback: Any, result: Any) -> None:
        # Closed while the thread was at work, the dialog may be deleted by now.
        if not self._over:
            callback(result)

    def _not_known(self, error: BaseException) -> None:
        if not isinstance(error, MedlabError):
            raise error
        self._refuse(error.message)

    def _counted(self, facts: TrainingFacts) -> None:
        self._facts = facts
        if facts.refusal:
            self._refuse(facts.refusal)
            return
        self.facts.setText(facts.in_words(self.recipe.folds or 0))
        self._make_room()
        self.start.setEnabled(True)
        self._measure()

    def _refuse(self, why: str) -> None:
        self.facts.setText(why)
        self.forecast.setText("–")
        self.start.setEnabled(False)

    def _measure(self, *_args: object) -> None:
        facts = self._facts
        if facts is None or facts.network is None:
            self.forecast.setText(
                _("Not known before the first epoch: no weights have been used yet.")
            )
            return
        self._pace = None
        self.forecast.setText(_("Measuring this machine…"))
        network, shape = facts.network, facts.shape_yx
        bench, device = self._bench, str(self.device.currentData())

        def work(ctx: JobContext) -> Pace:
            context = replace(context_of(bench)(ctx), device=device)
            return pace_in_child(network, shape, context)

        self._submit(work, self._measured)

    def _measured(self, pace: Pace) -> None:
        self._pace = pace
        self._show_forecast()

    def _show_forecast(self, *_args: object) -> None:
        if self._facts is None or self._facts.refusal:
            return
        folds = self.recipe.folds or 0
        self.facts.setText(self._facts.in_words(folds))
        if self._pace is None:
            return
        n_training, n_judging = self._facts.shares(folds)
        phases = self._phases(n_training)
        seconds = self._pace.seconds(phases, n_training, n_judging) * max(1, folds)
        self.forecast.setText(foretold(self._pace, seconds, self.batch.value()))

    def _phases(self, n_training: int) -> tuple[Phase, ...]:
        """Return the recipe's phases with what is set, in epochs."""
        each = max(1, n_training // self.batch.value())
        planned = list(self._own_phases)
        for row, n in zip(self._phases_shown, (0, len(planned) - 1), strict=True):
            if row.is_used:
                planned[n] = row.planned(planned[n])
        # No more than a phase may have: while another recipe is being filled in, steps
        # of one meet the batch of the other.
        return tuple(
            replace(p, epochs=min(MOST_EPOCHS, math.ceil(p.steps / each)), steps=0)
            if p.steps
            else p
            for p in planned
        )

    @property
    def _own_phases(self) -> tuple[Phase, ...]:
        """Phases of the recipe, or of a fine-tuning."""
        preset = self.recipe.preset
        return FINE_TUNING if preset is None else preset.spec.phases

    def _show_phases(self) -> None:
        """Show the first phase, where there are several, and the last."""
        phases = self._own_phases
        last = len(phases) - 1
        first, second = self._phases_shown
        told = what_learns(phases, 0)
        if last > 1:
            more = _("What comes before phase {n} is as the recipe says.")
            told += " " + more.format(n=last + 1)
        first.take(1, phases[0] if last else None, told)
        second.take(last + 1, phases[-1], what_learns(phases, last))

    def _take_recipe(self) -> None:
        """Show what a recipe says; everything shown can be changed."""
        preset = self.recipe.preset
        self._show_phases()
        self.init.setEnabled(preset is None)
        batch = BATCH if preset is None else preset.spec.batch
        self.batch.setMaximum(max(_MOST_SLICES, batch))
        self.batch.setValue(batch)
        self._show_augmentation("usual" if preset is None else preset.spec.augment)
        self.seed.setValue(0 if preset is None else preset.spec.seed)
        self._count()

    def _show_augmentation(self, kind: str | bool) -> None:
        """Show how a recipe changes slices, or whether it does."""
        self.augment.setText(
            _("Four of six at random: contrast, brightness, sharpness, rotation, flips")
            if kind == "four-of-six"
            else _("Rotate, scale, brighten and darken slices at random")
        )
        self.augment.setChecked(kind != "none")

    def showEvent(self, event: QShowEvent) -> None:
        """Make room for the form as the theme draws it."""
        super().showEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        bar = self._area.verticalScrollBar().sizeHint().width()
        width = self._inner.minimumSizeHint().width() + bar
        self._area.setMinimumWidth(width)
        self._form.activate()
        frame = self.sizeHint().height() - self._area.sizeHint().height() + 3 * bar
        high = self._area.form_height + frame
        resize_within_screen(self, max(self.width(), width), high)

    def _grow(self) -> None:
        """Make room for a longer sentence; a shorter one leaves the size as it is."""
        if self.isVisible():
            lacking = self._area.form_height - self._area.viewport().height()
            grow_within_screen(self, self.height() + lacking)

    # ---- the end ----------------------------------------------------------------

    @property
    def params(self) -> TrainParams:
        """What is set; of a recipe only what differs from it."""
        head, everything = self._phases_shown
        preset = self.recipe.preset
        if preset is None:
            return TrainParams(
                set=self.recipe.settings,
                init=str(self.init.currentData() or ""),
                epochs_head=head.epochs.value(),
                lr_head=head.lr.value(),
                epochs_all=everything.epochs.value(),
                lr_all=everything.lr.value(),
                batch=self.batch.value(),
                seed=self.seed.value(),
                augment=self.augment.isChecked(),
                adopt=self._adopt,
            )
        spec = preset.spec
        batch, seed = self.batch.value(), self.seed.value()
        augments = self.augment.isChecked()
        epochs_head, lr_head = head.changed
        epochs_all, lr_all = everything.changed
        return TrainParams(
            preset=self.recipe.choice,
            set=self.recipe.settings,
            epochs_head=epochs_head,
            lr_head=lr_head,
            epochs_all=epochs_all,
            lr_all=lr_all,
            batch=batch if batch != spec.batch else None,
            seed=seed if seed != spec.seed else None,
            augment=augments if augments != (spec.augment != "none") else None,
            folds=self.recipe.folds,
            adopt=self._adopt,
        )

    @property
    def _adopt(self) -> str:
        return "auto" if self.adopt.isChecked() else "never"

    def _start(self) -> None:
        if not any(phase.epochs for phase in self._phases(1)):
            self.forecast.setText(
                _("With 0 epochs nothing is learned; give a phase some.")
            )
            self.epochs_all.setFocus()
            return
        device = str(self.device.currentData())
        if device != self._bench.settings.device:
            remember(self._bench, device=device)
        if self._starts:
            self._launch(self.params)
        self.accept()

    def _launch(self, params: TrainParams) -> None:
        session = self._bench.session
        if session is None or not session.n_unsaved or session.read_only:
            self.job = self._bench.launch("train", params)
            return
        # What is only in the journal so far is to be learned from as well.
        self._bench.launch(
            "save",
            {"series": session.series_uid},
            on_done=partial(self._launch_saved, params),
        )

    def _launch_saved(self, params: TrainParams, _result: object) -> None:
        self.job = self._bench.launch("train", params)

    def done(self, result: int) -> None:
        """Close, and stop measuring."""
        self._over = True
        for job in self._jobs:
            self._bench.cancel(job)
        super().done(result)
