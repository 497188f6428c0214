"""A training recipe as plain data; `learning` does what it says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from medlab_gui.core.errors import SpecError
from medlab_gui.core.spec_checks import (
    check_choice,
    check_kind,
    check_number,
    check_whole,
    nearest,
    only_known,
)
from medlab_gui.core.specs import (
    LIVER_PIPELINE,
    NetworkSpec,
    PipelineSpec,
    Resize,
    Sampling,
    checked_sampling,
)

__all__ = [
    "AUGMENTATIONS",
    "EPOCH_CHOICES",
    "KEPT_FIGURE",
    "MAX_SEED",
    "OPTIMISERS",
    "PRECISIONS",
    "SCHEDULES",
    "TRANSFERS",
    "LossTerm",
    "Phase",
    "TrainSpec",
    "with_settings",
]

OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("epoch", "step", "cosine", "plateau")
AUGMENTATIONS = ("usual", "four-of-six", "none")
PRECISIONS = ("auto", "float32")
TRANSFERS = ("encoder", "all")
EPOCH_CHOICES = ("set-aside", "judges", "last")
KEPT_FIGURE = "kept.svg"
"""Of a run's folder: what the network said at the steps of ``keep_at``."""
MAX_SEED = 2**31 - 1
"""Every generator, database and number box takes seeds up to it."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training.

    Parameters
    ----------
    name : str
        What a person reads, e.g. ``"head"``.
    epochs : int
        Passes over the training slices; what counts where ``steps`` is 0.
    lr : float
        Learning rate at its start.
    trainable : "all", "head" or tuple of str
        What learns: everything, all but the encoder, or modules by name prefix.
        Frozen modules also keep their batch-norm statistics.
    steps : int
        Updates of the weights (iterations) instead of epochs; 0 counts epochs.
    """

    name: str
    epochs: int
    lr: float
    trainable: str | tuple[str, ...] = "all"
    steps: int = 0

    def __post_init__(self) -> None:
        what = f"of the phase {self.name!r}"
        check_kind("name of a phase", self.name, str)
        # Each epoch has a place in the plan; more than these nobody lives to see.
        check_whole(f"epochs {what}", self.epochs, 0, 1_000_000)
        check_whole(f"steps {what}", self.steps, 0, 10_000_000)
        check_number(f"lr {what}", self.lr, 0, 10, above=True, below=True)
        if isinstance(self.trainable, str):
            if self.trainable not in ("all", "head"):
                msg = (
                    f"What learns in the phase {self.name!r} is 'all', 'head' or a "
                    f"list of modules; found {self.trainable!r}."
                )
                raise SpecError(msg + nearest(self.trainable, ("all", "head")))
            return
        check_kind(f"trainable {what}", self.trainable, list)
        if not all(isinstance(part, str) for part in self.trainable):
            msg = f"Modules are named by text; found {list(self.trainable)}."
            raise SpecError(msg)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Rebuild a phase from plain data, or raise `SpecError`."""
        if isinstance(data, dict) and data.get("steps"):
            data = {"epochs": 0, **data}
        values = dict(only_known(cls, data))
        if isinstance(values.get("trainable"), list):
            values["trainable"] = tuple(values["trainable"])
        return cls(**values)


@dataclass(frozen=True)
class LossTerm:
    """One part of a sum of losses.

    Parameters
    ----------
    name : str
        Key of ``learning.losses.LOSSES``.
    weight : float
        Factor in the sum.
    options : dict
        Of that loss, e.g. ``{"gamma": 2}`` of the focal loss.
    """

    name: str
    weight: float = 1.0
    options: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_kind("name of a loss", self.name, str)
        check_number(f"weight of the loss {self.name}", self.weight, 0, above=True)
        check_kind(f"options of the loss {self.name}", self.options, dict)


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
    resize : Resize or None
        Instead of that, slices get so many pixels; masks take the nearest one, and
        probabilities are brought back afterwards.
    phases : tuple of Phase
        One after the other; two for transfer.
    loss : str or tuple of LossTerm
        Key of ``learning.losses.LOSSES`` (``"dice"``, ``"dice_ce"``, ...), or terms
        that are added up.
    class_weights : tuple of float
        How much each class counts, background first; empty: all alike.
    batch : int
        Slices that go through the network together.
    accumulate : int
        Batches whose gradients make one step.
    seed : int
        Of weights, order, augmentation and splits.
    augment : "usual", "four-of-six" or "none"
        How training slices are changed at random; true and false are read as the first
        and the last.
    augment_options : dict
        Fields of ``learning.augment.Ranges`` or ``learning.four_of_six.Strengths``.
    optimiser : "adam", "adamw" or "sgd"
        What turns gradients into steps.
    weight_decay, momentum : float
        Of the optimiser; momentum is of SGD alone.
    schedule : "epoch", "step", "cosine" or "plateau"
        The learning rate is multiplied by ``decay`` after each epoch; or continuously,
        ``decay ** (step / decay_steps)``; or falls along half a cosine; or is
        multiplied by ``decay`` whenever the validation loss has not fallen for
        ``plateau_epochs``. Each phase begins anew.
    decay : float
        See ``schedule``.
    decay_steps : float
        See ``schedule``.
    plateau_epochs : int
        See ``schedule``.
    floor : float
        The rate never falls below this share of the phase's own.
    warmup_steps : int
        Steps at the start of each phase in which the rate grows from nearly nothing.
    patience : int
        Epochs without a better validation Dice before a phase ends; 0 means never.
    clip_norm : float
        Gradients are shortened to this length; 0 leaves them.
    ema : float
        Share of the old in a moving average of the weights, which is what is judged and
        kept; 0 keeps the weights themselves.
    precision : "auto" or "float32"
        Auto computes in bfloat16 where a graphics card has it; weights, losses and
        everything on a processor are float32.
    patch : int
        Rows and columns of the piece of a slice that is learned from; 0: all of it.
    keep_at : tuple of int
        Steps after which the predictions of ``keep_slices`` slices are kept, of those
        that choose the epoch, or judge where none does.
    keep_slices : int
        See ``keep_at``.
    encoder_weights : str
        Name of registered weights (``medlab weights list``) that the encoder starts
        from; empty: none.
    transfer : "encoder" or "all"
        What starts from them: the encoder alone, or with weights of MedLab's own the
        decoder and the last layer too, where they fit. Public files hold no decoder.
    epoch_choice : "set-aside", "judges" or "last"
        What chooses the epoch whose weights are kept. Of a training in a project: a
        part of the slices to learn from that is set aside for it, by patient (the last
        epoch where there are too few); the slices that judge, whose scores flatter
        then, as older versions had it; or nothing, and the last is kept. A recipe with
        scans of its own names the slices that choose, but for ``"last"``.
    """

    network: NetworkSpec
    pipeline: PipelineSpec = LIVER_PIPELINE
    inplane_mm: float | None = None
    resize: Resize | None = None
    phases: tuple[Phase, ...] = (Phase("all", 20, 1e-3),)
    loss: str | tuple[LossTerm, ...] = "dice_ce"
    class_weights: tuple[float, ...] = ()
    batch: int = 8
    accumulate: int = 1
    seed: int = 0
    augment: str | bool = "usual"
    augment_options: dict[str, Any] = field(default_factory=dict)
    optimiser: str = "adam"
    weight_decay: float = 0.0
    momentum: float = 0.9
    schedule: str = "epoch"
    decay: float = 1.0
    decay_steps: float = 1.0
    plateau_epochs: int = 5
    floor: float = 0.0
    warmup_steps: int = 0
    patience: int = 0
    clip_norm: float = 0.0
    ema: float = 0.0
    precision: str = "auto"
    patch: int = 0
    keep_at: tuple[int, ...] = ()
    keep_slices: int = 3
    encoder_weights: str = ""
    transfer: str = "encoder"
    epoch_choice: str = "set-aside"

    def __post_init__(self) -> None:
        if isinstance(self.augment, bool):
            word = "usual" if self.augment else "none"
            object.__setattr__(self, "augment", word)
        if not self.phases:
            msg = "A training recipe needs at least one phase."
            raise SpecError(msg)
        if self.loss == () or not isinstance(self.loss, (str, tuple)):
            msg = f"A loss is a name or a list of terms; found {self.loss!r}."
            raise SpecError(msg)
        if self.inplane_mm is not None:
            check_number("inplane_mm", self.inplane_mm, 0.05, 50)
        checked_sampling(self.inplane_mm, self.resize)
        for key, low in (
            *(("batch", 1), ("accumulate", 1), ("plateau_epochs", 1)),
            *(("warmup_steps", 0), ("patience", 0), ("keep_slices", 1)),
        ):
            check_whole(key, getattr(self, key), low)
        check_whole("seed", self.seed, 0, MAX_SEED)
        check_kind("augment_options", self.augment_options, dict)
        check_kind("encoder_weights", self.encoder_weights, str)
        check_choice("augment", self.augment, AUGMENTATIONS)
        check_choice("optimiser", self.optimiser, OPTIMISERS)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("transfer", self.transfer, TRANSFERS)
        check_choice("epoch_choice", self.epoch_choice, EPOCH_CHOICES)
        check_number("decay", self.decay, 0, 1, above=True)
        check_number("decay_steps", self.decay_steps, 0, above=True)
        check_number("floor", self.floor, 0, 1)
        check_number("weight_decay", self.weight_decay, 0)
        check_number("momentum", self.momentum, 0, 1, below=True)
        check_number("clip_norm", self.clip_norm, 0)
        check_number("ema", self.ema, 0, 1, below=True)
        check_whole("patch", self.patch, 0)
        if 0 < self.patch < 32:
            msg = f"'patch' is 0 (whole slices) or 32 and more; found {self.patch}."
            raise SpecError(msg)
        if self.resize is not None and self.patch > self.resize.pixels:
            msg = (
                f"'patch' is a piece of {self.patch} pixels a side, but 'resize' makes "
                f"slices of {self.resize.pixels}: give a smaller one, or 0 (whole "
                "slices)."
            )
            raise SpecError(msg)
        for step in self.keep_at:
            check_whole("keep_at", step, 1)
        self._check_class_weights()

    def _check_class_weights(self) -> None:
        for weight in self.class_weights:
            check_number("class_weights", weight, 0)
        n = self.network.n_classes
        if self.class_weights and len(self.class_weights) != n:
            msg = (
                f"'class_weights' has {len(self.class_weights)} numbers, but the "
                f"network has {n} classes, background included."
            )
            raise SpecError(msg)
        if self.class_weights and not any(self.class_weights[1:]):
            msg = "'class_weights' must leave at least one class besides background."
            raise SpecError(msg)

    @property
    def step_batch(self) -> int:
        """Slices behind one step: batch times accumulated batches."""
        return self.batch * self.accumulate

    @property
    def sampling(self) -> Sampling:
        """Which pixels the network works on."""
        return checked_sampling(self.inplane_mm, self.resize)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        data = asdict(self)
        # Runs that older versions began know no such keys, and can be resumed.
        if self.resize is None:
            del data["resize"]
        if self.transfer == TRANSFERS[0]:
            del data["transfer"]
        if self.epoch_choice == EPOCH_CHOICES[0]:
            del data["epoch_choice"]
        return data

    def to_json(self) -> str:
        """Return indented JSON."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Rebuild what `to_dict` returned, or raise `SpecError`."""
        values = dict(only_known(cls, data))
        for key in ("phases", "class_weights", "keep_at"):
            if key in values:
                check_kind(key, values[key], list)
                values[key] = tuple(values[key])
        values["network"] = NetworkSpec.from_dict(values["network"])
        if "pipeline" in values:
            values["pipeline"] = PipelineSpec.from_dict(values["pipeline"])
        if values.get("resize") is not None:
            values["resize"] = Resize.from_dict(values["resize"])
        if "phases" in values:
            values["phases"] = tuple(Phase.from_dict(p) for p in values["phases"])
        if isinstance(values.get("loss"), (list, tuple)):
            values["loss"] = tuple(_term(t) for t in values["loss"])
        return cls(**values)


def _term(data: Any) -> LossTerm:
    return (
        LossTerm(data)
        if isinstance(data, str)
        else LossTerm(**only_known(LossTerm, data))
    )


def with_settings(spec: TrainSpec, settings: dict[str, Any]) -> TrainSpec:
    """Return a recipe with some values replaced.

    Parameters
    ----------
    spec : TrainSpec
        The recipe.
    settings : dict
        Path to value: ``{"batch": 2, "phases.0.lr": 1e-4, "network.options.width":
        0.25}``. Parts of lists go by their number, from 0.

    Raises
    ------
    SpecError
        If there is no such place, or the value is impossible.
    """
    data = json.loads(spec.to_json())
    for path, value in settings.items():
        place, *rest = path.split(".")
        inner: Any = data
        while rest:
            inner = _inside(inner, place, path)
            place, *rest = rest
        if isinstance(inner, list):
            _inside(inner, place, path)  # it must be there
            inner[int(place)] = value
        elif isinstance(inner, dict):
            inner[place] = value
        else:
            _inside(inner, place, path)
    return TrainSpec.from_dict(data)


def _inside(data: Any, place: str, path: str) -> Any:
    if isinstance(data, dict) and place in data:
        return data[place]
    if isinstance(data, list) and place.isdecimal() and int(place) < len(data):
        return data[int(place)]
    known = list(data) if isinstance(data, dict) else []
    if isinstance(data, list):
        known = [str(n) for n in range(len(data))]
    msg = f"The recipe has no place {path!r}: {place!r} is not there"
    there = f"; there is {', '.join(known)}." if known else "."
    raise SpecError(msg + there + nearest(place, known))
