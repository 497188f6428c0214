"""Our figures against those of other programs (see ``facts/collect.py``).

MONAI defines all of them as we do. DeepMind's surface lies between the voxels and is
weighted by area, so that its distances may part from ours by what two half voxels
measure, and no more. SimpleITK is asked while the test runs.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.imaging.masks import surface
from medlab_gui.learning.calibration import Calibration
from medlab_gui.learning.metrics import mask_metrics
from medlab_gui.learning.surfaces import surface_distances
from tests.learning.facts.shapes import (
    SHAPES,
    TOLERANCE_MM,
    flat,
    real_pairs,
    softmaxes,
)

FACTS = json.loads((Path(__file__).parent / "facts" / "metrics.json").read_text())
REAL = ("two-models", "thin-slices", "tumours")


@pytest.fixture(params=[*SHAPES, *REAL])
def pair(request):
    """Prediction, truth, spacing, classes, and what others say of them."""
    name = request.param
    if name in SHAPES:
        made = SHAPES[name]()
    else:
        data = request.getfixturevalue("shared") / "data"
        made = real_pairs(data)[name]()
    return (*made, FACTS["pairs"][name])


def test_monai_agrees(pair):
    found, truth, spacing, values, facts = pair
    ours = mask_metrics(found, truth, spacing, values, tolerance_mm=TOLERANCE_MM)
    for value in values:
        figures = ours.classes[value].to_dict()
        theirs = facts[str(value)]["monai"]
        # MONAI computes in single precision.
        assert {k: figures[k] for k in theirs} == pytest.approx(
            theirs, rel=1e-6, abs=1e-6
        )


def test_deepmind_differs_by_no_more_than_a_voxel(pair):
    found, truth, spacing, values, facts = pair
    ours = mask_metrics(found, truth, spacing, values, tolerance_mm=TOLERANCE_MM)
    voxel = float(np.linalg.norm(spacing))
    for value in values:
        theirs = facts[str(value)]["deepmind"]
        assert ours.classes[value].hd_mm == pytest.approx(theirs["hd_mm"], abs=voxel)


def test_simpleitk_agrees_on_overlap_and_surfaces(pair):
    import SimpleITK as sitk

    found, truth, spacing, values, _facts = pair
    ours = mask_metrics(found, truth, spacing, values, tolerance_mm=TOLERANCE_MM)
    found, truth, spacing = flat(found, truth, spacing)
    for value in values:
        s, t = found == value, truth == value
        images = []
        for mask in (s, t):
            # A margin, since ITK takes the edge of the array for no contour.
            image = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
            image.SetSpacing(tuple(reversed(spacing)))
            images.append(image)
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(*images)
        m = ours.classes[value]
        assert m.dsc == pytest.approx(overlap.GetDiceCoefficient(1), abs=1e-12)
        assert m.iou == pytest.approx(overlap.GetJaccardCoefficient(1), abs=1e-12)
        contours = [sitk.LabelContour(i, fullyConnected=False) for i in images]
        # LabelContour takes a neighbour over the face, as we do.
        from_s, from_t = (
            sitk.GetArrayFromImage(
                sitk.SignedMaurerDistanceMap(other, False, False, True)
            )[sitk.GetArrayFromImage(own) > 0]
            for own, other in (contours, contours[::-1])
        )
        # Below 0 inside the contour, where it is thick. Single precision.
        both = np.maximum(np.concatenate([from_s, from_t]).astype(float), 0)
        assert m.asd_mm == pytest.approx(both.mean(), rel=1e-6, abs=1e-6)
        assert m.rmsd_mm == pytest.approx(np.sqrt(np.mean(both**2)), rel=1e-6, abs=1e-6)
        assert m.hd_mm == pytest.approx(both.max(), rel=1e-6, abs=1e-6)


def test_simpleitk_hausdorff_is_of_objects_and_ours_of_surfaces():
    """A hole's far wall is inside the other object: 0 mm there, but not for us."""
    import SimpleITK as sitk

    found, truth, spacing, _values = SHAPES["holes"]()
    images = [sitk.GetImageFromArray(m) for m in (found, truth)]
    for image in images:
        image.SetSpacing(tuple(reversed(spacing)))
    filter_ = sitk.HausdorffDistanceImageFilter()
    filter_.Execute(*images)
    theirs = filter_.GetHausdorffDistance()
    points = [np.argwhere(m) * np.array(spacing) for m in (found, truth)]
    every = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    whole = max(every.min(axis=1).max(), every.min(axis=0).max())
    assert theirs == pytest.approx(whole, abs=1e-6)
    ours = surface_distances(found == 1, truth == 1, spacing).hd_mm
    assert ours > theirs + 1


def test_scikit_learn_agrees_on_voxels(pair):
    from sklearn import metrics

    found, truth, spacing, values, _facts = pair
    ours = mask_metrics(found, truth, spacing, values)
    seen = np.flatnonzero((found.ravel() > 0) | (truth.ravel() > 0))
    s, t = found.ravel()[seen], truth.ravel()[seen]
    options = {"labels": list(values), "average": None, "zero_division": np.nan}
    for name, theirs in (
        ("precision", metrics.precision_score(t, s, **options)),
        ("recall", metrics.recall_score(t, s, **options)),
        ("iou", metrics.jaccard_score(t, s, **{**options, "zero_division": 0})),
        ("dsc", metrics.f1_score(t, s, **options)),
    ):
        mine = [getattr(ours.classes[v], name) for v in values]
        assert mine == pytest.approx(list(theirs), abs=1e-12)
    right = int((s == t).sum()) + found.size - seen.size
    assert ours.accuracy == pytest.approx(right / found.size, abs=1e-12)


def test_torchmetrics_agrees_on_calibration():
    probs, truth = softmaxes()
    calibration = Calibration()
    for part in np.array_split(np.arange(len(truth)), 7):
        right = probs[part].argmax(axis=1) == truth[part]
        calibration.add(probs[part].max(axis=1), right)
    assert calibration.error == pytest.approx(FACTS["calibration"]["l1"], abs=1e-6)
    # It adds up single precision, where a single bin is told rather than their mean.
    assert calibration.largest_error == pytest.approx(
        FACTS["calibration"]["max"], abs=2e-6
    )


def test_the_real_masks_have_what_makes_them_hard():
    """One-voxel objects, holes, islands and borders are among the shapes."""
    made = {name: make() for name, make in SHAPES.items()}
    assert made["single_voxels"][0].sum() == 1
    assert surface(made["at_the_border"][0] > 0)[0].any()
    assert made["holes"][0].sum() < made["holes"][1].sum()
