from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine

from medlab_gui.core.records import Study
from medlab_gui.store import schema, tables
from medlab_gui.store.project import ProjectStore

if TYPE_CHECKING:
    from pathlib import Path

OURS = tables.SCHEMA_VERSION
NEXT = '''"""Adds a column, for a test."""

import sqlalchemy as sa
from alembic import op

revision = "{next:04d}"
down_revision = "{ours:04d}"


def upgrade() -> None:
    op.add_column("study", sa.Column("site", sa.Text(), nullable=True))
    op.execute("UPDATE study SET site = 'old'")
    {then}
'''


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MedLab's migrations, to which a test may add one."""
    copy = tmp_path / "100% migrations"
    shutil.copytree(schema.MIGRATIONS, copy)
    monkeypatch.setattr(schema, "MIGRATIONS", copy)
    monkeypatch.setattr(tables, "SCHEMA_VERSION", OURS + 1)
    return copy / "versions" / f"v{OURS + 1:04d}_site.py"


def migration(then: str) -> str:
    return NEXT.format(ours=OURS, next=OURS + 1, then=then)


def make(place: Path) -> None:
    with ProjectStore.open(place, create=True) as store:
        store.add_study(Study("1.2", "p"))


def test_the_migrations_lead_to_the_tables(place: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    make(place)
    engine = create_engine(f"sqlite:///{place / 'project.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, tables.METADATA) == []
    engine.dispose()


def test_the_newest_migration_is_our_version() -> None:
    files = list((schema.MIGRATIONS / "versions").glob("v*.py"))
    assert max(int(f.name[1:5]) for f in files) == tables.SCHEMA_VERSION


def test_an_older_project_is_migrated_and_kept_aside(
    place: Path, request: pytest.FixtureRequest
) -> None:
    make(place)
    request.getfixturevalue("next_version").write_text(migration("pass"))
    with ProjectStore.open(place) as store:
        assert [s.uid for s in store.studies()] == ["1.2"]
        assert store.name == "a project"
    connection = sqlite3.connect(place / "project.db")
    assert connection.execute("SELECT site FROM study").fetchall() == [("old",)]
    version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert version == [(f"{OURS + 1:04d}",)]
    connection.close()
    (copy,) = place.glob(f"project-schema{OURS}-*.db")
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT uid FROM study").fetchall() == [("1.2",)]
    version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert version == [(f"{OURS:04d}",)]
    connection.close()


def test_a_migration_that_fails_changes_nothing(
    place: Path, request: pytest.FixtureRequest
) -> None:
    make(place)
    next_version = request.getfixturevalue("next_version")
    next_version.write_text(migration("raise RuntimeError('stop')"))
    with pytest.raises(RuntimeError, match="stop"):
        ProjectStore.open(place)
    connection = sqlite3.connect(place / "project.db")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(study)")]
    version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    assert "site" not in columns
    assert version == [(f"{OURS:04d}",)]
    next_version.write_text(migration("pass"))
    with ProjectStore.open(place) as store:
        assert [s.uid for s in store.studies()] == ["1.2"]
