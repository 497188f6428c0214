"""One connection to a project's database, and its refusals as sentences.

SQLite runs in WAL mode: readers never wait, and writers wait for each other up to
`BUSY_SECONDS`. Every writing transaction begins with ``BEGIN IMMEDIATE``: one that
begins by reading and writes later cannot wait for another writer and would fail with
"database is locked" at once.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from medlab_gui.core.errors import (
    BusyError,
    ConflictError,
    InputError,
    MedlabError,
    ProjectMissingError,
    StoreError,
    storage_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePath

    from sqlalchemy import Connection

__all__ = ["BUSY_SECONDS", "Database"]

BUSY_SECONDS = 10.0
"""How long a writer waits for another one."""

_PRIMARY = 0xFF  # the low byte of an extended SQLite code is the primary one


def _uri(path: PurePath) -> str:
    """Return an absolute path as SQLite wants it.

    Unlike `Path.as_uri` for a share in Windows' network: of ``file://server/...``
    SQLite refuses the server; in ``file:////server/...`` it is a part of the path.
    """
    place = path.as_posix()
    root = "" if place.startswith("/") else "/"  # before C:
    return f"file://{root}{quote(os.fsencode(place), safe='/:')}"


class Database:
    """One connection to the SQLite file of a project, for one thread.

    Parameters
    ----------
    path : Path
        The file; it must be there (it may be empty).

    Raises
    ------
    StoreError
        If it cannot be opened; the subclass says why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = self._stat()
        engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        event.listen(engine, "begin", _begin)
        with self._refusals():
            self._connection = engine.connect()

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: a project that vanished must not come back as an empty file.
        connection = sqlite3.connect(
            f"{_uri(self.path.absolute())}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # transactions begin where we say, see `_begin`
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            # On macOS, where nothing less reaches the disk; elsewhere it says nothing.
            connection.execute("PRAGMA fullfsync = ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give the connection within one consistent view of the data."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the connection for changes that happen wholly or not at all."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        self.check_present()
        with self._refusals():
            self._connection.info["begin"] = begin
            with self._connection.begin():
                yield self._connection

    def run_outside_transaction(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement that SQLite refuses within a transaction; return its rows."""
        driver = self._connection.connection.driver_connection
        try:
            return list(cast("sqlite3.Connection", driver).execute(statement))
        except sqlite3.DatabaseError as error:
            refusal = self._refusal(error)
            if refusal is None:
                raise
            raise refusal from error

    def use_wal(self) -> None:
        """Let readers and a writer work at once, from now on and for everybody.

        Nobody may be reading at that moment; then the next one to open it does this.
        """
        if self.run_outside_transaction("PRAGMA journal_mode") != [("wal",)]:
            with suppress(ConflictError):
                self.run_outside_transaction("PRAGMA journal_mode = WAL")

    def settle(self) -> None:
        """Carry the log's pages into the file, as far as no reader needs them there."""
        self.run_outside_transaction("PRAGMA wal_checkpoint(PASSIVE)")

    def check_present(self) -> None:
        """Raise `ProjectMissingError` if the file has gone or was replaced.

        On Unix a deleted file can be written to for as long as it is open; what is
        written would be lost without a word.
        """
        if self._stat() != self._stamp:
            msg = (
                f"The project in {self.path.parent} was replaced by another one while "
                "it was open. Open it again."
            )
            raise ProjectMissingError(msg, path=self.path.parent)

    def _stat(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            msg = (
                f"The project in {self.path.parent} is not there (any more). Connect "
                "the drive again, or choose another project."
            )
            raise ProjectMissingError(msg, path=self.path.parent) from error
        except OSError as error:
            raise storage_error(error, self.path) from error
        return found.st_dev, found.st_ino

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            refusal = self._refusal(error.orig)
            if refusal is None:
                raise
            raise refusal from error

    def _refusal(self, error: BaseException | None) -> MedlabError | None:
        """Return what the user can do about SQLite's error, or None: a bug of ours."""
        if not isinstance(error, sqlite3.DatabaseError):
            return None
        extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        code = extended & _PRIMARY
        folder = self.path.parent
        if extended == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            msg = (
                f"The project in {folder} does not have the series, weights or "
                "saved mask that this refers to; nothing was changed."
            )
            return InputError(msg, path=folder)
        if code == sqlite3.SQLITE_FULL:
            return storage_error(OSError(errno.ENOSPC, str(error)), folder)
        if code in (
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_PERM,
            sqlite3.SQLITE_CANTOPEN,
        ):
            if not self.path.exists():
                return storage_error(OSError(errno.ENOENT, str(error)), folder)
            return storage_error(OSError(errno.EACCES, str(error)), folder)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            msg = (
                f"Another MedLab has been writing to the project in {folder} for more "
                f"than {BUSY_SECONDS:.0f} seconds. Wait until it is done and try again."
            )
            return BusyError(msg, path=folder)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            what = (
                "is damaged" if code == sqlite3.SQLITE_CORRUPT else "is not a database"
            )
            msg = (
                f"{self.path} {what} ({error}). Restore it from a backup, or choose "
                "another project; MedLab has not changed it."
            )
            return StoreError(msg, path=self.path)
        if code == sqlite3.SQLITE_IOERR:
            msg = (
                f"The disk that holds {folder} failed while MedLab read or wrote the "
                f"project ({error}). Check the disk and its free space, then try again."
            )
            return StoreError(msg, path=folder)
        return None

    def close(self) -> None:
        """End the connection. Closing twice does nothing."""
        if not self._connection.closed:
            with self._refusals():
                self._connection.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.info.get("begin", "BEGIN"))
