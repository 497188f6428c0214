from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.evaluate import EVALUATE, EvaluateParams, run
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.core.errors import CheckpointError, GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.io import write_image
from tests.projects import tiny_weights

GRID = Grid.from_spacing((4, 6, 8), (3.0, 2.0, 1.0))


@pytest.fixture
def boxes(tmp_path):
    """Two boxes of 2 x 4 x 4 voxels that share half; the first with other values."""
    truth, found = np.zeros((2, *GRID.shape), np.int16)
    truth[1:3, 1:5, 0:4] = 1005
    found[1:3, 1:5, 2:6] = 1
    return (
        write_image(tmp_path / "found.nii.gz", found, GRID),
        write_image(tmp_path / "truth.nrrd", truth, GRID),
    )


def test_known_figures(boxes):
    found, truth = boxes
    told = run(EvaluateParams(str(found), str(truth), map_truth="1005=1"), Context())
    (figures,) = told["classes"].values()
    assert set(figures) == {
        *("dsc", "voe", "rvd", "asd_mm", "rmsd_mm", "precision", "recall", "iou")
    }
    assert figures["dsc"] == pytest.approx(0.5)
    assert figures["iou"] == pytest.approx(1 / 3)
    assert figures["rvd"] == pytest.approx(0.0)
    assert 0 < figures["asd_mm"] < figures["rmsd_mm"] <= 2.0
    assert told["spacing_mm"] == [3.0, 2.0, 1.0]
    assert "0.5000" in EVALUATE.text(told)


def test_axes_in_another_order_do_not_matter(boxes, tmp_path):
    found, truth = boxes
    data = np.zeros(GRID.shape, np.uint8)
    data[1:3, 1:5, 0:4] = 1
    affine = np.array(GRID.affine)[:, [2, 0, 1, 3]]
    other = Grid((8, 4, 6), affine)
    turned = write_image(tmp_path / "t.nii", data.transpose(2, 0, 1), other)
    first = run(EvaluateParams(str(found), str(truth), "1005=1"), Context())
    second = run(EvaluateParams(str(found), str(turned)), Context())
    assert first["classes"] == second["classes"]


def test_empty_masks_have_no_figures(tmp_path):
    empty = write_image(tmp_path / "e.nii", np.zeros(GRID.shape, np.uint8), GRID)
    told = run(EvaluateParams(str(empty), str(empty)), Context())
    assert told["classes"] == {}
    assert "Neither mask" in EVALUATE.text(told)
    some = np.zeros(GRID.shape, np.uint8)
    some[1, 1, 1] = 1
    full = write_image(tmp_path / "f.nii", some, GRID)
    told = run(EvaluateParams(str(empty), str(full)), Context())
    assert told["classes"]["1"]["asd_mm"] is None
    assert told["classes"]["1"]["dsc"] == 0
    assert " - " in EVALUATE.text(told)


def test_masks_that_cannot_be_compared(boxes, tmp_path):
    found, truth = boxes
    with pytest.raises(InputError, match="both files"):
        run(EvaluateParams(str(found)), Context())
    with pytest.raises(InputError, match=r"0 to 1005.*--map-truth"):
        run(EvaluateParams(str(found), str(truth)), Context())
    shifted = Grid.from_spacing(GRID.shape, GRID.spacing, (0.0, 0.0, 1.0))
    moved = write_image(tmp_path / "m.nii", np.zeros(GRID.shape, np.uint8), shifted)
    with pytest.raises(GeometryError, match=r"same grid.*m\.nii"):
        run(EvaluateParams(str(found), str(moved)), Context())
    scan = write_image(tmp_path / "s.nii", np.full(GRID.shape, 0.5, np.float32), GRID)
    with pytest.raises(InputError, match="not a mask"):
        run(EvaluateParams(str(found), str(scan)), Context())
    with pytest.raises(InputError, match="gone"):
        run(EvaluateParams(str(found), str(tmp_path / "gone.nii")), Context())


def test_weights_are_judged_on_the_locked_slices(small_project):
    told = run(EvaluateParams(), small_project.ctx)
    with small_project.ctx.store() as store:
        assert told["checkpoint"] == store.current_checkpoint().id
    assert told["locked"]["n_slices"] == 3
    assert [s["slice_index"] for s in told["locked"]["per_slice"]] == [13, 14, 15]
    assert "3 locked slices" in EVALUATE.text(told)


def test_weights_that_cannot_be_judged(small_project, tmp_path):
    other = tiny_weights(tmp_path / "lungs.safetensors", ("Lung", "Heart"))
    with pytest.raises(CheckpointError, match="other classes"):
        run(EvaluateParams(checkpoint=str(other)), small_project.ctx)
    ctx = Context(str(tmp_path / "fresh"))
    import_(ImportParams(str(small_project.image)), ctx)
    with pytest.raises(InputError, match="no locked"):
        run(EvaluateParams(), ctx)
