"""The steps of preprocessing that come with MedLab, and what a step says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_
from medlab_gui.imaging.bias import correct_bias, fit_bias
from medlab_gui.imaging.denoise import total_variation
from medlab_gui.imaging.filters import (
    clahe,
    gamma,
    gaussian,
    median,
    percentile_window,
    z_score,
)
from medlab_gui.imaging.histogram import equalize
from medlab_gui.imaging.window import window

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "CLAHE",
    "EQUALIZE",
    "GAMMA",
    "GAUSSIAN",
    "MEDIAN",
    "N4",
    "PERCENTILE",
    "TV",
    "WINDOW",
    "Z_SCORE",
    "ParamInfo",
    "StepInfo",
]


@dataclass(frozen=True, slots=True)
class ParamInfo:
    """One parameter of a step: enough to draw a slider.

    Parameters
    ----------
    name : str
        Keyword of ``StepInfo.run``.
    title : str
        What a person reads.
    default, minimum, maximum : float
        Its value where none is given, and its range, both ends allowed.
    step : float
        Smallest sensible change. A whole number with a whole default makes it an
        integer.
    unit : str
        Shown behind the number.
    """

    name: str
    title: str
    default: float
    minimum: float
    maximum: float
    step: float
    unit: str = ""

    @property
    def is_integer(self) -> bool:
        """Whether only whole numbers make sense."""
        return float(self.step).is_integer() and float(self.default).is_integer()


@dataclass(frozen=True, slots=True)
class StepInfo:
    """One kind of preprocessing step.

    Parameters
    ----------
    name : str
        Key in ``pipeline.STEPS``.
    title, summary : str
        What a person reads: a few words, and one sentence.
    run : callable
        ``run(slice, **params)``: float32 (Y, X) in, float32 (Y, X) out.
    params : tuple of ParamInfo
        In the order in which they are shown.
    fit : callable, optional
        Of a step that needs the whole scan: ``fit(volume, progress=..., **params)``
        takes what the steps before it made of the scan, float32 (Z, Y, X), and returns
        ``apply(slice, k)``. Its ``run`` takes a slice for a scan of one slice.
    """

    name: str
    title: str
    summary: str
    run: Callable[..., NDArray[np.float32]]
    params: tuple[ParamInfo, ...] = ()
    fit: (
        Callable[..., Callable[[NDArray[np.float32], int], NDArray[np.float32]]] | None
    ) = None

    @property
    def needs_volume(self) -> bool:
        """Whether its result for a slice depends on the other slices."""
        return self.fit is not None


WINDOW = StepInfo(
    name="window",
    title=N_("Linear window"),
    summary=N_("Map a window of grey values to black ... white and clip the rest."),
    run=window,
    params=(
        ParamInfo("level", N_("Level"), 40, -1000, 3000, 1, "HU"),
        ParamInfo("width", N_("Width"), 400, 1, 4000, 1, "HU"),
    ),
)

EQUALIZE = StepInfo(
    name="equalize",
    title=N_("Histogram equalisation"),
    summary=N_("Spread grey values so that each is as frequent as any other."),
    run=equalize,
    params=(ParamInfo("bins", N_("Bins"), 256, 2, 1024, 1),),
)

TV = StepInfo(
    name="tv",
    title=N_("Total variation"),
    summary=N_("Remove noise and keep edges."),
    run=total_variation,
    params=(
        ParamInfo("weight", N_("Strength"), 0.1, 0.0, 1.0, 0.01),
        ParamInfo("eps", N_("Tolerance"), 2e-4, 1e-5, 1e-2, 1e-5),
        ParamInfo("max_iter", N_("Steps at most"), 200, 1, 500, 1),
    ),
)

CLAHE = StepInfo(
    name="clahe",
    title=N_("Local equalisation (CLAHE)"),
    summary=N_("Equalise the histogram in tiles, with the contrast limited."),
    run=clahe,
    params=(
        ParamInfo("tiles", N_("Tiles each way"), 8, 1, 32, 1),
        ParamInfo("clip", N_("Contrast limit"), 0.01, 0.001, 1.0, 0.001),
        ParamInfo("bins", N_("Bins"), 256, 2, 1024, 1),
    ),
)

GAMMA = StepInfo(
    name="gamma",
    title=N_("Gamma"),
    summary=N_("Raise values from 0 to 1 to a power: below 1 brightens the dark."),
    run=gamma,
    params=(ParamInfo("gamma", N_("Exponent"), 1.0, 0.1, 5.0, 0.05),),
)

PERCENTILE = StepInfo(
    name="percentile",
    title=N_("Percentile window"),
    summary=N_("Map the slice's range between two percentiles to black ... white."),
    run=percentile_window,
    params=(
        ParamInfo("low", N_("Black"), 1.0, 0.0, 49.9, 0.1, "%"),
        ParamInfo("high", N_("White"), 99.0, 50.0, 100.0, 0.1, "%"),
    ),
)

MEDIAN = StepInfo(
    name="median",
    title=N_("Median"),
    summary=N_("Remove single bright and dark pixels and keep edges."),
    run=median,
    params=(ParamInfo("radius", N_("Radius"), 1, 0, 7, 1, "px"),),
)

GAUSSIAN = StepInfo(
    name="gaussian",
    title=N_("Gaussian"),
    summary=N_("Blur noise and edges alike."),
    run=gaussian,
    params=(ParamInfo("sigma", N_("Sigma"), 1.0, 0.0, 10.0, 0.1, "px"),),
)

N4 = StepInfo(
    name="n4",
    title=N_("Bias field (N4)"),
    summary=N_("Even out the slow change of brightness of an MR scan."),
    run=correct_bias,
    fit=fit_bias,
    params=(
        ParamInfo("shrink", N_("Thinning"), 4, 1, 8, 1),
        ParamInfo("levels", N_("Levels"), 3, 1, 5, 1),
        ParamInfo("iterations", N_("Steps a level"), 50, 1, 200, 1),
    ),
)

Z_SCORE = StepInfo(
    name="zscore",
    title=N_("Z-score"),
    summary=N_("Bring each slice to mean 0 and standard deviation 1."),
    run=z_score,
)
