"""A real CT as single slices and the same as one multi-frame file, one frame."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.imaging.pairing import GridPair, reslice
from medlab_gui.store.project import ProjectStore


def test_two_series_of_one_frame_lie_on_each_other(tmp_path, shared):
    folder = shared / "data/dcmqi/data/segmentations/23x38x3"
    ctx = Context(str(tmp_path / "project"))
    uids = [
        import_(ImportParams(str(folder / part)), ctx)["series"][0]["uid"]
        for part in ("image", "multiframe")
    ]
    with ProjectStore.open(tmp_path / "project") as store:
        one, other = (store.series(uid) for uid in uids)
        single, multi = store.array(one.blob), store.array(other.blob)
    header = pydicom.dcmread(next((folder / "image").glob("*.dcm")))
    assert one.grid.frame_of_reference == header.FrameOfReferenceUID
    pair = GridPair(one.grid, other.grid)
    assert pair.shares_frame
    assert pair.is_parallel
    for k in range(one.n_slices):
        match = pair.match(k)
        assert match.off_mm == pytest.approx(0, abs=1e-3)
        np.testing.assert_array_equal(multi[match.index], single[k])
        np.testing.assert_allclose(reslice(multi, pair, k), single[k], atol=0.01)
