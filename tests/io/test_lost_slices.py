"""Slices whose files cannot be read are told, also where no gap shows it."""

from __future__ import annotations

import gzip
import tarfile
import zipfile

import pytest

from medlab_gui.cli.main import main
from medlab_gui.core.records import Severity
from medlab_gui.io import scan
from tests.synthetic import plain_grid, write_series

ROWS = b"\x28\x00\x10\x00US"
SERIES_UID = b"\x20\x00\x0e\x00UI"


@pytest.fixture
def slices(tmp_path):
    """Six slices from the feet to the head."""
    return write_series(tmp_path / "scan", plain_grid((6, 20, 24)))


def cut(path, before):
    data = path.read_bytes()
    path.write_bytes(data[: data.index(before)])


def told(series):
    return [p for p in series.problems if p.code == "unreadable-files"]


@pytest.mark.parametrize("broken", ["cut", "cut early", "empty", "zeros", "random"])
def test_the_last_slice_of_a_scan_is_not_lost_silently(slices, tmp_path, broken):
    last = slices[-1]
    if broken.startswith("cut"):
        cut(last, SERIES_UID if "early" in broken else ROWS)
    else:
        content = {"empty": b"", "zeros": bytes(9000), "random": bytes(range(256)) * 9}
        last.write_bytes(content[broken])
    (series,) = scan(last.parent).series
    assert series.n_slices == 5
    (problem,) = told(series)
    assert problem.severity is Severity.WARNING
    assert problem.files == (last.name,)
    assert last.name in problem.message


def test_the_command_line_says_so(slices, tmp_path, capsys):
    cut(slices[0], ROWS)
    verbs = {
        "import": ("--project", tmp_path / "project"),
        "preprocess": ("--output", tmp_path / "out.nii.gz"),
        "inspect": (),
    }
    for verb, rest in verbs.items():
        code, _result = main([verb, str(slices[0].parent), *map(str, rest)])
        said = capsys.readouterr().out
        assert code == 0
        assert f"cannot be read and was left out: {slices[0].name}" in said


def test_names_without_an_ending(slices, tmp_path):
    for n, path in enumerate(slices):
        path.rename(path.with_name(f"IM{n}"))
    (slices[0].parent / "IM5").write_bytes(bytes(4000))
    (slices[0].parent / "IM4").write_bytes(b"")
    (series,) = scan(slices[0].parent).series
    (problem,) = told(series)
    assert problem.files == ("IM4", "IM5")
    assert "2 files that seem to belong to this series" in problem.message


@pytest.mark.parametrize("early", [False, True])
def test_of_two_series_in_a_folder(slices, tmp_path, early):
    other = write_series(tmp_path / "other", plain_grid((4, 20, 24)))
    for path in other:
        path.rename(slices[0].parent / f"other-{path.name}")
    cut(slices[-1], SERIES_UID if early else ROWS)
    found = {s.n_slices: told(s) for s in scan(slices[0].parent).series}
    assert sorted(found) == [4, 5]
    if early:
        severities = [p.severity for own in found.values() for p in own]
        assert severities == [Severity.NOTE, Severity.NOTE]
        assert "cannot be told" in found[4][0].message
    else:
        assert found[4] == []
        assert found[5][0].severity is Severity.WARNING


def test_what_was_no_slice_is_not_told(slices, tmp_path):
    folder = slices[0].parent
    (folder / "notes.txt").write_bytes(b"")
    (folder / "LICENSE").write_text("free", encoding="utf-8")
    (folder / "broken.nii.gz").write_bytes(gzip.compress(b"x" * 900)[:20])

    def report(ds, k):
        for name in ("Rows", "Columns", "PixelData", "BitsAllocated"):
            delattr(ds, name)
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.67"

    (made,) = write_series(tmp_path / "r", plain_grid(), slices=[0], edit=report)
    made.rename(folder / "report.dcm")
    result = scan(folder)
    assert len(result.ignored) == 4
    (series,) = result.series
    assert told(series) == []


def test_packed_slices(slices):
    folder = slices[0].parent
    for path in slices:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    last = sorted(folder.iterdir())[-1]
    last.write_bytes(last.read_bytes()[:200])
    (series,) = scan(folder).series
    assert series.n_slices == 5
    assert told(series)[0].files == (last.name,)


def test_a_damaged_member_of_an_archive(slices, tmp_path):
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("read me.txt", "nothing of interest")
        for n, file in enumerate(slices):
            archive.write(file, f"CT/IM{n}")
    data = path.read_bytes()
    for text in (slices[-1].read_bytes()[-60:], b"nothing of interest"):
        data = data.replace(text, bytes(len(text)))
    path.write_bytes(data)
    result = scan(path)
    assert len(result.ignored) == 2
    (series,) = result.series
    assert series.n_slices == 5
    (problem,) = told(series)
    assert problem.severity is Severity.WARNING
    assert problem.files == ("IM5",)


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_an_archive_that_was_cut_off(slices, tmp_path, ending):
    path = tmp_path / f"study.{ending}"
    with tarfile.open(path, f"w:{ending[4:]}") as archive:
        for file in slices:
            archive.add(file, file.name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (series,) = scan(path).series
    assert series.n_slices < 6
    (problem,) = told(series)
    assert problem.severity is Severity.WARNING
    assert f"study.{ending} is damaged: only" in problem.message
    assert "Slices of this series may be among what is lost" in problem.message
