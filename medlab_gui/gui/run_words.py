"""What a training's recipe says about its curves and figures, in words (no widget)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.core.i18n import _
from medlab_gui.core.merit import BALANCED
from medlab_gui.networks import CLASSIFIERS, NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from medlab_gui.core.records import Run

__all__ = ["is_balanced", "measure_of", "merit_of", "merits_of", "phase_titles"]


def measure_of(spec: Mapping[str, Any]) -> str:
    """Return what is measured of a recipe's network: Dice of masks, F1 of slices."""
    network = spec.get("network")
    name = network.get("name") if isinstance(network, dict) else None
    classifies = name in CLASSIFIERS and name not in NETWORKS
    return _("F1") if classifies else _("Dice")


def merit_of(run: Run) -> str:
    """Return what a run's weights are judged by: ``"mean Dice"``, say (`core.merit`).

    Classifiers of an older MedLab were judged by their mean F1.
    """
    if is_balanced(run):
        return _("balanced accuracy")
    return _("mean {measure}").format(measure=measure_of(run.spec))


def merits_of(runs: Iterable[Run]) -> str:
    """Return what several are judged by, in short: ``"Dice, Bal. acc."``."""
    short = {
        _("Bal. acc.") if is_balanced(run) else measure_of(run.spec) for run in runs
    }
    return ", ".join(sorted(short)) or _("Dice")


def is_balanced(run: Run) -> bool:
    """Tell whether a run's weights were judged by balanced accuracy."""
    judged = (run.comparison, run.comparison.get("new") or {})
    return any(BALANCED in one for one in judged)


def phase_titles(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return what to call each phase of a recipe, by its name: by what learns in it.

    A name of one's own stays: ``"warm: encoder frozen"``.
    """
    found = {}
    for phase in spec.get("phases") or ():
        name, learns = str(phase.get("name", "")), phase.get("trainable", "all")
        title = {"head": _("encoder frozen"), "all": _("all learn")}.get(
            learns if isinstance(learns, str) else "", _("some learn")
        )
        own = name not in ("head", "all", "")
        found[name] = f"{name}: {title}" if own else title
    return found
