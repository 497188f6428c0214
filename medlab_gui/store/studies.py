"""Studies and series of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from medlab_gui.core.display import Display
from medlab_gui.core.errors import ConflictError, InputError
from medlab_gui.core.geometry import Reorientation
from medlab_gui.core.records import Problem, Series, Study
from medlab_gui.core.remedies import AppliedRemedy
from medlab_gui.store import tables
from medlab_gui.store.base import ProjectBase
from medlab_gui.store.stamps import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

__all__ = ["StudyRows"]


class StudyRows(ProjectBase):
    """The part of `ProjectStore` about studies and series."""

    _read: dict[str, tuple[dict[str, Any], Series]]
    """Rows of series and what was made of them, see `series_list`."""

    def add_study(self, study: Study) -> None:
        """Remember a study; one that is known already stays as it is."""
        table = tables.study
        with self._database.write() as connection:
            known = select(table.c.uid).where(table.c.uid == study.uid)
            if connection.scalar(known) is None:
                connection.execute(
                    insert(table).values(
                        uid=study.uid,
                        patient_key=study.patient_key,
                        date=study.date,
                        description=study.description,
                        added=utc_now(),
                    )
                )

    def studies(self) -> tuple[Study, ...]:
        """Return all studies in the order in which they came."""
        rows = self._rows(select(tables.study).order_by(tables.study.c.n))
        return tuple(_study(row) for row in rows)

    def study(self, uid: str) -> Study:
        """Return one study, or raise `InputError`."""
        return _study(self._named(tables.study, "uid", uid, "study"))

    def add_series(self, series: Series) -> None:
        """Remember a series whose voxels are in ``series.blob`` already.

        Raises
        ------
        InputError
            If its study is not in the project.
        ConflictError
            If it is in the project already.
        StoreError
            If its blob is missing.
        """
        self._blobs.existing_path(series.blob)
        with self._database.write() as connection:
            study, table = tables.study, tables.series
            known = select(study.c.uid).where(study.c.uid == series.study_uid)
            if connection.scalar(known) is None:
                msg = f"The study {series.study_uid} is not in the project yet."
                raise InputError(msg)
            there = select(table.c.uid).where(table.c.uid == series.uid)
            if connection.scalar(there) is not None:
                msg = f"The series {series.uid} is in the project already."
                raise ConflictError(msg)
            connection.execute(insert(table).values(_series_values(series)))

    def set_remedies(self, uid: str, remedies: Sequence[AppliedRemedy]) -> None:
        """Remember what was chosen about a series that is in the project already."""
        table = tables.series
        values = [r.to_dict() for r in remedies]
        with self._database.write() as connection:
            connection.execute(
                update(table).where(table.c.uid == uid).values(remedies=values)
            )

    def series_list(self, study_uid: str | None = None) -> tuple[Series, ...]:
        """Return the series of a study, or all, in the order in which they came.

        All rows are read each time; but of a row that is as it was the same `Series` is
        returned, since to make one takes several times as long as to read it.
        """
        query = select(tables.series).order_by(tables.series.c.n)
        if study_uid is not None:
            query = query.where(tables.series.c.study_uid == study_uid)
        return tuple(self._made(dict(row)) for row in self._rows(query))

    def _made(self, row: dict[str, Any]) -> Series:
        known = self._read.get(row["uid"])
        if known is None or known[0] != row:
            known = self._read[row["uid"]] = (row, _series(row))
        return known[1]

    def remember(self, other: StudyRows) -> None:
        """Take over the series that another connection has made of its rows."""
        self._read = dict(other._read)

    def series_from(self, source: str) -> tuple[Series, ...]:
        """Return the series that were taken in from a file or folder."""
        query = select(tables.series).order_by(tables.series.c.n)
        rows = self._rows(query.where(tables.series.c.source == _kept_source(source)))
        return tuple(self._made(dict(row)) for row in rows)

    def n_series(self) -> int:
        """Return how many series there are."""
        (row,) = self._rows(select(func.count().label("n")).select_from(tables.series))
        return int(row["n"])

    def descriptions(self) -> dict[str, str]:
        """Return the descriptions of all series by their UID."""
        table = tables.series
        query = select(table.c.uid, table.c.description).order_by(table.c.n)
        return {row["uid"]: row["description"] for row in self._rows(query)}

    def series(self, uid: str) -> Series:
        """Return one series, or raise `InputError`."""
        return _series(self._named(tables.series, "uid", uid, "series"))

    def has_series(self, uid: str) -> bool:
        """Tell whether a series is in the project."""
        query = select(tables.series.c.uid).where(tables.series.c.uid == uid)
        return self._first(query) is not None

    def stamped(self, stamp: str) -> str | None:
        """Return the series that files in a state (`io.file_stamps`) are known to hold.

        None where they have never been read, or were changed since.
        """
        table = tables.source_stamp
        row = self._first(select(table.c.series_uid).where(table.c.stamp == stamp))
        return None if row is None else str(row["series_uid"])

    def note_stamp(self, stamp: str, series_uid: str) -> None:
        """Remember that files in a state hold a series that is in the project."""
        table = tables.source_stamp
        with self._database.write() as connection:
            connection.execute(delete(table).where(table.c.stamp == stamp))
            connection.execute(insert(table).values(stamp=stamp, series_uid=series_uid))


def _study(row: RowMapping) -> Study:
    return Study(row["uid"], row["patient_key"], row["date"], row["description"])


def _kept_source(source: str) -> str:
    return source.encode("utf-8", "backslashreplace").decode("utf-8")


def _series_values(series: Series) -> dict[str, Any]:
    return {
        "uid": series.uid,
        "study_uid": series.study_uid,
        "modality": series.modality,
        "units": series.units,
        "description": series.description,
        # A path whose name is no UTF-8 (a disc from a system with GBK names) holds what
        # no database stores; it is kept to be read by people.
        "source": _kept_source(series.source),
        "reorientation": series.reorientation.to_dict(),
        "blob": series.blob,
        "problems": [p.to_dict() for p in series.problems],
        "window": list(series.window) if series.window else None,
        "added": utc_now(),
        "remedies": [r.to_dict() for r in series.remedies],
        "display": series.display.to_dict(),
    }


def _series(row: RowMapping | dict[str, Any]) -> Series:
    reorientation = Reorientation.from_dict(row["reorientation"])
    window = row["window"]
    return Series(
        uid=row["uid"],
        study_uid=row["study_uid"],
        modality=row["modality"],
        units=row["units"],
        grid=reorientation.grid,
        description=row["description"],
        source=row["source"],
        reorientation=reorientation,
        blob=row["blob"],
        problems=tuple(Problem.from_dict(p) for p in row["problems"]),
        window=(float(window[0]), float(window[1])) if window else None,
        remedies=tuple(AppliedRemedy.from_dict(r) for r in row["remedies"] or ()),
        display=Display.from_dict(row["display"]),
    )
