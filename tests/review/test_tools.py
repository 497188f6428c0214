from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.review.tools import Drawing, brush, disc, eraser, fill, polygon

if TYPE_CHECKING:
    from medlab_gui.review.session import ReviewSession

SHAPE = (3, 80, 90)


@pytest.fixture
def mask() -> np.ndarray:
    return np.zeros(SHAPE, np.uint8)


def drawn(mask: np.ndarray, drawing: Drawing | None) -> np.ndarray:
    result = mask.copy()
    if drawing is not None:
        result[drawing.slices] = drawing.after
    return result


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.7, 1.4)])
def test_a_dab_is_a_disc_in_millimetres(spacing: tuple[float, float]) -> None:
    found = disc((80, 90), [(40.0, 45.0)], 10.0, spacing)
    assert found is not None
    (rows, columns), covered = found
    area = covered.sum() * spacing[0] * spacing[1]
    assert area == pytest.approx(math.pi * 100, rel=0.03)
    j, i = np.nonzero(covered)
    reach = np.hypot(
        (j + rows.start - 40) * spacing[0], (i + columns.start - 45) * spacing[1]
    )
    assert reach.max() <= 10.0
    # The box is just large enough: 10 mm to each side.
    assert (j.max() - j.min()) * spacing[0] == pytest.approx(20, abs=2 * spacing[0])
    assert (i.max() - i.min()) * spacing[1] == pytest.approx(20, abs=2 * spacing[1])


def test_a_stroke_has_no_gaps() -> None:
    found = disc((80, 90), [(40.0, 10.0), (40.0, 80.0)], 5.0, (1.0, 1.0))
    assert found is not None
    (rows, _), covered = found
    # A capsule: a rectangle and two half discs.
    assert covered.sum() == pytest.approx(70 * 11 + math.pi * 25, rel=0.04)
    assert covered[40 - rows.start].sum() == 81


def test_the_smallest_brush_paints_the_pixel_under_it(mask: np.ndarray) -> None:
    result = drawn(mask, brush(mask, 1, [(7.4, 8.6)], 0.1, (1.0, 1.0), 2))
    assert np.argwhere(result).tolist() == [[1, 7, 9]]


def test_a_brush_off_the_edge_is_cut_and_off_the_slice_is_nothing(
    mask: np.ndarray,
) -> None:
    result = drawn(mask, brush(mask, 0, [(-2.0, 0.0)], 4.0, (1.0, 1.0), 1))
    assert result[0, :3, 0].tolist() == [1, 1, 1]
    assert not result[1:].any()
    for points in ([(-50.0, 0.0)], [(200.0, 200.0)], []):
        assert brush(mask, 0, points, 4.0, (1.0, 1.0), 1) is None


def test_brush_and_eraser_spare_other_classes(mask: np.ndarray) -> None:
    mask[1, 30:50, 30:50] = 1
    mask[1, 30:50, 40:50] = 2
    where = {"points": [(40.0, 40.0)], "radius_mm": 6.0, "spacing_yx": (1.0, 1.0)}
    over = drawn(mask, brush(mask, 1, value=2, only=1, **where))
    assert (over[1, 40, 34:40] == 2).all()
    assert (over == 0).sum() == (mask == 0).sum()
    rubbed = drawn(mask, eraser(mask, 1, only=2, **where))
    assert (rubbed == 1).sum() == (mask == 1).sum()
    assert (rubbed == 2).sum() < (mask == 2).sum()
    clean = drawn(mask, eraser(mask, 1, **where))
    assert not clean[1, 40, 35:46].any()
    assert eraser(mask, 0, **where) is None  # nothing there to erase


def test_fill_keeps_to_its_patch_and_slice(mask: np.ndarray) -> None:
    mask[1, 10:20, 10:20] = 1
    mask[1, 20:30, 20:30] = 1  # touches at a corner only
    mask[2, 10:20, 10:20] = 1
    result = drawn(mask, fill(mask, 1, (12.3, 12.0), 2))
    assert (result[1, 10:20, 10:20] == 2).all()
    assert (result[1, 20:30, 20:30] == 1).all()
    np.testing.assert_array_equal(result[2], mask[2])
    outside = drawn(mask, fill(mask, 1, (0.0, 0.0), 2))
    assert (outside[1] == 2).sum() == 80 * 90 - 200
    assert fill(mask, 1, (12, 12), 1) is None
    assert fill(mask, 1, (-1, 12), 2) is None
    assert fill(mask, 1, (12, 90), 2) is None


def test_a_polygon_has_its_area(mask: np.ndarray) -> None:
    corners = [(10.0, 10.0), (10.0, 50.0), (60.0, 50.0)]
    result = drawn(mask, polygon(mask, 2, corners, 1))
    # Pick: area 1000, and 100 of the pixel centres lie on the outline itself.
    assert result[2].sum() == 1000 + 100 / 2 + 1
    assert not result[:2].any()
    assert result[2, 12, 45] == 1
    assert result[2, 50, 15] == 0
    assert polygon(mask, 2, corners[:2], 1) is None
    result[2, 12, 45] = 2
    spared = drawn(result, polygon(result, 2, corners, 1, only=0))
    assert spared[2, 12, 45] == 2


def test_the_mask_itself_is_not_changed(mask: np.ndarray) -> None:
    brush(mask, 0, [(9.0, 9.0)], 4.0, (1.0, 1.0), 1)
    fill(mask, 0, (9.0, 9.0), 1)
    polygon(mask, 0, [(0, 0), (9, 0), (9, 9)], 1)
    assert not mask.any()


def test_what_cannot_be_drawn_is_said(mask: np.ndarray) -> None:
    with pytest.raises(InputError, match="radius above 0"):
        brush(mask, 0, [(9.0, 9.0)], 0.0, (1.0, 1.0), 1)
    with pytest.raises(InputError, match="slices 1 to 3, not 4"):
        brush(mask, 3, [(9.0, 9.0)], 2.0, (1.0, 1.0), 1)


def test_a_drawing_goes_into_a_session(session: ReviewSession) -> None:
    drawing = brush(session.mask, 2, [(9.0, 9.0)], 2.0, (0.7, 0.8), 1)
    assert drawing is not None
    assert session.apply("brush", drawing.slices, drawing.after)
    assert session.mask[2].sum() == drawing.after.sum() > 0
    session.undo()
    assert not session.mask.any()
