"""Pairs of masks to be measured: awkward ones, and real ones. Without MedLab."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOLERANCE_MM = 2.0
UNEVEN = (5.0, 0.7, 0.9)

Pair = tuple[Any, Any, tuple[float, float, float], tuple[int, ...]]
"""Prediction, truth (uint8, Z Y X), spacing in mm, classes."""


def _pair() -> tuple[Any, Any]:
    return np.zeros((14, 30, 32), np.uint8), np.zeros((14, 30, 32), np.uint8)


def holes() -> Pair:
    """A box with a hole inside and one right through, against the whole box."""
    found, truth = _pair()
    truth[3:11, 5:25, 6:26] = found[3:11, 5:25, 6:26] = 1
    found[6:8, 10:14, 10:13] = 0
    found[:, 18:20, 18:20] = 0
    return found, truth, UNEVEN, (1,)


def islands() -> Pair:
    """Three far islands that the truth has not, and one that it has alone."""
    found, truth = _pair()
    truth[5:9, 8:16, 8:16] = found[5:9, 9:17, 8:16] = 1
    found[1, 2:4, 2:4] = found[12, 27, 28:30] = found[3, 25, 3] = 1
    truth[11:13, 3:6, 25:29] = 1
    return found, truth, UNEVEN, (1,)


def single_voxels() -> Pair:
    """One voxel against another one."""
    found, truth = _pair()
    truth[3, 10, 12] = found[5, 14, 9] = 1
    return found, truth, UNEVEN, (1,)


def at_the_border() -> Pair:
    """Bodies that reach the first and the last voxel of every axis."""
    found, truth = _pair()
    truth[:, :12, 20:] = found[:, :10, 17:] = 1
    truth[8:, 20:, :9] = found[9:, 22:, :11] = 2
    return found, truth, UNEVEN, (1, 2)


def one_slice() -> Pair:
    """A volume of a single slice."""
    found, truth = _pair()
    truth[7, 4:20, 5:21] = found[7, 6:22, 5:20] = 1
    return found[7:8], truth[7:8], UNEVEN, (1,)


def flat(found: Any, truth: Any, spacing: Any) -> tuple[Any, Any, Any]:
    """Return a volume of one slice as the picture that it is; others as they are."""
    if len(found) > 1:
        return found, truth, spacing
    return found[0], truth[0], spacing[1:]


def noise() -> Pair:
    """Random labels of three classes."""
    found, truth = np.random.default_rng(5).integers(0, 4, (2, 12, 24, 26))
    return found.astype(np.uint8), truth.astype(np.uint8), (3.0, 1.0, 1.0), (1, 2, 3)


SHAPES: dict[str, Callable[[], Pair]] = {
    make.__name__: make
    for make in (holes, islands, single_voxels, at_the_border, one_slice, noise)
}


def _nifti(path: Path) -> tuple[Any, tuple[float, float, float]]:
    import nibabel

    image = nibabel.load(path)
    data = np.asarray(image.dataobj).astype(np.uint8)
    x, y, z = (float(v) for v in image.header.get_zooms())
    return np.ascontiguousarray(data.T), (z, y, x)


def _two_models(folder: Path) -> Pair:
    """The fast model's organs against the full one's, CT at 3 mm."""
    found, spacing = _nifti(folder / "totalseg" / "example_seg_fast.nii.gz")
    truth, _ = _nifti(folder / "totalseg" / "example_seg.nii.gz")
    return found, truth, spacing, (1, 2, 3, 5, 6, 7, 10, 52)


def _thin_slices(folder: Path) -> Pair:
    """Organs of 512 x 512 slices that the stack cuts off, against themselves moved."""
    truth, spacing = _nifti(folder / "totalseg" / "example_seg_dicom.nii.gz")
    return np.roll(truth, (1, 3, -2), (0, 1, 2)), truth, spacing, (1, 5, 6, 7)


def _tumours(folder: Path) -> Pair:
    """Many tumours in a liver, against a median of them; the spacing is made up."""
    from scipy.ndimage import median_filter

    truth, _ = _nifti(folder / "lits117-crop128" / "label.nii.gz")
    return median_filter(truth, 5), truth, (2.5, 0.8, 0.8), (1, 2)


def real_pairs(folder: Path) -> dict[str, Callable[[], Pair]]:
    """Return what makes the pairs of real masks, by name."""
    makers = {
        "two-models": _two_models,
        "thin-slices": _thin_slices,
        "tumours": _tumours,
    }
    return {name: partial(make, folder) for name, make in makers.items()}


def softmaxes() -> tuple[Any, Any]:
    """Return 20,000 softmaxes of three classes that are too sure, and the truth."""
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 2, (20_000, 3))
    truth = np.array([rng.choice(3, p=p) for p in _softmax(logits * 0.6)[:20_000]])
    return _softmax(logits), truth


def _softmax(logits: Any) -> Any:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)
