"""The main window: a napari viewer with our name, menus, docks, keys and mouse."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QSettings, QSize, Qt, QTimer
from qtpy.QtGui import QGuiApplication, QIcon
from qtpy.QtWidgets import QFileDialog

from medlab_gui.core.i18n import _
from medlab_gui.core.resources import resource
from medlab_gui.core.settings import Settings, settings_path
from medlab_gui.gui import napari_private as private
from medlab_gui.gui.camera_tie import CameraTie
from medlab_gui.gui.cine_bar import CineBar
from medlab_gui.gui.collector import Collector
from medlab_gui.gui.context import facts, project_facts
from medlab_gui.gui.dialogs.remedies import ask_way
from medlab_gui.gui.dock_area import build_docks, least_size
from medlab_gui.gui.drops import DropFilter
from medlab_gui.gui.first_look import FirstLook
from medlab_gui.gui.keys import KeyFilter
from medlab_gui.gui.layers import Stage
from medlab_gui.gui.letter_size import interface_points
from medlab_gui.gui.lighter import lighten
from medlab_gui.gui.measure_overlay import MeasureOverlay
from medlab_gui.gui.measure_pane import PicturePane
from medlab_gui.gui.menus import Menus, napari_menu
from medlab_gui.gui.mouse import MouseFilter
from medlab_gui.gui.notify import Notifier
from medlab_gui.gui.overlays import PictureText
from medlab_gui.gui.paint_turns import PaintTurns, once_painted
from medlab_gui.gui.pair.pair_views import PairViews
from medlab_gui.gui.panes.linked_views import LinkedViews
from medlab_gui.gui.reading_note import ReadingNote
from medlab_gui.gui.series_drops import SeriesDrops
from medlab_gui.gui.slice_bar import SliceBar
from medlab_gui.gui.status import StatusBar
from medlab_gui.gui.view_state import Mode
from medlab_gui.gui.warming import Warming
from medlab_gui.gui.welcome import Welcome
from medlab_gui.gui.window_box import WindowBox
from medlab_gui.gui.workbench import Workbench

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtGui import QMouseEvent

    from medlab_gui.commands.command import Command
    from medlab_gui.store.project import ProjectStore

__all__ = ["MedlabWindow", "prepare"]

_SPECIAL_DIALOGS = {
    "classes": "medlab_gui.gui.dialogs.classes:ClassesDialog",
    "train": "medlab_gui.gui.dialogs.finetune:FineTuneDialog",
}
"""Verbs whose dialog shows more than a form; the rest get `dialogs.form`."""

_FACTS_MS = 30
_WARN_AGAIN_MS = 3000


def prepare() -> None:
    """Give napari our settings, theme and no keys; before the first viewer."""
    private.isolate_settings()
    theme = json.loads(resource("themes", "medlab.json").read_text(encoding="utf-8"))
    private.register_theme(theme["name"], theme["colors"], round(interface_points()))
    private.clear_key_bindings()


class MedlabWindow(QObject):
    """Everything on the screen.

    Parameters
    ----------
    project_place : str
        Folder of the project.
    settings : Settings, optional
        The user's choices.

    Attributes
    ----------
    viewer : napari.Viewer
        What draws.
    bench : Workbench
        What is open.
    stage : Stage
        The layers.
    """

    def __init__(self, project_place: str, settings: Settings | None = None) -> None:
        super().__init__()
        from medlab_gui.commands import COMMANDS

        prepare()
        from napari import Viewer

        self.viewer = Viewer(title="MedLab", show=False, show_welcome_screen=False)
        lighten(self.viewer)
        self.main = private.main_window(self.viewer)
        self._collector = Collector(self.main)
        self.paint_turns = PaintTurns(self.main)
        self.canvas = private.canvas_widget(self.viewer)
        self.canvas.setAccessibleName(_("Axial"))
        self.commands: tuple[Command[Any, Any], ...] = COMMANDS
        self.bench: Workbench = Workbench(project_place, settings)
        self.bench.ask = self._ask
        self.bench.evaluated.connect(self._show_figures)
        self.bench.incoming.ask = partial(ask_way, parent=self.main)
        self.stage: Stage = Stage(self.viewer, self.bench)
        self.warming = Warming(self.bench, self.stage, self._collector, self)
        self._warned = False
        self._closed = False
        self._welcomed_to: ProjectStore | None = None
        # A click on a menu or beside a button takes the keys from no picture.
        self.main.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        private.take_over_status_bar(self.viewer)
        private.unthrottle_mouse(self.viewer)
        private.apply_style(self.viewer, resource("themes", "medlab.qss"))
        self._dress()
        self._build_picture()
        self.docks = build_docks(self.main, self.bench)
        self._build_menus()
        self._watch()
        self._restore_geometry()

    # ---- building -------------------------------------------------------------

    def _dress(self) -> None:
        self.main.setWindowIcon(QIcon(str(resource("icons", "medlab.svg"))))
        self.main.setObjectName("medlab_window")
        self.main.setMinimumSize(least_size(_room()))
        self.status = StatusBar(self.bench, self.main)
        self.main.setStatusBar(self.status)

    def _build_picture(self) -> None:
        private.retire_sliders(self.viewer)
        private.delay_layer_controls(self.viewer)
        for dock in private.napari_docks(self.viewer):
            dock.hide()
        self.text = PictureText(self.viewer, self.canvas, self.bench, self.stage)
        self.measurements = MeasureOverlay(
            PicturePane(self.viewer, self.canvas, self.bench),
            self.canvas,
            self.bench,
            lambda: self.stage.holds_pan,
        )
        # Not on the canvas: other views and the comparison take its place.
        room = self.main.centralWidget() or self.canvas
        self.notifier: Notifier = Notifier(self.bench, self.main, room)
        self.welcome = Welcome(self.bench, self.canvas)
        self.reading = ReadingNote(self.bench, self.canvas)
        FirstLook(self.bench, self.stage, self.canvas)
        self.slice_bar = SliceBar(self.bench)
        self.views = LinkedViews(
            self.viewer, self.canvas, self.bench, self.stage, self.text
        )
        self.warming.panes = self.views.make_panes
        self.pair = PairViews(
            self.viewer,
            self.bench,
            self.stage,
            self.text,
            self.views.area,
            self.views.panes,
            self.fit,
        )
        private.put_below_canvas(
            self.viewer, self.pair.room, CineBar(self.bench, self.slice_bar)
        )
        self.bench.cine.watch(self.canvas)
        self.bench.cine.plane_with_keys = lambda: self.views.active
        self.mouse = MouseFilter(self.viewer, self.canvas, self.bench, self.stage)
        pane, slab = self.measurements.pane, self.stage.slab
        self.box = WindowBox(pane, self.canvas, self.bench, lambda: slab.values)
        self.mouse.first = self._take_first
        self.mouse.hovered.connect(self.status.hover)
        self.mouse.left.connect(self.status.leave)
        self.views.hovered.connect(self.status.hover_voxel)
        self.views.left.connect(self.status.leave)
        self.mouse.refused.connect(self._on_refused)
        self.camera_tie = CameraTie(self.viewer, self.canvas, self.bench)
        self.keys = KeyFilter(self.main, self._press, self.stage.hold_pan)
        viewer_widget = private.viewer_widget(self.viewer)
        for widget in (self.main, self.canvas, viewer_widget, self.pair.pane):
            widget.installEventFilter(self.keys)
        self.views.send_keys_to(self.keys)
        self._drops = DropFilter(self.main, self.import_paths)
        self.series_drops = SeriesDrops(self.bench, (viewer_widget,), self.pair.pane)

    def _build_menus(self) -> None:
        bar = self.viewer.window.main_menu
        for menu in private.napari_menus(self.viewer):
            bar.removeAction(menu.menuAction())
        self.menus: Menus = Menus(self, self.commands)
        self.menus.build(bar, self.main)
        view = self.menus.menu("medlab/view")
        view.addSeparator()
        view.addMenu(napari_menu(self.viewer, view))

    def _watch(self) -> None:
        bench = self.bench
        self._facts_timer = QTimer(self)
        self._facts_timer.setSingleShot(True)
        self._facts_timer.setInterval(_FACTS_MS)
        self._facts_timer.timeout.connect(self.refresh_facts)
        self._project_facts: dict[str, Any] = {}
        bench.session_changed.connect(self._on_session)
        bench.project_changed.connect(self._on_project)
        bench.slice_changed.connect(self._later)
        bench.job_started.connect(self._later)
        bench.job_finished.connect(self._later)
        bench.mode_changed.connect(self._on_mode)
        bench.view.events.connect(self._later)
        bench.linked.layout_changed.connect(self._later)
        bench.keybook.changed.connect(self._later)
        bench.presets.changed.connect(self._later)
        bench.cine.changed.connect(self._later)
        bench.linked.slab_changed.connect(self._later)
        bench.pair.changed.connect(self._later)
        bench.pair.shown_changed.connect(self._later)
        bench.linked.rendering_changed.connect(self._later)
        for signal in (
            bench.measure.changed,
            bench.measure.selected_changed,
            bench.measure.tool_changed,
        ):
            signal.connect(self._later)
        self.main.installEventFilter(self)
        self._on_project()
        self.refresh_facts()
        self._show_title()

    # ---- what is enabled -------------------------------------------------------

    def _later(self, *_args: object) -> None:
        if not self._facts_timer.isActive():
            self._facts_timer.start()

    def refresh_facts(self) -> None:
        """Enable what can be used now."""
        if not self._closed:
            self.menus.update(
                {
                    **self._project_facts,
                    **facts(self.bench, self.stage, self.views.active),
                }
            )

    def _on_project(self) -> None:
        self._project_facts = project_facts(self.bench)
        if self.bench.store is not self._welcomed_to:
            self._welcomed_to = self.bench.store
            QTimer.singleShot(0, self._offer_studies)
        self._later()

    def _on_session(self) -> None:
        session = self.bench.session
        if session is not None:
            session.state_changed.connect(self._later)
            session.held_changed.connect(self._later)
            session.prediction_changed.connect(self._later)
            self.canvas.setFocus()
            if not (session.is_provisional or self.bench.is_same_place):
                self.docks["labels"].raise_()
        else:
            QTimer.singleShot(0, self._offer_studies)
        self._show_title()
        self._later()

    def _offer_studies(self) -> None:
        """Bring the list to the front where nothing is open or about to be opened."""
        opening = self.bench.jobs.goes_on("open")
        if not (self._closed or opening or self.bench.session is not None):
            self.docks["studies"].raise_()

    def _on_mode(self, mode: Mode) -> None:
        self._show_title()
        self._later()

    def _show_title(self) -> None:
        if self.bench.session is None:
            self.viewer.title = "MedLab"
            return
        mode = _("Annotate") if self.bench.mode is Mode.ANNOTATE else _("Review")
        self.viewer.title = f"MedLab - {self.bench.series_title} - {mode}"

    def _take_first(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        """Let measuring, the box, then the crosshair take what the mouse does."""
        return (
            self.bench.cine.heed(kind, event)
            or self.measurements.hand.take(kind, event)
            or self.box.take(kind, event)
            or self.views.take(kind, event)
        )

    # ---- keys ------------------------------------------------------------------

    def _press(self, key: str, repeated: bool) -> None:
        self.refresh_facts()
        self.menus.press(key, repeated=repeated)

    def _on_refused(self) -> None:
        if not self._warned:
            self._warned = True
            QTimer.singleShot(_WARN_AGAIN_MS, self._may_warn)
            session, why = self.bench.session, self.stage.why_not_editable
            passing = session is not None and why == session.held
            (self.bench.inform if passing else self.bench.warn)(why)

    def _may_warn(self) -> None:
        self._warned = False

    # ---- what actions do ---------------------------------------------------------

    def _show_figures(self, result: dict[str, Any]) -> None:
        from medlab_gui.gui.dialogs.aside import show_beside
        from medlab_gui.gui.dialogs.evaluation import EvaluationDialog

        show_beside(EvaluationDialog(self.bench, result, self.main))

    def _ask(self, command: Command[Any, Any], given: dict[str, Any]) -> Any:
        from medlab_gui.core.registry import load_dotted

        if command.verb in _SPECIAL_DIALOGS:
            special = load_dotted(_SPECIAL_DIALOGS[command.verb])
            return special.ask(self.bench, self.main)
        from medlab_gui.gui.dialogs.form import ParamsDialog

        dialog = ParamsDialog(self.bench, command, given, self.main)
        dialog.exec()
        params = dialog.params
        dialog.deleteLater()
        return params

    def import_paths(self, paths: tuple[Path, ...]) -> None:
        """Look through files or folders and open what they hold."""
        self.bench.incoming.open(paths)

    def choose_project(self) -> None:
        """Let the person choose the folder of another project."""
        folder = QFileDialog.getExistingDirectory(
            self.main, _("Open project"), self.bench.project_place
        )
        if folder:
            self.bench.open_project(folder)

    def own_window(self) -> None:
        """Show the grey values in which the scan opened."""
        self.stage.reset_window()
        if self.views.volume is not None:
            self.views.volume.reset_window()

    def fit(self) -> None:
        """Fit the picture to the window."""
        self.views.fit()
        self.pair.fit()

    def show_dock(self, name: str) -> None:
        """Show a dock and bring it to the front."""
        self.docks[name].show()
        self.docks[name].raise_()

    def toggle_fullscreen(self) -> None:
        """Use the whole screen, or stop doing so."""
        if self.main.isFullScreen():
            self.main.showNormal()
        else:
            self.main.showFullScreen()

    def show_keys(self) -> None:
        """Show the key sheet."""
        from medlab_gui.gui.dialogs.keys import KeySheet

        KeySheet(self.bench, self.commands, self.main).show()

    def show_about(self) -> None:
        """Show what this program is."""
        from medlab_gui.gui.dialogs.about import AboutDialog

        AboutDialog(self.main).open()

    # ---- showing and closing -----------------------------------------------------

    def show(self) -> None:
        """Show the window, without waiting for the project."""
        self.main.show()
        self.canvas.setFocus()
        once_painted(self.canvas, self.warming.begin)

    def close(self) -> None:
        """Close the window; what is unsaved is saved."""
        self._shut_down()
        self.viewer.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Shut down in order when the window closes; end strokes for a dialog."""
        if watched is self.main and event.type() == QEvent.Type.Close:
            self._shut_down()
        elif watched is self.main and event.type() == QEvent.Type.WindowBlocked:
            self.mouse.let_go()  # the dialog gets the release
        return False

    def _shut_down(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._facts_timer.stop()
        self._save_geometry()
        self.main.hide()
        self.bench.close()
        self.notifier.uninstall()
        self.warming.stop()
        self._collector.stop()

    def _window_store(self) -> QSettings:
        path = settings_path().with_name("window.ini")
        return QSettings(str(path), QSettings.Format.IniFormat)

    def _save_geometry(self) -> None:
        store = self._window_store()
        store.setValue("geometry", self.main.saveGeometry())
        store.setValue("state", self.main.saveState(1))
        store.setValue("layout", str(self.bench.linked.layout))

    def _restore_geometry(self) -> None:
        screen = _room()
        self.main.resize(
            min(1600, round(screen.width() * 0.98)),
            min(1000, round(screen.height() * 0.94)),
        )
        store = self._window_store()
        self.bench.linked.restore(str(store.value("layout", "")))
        geometry, state = store.value("geometry"), store.value("state")
        if geometry is not None and self.main.restoreGeometry(geometry) and state:
            self.main.restoreState(state, 1)
        elif screen.width() <= 1440:
            self.main.resize(screen)
            self.main.setWindowState(Qt.WindowState.WindowMaximized)


def _room() -> QSize:
    return QGuiApplication.primaryScreen().availableGeometry().size()
