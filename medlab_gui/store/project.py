"""A project: everything that MedLab keeps, in one folder.

::

    project.db        rows (SQLite)
    blobs/ab/abcd...  arrays and files, named by their content
    journal/          every stroke of every series, see `journal`
    runs/<id>/        files of trainings

Two processes may use one project at once. No transaction is held while computing.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import select, update

from medlab_gui.core.errors import (
    ConflictError,
    MedlabError,
    ProjectMissingError,
    StoreError,
    storage_error,
)
from medlab_gui.core.labels import LabelClass, LabelScheme
from medlab_gui.core.own_files import PROJECT_FILES, PROJECT_FOLDERS
from medlab_gui.core.places import as_path, is_device
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec
from medlab_gui.store import tables
from medlab_gui.store.annotations import AnnotationRows
from medlab_gui.store.blobs import BlobStore
from medlab_gui.store.database import Database
from medlab_gui.store.journal import Journal
from medlab_gui.store.journal_lock import is_written
from medlab_gui.store.measurements import MeasurementRows
from medlab_gui.store.predictions import PredictionRows
from medlab_gui.store.queue import QueueRows
from medlab_gui.store.runs import RunRows
from medlab_gui.store.schema import check_version, migrate, version_of
from medlab_gui.store.weights import CheckpointRows

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from numpy.typing import NDArray

    from medlab_gui.core.records import Problem

__all__ = ["DEFAULT_SCHEME", "NewProject", "ProjectStore"]

DEFAULT_SCHEME = LabelScheme(
    "Liver and spleen",
    (
        LabelClass(1, "Liver", (230, 159, 0), "SCT:10200004"),
        LabelClass(2, "Spleen", (86, 180, 233), "SCT:78961009"),
    ),
)
"""Classes of a project whose classes nobody has chosen yet."""

_MIGRATION_WAIT_SECONDS = 60.0


class ProjectStore(
    AnnotationRows,
    CheckpointRows,
    MeasurementRows,
    PredictionRows,
    QueueRows,
    RunRows,
):
    """An open project, for one thread; make it with `open`.

    Every method raises a `StoreError` with a sentence where the project cannot be read
    or written (full disk, no permission, vanished, damaged, in use too long), and
    `InputError` where an id is not in the project.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._database = database
        self._blobs = BlobStore(folder / "blobs")
        self._read = {}

    # ---- opening and closing ------------------------------------------------

    @staticmethod
    def exists(place: str | Path) -> bool:
        """Tell whether a folder holds a project."""
        path = as_path(place) / "project.db"
        try:
            return path.is_file() and path.stat().st_size > 0
        except OSError:
            return False

    @classmethod
    def open(cls, place: str | Path, *, create: bool = False) -> Self:
        """Open a project.

        Parameters
        ----------
        place : str or Path
            Its folder.
        create : bool
            Make one where there is none.

        Raises
        ------
        ProjectMissingError
            If there is none and ``create`` is False.
        ProjectVersionError
            If a newer MedLab made it.
        StorageFullError
            If there is no room or no permission.
        StoreError
            If it is damaged, or not a project.
        """
        if re.match(r"[a-z0-9+]+://", str(place)):
            msg = f"{place} is not a folder; this version keeps projects in folders."
            raise StoreError(msg)
        folder = as_path(place).absolute()
        if folder.exists() and not folder.is_dir():
            msg = f"{folder} is a file; a project is a folder. Choose a folder."
            raise StoreError(msg, path=folder)
        if not cls.exists(folder) and not create:
            msg = (
                f"There is no MedLab project in {folder}. Choose another folder, or "
                "import a study into a new one."
            )
            raise ProjectMissingError(msg, path=folder)
        _prepare(folder, create=create)
        database = Database(folder / "project.db")
        try:
            store = cls(folder, database)
            store._bring_up_to_date(create=create)
            database.use_wal()
            store._blobs.sweep()
        except BaseException:
            with suppress(MedlabError):
                database.close()
            raise
        return store

    def _version(self) -> int:
        with self._database.read() as connection:
            return version_of(connection, self._database.path)

    def _bring_up_to_date(self, *, create: bool) -> None:
        version = self._version()
        check_version(version, self._database.path)
        if version == tables.SCHEMA_VERSION:
            return
        if version == 0 and not create:
            msg = (
                f"{self.folder} holds a project that was never finished. Make it "
                "again there, or choose another folder."
            )
            raise ProjectMissingError(msg, path=self.folder)
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / "migration.lock", timeout=_MIGRATION_WAIT_SECONDS)
        try:
            with lock:
                version = self._version()  # another process may have been faster
                if version < tables.SCHEMA_VERSION:
                    migrate(self._database, version, self.folder.name)
        except Timeout as error:
            msg = (
                f"Another MedLab is making or updating the project in {self.folder}. "
                "Wait until it is done and try again."
            )
            raise ConflictError(msg, path=self.folder) from error
        except OSError as error:
            raise storage_error(error, self.folder) from error

    def settle(self) -> None:
        """Carry what was written lately into the database itself.

        The last connection to a project does so when it is closed, which takes as long
        as the disk does. After this, on any thread, little is left for it.
        """
        self._database.settle()

    def close(self) -> None:
        """End the connection. Closing twice does nothing."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- the project itself -------------------------------------------------

    @property
    def name(self) -> str:
        """What a person calls the project."""
        return str(self._project("name") or self.folder.name)

    def scheme(self) -> LabelScheme:
        """Return the classes of the project; `DEFAULT_SCHEME` until some are set."""
        data = self._project("scheme")
        return DEFAULT_SCHEME if data is None else LabelScheme.from_dict(data)

    def set_scheme(self, scheme: LabelScheme) -> None:
        """Choose the classes of the project. Revisions keep the scheme they have."""
        self._set_project(scheme=scheme.to_dict())

    def pipeline(self) -> PipelineSpec:
        """Return how the project's scans are shown; the liver paper's until set."""
        data = self._project("pipeline")
        return LIVER_PIPELINE if data is None else PipelineSpec.from_dict(data)

    def set_pipeline(self, pipeline: PipelineSpec) -> None:
        """Choose how the project's scans are shown."""
        self._set_project(pipeline=pipeline.to_dict())

    def _project(self, column: str) -> Any:
        row = self._first(select(tables.project.c[column]))
        return row[column] if row else None

    def _set_project(self, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(update(tables.project).values(**values))

    # ---- arrays and files ---------------------------------------------------

    def put_array(
        self,
        array: NDArray[Any],
        *,
        compressed: bool = False,
        check: Callable[[], object] | None = None,
    ) -> str:
        """Keep an array; see `BlobStore.put_array`."""
        self._database.check_present()
        return self._blobs.put_array(array, compressed=compressed, check=check)

    def array(self, blob: str, *, mmap: bool = True) -> NDArray[Any]:
        """Return an array; see `BlobStore.array`."""
        return self._blobs.array(blob, mmap=mmap)

    def put_file(self, path: str | Path) -> str:
        """Keep a copy of a file; return its content address."""
        self._database.check_present()
        return self._blobs.put_file(Path(path))

    def blob_path(self, blob: str) -> Path:
        """Return the file of a blob, or raise `StoreError` if it is missing."""
        return self._blobs.existing_path(blob)

    def verify_blob(self, blob: str) -> bool:
        """Tell whether a blob is there and holds what its name says (reads it all)."""
        return self._blobs.verify(blob)

    def journal_path(self, series_uid: str) -> Path:
        """Return where the journal of a series lies, whether or not it is there."""
        return journal_path(self.folder, series_uid)

    def is_edited(self, series_uid: str) -> bool:
        """Tell whether a window, maybe this one, or a process edits a series now."""
        path = self.journal_path(series_uid)
        try:
            return path.exists() and is_written(path)
        except OSError:  # the drive fails; who wants to work on it says so
            return False

    def open_journal(self, series_uid: str, *, writable: bool = True) -> Journal:
        """Open the journal of a series, set up for its latest revision.

        Raises
        ------
        ConflictError
            If another window or process is writing it.
        """
        latest = self.latest_annotation(series_uid)
        journal = Journal.open(
            self.journal_path(series_uid),
            self.series(series_uid).grid.shape,
            writable=writable,
            base_seq=self.journal_seq(latest) if latest else 0,
        )
        journal.floor = self.undo_floor(latest) if latest else 0
        return journal

    # ---- looking after it ---------------------------------------------------

    def sweep(self) -> int:
        """Remove files whose writing was cut off; return how many (`open` does)."""
        return self._blobs.sweep()

    def health(self) -> list[Problem]:
        """Return what is wrong with the project; an empty list if nothing is."""
        from medlab_gui.store.health import examine

        return list(examine(self._database, self._blobs, self.folder / "journal"))


def journal_path(folder: Path, series_uid: str) -> Path:
    """Return the path of a series' journal in a project's folder."""
    name = series_uid
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", series_uid) or is_device(
        series_uid
    ):
        # Only DICOM UIDs are sure to be file names.
        from hashlib import sha256

        name = sha256(series_uid.encode()).hexdigest()
    return folder / "journal" / f"{name}.mlj"


def _prepare(folder: Path, *, create: bool) -> None:
    """Make the folders of a project where they are missing."""
    try:
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        for name in PROJECT_FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        if create:
            # "ab" makes it if it is not there and leaves it alone if it is.
            (folder / "project.db").open("ab").close()
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise storage_error(error, folder) from error


class NewProject:
    """A project that may be made within; if that fails, no empty one is left.

    Only what a project without anything in it consists of is removed: an array, a
    journal or a file of somebody else's keeps it.

    Parameters
    ----------
    place : str or Path
        Its folder.
    """

    def __init__(self, place: str | Path) -> None:
        self._folder = as_path(place).absolute()

    def __enter__(self) -> None:
        self._was_there = ProjectStore.exists(self._folder)
        self._had_folder = self._folder.exists()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None or self._was_there or not self._folder.is_dir():
            return
        with suppress(OSError):
            files = [p for p in self._folder.rglob("*") if not p.is_dir()]
            if {p.relative_to(self._folder).as_posix() for p in files} - {
                *PROJECT_FILES
            }:
                return
            for path in files:
                path.unlink()
            made = [
                self._folder / name for name in ("blobs/incoming", *PROJECT_FOLDERS)
            ]
            for folder in (*made, *([] if self._had_folder else [self._folder])):
                if folder.is_dir():
                    folder.rmdir()
