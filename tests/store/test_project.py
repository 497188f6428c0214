from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from medlab_gui.core.errors import (
    ConflictError,
    ProjectMissingError,
    ProjectVersionError,
    StorageFullError,
    StoreError,
)
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.records import Study
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.store import database, tables
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore


def change(place: Path, *statements: str) -> None:
    connection = sqlite3.connect(place / "project.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_new_project_is_there_when_opened_again(place: Path) -> None:
    assert not ProjectStore.exists(place)
    with ProjectStore.open(place, create=True) as store:
        assert store.folder == place
        assert store.name == "a project"
        assert store.health() == []
    assert ProjectStore.exists(place)
    with ProjectStore.open(str(place)) as store:
        assert store.studies() == ()
        assert store.scheme() == DEFAULT_SCHEME
        assert store.pipeline() == LIVER_PIPELINE


def test_scheme_and_pipeline_are_kept(place: Path) -> None:
    scheme = LabelScheme.from_names("Chest", ["Lung", "Heart"])
    pipeline = PipelineSpec((Step("window", {"level": 1.0}, enabled=False),))
    with ProjectStore.open(place, create=True) as store:
        store.set_scheme(scheme)
        store.set_pipeline(pipeline)
    with ProjectStore.open(place) as store:
        assert store.scheme() == scheme
        assert store.pipeline() == pipeline


def test_no_project_is_said_and_none_is_made(place: Path) -> None:
    with pytest.raises(ProjectMissingError, match=r"no MedLab project in .*a project"):
        ProjectStore.open(place)
    assert not place.exists()


def test_a_file_is_no_project(tmp_path: Path) -> None:
    file = tmp_path / "scan.nii"
    file.write_text("x")
    for create in (False, True):
        with pytest.raises(StoreError, match=r"scan\.nii is a file"):
            ProjectStore.open(file, create=create)


def test_an_address_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a folder"):
        ProjectStore.open("postgresql://host/medlab")


def test_an_interrupted_beginning_is_no_project_and_can_be_made_again(
    place: Path,
) -> None:
    place.mkdir()
    (place / "project.db").touch()
    with pytest.raises(ProjectMissingError):
        ProjectStore.open(place)
    # SQLite had written its header, but the tables were not committed.
    change(place, "CREATE TABLE x (y)", "DROP TABLE x")
    with pytest.raises(ProjectMissingError, match="never finished"):
        ProjectStore.open(place)
    with ProjectStore.open(place, create=True) as store:
        assert store.studies() == ()


def test_a_newer_project_is_refused_with_both_numbers(place: Path) -> None:
    ProjectStore.open(place, create=True).close()
    change(place, "UPDATE alembic_version SET version_num = '0099'")
    expected = rf"schema 99; this one knows up to {tables.SCHEMA_VERSION}.*update"
    with pytest.raises(ProjectVersionError, match=expected):
        ProjectStore.open(place)
    with pytest.raises(ProjectVersionError):
        ProjectStore.open(place, create=True)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE customers (name TEXT)"],
        [
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('a1b2')",
            "CREATE TABLE project (x)",
        ],
    ],
)
def test_another_programs_database_is_left_alone(
    place: Path, statements: list[str]
) -> None:
    place.mkdir()
    change(place, *statements)
    before = (place / "project.db").read_bytes()
    with pytest.raises(StoreError, match="another program"):
        ProjectStore.open(place, create=True)
    assert (place / "project.db").read_bytes() == before


def test_a_text_file_is_no_database(place: Path) -> None:
    place.mkdir()
    (place / "project.db").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match="is not a database"):
        ProjectStore.open(place)


def test_a_damaged_database_is_said(place: Path) -> None:
    file = place / "project.db"
    ProjectStore.open(place, create=True).close()
    empty = file.stat().st_size
    with ProjectStore.open(place) as store:
        for n in range(300):
            store.add_study(Study(f"1.2.{n}", "p", None, "x" * 200))
    data = bytearray(file.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    assert len(data) > empty + 10 * page
    # Leave the pages of the tables themselves, which opening reads; ruin the studies.
    for start in range(empty, len(data), page):
        data[start : start + page] = b"\xa5" * page
    file.write_bytes(data)
    with ProjectStore.open(place) as store:
        with pytest.raises(StoreError, match=r"damaged.*backup"):
            store.studies()
        assert [p.code for p in store.health()] == ["database-damaged"]


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no open file")
def test_a_project_that_vanished_is_said_and_not_made_again(place: Path) -> None:
    with ProjectStore.open(place, create=True) as store:
        shutil.rmtree(place)
        with pytest.raises(ProjectMissingError, match="not there"):
            store.add_study(Study("1", "p"))
        with pytest.raises(ProjectMissingError, match="not there"):
            store.studies()
        with pytest.raises(ProjectMissingError, match="not there"):
            store.run_folder("abc")
    assert not place.exists()


def test_a_project_that_was_replaced_is_said(place: Path, tmp_path: Path) -> None:
    ProjectStore.open(tmp_path / "other", create=True).close()
    with ProjectStore.open(place, create=True) as store:
        place.rename(tmp_path / "moved")
        (tmp_path / "other").rename(place)
        with pytest.raises(ProjectMissingError, match="replaced"):
            store.add_study(Study("1", "p"))


@pytest.mark.skipif(os.name == "nt", reason="rights are not Unix's")
def test_a_read_only_folder_is_said() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "project"
        ProjectStore.open(place, create=True).close()
        Path(folder).chmod(0o755)
        place.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # nobody: the superuser may write everywhere
        try:
            with pytest.raises(StorageFullError, match=r"may not write .*project"):
                ProjectStore.open(place)
            with pytest.raises(StorageFullError, match="may not write"):
                ProjectStore.open(place / "new", create=True)
        finally:
            if root:
                os.seteuid(0)
            place.chmod(0o755)


def test_a_full_disk_is_said_and_nothing_is_half_written(store: ProjectStore) -> None:
    store.add_study(Study("1", "p"))
    pages = store._database.run_outside_transaction("PRAGMA page_count")[0][0]
    store._database.run_outside_transaction(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFullError, match="no room left"):
        store.add_study(Study("2", "p", None, "x" * 100_000))
    assert [s.uid for s in store.studies()] == ["1"]
    store._database.run_outside_transaction("PRAGMA max_page_count = 1000000")
    store.add_study(Study("2", "p"))
    assert [s.uid for s in store.studies()] == ["1", "2"]


def test_a_writer_that_never_ends_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with ProjectStore.open(place, create=True) as store:
        other = sqlite3.connect(place / "project.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert store.studies() == ()  # readers never wait
        with pytest.raises(ConflictError, match="Another MedLab has been writing"):
            store.add_study(Study("1", "p"))
        other.execute("ROLLBACK")
        other.close()
        store.add_study(Study("1", "p"))


def test_opening_loads_alembic_only_to_make_or_migrate(place: Path) -> None:
    ProjectStore.open(place, create=True).close()
    code = (
        "import sys; from medlab_gui.store.project import ProjectStore;"
        "ProjectStore.open(sys.argv[1]).close();"
        "print(sorted({'alembic', 'torch', 'filelock'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(place)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert found.stdout.strip() == "[]"


def test_projects_made_at_once_are_one(place: Path) -> None:
    code = (
        "import sys; from medlab_gui.store.project import ProjectStore\n"
        "from medlab_gui.core.records import Study\n"
        "sys.stdin.readline()\n"
        "with ProjectStore.open(sys.argv[1], create=True) as s:\n"
        "    s.add_study(Study(sys.argv[2], 'p'))\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(place), str(n)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for n in range(3)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
    with ProjectStore.open(place) as store:
        assert {s.uid for s in store.studies()} == {"0", "1", "2"}
        mode = store._database.run_outside_transaction("PRAGMA journal_mode")
        assert mode == [("wal",)]


def test_journals_get_names_that_are_files(store: ProjectStore) -> None:
    assert store.journal_path("1.2.840.1").name == "1.2.840.1.mlj"
    odd = store.journal_path("../../etc/passwd")
    assert odd.parent == store.folder / "journal"
    assert len(odd.stem) == 64
