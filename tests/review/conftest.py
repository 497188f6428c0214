"""A small project with one series, and a session on it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.review.session import ReviewSession
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore
from tests.store.conftest import SHAPE, add_series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


UID = "1.2.3"
BOX = (slice(2, 3), slice(3, 7), slice(4, 9))


def draw(session: ReviewSession, value: int, box: tuple[slice, ...] = BOX) -> bool:
    """What the window does: change the mask, then tell."""
    before = session.mask[box].copy()
    session.mask[box] = value
    return session.record("brush", box, before, session.mask[box])


def reopened(place: Path) -> ReviewSession:
    return ReviewSession.open(place, UID, author="bob")


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


@pytest.fixture
def locked_two(store: ProjectStore) -> None:
    """Slice 2 is in the locked validation set."""
    made = store.add_annotation(
        UID, np.zeros(SHAPE, np.uint8), DEFAULT_SCHEME, confirmed=[2], author="ann"
    )
    store.lock_slices(UID, [2], made.id)
