"""How well a mask agrees with the truth.

For a class, with S the predicted and T the true voxels:

* DSC = 2 |S n T| / (|S| + |T|), VOE = 1 - |S n T| / |S u T|,
  RVD = (|S| / |T| - 1) * 100 %, precision = |S n T| / |S|, recall = |S n T| / |T|,
  IoU = |S n T| / |S u T|.
* With B the surfaces and d the smallest Euclidean distance in mm:
  ASD = (sum of d(x, B_T) over B_S + sum of d(x, B_S) over B_T) / (|B_S| + |B_T|), and
  RMSD = sqrt of the same with squared distances.

**Surface** means: voxels of the mask that share a face with a voxel outside it; beyond
the edge of the array counts as outside. Distances go from voxel centre to centre.
**Ignored** voxels (255, in either mask) take no part: they belong to neither S nor T.
**Empty masks**: what has a zero denominator is None, not 0 and not 1. Where S and T are
both empty, all is None; where only one is, DSC and IoU are 0, VOE is 1, RVD is -100 %
(nothing predicted) or None (nothing true), and distances are None.

References
----------
Heimann et al.: Comparison and evaluation of methods for liver segmentation from CT
datasets. IEEE Trans. Med. Imaging 28 (2009), and Duan et al., J. Graphics 2020.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.labels import IGNORE
from medlab_gui.imaging.masks import surface_points

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Agreement",
    "MaskMetrics",
    "dice",
    "mask_metrics",
    "miou",
    "surface_distances",
]


@dataclass(frozen=True, slots=True)
class MaskMetrics:
    """Agreement for one class; None where it is not defined (see the module).

    Parameters
    ----------
    dsc, voe, precision, recall, iou : float or None
        Between 0 and 1.
    rvd : float or None
        In percent; negative where too little was predicted.
    asd_mm, rmsd_mm : float or None
        In millimetres.
    """

    dsc: float | None
    voe: float | None
    rvd: float | None
    asd_mm: float | None
    rmsd_mm: float | None
    precision: float | None
    recall: float | None
    iou: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return plain data, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two masks.

    Parameters
    ----------
    classes : dict of int to MaskMetrics
        Class by class.
    miou : float or None
        Mean intersection over union of background and classes; see `miou`.
    """

    classes: dict[int, MaskMetrics]
    miou: float | None


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None


def _check(prediction: NDArray[Any], truth: NDArray[Any]) -> None:
    if prediction.shape != truth.shape:
        msg = (
            f"The prediction has the shape {prediction.shape} and the truth "
            f"{truth.shape}; they must be masks on the same grid."
        )
        raise GeometryError(msg)


def mask_metrics(
    prediction: NDArray[Any],
    truth: NDArray[Any],
    spacing: Sequence[float],
    values: Iterable[int],
) -> Agreement:
    """Return the agreement of two masks, class by class and in all.

    Parameters
    ----------
    prediction, truth : ndarray of int, shape (Z, Y, X) or (Y, X)
        Class values; 255 is ignored.
    spacing : sequence of float
        Millimetres between voxels along each axis, as long as the masks have axes.
    values : iterable of int
        Classes to measure, e.g. ``[1, 2]``.

    Returns
    -------
    Agreement
        With one entry in ``classes`` for each of ``values``.

    Raises
    ------
    GeometryError
        If the shapes differ, or the spacing is not positive on each axis.
    """
    prediction, truth = np.asarray(prediction), np.asarray(truth)
    _check(prediction, truth)
    if len(spacing) != truth.ndim or min(spacing) <= 0:
        msg = (
            f"Masks with {truth.ndim} axes need as many positive spacings in mm; "
            f"found {tuple(spacing)}."
        )
        raise GeometryError(msg)
    values = list(values)
    counts = (prediction != IGNORE) & (truth != IGNORE)
    classes = {
        value: _one_class(
            (prediction == value) & counts, (truth == value) & counts, spacing
        )
        for value in values
    }
    return Agreement(classes, miou(prediction, truth, values))


def _one_class(
    s: NDArray[np.bool_], t: NDArray[np.bool_], spacing: Sequence[float]
) -> MaskMetrics:
    n_s, n_t = int(s.sum()), int(t.sum())
    n_both = int((s & t).sum())
    iou = _ratio(n_both, n_s + n_t - n_both)
    relative = _ratio(n_s, n_t)
    asd = rmsd = None
    if n_s and n_t:
        distances = np.concatenate(surface_distances(s, t, spacing))
        asd = float(distances.mean())
        rmsd = float(np.sqrt(np.mean(distances**2)))
    return MaskMetrics(
        dsc=_ratio(2 * n_both, n_s + n_t),
        voe=None if iou is None else 1 - iou,
        rvd=None if relative is None else (relative - 1) * 100,
        asd_mm=asd,
        rmsd_mm=rmsd,
        precision=_ratio(n_both, n_s),
        recall=_ratio(n_both, n_t),
        iou=iou,
    )


def surface_distances(
    s: NDArray[np.bool_], t: NDArray[np.bool_], spacing: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far each surface voxel of one mask is from the other's surface.

    Parameters
    ----------
    s, t : ndarray of bool, same shape
        Two masks; neither is empty.
    spacing : sequence of float
        Millimetres between voxels along each axis.

    Returns
    -------
    from_s, from_t : ndarray of float64, shapes (|B_S|,) and (|B_T|,)
        Distances in mm.
    """
    from scipy.spatial import cKDTree

    points_s = surface_points(s) * np.asarray(spacing, dtype=np.float64)
    points_t = surface_points(t) * np.asarray(spacing, dtype=np.float64)
    from_s, _ = cKDTree(points_t).query(points_s)
    from_t, _ = cKDTree(points_s).query(points_t)
    return from_s, from_t


def miou(
    prediction: NDArray[Any], truth: NDArray[Any], values: Iterable[int]
) -> float | None:
    """Return the mean intersection over union of classes **and background**.

    Parameters
    ----------
    prediction, truth : ndarray of int, same shape
        Class values; 255 is ignored, 0 is background.
    values : iterable of int
        Foreground classes.

    Returns
    -------
    float or None
        Mean over background and those classes that are in either mask; None where
        every voxel is ignored.

    References
    ----------
    Fang et al., Intelligent Computer and Applications 2024, 14(2):83-89: MIoU is
    (IoU of the bone + IoU of the background) / 2.
    """
    _check(prediction, truth)
    counts = (prediction != IGNORE) & (truth != IGNORE)
    prediction, truth = prediction[counts], truth[counts]
    found = []
    for value in {0, *values}:
        s, t = prediction == value, truth == value
        iou = _ratio(int((s & t).sum()), int((s | t).sum()))
        if iou is not None:
            found.append(iou)
    return float(np.mean(found)) if found else None


def dice(n_both: int, n_prediction: int, n_truth: int) -> float | None:
    """Return the Dice coefficient of counted voxels, None where there are none."""
    return _ratio(2 * n_both, n_prediction + n_truth)
