"""Archives: what comes out of them, and what must not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import shutil
import subprocess
import sys
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
)
from medlab_gui.io import read_one, read_volume, scan, write_image
from medlab_gui.io.archive_limits import Counter
from medlab_gui.io.archive_members import unpack_into
from medlab_gui.io.archives import ArchiveLimits, archive_kind, origin, unpack
from tests.io.packing import GRID, packed
from tests.synthetic import phantom_values, write_series

pytestmark = pytest.mark.usefixtures("own_temporary_folder")

SHARED = Path(os.environ.get("MEDLAB_SHARED", "../shared")) / "data"


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
    path = packed(study, tmp_path / "a.zip").rename(tmp_path / "PACKED")
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
