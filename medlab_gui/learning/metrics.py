"""How well a mask agrees with the truth.

For a class, with S the predicted and T the true voxels:

* DSC = 2 |S n T| / (|S| + |T|), VOE = 1 - |S n T| / |S u T|,
  RVD = (|S| / |T| - 1) * 100 %, precision = |S n T| / |S|, recall = |S n T| / |T|,
  IoU = |S n T| / |S u T|. (The F1 score of the voxels is the DSC.)
* With B the surfaces and d the smallest Euclidean distance in mm:
  ASD = (sum of d(x, B_T) over B_S + sum of d(x, B_S) over B_T) / (|B_S| + |B_T|),
  RMSD = sqrt of the same with squared distances, HD the largest of all distances, HD95
  the larger of the 95th percentiles of either direction, and NSD the share of all
  surface voxels that are no farther than a tolerance.
* Over all voxels: accuracy, the share whose value is right, and MIoU.

What a surface is, and how other programs differ, says `learning.surfaces`.

**Ignored** voxels (255, in either mask) take no part: they belong to neither S nor T.
**Empty masks**: what has a zero denominator is None, not 0 and not 1. Where S and T are
both empty, all is None; where only one is, DSC, IoU and NSD are 0, VOE is 1, RVD is
-100 % (nothing predicted) or None (nothing true), and distances are None, since there
is nothing that they could be measured to.

References
----------
Heimann et al.: Comparison and evaluation of methods for liver segmentation from CT
datasets. IEEE Trans. Med. Imaging 28 (2009), and Duan et al., J. Graphics 2020.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.labels import IGNORE
from medlab_gui.learning.lattice import Lattice
from medlab_gui.learning.surfaces import surface_distances

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "NOTHING",
    "TOLERANCE_MM",
    "Agreement",
    "MaskMetrics",
    "dice",
    "mask_metrics",
    "miou",
]

TOLERANCE_MM = 2.0
"""How far surfaces may part and still agree, where nobody says another distance."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class MaskMetrics:
    """Agreement for one class; None where it is not defined (see the module).

    Parameters
    ----------
    dsc, voe, precision, recall, iou : float or None
        Between 0 and 1.
    rvd : float or None
        In percent; negative where too little was predicted.
    asd_mm, rmsd_mm, hd_mm, hd95_mm : float or None
        In millimetres.
    nsd : float or None
        Normalised surface distance, between 0 and 1.
    """

    dsc: float | None
    voe: float | None
    rvd: float | None
    asd_mm: float | None
    rmsd_mm: float | None
    hd_mm: float | None
    hd95_mm: float | None
    nsd: float | None
    precision: float | None
    recall: float | None
    iou: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return plain data, for JSON."""
        return asdict(self)


NOTHING = MaskMetrics(*[None] * 11)
"""Of a class that is in neither mask."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two masks.

    Parameters
    ----------
    classes : dict of int to MaskMetrics
        Class by class.
    miou : float or None
        Mean intersection over union of background and classes; see `miou`.
    accuracy : float or None
        Share of the voxels whose value is right; None where all are ignored.
    """

    classes: dict[int, MaskMetrics]
    miou: float | None
    accuracy: float | None


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None


def _check(
    prediction: NDArray[Any], truth: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    prediction, truth = np.asarray(prediction), np.asarray(truth)
    if prediction.shape != truth.shape:
        msg = (
            f"The prediction has the shape {prediction.shape} and the truth "
            f"{truth.shape}; they must be masks on the same grid."
        )
        raise GeometryError(msg)
    for mask in (prediction, truth):
        if mask.size and not 0 <= mask.min() <= mask.max() <= 255:
            msg = (
                f"Masks hold whole numbers from 0 to 255; found {mask.min()} to "
                f"{mask.max()}."
            )
            raise InputError(msg)
        if mask.dtype.kind == "f" and (mask != np.floor(mask)).any():
            msg = (
                "Masks hold whole numbers from 0 to 255; found fractions. Make a mask "
                "of probabilities by a threshold."
            )
            raise InputError(msg)
    return prediction.astype(np.uint8, copy=False), truth.astype(np.uint8, copy=False)


def mask_metrics(
    prediction: NDArray[Any],
    truth: NDArray[Any],
    spacing: Sequence[float] | NDArray[np.float64],
    values: Iterable[int],
    *,
    tolerance_mm: float = TOLERANCE_MM,
) -> Agreement:
    """Return the agreement of two masks, class by class and in all.

    Parameters
    ----------
    prediction, truth : ndarray of int, shape (Z, Y, X) or (Y, X)
        Class values 0 to 254; 255 is ignored.
    spacing : sequence of float, or ndarray of float, shape (n_axes, 3)
        Millimetres between voxels along each axis, as many as the masks have axes; of
        axes that are not at right angles the steps in mm, as `Grid.steps_mm` has them.
    values : iterable of int
        Classes to measure, e.g. ``[1, 2]``.
    tolerance_mm : float
        For the normalised surface distance.

    Returns
    -------
    Agreement
        With one entry in ``classes`` for each of ``values``.

    Raises
    ------
    GeometryError
        If the shapes differ, or the spacing is not positive on each axis.
    InputError
        If a value is none of a mask's.
    """
    prediction, truth = _check(prediction, truth)
    Lattice.of(spacing, truth.ndim)  # wrong in any case, also where nothing is measured
    values = list(values)
    ignored = (prediction == IGNORE) | (truth == IGNORE)
    n_ignored = int(np.count_nonzero(ignored))
    if n_ignored:
        prediction, truth = (np.where(ignored, 0, m) for m in (prediction, truth))
    pairs = _pairs(prediction, truth)
    pairs[0, 0] -= n_ignored
    classes = {
        value: _one_class(prediction, truth, value, pairs, spacing, tolerance_mm)
        for value in values
    }
    return Agreement(
        classes,
        _miou_of(pairs, values),
        _ratio(float(np.trace(pairs)), float(pairs.sum())),
    )


def _pairs(
    prediction: NDArray[np.uint8], truth: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Count voxels by predicted value (rows) and true value (columns)."""
    s, t = prediction.ravel(), truth.ravel()
    pairs = np.zeros(1 << 16, np.int64)
    # In parts: counting makes eight bytes of each.
    for n in range(0, s.size, _CHUNK):
        both = s[n : n + _CHUNK].astype(np.uint16) << 8 | t[n : n + _CHUNK]
        pairs += np.bincount(both, minlength=pairs.size)
    return pairs.reshape(256, 256)


def _one_class(
    prediction: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    value: int,
    pairs: NDArray[np.int64],
    spacing: Sequence[float] | NDArray[np.float64],
    tolerance_mm: float,
) -> MaskMetrics:
    n_both = int(pairs[value, value])
    n_s, n_t = int(pairs[value].sum()), int(pairs[:, value].sum())
    iou = _ratio(n_both, n_s + n_t - n_both)
    relative = _ratio(n_s, n_t)
    distances = None
    if n_s and n_t:
        distances = surface_distances(prediction == value, truth == value, spacing)
    return MaskMetrics(
        dsc=_ratio(2 * n_both, n_s + n_t),
        voe=None if iou is None else 1 - iou,
        rvd=None if relative is None else (relative - 1) * 100,
        asd_mm=distances.asd_mm if distances else None,
        rmsd_mm=distances.rmsd_mm if distances else None,
        hd_mm=distances.hd_mm if distances else None,
        hd95_mm=distances.hd95_mm if distances else None,
        nsd=distances.nsd(tolerance_mm) if distances else _ratio(0, n_s + n_t),
        precision=_ratio(n_both, n_s),
        recall=_ratio(n_both, n_t),
        iou=iou,
    )


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
    prediction, truth = _check(prediction, truth)
    counts = (prediction != IGNORE) & (truth != IGNORE)
    return _miou_of(_pairs(prediction[counts], truth[counts]), values)


def _miou_of(pairs: NDArray[np.int64], values: Iterable[int]) -> float | None:
    found = []
    for value in {0, *values}:
        n_both = int(pairs[value, value])
        n_either = int(pairs[value].sum() + pairs[:, value].sum()) - n_both
        iou = _ratio(n_both, n_either)
        if iou is not None:
            found.append(iou)
    return float(np.mean(found)) if found else None


def dice(n_both: int, n_prediction: int, n_truth: int) -> float | None:
    """Return the Dice coefficient of counted voxels, None where there are none."""
    return _ratio(2 * n_both, n_prediction + n_truth)
