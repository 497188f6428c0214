"""Files that were written anew where the project had taken them from."""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile

import numpy as np
import pytest

from medlab_gui import io
from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import IMPORT, ImportParams, run, take_in
from medlab_gui.commands.save import ANNOTATE
from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.io import file_stamps, write_image
from medlab_gui.store.project import ProjectStore
from tests.synthetic import cut_short, phantom_values, plain_grid, write_series

GRID = plain_grid((40, 20, 24))
_TICK = 2 * 10**9


@pytest.fixture
def ctx(tmp_path) -> Context:
    return Context(str(tmp_path / "project"))


@pytest.fixture
def reads(monkeypatch):
    """How often voxels were read."""
    found, real = [], io.read_checked

    def read_checked(series, **more):
        found.append(series.uid)
        return real(series, **more)

    monkeypatch.setattr(io, "read_checked", read_checked)
    return found


def take(place, ctx):
    (told,) = run(ImportParams(str(place)), ctx)["series"]
    return told


def differs(told):
    return [p for p in told["problems"] if p["code"] == "differs-from-project"]


def plain():
    return np.maximum(phantom_values(GRID), -1000)


def mended(changed=(7,), by=7):
    values = plain()
    values[list(changed)] += by
    return values


@pytest.mark.parametrize("keeps_times", [False, True])
def test_one_slice_of_forty_that_was_written_anew(tmp_path, ctx, reads, keeps_times):
    """Sixteen slices were compared, and this one was none of them."""
    place = tmp_path / "scan"
    files = write_series(place, GRID, plain(), series_uid="1.2.3")
    times = {f: f.stat() for f in files}
    take(place, ctx)
    write_series(place, GRID, mended(), series_uid="1.2.3")
    if keeps_times:
        for file, facts in times.items():
            os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    told = take(place, ctx)
    assert told["beside_another"]
    assert not told["already_there"]
    (problem,) = differs(told)
    assert "other grey values in 1 of 40 slices than when" in problem["message"]
    assert len(problem["files"]) == 1
    assert "beside another" in IMPORT.text(
        {"series": [told], "left_out": [], "ignored": 0}
    )
    with ctx.store() as store:
        old, new = store.series("1.2.3"), store.series(told["uid"])
        assert np.array_equal(store.array(old.blob), plain())
        assert np.array_equal(store.array(new.blob), mended())
    reads.clear()
    again = take(place, ctx)
    assert (again["uid"], again["already_there"]) == (told["uid"], True)
    assert again["beside_another"]
    assert again["description"] == told["description"]
    assert differs(again) == [problem]
    assert reads == []


def test_a_stick_whose_clock_ticks_every_two_seconds(tmp_path, ctx, monkeypatch):
    """Written anew before the next tick: its times and sizes are those of before."""

    def of_fat(file):
        facts = file.stat()
        return facts.st_size, facts.st_mtime_ns // _TICK * _TICK, 0

    monkeypatch.setattr(file_stamps, "_SLOWEST_TICK_S", 2.0)
    monkeypatch.setattr(file_stamps, "state_of", of_fat)
    place = tmp_path / "scan"
    file = write_series(place, GRID, plain(), series_uid="1.2.3")[7]
    times = file.stat()
    take(place, ctx)
    content = file.read_bytes()
    file.write_bytes(content[:-2] + b"\x07\x00")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert take(place, ctx)["beside_another"]


def test_masks_stay_with_what_they_were_made_on(tmp_path, ctx):
    place = tmp_path / "scan"
    write_series(place, GRID, plain(), series_uid="1.2.3")
    take(place, ctx)
    mask = tmp_path / "mask.nii.gz"
    write_image(mask, np.ones(GRID.shape, np.uint8), GRID)
    ANNOTATE.run(ANNOTATE.params(series="1.2.3", mask=str(mask)), ctx)
    write_series(place, GRID, mended(), series_uid="1.2.3")
    told = take(place, ctx)
    with ctx.store() as store:
        assert store.latest_annotation("1.2.3") is not None
        assert store.latest_annotation(told["uid"]) is None


def test_what_is_as_it_was_is_not_read_again(tmp_path, ctx, reads):
    place = tmp_path / "scan"
    write_series(place, GRID, plain(), series_uid="1.2.3")
    take(place, ctx)
    reads.clear()
    assert take(place, ctx)["already_there"]
    assert reads == []
    # A copy is read once, and known from then on; so are files with new times.
    shutil.copytree(place, tmp_path / "copy")
    assert [take(tmp_path / "copy", ctx)["uid"] for _ in range(2)] == ["1.2.3"] * 2
    assert len(reads) == 1
    for file in place.iterdir():
        file.touch()
    assert [take(place, ctx)["already_there"] for _ in range(2)] == [True, True]
    assert len(reads) == 2
    with ctx.store() as store:
        assert store.n_series() == 1


def test_back_and_forth(tmp_path, ctx):
    """Old, new, old and newer values, all in one place: three series, none twice."""
    place = tmp_path / "scan"
    uids = []
    for values in (mended(by=0), mended(), mended(by=0), mended((7, 9)), mended()):
        write_series(place, GRID, values, series_uid="1.2.3")
        told = take(place, ctx)
        uids.append(told["uid"])
        with ctx.store() as store:
            assert np.array_equal(store.array(store.series(told["uid"]).blob), values)
    assert uids[0] == uids[2] == "1.2.3"
    assert uids[1] == uids[4]
    assert len(set(uids)) == 3


def test_other_geometry_then_other_values_with_it(tmp_path, ctx):
    """The second change was taken for the first."""
    place = tmp_path / "scan"
    write_series(place, GRID, plain(), series_uid="1.2.3")
    take(place, ctx)
    moved = GRID.affine.copy()
    moved[:3, 3] += 5
    other = type(GRID)(GRID.shape, moved)
    uids = []
    for values in (plain(), mended()):
        write_series(place, other, values, series_uid="1.2.3")
        told = take(place, ctx)
        assert not told["already_there"]
        assert "another geometry" in differs(told)[0]["message"]
        uids.append(told["uid"])
    assert len({"1.2.3", *uids}) == 3


def test_an_archive_of_another_content(tmp_path, ctx, reads):
    for name, values in (("a", mended(by=0)), ("b", mended())):
        files = write_series(tmp_path / name, GRID, values, series_uid="1.2.3")
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for file in files:
                archive.write(file, file.name)
    place = tmp_path / "scan.zip"
    (tmp_path / "a.zip").rename(place)
    take(place, ctx)
    reads.clear()
    assert take(place, ctx)["already_there"]
    assert reads == []
    (tmp_path / "b.zip").replace(place)
    told = take(place, ctx)
    assert (told["already_there"], told["beside_another"]) == (False, True)


def of_slope(slope):
    def edit(ds, k):
        ds.SOPInstanceUID, ds.RescaleSlope = f"1.2.3.{100 + k}", slope

    return edit


def test_headers_that_say_something_else_now_are_not_used(tmp_path, ctx):
    """A list may stand for hours: its slope would be used for other voxels."""
    place = tmp_path / "scan"
    files = write_series(place, GRID, plain(), series_uid="1.2.3", edit=of_slope(1))
    times = {f: f.stat() for f in files}
    (listed,) = io.scan(place).series
    write_series(place, GRID, plain(), series_uid="1.2.3", edit=of_slope(2))
    for file, facts in times.items():
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with (
        ctx.store(create=True) as store,
        pytest.raises(InputError, match="40 of its 40 files say something else about"),
    ):
        take_in(store, listed, ctx)
    assert not take(place, ctx)["already_there"]
    with ctx.store() as store:
        (series,) = store.series_list()
        assert np.array_equal(
            store.array(series.blob), 2.0 * plain() + 1024
        )  # (v + 1024) x 2 - 1024
        with pytest.raises(InputError, match="something else"):  # nor compared by them
            take_in(store, listed, ctx)


def test_a_file_that_was_only_touched_since_it_was_listed(tmp_path, ctx):
    place = tmp_path / "scan"
    write_series(place, GRID, plain(), series_uid="1.2.3")
    (listed,) = io.scan(place).series
    for file in listed.files:
        os.utime(file, (1e9, 1e9))
    with ctx.store(create=True) as store:
        assert not take_in(store, listed, ctx)["already_there"]


@pytest.mark.parametrize("what", ["while it was read", "archive"])
def test_what_changed_after_it_was_looked_at_is_not_known(tmp_path, ctx, what):
    """What came in is not what lies there: it was taken for it for good."""
    place = tmp_path / "scan"
    files = write_series(place, GRID, plain(), series_uid="1.2.3", edit=of_slope(1))
    if what == "archive":
        place = shutil.make_archive(str(place), "zip", place)
    times = {f: f.stat() for f in files}
    (listed,) = io.scan(place).series
    stream = None
    if what == "while it was read":
        stream = io.VolumeStream(listed)
        stream.wait()
    slope = of_slope(1)
    write_series(tmp_path / "scan", GRID, mended(), series_uid="1.2.3", edit=slope)
    if what == "archive":
        shutil.make_archive(str(tmp_path / "scan"), "zip", tmp_path / "scan")
    for file, facts in times.items():
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with ctx.store(create=True) as store:
        take_in(store, listed, ctx, stream)
    told = take(place, ctx)
    assert told["beside_another"]
    with ctx.store() as store:
        kept = store.array(store.series(told["uid"]).blob)
        (sound,) = io.scan(place).series
        assert np.array_equal(kept, io.read_checked(sound)[1].data)


def test_a_file_without_uids(tmp_path, ctx):
    """It is a new series by its content; where the masks are is said."""
    place = tmp_path / "scan.nii"
    write_image(place, plain(), GRID)
    assert not take(place, ctx)["beside_another"]
    write_image(place, mended(), GRID)
    told = take(place, ctx)
    assert (told["already_there"], told["beside_another"]) == (False, True)
    assert "scan.nii was written anew" in differs(told)[0]["message"]
    again = take(place, ctx)
    assert (again["uid"], again["already_there"]) == (told["uid"], True)
    assert again["beside_another"]


def test_files_that_name_another_patient(tmp_path, ctx):
    place = tmp_path / "scan"
    write_series(place, GRID, plain(), series_uid="1.2.3")
    assert "patient-differs" not in [p["code"] for p in take(place, ctx)["problems"]]

    def edit(ds, _k):
        ds.PatientID = "somebody else"

    write_series(place, GRID, plain(), series_uid="1.2.3", edit=edit)
    told = take(place, ctx)
    assert told["already_there"]
    (problem,) = [p for p in told["problems"] if p["code"] == "patient-differs"]
    assert "another patient" in problem["message"]
    assert "somebody" not in str(told)


def test_files_that_are_damaged_now(tmp_path, ctx):
    place = tmp_path / "scan"
    files = write_series(place, GRID, plain(), series_uid="1.2.3")
    take(place, ctx)
    cut_short(files[3], 100)
    with pytest.raises((DamagedFileError, InputError), match=files[3].name):
        run(ImportParams(str(place)), ctx)


def test_a_project_of_before(tmp_path, ctx, reads):
    """It has no stamps: its files are read once, and then no more."""
    place = tmp_path / "scan"
    write_series(place, GRID, plain(), series_uid="1.2.3")
    take(place, ctx)
    database = sqlite3.connect(tmp_path / "project" / "project.db")
    database.execute("DROP TABLE source_stamp")
    database.execute("UPDATE alembic_version SET version_num = '0005'")
    database.commit()
    database.close()
    reads.clear()
    assert [take(place, ctx)["already_there"] for _ in range(2)] == [True, True]
    assert len(reads) == 1
    assert list((tmp_path / "project").glob("project-schema5-*.db"))
    write_series(place, GRID, mended(), series_uid="1.2.3")
    assert take(place, ctx)["beside_another"]
    with ProjectStore.open(tmp_path / "project") as store:
        assert store.n_series() == 2
