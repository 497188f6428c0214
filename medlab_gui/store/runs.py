"""Trainings of a project."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from medlab_gui.core.errors import ConflictError, InputError, storage_error
from medlab_gui.core.records import Run, RunState
from medlab_gui.core.whole_files import write_whole
from medlab_gui.store import tables
from medlab_gui.store.base import ProjectBase
from medlab_gui.store.stamps import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, RowMapping

__all__ = ["RunRows"]

_RUN_COLUMNS = tuple(column for column in tables.run.c if column.name != "n")
_JUDGED, _SLICES = "judged.json", "per_slice"
_CHANGEABLE = frozenset({"state", "finished", "checkpoint", "comparison", "message"})


class RunRows(ProjectBase):
    """The part of `ProjectStore` about trainings."""

    def add_run(self, run: Run) -> Run:
        """Remember a training that starts.

        Raises
        ------
        ConflictError
            If there is a run of that id already.
        """
        table = tables.run
        values = {column.name: getattr(run, column.name) for column in _RUN_COLUMNS}
        values["state"] = str(run.state)
        values["comparison"] = self._without_slices(run.id, run.comparison)
        with self._database.write() as connection:
            known = select(table.c.id).where(table.c.id == run.id)
            if connection.scalar(known) is not None:
                msg = f"The project has a run {run.id} already."
                raise ConflictError(msg)
            connection.execute(insert(table).values(values))
        return run

    def update_run(self, run_id: str, **changes: Any) -> Run:
        """Change what is known about a training.

        Parameters
        ----------
        run_id : str
            The run.
        **changes
            ``state``, ``finished``, ``checkpoint``, ``comparison``, ``message``. An
            end without ``finished`` is now; going on again clears it.

        Raises
        ------
        InputError
            If there is no such run.
        """
        unknown = set(changes) - _CHANGEABLE
        if unknown:
            msg = f"A run has no changeable {', '.join(sorted(unknown))}."
            raise TypeError(msg)
        if "state" in changes:
            state = RunState(changes["state"])
            changes["state"] = str(state)
            over = state is not RunState.RUNNING
            changes.setdefault("finished", utc_now() if over else None)
        if "comparison" in changes:
            changes["comparison"] = self._without_slices(run_id, changes["comparison"])
        if changes:
            table = tables.run
            with self._database.write() as connection:
                connection.execute(
                    update(table).where(table.c.id == run_id).values(changes)
                )
        return self.run(run_id)

    def runs(self) -> tuple[Run, ...]:
        """Return all trainings, oldest first; `run` alone tells of single slices."""
        rows = self._rows(select(tables.run).order_by(tables.run.c.n))
        return tuple(_run(row) for row in rows)

    def run(self, run_id: str) -> Run:
        """Return one training with all that is known of it.

        Raises
        ------
        InputError
            If there is no such run.
        """
        found = _run(self._named(tables.run, "id", run_id, "run"))
        try:
            text = (self.folder / "runs" / run_id / _JUDGED).read_text(encoding="utf-8")
            judged = json.loads(text)
        except (OSError, ValueError):  # it was not judged
            return found
        comparison = {**found.comparison}
        for side, rows in judged.items():
            if side in comparison:
                comparison[side] = {**comparison[side], _SLICES: rows}
        return replace(found, comparison=comparison)

    def _without_slices(
        self, run_id: str, comparison: dict[str, Any]
    ) -> dict[str, Any]:
        """Write what is told of single slices into a file; return the rest.

        Of hundreds of slices it is most of a run: `runs` would read it for all of them.
        """
        sides = {
            name: side
            for name, side in comparison.items()
            if isinstance(side, dict) and _SLICES in side
        }
        if not sides:
            return comparison
        path = self.run_folder(run_id) / _JUDGED
        rows = {name: side[_SLICES] for name, side in sides.items()}
        write_whole(path, json.dumps(rows).encode())
        rest = {
            name: {key: value for key, value in side.items() if key != _SLICES}
            for name, side in sides.items()
        }
        return {**comparison, **rest}

    def delete_run(self, run_id: str) -> bool:
        """Forget a training, and its weights where nothing rests on them.

        Weights stay that are or were in use, that others were learned from, or that
        predicted or ranked something: the history must remain true.

        Returns
        -------
        bool
            Whether all weights went too; False also where there are none.

        Raises
        ------
        InputError
            If there is no such run, or it is going on.
        """
        run = self.run(run_id)
        if run.state is RunState.RUNNING:
            msg = f"The run {run_id} is going on; cancel it first."
            raise InputError(msg)
        table = tables.checkpoint
        # A cross-validation has weights for each fold.
        own = or_(table.c.run_id == run_id, table.c.id == run.checkpoint)
        with self._database.write() as connection:
            connection.execute(delete(tables.run).where(tables.run.c.id == run_id))
            made = connection.execute(select(table.c.id, table.c.blob).where(own)).all()
            gone = [row for row in made if not _rests(connection, row.id)]
            for row in gone:
                connection.execute(delete(table).where(table.c.id == row.id))
        # What cannot be removed now (Windows, a file in use) only takes up room.
        shutil.rmtree(self.folder / "runs" / run_id, ignore_errors=True)
        for row in gone:
            with suppress(OSError):
                self._blobs.path(row.blob).unlink(missing_ok=True)
        return bool(made) and len(gone) == len(made)

    def run_folder(self, run_id: str) -> Path:
        """Return the folder of a training's own files; it is made if need be.

        Raises
        ------
        InputError
            If the id is not one that could be ours.
        StorageFullError
            If it cannot be made.
        """
        if not run_id.isalnum():
            msg = f"{run_id!r} is not the id of a run."
            raise InputError(msg)
        self._database.check_present()
        folder = self.folder / "runs" / run_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, folder) from error
        return folder


def _rests(connection: Connection, checkpoint_id: str) -> bool:
    """Tell whether anything rests on weights."""
    adoption, checkpoint = tables.adoption.c, tables.checkpoint.c
    questions = (
        select(adoption.n).where(
            or_(
                adoption.checkpoint_id == checkpoint_id,
                adoption.previous_id == checkpoint_id,
            )
        ),
        select(checkpoint.id).where(checkpoint.parent == checkpoint_id),
        select(tables.run.c.id).where(
            or_(
                tables.run.c.parent_checkpoint == checkpoint_id,
                tables.run.c.checkpoint == checkpoint_id,
            )
        ),
        select(tables.prediction.c.id).where(
            tables.prediction.c.checkpoint_id == checkpoint_id
        ),
        select(tables.classification.c.id).where(
            tables.classification.c.checkpoint_id == checkpoint_id
        ),
        select(tables.score.c.series_uid).where(
            tables.score.c.checkpoint_id == checkpoint_id
        ),
    )
    return any(connection.execute(q.limit(1)).first() is not None for q in questions)


def _run(row: RowMapping | dict[str, Any]) -> Run:
    return Run(
        id=row["id"],
        kind=row["kind"],
        spec=row["spec"],
        state=RunState(row["state"]),
        seed=row["seed"],
        code_version=row["code_version"],
        started=row["started"],
        finished=row["finished"],
        parent_checkpoint=row["parent_checkpoint"],
        checkpoint=row["checkpoint"],
        comparison=row["comparison"],
        message=row["message"],
    )
