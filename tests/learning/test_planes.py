from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Resize
from medlab_gui.learning import planes as module
from medlab_gui.learning.planes import Planes, PlaneSums


@pytest.fixture
def plain(meta):
    return replace(meta, pipeline=PipelineSpec(), inplane_mm=None)


def listed(planes, wanted, n=2):
    batches = list(planes.batches(wanted, lambda shape: n))
    assert all(len(batch) == n for batch in batches[:-1])
    return {k: image for batch in batches for k, image in batch}


def test_planes_across_each_axis_are_the_scans_own_voxels(plain):
    data = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32)
    for axis in (0, 1, 2):
        planes = Planes(data, (1, 1, 1), axis, PipelineSpec(), plain)
        found = listed(planes, planes.indices)
        assert list(found) == list(range(data.shape[axis]))
        for k, image in found.items():
            expected = data.take(k, axis=axis)
            assert planes.shape == expected.shape
            np.testing.assert_array_equal(image, expected[None])


def test_thick_slices_are_not_shown_squeezed(plain):
    data = np.zeros((10, 40, 50), np.float32)
    coronal = Planes(data, (4.0, 1.0, 1.0), 1, PipelineSpec(), plain)
    (image,) = listed(coronal, [3]).values()
    assert image.shape == (1, 40, 50), "10 slices of 4 mm are 40 pixels of 1 mm"
    coarse = Planes(
        data, (4.0, 1.0, 1.0), 2, PipelineSpec(), replace(plain, inplane_mm=2.0)
    )
    (image,) = listed(coarse, [3]).values()
    assert image.shape == (1, 20, 20)
    axial = Planes(data, (4.0, 1.0, 2.0), 0, PipelineSpec(), plain)
    assert listed(axial, [3])[3].shape == (1, 40, 50), "axial ones keep their pixels"


def test_neighbours_are_channels_and_the_ends_are_repeated(plain):
    data = np.arange(9, dtype=np.float32)[:, None, None].repeat(4, 1).repeat(4, 2)
    five = replace(plain, network=NetworkSpec("unet", 5, 3, {"width": 1 / 16}))
    planes = Planes(data, (1, 1, 1), 0, PipelineSpec(), five)
    found = listed(planes, [0, 4, 8, 7, 1], n=3)
    shown = {k: image[:, 0, 0].tolist() for k, image in found.items()}
    assert shown == {
        0: [0, 0, 0, 1, 2],
        4: [2, 3, 4, 5, 6],
        8: [6, 7, 8, 8, 8],
        7: [5, 6, 7, 8, 8],
        1: [0, 0, 1, 2, 3],
    }
    even = replace(plain, network=NetworkSpec("unet", 2, 3, {"width": 1 / 16}))
    with pytest.raises(SpecError, match="2 channels"):
        Planes(data, (1, 1, 1), 0, PipelineSpec(), even)


@pytest.mark.parametrize("limit", [10**9, 0])
def test_the_mean_of_three_axes_by_hand(monkeypatch, limit):
    monkeypatch.setattr(module, "_IN_MEMORY", limit)
    rng = np.random.default_rng(1)
    votes = rng.dirichlet([1, 1, 1], (3, 4, 5, 6)).transpose(0, 4, 1, 2, 3)
    votes = votes.astype(np.float32)  # (axis, C, Z, Y, X)
    with PlaneSums(3, (4, 5, 6)) as sums:
        np.testing.assert_array_equal(
            sums.mean(2, torch.from_numpy(votes[0, :, 2])), votes[0, :, 2]
        )
        for y in range(5):
            sums.add(1, y, torch.from_numpy(votes[1, :, :, y]))
        for x in range(6):
            sums.add(2, x, torch.from_numpy(votes[2, :, :, :, x]))
        assert isinstance(sums._sums, np.memmap) == (limit == 0)
        for k in range(4):
            found = sums.mean(k, torch.from_numpy(votes[0, :, k]))
            np.testing.assert_allclose(found, votes[:, :, k].mean(axis=0), atol=1e-3)


def test_slices_of_a_number_of_pixels(plain):
    resized = replace(plain, resize=Resize(32))
    data = np.random.default_rng(0).random((10, 40, 50)).astype(np.float32)
    spacing = (4.0, 1.0, 1.0)
    axial = Planes(data, spacing, 0, PipelineSpec(), resized)
    assert listed(axial, [3])[3].shape == (1, 32, 32)
    assert axial.shape == (40, 50)
    # Across, as large as the axial ones become: sqrt(40 / 32 * 50 / 32) mm a pixel.
    coronal = Planes(data, spacing, 1, PipelineSpec(), resized)
    assert listed(coronal, [3])[3].shape == (1, 29, 36)
