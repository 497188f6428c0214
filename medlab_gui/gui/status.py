"""The line at the bottom: mode, voxel, running job, and whether all is saved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QLabel, QStatusBar, QToolButton, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.core.measurements import Plane, short_value
from medlab_gui.gui.keybook import as_held
from medlab_gui.gui.overlays import position_text
from medlab_gui.gui.panes.axial_shear import flat_of_point
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry
from medlab_gui.gui.panes.slab import project
from medlab_gui.gui.progress_bar import ProgressBar
from medlab_gui.gui.view_state import Mode

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from medlab_gui.core.jobs import Job, Progress
    from medlab_gui.gui.workbench import Workbench

__all__ = ["StatusBar", "ago", "saved_text", "value_text", "voxel_text"]


def ago(seconds: float) -> str:
    """Return how long ago something was, in words."""
    if seconds < 60:
        return _("{n} s ago").format(n=int(seconds))
    if seconds < 3600:
        return _("{n} min ago").format(n=int(seconds // 60))
    return _("{n} h ago").format(n=int(seconds // 3600))


def saved_text(bench: Workbench) -> str:
    """Say whether anything could be lost: every stroke is on disk when it ends."""
    session = bench.session
    if session is None:
        return _("All saved")
    if session.read_only:
        return _("Read-only")
    if session.was_refused:
        return _("Not saved")
    if not session.is_durable:
        return _("Saving…")
    seconds = session.seconds_since_save
    if session.n_unsaved:
        if seconds is None:
            return _("Strokes saved")
        return _("Strokes saved {ago}").format(ago=ago(seconds))
    if seconds is None:
        return _("All saved")
    return _("All saved, {ago}").format(ago=ago(seconds))


def value_text(bench: Workbench, x_mm: float, y_mm: float) -> str:
    """Return value, index and position of the voxel under the mouse.

    Parameters
    ----------
    bench : Workbench
        What is open.
    x_mm, y_mm : float
        Position in the slice, in mm from the centre of its first voxel.

    Returns
    -------
    str
        Empty where there is no voxel.
    """
    session = bench.session
    if session is None:
        return ""
    row, column = flat_of_point(session.volume.grid, x_mm, y_mm)
    return voxel_text(bench, (session.k, row, column))


def voxel_text(bench: Workbench, index: ArrayLike, plane: Plane = Plane.AXIAL) -> str:
    """Return value, index and position of a voxel.

    Parameters
    ----------
    bench : Workbench
        What is open.
    index : array-like of float, shape (3,)
        Position ``(k, j, i)`` in the volume.
    plane : Plane
        In which it is seen. Where a slab is shown there, the value that the picture
        has comes first, before that of the voxel in the middle slice.

    Returns
    -------
    str
        Empty where there is no voxel.
    """
    session = bench.session
    if session is None:
        return ""
    volume = session.volume
    k, j, i = (round(float(v)) for v in np.asarray(index))
    if any(
        not 0 <= n < size for n, size in zip((k, j, i), volume.grid.shape, strict=True)
    ):
        return ""
    if not session.is_filled(k):
        return _("not read yet")
    if any(n in session.series.not_measured(axis) for axis, n in enumerate((k, j, i))):
        return _("not measured")
    value = float(volume.data[k, j, i])
    padding = session.series.display.padding
    if padding is not None and padding[0] <= value <= padding[1]:
        return _("not measured")
    shown = short_value(value) if math.isfinite(value) else _("no value")
    unit = volume.units or _("a.u.")
    mm = np.asarray(volume.grid.to_mm(index))
    seen = _seen_in_slab(bench, (k, j, i), plane)
    parts = [
        _("{seen} {unit} (voxel {value})").format(seen=seen, unit=unit, value=shown)
        if seen
        else f"{shown} {unit}",
        _("column {i}, row {j}, slice {k}").format(i=i + 1, j=j + 1, k=k + 1),
        position_text(
            mm, bench.settings.mm_convention, doubt=session.series.sides_assumed
        ),
    ]
    names = {c.value: c.name for c in session.scheme.classes}
    label = int(session.mask[k, j, i])
    if label:
        parts.append(names.get(label, _("ignored") if label == 255 else str(label)))
    if session.entropy is not None and bench.view.entropy_visible:
        doubt = float(session.entropy[k, j, i])
        parts.append(_("uncertainty {value:.2f}").format(value=doubt))
    return "   ".join(parts)


def _seen_in_slab(bench: Workbench, voxel: tuple[int, ...], plane: Plane) -> str:
    """Return what a slab shows at a voxel, as "MIP 143"; empty for a single slice."""
    session, slab = bench.session, bench.linked.slab(plane)
    assert session is not None
    volume = session.volume
    reach = slab.reach(PlaneGeometry(volume.grid, plane).spacing)
    if not reach:
        return ""
    ray = volume.data[
        tuple(
            slice(None) if a == plane.axis else slice(n, n + 1)
            for a, n in enumerate(voxel)
        )
    ]
    value = float(
        project(ray, plane.axis, voxel[plane.axis], reach, slab.projection)[0, 0]
    )
    shown = short_value(value) if math.isfinite(value) else _("no value")
    return f"{slab.short} {shown}"


_PATIENCE_MS = 250
"""What ends sooner is not worth a flash, and a moving bar slows it down."""


class StatusBar(QStatusBar):
    """Four fields: mode, voxel, job, saved.

    Parameters
    ----------
    bench : Workbench
        What is open and under way.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._job: Job | None = None
        self._hover: tuple[float, float] | None = None
        self._was_refused = False
        self.setObjectName("medlab_status")
        self.setSizeGripEnabled(False)
        self.mode = QLabel()
        self.mode.setObjectName("status_mode")
        self.voxel = QLabel()
        self.voxel.setObjectName("status_voxel")
        self.voxel.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.voxel.setMinimumWidth(1)
        self.job_text = QLabel()
        self.job_text.setObjectName("status_job")
        self.progress = ProgressBar()
        self.progress.setMaximumWidth(140)
        self.progress.setTextVisible(False)
        self.cancel = QToolButton()
        self.cancel.setObjectName("status_cancel")
        self.cancel.setText(_("Cancel"))
        self.cancel.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cancel.setAccessibleName(_("Cancel the running job"))
        self.cancel.clicked.connect(self._on_cancel)
        self.saved = QLabel()
        self.saved.setObjectName("status_saved")
        self.saved.setToolTip(
            as_held(
                _(
                    "Every stroke is written to disk when it ends and survives a "
                    "crash. Saving (Ctrl+S, and by itself when you close or accept) "
                    "keeps the mask as a version of its own."
                )
            )
        )
        self.addWidget(self.mode)
        self.addWidget(self.voxel, 1)
        for widget in (self.job_text, self.progress, self.cancel, self.saved):
            self.addPermanentWidget(widget)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(lambda: self._set_job_visible(True))
        self._set_job_visible(False)
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self._on_state)
        self._timer.start()
        bench.mode_changed.connect(self._on_mode)
        bench.session_changed.connect(self._on_session)
        bench.slice_changed.connect(self._on_slice)
        bench.job_started.connect(self._on_job_started)
        bench.job_progressed.connect(self._on_progressed)
        bench.job_finished.connect(self._on_job_finished)
        self._on_mode(bench.mode)
        self._on_state()

    # ---- what is under the mouse --------------------------------------------

    def hover(self, x_mm: float, y_mm: float) -> None:
        """Show the voxel at a position in the slice."""
        self._hover = (x_mm, y_mm)
        self.voxel.setText(value_text(self._bench, x_mm, y_mm))

    def hover_voxel(self, index: ArrayLike, plane: Plane = Plane.AXIAL) -> None:
        """Show the voxel at a position ``(k, j, i)`` of a plane in the volume."""
        self._hover = None
        self.voxel.setText(voxel_text(self._bench, index, plane))

    def leave(self) -> None:
        """Show no voxel."""
        self._hover = None
        self.voxel.clear()

    def _on_slice(self, k: int) -> None:
        self._look_again()

    def _look_again(self) -> None:
        if self._hover is not None:
            self.hover(*self._hover)

    # ---- state ----------------------------------------------------------------

    def _on_session(self) -> None:
        session = self._bench.session
        if session is not None:
            session.state_changed.connect(self._on_state)
            # An undo changes the class under a mouse that rests.
            session.state_changed.connect(self._look_again)
        self.leave()
        self._on_state()

    def _on_mode(self, mode: Mode) -> None:
        self.mode.setText(_("Annotate") if mode is Mode.ANNOTATE else _("Review"))
        self.mode.setProperty("mode", str(mode).lower())
        style = self.mode.style()
        style.unpolish(self.mode)
        style.polish(self.mode)

    def _on_state(self) -> None:
        self.saved.setText(saved_text(self._bench))
        session = self._bench.session
        refused = session is not None and session.was_refused
        if refused and not self._was_refused:
            self._bench.warn(
                _(
                    "The disk did not keep the last stroke. Check the drive and its "
                    "free space; a loss of power could lose what you drew."
                )
            )
        self._was_refused = refused

    # ---- jobs -----------------------------------------------------------------

    def _on_job_started(self, job: Job) -> None:
        if job.title and self._job is None:
            self._show_job(job)

    def _on_progressed(self, job: Job, reports: tuple[Progress, ...]) -> None:
        if job is not self._job:
            return
        last = reports[-1]
        if last.fraction is None:
            self.progress.setRange(0, 0)
        else:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(last.fraction * 1000))
        waiting = sum(bool(j.title) for j in self._bench.jobs.active) - 1
        more = f" (+{waiting})" if waiting > 0 else ""
        text = f"{job.title}: {last.message}" if last.message else job.title
        metrics = self.job_text.fontMetrics()
        self.job_text.setText(
            metrics.elidedText(text, Qt.TextElideMode.ElideRight, 320) + more
        )

    def _on_job_finished(self, job: Job) -> None:
        if job is self._job:
            titled = [j for j in self._bench.jobs.active if j.title]
            self._show_job(titled[0] if titled else None)

    def _show_job(self, job: Job | None) -> None:
        self._job = job
        if job is None:
            self._patience.stop()
            self._set_job_visible(False)
            return
        self.job_text.setText(job.title)
        self.progress.setRange(0, 0)
        if self.cancel.isHidden() and not self._patience.isActive():
            self._patience.start()

    def _set_job_visible(self, visible: bool) -> None:
        for widget in (self.job_text, self.progress, self.cancel):
            widget.setVisible(visible)

    def _on_cancel(self) -> None:
        if self._job is not None:
            self.job_text.setText(_("Cancelling…"))
            self._bench.cancel(self._job)
