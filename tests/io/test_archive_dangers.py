"""Archives that would write elsewhere, fill the disk or the memory, or stay shut."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zipfile

import pytest

from medlab_gui.core.errors import (
    DamagedFileError,
    InputError,
    StorageFullError,
)
from medlab_gui.io import archives, scan
from medlab_gui.io.archives import ArchiveLimits, unpack
from tests.io.packing import packed

pytestmark = pytest.mark.usefixtures("own_temporary_folder")


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
