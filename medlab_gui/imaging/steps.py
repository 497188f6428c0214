"""The steps of preprocessing that come with MedLab, and what a step says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_
from medlab_gui.imaging.denoise import total_variation
from medlab_gui.imaging.histogram import equalize
from medlab_gui.imaging.window import window

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EQUALIZE", "TV", "WINDOW", "ParamInfo", "StepInfo"]


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
    """

    name: str
    title: str
    summary: str
    run: Callable[..., NDArray[np.float32]]
    params: tuple[ParamInfo, ...] = ()


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
