from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlab_gui.store import edits
from medlab_gui.store.edits import in_parts, pack, tighten, unpack

BOX = (slice(10, 14), slice(20, 30), slice(0, 8))


def test_the_box_is_as_small_as_the_change() -> None:
    before = np.zeros((4, 10, 8), np.uint8)
    after = before.copy()
    after[1, 3, 7] = 1
    after[3, 5, 2] = 2
    edit = tighten(BOX, before, after)
    assert edit is not None
    assert edit.box == (slice(11, 14), slice(23, 26), slice(2, 8))
    assert edit.slices == (11, 13)
    np.testing.assert_array_equal(edit.after, after[1:4, 3:6, 2:8])
    np.testing.assert_array_equal(edit.before, before[1:4, 3:6, 2:8])


def test_no_change_is_no_edit() -> None:
    same = np.ones((4, 10, 8), np.uint8)
    assert tighten(BOX, same, same.copy()) is None
    with pytest.raises(ValueError, match="holds arrays"):
        tighten(BOX, same, same[1:])


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30)),
    coarse=st.integers(1, 40),
)
def test_what_is_packed_comes_out(
    seed: int, size: tuple[int, int, int], coarse: int
) -> None:
    rng = np.random.default_rng(seed)
    n = int(np.prod(size))
    voxels = np.repeat(rng.integers(0, 256, n), coarse)[:n].astype(np.uint8)
    voxels = voxels.reshape(size)
    found = unpack(pack(voxels), size)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, voxels)
    turned = voxels.transpose(2, 1, 0)  # not in C order
    np.testing.assert_array_equal(unpack(pack(turned), turned.shape), turned)


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    coarse=st.integers(1, 40),
    part=st.integers(1, 90),
)
def test_large_ones_go_part_by_part_to_the_same(
    seed: int, size: tuple[int, int, int], coarse: int, part: int
) -> None:
    rng = np.random.default_rng(seed)
    n = int(np.prod(size))
    before = np.repeat(rng.integers(0, 3, n), coarse)[:n].astype(np.uint8)
    before = before.reshape(size)
    after = np.where(rng.random(size) < 2 / n, before + np.uint8(1), before)
    box = (slice(0, size[0]), slice(5, 5 + size[1]), slice(0, size[2]))
    whole, packed = tighten(box, before, after), pack(before)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edits, "_PART_VOXELS", part)
        assert sum(s.stop - s.start for s in in_parts(size)) == size[0]
        found = tighten(box, before, after)
        assert pack(before) == packed
        np.testing.assert_array_equal(unpack(packed, size), before)
    if whole is None:
        assert found is None
        assert np.array_equal(before, after)
    else:
        assert found is not None
        assert (found.box, found.slices) == (whole.box, whole.slices)
        np.testing.assert_array_equal(found.before, whole.before)
        np.testing.assert_array_equal(found.after, whole.after)
        where = np.argwhere(before != after) + np.array([0, 5, 0])
        assert found.box == tuple(
            slice(low, high + 1)
            for low, high in zip(where.min(0), where.max(0), strict=True)
        )


def test_patches_are_small_and_noise_is_not_larger() -> None:
    patch = np.zeros((10, 300, 300), np.uint8)
    patch[2:8, 50:250, 40:260] = 1
    assert len(pack(patch)) < patch.size / 200
    noise = np.random.default_rng(0).integers(0, 256, 100_000).astype(np.uint8)
    assert len(pack(noise)) < 1.01 * noise.size


@pytest.mark.parametrize("cut", [1, 5])
def test_damage_is_not_taken_for_voxels(cut: int) -> None:
    packed = pack(np.eye(40, dtype=np.uint8)[np.newaxis])
    with pytest.raises((ValueError, zlib.error)):
        unpack(packed[:-cut], (1, 40, 40))
    raw = zlib.decompress(packed[1:]) + b"\0" * cut
    with pytest.raises(ValueError, match="do not fill"):
        unpack(packed[:1] + zlib.compress(raw), (1, 40, 40))
    with pytest.raises(ValueError, match="do not fill"):
        unpack(packed, (1, 40, 41))
