"""Recipes as plain data: what to filter and what to build (to train: `training`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from medlab_gui.core.errors import SpecError
from medlab_gui.core.spec_checks import (
    check_choice,
    check_kind,
    check_whole,
    known_keys,
    only_known,
)

__all__ = [
    "INTERPOLATIONS",
    "LIVER_PIPELINE",
    "NetworkSpec",
    "PipelineSpec",
    "Resize",
    "Sampling",
    "Step",
    "checked_sampling",
]


@dataclass(frozen=True)
class Step:
    """One step of preprocessing.

    Parameters
    ----------
    name : str
        Key of ``imaging.pipeline.STEPS``: ``"window"``, ``"equalize"``, ``"tv"``.
    params : dict
        Its parameters; what is absent takes the step's default.
    enabled : bool
        A step that is off is kept, with its parameters, and does nothing.
    """

    name: str
    params: dict[str, float] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True)
class PipelineSpec:
    """Steps of preprocessing in order; the same object previews, trains, predicts.

    Parameters
    ----------
    steps : tuple of Step
        Applied slice by slice, first to last.
    """

    steps: tuple[Step, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return {"steps": [asdict(s) for s in self.steps]}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Rebuild what `to_dict` returned, or raise `SpecError`."""
        steps = only_known(cls, data).get("steps", [])
        if not isinstance(steps, (list, tuple)):
            msg = f"The steps of a recipe must be a list; found {steps!r}."
            raise SpecError(msg)
        return cls(tuple(_step(s) for s in steps))


def _step(data: Any) -> Step:
    # Written by hand in JSON files; the values are checked where the step is run.
    data = known_keys("step of a recipe", data, ("name", "params", "enabled"))
    name, params = data.get("name"), data.get("params", {})
    enabled = data.get("enabled", True)
    if not isinstance(name, str):
        msg = f'A step of the recipe is wrong: "name" must be text; found {name!r}.'
        raise SpecError(msg)
    if not isinstance(params, dict):
        msg = (
            f"The parameters of the step {name!r} must be an object; found {params!r}."
        )
        raise SpecError(msg)
    if not isinstance(enabled, bool):
        msg = (
            f'"enabled" of the step {name!r} must be true or false; found {enabled!r}.'
        )
        raise SpecError(msg)
    return Step(name, params, enabled)


LIVER_PIPELINE = PipelineSpec(
    (
        Step("window", {"level": 40.0, "width": 400.0}),
        Step("equalize", {"bins": 256}),
        Step("tv", {"weight": 0.1}),
    )
)
"""Linear transform, histogram equalisation, total variation (Duan et al. 2020)."""


@dataclass(frozen=True)
class NetworkSpec:
    """Which network, and how large.

    Parameters
    ----------
    name : str
        Key of ``networks.NETWORKS``.
    in_channels : int
        Channels of the input.
    n_classes : int
        Channels of the output, background included.
    options : dict
        Keyword arguments of the network, e.g. ``{"width": 0.25}``.
    """

    name: str
    in_channels: int = 1
    n_classes: int = 2
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_kind("name of the network", self.name, str)
        check_whole("in_channels", self.in_channels, 1, 255)
        check_whole("n_classes", self.n_classes, 2, 255)
        check_kind("options of the network", self.options, dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Rebuild what `to_dict` returned, or raise `SpecError`."""
        return cls(**only_known(cls, data))


INTERPOLATIONS = ("bicubic", "linear")


@dataclass(frozen=True)
class Resize:
    """Slices of so many pixels, whatever they measure.

    Parameters
    ----------
    pixels : int
        Rows and columns that the network is shown, 16 to 4096. A slice that is not
        square is squeezed, as in the papers.
    interpolation : "bicubic" or "linear"
        Of pictures; masks take the nearest pixel.

    Raises
    ------
    SpecError
        If a value is not one of these.
    """

    pixels: int
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        check_whole("resize.pixels", self.pixels, 16, 4096)
        check_choice("resize.interpolation", self.interpolation, INTERPOLATIONS)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Rebuild what `to_dict` returned; a number alone is that of the pixels.

        Raises
        ------
        SpecError
            If it is neither, or an impossible one.
        """
        if not isinstance(data, dict):
            return cls(data)
        if "pixels" not in data:
            msg = "'resize' names no 'pixels'; write e.g. {\"pixels\": 224}."
            raise SpecError(msg)
        return cls(**only_known(cls, data))


Sampling = float | Resize | None
"""Pixels that a network works on: of a size in mm, of a number, or the scan's own."""


def checked_sampling(inplane_mm: float | None, resize: Resize | None) -> Sampling:
    """Return which pixels are meant.

    Raises
    ------
    SpecError
        If both are given.
    """
    if resize is not None and inplane_mm is not None:
        msg = (
            "A slice has either so many pixels ('resize', found "
            f"{resize.pixels}) or pixels of a size ('inplane_mm', found "
            f"{inplane_mm:g}): set one of them to null."
        )
        raise SpecError(msg)
    return inplane_mm if resize is None else resize
