from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.geometry import Grid
from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry, finest_plane

PLAIN = Grid.from_spacing((5, 7, 6), (3.0, 1.2, 0.8), (10, 20, 30))


def rotated(degrees: float, axes: tuple[int, int]) -> Grid:
    """The plain grid turned in the plane of two LPS axes."""
    angle = np.radians(degrees)
    turn = np.eye(4)
    a, b = axes
    turn[[a, a, b, b], [a, b, a, b]] = [
        np.cos(angle),
        -np.sin(angle),
        np.sin(angle),
        np.cos(angle),
    ]
    return Grid(PLAIN.shape, turn @ PLAIN.affine)


def tilted(degrees: float) -> Grid:
    """A gantry tilt: slices lean, the table moves straight on."""
    affine = PLAIN.affine.copy()
    angle = np.radians(degrees)
    affine[:3, 1] = 1.2 * np.array([0, np.cos(angle), np.sin(angle)])
    return Grid(PLAIN.shape, affine)


@pytest.mark.parametrize(
    ("plane", "shape", "matrix", "letters"),
    [
        (Plane.AXIAL, (7, 6), [[0, 0.8], [1.2, 0]], ("R", "L", "A", "P")),
        (Plane.CORONAL, (5, 6), [[0, 0.8], [-3, 0]], ("R", "L", "S", "I")),
        (Plane.SAGITTAL, (5, 7), [[0, 1.2], [-3, 0]], ("A", "P", "S", "I")),
    ],
)
def test_planes_of_a_plain_grid(plane, shape, matrix, letters):
    geometry = PlaneGeometry(PLAIN, plane)
    assert geometry.shape == shape
    assert np.allclose(geometry.matrix, matrix)
    assert geometry.edge_letters == letters
    assert geometry.n_slices == PLAIN.shape[plane.axis]
    assert geometry.spacing == pytest.approx(PLAIN.spacing[plane.axis])


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("degrees", [-30, 12, 40])
def test_an_oblique_plane_keeps_its_proportions(plane, axes, degrees):
    turned = PlaneGeometry(rotated(degrees, axes), plane)
    assert np.allclose(turned.matrix, PlaneGeometry(PLAIN, plane).matrix)
    assert turned.grid.is_oblique


def test_letters_of_an_oblique_plane_name_both_directions():
    # i, which ran to L, now runs to L and S; k from S to S and R
    assert PlaneGeometry(rotated(30, (0, 2)), Plane.CORONAL).edge_letters == (
        "RI",
        "LS",
        "SR",
        "IL",
    )
    assert PlaneGeometry(rotated(5, (0, 2)), Plane.CORONAL).edge_letters == (
        "R",
        "L",
        "S",
        "I",
    )


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("grid", [PLAIN, rotated(25, (1, 2)), tilted(18), tilted(-7)])
def test_distances_on_the_picture_are_those_in_the_patient(plane, grid):
    geometry = PlaneGeometry(grid, plane)
    rng = np.random.default_rng(0)
    flat = rng.uniform(0, 5, (20, 2, 2))
    index = np.full((20, 2, 3), 2.0)
    index[..., list(plane.axes)] = flat
    in_patient = np.linalg.norm(np.diff(grid.to_mm(index), axis=1)[:, 0], axis=1)
    on_picture = np.linalg.norm(np.diff(flat @ geometry.matrix.T, axis=1)[:, 0], axis=1)
    assert np.allclose(in_patient, on_picture)


def test_a_tilted_stack_leans_in_the_sagittal_plane_only():
    geometry = PlaneGeometry(tilted(18), Plane.SAGITTAL)
    # the table's axis stays upright, the slices lean
    assert np.allclose(geometry.matrix[:, 0], [0, -3])
    lean = np.degrees(np.arctan2(-geometry.matrix[1, 1], geometry.matrix[0, 1]))
    assert lean == pytest.approx(18)
    assert np.allclose(
        PlaneGeometry(tilted(18), Plane.CORONAL).matrix,
        PlaneGeometry(PLAIN, Plane.CORONAL).matrix,
    )
    assert PlaneGeometry(tilted(18), Plane.AXIAL).spacing == pytest.approx(
        3 * np.cos(np.radians(18))
    )


def test_bounds_hold_whole_pixels():
    left, top, right, bottom = PlaneGeometry(PLAIN, Plane.CORONAL).bounds
    assert (left, right) == pytest.approx((-0.4, 4.4))
    assert (top, bottom) == pytest.approx((-13.5, 1.5))


@pytest.mark.parametrize(
    ("shape", "spacing", "plane"),
    [
        ((119, 512, 512), (1.6, 0.74, 0.74), Plane.AXIAL),
        ((1200, 512, 512), (0.8, 0.9, 0.9), Plane.AXIAL),  # head to foot
        ((256, 256, 176), (1.0, 1.0, 1.2), Plane.AXIAL),  # as fine in every direction
        ((256, 256, 20), (0.9, 0.9, 4.4), Plane.SAGITTAL),
        ((512, 30, 384), (0.8, 3.0, 0.8), Plane.CORONAL),
        ((256, 512, 1), (0.98, 0.98, 0.63), Plane.SAGITTAL),  # a localiser
        ((256, 256, 4), (1.0, 1.0, 1.0), Plane.SAGITTAL),
        ((1, 1, 1), (1.0, 1.0, 1.0), Plane.AXIAL),
    ],
)
def test_a_scan_is_looked_at_in_the_plane_of_its_slices(shape, spacing, plane):
    assert finest_plane(Grid.from_spacing(shape, spacing)) is plane
