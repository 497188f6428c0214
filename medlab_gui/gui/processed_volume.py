"""A recipe applied to a whole scan in the background, for looking only."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import ResourceError
from medlab_gui.core.i18n import _
from medlab_gui.imaging.recipes import effective, same_effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.gui.preview import SliceRunner

__all__ = ["ProcessedVolume", "outwards"]

_SHARE = 0.6


def outwards(n: int, first: int) -> list[int]:
    """Return the slices of a scan, those nearest to ``first`` first."""
    return sorted(range(n), key=lambda k: abs(k - first))


class ProcessedVolume:
    """What a recipe makes of the slices of one series; filled by a worker.

    Parameters
    ----------
    uid : str
        The series.
    spec : PipelineSpec
        The recipe.
    data : ndarray, shape (Z, Y, X)
        The scan.
    padding : tuple of float, optional
        Lowest and highest of the values that only fill the picture.

    Raises
    ------
    ResourceError
        If there is not enough memory.
    """

    def __init__(
        self,
        uid: str,
        spec: PipelineSpec,
        data: NDArray[Any],
        padding: tuple[float, float] | None = None,
    ) -> None:
        self.uid, self.spec = uid, spec
        self._data, self._padding = data, padding
        needed = 4 * int(np.prod(data.shape))
        free = _free_memory()
        if needed > _SHARE * free:
            msg = _(
                "The processed volume takes {needed} MB and {free} MB of memory are "
                "free. Close other programs, or look at it slice by slice."
            ).format(needed=needed // 2**20, free=free // 2**20)
            raise ResourceError(msg)
        self._slices: list[NDArray[np.float32] | None] = [None] * data.shape[0]

    def is_of(self, uid: str, spec: PipelineSpec) -> bool:
        """Tell whether it is what this recipe makes of this series."""
        return self.uid == uid and same_effect(self.spec, spec)

    def slice(self, k: int) -> NDArray[np.float32] | None:
        """Return slice ``k``, shape (Y, X); None where it is not done yet."""
        return self._slices[k]

    @property
    def n_done(self) -> int:
        """How many slices are done."""
        return sum(s is not None for s in self._slices)

    @property
    def complete(self) -> bool:
        """Whether every slice is done."""
        return self.n_done == len(self._slices)

    def fill(
        self,
        first: int,
        progress: Callable[..., None],
        runner: SliceRunner | None = None,
    ) -> None:
        """Do the slices that are not done yet, from the one looked at outwards.

        Parameters
        ----------
        first : int
            The slice looked at.
        progress : callable
            As `medlab_gui.core.jobs.JobContext.progress`; may raise to stop. What is
            done by then stays.
        runner : SliceRunner, optional
            Of the same scan: what it has fitted to it is not fitted again.
        """
        from medlab_gui.gui.preview import SliceRunner
        from medlab_gui.imaging.padding import without_padding

        runner = runner or SliceRunner(self._data, self._padding)
        n = len(self._slices)
        message = _("Preprocessing")
        progress(self.n_done, n, message)
        # Takes time only where a step looks at the whole scan.
        data = self._data
        if effective(self.spec):  # else nothing is done to it
            data = without_padding(data, self._padding)
        fitted = runner.fit(
            self.spec, progress=lambda *_a, **_k: progress(0, n, message)
        )

        def one(k: int) -> None:
            self._slices[k] = fitted(data[k], k)

        missing = [k for k in outwards(n, first) if self._slices[k] is None]
        with ThreadPoolExecutor(_threads(), thread_name_prefix="medlab-volume") as pool:
            try:
                for _done in pool.map(one, missing):
                    progress(self.n_done, n, message)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _threads() -> int:
    """Return how many threads to use; one processor is left to the window."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return max(1, (n or os.cpu_count() or 1) - 1)


def _free_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().available)
