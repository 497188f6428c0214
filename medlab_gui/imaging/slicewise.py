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

__all__ = ["ProgressCallback", "map_slices"]


class ProgressCallback(Protocol):
    """What `JobContext.progress` looks like."""

    def __call__(self, done: float, total: float = 0, message: str = "") -> None:
        """Report; raises `Cancelled` where the user asked to stop."""


def map_slices(
    function: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    data: NDArray[Any],
    *,
    progress: ProgressCallback | None = None,
    message: str = "",
) -> NDArray[np.float32]:
    """Apply a function to each slice of a picture or a volume.

    Every slice is handed over as a contiguous float32 array of its own, whatever the
    layout of ``data``: the result for a slice does not depend on what lies around it.
    Volumes are spread over threads (numpy lets go of the interpreter's lock).

    Parameters
    ----------
    function : callable
        Takes and returns float32 of shape (Y, X); must not keep its argument.
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

    def one(plane: NDArray[Any]) -> NDArray[np.float32]:
        return function(np.array(plane, dtype=np.float32, order="C"))

    if data.ndim == 2:
        result = one(data)
        if progress is not None:
            progress(1, 1, message)
        return result
    if data.ndim != 3:
        msg = (
            "Filters work on slices (Y, X) or volumes (Z, Y, X); "
            f"found an array with {data.ndim} axes."
        )
        raise InputError(msg)
    out = np.empty(data.shape, dtype=np.float32)
    total = data.shape[0]
    n_threads = min(4, os.cpu_count() or 1, total)
    if n_threads <= 1:
        for k in range(total):
            out[k] = one(data[k])
            if progress is not None:
                progress(k + 1, total, message)
        return out
    with ThreadPoolExecutor(n_threads, thread_name_prefix="medlab-slices") as pool:
        try:
            for k, plane in enumerate(pool.map(one, data)):
                out[k] = plane
                if progress is not None:
                    progress(k + 1, total, message)
        except BaseException:
            # Cancelled: do not filter the rest before stopping.
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return out
