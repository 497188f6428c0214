"""What is refused before a training starts: impossible recipes, unfit slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.labels import IGNORE
from medlab_gui.imaging.pipeline import check_pipeline
from medlab_gui.learning.augmentations import make_augmenter
from medlab_gui.learning.dataset import half_of
from medlab_gui.learning.losses import make_loss
from medlab_gui.networks import build_any
from medlab_gui.networks.base import on_meta

if TYPE_CHECKING:
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.training import TrainSpec
    from medlab_gui.learning.dataset import SliceKey, SliceSource

__all__ = [
    "check_choosers",
    "check_recipe",
    "check_sides",
    "check_slices",
    "check_values",
    "named",
]


def check_recipe(spec: TrainSpec, scheme: LabelScheme) -> None:
    """Refuse a recipe that could not be followed, without allocating anything.

    Raises
    ------
    SpecError
        If network, loss, preprocessing, augmentation or what a phase trains is not
        there, takes no such option, or does not fit the classes.
    """
    if spec.network.n_classes != scheme.n_classes:
        msg = (
            f"The recipe's network has {spec.network.n_classes} classes but "
            f"the scheme {scheme.name!r} has {scheme.n_classes}."
        )
        raise SpecError(msg)
    make_loss(spec)
    make_augmenter(spec)
    check_pipeline(spec.pipeline)
    network = on_meta(lambda: build_any(spec.network))
    half_of(spec.network.in_channels)
    if network.kind == "classification" and spec.patch:
        msg = "A classifier sees whole slices; set 'patch' to 0."
        raise SpecError(msg)
    for phase in spec.phases:
        network.freeze(phase.trainable)
        if not any(weight.requires_grad for weight in network.parameters()):
            msg = f"Nothing would learn in the phase {phase.name!r}."
            raise SpecError(msg)
    if not any(phase.epochs or phase.steps for phase in spec.phases):
        msg = "The recipe has no epochs; give at least one phase an epoch."
        raise SpecError(msg)


def check_sides(
    training: SliceSource, validation: SliceSource, *, same_patient: bool
) -> str:
    """Refuse slices that would judge what was learned from them.

    Parameters
    ----------
    training, validation : SliceSource
        The two sides of a split.
    same_patient : bool
        Whether a patient may be on both sides: where there is only one.

    Returns
    -------
    str
        A sentence where a patient is on both sides, else nothing.

    Raises
    ------
    InputError
        If a side is empty, or a slice, or a patient who must not be, is on both.
    """
    for what, source in (("learn", training), ("judge", validation)):
        if not source.keys:
            msg = f"There is no labelled slice to {what} from; label some first."
            raise InputError(msg)
    judges = set(validation.keys)
    twice = [key for key in training.keys if key in judges]
    if twice:
        msg = (
            f"{_count(len(twice), 'slice is', 'slices are')} on both sides of the "
            f"split: {named(twice)}. What judges must not be learned from."
        )
        raise InputError(msg)
    learned = {training.group(key) for key in training.keys}
    both = sorted(learned & {validation.group(key) for key in validation.keys})
    if not both:
        return ""
    who = _count(len(both), "patient has", "patients have")
    found = f"{who} slices on both sides of the split ({', '.join(both[:3])}"
    found += ", …)" if len(both) > 3 else ")"
    if not same_patient:
        msg = (
            f"{found}, so the scores would be too good. Split by patient: give each "
            "patient one use."
        )
        raise InputError(msg)
    return f"{found}: the scores flatter, since one patient's slices are alike."


def check_choosers(
    choosers: SliceSource, training: SliceSource, validation: SliceSource
) -> None:
    """Refuse slices that would choose the epoch and teach, or judge, as well.

    Raises
    ------
    InputError
        If so.
    """
    others = {*training.keys, *validation.keys}
    twice = [key for key in choosers.keys if key in others]
    if twice:
        msg = (
            f"{_count(len(twice), 'slice', 'slices')} would choose the epoch, and "
            f"teach or judge as well: {named(twice)}. Give each slice one use."
        )
        raise InputError(msg)


def check_values(source: SliceSource, scheme: LabelScheme) -> set[int]:
    """Return the values that masks hold, 255 left out.

    Raises
    ------
    InputError
        If a mask has a value that the scheme has not.
    """
    seen: set[int] = set()
    for key in source.keys:
        values = {int(v) for v in np.unique(source.labels(key))}
        unknown = sorted(values - {*range(scheme.n_classes), IGNORE})
        if unknown:
            classes = ", ".join(f"{c.value} {c.name}" for c in scheme.classes)
            msg = (
                f"The mask of {named([key])} holds the values {unknown}, but the "
                f"classes are 0 background, {classes} (255 is ignored). Map them, or "
                "add the classes that are meant."
            )
            raise InputError(msg)
        seen |= values - {IGNORE}
    return seen


def check_slices(
    source: SliceSource, scheme: LabelScheme, *, by_class: bool = False
) -> str:
    """Refuse masks from which nothing can be learned.

    Parameters
    ----------
    source : SliceSource
        What is to be learned from.
    scheme : LabelScheme
        What the values mean.
    by_class : bool
        For classifiers: what counts is the one class that each slice shows.

    Returns
    -------
    str
        A sentence that names classes which no slice shows, or nothing.

    Raises
    ------
    InputError
        If a mask has a value that the scheme has not, or all of them show one only.
    """
    seen = check_values(source, scheme)
    n = len(source.keys)
    what = "The only labelled slice" if n == 1 else f"All {n} labelled slices"
    shows = "shows" if n == 1 else "show"
    if by_class:
        from medlab_gui.learning.whole_slices import shown_classes

        seen = {*shown_classes(source)} - {IGNORE}
        if len(seen) == 1:
            msg = (
                f"{what} to learn from {shows} "
                f"{scheme.answers[seen.pop()]}, so there is nothing to tell apart. "
                "Label slices of the other classes as well."
            )
            raise InputError(msg)
    if len(seen) < 2:
        name = {0: "background", **{c.value: c.name for c in scheme.classes}}
        found = f"only {name[seen.pop()]}" if seen else "nothing but ignored voxels"
        msg = (
            f"{what} {shows} {found}, so there is nothing "
            "to tell apart. Label slices that show the classes as well as background."
        )
        raise InputError(msg)
    absent = [c.name for c in scheme.classes if c.value not in seen]
    if absent:
        return f"No slice to learn from shows {', '.join(absent)}."
    return ""


def named(keys: list[SliceKey]) -> str:
    """Return words for slices, counted from 1 as in the window."""
    words = [f"slice {k.slice_index + 1} of {k.series_uid}" for k in keys[:4]]
    more = len(keys) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "")


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"
