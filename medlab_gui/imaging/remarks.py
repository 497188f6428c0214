"""What a step of a recipe cannot do well to the values that reach it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_, _
from medlab_gui.imaging.recipes import complete

if TYPE_CHECKING:
    from medlab_gui.core.specs import PipelineSpec, Step

__all__ = ["remarks"]

_TO_UNIT = frozenset({"window", "percentile", "equalize", "clahe", "gamma"})
"""Steps after which values lie between 0 and 1."""
_SMALL_STEP = 0.01
"""Total variation takes away what differs by about its strength: less than this share
of the range is next to nothing."""
_FLAT = 0.1
"""Share of black to white below which a picture is one grey to the eye."""

_GAMMA = N_(
    "Gamma works on values from 0 to 1, and {low:.4g} to {high:.4g}{unit} reach it: "
    "all below 0 becomes black, all above 1 white. Put a window or a percentile window "
    "before it."
)
_TV = N_(
    "The strength of total variation is meant for values from 0 to 1, and {low:.4g} to "
    "{high:.4g}{unit} reach it: it takes next to nothing away. Put a window before it."
)
_WINDOW = N_(
    "The linear window (level {level:g}, width {width:g}) is meant for the scan's own "
    "values, and values from 0 to 1 reach it: hardly a difference is left. Put it "
    "first, or use a percentile window."
)


def remarks(
    spec: PipelineSpec, lowest: float, highest: float, unit: str = ""
) -> tuple[str, ...]:
    """Say which steps get values that they are not meant for.

    Nothing is changed: what a recipe does follows from its steps alone, so that weights
    trained on it stay what they are.

    Parameters
    ----------
    spec : PipelineSpec
        The recipe.
    lowest, highest : float
        Of the values that its first step gets.
    unit : str
        Of these values.

    Returns
    -------
    tuple of str
        A sentence for each such step that is on, in their order.

    Raises
    ------
    SpecError
        If a step is not known here.
    """
    said: list[str] = []
    low, high, shown = lowest, highest, f" {unit}" if unit else ""
    for step in complete(spec).steps:
        if not step.enabled:
            continue
        is_unit = low >= 0 and high <= 1
        facts = {"low": low, "high": high, "unit": shown}
        if step.name == "gamma" and not is_unit:
            said.append(_(_GAMMA).format(**facts))
        elif step.name == "tv" and 0 < step.params["weight"] < _SMALL_STEP * (
            high - low
        ):
            said.append(_(_TV).format(**facts))
        elif step.name == "window" and is_unit and _contrast(step, low, high) < _FLAT:
            said.append(_(_WINDOW).format(**step.params))
        if step.name in _TO_UNIT:
            low, high, shown = 0.0, 1.0, ""
        elif step.name == "zscore":
            low, high, shown = -3.0, 3.0, ""
    return tuple(said)


def _contrast(step: Step, low: float, high: float) -> float:
    """Return what share of black to white is left of a range by a window."""
    level, width = step.params["level"], step.params["width"]
    ends = [(v - (level - width / 2)) / width for v in (low, high)]
    return float(min(1.0, max(0.0, ends[1])) - min(1.0, max(0.0, ends[0])))
