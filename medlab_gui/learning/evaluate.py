"""How good a checkpoint is on slices whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.labels import IGNORE
from medlab_gui.imaging.pipeline import needs_volume
from medlab_gui.learning.dataset import SliceKey, half_of
from medlab_gui.learning.metrics import dice
from medlab_gui.learning.progress import silent
from medlab_gui.learning.statistics import mean_known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.learning.dataset import SliceSource
    from medlab_gui.learning.predict import Predictor
    from medlab_gui.learning.progress import Progress

__all__ = ["DiceCounts", "evaluate_slices"]


@dataclass
class DiceCounts:
    """Counts voxels slice by slice, for the Dice coefficient of all of them together.

    Parameters
    ----------
    scheme : LabelScheme
        The classes.
    """

    scheme: LabelScheme
    _counts: dict[int, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self._counts = {c.value: [0, 0, 0] for c in self.scheme.classes}

    def add(
        self, prediction: NDArray[np.uint8], truth: NDArray[np.uint8]
    ) -> dict[str, float | None]:
        """Add a slice.

        Parameters
        ----------
        prediction, truth : ndarray of uint8, shape (Y, X)
            Classes; where the truth is 255 ("ignore") nothing counts.

        Returns
        -------
        dict of str to float or None
            The slice's own Dice (0 to 1) by class name, None where neither has it.
        """
        counts = truth != IGNORE
        own = {}
        for one in self.scheme.classes:
            s = (prediction == one.value) & counts
            t = (truth == one.value) & counts
            found = [int((s & t).sum()), int(s.sum()), int(t.sum())]
            own[one.name] = dice(*found)
            total = self._counts[one.value]
            self._counts[one.value] = [a + b for a, b in zip(total, found, strict=True)]
        return own

    @property
    def dice(self) -> dict[str, float | None]:
        """Dice of each class over all slices, None where no slice has it."""
        return {c.name: dice(*self._counts[c.value]) for c in self.scheme.classes}

    @property
    def mean(self) -> float:
        """Mean over classes that occur; 1 where none does, as all agree on nothing."""
        found = mean_known(self.dice.values())
        return 1.0 if found is None else found


def evaluate_slices(
    predictor: Predictor, source: SliceSource, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Return the Dice coefficients of a checkpoint on labelled slices.

    Parameters
    ----------
    predictor : Predictor
        The checkpoint.
    source : SliceSource
        The slices; judged at their own pixels.
    progress : callable, optional
        Called after each slice; may raise to stop.

    Returns
    -------
    dict
        ``dice`` (class name to Dice over the voxels of all slices, None where the class
        is in neither prediction nor truth), ``mean_dice`` (over the classes that occur;
        1.0 where none does), ``n_slices``, and ``per_slice``: a list of
        ``{"series_uid", "slice_index", "dice"}``.
    """
    report = progress or silent
    counts = DiceCounts(predictor.meta.scheme)
    per_slice = []
    keys = list(source.keys)
    report(0, len(keys), "Judging")
    for n, (key, mask) in enumerate(_masks(predictor, source, keys, report), start=1):
        fills = source.unmeasured(key)
        if fills is not None:
            # As predictions are kept: nothing is found where nothing was measured.
            mask[fills] = 0
        own = counts.add(mask, source.labels(key))
        per_slice.append(
            {"series_uid": key.series_uid, "slice_index": key.slice_index, "dice": own}
        )
        report(n, len(keys), "Judging")
    return {
        "dice": counts.dice,
        "mean_dice": counts.mean,
        "n_slices": len(keys),
        "per_slice": per_slice,
    }


def _masks(
    predictor: Predictor,
    source: SliceSource,
    keys: Sequence[SliceKey],
    report: Progress,
) -> Iterator[tuple[SliceKey, NDArray[np.uint8]]]:
    """Yield what is predicted of each slice, as it is predicted within its scan."""
    half = half_of(predictor.meta.network.in_channels)
    if not needs_volume(predictor.meta.pipeline):
        for key in keys:
            data, k = _between_neighbours(source, key, half)
            found = predictor.predict(data, (1.0, *source.spacing(key)), slices=[k])
            yield key, found.labels[k]
        return
    # A step such as N4 makes of a slice alone something else than of the scan.
    n = 0
    for _uid, group in groupby(keys, key=lambda key: key.series_uid):
        own = list(group)
        found = predictor.predict(
            source.scan(own[0]),
            (1.0, *source.spacing(own[0])),
            slices=[key.slice_index for key in own],
            progress=partial(_stoppable, report, n, len(keys)),
        )
        for key in own:
            yield key, found.labels[key.slice_index]
        n += len(own)


def _stoppable(report: Progress, n: int, total: int, *_: object, **__: object) -> None:
    report(n, total, "Judging")


def _between_neighbours(
    source: SliceSource, key: SliceKey, half: int
) -> tuple[NDArray[Any], int]:
    """Return a slice with its neighbours, shape (n, Y, X), and which of them it is."""
    k = key.slice_index
    if not half:
        return np.asarray(source.image(key))[None], 0
    last = source.depth(key) - 1
    near = range(max(0, k - half), min(last, k + half) + 1)
    planes = [source.image(SliceKey(key.series_uid, n)) for n in near]
    return np.stack(planes), k - near[0]
