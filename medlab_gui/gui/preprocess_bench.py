"""Computes what the comparison shows: slice, figures, what the model says."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QObject

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.jobs import JobState
from medlab_gui.core.specs import PipelineSpec
from medlab_gui.gui.compare_panel import ComparePanel
from medlab_gui.gui.launching import context_of
from medlab_gui.gui.model_look import LookKey, ModelLook, look
from medlab_gui.gui.panes.axial_shear import axial_geometry
from medlab_gui.gui.preview import Figures, Preview, SliceRunner, figures, preview
from medlab_gui.gui.shading import shading
from medlab_gui.gui.volume_processing import VolumeProcessing
from medlab_gui.imaging.recipes import effective
from medlab_gui.imaging.remarks import remarks

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from medlab_gui.core.jobs import Job, JobContext, Progress
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.gui.compare_view import CompareLayout
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PreprocessBench"]

_LOOKS = 16


class PreprocessBench(QObject):
    """Keeps the comparison up to date while recipe, slice and window change.

    Pictures come first and figures after them, both on threads; of either only the
    newest wish counts. Nothing is computed while nothing of it can be seen.

    Parameters
    ----------
    workbench : Workbench
        What is open.
    anchor : QWidget
        A widget of the main window, whose canvas the comparison covers.

    Attributes
    ----------
    weights : Checkpoint or None
        The weights in use.
    comparing : bool
        Whether the comparison is shown.
    volume : VolumeProcessing
        The whole scan, where somebody wished for it.
    """

    failed = QtCore.Signal(str)
    """Sentences on what is wrong with the recipe, or why there is no picture; empty
    where there is one again and nothing to say."""
    arranged = QtCore.Signal(object)
    """The person chose another layout in the panel."""
    closed = QtCore.Signal()
    """The person closed the panel."""

    def __init__(self, workbench: Workbench, anchor: QWidget) -> None:
        super().__init__(anchor)
        self._bench, self._anchor = workbench, anchor
        self.weights: Checkpoint | None = None
        self.comparing = False
        self.panel: ComparePanel | None = None
        self.preview: Preview | None = None
        self._runner = self._new_runner()
        self._look_job: Job | None = None
        self._slice_job: Job | None = None
        self._figures_job: Job | None = None
        self._wanted = False
        self._may_stop = True
        self._fitting: PipelineSpec | None = None
        self._uncounted: Preview | None = None
        self._looks: OrderedDict[LookKey, ModelLook] = OrderedDict()
        # First it: what is shown of a series is taken from its slices.
        self.volume = VolumeProcessing(workbench, self)
        self.volume.runner = self._runner
        self.volume.failed.connect(self._failed)
        workbench.session_changed.connect(self._on_session)
        workbench.pipeline_changed.connect(self._on_pipeline)
        workbench.slice_changed.connect(self._on_slice)
        workbench.view.events.level.connect(self._on_window)
        workbench.view.events.width.connect(self._on_window)
        workbench.view.events.inverted.connect(self._on_window)
        workbench.job_progressed.connect(self._on_progress)

    def read_weights(self) -> None:
        """Find out which weights are in use."""
        store = self._bench.store
        try:
            self.weights = store.current_checkpoint() if store is not None else None
        except MedlabError:
            self.weights = None
        if self.panel is not None:
            self.panel.model.set_model(known=self.weights is not None)
            self._show_look()

    @property
    def unit(self) -> str:
        """Unit of the open series."""
        session = self._bench.session
        return "HU" if session is None else (session.volume.units or "")

    @property
    def waiting(self) -> str:
        """Why the picture is still that of other steps; empty where it is not."""
        if self._fitting is None or not self.comparing:
            return ""
        return _("A step looks at the whole scan first…")

    # ---- the slice ------------------------------------------------------------

    def _on_session(self) -> None:
        session = self._bench.session
        self._runner = self.volume.runner = self._new_runner()
        self.preview = None
        self._fitting = None
        if self._slice_job is not None:
            self._bench.cancel(self._slice_job)
        if self.panel is not None and session is None:
            self.panel.set_preview(None, 0)
            self.panel.set_look(None)
        self.refresh()

    def _new_runner(self) -> SliceRunner | None:
        session = self._bench.session
        if session is None:
            return None
        return SliceRunner(session.volume.data, session.series.display.padding)

    def _on_pipeline(self, _spec: PipelineSpec) -> None:
        self.refresh()

    def _on_slice(self, _k: int) -> None:
        self.refresh()

    def _on_window(self, _value: object) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Compute what is shown anew, in a thread; the newest wish wins.

        While one is under way there is only one more to come: threads that are
        started for every move of a slider would take the time from the window.
        """
        session = self._bench.session
        if session is None or session.is_provisional or not self.comparing:
            return
        self._wanted = True
        if self._slice_job is None:
            self._compute()
        elif self._may_stop and self._bench.pipeline != self._fitting:
            # (Another slice needs the same look at the scan: only another recipe
            # stops that.)
            self._bench.cancel(self._slice_job)

    def _compute(self) -> None:
        session, runner = self._bench.session, self._runner
        self._wanted = False
        if session is None or runner is None:
            return
        spec, uid, k = self._bench.pipeline, session.series_uid, session.k
        data, scheme, unit = session.volume.data, session.scheme, self.unit
        window = (self._bench.view.level, self._bench.view.width)
        mask = session.mask[k].copy()
        geometry = axial_geometry(
            session.volume.grid, doubt=session.series.sides_assumed
        )
        padding, filling = session.series.display.padding, session.series.filling
        shown = shading(
            session.series.display, data.dtype, inverted=self._bench.view.inverted
        )
        volume = self.volume.current
        self._fitting = None
        title = ""
        is_made = volume is not None and volume.slice(k) is not None
        if not is_made and not self._is_ready(runner):
            # Long enough to be shown and stopped in the status bar; once.
            if not self.volume.is_running:
                title = _("Preprocessing the volume")
            self._fitting = spec
            self.failed.emit(self.waiting)
            if self.panel is not None:
                self.panel.pictures.set_outdated(True)

        def work(ctx: JobContext) -> Preview:
            done = volume.slice(k) if volume is not None else None
            if done is None:
                # Between two steps it stops only where they take long: a result
                # that is late by one step of a slider is better than none.
                done = runner.run(spec, k, ctx.check, ctx.progress)
            return preview(
                data[k], done, spec, uid=uid, k=k, window=window,
                shading=shown, unit=unit, mask=mask, scheme=scheme,
                padding=padding, filling=filling, geometry=geometry,
            )  # fmt: skip

        self._slice_job = self._bench.submit(
            title,
            work,
            on_done=self._show,
            on_error=self._not_made,
            on_end=self._computed,
            lane="comparison",
        )

    def _is_ready(self, runner: SliceRunner) -> bool:
        try:
            return runner.is_ready(self._bench.pipeline)
        except MedlabError:  # told by the work itself
            return True

    def _computed(self) -> None:
        # Never two in a row that are stopped: while a slider moves on and on, at
        # least every other wish is seen.
        job, self._slice_job = self._slice_job, None
        self._may_stop = job is None or job.state is not JobState.CANCELLED
        if self._wanted:
            self._compute()
        elif not self._may_stop and self._fitting is not None:
            self._fitting = None
            self.failed.emit(_("Stopped: the picture is still that of other steps."))

    def _show(self, result: Preview) -> None:
        session = self._bench.session
        if session is None or session.series_uid != result.uid:
            return
        self.preview, self._fitting = result, None
        self.failed.emit(self._remarks(result))
        if self.panel is None or not self.comparing:
            return
        self.panel.set_preview(result, session.volume.grid.shape[0])
        self._show_look()
        if self.panel.figures_shown.isChecked():
            self._count(result)

    def _remarks(self, shown: Preview) -> str:
        values = shown.original if shown.fills is None else shown.original[~shown.fills]
        if values.size == 0:
            return ""
        ends = float(values.min()), float(values.max())
        return "\n".join(remarks(shown.spec, *ends, shown.unit))

    def _count(self, shown: Preview) -> None:
        """Measure what is shown, in a thread; here too only the newest counts."""
        if self._figures_job is not None:
            self._uncounted = shown
            return
        self._uncounted = None

        def work(_ctx: JobContext) -> tuple[Preview, Figures]:
            return shown, figures(shown)

        self._figures_job = self._bench.submit(
            "",
            work,
            on_done=self._show_figures,
            on_error=self._failed,
            on_end=self._counted,
            lane="figures",
        )

    def _counted(self) -> None:
        self._figures_job = None
        if self._uncounted is not None:
            self._count(self._uncounted)

    def _show_figures(self, made: tuple[Preview, Figures]) -> None:
        shown, counted = made
        now = self.preview
        # Those of a slider's last position may be a little late, those of another
        # slice would be wrong.
        if (
            self.panel is not None
            and now is not None
            and (shown.uid, shown.k) == (now.uid, now.k)
        ):
            self.panel.set_figures(counted)

    def _not_made(self, error: BaseException) -> None:
        """Say what is wrong with the recipe, and that the picture is of another."""
        self._fitting = None
        if self.panel is not None:
            self.panel.pictures.set_outdated(True)
        self._failed(error)

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, MedlabError):
            raise error
        self.failed.emit(error.message)

    # ---- the panel ------------------------------------------------------------

    def compare(self, layout: CompareLayout | None, *, take_focus: bool = True) -> None:
        """Show the comparison, or (None) the canvas."""
        self.comparing = layout is not None
        if layout is None:
            if self.panel is not None:
                self.panel.hide()
            return
        self._bench.linked.show_axial()
        if self.panel is None:
            self.panel = panel = ComparePanel(self._anchor, self._bench.camera)
            panel.arranged.connect(self.arranged)
            panel.closed.connect(self.closed)
            panel.pictures.stepped.connect(self._bench.step)
            panel.figures_shown.toggled.connect(self.refresh)
            panel.model.wanted.connect(self.ask_model)
            panel.model.cancelled.connect(self._cancel_look)
            panel.model.changed.connect(self._show_look)
            panel.model.set_model(known=self.weights is not None)
            panel.destroyed.connect(self._forget_panel)
        self.panel.arrange(layout, take_focus=take_focus)
        self.refresh()

    def _forget_panel(self) -> None:
        self.panel = None

    # ---- the model ------------------------------------------------------------

    def _look_key(
        self, uid: str, k: int, weights: Checkpoint, given: tuple[PipelineSpec, ...]
    ) -> LookKey | None:
        try:
            left, right = (effective(spec) for spec in given)
        except MedlabError:  # a step of a plugin that is away
            return None
        return uid, k, weights.id, left, right

    def _given(
        self, weights: Checkpoint, spec: PipelineSpec
    ) -> tuple[PipelineSpec, PipelineSpec]:
        """Return what the model gets for the original's half and the other one."""
        own = self.panel is not None and self.panel.model.own_recipe
        return weights.pipeline if own else PipelineSpec(), spec

    def ask_model(self) -> None:
        """Let the model predict the slice with both pictures, in a child."""
        bench, weights, panel = self._bench, self.weights, self.panel
        session = bench.session
        if session is None or weights is None or panel is None:
            return
        given = self._given(weights, bench.pipeline)
        key = self._look_key(session.series_uid, session.k, weights, given)
        if key is None:
            return
        context_for = context_of(bench)

        def work(ctx: JobContext) -> tuple[LookKey, ModelLook]:
            return key, look(context_for(ctx), weights, key[0], key[1], given)

        panel.model.set_running(True, _("Starting the model"))
        self._look_job = bench.submit(
            _("Predicting the slice"),
            work,
            on_done=self._keep_look,
            on_end=self._look_ended,
            lane="gpu",
            newest_wins=False,
        )

    def _on_progress(self, job: Job, reports: tuple[Progress, ...]) -> None:
        if job is self._look_job and self.panel is not None:
            self.panel.model.set_running(True, reports[-1].message)

    def _cancel_look(self) -> None:
        if self._look_job is not None:
            self._bench.cancel(self._look_job)

    def _keep_look(self, made: tuple[LookKey, ModelLook]) -> None:
        key, said = made
        self._looks[key] = said
        while len(self._looks) > _LOOKS:
            self._looks.popitem(last=False)

    def _look_ended(self) -> None:
        self._look_job = None
        if self.panel is not None:
            self.panel.model.set_running(False)
            self._show_look()

    def _show_look(self) -> None:
        """Show what the model said about just this; nothing where it was not asked."""
        if self.panel is None:
            return
        shown, weights, key = self.preview, self.weights, None
        if shown is not None and weights is not None:
            given = self._given(weights, shown.spec)
            key = self._look_key(shown.uid, shown.k, weights, given)
        self.panel.set_look(self._looks.get(key) if key is not None else None)
