"""The whole loop through the command line, on the demo study and on a real abdomen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from medlab_gui.cli.main import main
from medlab_gui.core.resources import resource

pytestmark = pytest.mark.slow


@pytest.fixture
def medlab(capsys):
    """Run a verb with ``--json`` and return its object; fail on any other exit code."""

    def run(*argv: str, code: int = 0):
        capsys.readouterr()
        got, _result = main([*argv, "--json"])
        said = capsys.readouterr()
        assert got == code, said.err
        return json.loads(said.out)

    return run


def test_the_walk_reports_every_step(medlab, tmp_path):
    walk = medlab("demo", "--headless", "--folder", str(tmp_path / "demo"))
    names = [s["step"].split(" ")[0] for s in walk["steps"]]
    for name in ["import", "preprocess", "predict", "correct", "save", "score"]:
        assert name in names
    for name in ["queue", "fine-tune", "compare", "rank"]:
        assert name in names
    assert names[-1] == "score"
    assert all(s["seconds"] >= 0 for s in walk["steps"])

    before, after = walk["mean_dice_before"], walk["mean_dice_after"]
    assert before > 0.5, "the starter finds liver and spleen in a patient it never saw"
    if walk["adopted"]:
        assert after >= before
    else:
        assert after == before
    assert walk["voxels_corrected"] > 0

    listed = medlab("list", "--project", str(tmp_path / "demo"))
    assert [s["n_slices"] for s in listed["series"]] == [20, 112] or [
        s["n_slices"] for s in listed["series"]
    ] == [112, 20]
    assert sum(c["in_use"] for c in listed["checkpoints"]) == 1
    assert [r["state"] for r in listed["runs"]] == ["done"]
    assert sum(s["locked"] for s in listed["series"]) == 9


def test_a_demo_that_is_there_is_kept(medlab, tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "letter.txt").write_text("private", encoding="utf-8")
    refused = medlab("demo", "--folder", str(folder), code=2)
    assert "name an empty folder" in refused["error"]["message"]
    assert (folder / "letter.txt").read_text(encoding="utf-8") == "private"


def test_predict_and_evaluate_without_a_project(medlab, tmp_path):
    scan = str(resource("demo", "liver_ct_dicom"))
    truth = str(resource("demo", "liver_ct_dicom_organs.nii.gz"))
    mask, doubt = tmp_path / "mask.nii.gz", tmp_path / "doubt.nii.gz"
    told = medlab("predict", scan, "--output", str(mask), "--entropy", str(doubt))
    assert told["seconds_per_slice"] > 0
    assert told["device"] in ("cpu", "cuda")
    assert told["n_slices"] == 20

    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    names = sorted(resource("demo", "liver_ct_dicom").iterdir())
    by_position = sorted(
        names, key=lambda f: float(sitk.ReadImage(str(f)).GetOrigin()[2])
    )
    reader.SetFileNames([str(f) for f in by_position])
    picture = reader.Execute()
    written = sitk.ReadImage(str(mask))
    assert written.GetSize() == picture.GetSize()
    for corner in [(0, 0, 0), (511, 0, 3), (100, 511, 19)]:
        expected = picture.TransformIndexToPhysicalPoint(corner)
        index = written.TransformPhysicalPointToIndex(expected)
        back = written.TransformIndexToPhysicalPoint(index)
        assert np.allclose(back, expected, atol=1e-3)
    entropy = sitk.GetArrayFromImage(sitk.ReadImage(str(doubt)))
    assert entropy.min() >= 0
    assert 0.1 < entropy.max() <= 1

    scores = medlab(
        "evaluate", "--prediction", str(mask), "--truth", truth,
        "--map-truth", "5=1,1=2",
    )  # fmt: skip
    liver = scores["classes"]["1"]
    assert liver["dsc"] > 0.6
    assert set(liver) == {
        "dsc", "voe", "rvd", "asd_mm", "rmsd_mm", "hd_mm", "hd95_mm", "nsd",
        "precision", "recall", "iou",
    }  # fmt: skip


def test_a_real_abdomen_from_open_to_export(medlab, tmp_path, shared):
    project = str(tmp_path / "p")
    scan = shared / "data" / "abdomen-ct-17"
    told = medlab("inspect", str(scan))
    (series,) = told["series"]
    assert series["shape"] == [119, 512, 512]
    assert np.allclose(series["spacing_mm"], [1.6, 0.743, 0.743], atol=1e-3)
    assert series["units"] == "HU"

    (taken,) = medlab("import", str(scan), "--project", project)["series"]
    again = medlab("import", str(scan), "--project", project)
    assert again["series"][0]["already_there"]
    uid = taken["uid"]
    found = medlab("predict", uid, "--project", project)
    assert found["prediction"]
    liver = next(c for c in found["classes"] if c["name"] == "Liver")
    assert liver["volume_ml"] > 300, "a liver is there"
    queue = medlab("score", "--series", uid, "--project", project)
    first = queue["items"][0]
    accepted = medlab(
        "accept", uid, "--slice", str(first["slice"]), "--project", project
    )
    assert accepted["from_prediction"]
    assert accepted["revision"] == 1
    after = medlab("queue", "--limit", "200", "--project", project)["items"]
    assert first["slice"] not in [i["slice"] for i in after]
    near = [i for i in after if abs(i["slice"] - first["slice"]) == 1]
    assert near
    assert all(i["priority"] < i["score"] for i in near)
    skipped = medlab(
        "skip", uid, "--slice", str(after[0]["slice"]), "--project", project
    )
    assert skipped["state"] == "skipped"
    out = tmp_path / "mask.nrrd"
    medlab("export", uid, "--output", str(out), "--project", project)

    import SimpleITK as sitk

    exported = sitk.GetArrayFromImage(sitk.ReadImage(str(out)))
    assert int((exported > 0).sum()) == accepted["n_voxels"]
