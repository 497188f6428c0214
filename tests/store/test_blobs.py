from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.core.errors import ProjectMissingError, StorageFullError, StoreError
from medlab_gui.store.blobs import BlobStore

ROOT = Path(__file__).parents[2]


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    folder = tmp_path / "blobs"
    folder.mkdir()
    return BlobStore(folder)


def files(blobs: BlobStore) -> list[Path]:
    return sorted(p for p in blobs.folder.rglob("*") if p.is_file())


ARRAYS = [
    np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6),
    np.zeros((3, 700, 900), np.uint8),
    np.random.default_rng(0).random((9, 300, 200)).astype(np.float16),
    np.random.default_rng(1).integers(0, 256, (5, 1200, 1000)).astype(np.uint8),
    np.array([True, False, True]),
    np.zeros((0, 4), np.float32),
    np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    np.array(7, np.int64),
]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_what_goes_in_comes_out(
    blobs: BlobStore, array: np.ndarray, compressed: bool
) -> None:
    blob = blobs.put_array(array, compressed=compressed)
    for mmap in (False, True):
        if mmap and array.size == 0:
            continue
        found = blobs.array(blob, mmap=mmap)
        assert type(found) is np.ndarray
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
    assert blobs.verify(blob)
    assert hashlib.sha256(blobs.path(blob).read_bytes()).hexdigest() == blob


def test_a_volume_is_mapped_and_cannot_be_changed(blobs: BlobStore) -> None:
    volume = blobs.array(blobs.put_array(ARRAYS[0]))
    assert isinstance(volume.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        volume[0] = 1


def test_a_mask_is_small_and_the_callers_own(blobs: BlobStore) -> None:
    blob = blobs.put_array(ARRAYS[1], compressed=True)
    assert blobs.path(blob).stat().st_size < ARRAYS[1].size / 100
    mask = blobs.array(blob)
    mask[0] = 1
    assert not blobs.array(blob).any()


def test_the_same_content_is_kept_once(blobs: BlobStore) -> None:
    assert blobs.put_array(ARRAYS[0]) == blobs.put_array(ARRAYS[0].copy())
    assert len(files(blobs)) == 1


def test_keeping_it_again_mends_what_was_damaged(blobs: BlobStore) -> None:
    volume = np.arange(4000, dtype=np.int16).reshape(10, 20, 20)
    blob = blobs.put_array(volume)
    path = blobs.path(blob)
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(StoreError, match="import or predict it again"):
        blobs.array(blob)
    assert blobs.put_array(volume) == blob
    assert np.array_equal(blobs.array(blob), volume)
    assert files(blobs) == [path]


def test_a_file_is_copied(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(os.urandom(5_000_000))
    blob = blobs.put_file(source)
    assert blobs.existing_path(blob).read_bytes() == source.read_bytes()
    with pytest.raises(StoreError, match=r"gone\.bin cannot be read"):
        blobs.put_file(tmp_path / "gone.bin")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("cut", [1, 40, 3000])
def test_a_short_file_is_damaged(blobs: BlobStore, compressed: bool, cut: int) -> None:
    blob = blobs.put_array(ARRAYS[2], compressed=compressed)
    path = blobs.path(blob)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(StoreError, match="damaged"):
        blobs.array(blob)
    assert not blobs.verify(blob)


def test_a_changed_byte_in_a_compressed_file_is_damage(blobs: BlobStore) -> None:
    blob = blobs.put_array(ARRAYS[2], compressed=True)
    path = blobs.path(blob)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        blobs.array(blob)


def test_what_is_no_array_is_refused(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("hello")
    with pytest.raises(StoreError, match="not an array"):
        blobs.array(blobs.put_file(source))


def test_pickled_objects_are_refused(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "evil.npy"
    np.save(source, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(StoreError, match="damaged"):
        blobs.array(blobs.put_file(source))


def test_a_missing_blob_and_a_missing_project_are_told_apart(blobs: BlobStore) -> None:
    blob = blobs.put_array(ARRAYS[0])
    blobs.path(blob).unlink()
    with pytest.raises(StoreError, match="file of the project is missing"):
        blobs.array(blob)
    with pytest.raises(StoreError, match="missing"):
        blobs.existing_path(blob)
    assert not blobs.verify(blob)
    blobs.folder.rename(blobs.folder.with_name("elsewhere"))
    with pytest.raises(ProjectMissingError, match="not there"):
        blobs.array(blob)


def test_a_full_disk_leaves_nothing(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFullError, match="no room left"):
        blobs.put_array(ARRAYS[0])
    assert files(blobs) == []


def test_whatever_stops_the_writing_leaves_nothing(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stopped)
    with pytest.raises(KeyboardInterrupt):
        blobs.put_array(ARRAYS[0])
    assert files(blobs) == []


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
def test_a_file_that_may_not_grow_leaves_nothing(blobs: BlobStore) -> None:
    code = """
import resource, sys
import numpy as np
from pathlib import Path
from medlab_gui.core.errors import StorageFullError
from medlab_gui.store.blobs import BlobStore
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
try:
    BlobStore(Path(sys.argv[1])).put_array(np.zeros((4, 512, 512), np.int16))
except StorageFullError as error:
    print(error)
"""
    found = subprocess.run(
        [sys.executable, "-c", code, str(blobs.folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "failed: File too large" in found.stdout
    assert files(blobs) == []


def test_only_old_leftovers_are_swept(blobs: BlobStore) -> None:
    blob = blobs.put_array(ARRAYS[0])
    old, new = (blobs.folder / "incoming" / f"{n}.part" for n in ("old", "new"))
    old.write_text("x")
    new.write_text("x")  # another process may be writing it
    os.utime(old, (0, 0))
    assert list(blobs.leftovers()) == [old]
    assert blobs.sweep() == 1
    assert not old.exists()
    assert new.exists()
    assert blobs.verify(blob)


@pytest.mark.parametrize("compressed", [False, True])
def test_flips_and_turns_are_kept_as_they_look(
    blobs: BlobStore, compressed: bool
) -> None:
    stored = np.arange(210, dtype=np.int16).reshape(5, 6, 7)
    for seen in (
        stored[::-1],
        stored[:, ::-1],
        stored[..., ::2],
        stored.T,
        np.asfortranarray(stored),
        stored[::-1].transpose(1, 0, 2),
    ):
        blob = blobs.put_array(seen, compressed=compressed)
        assert np.array_equal(blobs.array(blob), seen)
        copied = np.ascontiguousarray(seen)
        assert blobs.put_array(copied, compressed=compressed) == blob


def test_a_flipped_volume_is_never_copied_whole(blobs: BlobStore) -> None:
    import tracemalloc

    volume = np.zeros((40, 256, 256), np.int16)[::-1, :, ::-1]
    tracemalloc.start()
    try:
        blobs.put_array(volume)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < volume.nbytes / 4
