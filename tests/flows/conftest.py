"""What journeys begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.projects import SmallProject, make_small_project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def small_project(tmp_path: Path) -> SmallProject:
    """A project with one series of 24 slices of 64 x 64, 8 labelled and 3 locked."""
    return make_small_project(tmp_path)
