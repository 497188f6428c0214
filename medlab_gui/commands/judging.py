"""Weights of either kind judged on labelled slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.learning.dataset import SliceSource
    from medlab_gui.learning.progress import Progress

__all__ = ["judged"]


def judged(
    path: Path, source: SliceSource, device: str, progress: Progress
) -> dict[str, Any]:
    """Return how good weights are.

    Parameters
    ----------
    path : Path
        The checkpoint's file.
    source : SliceSource
        The labelled slices.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress : callable
        Called after each slice.

    Returns
    -------
    dict
        As `learning.evaluate.evaluate_slices` has it, or of a classifier
        `learning.slice_scores.evaluate_classifier`: both have ``dice``, ``mean_dice``,
        ``n_slices`` and ``per_slice``.
    """
    from medlab_gui.learning.checkpoint import read_meta
    from medlab_gui.networks import is_classifier

    if is_classifier(read_meta(path).network):
        from medlab_gui.learning.slice_scores import evaluate_classifier

        return evaluate_classifier(path, source, device, progress=progress)
    from medlab_gui.learning.evaluate import evaluate_slices
    from medlab_gui.learning.predict import Predictor

    return evaluate_slices(Predictor(path, device), source, progress=progress)
