"""Measurements of a project: every version of each, nothing is ever removed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from medlab_gui.core.errors import ConflictError, InputError
from medlab_gui.core.geometry import Reorientation
from medlab_gui.core.measurements import (
    Kind,
    Measurement,
    Plane,
    as_points,
    check_on_grid,
)
from medlab_gui.store import tables
from medlab_gui.store.base import ProjectBase
from medlab_gui.store.stamps import utc_now

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["MeasurementRows"]


class MeasurementRows(ProjectBase):
    """The part of `ProjectStore` about measurements."""

    def put_measurement(self, measurement: Measurement) -> Measurement:
        """Write a new version of a measurement.

        Parameters
        ----------
        measurement : Measurement
            ``version`` is 1 for a new one and one more than the version that it
            changes for a known one; ``deleted`` takes it away, and a later version
            without it brings it back. ``changed_by`` is who does this. Who made it
            first, and when, is kept from version 1.

        Returns
        -------
        Measurement
            As it is kept: with its times.

        Raises
        ------
        ConflictError
            If somebody else wrote that version first.
        InputError
            If the series is not in the project, or the measurement is another series'.
        GeometryError
            If it does not lie on the slice that it names.
        """
        series = self._named(tables.series, "uid", measurement.series_uid, "series")
        grid = Reorientation.from_dict(series["reorientation"]).grid
        check_on_grid(measurement, grid)
        table = tables.measurement
        now = utc_now()
        with self._database.write() as connection:
            mine = table.c.id == measurement.id
            newest = connection.scalar(select(func.max(table.c.version)).where(mine))
            if measurement.version != (newest or 0) + 1:
                msg = (
                    "Somebody else changed or deleted this measurement meanwhile; "
                    "open the series again to see it as it is now."
                )
                raise ConflictError(msg)
            first = connection.execute(
                select(table).where(mine, table.c.version == 1)
            ).mappings()
            made = first.first()
            if made is not None and made["series_uid"] != measurement.series_uid:
                msg = f"The measurement {measurement.id} belongs to another series."
                raise InputError(msg)
            connection.execute(
                insert(table).values(
                    id=measurement.id,
                    version=measurement.version,
                    series_uid=measurement.series_uid,
                    kind=str(measurement.kind),
                    plane=str(measurement.plane),
                    slice_index=measurement.slice_index,
                    points=[list(point) for point in measurement.points],
                    label=measurement.label,
                    author=measurement.changed_by,
                    created=now,
                    deleted=measurement.deleted,
                )
            )
        return replace(
            measurement,
            created_by=made["author"] if made else measurement.changed_by,
            created=made["created"] if made else now,
            changed=now,
        )

    def measurements(
        self, series_uid: str | None = None, *, deleted: bool = False
    ) -> tuple[Measurement, ...]:
        """Return the newest version of each measurement, in the order they were made.

        Parameters
        ----------
        series_uid : str, optional
            Of one series only.
        deleted : bool
            Also those that were deleted.
        """
        table = tables.measurement
        query = select(table).order_by(table.c.n)
        if series_uid is not None:
            query = query.where(table.c.series_uid == series_uid)
        first: dict[str, RowMapping] = {}
        newest: dict[str, RowMapping] = {}
        for row in self._rows(query):
            first.setdefault(row["id"], row)
            newest[row["id"]] = row
        return tuple(
            _measurement(first[id_], newest[id_])
            for id_ in first
            if deleted or not newest[id_]["deleted"]
        )

    def measurement(self, measurement_id: str) -> Measurement:
        """Return the newest version of one, deleted or not, or raise `InputError`."""
        history = self.measurement_history(measurement_id)
        if not history:
            msg = (
                f"The project in {self.folder} has no measurement {measurement_id!r}. "
                "`medlab measurements` lists them."
            )
            raise InputError(msg)
        return history[-1]

    def measurement_history(self, measurement_id: str) -> tuple[Measurement, ...]:
        """Return every version of a measurement, the oldest first."""
        table = tables.measurement
        rows = self._rows(
            select(table).where(table.c.id == measurement_id).order_by(table.c.version)
        )
        return tuple(_measurement(rows[0], row) for row in rows)


def _measurement(first: RowMapping, row: RowMapping) -> Measurement:
    return Measurement(
        id=row["id"],
        series_uid=row["series_uid"],
        kind=Kind(row["kind"]),
        plane=Plane(row["plane"]),
        slice_index=row["slice_index"],
        points=as_points(row["points"]),
        label=row["label"],
        created_by=first["author"],
        created=first["created"],
        changed_by=row["author"],
        changed=row["created"],
        version=row["version"],
        deleted=bool(row["deleted"]),
    )
