"""The measurements of an open series: what was drawn, undo, and the way to the disk.

A list is used on one thread. What it writes goes through a `MeasurementWriter`, which
any thread may `flush`; a change is in memory at once and on the disk a moment later.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from psygnal import Signal

from medlab_gui.core.errors import InputError, MedlabError
from medlab_gui.core.measurements import Measurement
from medlab_gui.store.stamps import new_id, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from medlab_gui.core.measurements import Kind, Plane, Point

__all__ = ["MeasurementList", "MeasurementWriter"]


class MeasurementWriter:
    """Versions on their way into a project, in the order in which they were made.

    Parameters
    ----------
    place : str or Path
        The project.
    """

    def __init__(self, place: str | Path) -> None:
        self.place = place
        self._waiting: deque[Measurement] = deque()
        self._writing = threading.Lock()

    @property
    def n_waiting(self) -> int:
        """How many versions are not on the disk yet."""
        return len(self._waiting)

    def put(self, measurement: Measurement) -> None:
        """Take a version; `flush` writes it."""
        self._waiting.append(measurement)

    def flush(self) -> tuple[Measurement, ...]:
        """Write all that waits, and return it as it was kept.

        What cannot be written is dropped with every later version of the same
        measurement; the rest is written all the same.

        Raises
        ------
        MedlabError
            The first refusal, after everything else was tried.
        """
        from medlab_gui.store.project import ProjectStore

        written: list[Measurement] = []
        refused: dict[str, MedlabError] = {}
        with self._writing:
            if not self._waiting:
                return ()
            try:
                store = ProjectStore.open(self.place)
            except MedlabError:
                self._waiting.clear()
                raise
            with store:
                while self._waiting:
                    # It leaves the queue when it is on the disk, not before.
                    one = self._waiting[0]
                    if one.id not in refused:
                        try:
                            written.append(store.put_measurement(one))
                        except MedlabError as error:
                            refused[one.id] = error
                    self._waiting.popleft()
        if refused:
            raise next(iter(refused.values()))
        return tuple(written)


class MeasurementList:
    """What is measured on a series, with undo and redo of any depth.

    Parameters
    ----------
    series_uid : str
        The series.
    author : str
        Who measures.
    writer : MeasurementWriter
        Takes every new version.
    found : iterable of Measurement
        What the project has of this series.

    Signals
    -------
    changed()
        Another measurement, another place of one, or one less.
    """

    changed = Signal()

    def __init__(
        self,
        series_uid: str,
        author: str,
        writer: MeasurementWriter,
        found: Iterable[Measurement] = (),
    ) -> None:
        self.series_uid = series_uid
        self.author = author
        self._writer = writer
        self._newest = {m.id: m for m in found}
        self._done: list[tuple[Measurement, Measurement]] = []
        self._undone: list[tuple[Measurement, Measurement]] = []

    @property
    def items(self) -> tuple[Measurement, ...]:
        """What is there, in the order in which it was made."""
        return tuple(m for m in self._newest.values() if not m.deleted)

    def get(self, measurement_id: str) -> Measurement | None:
        """Return one that is there, or None."""
        found = self._newest.get(measurement_id)
        return None if found is None or found.deleted else found

    def add(
        self,
        kind: Kind,
        plane: Plane,
        slice_index: int,
        points: tuple[Point, ...],
    ) -> Measurement:
        """Take a new measurement.

        Parameters
        ----------
        kind : Kind
            Distance, angle or region.
        plane : Plane
            In whose slices it lies.
        slice_index : int
            Number of the slice in that plane, from 0.
        points : tuple of Point
            LPS millimetres, as many as the kind takes.

        Raises
        ------
        GeometryError
            If it measures nothing, see `Measurement`.
        """
        made = Measurement(
            new_id(),
            self.series_uid,
            kind,
            plane,
            slice_index,
            points,
            created_by=self.author,
            created=utc_now(),
            version=0,
            deleted=True,
        )
        return self._do(made, replace(made, deleted=False))

    def change(
        self,
        measurement_id: str,
        *,
        points: tuple[Point, ...] | None = None,
        label: str | None = None,
    ) -> Measurement:
        """Move one or call it something else.

        Parameters
        ----------
        measurement_id : str
            Which.
        points : tuple of Point, optional
            Its new points in LPS millimetres.
        label : str, optional
            What it is called from now on.

        Raises
        ------
        InputError
            If it is not there (any more).
        GeometryError
            If it would measure nothing.
        """
        before = self._existing(measurement_id)
        after = before
        if points is not None:
            after = replace(after, points=points)
        if label is not None:
            after = replace(after, label=label.strip())
        return before if after == before else self._do(before, after)

    def remove(self, measurement_id: str) -> None:
        """Delete one; `undo` brings it back, and the project keeps it for good."""
        before = self._existing(measurement_id)
        self._do(before, replace(before, deleted=True))

    def _existing(self, measurement_id: str) -> Measurement:
        found = self.get(measurement_id)
        if found is None:
            msg = "That measurement is not there any more."
            raise InputError(msg)
        return found

    # ---- undo ---------------------------------------------------------------

    @property
    def has_history(self) -> bool:
        """Whether anything was measured since the series was opened."""
        return bool(self._done or self._undone)

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back last."""
        return bool(self._undone)

    def undo(self) -> Measurement | None:
        """Take the last change back; return what it was about, None for nothing."""
        if not self._done:
            return None
        before, after = self._done.pop()
        self._undone.append((before, after))
        return self._put(before)

    def redo(self) -> Measurement | None:
        """Make the change again that was taken back last."""
        if not self._undone:
            return None
        before, after = self._undone.pop()
        self._done.append((before, after))
        return self._put(after)

    def _do(self, before: Measurement, after: Measurement) -> Measurement:
        made = self._put(after)
        self._done.append((before, after))
        self._undone.clear()
        return made

    def _put(self, state: Measurement) -> Measurement:
        """Make a state the newest version, and send it on its way to the disk."""
        known = self._newest.get(state.id)
        version = (known.version if known is not None else 0) + 1
        now = replace(state, version=version, changed_by=self.author, changed=utc_now())
        self._newest[state.id] = now
        self._writer.put(now)
        self.changed.emit()
        return now
