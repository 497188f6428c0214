"""The augmentation that a recipe asks for, as one function."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from medlab_gui.core.errors import SpecError
from medlab_gui.core.spec_checks import check_number, nearest
from medlab_gui.learning.augment import Ranges, augment, draw
from medlab_gui.learning.four_of_six import Strengths, apply_four, draw_four

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.core.training import TrainSpec

__all__ = ["Augmenter", "make_augmenter"]

T = TypeVar("T", Ranges, Strengths)


@dataclass(frozen=True)
class Augmenter:
    """Draws a change of a slice, and applies it to the slice and its mask.

    Parameters
    ----------
    draw : callable
        Returns a change, plain data; advances the generator always alike.
    apply : callable
        ``apply(change, image, labels)`` returns the changed slice and mask.
    """

    draw: Callable[[np.random.Generator], Any]
    apply: Callable[
        [Any, NDArray[np.float32], NDArray[np.uint8]],
        tuple[NDArray[np.float32], NDArray[np.uint8]],
    ]


def make_augmenter(spec: TrainSpec) -> Augmenter | None:
    """Return the augmentation of a recipe, or None where it has none.

    Raises
    ------
    SpecError
        If an option is unknown or impossible.
    """
    if spec.augment == "none":
        if spec.augment_options:
            msg = "'augment_options' are of no use where 'augment' is 'none'."
            raise SpecError(msg)
        return None
    n_classes = spec.network.n_classes
    if spec.augment == "four-of-six":
        strengths = _filled(Strengths, spec.augment_options)
        return Augmenter(partial(draw_four, strengths=strengths), apply_four)
    ranges = _filled(Ranges, spec.augment_options)
    return Augmenter(partial(draw, n_classes=n_classes, ranges=ranges), augment)


def _filled(cls: type[T], options: dict[str, Any]) -> T:
    defaults = {f.name: f.default for f in fields(cls)}
    values = {}
    for name, value in options.items():
        if name not in defaults:
            msg = (
                f"'augment_options' does not know {name!r}; it knows "
                f"{', '.join(sorted(defaults))}."
            )
            raise SpecError(msg + nearest(name, defaults))
        values[name] = _checked(name, value, defaults[name])
    return cls(**values)


def _checked(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool):
        if not isinstance(value, bool):
            msg = f"{name!r} of the augmentation is true or false; found {value!r}."
            raise SpecError(msg)
        return value
    if not isinstance(default, tuple):
        check_number(f"{name} of the augmentation", value, 0)
        return value
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        msg = f"{name!r} of the augmentation is [lowest, highest]; found {value!r}."
        raise SpecError(msg)
    for part in value:
        check_number(f"{name} of the augmentation", part, 0, above=True)
    if value[0] > value[1]:
        msg = f"{name!r} of the augmentation is [lowest, highest]; found {value!r}."
        raise SpecError(msg)
    return tuple(value)
