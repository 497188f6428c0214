from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.learning.metrics import mask_metrics, miou


def box(shape, *slices, value=1):
    mask = np.zeros(shape, np.uint8)
    mask[tuple(slice(*s) for s in slices)] = value
    return mask


def one(prediction, truth, spacing=(1, 1, 1)):
    return mask_metrics(prediction, truth, spacing, [1]).classes[1]


def test_half_overlapping_boxes_by_hand():
    truth = box((4, 4, 8), (0, 4), (0, 4), (0, 4))
    found = box((4, 4, 8), (0, 4), (0, 4), (2, 6))
    m = one(found, truth)
    assert m.dsc == 0.5
    assert m.iou == pytest.approx(1 / 3)
    assert m.voe == pytest.approx(2 / 3)
    assert m.rvd == 0
    assert (m.precision, m.recall) == (0.5, 0.5)
    assert one(truth, truth).rmsd_mm == 0


def test_volume_and_direction():
    truth = box((1, 4, 4), (0, 1), (0, 4), (0, 4))
    found = box((1, 4, 4), (0, 1), (0, 4), (0, 2))
    m = one(found, truth)
    assert m.rvd == -50
    assert (m.precision, m.recall) == (1, 0.5)
    back = one(truth, found)
    assert back.rvd == 100
    assert (back.precision, back.recall) == (0.5, 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_two_planes_are_their_distance_in_mm_apart(axis):
    spacing = (5.0, 2.0, 0.5)
    truth, found = np.zeros((2, 9, 9, 9), np.uint8)
    at = [slice(None)] * 3
    at[axis] = slice(2, 3)
    truth[tuple(at)] = 1
    at[axis] = slice(6, 7)
    found[tuple(at)] = 1
    m = one(found, truth, spacing)
    assert m.asd_mm == pytest.approx(4 * spacing[axis])
    assert m.rmsd_mm == pytest.approx(4 * spacing[axis])


def test_asd_and_rmsd_by_hand():
    # Two voxels against one: distances 0 and 3 mm one way, 0 the other.
    truth, found = np.zeros((2, 1, 1, 5), np.uint8)
    truth[0, 0, 0] = 1
    found[0, 0, [0, 3]] = 1
    m = one(found, truth)
    assert m.asd_mm == pytest.approx(3 / 3)
    assert m.rmsd_mm == pytest.approx(np.sqrt(9 / 3))


def test_spheres_of_two_radii_are_their_difference_apart():
    z, y, x = np.mgrid[:30, :60, :60]
    r = np.sqrt((2 * (z - 15)) ** 2 + (y - 30) ** 2 + (x - 30) ** 2)
    big, small = (r < 24).astype(np.uint8), (r < 20).astype(np.uint8)
    m = one(big, small, (2, 1, 1))
    assert m.asd_mm == pytest.approx(4, abs=0.4)
    assert m.rmsd_mm == pytest.approx(4, abs=0.4)
    assert m.dsc == pytest.approx(2 * 20**3 / (20**3 + 24**3), abs=0.01)
    assert m.rvd == pytest.approx(100 * (24**3 / 20**3 - 1), rel=0.02)
    assert m.recall == 1


def test_the_edge_of_the_array_is_a_surface():
    truth = np.ones((3, 3, 3), np.uint8)
    inner = box((3, 3, 3), (1, 2), (1, 2), (1, 2))
    m = one(inner, truth)
    by_hand = (6 * 1 + 12 * np.sqrt(2) + 8 * np.sqrt(3) + 1) / 27
    assert m.asd_mm == pytest.approx(by_hand)


def test_empty_masks_are_undefined_not_perfect():
    empty, full = np.zeros((2, 3, 3), np.uint8), np.ones((2, 3, 3), np.uint8)
    assert set(one(empty, empty).to_dict().values()) == {None}
    nothing_found = one(empty, full).to_dict()
    assert nothing_found == {
        "dsc": 0,
        "voe": 1,
        "rvd": -100,
        "asd_mm": None,
        "rmsd_mm": None,
        "hd_mm": None,
        "hd95_mm": None,
        "nsd": 0,
        "precision": None,
        "recall": 0,
        "iou": 0,
    }
    nothing_true = one(full, empty).to_dict()
    assert nothing_true["rvd"] is None
    assert nothing_true["recall"] is None
    assert (nothing_true["dsc"], nothing_true["precision"]) == (0, 0)
    assert (nothing_true["hd_mm"], nothing_true["nsd"]) == (None, 0)


@pytest.mark.parametrize("side", [0, 1])
def test_ignored_voxels_take_no_part(side):
    masks = [box((1, 4, 4), (0, 1), (0, 2), (0, 4)) for _ in range(2)]
    masks[0][0, 2] = 1  # a row too many, which is ignored below
    masks[side][0, 2] = 255
    agreement = mask_metrics(*masks, (1, 1, 1), [1])
    assert agreement.classes[1].dsc == 1
    assert agreement.miou == 1


def test_several_classes_and_their_mean():
    truth = np.array([[[0, 0, 1, 1, 2, 2]]], np.uint8)
    found = np.array([[[0, 1, 1, 1, 2, 0]]], np.uint8)
    agreement = mask_metrics(found, truth, (1, 1, 1), [1, 2, 3])
    assert agreement.classes[1].iou == pytest.approx(2 / 3)
    assert agreement.classes[2].iou == pytest.approx(1 / 2)
    assert agreement.classes[3].iou is None
    assert agreement.miou == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert miou(found[0], truth[0], [1, 2]) == agreement.miou


def test_what_does_not_fit_gets_a_sentence():
    a, b = np.zeros((2, 3, 4), np.uint8), np.zeros((2, 4, 3), np.uint8)
    with pytest.raises(GeometryError, match="same grid"):
        one(a, b)
    with pytest.raises(GeometryError, match="spacings"):
        one(a, a, (1, 1))
    with pytest.raises(GeometryError, match="spacings"):
        one(a, a, (1, 0, 1))
    with pytest.raises(GeometryError, match="spacings"):
        one(a, a, np.eye(3)[:2])
    with pytest.raises(GeometryError, match="parallel"):
        one(a, a, ((1, 0, 0), (0, 1, 0), (1, 1, 0)))
    with pytest.raises(InputError, match="0 to 255; found 300 to 300"):
        one(a, np.full(a.shape, 300))
    full = np.ones(a.shape)  # whole numbers, of whatever type
    assert one(full, full).dsc == 1
    with pytest.raises(InputError, match="found fractions"):
        one(0.4 * full, full)


def test_hausdorff_percentile_and_tolerance_by_hand():
    # Eight voxels of ten are found; two lie 3 and 4 mm beyond.
    truth, found = np.zeros((2, 1, 1, 40), np.uint8)
    truth[0, 0, 0:16:2] = 1
    found[0, 0, 0:16:2] = 1
    found[0, 0, [17, 18]] = 1
    agreement = mask_metrics(found, truth, (1, 1, 1), [1], tolerance_mm=3)
    m = agreement.classes[1]
    assert m.hd_mm == 4
    assert m.hd95_mm == pytest.approx(np.percentile([0] * 8 + [3, 4], 95))
    assert m.nsd == pytest.approx(17 / 18)
    assert one(found, truth).nsd == pytest.approx(16 / 18)
    assert agreement.accuracy == pytest.approx(38 / 40)


TILTED = ((4.4, 1.9, 0.2), (0, 0.8, 0.1), (0.3, 0, 0.7))
"""Steps in mm from slice to slice, row to row and column to column."""


@pytest.mark.parametrize("spacing", [(1, 1, 1), (5, 0.7, 0.9), (0.3, 4, 1), TILTED])
@pytest.mark.parametrize("share", [0.002, 0.2, 0.9])
def test_distances_are_those_of_every_pair(spacing, share):
    """Sparse, dense, far and near: all ways of searching give the smallest distance."""
    from medlab_gui.imaging.masks import surface
    from medlab_gui.learning.surfaces import surface_distances

    rng = np.random.default_rng(2)
    s, t = rng.random((2, 9, 22, 24)) < share
    t[:, :, 12:] = False  # so that some have far to go
    s[0, 0, 23] = t[8, 21, 0] = True
    found = surface_distances(s, t, spacing)
    steps = np.array(spacing) if spacing is TILTED else np.diag(spacing)
    points = [np.argwhere(surface(m)) @ steps for m in (s, t)]
    every = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    assert np.sort(found.from_s) == pytest.approx(np.sort(every.min(axis=1)))
    assert np.sort(found.from_t) == pytest.approx(np.sort(every.min(axis=0)))


def test_masks_of_any_layout_give_the_same_figures():
    rng = np.random.default_rng(4)
    s, t = rng.random((2, 6, 10, 8)) < 0.5
    first = one(s.astype(np.uint8), t.astype(np.uint8), (3, 2, 1))
    other = one(
        np.asfortranarray(s.astype(np.int32)).transpose(2, 1, 0),
        t.transpose(2, 1, 0).astype(np.float32),
        (1, 2, 3),
    )
    assert first.to_dict() == pytest.approx(other.to_dict())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_slice_is_a_picture(axis):
    """Its two faces are no surface, or every voxel of it would be one."""
    y, x = np.mgrid[:40, :50]
    discs = [(y - 20) ** 2 + (x - c) ** 2 < 15**2 for c in (22, 26)]
    flat = [m.astype(np.uint8) for m in discs]
    expected = one(*flat, (0.5, 0.8)).to_dict()
    spacing = [0.5, 0.8]
    spacing.insert(axis, 5.0)
    found = one(*(np.expand_dims(m, axis) for m in flat), spacing).to_dict()
    assert found == expected
    assert found["asd_mm"] > 1, "the discs are 3.2 mm apart"
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    steps = np.diag(spacing) @ turn
    steps[axis] += 2.0  # where the next slice would be changes nothing in this one
    turned = one(*(np.expand_dims(m, axis) for m in flat), steps).to_dict()
    assert turned == pytest.approx(expected)
