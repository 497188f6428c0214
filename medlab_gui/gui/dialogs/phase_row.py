"""A phase of a training: how long, at which rate, and what learns in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui.number_box import CountBox, RateBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QFormLayout

    from medlab_gui.core.training import Phase

__all__ = ["MOST_EPOCHS", "PhaseRow", "what_learns"]

MOST_EPOCHS = 1_000_000
"""Of a phase; see `core.training.Phase`."""
_EPOCHS = ("{n} epoch", "{n} epochs")
_ONE_LINE = 60
_ITERATIONS = ("{n} iteration", "{n} iterations")


def what_learns(phases: Sequence[Phase], n: int) -> str:
    """Say in a sentence what learns in a phase.

    Parameters
    ----------
    phases : sequence of Phase
        All of the training.
    n : int
        Which of them is meant, from 0.
    """
    phase = phases[n]
    if not isinstance(phase.trainable, str):
        return _("Of the network only these learn: {parts}.").format(
            parts=", ".join(phase.trainable)
        )
    if phase.trainable == "head":
        if n < len(phases) - 1:
            return _("The encoder is frozen; the rest learns your labels first.")
        return _("The encoder is frozen; the rest learns.")
    if n > 0 and phase.lr < phases[n - 1].lr:
        return _("Everything learns, in smaller steps.")
    return _("Everything learns.")


class PhaseRow(QWidget):
    """Epochs, or iterations, and learning rate of a phase; one row of a form.

    Parameters
    ----------
    form : QFormLayout
        Gets the row, and below it what learns in the phase.
    """

    def __init__(self, form: QFormLayout) -> None:
        super().__init__()
        self._form = form
        self._phase: Phase | None = None
        self._shown = 0, 0.0
        self.epochs = CountBox(self)
        self.lr = RateBox(self)
        self.title, self.tip = QLabel(), QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.epochs)
        row.addWidget(QLabel(_("at learning rate"), self))
        row.addWidget(self.lr)
        row.addStretch(1)
        form.addRow(self.title, self)
        form.addRow("", self.tip)

    def take(self, number: int, phase: Phase | None, tip: str) -> None:
        """Show a phase; None where the recipe has no such one.

        Parameters
        ----------
        number : int
            How people count it, from 1.
        phase : Phase, optional
            As the recipe has it.
        tip : str
            What learns in it.
        """
        title = _("Phase {n}").format(n=number)
        self.title.setText(title)
        # Wrapped, a short one would take two lines' room in a form.
        self.tip.setWordWrap(len(tip) > _ONE_LINE)
        self.tip.setText(tip)
        self.epochs.setAccessibleName(_("{phase}: epochs").format(phase=title))
        self.lr.setAccessibleName(_("{phase}: learning rate").format(phase=title))
        for part in (self.title, self.epochs, self.lr):
            part.setToolTip(tip)
        self._phase = phase
        for whole in (self, self.tip):
            self._form.setRowVisible(whole, phase is not None)
        for part in (self.epochs, self.lr):
            part.setEnabled(phase is not None)
        counts_steps = phase is not None and phase.steps > 0
        n = 0 if phase is None else phase.steps or phase.epochs
        self.epochs.setRange(0, max(MOST_EPOCHS, n))
        self.epochs.set_things(*(_ITERATIONS if counts_steps else _EPOCHS))
        self.epochs.setValue(n)
        if phase is not None:
            self.lr.make_room_for(phase.lr)
            self.lr.setValue(phase.lr)
        self._shown = n, self.lr.value()

    @property
    def is_used(self) -> bool:
        """Whether the recipe has such a phase."""
        return self._phase is not None

    def planned(self, phase: Phase) -> Phase:
        """Return a phase with what is set here: epochs, or iterations."""
        n = self.epochs.value()
        if self._phase is not None and self._phase.steps:
            return replace(phase, steps=n)
        return replace(phase, epochs=n)

    @property
    def changed(self) -> tuple[int | None, float | None]:
        """Epochs (or iterations) and rate, None where they are as the recipe has them.

        What is not asked for is taken from the recipe, with all its digits.
        """
        now = self.epochs.value(), self.lr.value()
        return (
            now[0] if now[0] != self._shown[0] else None,
            now[1] if now[1] != self._shown[1] else None,
        )
