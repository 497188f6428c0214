"""Which version a project has, and how it gets to ours.

The version is read by plain SQL; alembic is loaded only where tables must be made or
changed, since it takes longer to load than a project to open.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, text

from medlab_gui.core.errors import ProjectVersionError, StoreError, storage_error
from medlab_gui.core.whole_files import patiently
from medlab_gui.store import tables
from medlab_gui.store.stamps import utc_now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from medlab_gui.store.database import Database

__all__ = ["MIGRATIONS", "check_version", "migrate", "version_of"]

MIGRATIONS = Path(__file__).parent / "migrations"


def version_of(connection: Connection, path: Path) -> int:
    """Return the version of the tables; 0 where there are none yet.

    Parameters
    ----------
    connection : Connection
        Within a transaction.
    path : Path
        Of the database, for messages.

    Raises
    ------
    StoreError
        If the tables are another program's.
    """
    names = set(inspect(connection).get_table_names())
    if not names:
        return 0
    found: str | None = None
    if {"alembic_version", "project"} <= names:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found is None or not found.isdecimal():
        msg = (
            f"{path} is the database of another program, not a MedLab project. "
            "Choose another folder."
        )
        raise StoreError(msg, path=path)
    return int(found)


def check_version(version: int, path: Path) -> None:
    """Refuse a project of a newer MedLab.

    Raises
    ------
    ProjectVersionError
        If the version is above `tables.SCHEMA_VERSION`.
    """
    if version > tables.SCHEMA_VERSION:
        msg = (
            f"The project in {path.parent} was made by a newer MedLab (schema "
            f"{version}; this one knows up to {tables.SCHEMA_VERSION}): update MedLab "
            "to open it."
        )
        raise ProjectVersionError(msg, path=path.parent)


def migrate(database: Database, version: int, name: str) -> Path | None:
    """Bring the tables to our version, wholly or not at all.

    Parameters
    ----------
    database : Database
        Of the project; the caller keeps other processes from migrating.
    version : int
        What `version_of` said; 0 makes all tables.
    name : str
        What a new project is called.

    Returns
    -------
    Path or None
        Copy of the database as it was before, beside it; None for a new one.
    """
    from alembic import command
    from alembic.config import Config

    copy = _copy(database, version) if version else None
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if version == 0:
            connection.execute(
                insert(tables.project).values(n=1, name=name, created=utc_now())
            )
    return copy


def _copy(database: Database, version: int) -> Path:
    stamp = utc_now()[:19].replace(":", "").replace("-", "")
    copy = database.path.with_name(f"project-schema{version}-{stamp}.db")
    part = copy.with_suffix(".part")
    name = str(part).replace("'", "''")
    try:
        part.unlink(missing_ok=True)
        database.run_outside_transaction(f"VACUUM INTO '{name}'")
        patiently(lambda: part.replace(copy))
    except OSError as error:
        raise storage_error(error, copy) from error
    return copy
