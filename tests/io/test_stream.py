"""A volume that fills while it is looked at: order, interruption, the same bits."""

from __future__ import annotations

import threading

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless

from medlab_gui.core.errors import DamagedFileError, GeometryError, ResourceError
from medlab_gui.core.jobs import Cancelled
from medlab_gui.io import open_stream, read_volume, scan
from medlab_gui.io import stream as stream_module
from medlab_gui.io.dicom_pixels import SliceFiller
from tests.io.dicom_checks import assert_is_phantom
from tests.synthetic import (
    cut_short,
    oblique_grid,
    phantom_values,
    plain_grid,
    write_enhanced,
    write_series,
)

LONG_S = 120


@pytest.fixture
def one_thread(monkeypatch):
    """Slices come strictly one after another."""
    monkeypatch.setattr(stream_module, "_MOST_THREADS", 1)


class Gate:
    """Holds the reading after each slice until it is told to go on."""

    def __init__(self):
        self.seen = []
        self._arrived, self._go = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, stream, slices):
        self.seen += slices
        self._arrived.release()
        assert self._go.acquire(timeout=LONG_S)

    def wait_for_one(self):
        assert self._arrived.acquire(timeout=LONG_S)

    def go(self, n=1):
        self._go.release(n)


def only(path):
    (series,) = scan(path).series
    return series


def test_middle_first_then_outward(tmp_path, one_thread):
    write_series(tmp_path, plain_grid())
    seen = []
    stream = open_stream(tmp_path, on_filled=lambda _, ks: seen.extend(ks))
    volume = stream.wait()
    assert seen[0] == 6
    distance = [abs(k - 6) for k in seen]
    assert distance == sorted(distance)
    assert sorted(seen) == list(range(12))
    assert stream.done
    assert stream.error is None
    assert_is_phantom(volume)


def test_a_wanted_slice_jumps_the_queue(tmp_path, one_thread):
    write_series(tmp_path, plain_grid((20, 20, 24)))
    gate = Gate()
    stream = open_stream(tmp_path, on_filled=gate, start_at=3)
    gate.wait_for_one()
    assert gate.seen == [3]
    stream.want(17)
    gate.go()
    gate.wait_for_one()
    stream.want(17)  # again, which changes nothing
    gate.go()
    gate.wait_for_one()
    assert gate.seen[1] == 17
    assert gate.seen[2] in (16, 18)
    gate.go(50)
    stream.wait()
    assert sorted(gate.seen) == list(range(20))


def test_the_volume_is_there_at_once_and_only_what_is_filled_is_told(
    tmp_path, one_thread
):
    data = phantom_values(plain_grid())
    write_series(tmp_path, plain_grid(), data)
    gate = Gate()
    stream = open_stream(tmp_path, on_filled=gate)
    gate.wait_for_one()
    volume = stream.volume
    assert volume.data.shape == data.shape
    assert volume.grid.same_as(plain_grid())
    assert np.flatnonzero(stream.filled).tolist() == [6]
    assert not stream.done
    assert np.array_equal(volume.data[6], data[6])
    assert not volume.data[stream.filled == 0].any()
    gate.go(50)
    stream.wait()
    assert stream.volume.data is volume.data
    assert stream.filled.all()


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("start_at", [None, 0, 11, 1000, -1])
def test_the_same_bits_in_any_order(tmp_path, monkeypatch, threads, start_at):
    def edit(ds, k):
        ds.RescaleSlope = 2 if k % 2 else 1
        ds.RescaleIntercept = -1024 + k

    write_series(tmp_path, oblique_grid(), edit=edit)
    series = only(tmp_path)
    whole = read_volume(series)
    monkeypatch.setattr(stream_module, "_MOST_THREADS", threads)
    streamed = open_stream(series, start_at=start_at).wait()
    assert streamed.data.dtype == whole.data.dtype == np.int16
    assert np.array_equal(streamed.data, whole.data)
    stored = phantom_values(oblique_grid()).astype(int) + 1024
    slope = np.where(np.arange(12) % 2, 2, 1)[:, None, None]
    expected = stored * slope - 1024 + np.arange(12)[:, None, None]
    assert np.abs(whole.data - expected).max() == 0


def wild(at):
    """Sixteen bits with an intercept, and one slice that leaves int16."""

    def edit(ds, k):
        ds.BitsStored, ds.HighBit = 16, 15
        stored = np.full((20, 24), 1024 + k, "<u2")
        if k == at:
            stored[3, 4] = 65000
        ds.PixelData = stored.tobytes()

    return edit


@pytest.mark.parametrize("at", [6, 0, 11])
def test_a_value_beyond_int16_makes_another_array(tmp_path, one_thread, at):
    write_series(tmp_path, plain_grid(), edit=wild(at))
    arrays = []
    stream = open_stream(
        tmp_path, on_filled=lambda s, ks: arrays.append((ks[0], s.volume.data))
    )
    volume = stream.wait()
    assert not stream.dtype_is_settled
    expected = np.full((12, 20, 24), np.arange(12)[:, None, None])
    expected[at, 3, 4] = 65000 - 1024
    assert volume.data.dtype == np.float32
    assert np.array_equal(volume.data, expected)
    # No array ever held a cut-off value, and none lost what was filled before.
    filled = []
    for k, array in arrays:
        filled.append(k)
        assert np.array_equal(array[filled], expected[filled])
    assert {a.dtype.name for _, a in arrays} <= {"int16", "float32"}


def test_widening_while_others_read(tmp_path):
    write_series(tmp_path, plain_grid((60, 20, 24)), edit=wild(31))
    expected = np.full((60, 20, 24), np.arange(60)[:, None, None])
    expected[31, 3, 4] = 65000 - 1024
    series = only(tmp_path)
    for _ in range(20):
        assert np.array_equal(open_stream(series).wait().data, expected)


@pytest.mark.parametrize(
    ("bits", "signed", "slope", "intercept", "dtype", "settled"),
    [
        (12, 0, 1, -1024, np.int16, True),
        (12, 1, 1, 0, np.int16, True),
        (16, 1, 1, 0, np.int16, True),
        (16, 1, 1, -1024, np.int16, False),
        (16, 0, 1, -1024, np.int16, False),
        (15, 0, 1, -1024, np.int16, True),
        (12, 0, 16, 0, np.int16, False),
        (12, 0, 0.5, 0, np.float32, True),
        (16, 0, 1, 0.25, np.float32, True),
    ],
)
def test_dtype_follows_from_the_headers(
    tmp_path, bits, signed, slope, intercept, dtype, settled
):
    def edit(ds, k):
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, signed
        ds.RescaleSlope, ds.RescaleIntercept = slope, intercept

    write_series(tmp_path, plain_grid(), edit=edit)
    filler = SliceFiller(only(tmp_path))
    assert (filler.data.dtype, filler.settled) == (dtype, settled)


def test_whole_slopes_that_multiply_are_exact(tmp_path):
    """Sums that leave 16 bits on the way and come back."""

    def edit(ds, k):
        ds.PixelRepresentation = 1
        ds.BitsStored, ds.HighBit = 16, 15
        ds.RescaleSlope, ds.RescaleIntercept = -3, 70000
        stored = np.arange(13000, 13480, dtype="<i2").reshape(20, 24)
        ds.PixelData = (stored + k).astype("<i2").tobytes()

    write_series(tmp_path, plain_grid(), edit=edit)
    volume = read_volume(only(tmp_path))
    stored = np.arange(13000, 13480).reshape(20, 24) + np.arange(12)[:, None, None]
    assert volume.data.dtype == np.int16
    assert np.array_equal(volume.data, -3 * stored + 70000)


def test_cancelling(tmp_path, one_thread):
    write_series(tmp_path, plain_grid())
    gate = Gate()
    ended = []
    stream = open_stream(tmp_path, on_filled=gate, on_end=lambda _, e: ended.append(e))
    gate.wait_for_one()
    stream.cancel()
    gate.go(50)
    with pytest.raises(RuntimeError, match="cancelled"):
        stream.wait()
    assert gate.seen == [6]
    assert ended == []
    assert not stream.done
    assert not any(t.name.startswith("medlab-read") for t in threading.enumerate())


def test_progress_that_raises_ends_the_reading(tmp_path):
    write_series(tmp_path, plain_grid())
    series = only(tmp_path)

    def progress(done, total=0, message=""):
        raise Cancelled

    with pytest.raises(Cancelled):
        read_volume(series, progress=progress)
    assert not any(t.name.startswith("medlab-read") for t in threading.enumerate())


def test_the_end_is_told_once(tmp_path):
    write_series(tmp_path, plain_grid())
    ended, over = [], threading.Event()

    def end(stream, error):
        ended.append(error)
        over.set()

    stream = open_stream(tmp_path, on_end=end)
    assert over.wait(LONG_S)
    stream.wait()
    assert ended == [None]


def test_a_file_that_shrinks_is_told(tmp_path):
    paths = write_series(tmp_path, plain_grid())
    series = only(tmp_path)
    cut_short(paths[4], 100)
    ended, over = [], threading.Event()

    def end(stream, error):
        ended.append(error)
        over.set()

    stream = open_stream(series, on_end=end)
    with pytest.raises(DamagedFileError, match=paths[4].name):
        stream.wait()
    assert over.wait(LONG_S)
    assert ended == [stream.error]
    assert not stream.filled[4]


def test_what_is_no_volume_is_refused_at_once(tmp_path):
    write_series(tmp_path, plain_grid(), edit=lambda ds, k: delattr(ds, "PixelSpacing"))
    with pytest.raises(GeometryError, match="Pixel Spacing"):
        open_stream(tmp_path)


def test_too_large_for_memory(tmp_path, monkeypatch):
    write_series(tmp_path, plain_grid())

    def no_room(series):
        raise MemoryError

    monkeypatch.setattr("medlab_gui.io.dicom_pixels.SliceFiller", no_room)
    with pytest.raises(ResourceError, match="not enough memory"):
        open_stream(tmp_path)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_compressed_slices(tmp_path, syntax):
    grid = plain_grid((6, 64, 64))
    for path in write_series(tmp_path, grid):
        ds = pydicom.dcmread(path)
        ds.compress(syntax)
        ds.save_as(path)
    volume = open_stream(tmp_path).wait()
    assert np.array_equal(volume.data, phantom_values(grid))


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize("offsets", [True, False])
def test_frames_of_one_file_in_any_order(tmp_path, one_thread, syntax, offsets):
    grid = plain_grid((9, 64, 64))
    path = write_enhanced(tmp_path / "e", grid, order=[4, 1, 8, 0, 2, 7, 3, 6, 5])
    if syntax is not None:
        ds = pydicom.dcmread(path)
        ds.compress(syntax)
        if not offsets:
            frames = list(
                pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=9)
            )
            ds.PixelData = pydicom.encaps.encapsulate(frames, has_bot=False)
        ds.save_as(path)
    seen = []
    volume = open_stream(
        path, on_filled=lambda _, ks: seen.extend(ks), start_at=7
    ).wait()
    assert seen[0] == 7
    assert np.array_equal(volume.data, phantom_values(grid))
    assert_is_phantom(volume)


def test_files_that_come_as_a_whole(tmp_path):
    data = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "x.nii.gz")
    seen = []
    stream = open_stream(tmp_path / "x.nii.gz", on_filled=lambda _, ks: seen.append(ks))
    assert stream.volume.data.shape == (2, 3, 4)
    assert np.array_equal(stream.wait().data, data.T)
    assert seen == [(0, 1)]
    assert stream.filled.all()


def test_real_scans_stream_as_they_are_read(shared):
    """Every series of the hard headers: compressed, multi-frame, signed, odd."""
    n_compared = 0
    for folder in ("dicom2nifti-hard-headers", "totalseg/example_ct_dicom"):
        for series in scan(shared / "data" / folder).series:
            if series.blocking is not None or series.format != "dicom":
                continue
            whole, streamed = read_volume(series), open_stream(series).wait()
            assert streamed.data.dtype == whole.data.dtype
            assert np.array_equal(streamed.data, whole.data)
            n_compared += 1
    assert n_compared > 10
