"""What preprocessing does to one slice: pictures, histograms, figures (no widget)."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.geometry import Grid
from medlab_gui.core.measurements import Plane
from medlab_gui.core.specs import PipelineSpec
from medlab_gui.gui.difference import difference_image, nice_limit
from medlab_gui.gui.histogram_view import Histogram, summarise
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry
from medlab_gui.gui.panes.plane_picture import slice_image
from medlab_gui.gui.panes.unmeasured import hatch_image
from medlab_gui.gui.pictures import gray_image, outline_image
from medlab_gui.gui.shading import Shading
from medlab_gui.imaging.padding import is_padding, without_padding
from medlab_gui.imaging.recipes import as_spec, effective

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from qtpy.QtGui import QImage

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.imaging.pipeline import FittedPipeline
    from medlab_gui.imaging.quality import Quality
    from medlab_gui.imaging.recipes import Effect

__all__ = ["Figures", "Preview", "SliceRunner", "figures", "preview"]

_KEPT = 48
_FITS = 2
_PATIENCE_S = 0.5
_TURN_S = 0.1
_LINEAR = Shading("LINEAR_EXACT")


class SliceRunner:
    """Runs recipes on slices and keeps what comes out of every step for a while.

    When the third slider moves, what the first two steps gave is still there; so a
    slow step at the beginning does not slow the others down. A step that looks at the
    whole scan (a bias field) is fitted to it once. The result is the same, bit for
    bit, as `medlab_gui.imaging.pipeline.run_pipeline` gives for the volume.

    For one thread at a time, but for `fit`.

    Parameters
    ----------
    volume : ndarray, shape (Z, Y, X)
        The scan in its units.
    padding : tuple of float, optional
        Lowest and highest of the values that only fill the picture.
    """

    def __init__(
        self, volume: NDArray[Any], padding: tuple[float, float] | None = None
    ) -> None:
        self._volume, self._padding = volume, padding
        self._kept: OrderedDict[Any, NDArray[np.float32]] = OrderedDict()
        self._fits: OrderedDict[Any, FittedPipeline] = OrderedDict()
        self._turn = threading.Lock()

    def is_ready(self, spec: PipelineSpec) -> bool:
        """Tell whether a slice needs no more than its own steps.

        Raises
        ------
        SpecError
            If the recipe is wrong.
        """
        steps = effective(spec)
        return not (n := _n_fitted(steps)) or steps[:n] in self._fits

    def run(
        self,
        spec: PipelineSpec,
        k: int,
        check: Callable[[], object] | None = None,
        progress: Callable[..., None] | None = None,
    ) -> NDArray[np.float32]:
        """Return a slice after a recipe.

        Parameters
        ----------
        spec : PipelineSpec
            The recipe.
        k : int
            Which slice.
        check : callable, optional
            Called between steps once they take long; may raise to stop.
        progress : callable, optional
            Called while a step looks at the whole scan; may raise to stop.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            Not to be written to.

        Raises
        ------
        SpecError
            If the recipe is wrong.
        """
        from medlab_gui.imaging.pipeline import check_pipeline, run_pipeline

        check_pipeline(spec)
        begun = time.monotonic()
        steps = effective(spec)
        n = _n_fitted(steps)
        if n:
            fitted = self._fit(steps[:n], progress)
            plane = without_padding(self._volume[k], self._padding)
            result = self._keep((k, steps[:n]), lambda: fitted(plane, k))
        else:
            # Copied out of the mapped file: figures and pictures come from this one.
            # Where nothing is done to the slice its filling values stay, too.
            plane = self._volume[k]
            if steps:
                plane = without_padding(plane, self._padding)
            result = run_pipeline(PipelineSpec(), plane)
        for last in range(n, len(steps)):
            place = (k, steps[: last + 1])
            late = time.monotonic() - begun > _PATIENCE_S
            if late and check is not None and place not in self._kept:
                check()
            one = as_spec(steps[last : last + 1])
            result = self._keep(place, partial(run_pipeline, one, result))
        return result

    def _keep(
        self, place: Any, make: Callable[[], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        if place not in self._kept:
            self._kept[place] = make()
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(place)
        return self._kept[place]

    def _fit(
        self, steps: tuple[Effect, ...], progress: Callable[..., None] | None
    ) -> FittedPipeline:
        from medlab_gui.imaging.pipeline import fit_pipeline

        # Who comes second waits for what the first one fits, or takes its place
        # where that was stopped.
        while not self._turn.acquire(timeout=_TURN_S):
            if progress is not None:
                progress(0)
        try:
            if steps not in self._fits:
                whole = without_padding(self._volume, self._padding)
                self._fits[steps] = fit_pipeline(
                    as_spec(steps), whole, progress=progress
                )
                while len(self._fits) > _FITS:
                    self._fits.popitem(last=False)
            return self._fits[steps]
        finally:
            self._turn.release()

    def fit(
        self, spec: PipelineSpec, progress: Callable[..., None] | None = None
    ) -> Callable[[NDArray[Any], int], NDArray[np.float32]]:
        """Return what makes of a slice what `run` makes of it, for many threads.

        What looks at the whole scan is fitted once for both; this may be called while
        another thread is in `run`.

        Parameters
        ----------
        spec : PipelineSpec
            The recipe.
        progress : callable, optional
            Called while a step looks at the whole scan; may raise to stop.

        Returns
        -------
        callable
            ``made(plane, k)`` of slice ``k``, shape (Y, X), without filling values.

        Raises
        ------
        SpecError
            If the recipe is wrong.
        """
        from medlab_gui.imaging.pipeline import check_pipeline, fit_pipeline

        check_pipeline(spec)
        steps = effective(spec)
        n = _n_fitted(steps)
        rest = fit_pipeline(as_spec(steps[n:]), self._volume)  # slice by slice: free
        if not n:
            return rest
        head = self._fit(steps[:n], progress)
        return lambda plane, k: rest(head(plane, k), k)


def _n_fitted(steps: tuple[Effect, ...]) -> int:
    """Return how many steps there are up to the last that needs the whole scan."""
    from medlab_gui.imaging.pipeline import STEPS

    return max(
        (n for n, (name, _p) in enumerate(steps, 1) if STEPS[name].needs_volume),
        default=0,
    )


@dataclass(frozen=True, eq=False)
class Preview:
    """One slice before and after, as pictures.

    Parameters
    ----------
    uid : str
        The series.
    k : int
        Which slice of the working grid.
    spec : PipelineSpec
        The recipe.
    original, processed : ndarray, shape (Y, X)
        Grey values in the scan's units, and what the recipe makes of them.
    difference : ndarray of float32, shape (Y, X)
        Processed less original; in the scan's units, or as a share of black to white
        where the recipe has left those units.
    original_image, processed_image, difference_image : QImage
        As shown.
    limit : float
        Ends of the scale of ``difference_image``.
    outline : QImage or None
        The mask's outline.
    unit, processed_unit, difference_unit : str
        Of the grey values; ``"%"`` for shares (times 100).
    original_ends, processed_ends : tuple of float
        What is black and what is white.
    is_unit : bool
        Whether the processed values run from 0 to 1.
    fills : ndarray of bool, shape (Y, X), or None
        Which pixels only fill the picture: no histogram and no figure counts them.
    hatch : QImage or None
        Lines over what a resampling had to fill.
    geometry : PlaneGeometry
        How the slice lies on the screen.
    """

    uid: str
    k: int
    spec: PipelineSpec
    original: NDArray[Any]
    processed: NDArray[np.float32]
    difference: NDArray[np.float32]
    original_image: QImage
    processed_image: QImage
    difference_image: QImage
    limit: float
    outline: QImage | None
    unit: str
    processed_unit: str
    difference_unit: str
    original_ends: tuple[float, float]
    processed_ends: tuple[float, float]
    is_unit: bool
    fills: NDArray[np.bool_] | None
    hatch: QImage | None
    geometry: PlaneGeometry


@dataclass(frozen=True, eq=False)
class Figures:
    """What is counted and measured on a `Preview`.

    Parameters
    ----------
    original_histogram, processed_histogram : Histogram
        Counts, mean, deviation.
    quality : Quality
        Noise, sharpness, likeness to the original.
    """

    original_histogram: Histogram
    processed_histogram: Histogram
    quality: Quality


def preview(
    plane: NDArray[Any],
    processed: NDArray[np.float32],
    spec: PipelineSpec,
    *,
    uid: str = "",
    k: int = 0,
    window: tuple[float, float],
    shading: Shading = _LINEAR,
    unit: str = "",
    mask: NDArray[np.uint8] | None = None,
    scheme: LabelScheme | None = None,
    padding: tuple[float, float] | None = None,
    filling: tuple[float, float] | None = None,
    geometry: PlaneGeometry | None = None,
) -> Preview:
    """Make the pictures of a slice before and after.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
        The slice in the scan's units.
    processed : ndarray of float32, shape (Y, X)
        What the recipe made of it.
    spec : PipelineSpec
        The recipe.
    uid, k : str and int
        Which series and slice it is.
    window : tuple of float
        ``(level, width)`` in which the original is shown.
    shading : Shading
        Function of that window, and whether low values are bright, as on the canvas.
    unit : str
        Of the scan, e.g. ``"HU"``.
    mask : ndarray of uint8, shape (Y, X), optional
        The slice's mask, for its outline.
    scheme : LabelScheme, optional
        Colours of the mask.
    padding : tuple of float, optional
        Lowest and highest of the values that only fill the picture.
    filling : tuple of float, optional
        Those of them that a resampling put where nothing was measured.
    geometry : PlaneGeometry, optional
        How the slice lies on the screen; square pixels where not given.
    """
    level, width = window
    low, high = shading.ends(level, width)
    original = _finite(np.asarray(plane), low)
    processed = _finite(processed, 0.0)
    ends, kind = _shown_range(original, processed, spec, (low, high))
    if kind == "scan":
        difference = processed - original
        difference_unit = unit
    else:
        # Black is 0 and white is 1 in both: what the eye sees is what is subtracted.
        difference = np.clip(processed, *ends) - np.float32(ends[0])
        difference /= np.float32(ends[1] - ends[0])
        seen, black, white = shading.brightness(original, level, width)
        before = (seen - np.float32(black)) / np.float32(white - black)
        difference -= np.clip(before, 0, 1, out=before)
        difference_unit = "%"
    difference = difference.astype(np.float32, copy=False)
    limit = nice_limit(difference)
    if kind == "scan":
        after = slice_image(processed, level, width, shading)
    else:
        after = gray_image(processed, *ends)
        if shading.inverted:  # the same way round as the original
            after.invertPixels()
    filled = is_padding(np.asarray(plane), filling)
    outline = None
    if mask is not None and scheme is not None and mask.any():
        outline = outline_image(mask, scheme)
    return Preview(
        uid=uid,
        k=k,
        spec=spec,
        original=original,
        processed=processed,
        difference=difference,
        original_image=slice_image(original, level, width, shading),
        processed_image=after,
        difference_image=difference_image(difference, limit),
        limit=limit,
        outline=outline,
        unit=unit,
        processed_unit=unit if kind == "scan" else "",
        difference_unit=difference_unit,
        original_ends=(low, high),
        processed_ends=ends,
        is_unit=kind == "unit",
        fills=is_padding(np.asarray(plane), padding),
        hatch=None if filled is None else hatch_image(filled),
        geometry=geometry or _square_pixels(plane.shape),
    )


def _square_pixels(shape: tuple[int, ...]) -> PlaneGeometry:
    return PlaneGeometry(Grid.from_spacing((1, *shape), (1, 1, 1)), Plane.AXIAL)


def _finite(plane: NDArray[Any], black: float) -> NDArray[Any]:
    """Return a slice in which what is no number (beyond a scan's edge) is black."""
    if plane.dtype.kind != "f":
        return plane
    good = np.isfinite(plane)
    return plane if good.all() else np.where(good, plane, plane.dtype.type(black))


def _shown_range(
    original: NDArray[Any],
    processed: NDArray[np.float32],
    spec: PipelineSpec,
    window: tuple[float, float],
) -> tuple[tuple[float, float], str]:
    """Return black and white of the processed picture, and what its values are.

    ``"scan"``: still in the scan's units; ``"unit"``: from 0 to 1; ``"own"``: on a
    scale of its own (z-scores).
    """
    if not effective(spec):
        return window, "scan"
    least, most = float(processed.min()), float(processed.max())
    if least >= 0 and most <= 1:
        return (0.0, 1.0), "unit"
    before = float(original.max()) - float(original.min())
    if before > 0 and 0.4 <= (most - least) / before <= 2.5:
        return window, "scan"
    few = np.sort(processed[::4, ::4], axis=None)
    ends = float(few[few.size // 200]), float(few[-1 - few.size // 200])
    return (ends if ends[1] > ends[0] else (least, max(most, least + 1))), "own"


def figures(shown: Preview) -> Figures:
    """Count and measure a preview; takes longer than the pictures."""
    from medlab_gui.imaging.histogram import histogram
    from medlab_gui.imaging.quality import quality

    before, after = shown.original, shown.processed
    if shown.fills is not None:
        # What is no number is left out of every count.
        before = np.where(shown.fills, np.float32(np.nan), before)
        after = np.where(shown.fills, np.float32(np.nan), after)
    own_range = (0.0, 1.0) if shown.is_unit else None
    return Figures(
        original_histogram=summarise(before, *histogram(before)),
        processed_histogram=summarise(after, *histogram(after, value_range=own_range)),
        quality=quality(
            before,
            after,
            original_range=shown.original_ends,
            processed_range=shown.processed_ends,
        ),
    )
