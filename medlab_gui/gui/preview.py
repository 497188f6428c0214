"""What preprocessing does to one slice: pictures, histograms, figures (no widget)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.gui.histogram_view import Histogram, summarise
from medlab_gui.gui.pictures import gray_image, outline_image

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QImage

    from medlab_gui.core.labels import LabelScheme

__all__ = ["Preview", "complete", "effective", "in_words", "preview", "same_effect"]


def complete(spec: PipelineSpec) -> PipelineSpec:
    """Return the recipe with every known step and parameter in it.

    Steps that are not in ``spec`` follow, turned off, in the order of the liver
    paper's chain; absent parameters take their defaults.
    """
    from medlab_gui.imaging.pipeline import STEPS

    named = [step.name for step in spec.steps]
    order = [s.name for s in LIVER_PIPELINE.steps]
    order += [name for name in STEPS if name not in order]
    steps = [*spec.steps]
    steps += [Step(name, {}, enabled=False) for name in order if name not in named]
    full = []
    for step in steps:
        defaults = {p.name: p.default for p in STEPS[step.name].params}
        full.append(Step(step.name, {**defaults, **step.params}, step.enabled))
    return PipelineSpec(tuple(full))


def effective(
    spec: PipelineSpec,
) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    """Return what a recipe does: its steps that are on, with all parameters."""
    return tuple(
        (s.name, tuple(sorted((name, float(v)) for name, v in s.params.items())))
        for s in complete(spec).steps
        if s.enabled
    )


def same_effect(one: PipelineSpec, other: PipelineSpec) -> bool:
    """Tell whether two recipes do the same to every picture."""
    return effective(one) == effective(other)


def in_words(spec: PipelineSpec) -> str:
    """Return a recipe such as ``"Linear window 40/400, Total variation 0.1"``."""
    from medlab_gui.core.i18n import _
    from medlab_gui.imaging.pipeline import STEPS

    shown = {"window": ("level", "width"), "equalize": ("bins",), "tv": ("weight",)}
    parts = []
    for name, params in effective(spec):
        values = dict(params)
        wanted = shown.get(name, tuple(values))
        figures = "/".join(f"{values[p]:g}" for p in wanted)
        parts.append(f"{_(STEPS[name].title)} {figures}".strip())
    return ", ".join(parts) or _("no preprocessing")


@dataclass(frozen=True, eq=False)
class Preview:
    """One slice before and after.

    Parameters
    ----------
    k : int
        Which slice of the working grid.
    original, processed : ndarray, shape (Y, X)
        Grey values in the scan's units, and what the recipe makes of them.
    original_image, processed_image : QImage
        Both in grey as shown.
    outline : QImage or None
        The mask's outline.
    original_histogram, processed_histogram : Histogram
        Counts and figures.
    unit, processed_unit : str
        Of the grey values.
    marks : tuple of float
        Ends of the recipe's linear window on the original's axis, if it is on.
    """

    k: int
    original: NDArray[Any]
    processed: NDArray[np.float32]
    original_image: QImage
    processed_image: QImage
    outline: QImage | None
    original_histogram: Histogram
    processed_histogram: Histogram
    unit: str
    processed_unit: str
    marks: tuple[float, ...]


def preview(
    data: NDArray[Any],
    k: int,
    spec: PipelineSpec,
    *,
    window: tuple[float, float],
    unit: str = "",
    mask: NDArray[np.uint8] | None = None,
    scheme: LabelScheme | None = None,
) -> Preview:
    """Run a recipe on one slice.

    Parameters
    ----------
    data : ndarray, shape (Z, Y, X)
        The scan on the working grid; only slice ``k`` is read.
    k : int
        Which slice.
    spec : PipelineSpec
        The recipe.
    window : tuple of float
        ``(level, width)`` in which the original is shown.
    unit : str
        Of the scan, e.g. ``"HU"``.
    mask : ndarray of uint8, shape (Y, X), optional
        The slice's mask, for its outline.
    scheme : LabelScheme, optional
        Colours of the mask.

    Raises
    ------
    SpecError
        If the recipe is wrong.
    """
    from medlab_gui.imaging.histogram import histogram
    from medlab_gui.imaging.pipeline import run_pipeline

    original = np.asarray(data[k])
    processed = run_pipeline(spec, original)
    steps = {step.name: step for step in complete(spec).steps if step.enabled}
    level, width = window
    low, high = level - width / 2, level + width / 2
    # A recipe that has mapped the picture to [0, 1] is shown on that scale; one that
    # has left it in the scan's units is shown in the same window as the original.
    mapped = bool(steps) and float(processed.min()) >= 0 and float(processed.max()) <= 1
    counts, edges = histogram(original)
    counts_after, edges_after = histogram(
        processed, value_range=(0.0, 1.0) if mapped else None
    )
    marks: tuple[float, ...] = ()
    if "window" in steps:
        own = steps["window"].params
        marks = (own["level"] - own["width"] / 2, own["level"] + own["width"] / 2)
    outline = None
    if mask is not None and scheme is not None and mask.any():
        outline = outline_image(mask, scheme)
    return Preview(
        k=k,
        original=original,
        processed=processed,
        original_image=gray_image(original, low, high),
        processed_image=gray_image(processed, *((0.0, 1.0) if mapped else (low, high))),
        outline=outline,
        original_histogram=summarise(original, counts, edges),
        processed_histogram=summarise(processed, counts_after, edges_after),
        unit=unit,
        processed_unit="" if mapped else unit,
        marks=marks,
    )
