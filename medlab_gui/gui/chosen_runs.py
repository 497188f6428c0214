"""What can be done with the trainings that are selected in the runs dock."""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.core.merit import merit
from medlab_gui.core.records import Run, RunState
from medlab_gui.core.run_titles import local_time
from medlab_gui.core.spec_changes import spec_changes
from medlab_gui.core.training import KEPT_FIGURE
from medlab_gui.gui.dialogs.aside import show_beside
from medlab_gui.gui.dialogs.picture import PictureDialog
from medlab_gui.gui.launching import use_weights
from medlab_gui.gui.menu_words import menu_words
from medlab_gui.gui.notices import NoticeAction
from medlab_gui.gui.run_words import merit_of, merits_of
from medlab_gui.gui.runs_model import dice_change, folds_of, was_refused, weights_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from medlab_gui.gui.workbench import Workbench

__all__ = ["ChosenRuns", "changes_in_words", "new_folder"]

_MOST_CHANGES = 12
_MOST_NAMED = 10


def changes_in_words(one: Run, other: Run, titles: Sequence[str]) -> str:
    """Return what changed from one training's recipe to another's, a line each."""
    changes = spec_changes(one.spec, other.spec)
    if one.parent_checkpoint != other.parent_checkpoint:
        changes.append((_("started from"), _("other weights"), _("these")))
    if one.code_version != other.code_version:
        changes.append((_("MedLab"), one.code_version, other.code_version))
    if not changes:
        return _("Nothing changed between their recipes.")
    none = _("none")
    lines = [f"{key}: {a or none} → {b or none}" for key, a, b in changes]
    more = len(lines) - _MOST_CHANGES
    if more > 0:
        rest = _("and {n} more").format(n=more)
        lines = [*lines[:_MOST_CHANGES], rest]
    title = _("Changed from {a} to {b}:").format(a=titles[0], b=titles[1])
    return "\n".join([title, *lines])


def new_folder(place: Path, name: str) -> Path:
    """Return a chosen folder if it is empty, else a new one in it.

    What is written is many files: they shall not lie among others, nor over those that
    were written before.
    """
    try:
        if not any(place.iterdir()):
            return place
    except OSError:  # whoever writes there says what is wrong with it
        return place
    numbered = (name if n == 1 else f"{name}-{n}" for n in count(1))
    return next(place / n for n in numbered if not (place / n).exists())


def _can_be_compared(run: Run) -> bool:
    """Whether there are weights: the run's own, or those of its folds."""
    folded = run.kind == "cross-validation" and run.state is RunState.DONE
    return run.checkpoint is not None or folded


class ChosenRuns(QWidget):
    """Buttons for one or several trainings.

    Parameters
    ----------
    workbench : Workbench
        Its project holds the runs.
    parent : QWidget, optional
        Owner.

    Attributes
    ----------
    changes : QLabel
        What changed between two, or what became of one; whoever owns this puts it
        where there is room.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._runs: tuple[Run, ...] = ()
        self._titles: tuple[str, ...] = ()
        self.adopt = self._button(
            _("Use"), _("Use the weights of this training from now on"), self._adopt
        )
        self.folds = QMenu(self)
        self.export = self._button(
            _("Export…"),
            _("Write weights, card, recipe, curves and log into a folder"),
            self._export,
        )
        self.delete = self._button(
            _("Delete…"), _("Delete the selected trainings"), self._delete
        )
        self.report = self._button(
            _("Report…"),
            _("Compare the weights of the selected trainings on the locked slices"),
            self._report,
        )
        self.changes = QLabel(self)
        self.changes.setWordWrap(True)
        self.changes.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.changes.setAccessibleName(_("What is told of the selected trainings"))
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        self.pictures = self._button(
            _("Pictures…"),
            _("What the network said of some slices while it learned (keep_at)"),
            self._show_pictures,
        )
        for several in (
            (self.adopt, self.export, self.delete),
            (self.report, self.pictures),
        ):
            line = QHBoxLayout()
            for button in several:
                line.addWidget(button)
            rows.addLayout(line)
        self.set_runs((), (), "")

    def _button(self, text: str, tip: str, run: Callable[[], object]) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleDescription(tip)
        button.clicked.connect(run)
        return button

    def set_runs(
        self, runs: Sequence[Run], titles: Sequence[str], current: str
    ) -> None:
        """Offer what these allow.

        Parameters
        ----------
        runs : sequence of Run
            The selected ones, the oldest first.
        titles : sequence of str
            What a person reads of each, unlike each other.
        current : str
            Id of the weights in use.
        """
        self._runs, self._titles = tuple(runs), tuple(titles)
        one = len(runs) == 1
        made = weights_of(runs[0]) if one else ()
        self.adopt.setEnabled(any(weights != current for weights in made))
        self._offer_folds(current)
        self.export.setEnabled(one and runs[0].state is not RunState.RUNNING)
        self.delete.setEnabled(
            bool(runs) and all(r.state is not RunState.RUNNING for r in runs)
        )
        self.report.setEnabled(any(map(_can_be_compared, runs)))
        self.pictures.setEnabled(one and bool(self._figures(runs[0])))
        told = menu_words(runs[0].message) if one else ""
        if len(runs) == 2:
            told = changes_in_words(runs[0], runs[1], titles)
        self.changes.setText(told)
        self.changes.setVisible(bool(told))

    def _figures(self, run: Run) -> dict[str, Path]:
        """Return the files with what a run's network said while it learned.

        One without a name, or one of each fold by the fold's name.
        """
        store = self._bench.store
        if store is None:
            return {}
        folder = store.folder / "runs" / run.id
        places = {"": folder}
        for n in range(1, int(run.comparison.get("n_folds") or 0) + 1):
            places[_("Fold {n}").format(n=n)] = folder / f"fold-{n}"
        found = {name: place / KEPT_FIGURE for name, place in places.items()}
        return {name: path for name, path in found.items() if path.is_file()}

    def _show_pictures(self) -> None:
        figures = self._figures(self._runs[0])
        if figures:
            show_beside(PictureDialog(figures, self._titles[0], self.window()))

    def _offer_folds(self, current: str) -> None:
        """Fill the menu of *Use* with the folds of a cross-validation."""
        self.folds.clear()
        run = self._runs[0] if len(self._runs) == 1 else None
        for fold in folds_of(run) if run is not None else ():
            weights = str(fold.get("checkpoint", ""))
            text = _("Fold {n}: {measure} {value:.3f}").format(
                n=fold.get("fold"),
                measure=merits_of([run] if run is not None else []),
                value=merit(fold) or 0.0,
            )
            chosen = self.folds.addAction(text, partial(self._use, weights))
            chosen.setEnabled(bool(weights) and weights != current)

    def _adopt(self) -> None:
        if self.folds.actions():
            self.folds.popup(self.adopt.mapToGlobal(self.adopt.rect().bottomLeft()))
            return
        run = self._runs[0]
        if not was_refused(run) or self._is_sure(run):
            self._use(str(run.checkpoint))

    def _is_sure(self, run: Run) -> bool:
        """Ask whether weights that were refused are to be used all the same."""
        asked = _(
            "These weights were refused: they are worse on the locked validation set "
            "({measure} {change}). Use them all the same? “Previous weights” leads "
            "back."
        ).format(measure=merit_of(run), change=dice_change(run))
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        title = _("Use refused weights")
        return bool(
            QMessageBox.question(self.window(), title, asked, yes | no, no) == yes
        )

    def _use(self, weights: str, *_args: object) -> None:
        use_weights(self._bench, weights)

    def _folder(self, title: str, name: str) -> str:
        chosen = QFileDialog.getExistingDirectory(self.window(), title)
        return str(new_folder(Path(chosen), name)) if chosen else ""

    def _export(self) -> None:
        name = f"training-{self._runs[0].id}"
        folder = self._folder(_("Folder for the training"), name)
        if folder:
            given = {"run": self._runs[0].id, "output": folder}
            self._bench.launch("export-run", given, on_done=self._tell_folder)

    def _tell_folder(self, result: dict[str, Any]) -> None:
        folder = result["output"]
        look = partial(QDesktopServices.openUrl, QUrl.fromLocalFile(folder))
        self._bench.inform(
            _("The training is in {folder}.").format(folder=folder),
            NoticeAction(_("Open the folder"), look),
        )

    def _report(self) -> None:
        folder = self._folder(_("Folder for the report"), "medlab-report")
        if not folder:
            return
        # What stands before the first "=" is the name.
        places = [
            f"{title.replace('=', ' ') or run.id}={run.id}"
            for run, title in zip(self._runs, self._titles, strict=True)
            if _can_be_compared(run)
        ]
        given = {"compare": "\n".join(places), "output": folder}
        self._bench.launch("evaluate", given)

    def _delete(self) -> None:
        named = "\n".join(self._in_full()[:_MOST_NAMED])
        more = len(self._titles) - _MOST_NAMED
        if more > 0:
            named += "\n" + _("and {n} more").format(n=more)
        asked = _(
            "Delete these trainings? There is no way back.\n\n{named}\n\nWeights that "
            "are or were in use stay."
        ).format(named=named)
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        answer = QMessageBox.question(
            self.window(), _("Delete trainings"), asked, yes | no, no
        )
        if answer == yes:
            self.delete_now()

    def _in_full(self) -> list[str]:
        """Return titles with time and seed: others of the table may be named alike."""
        found = []
        for run, title in zip(self._runs, self._titles, strict=True):
            more = (local_time(run.started), _("seed {n}").format(n=run.seed))
            found.append(", ".join([title, *(m for m in more if m not in title)]))
        return found

    def delete_now(self) -> None:
        """Delete the selected trainings without asking."""
        runs: tuple[Any, ...] = self._runs
        for run in runs:
            self._bench.launch("delete-run", {"run": run.id})
