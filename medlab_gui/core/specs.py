"""Recipes as plain data: what to filter, what to build, how to train."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from medlab_gui.core.errors import SpecError

__all__ = [
    "LIVER_PIPELINE",
    "NetworkSpec",
    "Phase",
    "PipelineSpec",
    "Step",
    "TrainSpec",
]


def _only_known(cls: type[Any], data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        msg = f"A {cls.__name__} must be a JSON object; found {type(data).__name__}."
        raise SpecError(msg)
    known = {f.name for f in fields(cls)}
    unknown = sorted(set(data) - known)
    if unknown:
        msg = (
            f"{cls.__name__} does not know {', '.join(unknown)}; "
            f"it knows {', '.join(sorted(known))}."
        )
        raise SpecError(msg)
    return data


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
        steps = _only_known(cls, data).get("steps", [])
        if not isinstance(steps, (list, tuple)):
            msg = f"The steps of a pipeline must be a list; found {steps!r}."
            raise SpecError(msg)
        return cls(tuple(_step(s) for s in steps))


def _step(data: Any) -> Step:
    # Written by hand in JSON files; the values are checked where the step is run.
    data = _only_known(Step, data)
    name, params = data.get("name"), data.get("params", {})
    enabled = data.get("enabled", True)
    if not isinstance(name, str):
        msg = f'A step of the pipeline is wrong: "name" must be text; found {name!r}.'
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

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Rebuild what `to_dict` returned, or raise `SpecError`."""
        try:
            return cls(**_only_known(cls, data))
        except TypeError as error:
            msg = f"The network's description is wrong: {error}."
            raise SpecError(msg) from error


@dataclass(frozen=True)
class Phase:
    """A stretch of training.

    Parameters
    ----------
    name : str
        What a person reads, e.g. ``"head"``.
    epochs : int
        Passes over the training slices.
    lr : float
        Learning rate at its start.
    trainable : "all", "head" or tuple of str
        What learns: everything, all but the encoder, or modules by name prefix.
        Frozen modules also keep their batch-norm statistics.
    """

    name: str
    epochs: int
    lr: float
    trainable: str | tuple[str, ...] = "all"

    def __post_init__(self) -> None:
        if self.epochs < 0 or not 0 < self.lr < 10:
            msg = (
                f"Phase {self.name!r} has {self.epochs} epochs at learning rate "
                f"{self.lr}; epochs must not be negative and the rate must be above 0."
            )
            raise SpecError(msg)


@dataclass(frozen=True)
class TrainSpec:
    """A recipe for training, complete enough to be repeated.

    Parameters
    ----------
    network : NetworkSpec
        What to train.
    pipeline : PipelineSpec
        What the network sees.
    inplane_mm : float or None
        Slices are resampled to square pixels of this size before the network and its
        probabilities back afterwards; None keeps each scan's own pixels.
    phases : tuple of Phase
        One after the other; two for transfer.
    loss : str
        Key of ``learning.losses.LOSSES``: ``"dice"``, ``"dice_ce"``, ...
    batch : int
        Slices in a step.
    seed : int
        Of weights, order and augmentation.
    augment : bool
        Whether training slices are turned, scaled, shifted and re-lit at random.
    decay : float
        The learning rate is multiplied by this after each epoch.
    patience : int
        Epochs without a better validation Dice before a phase ends; 0 means never.
    """

    network: NetworkSpec
    pipeline: PipelineSpec = LIVER_PIPELINE
    inplane_mm: float | None = None
    phases: tuple[Phase, ...] = (Phase("all", 20, 1e-3),)
    loss: str = "dice_ce"
    batch: int = 8
    seed: int = 0
    augment: bool = True
    decay: float = 1.0
    patience: int = 0

    def __post_init__(self) -> None:
        if self.batch < 1:
            msg = f"A batch holds at least one slice; found {self.batch}."
            raise SpecError(msg)
        if not self.phases:
            msg = "A training recipe needs at least one phase."
            raise SpecError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """Return indented JSON."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Rebuild what `to_dict` returned, or raise `SpecError`."""
        values = dict(_only_known(cls, data))
        try:
            values["network"] = NetworkSpec.from_dict(values["network"])
            if "pipeline" in values:
                values["pipeline"] = PipelineSpec.from_dict(values["pipeline"])
            if "phases" in values:
                values["phases"] = tuple(_phase(p) for p in values["phases"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            msg = f"The training recipe is wrong or incomplete: {error}."
            raise SpecError(msg) from error


def _phase(data: Any) -> Phase:
    values = dict(_only_known(Phase, data))
    if isinstance(values.get("trainable"), list):
        values["trainable"] = tuple(values["trainable"])
    return Phase(**values)
