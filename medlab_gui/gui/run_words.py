"""What a training's recipe says about its curves and figures, in words (no widget)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.core.i18n import _
from medlab_gui.networks import CLASSIFIERS, NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["measure_of", "measures_of", "phase_titles"]


def measure_of(spec: Mapping[str, Any]) -> str:
    """Return what is measured of a recipe's network: Dice of masks, F1 of slices."""
    network = spec.get("network")
    name = network.get("name") if isinstance(network, dict) else None
    classifies = name in CLASSIFIERS and name not in NETWORKS
    return _("F1") if classifies else _("Dice")


def measures_of(specs: Iterable[Mapping[str, Any]]) -> str:
    """Return what is measured of several: ``"Dice"``, ``"F1"`` or ``"Dice, F1"``."""
    return ", ".join(sorted({measure_of(spec) for spec in specs})) or _("Dice")


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
