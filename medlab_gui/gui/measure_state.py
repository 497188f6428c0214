"""Measuring in the window: the tool in hand, what is selected, saving in a thread.

One object for the window (``Workbench.measure``). Panes draw what it holds for their
slice; docks list it. Everything here happens on the Qt thread.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from medlab_gui.commands.measurements import caution
from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.gui.view_state import Mode
from medlab_gui.review.measurements import MeasurementList, MeasurementWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.core.measurements import Kind, Measurement, Plane, Point, Values
    from medlab_gui.gui.workbench import Workbench

__all__ = ["MeasureState"]

_log = logging.getLogger(__name__)

_LANE = "measure"


class MeasureState:
    """What is measured on the open series, and with which tool.

    Parameters
    ----------
    bench : Workbench
        What is open.

    Attributes
    ----------
    list : MeasurementList or None
        Of the open series; None until it is read.
    caution : str
        Why lengths of this series cannot be relied on; empty where they can.

    Signals
    -------
    changed()
        What is measured, or whether it is shown.
    selected_changed()
        Another one is selected, or none.
    tool_changed()
        Another tool is in hand, or none.
    dropped()
        What is half drawn must go.
    show_asked(Measurement)
        Somebody wants to see it; panes of its plane go to its slice.
    """

    changed = Signal()
    selected_changed = Signal()
    tool_changed = Signal()
    dropped = Signal()
    show_asked = Signal(object)

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.list: MeasurementList | None = None
        self.caution = ""
        self._writers: dict[str, MeasurementWriter] = {}
        self._tool: Kind | None = None
        self._selected = ""
        self._visible = True
        self._values: dict[tuple[str, tuple[Point, ...]], Values] = {}
        self._told_caution = ""
        self.drawing = False
        bench.session_changed.connect(self._on_session)
        bench.mode_changed.connect(self._on_mode)
        bench.closed.connect(self._on_closed)

    # ---- the open series ----------------------------------------------------

    def _on_session(self) -> None:
        self.drop()
        self._forget()
        if self._bench.session is not None:
            self.reload()
        else:
            self.tool = None

    def _forget(self) -> None:
        self.list = None
        self.caution = ""
        self._values.clear()
        self.select("")
        self.changed.emit()

    def reload(self) -> None:
        """Read the measurements of the open series again."""
        session, place = self._bench.session, self._bench.project_place
        if session is None:
            return
        # No length is shown before it is known that it can be relied on.
        self.caution = caution(session.series)
        self.changed.emit()
        if session.is_provisional:
            return
        uid, author = session.series_uid, session.author
        writer = self._writers.setdefault(place, MeasurementWriter(place))

        def work(ctx: JobContext) -> tuple[Measurement, ...]:
            from medlab_gui.store.project import ProjectStore

            ctx.check()
            with ProjectStore.open(place) as store:
                return store.measurements(uid)

        def done(found: tuple[Measurement, ...]) -> None:
            if self._bench.session is not session:
                return
            self.list = MeasurementList(uid, author, writer, found)
            self.list.changed.connect(lambda: self._on_list(writer))
            self.changed.emit()

        # Behind what is still being written of the series before.
        self._bench.submit("", work, on_done=done, lane=_LANE, newest_wins=False)

    def _on_list(self, writer: MeasurementWriter) -> None:
        if self.selected is None:
            self.select("")
        self._save(writer)
        self.changed.emit()

    def _save(self, writer: MeasurementWriter) -> None:
        uid = self.list.series_uid if self.list is not None else ""

        def failed(error: BaseException) -> None:
            self._bench.fail(error, _("The measurement was not kept"))
            session = self._bench.session
            if session is not None and session.series_uid == uid:
                self._forget()
                self.reload()

        self._bench.submit(
            "",
            lambda _ctx: writer.flush(),
            on_error=failed,
            lane=_LANE,
            newest_wins=False,
        )

    def when_saved(self, then: Callable[[], object]) -> None:
        """Call a function when everything drawn so far is on the disk."""
        self._bench.submit(
            "",
            lambda ctx: ctx.check(),
            on_done=lambda _nothing: then(),
            lane=_LANE,
            newest_wins=False,
        )

    def _on_closed(self) -> None:
        """Write what the threads did not come to; they have ended by now."""
        for writer in self._writers.values():
            try:
                writer.flush()
            except MedlabError as error:
                _log.warning("A measurement was not kept: %s", error)

    # ---- what is shown --------------------------------------------------------

    @property
    def items(self) -> tuple[Measurement, ...]:
        """All of the open series."""
        return self.list.items if self.list is not None else ()

    def on_slice(self, plane: Plane, slice_index: int) -> tuple[Measurement, ...]:
        """Return what a pane draws."""
        if not self._visible or self.list is None:
            return ()
        return tuple(
            m
            for m in self.list.items
            if m.plane is plane and m.slice_index == slice_index
        )

    @property
    def visible(self) -> bool:
        """Whether measurements are drawn."""
        return self._visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._visible = visible
        if not visible:
            self.select("")
        self.changed.emit()

    def values(self, measurement: Measurement) -> Values:
        """Return what a measurement comes to; it is reckoned once for each place."""
        session = self._bench.session
        assert session is not None
        key = (measurement.id, measurement.points)
        found = self._values.get(key)
        if found is None:
            from medlab_gui.imaging.measurements import measure

            volume = session.volume
            found = measure(measurement, volume.data, volume.grid, volume.units)
            if measurement.id:  # what is half drawn has no name yet
                self._values[key] = found
        return found

    def lines(self, measurement: Measurement) -> list[str]:
        """Return what is written beside a measurement."""
        try:
            lines = self.values(measurement).lines()
        except MedlabError as error:
            lines = [error.message]
        if measurement.label:
            lines.insert(0, measurement.label)
        if self.caution:
            lines.append(_("geometry not safe for measuring"))
        return lines

    # ---- tool and selection ---------------------------------------------------

    @property
    def tool(self) -> Kind | None:
        """What the left button draws; None leaves it to the window."""
        return self._tool

    @tool.setter
    def tool(self, tool: Kind | None) -> None:
        if tool is not self._tool:
            self.drop()
            self._tool = tool
            if tool is not None:
                self._bench.view.mode = Mode.REVIEW
                self.visible = True
                self._tell_caution()
            self.tool_changed.emit()

    def _tell_caution(self) -> None:
        session = self._bench.session
        if self.caution and session is not None:
            if self._told_caution != session.series_uid:
                self._bench.warn(
                    _("Figures of this series are not safe: {why}").format(
                        why=self.caution
                    )
                )
            self._told_caution = session.series_uid

    @property
    def selected(self) -> Measurement | None:
        """The one that is selected."""
        return self.list.get(self._selected) if self.list is not None else None

    def select(self, measurement_id: str) -> None:
        """Select one, or with an empty id none."""
        if measurement_id != self._selected:
            self._selected = measurement_id
            self.selected_changed.emit()

    @property
    def is_busy(self) -> bool:
        """Whether there is something that Escape ends."""
        return self._tool is not None or self.drawing or self.selected is not None

    def escape(self) -> None:
        """Drop what is half drawn; else select nothing; else put the tool away."""
        if self.drawing:
            self.drop()
        elif self.selected is not None:
            self.select("")
        else:
            self.tool = None

    def drop(self) -> None:
        """Forget what is half drawn."""
        self.dropped.emit()

    def _on_mode(self, mode: Mode) -> None:
        if mode is not Mode.REVIEW:
            self.tool = None
            self.drop()
            self.select("")

    # ---- doing ------------------------------------------------------------------

    def add(
        self, kind: Kind, plane: Plane, slice_index: int, points: tuple[Point, ...]
    ) -> None:
        """Keep what was drawn, and select it."""
        if self.list is not None:
            self.select(self.list.add(kind, plane, slice_index, points).id)

    def change(
        self,
        measurement_id: str,
        *,
        points: tuple[Point, ...] | None = None,
        label: str | None = None,
    ) -> None:
        """Keep another place or another name of one."""
        if self.list is not None and self.list.get(measurement_id) is not None:
            self.list.change(measurement_id, points=points, label=label)

    def remove_selected(self) -> None:
        """Delete the one that is selected."""
        if self.list is not None and self.selected is not None:
            self.list.remove(self.selected.id)

    @property
    def takes_undo(self) -> bool:
        """Whether undo and redo are about measurements now.

        They are while reviewing, once something was measured; mask edits that lie
        further back are not touched from here.
        """
        return (
            self._bench.mode is Mode.REVIEW
            and self.list is not None
            and self.list.has_history
        )

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return self.takes_undo and self.list is not None and self.list.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back last."""
        return self.takes_undo and self.list is not None and self.list.can_redo

    def undo(self) -> None:
        """Take the last change back, and show where it was."""
        if self.list is not None:
            self.drop()
            self._show_result(self.list.undo())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self.list is not None:
            self.drop()
            self._show_result(self.list.redo())

    def _show_result(self, about: Measurement | None) -> None:
        if about is not None:
            self.show(about)

    def show(self, measurement: Measurement) -> None:
        """Go to the slice of a measurement and select it."""
        session = self._bench.session
        if session is None:
            return
        middle = session.volume.grid.to_index(measurement.points).mean(axis=0)
        self._bench.go_to(int(np.round(middle[0])))
        self.show_asked.emit(measurement)
        self.select(measurement.id)
