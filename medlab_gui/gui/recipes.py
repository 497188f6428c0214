"""Preprocessing recipes compared and put into words (no widget)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from medlab_gui.core.i18n import _
from medlab_gui.imaging.recipes import effective

if TYPE_CHECKING:
    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.imaging.steps import ParamInfo

__all__ = ["ADVANCED", "differences", "in_words"]

ADVANCED = frozenset({("tv", "eps"), ("tv", "max_iter")})
"""Parameters that are shown only on demand: they trade time for the last digit."""


def _title(name: str) -> str:
    from medlab_gui.imaging.pipeline import STEPS

    return _(STEPS[name].title)


def _figure(info: ParamInfo, value: float, unit: str) -> str:
    shown = unit if info.unit == "HU" else info.unit
    return f"{value:g} {shown}".strip()


def in_words(spec: PipelineSpec) -> str:
    """Return a recipe in words.

    Such as ``"Linear window (level 40, width 400), Total variation 0.1"``.
    """
    parts = []
    for name, params in effective(spec):
        shown = [(p, v) for p, v in _in_order(name, params) if not _fine(name, p)]
        figures = ", ".join(f"{_(p.title).lower()} {v:g}" for p, v in shown)
        # Which figure is which is clear of one alone.
        words = f"{shown[0][1]:g}" if len(shown) == 1 else figures and f"({figures})"
        parts.append(f"{_title(name)} {words}".strip())
    return ", ".join(parts) or _("no preprocessing")


def _fine(name: str, param: ParamInfo) -> bool:
    return (name, param.name) in ADVANCED


def _in_order(
    name: str, params: tuple[tuple[str, float], ...]
) -> list[tuple[ParamInfo, float]]:
    from medlab_gui.imaging.pipeline import STEPS

    values = dict(params)
    return [(p, values[p.name]) for p in STEPS[name].params]


def differences(
    shown: PipelineSpec, model: PipelineSpec, unit: str = "HU"
) -> tuple[str, ...]:
    """Name what the shown recipe does otherwise than the model's own.

    Parameters
    ----------
    shown, model : PipelineSpec
        What the window shows, and what the weights were trained on.
    unit : str
        Of the scan; stands where a parameter says HU.

    Returns
    -------
    tuple of str
        A sentence for each difference; empty where both do the same.
    """
    here, there = _numbered(shown), _numbered(model)
    said = [
        _("{step}: only here, the model does not get it.").format(step=_title(name))
        for name, n in here
        if (name, n) not in there
    ]
    said += [
        _("{step}: the model gets it, it is not applied here.").format(
            step=_title(name)
        )
        for name, n in there
        if (name, n) not in here
    ]
    for key, params in here.items():
        if key not in there:
            continue
        others = dict(there[key])
        for param, value in _in_order(key[0], params):
            other = others[param.name]
            if value != other:
                said.append(
                    _("{step}: {what} is {here} here, {there} for the model.").format(
                        step=_title(key[0]),
                        what=_(param.title),
                        here=_figure(param, value, unit),
                        there=_figure(param, other, unit),
                    )
                )
    ours = [key for key in here if key in there]
    theirs = [key for key in there if key in here]
    if ours != theirs:
        said.append(
            _("The order differs: here {here}; for the model {there}.").format(
                here=", ".join(_title(name) for name, _n in ours),
                there=", ".join(_title(name) for name, _n in theirs),
            )
        )
    return tuple(said)


def _numbered(
    spec: PipelineSpec,
) -> dict[tuple[str, int], tuple[tuple[str, float], ...]]:
    """Return the steps that are on, told apart where one comes twice."""
    seen: Counter[str] = Counter()
    steps = {}
    for name, params in effective(spec):
        steps[name, seen[name]] = params
        seen[name] += 1
    return steps
