"""GE's private transfer syntax: implicit little endian, but for the pixels.

Workstations of the 1990s wrote pixels in their own byte order, big endian, into files
whose headers are implicit VR little endian.

References
----------
DCMTK, bug 686 and ``EXS_PrivateGE_LEI_WithBigEndianPixelData``; GDCM reads the same
(``ImplicitVRBigEndianPrivateGE``), and a test holds this module to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["GE_PRIVATE", "is_other_way_round", "swap_pixels"]

GE_PRIVATE = "1.2.840.113619.5.2"
"""The transfer syntax."""
_ROUGHER = 2.0


def swap_pixels(dataset: Any) -> None:
    """Turn the pixels of a file into little endian, and its syntax with them.

    Parameters
    ----------
    dataset : pydicom.FileDataset
        With words of 16 bits; it is changed.
    """
    from pydicom.uid import ImplicitVRLittleEndian

    words = np.frombuffer(dataset.PixelData, ">u2", len(dataset.PixelData) // 2)
    dataset.PixelData = words.astype("<u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def is_other_way_round(dataset: Any) -> bool:
    """Tell whether the pixels are little endian after all, as some programs leave them.

    Neighbours in a picture are alike; read in the wrong order they differ by some 256
    times as much. Noise alone looks the same either way, and is believed.
    """
    code = "i2" if int(dataset.get("PixelRepresentation") or 0) == 1 else "u2"
    n_words = len(dataset.PixelData) // 2
    named, other = (
        np.abs(np.diff(np.frombuffer(dataset.PixelData, order + code, n_words) * 1.0))
        for order in "><"
    )
    return float(named.sum()) > _ROUGHER * float(other.sum())
