"""Runs a `PipelineSpec`: the same code previews, trains and predicts."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import SpecError
from medlab_gui.core.registry import Registry
from medlab_gui.imaging.slicewise import ProgressCallback, map_slices
from medlab_gui.imaging.steps import ParamInfo, StepInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec, Step

__all__ = ["STEPS", "ParamInfo", "StepInfo", "check_pipeline", "run_pipeline"]

STEPS: Registry[StepInfo] = Registry(
    "preprocessing step",
    {
        "window": "medlab_gui.imaging.steps:WINDOW",
        "equalize": "medlab_gui.imaging.steps:EQUALIZE",
        "tv": "medlab_gui.imaging.steps:TV",
    },
    entry_point_group="medlab.pipeline_steps",
)
"""Steps by name; plugins add to it by the entry point ``medlab.pipeline_steps``."""


def run_pipeline(
    spec: PipelineSpec,
    data: NDArray[Any],
    *,
    progress: ProgressCallback | None = None,
) -> NDArray[np.float32]:
    """Apply the steps of a recipe, slice by slice.

    Parameters
    ----------
    spec : PipelineSpec
        The recipe. Steps that are off are checked and skipped.
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Any real dtype, in the scan's units; not changed.
    progress : callable, optional
        Called as ``progress(done, total, message)`` once per slice.

    Returns
    -------
    ndarray of float32
        Same shape. A slice gives the same bits alone as within its volume.

    Raises
    ------
    SpecError
        If a step or parameter is unknown, or a value is out of range.
    InputError
        If ``data`` has neither two nor three axes.
    """
    functions = check_pipeline(spec)

    def apply(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        for function in functions:
            plane = function(plane)
        return plane

    return map_slices(apply, data, progress=progress, message="Preprocessing")


def check_pipeline(
    spec: PipelineSpec,
) -> list[Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    """Return the steps that are on, ready to be called, or raise `SpecError`."""
    bound = [(step, _bind(step)) for step in spec.steps]
    return [function for step, function in bound if step.enabled]


def _bind(step: Step) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    info = STEPS[step.name]
    known = {p.name: p for p in info.params}
    unknown = sorted(set(step.params) - set(known))
    if unknown:
        knows = ", ".join(known) if known else "no parameters"
        msg = (
            f"The step {step.name!r} does not know {', '.join(unknown)}; "
            f"it knows {knows}."
        )
        raise SpecError(msg)
    values = {
        name: _checked(step.name, param, step.params.get(name, param.default))
        for name, param in known.items()
    }
    return partial(info.run, **values)


def _checked(step: str, param: ParamInfo, value: Any) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or not param.minimum <= value <= param.maximum
        or (param.is_integer and param.unit != "HU" and value != int(value))
    ):
        whole = "a whole number" if param.is_integer else "a number"
        msg = (
            f"{param.name} of the step {step!r} must be {whole} from "
            f"{param.minimum:g} to {param.maximum:g}; found {value!r}."
        )
        raise SpecError(msg)
    return value
