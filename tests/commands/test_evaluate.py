from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pytest
from nibabel.affines import apply_affine

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
        *("dsc", "voe", "rvd", "asd_mm", "rmsd_mm", "hd_mm", "hd95_mm", "nsd"),
        *("precision", "recall", "iou"),
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


def figures_by_hand(found, truth, affine):
    """Distances between all surface voxels in mm, by nibabel's affine alone."""
    from scipy.ndimage import binary_erosion
    from scipy.spatial.distance import cdist

    points = [
        apply_affine(affine, np.argwhere(mask & ~binary_erosion(mask)))
        for mask in (found, truth)
    ]
    every = cdist(*points)
    ways = every.min(axis=1), every.min(axis=0)
    both = np.concatenate(ways)
    return {
        "asd_mm": both.mean(),
        "rmsd_mm": np.sqrt(np.square(both).mean()),
        "hd_mm": both.max(),
        "hd95_mm": max(np.percentile(way, 95) for way in ways),
        "nsd": (both <= 2).mean(),
    }


def sheared(tmp_path, found, truth, affine):
    """Write two masks (i, j, k) with nibabel on a grid whose slices lie aslant."""
    affine = affine @ np.array(
        [[1, 0.1, 0.4, 0], [0, 1, -0.3, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]
    )
    files = []
    for name, mask in (("found", found), ("truth", truth)):
        image = nibabel.Nifti1Image(mask.astype(np.uint8), affine)
        image.set_sform(affine, code=1)
        image.set_qform(None, code=0)
        files.append(str(tmp_path / f"{name}.nii.gz"))
        image.to_filename(files[-1])
    return files, affine


def test_distances_on_slanted_grids_are_true(tmp_path, shared):
    """A real spleen, moved and cut, on a grid whose axes are not at right angles."""
    file = shared / "data" / "totalseg" / "example_seg_fast" / "spleen.nii.gz"
    image = nibabel.load(file)
    truth = np.asarray(image.dataobj) == 1
    found = np.roll(truth, (2, -1, 1), axis=(0, 1, 2))
    found[:, :, : np.argwhere(found)[:, 2].min() + 5] = False
    files, affine = sheared(tmp_path, found, truth, image.affine)
    expected = figures_by_hand(found, truth, affine)
    told = run(EvaluateParams(*files), Context())
    ours = {key: told["classes"]["1"][key] for key in expected}
    assert ours == pytest.approx(expected, rel=1e-6)
    assert "right angles" not in EVALUATE.text(told)
    straight = figures_by_hand(found, truth, np.diag([*told["spacing_mm"][::-1], 1]))
    assert abs(straight["hd_mm"] - expected["hd_mm"]) > 0.5, "the slant matters"


def test_a_report_reckons_slanted_distances_as_two_files_do(tmp_path):
    truth, found = np.zeros((2, 20, 18, 9), bool)
    truth[4:12, 5:13, 2:7] = found[7:15, 4:12, 1:6] = True
    files, affine = sheared(tmp_path, found, truth, np.diag([0.8, -0.8, 3.0, 1.0]))
    expected = figures_by_hand(found, truth, affine)
    compared = EvaluateParams(
        compare=f"A={files[0]}", truth=files[1], output=str(tmp_path / "report")
    )
    told = run(compared, Context())
    with (tmp_path / "report" / "cases.csv").open(encoding="utf-8-sig") as table:
        (row,) = [r for r in csv.DictReader(table) if r["class"] != "all"]
    ours = {key: float(row[key]) for key in expected}
    assert ours == pytest.approx(expected, rel=1e-6)
    assert "right angles" not in EVALUATE.text(told)


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


def drawn(path, label, box):
    """Write a Labelme file with one rectangle on a picture of 8 x 6 pixels."""
    shape = {"label": label, "shape_type": "rectangle", "points": box}
    size = {"imageHeight": 6, "imageWidth": 8, "imagePath": "x.png"}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"shapes": [shape], **size}), encoding="utf-8")


def test_labelme_against_labelme_and_against_a_volume(tmp_path):
    for k, box in enumerate(([[0, 1], [3, 4]], [[0, 1], [3, 4]])):
        drawn(tmp_path / "truth" / f"{k}.json", "Liver", box)
        drawn(tmp_path / "found" / f"{k}.json", "liver", [[2, 1], [5, 4]])
    found, truth = str(tmp_path / "found"), str(tmp_path / "truth")
    with pytest.raises(InputError, match="'Liver', which is no class here"):
        run(EvaluateParams(found, truth), Context())
    maps = {"map_truth": "liver=1", "map_prediction": "LIVER=1"}
    told = run(EvaluateParams(found, truth, **maps), Context())
    assert told["spacing_mm"] is None
    assert told["classes"]["1"]["dsc"] == pytest.approx(0.5)
    assert "in pixels, not mm" in EVALUATE.text(told)
    volume = np.zeros((2, 6, 8), np.uint8)
    volume[:, 1:5, 2:6] = 1
    grid = Grid.from_spacing(volume.shape, (3.0, 2.0, 1.0))
    file = str(write_image(tmp_path / "v.nii", volume, grid))
    for pair in ((file, truth), (truth, file)):
        maps = {"map_truth": "liver=1" if pair[1] == truth else ""}
        maps["map_prediction"] = "liver=1" if pair[0] == truth else ""
        told = run(EvaluateParams(*pair, **maps), Context())
        assert told["spacing_mm"] == [3.0, 2.0, 1.0]
        assert told["classes"]["1"]["dsc"] == pytest.approx(0.5)


def test_black_and_white_masks_are_not_taken_for_empty(tmp_path):
    """255 does not count; where it is all that there is, somebody has to say so."""
    data = np.zeros(GRID.shape, np.uint8)
    data[1:3, 1:5, 0:4] = 255
    mask = str(write_image(tmp_path / "m.nii", data, GRID))
    with pytest.raises(InputError, match=r"black and white.*--map-truth 255=1"):
        run(EvaluateParams(mask, mask), Context())
    with pytest.raises(InputError, match="--map-prediction 255=1"):
        run(EvaluateParams(mask, mask, "255=1"), Context())
    told = run(EvaluateParams(mask, mask, "255=1", "255=1"), Context())
    assert told["classes"]["1"]["dsc"] == 1
    told = run(EvaluateParams(mask, mask, "255=255", "255=255"), Context())
    assert told["classes"] == {}
