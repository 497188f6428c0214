"""What is seen of the selected trainings: their curves, and what changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.records import RunState
from medlab_gui.gui.curves import CurvesView, TrainingCurves, mean_curves
from medlab_gui.gui.curves_together import CurvesTogether
from medlab_gui.gui.runs_model import folds_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medlab_gui.core.records import Run
    from medlab_gui.gui.workbench import Workbench

__all__ = ["RunCurves"]


class RunCurves(QWidget):
    """Curves of one training, or of several over one another.

    It is one widget of one place, so that neither rows nor buttons move under the mouse
    when more or less is selected.

    Parameters
    ----------
    workbench : Workbench
        Its project holds the runs.
    below : QWidget
        What stands below the curves.
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self, workbench: Workbench, below: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._seen: dict[str, TrainingCurves] = {}
        self.curves = CurvesView(self)
        self.together = CurvesTogether(self)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.curves, 1)
        rows.addWidget(self.together, 1)
        rows.addWidget(below)
        rows.addStretch()

    def remember(self, run_id: str, curves: TrainingCurves) -> None:
        """Keep the curves of a training that was watched, with all its batches."""
        self._seen[run_id] = curves

    def show_live(self, curves: TrainingCurves) -> None:
        """Show the training under way."""
        self.together.hide()
        self._take_colors()
        self.curves.set_curves(curves)
        self.curves.show()

    def show_runs(
        self,
        runs: Sequence[Run],
        titles: Sequence[str],
        live: Mapping[str, TrainingCurves] | None = None,
    ) -> None:
        """Show trainings; a cross-validation among others by the mean of its folds.

        Parameters
        ----------
        runs : sequence of Run
            The selected ones; of a single cross-validation its folds are shown.
        titles : sequence of str
            What a person reads of each, unlike each other.
        live : mapping of str to TrainingCurves, optional
            Curves as they are reported, by run.
        """
        lines: dict[str, TrainingCurves] = {}
        curves = TrainingCurves()
        if len(runs) == 1:
            curves = self._of(runs[0])
            lines = {
                _("Fold {n}").format(n=fold["fold"]): self._of(runs[0], fold["fold"])
                for fold in folds_of(runs[0])
            }
        elif runs:
            named = zip(titles, runs, strict=True)
            lines = {
                title: (live or {}).get(run.id) or self._whole(run)
                for title, run in named
            }
        self.together.set_runs(lines)
        self.together.setVisible(bool(lines))
        self._take_colors()
        self.curves.set_curves(curves)
        self.curves.setVisible(not lines and not curves.is_empty)

    def _take_colors(self) -> None:
        """Let a class's curve have the colour of its masks."""
        store = self._bench.store
        try:
            scheme = store.scheme() if store is not None else None
        except MedlabError:  # the project has gone; others say so
            return
        classes = scheme.classes if scheme is not None else ()
        self.curves.colors = {one.name: QColor(*one.color) for one in classes}

    def _of(self, run: Run, fold: int = 0) -> TrainingCurves:
        """Return the curves as they were watched, or as the run wrote them down."""
        name = f"{run.id}/{fold}" if fold else run.id
        curves = self._seen.get(name) or self.written(run.id, fold)
        curves.spec = run.spec
        # One under way elsewhere goes on writing.
        if not curves.is_empty and run.state is not RunState.RUNNING:
            self._seen[name] = curves
        return curves

    def _whole(self, run: Run) -> TrainingCurves:
        """Return one training's curves, or the mean of a cross-validation's folds."""
        folds = [self._of(run, fold["fold"]) for fold in folds_of(run)]
        return mean_curves(folds) if folds else self._of(run)

    def written(self, run_id: str, fold: int = 0) -> TrainingCurves:
        """Return the curves as a run wrote them down, epoch by epoch.

        Parameters
        ----------
        run_id : str
            The run.
        fold : int
            Of a cross-validation, from 1; else 0.

        Returns
        -------
        TrainingCurves
            The caller's own; empty where the run was stopped before its first epoch
            ended, or made elsewhere.
        """
        if self._bench.store is None:
            return TrainingCurves()
        try:
            folder = self._bench.store.run_folder(run_id)
            path = (folder / f"fold-{fold}" if fold else folder) / "history.json"
            history = json.loads(path.read_text(encoding="utf-8"))
            return TrainingCurves.from_history(history)
        except (OSError, ValueError, TypeError, KeyError, MedlabError):
            return TrainingCurves()
