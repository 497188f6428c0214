"""A project, scans and weights that every verb can be tried on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.projects import SmallProject, make_small_project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """The project that `small_project` copies; nobody changes it."""
    return make_small_project(tmp_path_factory.mktemp("original"))


@pytest.fixture
def small_project(original: SmallProject, tmp_path: Path) -> SmallProject:
    """A project with one series of 24 slices of 64 x 64, 8 labelled and 3 locked.

    The files that it was made from lie in ``tmp_path``.
    """
    for file in (original.image, original.mask, original.weights):
        shutil.copy(file, tmp_path)
    shutil.copytree(original.folder, tmp_path / "project")
    return replace(
        original,
        folder=tmp_path / "project",
        image=tmp_path / original.image.name,
        mask=tmp_path / original.mask.name,
        weights=tmp_path / original.weights.name,
    )


@pytest.fixture
def written(tmp_path: Path):
    """Return a function that names the files in ``tmp_path`` made since."""

    def files() -> set[Path]:
        return {
            p
            for p in tmp_path.rglob("*")
            if p.is_file() and "project" not in p.relative_to(tmp_path).parts[:1]
        }

    before = files()
    return lambda: {p.name for p in files() - before}


@pytest.fixture
def lively(small_project: SmallProject, tmp_path: Path) -> str:
    """Weights whose answer differs by voxel; untrained ones say one thing."""
    import torch

    from medlab_gui.learning.checkpoint import load_checkpoint, save_checkpoint

    meta, state = load_checkpoint(small_project.weights)
    dice = torch.Generator().manual_seed(5)
    mixed = {
        name: torch.randn(t.shape, generator=dice) * 0.5 if t.ndim > 1 else t
        for name, t in state.items()
    }
    save_checkpoint(tmp_path / "lively.safetensors", mixed, meta)
    return str(tmp_path / "lively.safetensors")


def places(*names: object) -> str:
    """Write down what is compared, as the command line hands it over."""
    return "\n".join(map(str, names))
