"""A recipe applied to a whole scan in the background, for looking only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import ResourceError
from medlab_gui.core.i18n import _
from medlab_gui.imaging.recipes import same_effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec

__all__ = ["ProcessedVolume", "outwards"]

_AT_ONCE = 8
_SHARE = 0.6


def outwards(n: int, first: int, size: int = _AT_ONCE) -> list[range]:
    """Return the slices of a scan in small runs, those nearest to ``first`` first."""
    runs = [range(k, min(n, k + size)) for k in range(0, n, size)]
    return sorted(runs, key=lambda run: abs((run[0] + run[-1]) / 2 - first))


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

    Raises
    ------
    ResourceError
        If there is not enough memory.
    """

    def __init__(self, uid: str, spec: PipelineSpec, data: NDArray[Any]) -> None:
        self.uid, self.spec = uid, spec
        self._data = data
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

    def fill(self, first: int, progress: Callable[..., None]) -> None:
        """Do the slices that are not done yet, from the one looked at outwards.

        Parameters
        ----------
        first : int
            The slice looked at.
        progress : callable
            As `medlab_gui.core.jobs.JobContext.progress`; may raise to stop. What is
            done by then stays.
        """
        from medlab_gui.imaging.pipeline import run_pipeline

        n = len(self._slices)
        for run in outwards(n, first):
            if all(self._slices[k] is not None for k in run):
                continue
            report = partial(self._report, progress, self.n_done)
            report(0)
            made = run_pipeline(
                self.spec, self._data[run.start : run.stop], progress=report
            )
            for k, plane in zip(run, made, strict=True):
                self._slices[k] = plane
        progress(n, n, _("Preprocessing"))

    def _report(
        self,
        progress: Callable[..., None],
        before: int,
        done: float,
        total: float = 0,
        message: str = "",
    ) -> None:
        progress(before + done, len(self._slices), _("Preprocessing"))


def _free_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().available)
