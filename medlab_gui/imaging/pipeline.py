"""Runs a `PipelineSpec`: the same code previews, trains and predicts."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from medlab_gui.core.errors import SpecError
from medlab_gui.core.registry import Registry
from medlab_gui.core.spec_checks import nearest
from medlab_gui.imaging.slicewise import ProgressCallback, map_slices
from medlab_gui.imaging.steps import ParamInfo, StepInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec, Step

__all__ = [
    "STEPS",
    "FittedPipeline",
    "ParamInfo",
    "StepInfo",
    "check_pipeline",
    "fit_pipeline",
    "needs_volume",
    "run_pipeline",
]

_MESSAGE = "Preprocessing"

STEPS: Registry[StepInfo] = Registry(
    "preprocessing step",
    {
        "window": "medlab_gui.imaging.steps:WINDOW",
        "equalize": "medlab_gui.imaging.steps:EQUALIZE",
        "tv": "medlab_gui.imaging.steps:TV",
        "clahe": "medlab_gui.imaging.steps:CLAHE",
        "gamma": "medlab_gui.imaging.steps:GAMMA",
        "percentile": "medlab_gui.imaging.steps:PERCENTILE",
        "median": "medlab_gui.imaging.steps:MEDIAN",
        "gaussian": "medlab_gui.imaging.steps:GAUSSIAN",
        "n4": "medlab_gui.imaging.steps:N4",
        "zscore": "medlab_gui.imaging.steps:Z_SCORE",
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
    """Apply the steps of a recipe to a slice or a scan.

    Parameters
    ----------
    spec : PipelineSpec
        The recipe. Steps that are off are checked and skipped.
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Any real dtype, in the scan's units; not changed. What is not finite takes the
        slice's darkest (or, for infinity, brightest) value.
    progress : callable, optional
        Called as ``progress(done, total, message)`` once per slice.

    Returns
    -------
    ndarray of float32
        Same shape. A slice gives the same bits alone as within its volume, unless the
        recipe needs the volume (`needs_volume`): a slice alone is then taken for a
        scan of one slice, and `fit_pipeline` gives a slice what it has in its scan.

    Raises
    ------
    SpecError
        If a step or parameter is unknown, or a value is out of range.
    InputError
        If ``data`` has neither two nor three axes, or a step cannot be done on it.
    """
    return _through(spec, data, progress)[0]


class FittedPipeline:
    """A recipe that knows the scan it is for: gives single slices their volume's bits.

    Made by `fit_pipeline`; may be called from several threads at once.
    """

    def __init__(self, parts: Sequence[_OnSlice]) -> None:
        self._parts = tuple(parts)

    def __call__(self, plane: NDArray[Any], k: int) -> NDArray[np.float32]:
        """Return slice ``k`` of the scan, shape (Y, X), as the whole scan has it."""
        return map_slices(lambda own, _: _chain(self._parts, own, k), plane)


def fit_pipeline(
    spec: PipelineSpec,
    volume: NDArray[Any],
    *,
    progress: ProgressCallback | None = None,
) -> FittedPipeline:
    """Do what a recipe needs the whole scan for, once, to show or use single slices.

    Parameters
    ----------
    spec : PipelineSpec
        The recipe. Where `needs_volume` is False this takes no time.
    volume : ndarray, shape (Z, Y, X)
        The scan.
    progress : callable, optional
        Called as ``progress(done, total, message)``; may raise to stop.

    Returns
    -------
    FittedPipeline
        ``fitted(volume[k], k)`` has the bits of ``run_pipeline(spec, volume)[k]``.

    Raises
    ------
    SpecError, InputError
        As `run_pipeline`.
    """
    if not needs_volume(spec):
        return FittedPipeline([_bound(f) for f in check_pipeline(spec)])
    return FittedPipeline(_through(spec, volume, progress, last=False)[1])


def needs_volume(spec: PipelineSpec) -> bool:
    """Tell whether a step that is on depends on the whole scan, such as N4.

    Raises
    ------
    SpecError
        If a step or parameter is wrong.
    """
    check_pipeline(spec)
    return any(step.enabled and STEPS[step.name].needs_volume for step in spec.steps)


def check_pipeline(
    spec: PipelineSpec,
) -> list[Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    """Return the steps that are on, ready to be called, or raise `SpecError`."""
    bound = [
        (step, partial(STEPS[step.name].run, **_values(step))) for step in spec.steps
    ]
    return [function for step, function in bound if step.enabled]


_OnSlice: TypeAlias = "Callable[[NDArray[np.float32], int], NDArray[np.float32]]"


def _bound(function: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> _OnSlice:
    return lambda plane, _: function(plane)


def _chain(
    parts: Sequence[_OnSlice], plane: NDArray[np.float32], k: int
) -> NDArray[np.float32]:
    for part in parts:
        plane = part(plane, k)
    return plane


def _through(
    spec: PipelineSpec,
    data: NDArray[Any],
    progress: ProgressCallback | None,
    *,
    last: bool = True,
) -> tuple[NDArray[np.float32], list[_OnSlice]]:
    """Return the result and what makes it of slices; up to the last fit if not `last`.

    The scan goes slice by slice through the steps up to one that needs all of it, and
    on from there.
    """
    functions = check_pipeline(spec)
    steps = [step for step in spec.steps if step.enabled]
    parts: list[_OnSlice] = []
    since = 0
    values = np.asarray(data)
    is_slice = values.ndim == 2
    for step, function in zip(steps, functions, strict=True):
        fit = STEPS[step.name].fit
        if fit is None:
            parts.append(_bound(function))
            continue
        values = map_slices(
            partial(_chain, parts[since:]), values, progress=progress, message=_MESSAGE
        )
        since = len(parts)
        whole = values[None] if is_slice else values
        parts.append(fit(whole, progress=progress, **_values(step)))
    if last:
        values = map_slices(
            partial(_chain, parts[since:]), values, progress=progress, message=_MESSAGE
        )
    return values, parts


def _values(step: Step) -> dict[str, float]:
    info = STEPS[step.name]
    known = {p.name: p for p in info.params}
    unknown = sorted(set(step.params) - set(known))
    if unknown:
        knows = ", ".join(known) if known else "no parameters"
        msg = (
            f"The step {step.name!r} does not know {', '.join(unknown)}; "
            f"it knows {knows}."
        )
        raise SpecError(msg + nearest(unknown[0], known))
    return {
        name: _checked(step.name, param, step.params.get(name, param.default))
        for name, param in known.items()
    }


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
