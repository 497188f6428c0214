"""Phantoms of one mandible: a real mask, bent and painted. They are no patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel
import numpy as np
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter,
    map_coordinates,
    zoom,
)

from medlab_gui.core.geometry import Grid
from medlab_gui.io import write_image

if TYPE_CHECKING:
    from pathlib import Path

SHAPE, SPACING = (24, 128, 128), (4.0, 1.5, 1.5)
TEACHERS, JUDGES, TESTS = 6, 1, 8
SKULL, MANDIBLE, UPPER_TEETH, LOWER_TEETH, CANAL = 1, 2, 3, 4, 5
SOURCE = "dental-cbct-masks/DentalSegmentator/Testing/Data"


def make_mandible(shared: Path, folder: Path) -> list[dict[str, object]]:
    """Write phantoms into a folder; return those that teach and judge, for a recipe."""
    for name in ("train", "test/images", "test/truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    file = shared / "data" / SOURCE / "PostDentalSurgery_Segmentation.nii.gz"
    # (X, Y, Z) at 0.5 mm to (Z, Y, X) at 1 mm, from below the chin to the joints.
    labels = np.asarray(nibabel.load(file).dataobj).T[30:218:2, ::2, ::2]
    # Room for the soft tissue beside the scanner's field of view.
    labels = np.pad(labels.astype(np.uint8), ((0, 0), (20, 20), (20, 20)))
    grid = Grid.from_spacing(SHAPE, SPACING)
    items: list[dict[str, object]] = []
    patients = []
    for n in range(TEACHERS + JUDGES + TESTS):
        image, truth = phantom(labels, np.random.default_rng([20240214, n]))
        if n >= TEACHERS + JUDGES:
            case = f"phantom-{n + 1:02d}"
            patients.append(case)
            write_image(folder / f"test/images/{case}.nii.gz", image, grid)
            write_image(folder / f"test/truth/{case}.nii.gz", truth, grid)
            continue
        write_image(folder / f"train/phantom-{n + 1:02d}.nii.gz", image, grid)
        write_image(folder / f"train/phantom-{n + 1:02d}-truth.nii.gz", truth, grid)
        item: dict[str, object] = {
            "image": f"train/phantom-{n + 1:02d}.nii.gz",
            "mask": f"train/phantom-{n + 1:02d}-truth.nii.gz",
            "map": {"1": 1},
            "use": "train",
            "what": "Phantom of a head with a mandible",
        }
        if n >= TEACHERS:
            item["validation_slices"] = [0, SHAPE[0] - 1]
        items.append(item)
    lines = ["case,patient", *(f"{c},{c}" for c in patients)]
    (folder / "test/patients.csv").write_text("\n".join(lines) + "\n")
    return items


def phantom(
    labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return a painted scan in HU, int16, and the mandible's mask, uint8.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        The real mask at 1 mm.
    rng : numpy.random.Generator
        Pose, size, bending, densities and noise are drawn from it.
    """
    place = _bent(labels.shape, rng)
    truth = np.isin(labels, (MANDIBLE, CANAL)).astype(np.uint8)
    truth = map_coordinates(truth, place, order=0, prefilter=False, mode="nearest")
    painted = gaussian_filter(_painted(labels, rng), rng.uniform(0.4, 0.9))
    image = map_coordinates(painted, place, order=1, mode="nearest")
    image += rng.normal(0, rng.uniform(20, 80), image.shape)
    return np.clip(image, -1024, 3000).astype(np.int16), truth


def _bent(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return where in the mask, in voxels of 1 mm, each voxel of a phantom lies."""
    axes = [
        (np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(SHAPE, SPACING, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    turn = np.eye(3)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        angle = np.radians(rng.normal(0, 5))
        one = np.eye(3)
        one[[a, a, b, b], [a, b, a, b]] = (
            *(np.cos(angle), -np.sin(angle)),
            *(np.sin(angle), np.cos(angle)),
        )
        turn = turn @ one
    scale = np.diag(rng.uniform(0.9, 1.1, 3))
    middle = (np.array(shape) - 1) / 2 + rng.normal(0, 4, 3)
    points = (turn @ scale @ points).reshape(3, *SHAPE)
    nodes = rng.normal(0, 2.5, (3, 3, 5, 5))
    bend = [
        zoom(own, [n / m for n, m in zip(SHAPE, own.shape, strict=True)], order=3)
        for own in nodes
    ]
    return points + np.stack(bend) + middle[:, None, None, None]


def _painted(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return grey values in HU for the mask: bones alike, so that only shape tells."""
    z, y, x = np.ogrid[tuple(slice(n) for n in labels.shape)]
    _, rows, columns = np.nonzero(labels)
    low_y, high_y = rows.min() - 14, rows.max() + 8
    low_x, high_x = columns.min() - 14, columns.max() + 14
    across = (x - (low_x + high_x) / 2) / ((high_x - low_x) / 2)
    along = (y - (low_y + high_y) / 2) / ((high_y - low_y) / 2)
    inside = np.sqrt(across**2 + along**2 + 0 * z)
    hu = np.where(inside < 1, rng.uniform(-110, -70), -1000.0).astype(np.float32)
    muscle = gaussian_filter(rng.normal(0, 1, labels.shape), 4)
    hu[inside < 0.93] = (rng.uniform(35, 65) + 250 * muscle)[inside < 0.93]
    # An airway, and a spine that no mask has: bone that is no mandible.
    middle = (low_x + high_x) / 2
    airway = np.hypot((x - middle) / 9, (y - (0.55 * low_y + 0.45 * high_y)) / 6)
    hu[(airway + 0 * z) < 1] = -990
    spine = np.hypot((x - middle) / 14, (y - (0.25 * low_y + 0.75 * high_y)) / 12)
    hu[(spine + 0 * z) < 1] = 450
    hu[np.abs(spine + 0 * z - 0.95) < 0.1] = 900
    depth = distance_transform_edt(labels > 0)
    bone = np.isin(labels, (SKULL, MANDIBLE, CANAL))
    hard, spongy = rng.uniform(900, 1400), rng.uniform(250, 500)
    hu[bone] = np.where(depth[bone] < 2, hard, spongy)
    hu[labels == CANAL] = 100
    hu[np.isin(labels, (UPPER_TEETH, LOWER_TEETH))] = rng.uniform(1700, 2300)
    return hu
