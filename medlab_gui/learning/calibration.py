"""Whether a network is as often right as it is sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Calibration"]


class Calibration:
    """Gathers how sure a network was and how often it was right.

    The expected calibration error is the sum over bins of equal width of (share of the
    voxels in the bin) * |share of them that is right - mean confidence|; the
    confidence is the largest class probability, and a bin holds its right edge.

    Parameters
    ----------
    n_bins : int
        Bins from 0 to 1.

    References
    ----------
    Guo et al.: On calibration of modern neural networks. ICML 2017.
    """

    def __init__(self, n_bins: int = 15) -> None:
        self._n = np.zeros(n_bins, np.int64)
        self._right = np.zeros(n_bins, np.int64)
        self._sure = np.zeros(n_bins, np.float64)

    def add(self, confidence: NDArray[Any], right: NDArray[np.bool_]) -> None:
        """Take answers in.

        Parameters
        ----------
        confidence : ndarray of float, shape (n,)
            Largest class probability of each, 0 to 1.
        right : ndarray of bool, shape (n,)
            Whether that class is the true one.
        """
        sure = np.asarray(confidence, np.float64).ravel()
        right = np.asarray(right, bool).ravel()
        n_bins = self._n.size
        edges = np.linspace(0, 1, n_bins + 1)
        place = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, n_bins - 1)
        self._n += np.bincount(place, minlength=n_bins)
        self._right += np.bincount(place[right], minlength=n_bins)
        self._sure += np.bincount(place, weights=sure, minlength=n_bins)

    @property
    def bins(self) -> list[tuple[float, float, int]]:
        """Mean confidence, share that is right, and number, of each bin in use."""
        used = np.flatnonzero(self._n)
        return [
            (self._sure[b] / self._n[b], self._right[b] / self._n[b], int(self._n[b]))
            for b in used
        ]

    @property
    def error(self) -> float | None:
        """Expected calibration error, 0 to 1; None where nothing was added."""
        total = int(self._n.sum())
        if not total:
            return None
        return float(np.abs(self._right - self._sure).sum() / total)

    @property
    def largest_error(self) -> float | None:
        """The largest gap of any bin in use; None where nothing was added."""
        gaps = [abs(right - sure) for sure, right, _n in self.bins]
        return float(max(gaps)) if gaps else None
