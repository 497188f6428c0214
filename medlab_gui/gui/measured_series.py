"""One series that is measured on: what was drawn on it, its figures, and saving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.review.measurements import MeasurementList

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.core.measurements import Measurement, Plane, Point, Values
    from medlab_gui.core.volume import Volume
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.measurements import MeasurementWriter

__all__ = ["LANE", "MeasuredSeries"]

LANE = "measure"
"""Lane of jobs in which measurements are read and written, one after the other."""


class MeasuredSeries:
    """The measurements of a series of the project, while it is looked at.

    Everything here happens on the Qt thread; reading and writing go to another.

    Parameters
    ----------
    bench : Workbench
        Runs the work.
    volume : Volume
        The series; its UID and voxels.
    padding : tuple of float or None
        Lowest and highest of its values that only fill the picture.
    caution : str
        Why its lengths cannot be relied on; empty where they can.
    changed : callable
        Called as ``changed(self)`` when something was drawn, moved or deleted.

    Attributes
    ----------
    list : MeasurementList or None
        What is measured on it; None until that was read (`read`).
    """

    def __init__(
        self,
        bench: Workbench,
        volume: Volume,
        padding: tuple[float, float] | None,
        caution: str,
        changed: Callable[[MeasuredSeries], object],
    ) -> None:
        self._bench = bench
        self._volume, self._padding = volume, padding
        self._changed = changed
        self._values: dict[tuple[str, tuple[Point, ...]], Values] = {}
        self.caution = caution
        self.list: MeasurementList | None = None

    @property
    def uid(self) -> str:
        """Which series it is."""
        return self._volume.series_uid

    # ---- from and to the disk ---------------------------------------------------

    def read(
        self,
        writer: MeasurementWriter,
        author: str,
        is_wanted: Callable[[], bool],
        failed: Callable[[BaseException], object],
    ) -> None:
        """Read what the project has of it, on a thread.

        Parameters
        ----------
        writer : MeasurementWriter
            Of its project; takes what is drawn from then on.
        author : str
            Who measures.
        is_wanted : callable
            Whether it is still looked at when it has been read.
        failed : callable
            Called with what went wrong when something was not kept.
        """
        uid, place = self.uid, writer.place

        def work(ctx: JobContext) -> tuple[Measurement, ...]:
            from medlab_gui.store.project import ProjectStore

            ctx.check()
            with ProjectStore.open(place) as store:
                return store.measurements(uid)

        def done(found: tuple[Measurement, ...]) -> None:
            if is_wanted():
                self.list = MeasurementList(uid, author, writer, found)
                self.list.changed.connect(lambda: self._on_list(writer, failed))
                self._changed(self)

        # Behind what is still being written of the series before.
        self._bench.submit("", work, on_done=done, lane=LANE, newest_wins=False)

    def _on_list(
        self, writer: MeasurementWriter, failed: Callable[[BaseException], object]
    ) -> None:
        self._bench.submit(
            "",
            lambda _ctx: writer.flush(),
            on_error=failed,
            lane=LANE,
            newest_wins=False,
        )
        self._changed(self)

    # ---- what is there ------------------------------------------------------------

    @property
    def items(self) -> tuple[Measurement, ...]:
        """All of it."""
        return self.list.items if self.list is not None else ()

    def get(self, measurement_id: str) -> Measurement | None:
        """Return one that is there, or None."""
        return self.list.get(measurement_id) if self.list is not None else None

    def on_slice(self, plane: Plane, slice_index: int) -> tuple[Measurement, ...]:
        """Return those of one slice."""
        return tuple(
            m for m in self.items if m.plane is plane and m.slice_index == slice_index
        )

    def values(self, measurement: Measurement) -> Values:
        """Return what a measurement comes to; it is reckoned once for each place."""
        key = (measurement.id, measurement.points)
        found = self._values.get(key)
        if found is None:
            from medlab_gui.imaging.measurements import measure

            volume = self._volume
            found = measure(
                measurement, volume.data, volume.grid, volume.units, self._padding
            )
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
