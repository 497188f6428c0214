"""A small project with one series, and a session on it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from medlab_gui.review.session import ReviewSession
from medlab_gui.store.project import ProjectStore
from tests.store.conftest import add_series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one series that was made once; tests open copies of it."""
    place = tmp_path_factory.mktemp("template") / "project"
    with ProjectStore.open(place, create=True) as store:
        add_series(store)
    return place


@pytest.fixture
def place(tmp_path: Path, project: Path) -> Path:
    place = tmp_path / "project"
    shutil.copytree(project, place)
    return place


@pytest.fixture
def store(place: Path) -> Iterator[ProjectStore]:
    with ProjectStore.open(place) as opened:
        yield opened


@pytest.fixture
def session(place: Path) -> Iterator[ReviewSession]:
    with ReviewSession.open(place, "1.2.3", author="ann") as opened:
        yield opened
