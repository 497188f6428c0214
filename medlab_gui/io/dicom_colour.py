"""Colour pictures as grey ones: their luminance, and nothing to measure by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.io.dicom_values import numbers, text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["grey_of", "is_coloured", "luminance", "mend_palette", "mend_photometric"]

_WEIGHTS = (0.299, 0.587, 0.114)


def is_coloured(dataset: Any) -> bool:
    """Tell whether a header says that its pixels are colours, of a palette or not."""
    claimed = text(dataset, "PhotometricInterpretation") or "MONO"
    if (
        claimed != "PALETTE COLOR"
        and (numbers(dataset, "SamplesPerPixel") or (1,))[0] < 2
    ):
        return False  # whatever it calls itself, one sample is no colour
    return not claimed.startswith("MONO")


def mend_photometric(dataset: Any) -> None:
    """Call a picture of one sample grey where its header has another word for it."""
    claimed = text(dataset, "PhotometricInterpretation")
    if not is_coloured(dataset) and not claimed.startswith("MONO"):
        dataset.PhotometricInterpretation = "MONOCHROME2"


def grey_of(plane: NDArray[Any], dataset: Any) -> NDArray[Any]:
    """Return a decoded frame in colour as grey.

    Parameters
    ----------
    plane : ndarray, shape (Y, X, 3), or (Y, X) for a palette
        Red, green and blue; or numbers of entries of the palette.
    dataset : pydicom.Dataset
        Its header, with the palette.

    Returns
    -------
    ndarray, shape (Y, X)
        Luminance; of a palette with entries of 16 bits the upper 8.

    Raises
    ------
    ValueError
        If it has neither three colours nor a palette.
    """
    if plane.ndim == 2:
        from pydicom.pixels.processing import apply_color_lut

        plane = apply_color_lut(plane, dataset)
        if plane.dtype.itemsize > 1:
            plane = (plane >> 8).astype(np.uint8)
    return luminance(plane)


def mend_palette(dataset: Any) -> None:
    """Turn the palette of a big endian file round: pydicom takes it as it lies."""
    if dataset.original_encoding[1] is not False:
        return
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTableData"
        shape = numbers(dataset, f"{colour}PaletteColorLookupTableDescriptor")
        data = dataset.get(name)
        if not isinstance(data, bytes) or not shape or len(data) % 2:
            continue
        if len(data) >= 2 * (int(shape[0]) % 65536 or 65536):
            entries = np.frombuffer(data, ">u2").astype("=u2")
            setattr(dataset, name, entries.tobytes())


def luminance(colours: NDArray[Any]) -> NDArray[Any]:
    """Return 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded, in the same dtype.

    Parameters
    ----------
    colours : ndarray of int, shape (..., 3 or more)
        What comes after red, green and blue (opacity) does not count.

    Raises
    ------
    ValueError
        If there are fewer than three colours.
    """
    if colours.ndim < 3 or colours.shape[-1] < 3:
        msg = f"{colours.shape} are no colours"
        raise ValueError(msg)
    red, green, blue = (colours[..., n].astype(np.float32) for n in range(3))
    mixed = _WEIGHTS[0] * red + _WEIGHTS[1] * green + _WEIGHTS[2] * blue
    whole = colours.dtype.kind != "f"
    grey: NDArray[Any] = (np.rint(mixed) if whole else mixed).astype(colours.dtype)
    return grey
