"""What every part of a project stands on: a folder, a database and blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Table, func, select

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, RowMapping

    from medlab_gui.store.blobs import BlobStore
    from medlab_gui.store.database import Database

__all__ = ["ProjectBase", "next_number"]


class ProjectBase:
    """The folder, the database and the blobs of one project."""

    folder: Path
    _database: Database
    _blobs: BlobStore

    def n_foreign_changes(self) -> int:
        """Return a number that grows when another connection wrote to the database."""
        ((n,),) = self._database.run_outside_transaction("PRAGMA data_version")
        return int(n)

    def _rows(self, query: Select[Any]) -> list[RowMapping]:
        with self._database.read() as connection:
            return list(connection.execute(query).mappings())

    def _first(self, query: Select[Any]) -> RowMapping | None:
        with self._database.read() as connection:
            return connection.execute(query.limit(1)).mappings().first()

    def _named(self, table: Table, column: str, name: str, what: str) -> RowMapping:
        """Return the row of a name, or say that there is none."""
        row = self._first(select(table).where(table.c[column] == name))
        if row is None:
            msg = (
                f"The project in {self.folder} has no {what} {name!r}. "
                "`medlab list` shows what it has."
            )
            raise InputError(msg)
        return row


def next_number(connection: Connection, table: Table, column: str, *where: Any) -> int:
    """Return one more than the highest number of a column; 1 where there is none.

    Only within a writing transaction, where no other process can count too.
    """
    highest = connection.scalar(select(func.max(table.c[column])).where(*where))
    return int(highest or 0) + 1
