"""Maps of labels, and pictures that are alike over wide areas too."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.imaging.label_maps import looks_like_labels

RNG = np.random.default_rng(0)
ROWS, COLUMNS = np.mgrid[:64, :64] - 32
RADIUS = np.broadcast_to(np.hypot(ROWS, COLUMNS), (4, 64, 64))


def noisy(level):
    return level + RNG.normal(0, 12, RADIUS.shape)


@pytest.mark.parametrize("outside", [0, 255])
def test_a_ct_that_was_cut_at_a_window_is_a_picture(outside):
    """In a lung's window the rest of the body is white: it was left out as a mask."""
    body = np.where(RADIUS < 14, noisy(90), 255)
    data = np.where(RADIUS < 29, body, outside).clip(0, 255).astype(np.uint8)
    assert not looks_like_labels(data)


def test_a_picture_on_white_is_a_picture():
    data = np.where(RADIUS < 16, noisy(120), 255).astype(np.uint8)
    assert not looks_like_labels(data)


def test_organs_and_a_mask_stored_with_loss_are_labels():
    organs = np.digitize(RADIUS, [8, 14, 20, 27])
    assert looks_like_labels((4 - organs).astype(np.int16))
    mask = np.where(RADIUS < 20, 255, 0)
    edge = np.abs(RADIUS - 20) < 0.5
    mask = np.where(edge, RNG.integers(0, 256, mask.shape), mask)
    assert looks_like_labels(mask.astype(np.uint8))
    assert looks_like_labels(RADIUS < 20)
