"""Values that only fill the picture outside what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["is_padding", "without_padding"]


def is_padding(
    data: NDArray[Any], padding: tuple[float, float] | None
) -> NDArray[np.bool_] | None:
    """Tell which voxels only fill the picture; None where there are none.

    Parameters
    ----------
    data : ndarray, any shape
        Grey values.
    padding : tuple of float or None
        Lowest and highest of the filling values (`core.display.Display.padding`).
    """
    if padding is None:
        return None
    low, high = padding
    found = (data >= low) & (data <= high)
    return found if found.any() else None


def without_padding(
    data: NDArray[Any], padding: tuple[float, float] | None
) -> NDArray[Any]:
    """Return a picture in which filling values are as dark as the darkest measured.

    Far below everything that was measured, as in many CTs, they would stretch
    histograms, percentiles and bias fields. Everything that computes on grey values
    (preprocessing for the eye and for the model) takes this; files and the canvas keep
    the values as they are.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Grey values; not changed. A volume is taken slice by slice, so that a slice
        alone is what it is in its volume.
    padding : tuple of float or None
        As in `is_padding`.

    Returns
    -------
    ndarray
        Of the same shape and dtype; ``data`` itself where nothing fills it. A slice
        with nothing measured keeps its values.
    """
    if padding is None:
        return data
    if data.ndim == 2:
        return _plane_without(data, padding)
    result: NDArray[Any] | None = None
    for k, plane in enumerate(data):
        made = _plane_without(plane, padding)
        if made is plane:
            continue
        if result is None:
            result = np.array(data)
        result[k] = made
    return data if result is None else result


def _plane_without(plane: NDArray[Any], padding: tuple[float, float]) -> NDArray[Any]:
    fills = is_padding(plane, padding)
    if fills is None:
        return plane
    measured = plane[~fills]
    if measured.dtype.kind == "f":
        measured = measured[np.isfinite(measured)]
    if not measured.size:
        return plane
    made = np.array(plane)
    made[fills] = measured.min()
    return made
