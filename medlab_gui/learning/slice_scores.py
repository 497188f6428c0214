"""How right a classifier is on slices whose class is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from medlab_gui.core.errors import InputError
from medlab_gui.core.labels import IGNORE
from medlab_gui.core.merit import BALANCED
from medlab_gui.learning.classifier import SliceClassifier
from medlab_gui.learning.dataset import PreparedSlices
from medlab_gui.learning.progress import silent
from medlab_gui.learning.roc import balanced_accuracy, calls, roc
from medlab_gui.learning.statistics import mean_known
from medlab_gui.learning.whole_slices import slice_classes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.learning.dataset import SliceKey, SliceSource
    from medlab_gui.learning.progress import Progress

__all__ = ["SliceAnswer", "evaluate_classifier", "score_slices"]


@dataclass(frozen=True, slots=True, eq=False)
class SliceAnswer:
    """What a slice shows, and what a classifier says.

    Parameters
    ----------
    truth : int
        Value of the class.
    probs : ndarray of float32, shape (C,)
        Probability of each class.
    """

    truth: int
    probs: NDArray[np.float32]


def score_slices(
    classifier: SliceClassifier,
    source: SliceSource,
    *,
    progress: Progress | None = None,
) -> dict[SliceKey, SliceAnswer]:
    """Return truth and probabilities of slices.

    Parameters
    ----------
    classifier : SliceClassifier
        The weights.
    source : SliceSource
        The slices; what a slice shows follows from its mask (see `slice_classes`).
        Slices of which every voxel is ignored are left out.
    progress : callable, optional
        Called after each slice; may raise to stop.

    Returns
    -------
    dict of SliceKey to SliceAnswer
        In the order of the source.

    Raises
    ------
    InputError
        If the network gives no number.
    """
    meta = classifier.meta
    slices = PreparedSlices(
        source,
        meta.pipeline,
        meta.sampling,
        meta.network.n_classes,
        cache_bytes=0,
        n_channels=meta.network.in_channels,
    )
    report = progress or silent
    found: dict[SliceKey, SliceAnswer] = {}
    for n, key in enumerate(slices.keys):
        image, _ = slices[n]
        # The mask as it was drawn: a small finding may be gone from a smaller one.
        drawn = torch.from_numpy(np.ascontiguousarray(source.labels(key)))[None]
        shown = int(slice_classes(drawn))
        if shown != IGNORE:
            channels = image if image.ndim == 3 else image[None]
            probs = classifier.probabilities(torch.from_numpy(channels)[None])[0]
            if not np.isfinite(probs).all():
                where = f"slice {key.slice_index + 1} of {key.series_uid}"
                msg = f"{meta.name!r} gives no number for {where}."
                raise InputError(msg)
            found[key] = SliceAnswer(shown, probs)
        report(n + 1, len(slices.keys), "Judging")
    return found


def evaluate_classifier(
    path: Path,
    source: SliceSource,
    device: str = "auto",
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return how right a classifier is on labelled slices.

    Parameters
    ----------
    path : Path
        Its weights.
    source : SliceSource
        The slices, as in `score_slices`.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called after each slice; may raise to stop.

    Returns
    -------
    dict
        ``dice`` (class name to F1, which is the Dice of a class over slices; None where
        the class is in neither truth nor answers), ``mean_dice`` (over those that are
        not None; 1.0 where all are), ``n_slices``, ``accuracy`` (share of right
        slices), ``balanced_accuracy`` (mean over the classes that slices show, "none"
        included, of the share that was found), ``auc``, ``precision``, ``recall``
        (class name to value or None, each class against all others), and ``per_slice``:
        a list of ``{"series_uid", "slice_index", "dice"}`` with 1 for a right answer
        and 0 for a wrong one, under the name of the true class.
    """
    classifier = SliceClassifier(path, device)
    answers = score_slices(classifier, source, progress=progress)
    truth = np.array([a.truth for a in answers.values()], np.int64)
    n_classes = classifier.meta.network.n_classes
    rows = [a.probs for a in answers.values()]
    probs = np.stack(rows) if rows else np.zeros((0, n_classes), np.float32)
    said = probs.argmax(axis=1)
    scheme = classifier.meta.scheme
    names, answers_of = {c.value: c.name for c in scheme.classes}, scheme.answers
    by_class = {name: calls(truth == v, said == v) for v, name in names.items()}
    curves = {name: roc(truth == v, probs[:, v]) for v, name in names.items()}
    f1 = {name: one.f1 for name, one in by_class.items()}
    mean = mean_known(f1.values())
    return {
        "dice": f1,
        "mean_dice": 1.0 if mean is None else mean,
        "n_slices": len(answers),
        "accuracy": float(np.mean(said == truth)) if answers else None,
        BALANCED: balanced_accuracy(truth, said),
        "auc": {name: c and c.auc for name, c in curves.items()},
        "precision": {name: one.precision for name, one in by_class.items()},
        "recall": {name: one.recall for name, one in by_class.items()},
        "per_slice": [
            {
                "series_uid": key.series_uid,
                "slice_index": key.slice_index,
                "dice": {answers_of[a.truth]: float(a.truth == answer)},
            }
            for (key, a), answer in zip(answers.items(), said.tolist(), strict=True)
        ],
    }
