"""Fills an array with the slices of a DICOM series, one by one, in any order."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.io.dicom_decode import PackedFile, can_decode
from medlab_gui.io.dicom_gdcm import damaged
from medlab_gui.io.voxels import (
    EXACT_IN_FLOAT32,
    empty_picture,
    not_numbers,
    values_rounded,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.core.records import Problem
    from medlab_gui.io.series import FileSeries, Frame, PixelLayout

__all__ = ["SliceFiller", "can_decode"]

_PLAIN_BITS = {"integer": (8, 16, 32), "float": (32,), "double": (64,)}
_LITTLE = sys.byteorder == "little"


class SliceFiller:
    """The array of a series, and how its slices get there; for several threads.

    The dtype follows from the headers: float32 where a slope or an intercept is no
    whole number or the pixels are floats; else int16 if every value that the stored
    bits can hold fits after rescaling. In between (16 bits with an intercept, as many
    CT scanners write them, though they use twelve) it is int16 until a slice is met
    that does not fit: then ``data`` is another array, float32, with all that was
    filled before. A value is never cut off.

    Parameters
    ----------
    series : FileSeries
        With ``frames`` in order.

    Attributes
    ----------
    data : ndarray of int16 or float32, shape (Z, Y, X)
        Zero where nothing has been filled in yet.
    filled : ndarray of bool, shape (Z,)
        Which slices are there.
    settled : bool
        Whether the headers leave no doubt about the dtype.
    """

    def __init__(self, series: FileSeries) -> None:
        self._frames = series.frames
        self._shape = series.shape[1:]
        whole = all(_is_whole(f) for f in series.frames)
        self._sure = np.array([_always_fits(f) for f in series.frames], dtype=np.bool_)
        self.settled = not whole or bool(self._sure.all())
        # Zeros come from the system as they are touched: nothing is written twice.
        self.data: NDArray[Any] = np.zeros(
            series.shape, np.int16 if whole else np.float32
        )
        self.filled = np.zeros(series.shape[0], dtype=np.bool_)
        self._n_no_numbers = 0
        self._beyond = [0, 0]
        self._lock = threading.Lock()
        self._left = Counter(f.path for f in series.frames)
        self._open: dict[Path, PackedFile] = {}

    def fill(self, k: int) -> None:
        """Read, decode and rescale slice ``k``.

        Raises
        ------
        DamagedFileError
            If the file has gone, is shorter than its header says, or does not decode.
        InputError
            If the file holds something else than grey slices.
        """
        frame = self._frames[k]
        try:
            if frame.offset is not None and _is_plain(frame.layout):
                self._fill_plain(k, frame, frame.offset)
            else:
                self._fill_packed(k, frame)
        except OSError as error:
            what = error.strerror or "it cannot be read"
            raise damaged(frame.path, what) from error

    def problems(self) -> list[Problem]:
        """Return what is odd about the values, once all slices are there."""
        found = []
        if self._n_no_numbers:
            found.append(not_numbers(self._n_no_numbers, self.data.size))
        lowest, highest = self._beyond
        if max(-lowest, highest) > EXACT_IN_FLOAT32:
            found.append(values_rounded(lowest, highest))
        value = self.data[0, 0, 0]
        if not found and all(bool(np.all(plane == value)) for plane in self.data):
            found.append(empty_picture(value))
        return found

    def _fill_plain(self, k: int, frame: Frame, offset: int) -> None:
        layout = frame.layout
        target = self.data
        dtype = _stored_dtype(layout)
        straight = (
            _LITTLE
            and frame.table is None
            and target.dtype == np.int16
            and dtype.itemsize == 2
            and dtype.kind in "iu"
            and (layout.rows, layout.columns) == self._shape
        )
        raw: NDArray[Any] = (
            target[k].view(dtype)
            if straight
            else np.empty((layout.rows, layout.columns), dtype)
        )
        _read_into(frame.path, offset, raw)
        raw = _values_of(raw, layout)
        if not straight:
            self._put_stored(k, raw)
        elif self._sure[k] or _fits(raw, frame.slope, frame.intercept):
            _rescale_in_place(target[k], int(frame.slope), int(frame.intercept))
            self._done(k, target)
        else:
            raw = raw.copy()
            target[k] = 0
            self._put(k, raw, frame.slope, frame.intercept)

    def _fill_packed(self, k: int, frame: Frame) -> None:
        path = frame.path
        with self._lock:
            packed = self._open.setdefault(path, PackedFile(path))
        plane, rescaled = packed.plane(frame.index)
        if rescaled:
            self._put(k, plane, 1.0, 0.0)
        else:
            if packed.gives_words:
                plane = _values_of(plane, frame.layout)
            self._put_stored(k, plane)
        with self._lock:
            self._left[path] -= 1
            if self._left[path] < 1:
                self._open.pop(path, None)

    def _put_stored(self, k: int, raw: NDArray[Any]) -> None:
        frame = self._frames[k]
        if frame.table is not None and raw.dtype.kind in "iu":
            raw = frame.table.apply(raw)
        self._put(k, raw, frame.slope, frame.intercept)

    def _put(self, k: int, raw: NDArray[Any], slope: float, intercept: float) -> None:
        """Rescale a slice of stored values and put it at ``k``."""
        if raw.shape != self._shape:
            what = f"a picture of {raw.shape} came out of it"
            raise damaged(self._frames[k].path, what)
        target = self.data
        if target.dtype == np.int16 and _fits(raw, slope, intercept):
            # Wrap-around in 16 bits comes out right: the ends fit.
            target[k] = raw.astype(np.int16, copy=False)
            _rescale_in_place(target[k], int(slope), int(intercept))
            self._done(k, target)
            return
        if target.dtype == np.int16:
            target = self._widen()
        if raw.dtype.kind in "iu" and raw.dtype.itemsize > 2:
            with self._lock:
                self._beyond[0] = min(self._beyond[0], int(raw.min()))
                self._beyond[1] = max(self._beyond[1], int(raw.max()))
        with np.errstate(all="ignore"):
            if (slope, intercept) == (1.0, 0.0):
                target[k] = raw
            else:
                target[k] = raw.astype(np.float64) * slope + intercept
        self._only_numbers(k, raw, target[k])
        self._done(k, target)

    def _only_numbers(
        self, k: int, raw: NDArray[Any], plane: NDArray[np.float32]
    ) -> None:
        """Put the smallest number of a slice where it holds none, as for NIfTI."""
        finite = np.isfinite(plane)
        if finite.all():
            return
        if raw.dtype.kind != "f" or np.isfinite(raw[~finite]).any():
            what = "its values, as the header scales them, are too large"
            raise damaged(self._frames[k].path, what)
        with self._lock:
            self._n_no_numbers += int(finite.size - finite.sum())
        plane[~finite] = plane[finite].min() if finite.any() else 0

    def _done(self, k: int, target: NDArray[Any]) -> None:
        with self._lock:
            if target is not self.data:  # another thread had to widen it meanwhile
                self.data[k] = target[k]
            self.filled[k] = True

    def _widen(self) -> NDArray[Any]:
        with self._lock:
            if self.data.dtype == np.int16:
                wide = np.zeros(self.data.shape, np.float32)
                for k in np.flatnonzero(self.filled):
                    wide[k] = self.data[k]
                self.data = wide
            return self.data


def _is_whole(frame: Frame) -> bool:
    return (
        frame.slope.is_integer()
        and frame.intercept.is_integer()
        and frame.layout.kind == "integer"
    )


def _always_fits(frame: Frame) -> bool:
    """Tell whether no stored value can leave int16 when it is rescaled."""
    layout = frame.layout
    if not _is_plain(layout) or not _is_whole(frame):
        return False
    if frame.table is not None:
        return _fits(frame.table.values, frame.slope, frame.intercept)
    bits = layout.bits_stored
    lowest = -(1 << (bits - 1)) if layout.signed else 0
    ends = [
        v * frame.slope + frame.intercept for v in (lowest, lowest + (1 << bits) - 1)
    ]
    return min(ends) >= -32768 and max(ends) <= 32767


def _fits(raw: NDArray[Any], slope: float, intercept: float) -> bool:
    ends = [int(v) * slope + intercept for v in (raw.min(), raw.max())]
    return min(ends) >= -32768 and max(ends) <= 32767


def _rescale_in_place(plane: NDArray[np.int16], slope: int, intercept: int) -> None:
    """Rescale modulo 2**16, which is exact where the result fits into int16."""
    if slope != 1:
        np.multiply(plane, _wrapped(slope), out=plane)
    if intercept:
        np.add(plane, _wrapped(intercept), out=plane)


def _wrapped(value: int) -> np.int16:
    return np.int16((value + 0x8000) % 0x10000 - 0x8000)


def _is_plain(layout: PixelLayout) -> bool:
    return (
        layout.is_grey
        and layout.bits_allocated in _PLAIN_BITS[layout.kind]
        and 0 < layout.bits_stored <= layout.bits_allocated
    )


def _values_of(words: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Cut the stored bits out of words, in their place where that can be.

    Bits beside the stored ones may hold an overlay, or nothing.
    """
    left, right = layout.shifts
    if not right or words.dtype.kind not in "iu":
        return words
    out = words if words.flags.writeable else np.empty_like(words)
    np.left_shift(words, left, out=out)
    np.right_shift(out, right, out=out)
    return out


def _stored_dtype(layout: PixelLayout) -> np.dtype[Any]:
    code = "i" if layout.signed else "u"
    if layout.kind != "integer":
        code = "f"
    return np.dtype(f"<{code}{layout.bits_allocated // 8}")


def _read_into(path: Path, offset: int, plane: NDArray[Any]) -> None:
    """Read a plane's bytes from the file to where they are to be."""
    view, n_read = plane.data.cast("B"), 0
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while n_read < plane.nbytes:
            n = file.readinto(view[n_read:])
            if not n:
                raise damaged(path, "it ends within the pixels")
            n_read += n
