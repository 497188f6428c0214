"""Decodes what pydicom's decoders cannot, by GDCM (it comes with SimpleITK)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import DamagedFileError, InputError, storage_error
from medlab_gui.io.dicom_colour import luminance
from medlab_gui.io.dicom_pixel_place import coded_size
from medlab_gui.io.pydicom_quiet import pydicom_errors, quiet_pydicom
from medlab_gui.io.silence import silent_libraries

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["damaged", "not_grey", "stored_by_gdcm"]

_PICTURE, _FILM = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.3"
_MEANING = (0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00283000, 0x00283010)
"""Window, rescale, Modality and VOI LUT."""


def damaged(path: Path, what: str) -> DamagedFileError:
    """Return the error for a file whose pixels cannot be had."""
    return DamagedFileError(
        f"{path.name} cannot be read as a picture: {what}. Fetch the file again from "
        "where it came from.",
        path=path,
    )


def not_grey(path: Path) -> InputError:
    """Return the error for a file with other pixels than its header names."""
    msg = f"{path.name} does not hold the grey slices that its header names."
    return InputError(msg, path=path)


def stored_by_gdcm(path: Path, dataset: Any) -> NDArray[Any]:
    """Decode the pixels of a data set to stored values.

    GDCM rescales what it reads, all frames by the first one's slope and intercept. So
    it is given the pixels alone, without what says what their values mean.

    Parameters
    ----------
    path : Path
        The file that they are from, for the message.
    dataset : pydicom.Dataset
        With its pixels and their file meta group.

    Returns
    -------
    ndarray of int, shape (Z, Y, X)
        Stored values of all frames; of colours the luminance.

    Raises
    ------
    DamagedFileError
        If they do not decode.
    InputError
        If they are something else than slices.
    """
    if not _knows_its_size(dataset):
        raise damaged(path, "its pixels do not decode")
    with tempfile.TemporaryDirectory(prefix="medlab-") as folder:
        copy = Path(folder) / "pixels.dcm"
        try:
            with quiet_pydicom():
                _write_pixels(copy, dataset)
        except pydicom_errors() as error:
            raise damaged(path, "its pixels do not decode") from error
        except OSError as error:
            if error.errno is None:  # pydicom's: an element that cannot be written
                raise damaged(path, "its pixels do not decode") from error
            raise storage_error(error, copy) from error
        return _read(path, copy)


def _knows_its_size(dataset: Any) -> bool:
    """Tell whether compressed pixels name a size; GDCM takes any number for it."""
    from pydicom.encaps import generate_fragments

    try:
        if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            return True
        # The first piece is the table of offsets.
        pieces = generate_fragments(dataset.PixelData)
        return any(coded_size(piece) is not None for piece in pieces)
    except pydicom_errors():
        return False


def _write_pixels(copy: Path, dataset: Any) -> None:
    import pydicom

    alone = pydicom.Dataset()
    alone.update(dataset.group_dataset(0x0028))
    for tag in _MEANING:
        alone.pop(tag, None)
    several = int(alone.get("NumberOfFrames") or 1) > 1
    alone.SOPClassUID = _FILM if several else _PICTURE
    alone.SOPInstanceUID = "2.25.1"
    alone["PixelData"] = dataset["PixelData"]
    alone.file_meta = pydicom.dataset.FileMetaDataset()
    alone.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    alone.save_as(copy, enforce_file_format=True)


def _read(path: Path, copy: Path) -> NDArray[Any]:
    import numpy as np
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(copy))
    try:
        with silent_libraries():
            read = reader.Execute()
            image: NDArray[Any] = sitk.GetArrayFromImage(read)
    except RuntimeError as error:
        raise damaged(path, "its pixels do not decode") from error
    if read.GetNumberOfComponentsPerPixel() == 3:
        image = luminance(image)
    if image.ndim == 2:
        image = image[np.newaxis]
    if image.ndim != 3:
        raise not_grey(path)
    return image
