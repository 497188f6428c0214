"""A small project with one series."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Series, Severity, Study
from medlab_gui.store.project import ProjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (6, 20, 24)


def add_series(store: ProjectStore, uid: str = "1.2.3") -> Series:
    """Add a series whose file runs head to feet, so that reorientation matters."""
    affine = np.array([[0, 0, 0.8, -10], [0, 0.7, 0, -20], [-3.0, 0, 0, 50]])
    native = Grid(SHAPE, np.vstack([affine, [0, 0, 0, 1]]), "1.9")
    how = native.canonical()
    data = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    series = Series(
        uid=uid,
        study_uid="1.2",
        modality="CT",
        units="HU",
        grid=how.grid,
        description="Abdomen",
        source="scan",
        reorientation=how,
        blob=store.put_array(np.ascontiguousarray(how.apply(data))),
        problems=(Problem("gap", Severity.WARNING, "A gap.", ("a.dcm",)),),
        window=(40.0, 400.0),
    )
    store.add_study(Study("1.2", "p-0", "2020-01-02", "Liver"))
    store.add_series(series)
    return series


@pytest.fixture(scope="session")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was made once; tests open copies of it."""
    place = tmp_path_factory.mktemp("template") / "a project"
    ProjectStore.open(place, create=True).close()
    return place


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "a project"


@pytest.fixture
def store(place: Path, empty_project: Path) -> Iterator[ProjectStore]:
    shutil.copytree(empty_project, place)
    with ProjectStore.open(place) as opened:
        yield opened


@pytest.fixture
def series(store: ProjectStore) -> Series:
    return add_series(store)
