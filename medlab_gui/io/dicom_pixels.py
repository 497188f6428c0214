"""Reads the pixels of a DICOM series into one array."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.io.dicom_headers import PYDICOM_ERRORS, quiet_pydicom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.series import FileSeries, Frame, PixelLayout

__all__ = ["can_decode", "read_dicom_voxels"]

_GDCM_ONLY = {
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
}
"""12-bit and lossless JPEG: SimpleITK's GDCM decodes them, pydicom alone does not."""


def can_decode(syntax: str) -> bool:
    """Tell whether the pixels of a transfer syntax can be read here."""
    if not syntax or syntax in _GDCM_ONLY:
        return True
    return _pydicom_decodes(syntax)


@cache
def _pydicom_decodes(syntax: str) -> bool:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    try:
        return bool(get_decoder(UID(syntax)).is_available)
    except NotImplementedError:
        return False


class _Target:
    """The array being filled: int16 while every value fits exactly, else float32."""

    def __init__(self, shape: tuple[int, int, int], frames: tuple[Frame, ...]) -> None:
        whole = all(
            f.slope.is_integer() and f.intercept.is_integer() for f in frames
        ) and all(f.layout.kind == "integer" for f in frames)
        self.data: NDArray[Any] = np.empty(shape, np.int16 if whole else np.float32)
        self.n_filled = np.zeros(shape[0], dtype=np.bool_)

    def put(self, k: int, raw: NDArray[Any], slope: float, intercept: float) -> None:
        """Rescale a slice of stored values and put it at ``k``."""
        self.n_filled[k] = True
        if self.data.dtype == np.int16:
            ends = [int(v) * slope + intercept for v in (raw.min(), raw.max())]
            if min(ends) >= -32768 and max(ends) <= 32767:
                if (slope, intercept) == (1.0, 0.0):
                    self.data[k] = raw
                else:
                    # Wrap-around in 32 bits is impossible: the ends fit 16.
                    wide = raw.astype(np.int32)
                    wide *= int(slope)
                    wide += int(intercept)
                    self.data[k] = wide
                return
            self._widen()
        self.data[k] = raw.astype(np.float64) * slope + intercept

    def _widen(self) -> None:
        wide = np.empty(self.data.shape, np.float32)
        wide[self.n_filled] = self.data[self.n_filled]
        self.data = wide


def read_dicom_voxels(
    series: FileSeries, *, progress: ProgressCallback | None = None
) -> NDArray[Any]:
    """Read, decode and rescale all slices of a series.

    Uncompressed slices go from the file straight into the array.

    Parameters
    ----------
    series : FileSeries
        With ``frames`` in order.
    progress : callable, optional
        Called as ``progress(done, total, message)`` after each slice.

    Returns
    -------
    ndarray, shape (Z, Y, X)
        int16 where every rescaled value fits exactly, else float32.

    Raises
    ------
    DamagedFileError
        If a file has gone, is shorter than its header says, or does not decode.
    """
    target = _Target(series.shape, series.frames)
    by_path: dict[Path, list[tuple[int, Frame]]] = {}
    for k, frame in enumerate(series.frames):
        by_path.setdefault(frame.path, []).append((k, frame))
    done = 0
    for path, wanted in by_path.items():
        raw = all(f.offset is not None and _is_plain(f.layout) for _, f in wanted)
        planes = _raw_planes(path, wanted) if raw else _decoded_planes(path, wanted)
        try:
            for (k, frame), (plane, rescaled) in zip(wanted, planes, strict=True):
                if plane.shape != series.shape[1:]:
                    raise _damaged(path, f"a picture of {plane.shape} came out of it")
                slope, intercept = frame.slope, frame.intercept
                if rescaled:
                    slope, intercept = 1.0, 0.0
                target.put(k, plane, slope, intercept)
                done += 1
                if progress is not None:
                    progress(done, len(series.frames), "Reading slices")
        except OSError as error:
            raise _damaged(path, error.strerror or "it cannot be read") from error
    return target.data


def _damaged(path: Path, what: str) -> DamagedFileError:
    return DamagedFileError(
        f"{path.name} cannot be read as a picture: {what}. Fetch the file again from "
        "where it came from.",
        path=path,
    )


def _is_plain(layout: PixelLayout) -> bool:
    return (
        layout.samples == 1
        and layout.bits_allocated in (8, 16, 32)
        and 0 < layout.bits_stored <= layout.bits_allocated
        and layout.high_bit == layout.bits_stored - 1
    )


def _raw_planes(
    path: Path, wanted: list[tuple[int, Frame]]
) -> Iterator[tuple[NDArray[Any], bool]]:
    layout = wanted[0][1].layout
    code = "i" if layout.signed else "u"
    if layout.kind != "integer":
        code = "f"
    dtype = np.dtype(f"<{code}{layout.bits_allocated // 8}")
    plane = np.empty((layout.rows, layout.columns), dtype)
    shift = layout.bits_allocated - layout.bits_stored
    with path.open("rb", buffering=0) as file:
        for _, frame in wanted:
            file.seek(frame.offset or 0)
            view, n_read = plane.data.cast("B"), 0
            while n_read < plane.nbytes:
                n = file.readinto(view[n_read:])
                if not n:
                    raise _damaged(path, "it ends within the pixels")
                n_read += n
            if shift and code != "f":
                # Bits above the stored ones may hold an overlay, or nothing.
                np.left_shift(plane, shift, out=plane)
                np.right_shift(plane, shift, out=plane)
            yield plane, False


def _decoded_planes(
    path: Path, wanted: list[tuple[int, Frame]]
) -> Iterator[tuple[NDArray[Any], bool]]:
    """Yield decoded slices, and whether they have been rescaled already."""
    import pydicom
    from pydicom.pixels.utils import iter_pixels
    from pydicom.uid import UID

    indices = [frame.index for _, frame in wanted]
    with quiet_pydicom():
        try:
            dataset = pydicom.dcmread(path, force=True)
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
            if not syntax:
                implicit, little = dataset.original_encoding
                dataset.file_meta.TransferSyntaxUID = UID(
                    _plain_syntax(implicit, little)
                )
        except PYDICOM_ERRORS as error:
            raise _damaged(path, "its header is broken") from error
    if syntax in _GDCM_ONLY:
        yield from _gdcm_planes(path, indices)
        return
    planes = iter_pixels(dataset, indices=indices, raw=True)
    n_done = 0
    while n_done < len(indices):
        with quiet_pydicom():
            try:
                plane = next(planes)
            except (*PYDICOM_ERRORS, StopIteration):
                break
        n_done += 1
        yield plane, False
    # GDCM copes with some files that break the standard; it says so if it does not.
    if n_done < len(indices):
        yield from _gdcm_planes(path, indices[n_done:])


def _plain_syntax(implicit: bool | None, little: bool | None) -> str:
    if little is False:
        return "1.2.840.10008.1.2.2"
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"


def _gdcm_planes(path: Path, indices: list[int]) -> Iterator[tuple[NDArray[Any], bool]]:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        image = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise _damaged(path, "its pixels do not decode") from error
    if image.ndim == 2:
        image = image[np.newaxis]
    if image.ndim != 3 or max(indices) >= len(image):
        msg = f"{path.name} does not hold the grey slices that its header names."
        raise InputError(msg, path=path)
    for index in indices:
        yield image[index], True
