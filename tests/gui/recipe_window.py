"""The preprocessing dock beside a stand-in for the canvas, on a phantom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from medlab_gui.gui.docks.preprocess import PreprocessDock
from medlab_gui.gui.workbench import Workbench
from tests.gui.docks_phantom import make_project

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.gui.compare_panel import ComparePanel
    from medlab_gui.gui.step_controls import StepControls


def open_bench(qtbot, folder: Path) -> Workbench:
    """A workbench with the phantom open at slice 9 of 16."""
    make_project(folder, n_series=1)
    bench = Workbench(str(folder))
    bench.open_project()
    qtbot.waitUntil(lambda: bench.store is not None)
    bench.open_series("1.2.0.1", 8)
    qtbot.waitUntil(lambda: bench.session is not None)
    return bench


class RecipeWindow(QMainWindow):
    """A main window with a stand-in for the canvas, and the dock beside it."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.setCentralWidget(QWidget())
        holder = QDockWidget("Preprocessing", self)
        self.dock = PreprocessDock(bench)
        holder.setWidget(self.dock)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, holder)
        self.resize(1200, 700)

    def row(self, name: str) -> StepControls:
        """The first step of that name."""
        return next(r for r in self.dock.steps.rows if r.info.name == name)

    @property
    def names(self) -> list[str]:
        """Steps in their order."""
        return [r.info.name for r in self.dock.steps.rows]

    @property
    def panel(self) -> ComparePanel:
        """What covers the canvas."""
        panel = self.dock.panel
        assert panel is not None
        return panel


def rest(qtbot, bench: Workbench) -> None:
    """Wait until nothing is being computed any more."""
    qtbot.waitUntil(lambda: not bench.jobs.active)
