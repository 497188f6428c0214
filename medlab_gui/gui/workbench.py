"""What every dock is given: the open project, the open series, and ways to act.

Signals go down (docks watch the workbench), calls go up (docks call its methods).
Everything here happens on the Qt thread, and all its signals fire there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from psygnal import Signal
from qtpy.QtCore import QTimer

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.jobs import Job, JobContext
from medlab_gui.core.settings import Settings, load_settings
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec
from medlab_gui.gui import launching, opening, reviewing
from medlab_gui.gui.cine import Cine
from medlab_gui.gui.incoming import Incoming
from medlab_gui.gui.jobs import Jobs
from medlab_gui.gui.key_actions import new_keybook
from medlab_gui.gui.large_changes import LargeChanges
from medlab_gui.gui.let_go import edit_when_let_go
from medlab_gui.gui.measure_state import MeasureState
from medlab_gui.gui.notices import Level, Notice, NoticeAction
from medlab_gui.gui.pair.pair_state import PairState
from medlab_gui.gui.panes.linked_state import LinkedState
from medlab_gui.gui.slice_camera import SliceCamera
from medlab_gui.gui.view_state import Mode, ViewState
from medlab_gui.gui.window_presets import WindowPresets

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.commands.command import Command
    from medlab_gui.gui.warming import Warming
    from medlab_gui.review.session import ReviewSession
    from medlab_gui.store.project import ProjectStore

__all__ = ["Workbench"]

T = TypeVar("T")

_PIPELINE_SAVE_MS = 500


class Workbench:
    """The state of the window, without the window.

    Parameters
    ----------
    project_place : str
        Folder of the project; it is opened by `open_project`.
    settings : Settings, optional
        The user's choices.

    Attributes
    ----------
    store : ProjectStore or None
        The Qt thread's own connection. None until the project is open (the window
        paints first) and when it cannot be opened; `project_changed` tells.
    session : ReviewSession or None
        The open series.
    view : ViewState
        Mode, tool, window, what is shown; ``view.events.<field>`` are its signals.
    camera : SliceCamera
        Zoom and place of the axial slice, common to the canvas and the comparison.
    jobs : Jobs
        Work under way.
    incoming : Incoming
        What was dropped or opened last, on its way into the project.
    linked : LinkedState
        Crosshair, slabs and layout of the views.
    keybook : Keybook
        Which keys mean what, by the chosen profile.
    cine : Cine
        Plays the slices.
    presets : WindowPresets
        Windows by name.
    pair : PairState
        The second series, beside the open one or over it.
    measure : MeasureState
        What is measured on the open series, and with which tool.
    warming : Warming or None
        What must be ready before a series is shown; None without a window.
    is_same_place : bool
        Whether the open series took the place of its own provisional picture.
    ask : callable or None
        ``ask(command, given) -> params or None``: the dialog; set by the window.
    session_changed : Signal()
        Another series is open, or none. Reconnect to ``session``'s own signals.
    slice_changed : Signal(int)
        Another slice of it is shown.
    project_changed : Signal()
        Series, queue, runs or checkpoints in the store changed.
    job_started, job_finished : Signal(Job)
        Also for jobs of other docks.
    job_progressed : Signal(Job, tuple of Progress)
        At most ten times a second; reports that carry ``data`` are never left out.
    mode_changed : Signal(Mode)
        Review or Annotate.
    pipeline_changed : Signal(PipelineSpec)
        The preprocessing of the project was edited.
    noticed, evaluated : Signal(Notice), Signal(dict)
        Something to be said to the person; what ``medlab evaluate`` found.
    """

    session_changed = Signal()
    slice_changed = Signal(int)
    project_changed = Signal()
    mode_changed = Signal(object)
    pipeline_changed = Signal(object)
    noticed = Signal(Notice)
    evaluated = Signal(object)
    closed = Signal()

    def __init__(self, project_place: str, settings: Settings | None = None) -> None:
        self.project_place = project_place
        self.settings = settings or load_settings()
        self.store: ProjectStore | None = None
        self.session: ReviewSession | None = None
        self.view: ViewState = ViewState(
            mask_opacity=self.settings.overlay_opacity,
            entropy_opacity=self.settings.entropy_opacity,
        )
        self.camera = SliceCamera()
        self.jobs = Jobs()
        self.ask: Callable[[Command[Any, Any], dict[str, Any]], Any] | None = None
        self._pipeline: PipelineSpec | None = None
        self.opening: Job | None = None
        self.warming: Warming | None = None
        self.opening_uid = ""
        self.series_title = ""
        self.is_same_place = False
        self._pipeline_timer = QTimer()
        self._pipeline_timer.setSingleShot(True)
        self._pipeline_timer.setInterval(_PIPELINE_SAVE_MS)
        self._pipeline_timer.timeout.connect(self._save_pipeline)
        self.job_started = self.jobs.started
        self.job_progressed = self.jobs.progressed
        self.job_finished = self.jobs.finished
        self.jobs.failed.connect(self._on_failed)
        self.changes: LargeChanges = LargeChanges(self)
        self.incoming = Incoming(self)
        self.linked = LinkedState(self)
        self.measure: MeasureState = MeasureState(self)
        self.presets = WindowPresets(self)
        self.cine: Cine = Cine(self)
        self.cine.follow(self.linked)
        self.keybook = new_keybook(self.settings.key_profile)
        self.pair: PairState = PairState(self)
        self.view.events.mode.connect(self._on_mode)

    # ---- saying -------------------------------------------------------------

    def inform(self, text: str, *actions: NoticeAction) -> None:
        """Say something in passing."""
        self.noticed.emit(Notice(text, Level.INFO, actions=actions))

    def warn(self, text: str, *actions: NoticeAction) -> None:
        """Say something that deserves a look but stops nothing."""
        self.noticed.emit(Notice(text, Level.WARNING, actions=actions))

    def fail(
        self, error: BaseException, title: str = "", *actions: NoticeAction
    ) -> None:
        """Tell that something did not work; a bug is raised to the excepthook."""
        if not isinstance(error, MedlabError):
            raise error
        self.noticed.emit(Notice(error.message, Level.ERROR, title, actions))

    # ---- doing --------------------------------------------------------------

    def submit(
        self,
        title: str,
        work: Callable[[JobContext], T],
        *,
        on_done: Callable[[T], object] | None = None,
        on_error: Callable[[BaseException], object] | None = None,
        on_end: Callable[[], object] | None = None,
        lane: str = "preview",
        newest_wins: bool = True,
    ) -> Job:
        """Do something on a thread; the callbacks come on the Qt thread.

        Parameters
        ----------
        title : str
            What a person reads; empty keeps it out of the status bar.
        work : callable
            ``work(ctx)``; must not touch widgets, layers, the session's arrays (other
            than to read) or ``store`` (open an own one: ``ProjectStore.open``).
        on_done, on_error, on_end : callable, optional
            See `Jobs.submit`. Without ``on_error`` the sentence is shown in a dialog.
        lane : str
            ``"preview"``, ``"thumbnail"``, ``"disk"``, ``"gpu"`` or one of your own.
        newest_wins : bool
            Cancel what waits or runs in this lane.
        """
        job = Job(title, work, lane)
        return self.jobs.submit(
            job,
            on_done=on_done,
            on_error=on_error,
            on_end=on_end,
            newest_wins=newest_wins,
        )

    def launch(
        self,
        verb: str,
        params: Any = None,
        *,
        on_done: Callable[[Any], object] | None = None,
    ) -> Job | None:
        """Run a command where it wants to run, with progress and cancel.

        Parameters
        ----------
        verb : str
            Of ``commands.COMMANDS``.
        params : dataclass, mapping or None
            The command's params, or some of its fields by name. Fields that are
            still missing are filled from what is open (``series``) or asked for in
            a dialog made from the dataclass; with None the dialog shows always,
            where the command has fields for it.
        on_done : callable, optional
            As in `submit`. After success `project_changed` is emitted first.

        Returns
        -------
        Job or None
            None where the person closed the dialog.
        """
        return launching.launch(self, verb, params, on_done)

    def command(self, verb: str) -> Command[Any, Any]:
        """Return the command of a verb."""
        from medlab_gui.commands import COMMANDS

        return next(c for c in COMMANDS if c.verb == verb)

    def cancel(self, job: Job) -> None:
        """Ask a job to stop."""
        self.jobs.cancel(job)

    def _on_slice(self, k: int) -> None:
        self.slice_changed.emit(k)

    def _on_failed(self, job: Job, error: BaseException) -> None:
        self.fail(error, job.title)

    # ---- project ------------------------------------------------------------

    def open_project(
        self,
        place: str | None = None,
        then: Callable[[], object] | None = None,
        *,
        create: bool = False,
    ) -> None:
        """Open a project; the database library loads in a thread.

        Parameters
        ----------
        place : str, optional
            Folder; `project_place` where not given.
        then : callable, optional
            Called when it is open.
        create : bool
            Make it where there is none. The one of the settings is always made; for
            another one that is missing the person is asked.
        """
        place = place or self.project_place
        self.changes.leave(
            lambda: opening.open_project(self, place, then, create=create)
        )

    def adopt_project(self, place: str, store: ProjectStore) -> None:
        """Make an open project the one that everything is about."""
        self._finish_pipeline()
        if self.store is not None:
            self.store.close()
        self.store, self.project_place = store, place
        self._pipeline = None
        self.project_changed.emit()
        self.pipeline_changed.emit(self.pipeline)

    @property
    def pipeline(self) -> PipelineSpec:
        """Preprocessing of the project; assigning saves it shortly afterwards."""
        if self._pipeline is None:
            stored = self.store.pipeline() if self.store is not None else None
            self._pipeline = stored if stored is not None else LIVER_PIPELINE
        return self._pipeline

    @pipeline.setter
    def pipeline(self, spec: PipelineSpec) -> None:
        if spec != self.pipeline:
            self._pipeline = spec
            self.pipeline_changed.emit(spec)
            self._pipeline_timer.start()

    def _finish_pipeline(self) -> None:
        """Write what was changed so shortly ago that it is still to be written."""
        if self._pipeline_timer.isActive():
            self._pipeline_timer.stop()
            self._save_pipeline()

    def _save_pipeline(self) -> None:
        if self.store is not None and self._pipeline is not None:
            try:
                self.store.set_pipeline(self._pipeline)
            except MedlabError as error:
                self.fail(error, _("Preprocessing"))

    # ---- series and slices --------------------------------------------------

    def open_series(
        self,
        uid: str,
        k: int | None = None,
        *,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Open a series of the project; its voxels are read in a thread.

        Parameters
        ----------
        uid : str
            The series.
        k : int, optional
            Slice to show; the middle one where not given.
        then : callable, optional
            Called when it is open.
        """
        opening.open_series(self, uid, k, then)

    def adopt_session(
        self, session: ReviewSession, *, is_same_place: bool = False
    ) -> None:
        """Make an open series the one on the stage, and say what was recovered.

        Window, zoom and place stay what they are where ``is_same_place``.
        """
        self.session, self.is_same_place = session, is_same_place
        self.series_title = session.series.description or session.volume.modality
        session.slice_changed.connect(self._on_slice)
        # what the model says loads with the study; one key (P) turns it off
        self.view.prediction_visible = session.prediction is not None
        self.session_changed.emit()
        self.slice_changed.emit(session.k)
        if session.recovered is not None:
            self.warn(session.recovered.message)
        edit_when_let_go(self)

    def drop_session(self) -> None:
        """Clear the stage."""
        self.session = None
        self.session_changed.emit()

    def close_series(self) -> None:
        """Close the open series; edits since the last save are saved first."""
        opening.close_series(self)

    def go_to(self, k: int) -> None:
        """Show slice ``k`` of the working grid (the nearest one that exists)."""
        if self.session is not None:
            last = self.session.volume.grid.shape[0] - 1
            self.session.k = min(max(int(k), 0), last)

    def step(self, n: int) -> None:
        """Go ``n`` slices towards the head (or, negative, towards the feet)."""
        if self.session is not None:
            self.go_to(self.session.k + n)

    @property
    def mode(self) -> Mode:
        """Review or Annotate."""
        return self.view.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self.view.mode = Mode(mode)

    def _on_mode(self, mode: Mode) -> None:
        self.mode_changed.emit(mode)

    def reopen(self, then: Callable[[], object] | None = None) -> None:
        """Open the series again, at the same slice: its truth changed elsewhere."""
        if self.session is not None:
            uid, k = self.session.series_uid, self.session.k
            self.session.overtake()
            if self.changes.is_busy:  # it ends first: refused, or in the mask
                self.changes.later(lambda: self.reopen(then), always=True)
                return
            self.pair.wait_for_reopening()
            self.close_series()
            self.open_series(uid, k, then=then)

    # ---- labelling (see `gui.reviewing`) -------------------------------------

    def undo(self) -> None:
        """Take back the last edit, on whatever slice it was."""
        self.cine.stop()
        reviewing.undo(self)

    def redo(self) -> None:
        """Do again what was taken back."""
        self.cine.stop()
        reviewing.redo(self)

    def accept_prediction(self, *, all_slices: bool) -> None:
        """Make the model's mask the mask, as one undoable step."""
        reviewing.accept_prediction(self, all_slices=all_slices)

    def accept_and_next(self) -> None:
        """Vouch for the slice shown, save it, and go to the next one of the queue."""
        reviewing.accept_and_next(self)

    def skip(self) -> None:
        """Set the slice shown aside and go to the next one of the queue."""
        reviewing.skip(self)

    def go_to_next(self) -> None:
        """Open the slice that the model is least sure of."""
        reviewing.go_to_next(self)

    # ---- the end ------------------------------------------------------------

    def close(self) -> None:
        """Close the series (saving it), end all jobs, close the project."""
        self.cine.stop()
        self.changes.finish(for_good=True)
        self.jobs.close()
        if self.session is not None:
            self.session.settling.emit()
        session, self.session = self.session, None
        if session is not None:
            launching.close_for_good(self, session)
        self._finish_pipeline()
        if self.store is not None:
            self.store.close()
            self.store = None
        self.closed.emit()
