"""The Modality LUT: a table that stored values are looked up in (PS3.3 C.11.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.io.dicom_values import numbers, text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.io.series import PixelLayout

__all__ = ["LookupTable", "lookup_table"]


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A table of values.

    Parameters
    ----------
    first : int
        The stored value that the first entry is for; smaller ones get it, too.
    entries : bytes
        What stored values become, as uint16 of this machine; those beyond the end get
        the last. Bytes, so that headers can be compared.
    units : str
        What the header says that they are, e.g. ``"HU"``; or "".
    """

    first: int
    entries: bytes = field(repr=False)
    units: str

    @property
    def values(self) -> NDArray[np.uint16]:
        """The entries, shape (N,)."""
        return np.frombuffer(self.entries, np.uint16)

    def apply(self, stored: NDArray[Any]) -> NDArray[np.uint16]:
        """Return what stored values, of any shape, become."""
        index = stored.astype(np.int64) - self.first
        values = self.values
        return values[np.clip(index, 0, len(values) - 1)]


def lookup_table(
    dataset: Any, layout: PixelLayout, *, is_little: bool
) -> LookupTable | None:
    """Return the Modality LUT of a header, or None where it has none that makes sense.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The header.
    layout : PixelLayout
        How its pixels are written.
    is_little : bool
        Whether numbers in the header are little endian.

    References
    ----------
    DICOM PS3.3, C.11.1.1.1 (LUT Descriptor) and C.11.1.1.2 (Modality LUT Type).
    """
    items = dataset.get("ModalityLUTSequence")
    if not items or not layout.is_grey or layout.kind != "integer":
        return None
    descriptor = numbers(items[0], "LUTDescriptor")
    if not descriptor or len(descriptor) != 3:
        return None
    n_entries, first, bits = (int(v) for v in descriptor)
    n_entries = n_entries % 65536 or 65536
    # Whether the value is signed follows from the pixels, whatever its VR says.
    first %= 65536
    if layout.signed and first >= 32768:
        first -= 65536
    values = _entries(items[0], n_entries, bits, is_little)
    if values is None:
        return None
    units = text(items[0], "ModalityLUTType").upper()
    return LookupTable(first, values.astype(np.uint16).tobytes(), units)


def _entries(
    item: Any, n_entries: int, bits: int, is_little: bool
) -> NDArray[Any] | None:
    data = item.get("LUTData")
    if not isinstance(data, bytes):  # US: numbers already
        many = numbers(item, "LUTData")
        if not many or len(many) < n_entries or not 0 <= min(many) <= max(many) < 65536:
            return None
        return np.array(many[:n_entries], np.uint16)
    if bits <= 8 and len(data) < 2 * n_entries:
        if len(data) < n_entries:
            return None
        return np.frombuffer(data, np.uint8, n_entries)
    if len(data) < 2 * n_entries:
        return None
    return np.frombuffer(data, "<u2" if is_little else ">u2", n_entries)
