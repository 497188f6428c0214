from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.geometry import Grid
from medlab_gui.imaging.rendering import Rendering, ViewPoint, first_window, render
from medlab_gui.imaging.scene import make_scene, small_labels

SHAPE = (20, 24, 30)
WINDOW = (500.0, 1000.0)
SIZE = (121, 121)


def rod() -> tuple[np.ndarray, Grid]:
    """A bright voxel in front, at the right and near the head, on air."""
    data = np.zeros(SHAPE, np.int16)
    data[16, 2, 4] = 1000
    return data, Grid.from_spacing(SHAPE, (3.0, 2.0, 1.5), (5, 6, 7))


def brightest(picture: np.ndarray) -> np.ndarray:
    """The middle ``(x, y)`` of what is white, relative to that of the picture."""
    y, x = np.nonzero(picture[..., 0] > 200)
    assert len(x), "it is not to be seen"
    return np.array([x.mean(), y.mean()]) - (SIZE[0] - 1) / 2


@pytest.mark.parametrize(
    "view",
    [
        ViewPoint(),
        ViewPoint(90, 0),
        ViewPoint(180, 0),
        ViewPoint(0, 90),
        ViewPoint(35, -20, 1.5),
        ViewPoint(200, 60, 1.0, (10.0, -5.0)),
    ],
)
def test_a_voxel_is_seen_where_it_is(view):
    data, grid = rod()
    scene = make_scene(data, grid)
    picture = render(scene, view, SIZE, Rendering.MIP, WINDOW, step=0.4)
    right, down, _away = view.axes()
    off = grid.to_mm((16, 2, 4)) - scene.center
    px_per_mm = view.zoom * SIZE[0] / (2 * scene.radius)
    expected = (np.array([off @ right, off @ down]) + view.shift) * px_per_mm
    assert np.allclose(brightest(picture), expected, atol=1.1)


def test_the_first_view_is_from_the_front_with_the_head_up():
    right, down, away = ViewPoint().axes()
    assert np.allclose(right, [1, 0, 0]), "the patient's left on the viewer's right"
    assert np.allclose(down, [0, 0, -1])
    assert np.allclose(away, [0, 1, 0])
    for view in (ViewPoint(70, 40), ViewPoint(300, -80)):
        assert np.allclose(view.axes() @ view.axes().T, np.eye(3))
        assert np.linalg.det(view.axes()) == pytest.approx(1)


def test_from_the_front_a_mip_is_that_of_numpy():
    """With cubes for voxels and one ray for each of them."""
    data = np.random.default_rng(0).integers(0, 1000, (16, 16, 16)).astype(np.int16)
    scene = make_scene(data, Grid.from_spacing((16, 16, 16), (1, 1, 1)))
    assert scene.factors == (1, 1, 1)
    side = 2 * scene.radius
    n = 320
    picture = render(scene, ViewPoint(), (n, n), Rendering.MIP, WINDOW, step=0.25)
    at = np.round((np.arange(16) - 7.5) * n / side + n / 2 - 0.5).astype(int)
    found = picture[np.ix_(at[::-1], at)][..., 0].astype(float)
    expected = data.max(axis=1) * 0.255
    assert np.abs(found - expected).max() <= 1


def test_blocks_keep_the_brightest_voxel():
    data = np.zeros((1, 700, 500), np.int16)
    data[0, 333, 77] = 900
    scene = make_scene(data, Grid.from_spacing(data.shape, (1, 1, 1)))
    assert scene.factors == (1, 4, 4)
    assert scene.volume.max() == 900
    where = np.argwhere(scene.volume == 900)[0]
    assert tuple(where - 1) == (0, 83, 19)
    # the middle of the block is there in mm too
    block = scene.to_index @ [*[77.5, 333.5, 0.0], 1]
    assert np.allclose(block, where)


def test_nothing_but_nan_and_infinity_is_dark():
    data = np.full((4, 5, 6), np.nan, np.float32)
    grid = Grid.from_spacing((4, 5, 6), (1, 1, 1))
    for values in (data, np.full_like(data, np.inf)):
        picture = render(
            make_scene(values, grid), ViewPoint(), (30, 20), Rendering.MIP, WINDOW
        )
        assert picture.shape == (20, 30, 3)
        assert not picture.any()


@pytest.mark.parametrize("rendering", Rendering)
def test_the_mask_has_its_colour(rendering):
    data, grid = rod()
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:9, 10:15, 12:20] = 3
    colors = np.zeros((256, 3), np.uint8)
    colors[3] = (0, 200, 0)
    scene = make_scene(data, grid)
    small = small_labels(labels, scene)
    assert small.shape == scene.volume.shape
    args = (scene, ViewPoint(), SIZE, rendering, WINDOW)
    picture = render(*args, small, colors).astype(int)
    green = (picture[..., 1] > 40) & (picture[..., 0] < picture[..., 1] / 2)
    y, x = np.nonzero(green)
    off = grid.to_mm((6, 12, 15.5)) - scene.center
    px_per_mm = SIZE[0] / (2 * scene.radius)
    middle = np.array([x.mean(), y.mean()]) - (SIZE[0] - 1) / 2
    assert np.allclose(middle, [off[0] * px_per_mm, -off[2] * px_per_mm], atol=1.5)
    without = render(*args, None, None).astype(int)
    assert not ((without[..., 1] > 40) & (without[..., 0] == 0)).any()


def test_a_wall_hides_what_is_behind_it_in_a_volume_only():
    data = np.zeros((20, 20, 20), np.int16)
    data[:, 2:9] = 1000
    labels = np.zeros(data.shape, np.uint8)
    labels[8:12, 15, 8:12] = 1
    colors = np.zeros((256, 3), np.uint8)
    colors[1] = (0, 255, 0)
    scene = make_scene(data, Grid.from_spacing(data.shape, (1, 1, 1)))
    small = small_labels(labels, scene)

    def middle(view, rendering):
        picture = render(scene, view, (61, 61), rendering, WINDOW, small, colors)
        return picture[30, 30].astype(int)

    front, back = ViewPoint(), ViewPoint(180)
    hidden, seen = middle(front, Rendering.VOLUME), middle(back, Rendering.VOLUME)
    assert seen[1] > 2 * hidden[1] - hidden[0]
    assert seen[1] - seen[0] > 40
    assert hidden[1] <= hidden[0]
    mip = middle(front, Rendering.MIP)
    assert mip[1] > mip[0]


def test_inverted_values_are_dark_where_they_are_high():
    data, grid = rod()
    args = (make_scene(data, grid), ViewPoint(), SIZE, Rendering.MIP, WINDOW)
    plain, inverted = render(*args), render(*args, inverted=True)
    inside = inverted.any(axis=2)
    assert np.abs(plain[inside].astype(int) + inverted[inside] - 255).max() <= 1


def test_it_can_be_cancelled():
    data, grid = rod()

    class StopError(Exception):
        pass

    def stop():
        raise StopError

    with pytest.raises(StopError):
        make_scene(data, grid, stop)
    with pytest.raises(StopError):
        render(
            make_scene(data, grid),
            ViewPoint(),
            SIZE,
            Rendering.MIP,
            WINDOW,
            check=stop,
        )


def test_its_first_window_is_that_of_rays_not_of_slices():
    data = np.random.default_rng(0).normal(100, 10, (30, 40, 40))
    data[12:18, 15:25, 15:25] = 900  # seen in front of all else, from every side
    grid = Grid.from_spacing(data.shape, (1, 1, 1))
    level, width = first_window(make_scene(data, grid), "MR", Rendering.MIP)
    seen = data.max(axis=1)
    assert level - width / 2 == pytest.approx(np.percentile(seen, 5), abs=1)
    assert level + width / 2 == pytest.approx(900, abs=1)
    flat = make_scene(np.full(grid.shape, 7, np.int16), grid)
    assert first_window(flat, "MR", Rendering.MIP)[1] > 0


def body(bone: int) -> tuple[np.ndarray, Grid]:
    """Soft tissue in air; from the front bone is before a third of it."""
    data = np.full((60, 60, 60), -1000, np.int16)
    data[10:50, 10:50, 10:50] = 50
    data[20:35, 12:14, 10:50] = bone
    return data, Grid.from_spacing(data.shape, (1, 1, 1))


def test_a_ct_opens_in_the_window_of_its_bone():
    """A skull before all of a head was one white shape in a window of vessels."""
    scene = make_scene(*body(1500))
    level, width = first_window(scene, "CT", Rendering.MIP)
    assert (level - width / 2, level + width / 2) == (-100, 1500)
    assert first_window(scene, "CT", Rendering.VOLUME) == (200, 600)


@pytest.mark.parametrize(("bone", "white"), [(80, 500), (300, 500), (30_000, 2500)])
def test_neither_no_bone_nor_metal_decides(bone, white):
    """Without bone it is the window of vessels; metal does not make bone black."""
    level, width = first_window(make_scene(*body(bone)), "CT", Rendering.MIP)
    assert (level - width / 2, level + width / 2) == (-100, white)


def test_of_nothing_but_air_there_is_a_window_too():
    data = np.full((5, 6, 7), -1000, np.int16)
    scene = make_scene(data, Grid.from_spacing(data.shape, (1, 1, 1)))
    assert first_window(scene, "CT", Rendering.MIP) == (200, 600)


def test_a_mask_in_3d_is_white_on_black():
    grid = Grid.from_spacing((12, 20, 24), (3.0, 1.5, 1.25))
    mask = np.zeros(grid.shape, np.uint8)
    mask[4:8, 6:12, 6:12] = 3
    level, width = first_window(make_scene(mask, grid), "OT", Rendering.MIP)
    assert (level - width / 2, level + width / 2) == (0, 3)
