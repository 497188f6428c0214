"""How networks were asked: written down with each prediction, and asked so again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.predict import PredictParams

__all__ = ["OPTIONS", "as_before", "asked", "asked_in_words"]

OPTIONS = (
    *("tiles", "overlap", "axes", "flips", "dropout_passes", "seed", "crf"),
    *("largest_component", "fill_holes"),
)
"""Fields of `PredictParams` that change what a network answers."""


def asked(params: PredictParams, device: str, runtime: str) -> dict[str, Any]:
    """Return what is kept with a prediction: plain data.

    Parameters
    ----------
    params : PredictParams
        How the network was asked.
    device, runtime : str
        Where and by what it was run.
    """
    from medlab_gui import __version__

    own = {name: getattr(params, name) for name in OPTIONS}
    return {**own, "device": device, "runtime": runtime, "software": __version__}


def as_before(params: PredictParams, ctx: Context) -> PredictParams:
    """Return params that ask as the prediction ``params.repeat`` was asked.

    Raises
    ------
    InputError
        If there is no such prediction, nobody knows how it was asked, or other options
        are given as well.
    """
    given = [n for n in OPTIONS if getattr(params, n) != getattr(type(params), n)]
    given += ["checkpoint"] if params.checkpoint else []
    if given:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        msg = f"--repeat says how to ask; leave {options} out."
        raise InputError(msg)
    with ctx.store() as store:
        stored = store.prediction_or_classification(params.repeat)
    if stored.options is None:
        msg = (
            f"The prediction {stored.id} was made by an older MedLab, which did not "
            "write down how the network was asked; give the options yourself."
        )
        raise InputError(msg)
    known = {name: stored.options[name] for name in OPTIONS if name in stored.options}
    return replace(params, checkpoint=stored.checkpoint_id, repeat="", **known)


def asked_in_words(options: Mapping[str, Any] | None) -> str:
    """Say how a network was asked, e.g. ``"tiles of 256 px, axes all"``."""
    if options is None:
        return "asked in a way that an older MedLab did not write down"
    parts = []
    if options.get("tiles"):
        parts.append(f"tiles of {options['tiles']} px, overlap {options['overlap']:g}")
    if options.get("axes", "axial") != "axial":
        parts.append(f"axes {options['axes']}")
    if options.get("flips", "none") != "none":
        parts.append(f"flips {options['flips']}")
    if options.get("dropout_passes"):
        parts.append(
            f"{options['dropout_passes']} dropout passes (seed {options['seed']})"
        )
    if options.get("crf"):
        parts.append("CRF")
    for name, words in (
        ("largest_component", "largest part only of"),
        ("fill_holes", "holes filled of"),
    ):
        if options.get(name):
            parts.append(f"{words} {options[name]}")
    return ", ".join(parts) or "whole axial slices as they are"
