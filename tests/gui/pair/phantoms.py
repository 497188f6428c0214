"""One patient in several series: balls at known places on grids that all differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Series, Study
from medlab_gui.store.project import ProjectStore
from tests.gui.docks_phantom import SCHEME

if TYPE_CHECKING:
    from pathlib import Path

FRAME, OTHER_FRAME = "1.2.840.1", "1.2.840.2"
BALLS = ((-30.0, 10.0, -12.0), (35.0, -20.0, 21.0))
"""Centres in LPS mm."""
RADIUS = 9.0


def grids() -> dict[str, Grid]:
    """Return the working grid of every series, by name."""
    ct = Grid.from_spacing((30, 96, 100), (3.0, 1.5, 1.4), (-68, -70, -42), FRAME)
    turn = Rotation.from_euler("x", 25, degrees=True).as_matrix()
    oblique = Grid.from_spacing((40, 64, 64), (3.0, 2.5, 2.5)).affine.copy()
    oblique[:3, :3] = turn @ oblique[:3, :3]
    oblique[:3, 3] = turn @ np.array([-80.0, -80.0, -60.0])
    return {
        "CT": ct,
        # begins 10 mm higher than the CT, and ends higher
        "PET": Grid.from_spacing(
            (22, 40, 40), (4.0, 4.0, 4.0), (-75.0, -80.5, -31.0), FRAME
        ),
        "MR oblique": Grid((40, 64, 64), oblique, FRAME),
        "Later CT": Grid.from_spacing(
            (20, 60, 60), (4.5, 2.5, 2.5), (-70, -70, -40), OTHER_FRAME
        ),
        "NIfTI": Grid.from_spacing((30, 48, 50), (3.0, 3.0, 2.8), (-68, -70, -42)),
    }


KINDS = {
    "CT": ("CT", "HU", -100.0, (150.0, 300.0)),
    "PET": ("PT", "SUV", 0.5, (9.0, 6.0)),
    "MR oblique": ("MR", None, 100.0, (900.0, 500.0)),
    "Later CT": ("CT", "HU", -100.0, (150.0, 300.0)),
    "NIfTI": ("MR", None, 20.0, (255.0, 120.0)),
}
"""Modality, units, value of the body and of the balls."""


def voxels(name: str) -> np.ndarray:
    """Return the picture of a series: a body with the balls in it, by position."""
    grid = grids()[name]
    _modality, _units, body, values = KINDS[name]
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    mm = grid.to_mm(index)
    inside = (mm[..., 0] / 62) ** 2 + (mm[..., 1] / 58) ** 2 < 1
    air = -1000.0 if name.endswith("CT") else 0.0
    data = np.where(inside, body, air)
    for center, value in zip(BALLS, values, strict=True):
        data[np.linalg.norm(mm - center, axis=-1) <= RADIUS] = value
    return data.astype(np.float32 if name == "PET" else np.int16)


def make_project(folder: Path) -> dict[str, str]:
    """Make a project with all series; UIDs by name."""
    uids = {}
    with ProjectStore.open(folder, create=True) as store:
        store.set_scheme(SCHEME)
        store.add_study(Study("1.5", "patient", "2024-05-01", "PET/CT"))
        for n, (name, grid) in enumerate(grids().items()):
            modality, units, _body, _values = KINDS[name]
            uid = f"1.5.{n}"
            store.add_series(
                Series(
                    uid,
                    "1.5",
                    modality,
                    units,
                    grid,
                    name,
                    "phantom",
                    grid.canonical(),
                    store.put_array(voxels(name)),
                )
            )
            uids[name] = uid
    return uids
