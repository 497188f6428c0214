"""One slice at a time, so that a slice and its volume give the same bits."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ProgressCallback", "fill_slices", "map_slices", "own_plane"]


class ProgressCallback(Protocol):
    """What `JobContext.progress` looks like."""

    def __call__(self, done: float, total: float = 0, message: str = "") -> None:
        """Report; raises `Cancelled` where the user asked to stop."""


def map_slices(
    function: Callable[[NDArray[np.float32], int], NDArray[np.float32]],
    data: NDArray[Any],
    *,
    progress: ProgressCallback | None = None,
    message: str = "",
) -> NDArray[np.float32]:
    """Apply a function to each slice of a picture or a volume.

    Every slice is handed over as a contiguous float32 array of its own, whatever the
    layout of ``data``: the result for a slice does not depend on what lies around it,
    nor on the number of threads. What is not finite is replaced: NaN and minus infinity
    by the slice's darkest value, infinity by its brightest, all of it by 0 where
    nothing is finite.

    Volumes are spread over all processors (numpy and the compiled loops let go of the
    interpreter's lock).

    Parameters
    ----------
    function : callable
        ``function(plane, k)`` takes and returns float32 of shape (Y, X); ``k`` is the
        slice's index, 0 for a single slice. It may change its argument.
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Any real dtype; not changed.
    progress : callable, optional
        Called as ``progress(done, total, message)`` after each slice.
    message : str
        What is being done.

    Returns
    -------
    ndarray of float32
        Same shape as ``data``.

    Raises
    ------
    InputError
        If ``data`` has neither two nor three axes.
    """
    data = np.asarray(data)
    if data.ndim == 2:
        result = function(own_plane(data), 0)
        if progress is not None:
            progress(1, 1, message)
        return result
    out = np.empty(data.shape, dtype=np.float32)

    def one(k: int) -> None:
        out[k] = function(own_plane(data[k]), k)

    _each_slice(one, data, progress, message)
    return out


def fill_slices(
    fill: Callable[[NDArray[np.float32], NDArray[np.float32]], None],
    data: NDArray[Any],
) -> NDArray[np.float32]:
    """Do as `map_slices` with a function that puts its result where it is to be.

    Parameters
    ----------
    fill : callable
        ``fill(plane, out)``, both contiguous float32 of shape (Y, X); it writes all of
        ``out`` and leaves ``plane`` as it is, which may be a part of ``data``.
    data : ndarray, shape (Y, X) or (Z, Y, X)
        As there; so are result and errors.
    """
    data = np.asarray(data)
    out = np.empty(data.shape, dtype=np.float32)
    if data.ndim == 2:
        fill(_plane(data), out)
    else:
        _each_slice(lambda k: fill(_plane(data[k]), out[k]), data, None, "")
    return out


def _each_slice(
    one: Callable[[int], None],
    data: NDArray[Any],
    progress: ProgressCallback | None,
    message: str,
) -> None:
    if data.ndim != 3:
        msg = (
            "Filters work on slices (Y, X) or volumes (Z, Y, X); "
            f"found an array with {data.ndim} axes."
        )
        raise InputError(msg)
    total = data.shape[0]
    n_threads = min(_processors(), total)
    if n_threads <= 1:
        for k in range(total):
            one(k)
            if progress is not None:
                progress(k + 1, total, message)
        return
    with ThreadPoolExecutor(n_threads, thread_name_prefix="medlab-slices") as pool:
        try:
            for n, _ in enumerate(pool.map(one, range(total))):
                if progress is not None:
                    progress(n + 1, total, message)
        except BaseException:
            # Cancelled: do not filter the rest before stopping.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _plane(plane: NDArray[Any]) -> NDArray[np.float32]:
    """Return a slice as `own_plane` does, but without a copy where it needs none."""
    if plane.dtype == np.float32 and plane.flags.c_contiguous and plane.flags.aligned:
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(plane.sum()):
                return plane
    return own_plane(plane)


def own_plane(plane: NDArray[Any]) -> NDArray[np.float32]:
    """Return a slice as a filter takes it: a float32 copy, all of it finite.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
        Of any number type; it stays as it is.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        In C order.
    """
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
        own = np.array(plane, dtype=np.float32, order="C")
    if plane.dtype.kind != "f":
        return own
    with np.errstate(over="ignore", invalid="ignore"):
        # One that is not finite makes the sum so; a sum is quicker than a test of each.
        if np.isfinite(own.sum()):
            return own
    finite = np.isfinite(own)
    if finite.all():
        return own
    inside = own[finite]
    dark, bright = (inside.min(), inside.max()) if inside.size else (0.0, 0.0)
    return np.nan_to_num(own, copy=False, nan=dark, neginf=dark, posinf=bright)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
