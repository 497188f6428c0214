"""Archives: what comes out of them, and what must not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.core.errors import (
    DamagedFileError,
    InputError,
    MedlabError,
    NotAnImageError,
    StorageFullError,
)
from medlab_gui.io import archives, read_one, read_volume, scan, write_image
from medlab_gui.io.archive_limits import Counter
from medlab_gui.io.archive_members import unpack_into
from medlab_gui.io.archives import ArchiveLimits, archive_kind, origin, unpack
from tests.synthetic import phantom_values, plain_grid, write_series

GRID = plain_grid((6, 20, 24))
SHARED = Path(os.environ.get("MEDLAB_SHARED", "../shared")) / "data"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    """Give each test a temporary folder of its own, and see that it stays there."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    archives._remove_own()
    yield place
    archives._remove_own()
    assert list(place.iterdir()) == []


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    write_series(folder / "CT one", GRID)
    (folder / "letter.txt").write_text("a letter", encoding="utf-8")
    return folder


def packed(study, path):
    kinds = {".zip": "zip", ".tar": "tar", ".gz": "gztar", ".tgz": "gztar"}
    kinds |= {".bz2": "bztar", ".xz": "xztar"}
    made = shutil.make_archive(str(path.parent / "made"), kinds[path.suffix], study)
    return Path(made).rename(path)


@pytest.mark.parametrize(
    "name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"]
)
def test_a_study_in_an_archive(tmp_path, study, name):
    path = packed(study, tmp_path / name)
    seen = []
    result = scan(path, progress=lambda *a: seen.append(a))
    (series,) = result.series
    assert series.n_slices == 6
    assert np.array_equal(read_volume(series).data, phantom_values(GRID))
    assert [i.path for i in result.ignored] == [path / "letter.txt"]
    assert origin(series.files[0]).parent == path / "CT one"
    assert any(a[2] == "Unpacking" for a in seen)
    assert archive_kind(path)


def test_archive_under_another_name(tmp_path, study):
    path = packed(study, tmp_path / "a.zip").rename(tmp_path / "STUDY")
    assert len(scan(path).series) == 1


@pytest.mark.parametrize(
    ("ending", "opener"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)]
)
def test_single_packed_dicom(tmp_path, ending, opener):
    (file, *_) = write_series(tmp_path / "s", GRID, slices=[2])
    path = tmp_path / f"one.dcm{ending}"
    path.write_bytes(opener.compress(file.read_bytes()))
    series, volume = read_one(path)
    assert series.n_slices == 1
    assert np.array_equal(volume.data, phantom_values(GRID)[2:3])


def test_folder_of_packed_dicom(tmp_path):
    for n, file in enumerate(write_series(tmp_path / "s", GRID)):
        (tmp_path / "s" / f"{n}.dcm.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    _, volume = read_one(tmp_path / "s")
    assert np.array_equal(volume.data, phantom_values(GRID))


@pytest.mark.parametrize("name", ["v.nrrd.gz", "v.mha.bz2", "v.nii.xz"])
def test_other_volumes_packed(tmp_path, name):
    inner, _, ending = name.rpartition(".")
    path = write_image(tmp_path / inner, phantom_values(GRID), GRID)
    opener = {"gz": gzip, "bz2": bz2, "xz": lzma}[ending]
    (tmp_path / name).write_bytes(opener.compress(path.read_bytes()))
    _, volume = read_one(tmp_path / name)
    assert np.array_equal(volume.data, phantom_values(GRID))


def test_archive_in_an_archive_once_but_not_twice(tmp_path, study):
    inner = packed(study, tmp_path / "inner.tar.gz")
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "deep/inner.tar.gz")
    assert scan(outer).series[0].n_slices == 6
    third = tmp_path / "third.zip"
    with zipfile.ZipFile(third, "w") as archive:
        archive.write(outer, "outer.zip")
    with pytest.raises(NotAnImageError, match="archive in an archive in an archive"):
        scan(third)


def test_archives_beside_scans_are_named_and_left(tmp_path, study):
    packed(study, study / "copy.zip")
    result = scan(study)
    assert len(result.series) == 1
    (note,) = (i.reason for i in result.ignored if i.path.name == "copy.zip")
    assert "Open it on its own" in note


def test_the_same_archive_is_unpacked_once(tmp_path, study):
    path = packed(study, tmp_path / "a.zip")
    first, again = unpack(path), unpack(path)
    assert first.folder == again.folder
    shutil.rmtree(first.folder)  # as a cleaner of temporary files may do
    assert len(scan(path).series) == 1


EVIL = [
    "../out.dcm",
    "a/../../out.dcm",
    "/etc/out.dcm",
    "C:\\out.dcm",
    "c:out.dcm",
    "..\\..\\out.dcm",
    "\\\\server\\share\\out.dcm",
    "a/b/../../../out.dcm",
]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_no_member_escapes(tmp_path, study, kind, own_temporary_folder):
    path = tmp_path / f"evil.{kind}"
    good = next(study.rglob("*.dcm")).read_bytes()
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in [*EVIL, "good.dcm"]:
                archive.writestr(name, good)
    else:
        with tarfile.open(path, "w") as archive:
            for name in [*EVIL, "good.dcm"]:
                info = tarfile.TarInfo(name)
                info.size = len(good)
                archive.addfile(info, io.BytesIO(good))
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    result = scan(path)
    assert len(result.series) == 1
    reasons = [i.reason for i in result.ignored]
    # zipfile itself makes "a/../../out.dcm" out of the separators of the system.
    assert len(reasons) == len(EVIL)
    assert all("leads out of the folder" in r for r in reasons)
    after = {p for p in tmp_path.rglob("*") if p.is_file()} - before
    assert {p.name for p in after} == {"good.dcm", ".medlab-lock"}
    assert all(p.is_relative_to(own_temporary_folder) for p in after)


def test_links_and_devices_are_left_out(tmp_path, study):
    good = next(study.rglob("*.dcm"))
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (
            ("link", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("pipe", tarfile.FIFOTYPE),
            ("disk", tarfile.BLKTYPE),
            ("tty", tarfile.CHRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("link/file.dcm")  # through the link
        info.size = good.stat().st_size
        archive.addfile(info, io.BytesIO(good.read_bytes()))
    result = scan(path)
    assert len(result.series) == 1
    assert sum("link or a device" in i.reason for i in result.ignored) == 5
    path = tmp_path / "links.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system = 3
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
        archive.write(good, "good.dcm")
    (note,) = scan(path).ignored
    assert "link or a device" in note.reason


def test_names_that_no_system_allows_or_that_collide(tmp_path):
    path = tmp_path / "names.zip"
    names = ["CON.dcm", "ab:c?.dcm", "Slice.dcm", "slice.DCM", "dir./x.dcm"]
    names += ["long" * 80 + ".dcm", "new\nline.dcm"]
    with zipfile.ZipFile(path, "w") as archive:
        for n, name in enumerate(names):
            archive.writestr(name, str(n))
    unpacked = unpack(path)
    files = [p for p in unpacked.folder.rglob("*") if p.is_file()]
    assert unpacked.ignored == ()
    assert sorted(p.read_text() for p in files) == [str(n) for n in range(7)]
    for file in files:
        assert file.stem.upper() != "CON"
        assert not set(':?*<>|"\n') & set(file.name)
        assert len(file.name) < 120
    assert len({str(p).casefold() for p in files}) == 7


def limited(**limits):
    return ArchiveLimits(**limits)


def test_bombs_are_stopped_with_the_limit_named(tmp_path, own_temporary_folder):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(3_000_000))
    with pytest.raises(InputError, match=r"over 200 times its size"):
        unpack(bomb, limits=limited(harmless=2_000_000))
    with pytest.raises(InputError, match=r"more than 2 MB.*most that MedLab unpacks"):
        unpack(bomb, limits=limited(n_bytes=2 * 2**20))
    for n in range(3):
        (tmp_path / "many").mkdir(exist_ok=True)
        (tmp_path / "many" / str(n)).write_text("x", encoding="utf-8")
    for ending in (".zip", ".tar"):
        many = packed(tmp_path / "many", tmp_path / f"many{ending}")
        with pytest.raises(InputError, match="more than 2 files"):
            unpack(many, limits=limited(n_members=2))
    left = [p for p in own_temporary_folder.rglob("*") if p.is_file()]
    assert [p.name for p in left] == [".medlab-lock"]


def test_an_archive_that_lies_about_its_size(tmp_path):
    path = tmp_path / "lie.tar.gz"
    path.write_bytes(gzip.compress(bytes(10)))
    data = bytes(5_000_000)
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("a")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    # A stream does not tell its size; it is counted while it comes.
    with pytest.raises(InputError, match="times its size"):
        unpack(path, limits=limited(harmless=2_000_000))
    raw = bytearray()
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(forged, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", data)
    raw = bytearray(forged.read_bytes())
    size = len(data).to_bytes(4, "little")
    while (at := raw.find(size)) >= 0:
        raw[at : at + 4] = (100).to_bytes(4, "little")
    forged.write_bytes(raw)
    with pytest.raises(DamagedFileError, match="damaged"):
        unpack(forged, limits=limited(harmless=2_000_000))


def test_a_header_that_asks_for_all_memory(tmp_path):
    info = tarfile.TarInfo("x")
    info.type = tarfile.XHDTYPE
    info.size = 2**33
    path = tmp_path / "huge.tar"
    path.write_bytes(info.tobuf() + bytes(4096))
    with pytest.raises(DamagedFileError, match=r"huge\.tar is damaged"):
        unpack(path)


def test_no_room_on_the_disk(tmp_path, study, monkeypatch):
    path = packed(study, tmp_path / "a.zip")
    usage = type("Usage", (), {"free": archives._RESERVE + 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StorageFullError, match=r"no room to unpack a\.zip.*1 kB can"):
        scan(path)


def test_nested_bomb(tmp_path):
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(3_000_000))
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        for n in range(4):
            archive.write(inner, f"{n}.zip")
    with pytest.raises(InputError, match=r"outer\.zip"):
        unpack(outer, limits=limited(n_bytes=8_000_000))


def encrypted(path, study):
    """Write a zip whose flag says that its members are encrypted."""
    packed(study, path)
    raw = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        n = raw.find(mark)
        while n >= 0:
            raw[n + at] |= 1
            n = raw.find(mark, n + 1)
    path.write_bytes(raw)
    return path


def test_password(tmp_path, study):
    path = encrypted(tmp_path / "secret.zip", study)
    with pytest.raises(InputError, match=r"secret\.zip is protected by a password"):
        scan(path)


def test_methods_that_are_not_known(tmp_path, study):
    path = packed(study, tmp_path / "a.zip")
    raw = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        n = raw.find(mark)
        while n >= 0:
            raw[n + at : n + at + 2] = b"\x09\0"
            n = raw.find(mark, n + 1)
    path.write_bytes(raw)
    with pytest.raises(InputError, match="Deflate64"):
        scan(path)


def test_seven_zip_and_rar_are_named(tmp_path):
    for name, head in (("a.7z", b"7z\xbc\xaf\x27\x1c"), ("a.rar", b"Rar!\x1a\x07")):
        (tmp_path / name).write_bytes(head + bytes(100))
        with pytest.raises(InputError, match=r"does not unpack\. Unpack it yourself"):
            scan(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"]
)
def test_cut_short(tmp_path, study, name):
    path = packed(study, tmp_path / name)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    try:
        result = scan(path)
    except DamagedFileError:
        pass
    else:
        # The files before the cut are there, and it is said that others are not.
        assert any("is damaged: only" in i.reason for i in result.ignored)
    path.write_bytes(whole[:40])
    with pytest.raises(MedlabError):
        scan(path)


def test_one_damaged_member(tmp_path, study):
    path = packed(study, tmp_path / "a.zip")
    with zipfile.ZipFile(path) as archive:
        member = next(m for m in archive.infolist() if m.filename.endswith(".dcm"))
    raw = bytearray(path.read_bytes())
    at = member.header_offset + 100
    raw[at : at + 8] = bytes(8)
    path.write_bytes(raw)
    result = scan(path)
    assert result.series[0].n_slices == 5
    assert sum("damaged" in i.reason for i in result.ignored) == 1


def test_an_empty_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    with pytest.raises(InputError, match="without a file"):
        scan(tmp_path / "a.zip")


def test_an_archive_without_scans_is_named_not_its_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/letter.txt", "a letter")
        archive.writestr("y.txt", "another")
    with pytest.raises(NotAnImageError) as caught:
        scan(tmp_path / "a.zip")
    assert str(tmp_path / "a.zip") in caught.value.message
    assert "medlab-unpacked" not in caught.value.message


def test_cancelling_leaves_nothing(tmp_path, study, own_temporary_folder):
    path = packed(study, tmp_path / "a.zip")

    class StopError(Exception):
        pass

    def stop(done, total, message):
        if done == 3:
            raise StopError

    with pytest.raises(StopError):
        scan(path, progress=stop)
    (home,) = own_temporary_folder.iterdir()
    assert [p.name for p in home.iterdir()] == [".medlab-lock"]


def test_folders_of_dead_programs_go_and_those_of_others_stay(
    tmp_path, study, own_temporary_folder
):
    path = packed(study, tmp_path / "a.zip")
    code = (
        "import os, sys, pathlib\n"
        "from medlab_gui.io.archives import unpack\n"
        "print(unpack(pathlib.Path(sys.argv[1])).folder, flush=True)\n"
        "if sys.argv[2] == 'crash': os._exit(1)\n"
        "if sys.argv[2] == 'stay': sys.stdin.read()\n"
    )
    environment = {**os.environ, "TMPDIR": str(own_temporary_folder)}

    def start(how):
        return subprocess.Popen(
            [sys.executable, "-c", code, str(path), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    with start("leave") as leaves:
        folder, _ = leaves.communicate()
        assert folder
        assert not Path(folder.strip()).exists()
    with start("crash") as crashes:
        dead = Path(crashes.communicate()[0].strip())
        assert dead.is_dir()
    with start("stay") as stays:
        alive = Path(stays.stdout.readline().strip())
        assert not dead.exists()
        unpack(path)
        assert alive.is_dir()
        stays.stdin.close()
        stays.wait(120)
    assert not alive.exists()


def test_mutated_archives_say_a_sentence(tmp_path, study):
    """Whatever is wrong with an archive, there is a sentence and no traceback."""
    random.seed(7)
    sources = [packed(study, tmp_path / n).read_bytes() for n in ("a.zip", "a.tar.gz")]
    sources.append(packed(study, tmp_path / "a.tar").read_bytes())
    said = []
    for n in range(150):
        raw = bytearray(sources[n % 3])
        for _ in range(random.choice((1, 5, 50))):
            raw[random.randrange(len(raw))] = random.randrange(256)
        path = tmp_path / "mutated"
        path.write_bytes(raw)
        folder = tmp_path / f"to{n}"
        folder.mkdir()
        counter = Counter("mutated", ArchiveLimits(), 10**8, len(raw))
        if not archive_kind(path):
            continue
        try:
            unpack_into(path, folder, counter)
        except MedlabError as error:
            said.append(error.message)
        finally:
            shutil.rmtree(folder)
    assert said
    assert all(s.endswith(".") for s in said)


@pytest.mark.skipif(
    not (SHARED / "t1-dicom-384").is_dir(), reason="needs ../shared/data/t1-dicom-384"
)
def test_a_real_archive():
    (path,) = (SHARED / "t1-dicom-384").rglob("dicoms.tar.xz")
    (series,) = scan(path).series
    assert series.n_slices == 384
    assert series.modality == "MR"


def test_crc_of_gzip_is_looked_at(tmp_path):
    (file, *_) = write_series(tmp_path / "s", GRID, slices=[2])
    raw = bytearray(gzip.compress(file.read_bytes()))
    raw[-8:-4] = zlib.crc32(b"else").to_bytes(4, "little")
    (tmp_path / "x.dcm.gz").write_bytes(raw)
    with pytest.raises(DamagedFileError, match="cannot be unpacked"):
        scan(tmp_path / "x.dcm.gz")
