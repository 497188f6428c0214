"""Decodes the frames of one DICOM file whose pixels are not plainly there.

Compressed, deflated, big endian or oddly packed. pydicom's decoders come first;
SimpleITK's GDCM takes what they cannot.
"""

from __future__ import annotations

import struct
import threading
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from medlab_gui.io.dicom_colour import (
    grey_of,
    is_coloured,
    mend_palette,
    mend_photometric,
)
from medlab_gui.io.dicom_gdcm import damaged, not_grey, stored_by_gdcm
from medlab_gui.io.dicom_ge import GE_PRIVATE, is_other_way_round, swap_pixels
from medlab_gui.io.dicom_pixel_place import coded_syntax, lacks_its_end
from medlab_gui.io.dicom_source import open_dicom
from medlab_gui.io.dicom_values import numbers
from medlab_gui.io.pydicom_quiet import pydicom_errors, quiet_pydicom
from medlab_gui.io.silence import silent_libraries

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["PackedFile", "can_decode", "damaged"]

_GDCM_ONLY = {
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
}
"""12-bit and lossless JPEG: SimpleITK's GDCM decodes them, pydicom alone does not."""

_JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
"""pydicom's decoder goes first, where there is one: not for Python 3.14. It also takes
pictures of fewer than 8 bits, which GDCM refuses."""

_RLE = "1.2.840.10008.1.2.5"
_NOT_BY_GDCM = {
    _RLE,
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
}
"""RLE, JPEG 2000: broken run lengths make GDCM divide by zero, which ends the process;
broken JPEG 2000 makes it take a gigabyte, and pydicom's decoder is the same library."""

_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
_END_MARK = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def can_decode(syntax: str, bits: int = 16) -> bool:
    """Tell whether pixels of a transfer syntax, of so many bits, can be read here."""
    if not syntax or syntax in _GDCM_ONLY | _JPEG_LS:
        return True
    if syntax == GE_PRIVATE:
        return bits == 16  # of others nobody says how bytes are swapped
    return _pydicom_decodes(syntax)


@cache
def _pydicom_decodes(syntax: str) -> bool:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    try:
        return bool(get_decoder(UID(syntax)).is_available)
    except NotImplementedError:
        return False


class PackedFile:
    """A file that is opened once for all of its frames; for any number of threads.

    Parameters
    ----------
    path : Path
        The file. It is read when the first frame is asked for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._dataset: Any = None
        self._pieces: list[bytes] = []
        self._gdcm: NDArray[Any] | None = None
        self._broken = False
        self._syntax = ""
        self.gives_words = False
        """Whether planes hold whole words, of which the value is a part."""

    def plane(self, index: int) -> tuple[NDArray[Any], bool]:
        """Decode a frame.

        Parameters
        ----------
        index : int
            Number of the frame, from 0.

        Returns
        -------
        ndarray, shape (Y, X), and bool
            Stored values, and whether they have been rescaled already.

        Raises
        ------
        DamagedFileError
            If it does not decode.
        InputError
            If the file holds something else than grey slices.
        """
        with self._lock:
            if self._dataset is None:
                self._open()
        if lacks_its_end(self._coded(index)):
            raise damaged(self._path, "its compressed picture breaks off")
        if not self._broken:
            from pydicom.pixels.utils import iter_pixels

            with quiet_pydicom(), silent_libraries():
                try:
                    if self._pieces:
                        one, indices = self._one(index), None
                    else:
                        one, indices = self._dataset, [index]
                    if is_coloured(one):
                        # Not raw: as red, green and blue, whatever they are stored as.
                        planes = iter_pixels(one, indices=indices, raw=False)
                        return grey_of(next(planes), one), True
                    return next(iter_pixels(one, indices=indices, raw=True)), False
                except pydicom_errors(StopIteration):
                    # GDCM copes with some files that break the standard; it says so
                    # if it does not.
                    self._broken = True
        if self._syntax in _NOT_BY_GDCM:
            raise damaged(self._path, "its pixels do not decode")
        if self._pieces:
            return stored_by_gdcm(self._path, self._one(index))[0], False
        with self._lock:
            if self._gdcm is None:
                self._gdcm = stored_by_gdcm(self._path, self._dataset)
        if index >= len(self._gdcm):
            raise not_grey(self._path)
        return self._gdcm[index], False

    def _open(self) -> None:
        from pydicom.uid import UID

        path = self._path
        with quiet_pydicom():
            try:
                dataset = _whole(path)
                syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
                if not syntax:
                    implicit, little = dataset.original_encoding
                    dataset.file_meta.TransferSyntaxUID = UID(
                        _plain_syntax(implicit, little)
                    )
                if syntax == GE_PRIVATE:
                    if is_other_way_round(dataset):
                        what = "its pixels are not in the byte order that it names"
                        raise damaged(path, what)
                    swap_pixels(dataset)
                    syntax = str(dataset.file_meta.TransferSyntaxUID)
                hidden = _hides_a_picture(dataset) and _hidden_syntax(dataset)
                if hidden:
                    syntax = hidden
                    dataset.file_meta.TransferSyntaxUID = UID(syntax)
            except pydicom_errors() as error:
                raise damaged(path, "its header is broken") from error
            self._syntax = syntax
            self._broken = syntax in _GDCM_ONLY
            try:
                mend_photometric(dataset)
                self.gives_words = _as_words(dataset, syntax)
                mend_palette(dataset)
                n_frames = int(dataset.get("NumberOfFrames") or 1)
                packed = bool(dataset.file_meta.TransferSyntaxUID.is_encapsulated)
                if packed and n_frames > 1:
                    self._split(dataset, n_frames)
            except pydicom_errors():
                self._pieces = []  # frame by frame through pydicom, then
        self._dataset = dataset

    def _split(self, dataset: Any, n_frames: int) -> None:
        """Cut the pixels into frames once, so that any frame is at hand.

        pydicom looks for a frame from the start each time.
        """
        from pydicom.encaps import generate_frames

        offsets = None
        if "ExtendedOffsetTable" in dataset:
            offsets = dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
        pieces = list(
            generate_frames(
                dataset.PixelData, number_of_frames=n_frames, extended_offsets=offsets
            )
        )
        if len(pieces) == n_frames:
            self._pieces = pieces
            for name in ("PixelData", "ExtendedOffsetTable"):
                if name in dataset:
                    delattr(dataset, name)
            dataset.NumberOfFrames = 1

    def _coded(self, index: int) -> bytes:
        """Return the bytes of a compressed frame, if they are at hand, else none."""
        from pydicom.encaps import generate_fragments

        if self._pieces:
            return self._pieces[index]
        try:
            if not self._dataset.file_meta.TransferSyntaxUID.is_encapsulated:
                return b""
            with quiet_pydicom():
                fragments = list(generate_fragments(self._dataset.PixelData))
        except pydicom_errors():
            return b""  # the decoders say what is wrong
        # The first one is the table of offsets.
        return fragments[1] if len(fragments) == 2 else b"".join(fragments[1:])

    def _one(self, index: int) -> Any:
        """Return a data set with one frame."""
        import pydicom
        from pydicom.encaps import encapsulate

        one = pydicom.Dataset()
        one.update(self._dataset.group_dataset(0x0028))
        one.file_meta = self._dataset.file_meta
        one.PixelData = encapsulate([self._pieces[index]])
        one["PixelData"].VR = "OB"
        return one


def _as_words(dataset: Any, syntax: str) -> bool:
    """Let pydicom leave words whole where their value is not at the bottom of them."""
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated and syntax != _RLE:
        return False
    stored, high = numbers(dataset, "BitsStored"), numbers(dataset, "HighBit")
    allocated = numbers(dataset, "BitsAllocated")
    if not stored or not high or not allocated:
        return False
    if 1 <= stored[0] <= allocated[0] and high[0] == stored[0] - 1:
        return False
    dataset.BitsStored, dataset.HighBit = int(allocated[0]), int(allocated[0]) - 1
    return True


def _plain_syntax(implicit: bool | None, little: bool | None) -> str:
    if little is False:
        return "1.2.840.10008.1.2.2"
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"


def _hides_a_picture(dataset: Any) -> bool:
    """Tell whether pixels are compressed although the transfer syntax denies it."""
    packed = bool(dataset.file_meta.TransferSyntaxUID.is_encapsulated)
    if packed or "PixelData" not in dataset:
        return False
    return bool(dataset["PixelData"].is_undefined_length)


def _hidden_syntax(dataset: Any) -> str:
    from pydicom.encaps import generate_fragments

    fragments = generate_fragments(dataset.PixelData)
    return next(filter(None, map(coded_syntax, fragments)), "")


def _whole(path: Path) -> Any:
    """Read a file with its pixels."""
    import pydicom

    with open_dicom(path) as file:
        try:
            dataset = pydicom.dcmread(file, force=True)
        except (EOFError, TypeError):  # the second one while it tells of the first
            dataset = None
        if dataset is not None and _PIXELS & set(dataset.keys()):
            return dataset
        # Compressed pixels may lack the mark that ends them: here it is.
        file.seek(0)
        mended = file.read() + _END_MARK
    return pydicom.dcmread(BytesIO(mended), force=True)
