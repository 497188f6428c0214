"""Scans in which no two voxels are alike, in grids of several kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.geometry import Grid, Reorientation
from medlab_gui.core.records import Series, Study
from medlab_gui.core.remedies import AppliedRemedy
from medlab_gui.store.project import ProjectStore
from tests.gui.docks_phantom import SCHEME

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (5, 7, 6)
SPACING = (4.0, 1.5, 1.0)
ORIGIN = (10.0, -20.0, 30.0)


def values() -> np.ndarray:
    """0 to 209 in no order that a mistake would keep, (Z, Y, X)."""
    order = np.random.default_rng(3).permutation(np.prod(SHAPE))
    return order.reshape(SHAPE).astype(np.int16)


def grids() -> dict[str, Grid]:
    """A plain one, one turned by 30 degrees, a gantry tilt, and a slanted picture.

    The last is what a tilt makes of the axial picture where slices are coronal.
    """
    plain = Grid.from_spacing(SHAPE, SPACING, ORIGIN)
    turn = np.eye(4)
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
    turn[:3, :3] = [[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]
    tilt = plain.affine.copy()
    tilt[:3, 1] = 1.5 * np.array([0, np.cos(0.3), np.sin(0.3)])
    slanted = plain.affine.copy()
    slanted[:3, 1] = 1.5 * np.array([np.sin(0.3), np.cos(0.3), 0])
    return {
        "slanted": Grid(SHAPE, slanted),
        "plain": plain,
        "oblique": Grid(SHAPE, turn @ plain.affine),
        "tilted": Grid(SHAPE, tilt),
    }


def make_project(folder: Path) -> dict[str, str]:
    """Make a project with one series for each grid; UIDs by name."""
    uids = {}
    with ProjectStore.open(folder, create=True) as store:
        store.set_scheme(SCHEME)
        for n, (name, grid) in enumerate(grids().items()):
            study, uid = f"1.3.{n}", f"1.3.{n}.1"
            store.add_study(Study(study, f"patient{n}", "2024-05-01", name))
            store.add_series(
                Series(
                    uid,
                    study,
                    "CT",
                    "HU",
                    grid,
                    name,
                    "phantom",
                    grid.canonical(),
                    store.put_array(values()),
                    window=(127.5, 255.0),
                )
            )
            uids[name] = uid
        uids["holed"] = _add_holed(store)
    return uids


def _add_holed(store: ProjectStore) -> str:
    """Add a scan stored from the head to the feet whose second slice was missing."""
    plain = grids()["plain"]
    from_head = Reorientation(plain, flips=(True, False, False)).grid
    done = AppliedRemedy("even-grid", "5 slices of 4", {"not_measured": [1]})
    store.add_study(Study("1.4", "patient4", "2024-05-01", "holed"))
    store.add_series(
        Series(
            "1.4.1",
            "1.4",
            "CT",
            "HU",
            plain,
            "holed",
            "phantom",
            from_head.canonical(),
            store.put_array(values()),
            window=(127.5, 255.0),
            remedies=(done,),
        )
    )
    return "1.4.1"
