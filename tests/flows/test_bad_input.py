"""What a person reads when something is wrong: a sentence, exit 2, nothing written."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from medlab_gui.cli.main import main
from medlab_gui.core.resources import resource

pytestmark = pytest.mark.slow


class Evil:
    """A pickle that would write a file when it is read carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "gotcha")


@pytest.fixture
def refuse(capsys, tmp_path):
    """Run a verb that must be refused; return its sentence."""

    def run(*argv: object) -> str:
        before = {p for p in tmp_path.rglob("*") if p.is_file()}
        capsys.readouterr()
        code, _result = main([str(a) for a in argv])
        said = capsys.readouterr()
        assert code == 2, said
        assert said.out == ""
        assert "Traceback" not in said.err
        sentence = said.err.strip()
        assert len(sentence) > 20
        assert sentence[-1] in ".?"
        after = {p for p in tmp_path.rglob("*") if p.is_file()}
        new = {p for p in after - before if "project" not in p.parts}
        assert not new, "nothing may be half-written"
        return sentence

    return run


@pytest.fixture
def dicom(tmp_path):
    folder = tmp_path / "scan"
    shutil.copytree(resource("demo", "liver_ct_dicom"), folder)
    return folder


def test_folder_without_images(refuse, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no scan", encoding="utf-8")
    out = tmp_path / "m.nii.gz"
    assert "empty" in refuse("predict", tmp_path / "empty", "--output", out)
    assert "empty" in refuse(
        "import", tmp_path / "empty", "--project", tmp_path / "project"
    )


def test_text_named_dcm(refuse, tmp_path):
    file = tmp_path / "scan.dcm"
    file.write_text("this is a letter", encoding="utf-8")
    assert "scan.dcm" in refuse("predict", file, "--output", tmp_path / "m.nii.gz")


def test_truncated_dicom(refuse, tmp_path, dicom):
    victim = sorted(dicom.iterdir())[7]
    victim.write_bytes(victim.read_bytes()[:-60_000])
    sentence = refuse("predict", dicom, "--output", tmp_path / "m.nii.gz")
    assert victim.name in sentence


def test_nifti_of_a_wrong_size(refuse, tmp_path):
    import gzip

    data = gzip.decompress(resource("demo", "torso_ct.nii.gz").read_bytes())
    file = tmp_path / "short.nii"
    file.write_bytes(data[: len(data) // 2])
    assert "short.nii" in refuse("predict", file, "--output", tmp_path / "m.nii.gz")


def test_checkpoint_that_is_none(refuse, tmp_path):
    scan = resource("demo", "torso_ct.nii.gz")
    file = tmp_path / "weights.pth"
    file.write_text("not weights", encoding="utf-8")
    out = tmp_path / "m.nii.gz"
    said = refuse("predict", scan, "--checkpoint", file, "--output", out)
    assert "weights.pth" in said


def test_pickle_that_asks_for_more(refuse, tmp_path):
    scan = resource("demo", "torso_ct.nii.gz")
    trap = tmp_path / "owned.txt"
    file = tmp_path / "weights.pth"
    file.write_bytes(pickle.dumps({"medlab": "{}", "weights": Evil(trap)}))
    out = tmp_path / "m.nii.gz"
    said = refuse("predict", scan, "--checkpoint", file, "--output", out)
    assert "weights.pth" in said
    assert not trap.exists(), "the pickle was run"


def test_mask_on_another_grid(refuse):
    a = resource("demo", "torso_ct_organs.nii.gz")
    b = resource("demo", "liver_ct_dicom_organs.nii.gz")
    said = refuse("evaluate", "--prediction", a, "--truth", b)
    assert "grid" in said


def test_folder_that_may_not_be_written(refuse, tmp_path, monkeypatch):
    scan = resource("demo", "torso_ct.nii.gz")
    blocked = tmp_path / "not_a_folder"
    blocked.write_text("a file", encoding="utf-8")
    refuse("preprocess", scan, "--output", blocked / "x.nii.gz")


def test_project_that_vanished(refuse, tmp_path):
    said = refuse("list", "--project", tmp_path / "gone")
    assert "gone" in said
    assert not (tmp_path / "gone").exists()


def test_names_that_are_wrong(refuse, tmp_path):
    assert "does not exist" in refuse(
        "predict", tmp_path / "absent.nii.gz", "--output", tmp_path / "m.nii.gz"
    )
    scan = resource("demo", "torso_ct.nii.gz")
    assert "--output" in refuse("predict", scan)
    assert "step" in refuse(
        "preprocess", scan, "--off", "blur", "--output", tmp_path / "x.nii.gz"
    )
    assert "x.jpeg" in refuse("preprocess", scan, "--output", tmp_path / "x.jpeg")
