"""Checkpoints of a project and which of them is in use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.records import Checkpoint
from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Resize
from medlab_gui.store import tables
from medlab_gui.store.base import ProjectBase
from medlab_gui.store.stamps import new_id, utc_now

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["Adoption", "CheckpointRows"]


@dataclass(frozen=True, slots=True)
class Adoption:
    """A change of the weights in use.

    Parameters
    ----------
    checkpoint_id : str
        The weights in use from then on.
    previous_id : str or None
        Those before.
    author : str
        Who decided.
    reason : str
        Why.
    created : str
        ISO time in UTC.
    """

    checkpoint_id: str
    previous_id: str | None
    author: str
    reason: str
    created: str


class CheckpointRows(ProjectBase):
    """The part of `ProjectStore` about weights."""

    def add_checkpoint(
        self,
        file: str | Path,
        *,
        network: NetworkSpec,
        pipeline: PipelineSpec,
        scheme: LabelScheme,
        name: str,
        inplane_mm: float | None = None,
        metrics: dict[str, Any] | None = None,
        epoch: int = 0,
        run_id: str | None = None,
        parent: str | None = None,
        resize: Resize | None = None,
    ) -> Checkpoint:
        """Copy a checkpoint's file into the project and remember what it is.

        A file that is in the project already is not added again: the checkpoint that
        it was is returned.

        Parameters
        ----------
        file : path
            The file with the weights; it stays where it is.
        network, pipeline, scheme, inplane_mm, resize, metrics, epoch
            What its metadata say, see `Checkpoint`.
        name : str
            What a person reads.
        run_id, parent : str or None
            Run that made it, and checkpoint that it began from.

        Raises
        ------
        StoreError
            If the file cannot be read, or there is no room or no permission.
        """
        blob = self._blobs.put_file(Path(file))
        table = tables.checkpoint
        with self._database.write() as connection:
            known = (
                connection.execute(select(table).where(table.c.blob == blob))
                .mappings()
                .first()
            )
            if known is not None:
                return _checkpoint(known)
            values = {
                "id": new_id(),
                "blob": blob,
                "network": network.to_dict(),
                "pipeline": pipeline.to_dict(),
                "inplane_mm": inplane_mm,
                "scheme": scheme.to_dict(),
                "metrics": metrics or {},
                "epoch": epoch,
                "created": utc_now(),
                "name": name,
                "run_id": run_id,
                "parent": parent,
                "resize": resize.to_dict() if resize is not None else None,
            }
            connection.execute(insert(table).values(values))
        return _checkpoint(values)

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Return all checkpoints, oldest first."""
        rows = self._rows(select(tables.checkpoint).order_by(tables.checkpoint.c.n))
        return tuple(_checkpoint(row) for row in rows)

    def checkpoint(self, checkpoint_id: str) -> Checkpoint:
        """Return one checkpoint, or raise `InputError`."""
        return _checkpoint(
            self._named(tables.checkpoint, "id", checkpoint_id, "checkpoint")
        )

    def adopt(self, checkpoint_id: str, author: str, reason: str) -> Adoption:
        """Put a checkpoint to use; the one before stays, and is the way back.

        Raises
        ------
        InputError
            If there is no such checkpoint.
        """
        self.checkpoint(checkpoint_id)
        with self._database.write() as connection:
            last = _last_adoption(connection)
            values = {
                "checkpoint_id": checkpoint_id,
                "previous_id": last["checkpoint_id"] if last else None,
                "author": author,
                "reason": reason,
                "created": utc_now(),
            }
            if last is not None and last["checkpoint_id"] == checkpoint_id:
                return _adoption(last)
            connection.execute(insert(tables.adoption).values(values))
        return _adoption(values)

    def adoptions(self) -> tuple[Adoption, ...]:
        """Return all changes of the weights in use, oldest first."""
        rows = self._rows(select(tables.adoption).order_by(tables.adoption.c.n))
        return tuple(_adoption(row) for row in rows)

    def current_checkpoint(self) -> Checkpoint | None:
        """Return the weights in use, or None."""
        return self._adopted("checkpoint_id")

    def previous_checkpoint(self) -> Checkpoint | None:
        """Return the weights that were in use before the latest change, or None."""
        return self._adopted("previous_id")

    def _adopted(self, column: str) -> Checkpoint | None:
        with self._database.read() as connection:
            last = _last_adoption(connection)
        if last is None or last[column] is None:
            return None
        return self.checkpoint(last[column])


def _last_adoption(connection: Connection) -> RowMapping | None:
    table = tables.adoption
    query = select(table).order_by(table.c.n.desc()).limit(1)
    return connection.execute(query).mappings().first()


def _adoption(row: RowMapping | dict[str, Any]) -> Adoption:
    return Adoption(
        row["checkpoint_id"],
        row["previous_id"],
        row["author"],
        row["reason"],
        row["created"],
    )


def _checkpoint(row: RowMapping | dict[str, Any]) -> Checkpoint:
    return Checkpoint(
        id=row["id"],
        blob=row["blob"],
        sha256=row["blob"],
        network=NetworkSpec.from_dict(row["network"]),
        pipeline=PipelineSpec.from_dict(row["pipeline"]),
        inplane_mm=row["inplane_mm"],
        scheme=LabelScheme.from_dict(row["scheme"]),
        metrics=row["metrics"],
        epoch=row["epoch"],
        created=row["created"],
        name=row["name"],
        run_id=row["run_id"],
        parent=row["parent"],
        resize=Resize.from_dict(row["resize"]) if row["resize"] else None,
    )
