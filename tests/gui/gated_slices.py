"""A volume that is processed slice by slice, when a test says so: no clock is in it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from medlab_gui.gui import processed_volume
from medlab_gui.imaging import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pytest
    from numpy.typing import NDArray


class GatedSlices:
    """Recipes whose slices wait for what is to come before them.

    Some are free, one comes when ``go`` is set, and all others after the volume was
    told to stop and took back what had not begun: so it does not matter which thread is
    how fast. At most one more slice for each of the two threads is done by then.

    Parameters
    ----------
    monkeypatch : pytest.MonkeyPatch
        Its ``undo`` opens the gate.
    first : int
        The slice looked at, of 16.
    n_free : int
        How many slices, from there outwards, do not wait.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, first: int, n_free: int
    ) -> None:
        self.go, heard = threading.Event(), threading.Event()
        self._heard, self._n_free = heard, n_free
        self._order = processed_volume.outwards(16, first)
        self._fit = pipeline.fit_pipeline

        class Pool(ThreadPoolExecutor):
            def shutdown(self, wait: bool = True, *, cancel_futures=False) -> None:
                super().shutdown(wait=False, cancel_futures=cancel_futures)
                heard.set()
                super().shutdown(wait=wait)

        monkeypatch.setattr(pipeline, "fit_pipeline", self._gated)
        monkeypatch.setattr(processed_volume, "ThreadPoolExecutor", Pool)
        monkeypatch.setattr(processed_volume, "_threads", lambda: 2)

    def _gated(self, *args: Any, **kwargs: Any) -> Callable[..., NDArray[np.float32]]:
        fitted = self._fit(*args, **kwargs)

        def one(plane: NDArray[Any], k: int) -> NDArray[np.float32]:
            place = self._order.index(k)
            if place >= self._n_free:
                gate = self.go if place == self._n_free else self._heard
                assert gate.wait(120)
            return fitted(plane, k)

        return one
