from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.export import EXPORT, ExportParams, run
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.commands.predict import PredictParams
from medlab_gui.commands.predict import run as predict
from medlab_gui.core.errors import InputError, ProjectMissingError
from medlab_gui.io import read_mask, read_one, write_image
from tests.synthetic import oblique_grid, phantom_values, plain_grid, write_series


def test_the_mask_has_the_labelled_slices(small_project, tmp_path):
    out = tmp_path / "m.mha"
    told = run(ExportParams(small_project.series_uid, str(out)), small_project.ctx)
    mask, grid = read_mask(out)
    truth, truth_grid = read_mask(small_project.mask)
    assert grid.same_as(truth_grid)
    assert np.array_equal(mask[5:16], truth[5:16])
    assert not mask[:5].any()
    assert told["verified"]
    assert EXPORT.text(told) == (
        f"The mask was written to {told['output']} and read back: it is the same voxel "
        "by voxel. For research; not a medical device."
    )


def test_the_scan_comes_out_as_it_went_in(tmp_path):
    grid = oblique_grid()
    scan = write_image(tmp_path / "scan.nii", phantom_values(grid), grid)
    ctx = Context(str(tmp_path / "project"))
    uid = import_(ImportParams(str(scan)), ctx)["series"][0]["uid"]
    run(ExportParams(uid, str(tmp_path / "out.nrrd"), "image"), ctx)
    _, after = read_one(tmp_path / "out.nrrd")
    assert after.grid.same_as(grid, 0.01)
    assert np.array_equal(after.data, phantom_values(grid))


def test_prediction_and_entropy(small_project, tmp_path):
    uid, ctx = small_project.series_uid, small_project.ctx
    with pytest.raises(InputError, match="no prediction"):
        run(ExportParams(uid, str(tmp_path / "p.nii"), "prediction"), ctx)
    predict(PredictParams(uid), ctx)
    run(ExportParams(uid, str(tmp_path / "p.nii"), "prediction"), ctx)
    run(ExportParams(uid, str(tmp_path / "e.nii"), "entropy"), ctx)
    with ctx.store() as store:
        stored = store.latest_prediction(uid)
        labels = store.array(stored.labels_blob)
        assert np.array_equal(read_mask(tmp_path / "p.nii")[0], labels)
        _, entropy = read_one(tmp_path / "e.nii")
        assert np.allclose(entropy.data, store.array(stored.entropy_blob))


def test_what_cannot_be_exported(small_project, tmp_path):
    uid, ctx = small_project.series_uid, small_project.ctx
    for params, said in (
        (ExportParams("1.2.3", str(tmp_path / "m.nii")), r"no series '1\.2\.3'"),
        (ExportParams(uid, str(tmp_path / "m.png")), "must end in"),
        (ExportParams(uid, str(tmp_path / "gone" / "m.nii")), "does not exist"),
    ):
        with pytest.raises(InputError, match=said):
            run(params, ctx)
    with pytest.raises(ProjectMissingError):
        run(ExportParams(uid, str(tmp_path / "m.nii")), Context(str(tmp_path / "no")))
    assert not (tmp_path / "m.nii").exists()


def test_a_mask_that_nobody_drew(small_project, tmp_path):
    ctx = Context(str(tmp_path / "fresh"))
    uid = import_(ImportParams(str(small_project.image)), ctx)["series"][0]["uid"]
    with pytest.raises(InputError, match=r"no mask.*--what prediction"):
        run(ExportParams(uid, str(tmp_path / "m.nii")), ctx)


def test_a_file_from_an_unsafe_scan_says_so(tmp_path):
    grid = plain_grid()
    write_series(tmp_path / "scan", grid, slices=[0, 1, 2, 4, 5])
    ctx = Context(str(tmp_path / "project"))
    uid = import_(ImportParams(str(tmp_path / "scan")), ctx)["series"][0]["uid"]
    told = run(ExportParams(uid, str(tmp_path / "out.nii"), "image"), ctx)
    assert "unsafe for measurement (missing-slices)" in EXPORT.text(told)
