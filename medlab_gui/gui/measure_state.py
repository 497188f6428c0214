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
from medlab_gui.gui.measured_series import LANE, MeasuredSeries
from medlab_gui.gui.view_state import Mode
from medlab_gui.review.measurements import MeasurementWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.core.measurements import Kind, Measurement, Plane, Point, Values
    from medlab_gui.gui.pair.second import SecondSeries
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.measurements import MeasurementList

__all__ = ["MeasureState"]

_log = logging.getLogger(__name__)

_Lines = list[str]  # within the class `list` is a property


class MeasureState:
    """What is measured on the series that are looked at, and with which tool.

    Parameters
    ----------
    bench : Workbench
        What is open.

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
        self._first: MeasuredSeries | None = None
        self._second: MeasuredSeries | None = None
        self._last_uid = ""  # where something was measured last: undo is about it
        self._writers: dict[str, MeasurementWriter] = {}
        self._tool: Kind | None = None
        self._selected = ""
        self._visible = True
        self._told_caution: set[str] = set()
        self.drawing = False
        bench.session_changed.connect(self._on_session)
        bench.mode_changed.connect(self._on_mode)
        bench.closed.connect(self._on_closed)

    # ---- the series that are looked at ------------------------------------------

    def _on_session(self) -> None:
        self.drop()
        self._forget()
        if self._bench.session is not None:
            self.reload()
        else:
            self.tool = None

    def _forget(self) -> None:
        self._first = None
        self.select("")
        self.changed.emit()

    def reload(self) -> None:
        """Read the measurements of the open series again."""
        session = self._bench.session
        if session is None:
            return
        # No length is shown before it is known that it can be relied on.
        series = session.series
        first = self._first = MeasuredSeries(
            self._bench,
            session.volume,
            series.display.padding,
            caution(series),
            self._on_list,
        )
        self.changed.emit()
        if not session.is_provisional:
            self._read(first, lambda: self._first is first)

    def watch_second(self, second: SecondSeries | None) -> None:
        """Measure on the second series of a pair, too; None: no longer."""
        self.drop()
        if self._second is not None and self._second.get(self._selected) is not None:
            self.select("")
        self._second = None
        if second is not None:
            shown = self._second = MeasuredSeries(
                self._bench,
                second.volume,
                second.display.padding,
                second.caution,
                self._on_list,
            )
            self._read(shown, lambda: self._second is shown)
        self.changed.emit()

    def _read(self, shown: MeasuredSeries, is_wanted: Callable[[], bool]) -> None:
        session, place = self._bench.session, self._bench.project_place
        author = session.author if session is not None else ""
        writer = self._writers.setdefault(place, MeasurementWriter(place))

        def failed(error: BaseException) -> None:
            self._bench.fail(error, _("The measurement was not kept"))
            if is_wanted():
                shown.list = None
                self.drop()
                self.select("")
                self._read(shown, is_wanted)

        shown.read(writer, author, is_wanted, failed)

    def _on_list(self, shown: MeasuredSeries) -> None:
        self._last_uid = shown.uid
        if self.selected is None:
            self.select("")
        self.changed.emit()

    def when_saved(self, then: Callable[[], object]) -> None:
        """Call a function when everything drawn so far is on the disk."""
        self._bench.submit(
            "",
            lambda ctx: ctx.check(),
            on_done=lambda _nothing: then(),
            lane=LANE,
            newest_wins=False,
        )

    def _on_closed(self) -> None:
        """Write what the threads did not come to; they have ended by now."""
        for writer in self._writers.values():
            try:
                writer.flush()
            except MedlabError as error:
                _log.warning("A measurement was not kept: %s", error)

    def _of(self, uid: str) -> MeasuredSeries | None:
        """Return the series that is meant (empty: the open one), if it is shown."""
        if not uid:
            return self._first
        both = (self._first, self._second)
        return next((s for s in both if s is not None and s.uid == uid), None)

    def _holding(self, measurement_id: str) -> MeasuredSeries | None:
        """Return the series that a measurement was drawn on."""
        for shown in (self._first, self._second):
            if shown is not None and shown.get(measurement_id) is not None:
                return shown
        return None

    # ---- what is shown --------------------------------------------------------

    @property
    def list(self) -> MeasurementList | None:
        """Measurements of the open series; None until they are read."""
        return self._first.list if self._first is not None else None

    @property
    def caution(self) -> str:
        """Why lengths of the open series cannot be relied on; empty where they can."""
        return self._first.caution if self._first is not None else ""

    def scale_caution(self, plane: Plane) -> str:
        """Why lengths within slices of a plane cannot be relied on, or nothing."""
        session = self._bench.session
        return caution(session.series, plane) if session is not None else ""

    @property
    def items(self) -> tuple[Measurement, ...]:
        """All of the open series."""
        return self._first.items if self._first is not None else ()

    @property
    def second_items(self) -> tuple[Measurement, ...]:
        """All of the second series."""
        return self._second.items if self._second is not None else ()

    def is_ready(self, uid: str = "") -> bool:
        """Tell whether one can measure on a series now (empty: the open one)."""
        shown = self._of(uid)
        return shown is not None and shown.list is not None

    def on_slice(
        self, plane: Plane, slice_index: int, uid: str = ""
    ) -> tuple[Measurement, ...]:
        """Return what a pane draws, of the open series or of the second one."""
        shown = self._of(uid)
        if not self._visible or shown is None:
            return ()
        return shown.on_slice(plane, slice_index)

    @property
    def visible(self) -> bool:
        """Whether measurements are drawn."""
        return self._visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._visible = visible
        if not visible:
            self.drop()
            self.select("")
        self.changed.emit()

    def values(self, measurement: Measurement) -> Values:
        """Return what a measurement comes to; it is reckoned once for each place."""
        shown = self._of(measurement.series_uid)
        assert shown is not None
        return shown.values(measurement)

    def lines(self, measurement: Measurement) -> _Lines:
        """Return what is written beside a measurement."""
        shown = self._of(measurement.series_uid)
        return shown.lines(measurement) if shown is not None else []

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
        shown = self._first
        if shown is not None and shown.caution and shown.uid not in self._told_caution:
            self._told_caution.add(shown.uid)
            self._bench.warn(
                _("Figures of this series are not safe: {why}").format(
                    why=shown.caution
                )
            )

    @property
    def selected(self) -> Measurement | None:
        """The one that is selected."""
        return self.find(self._selected)

    def find(self, measurement_id: str) -> Measurement | None:
        """Return one of either series, or None."""
        shown = self._holding(measurement_id)
        return shown.get(measurement_id) if shown is not None else None

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
        self,
        kind: Kind,
        plane: Plane,
        slice_index: int,
        points: tuple[Point, ...],
        uid: str = "",
    ) -> None:
        """Keep what was drawn on the open series or on the second one; select it."""
        shown = self._of(uid)
        if shown is not None and shown.list is not None:
            self.select(shown.list.add(kind, plane, slice_index, points).id)

    def change(
        self,
        measurement_id: str,
        *,
        points: tuple[Point, ...] | None = None,
        label: str | None = None,
    ) -> None:
        """Keep another place or another name of one."""
        shown = self._holding(measurement_id)
        if shown is not None and shown.list is not None:
            shown.list.change(measurement_id, points=points, label=label)

    def remove_selected(self) -> None:
        """Delete the one that is selected."""
        shown = self._holding(self._selected)
        if shown is not None and shown.list is not None:
            shown.list.remove(self._selected)

    @property
    def takes_undo(self) -> bool:
        """Whether undo and redo are about measurements now.

        They are while reviewing, once something was measured or is half drawn; mask
        edits that lie further back are not touched from here.
        """
        is_about = self.drawing or self._changed_last is not None
        return self._bench.mode is Mode.REVIEW and is_about

    @property
    def _changed_last(self) -> MeasurementList | None:
        for shown in (self._of(self._last_uid), self._first, self._second):
            found = shown.list if shown is not None else None
            if found is not None and found.has_history:
                return found
        return None

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        done = self._changed_last
        has_some = self.drawing or (done is not None and done.can_undo)
        return self.takes_undo and has_some

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back last."""
        done = self._changed_last
        return self.takes_undo and done is not None and done.can_redo

    def undo(self) -> None:
        """Drop what is half drawn; else take the last change back and show it."""
        done = self._changed_last
        if self.drawing:
            self.drop()
        elif done is not None:
            self._show_result(done.undo())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        done = self._changed_last
        if done is not None:
            self.drop()
            self._show_result(done.redo())

    def _show_result(self, about: Measurement | None) -> None:
        if about is not None:
            self.show(about)

    def show(self, measurement: Measurement) -> None:
        """Go to the slice of a measurement and select it."""
        session = self._bench.session
        if session is None:
            return
        if self._second is not None and measurement.series_uid == self._second.uid:
            self._bench.pair.show_slice(measurement.slice_index)
        else:
            middle = session.volume.grid.to_index(measurement.points).mean(axis=0)
            self._bench.go_to(int(np.round(middle[0])))
            self.show_asked.emit(measurement)
        self.select(measurement.id)
