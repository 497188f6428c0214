"""What `medlab train` can be asked for, and the recipe that comes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import param
from medlab_gui.core.errors import InputError
from medlab_gui.core.training import MAX_SEED, Phase, TrainSpec, with_settings
from medlab_gui.core.training_presets import read_training_preset
from medlab_gui.networks import is_classifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.records import Checkpoint

__all__ = [
    "BATCH",
    "FINE_TUNING",
    "TrainParams",
    "parse_settings",
    "train_spec",
    "wanted_folds",
]

FINE_TUNING = (Phase("head", 2, 1e-3, "head"), Phase("all", 4, 3e-4, "all"))
"""Phases of a fine-tuning, where nothing else is asked for."""

BATCH = 4
"""Slices in a step of it."""


@dataclass(frozen=True)
class TrainParams:
    """What to train, on what, how long."""

    preset: str = param(
        "Training recipe: liver-fcn, mandible-unet, mri-lesion, quick-cpu, or a JSON "
        "file. Without one, the weights in use are fine-tuned.",
        "",
        kind="open_file",
        in_dialog=False,
    )
    set: str = param(
        "Changes a value of the recipe, e.g. loss=focal,phases.0.lr=1e-4.",
        "",
        kind="codes",
        in_dialog=False,
    )
    recipe: str = param(
        "Recipe file that names its own scans; trains without a project.",
        "",
        kind="open_file",
        in_dialog=False,
    )
    output: str = param(
        "With --recipe: the file of weights to write; its model card and the folder "
        ".run with all that is needed to repeat it go beside it.",
        "",
        kind="save_file",
        in_dialog=False,
    )
    init: str = param(
        "Weights to start from: a file, the id of a checkpoint, or 'starter'. "
        "Default: the weights in use; with --preset, none.",
        "",
        kind="checkpoint",
    )
    epochs_head: int | None = param(
        "Epochs of phase 1, in which the encoder is frozen. Default: 2 without a "
        "preset.",
        None,
        title="Phase 1: epochs",
        minimum=0,
        maximum=1_000_000,
    )
    lr_head: float | None = param(
        "Learning rate of phase 1. Default: 0.001 without a preset.",
        None,
        title="Phase 1: learning rate",
        minimum=1e-7,
        maximum=1.0,
    )
    epochs_all: int | None = param(
        "Epochs of the last phase, in which everything learns. Default: 4 without a "
        "preset.",
        None,
        title="Phase 2: epochs",
        minimum=0,
        maximum=1_000_000,
    )
    lr_all: float | None = param(
        "Learning rate of the last phase. Default: 0.0003 without a preset.",
        None,
        title="Phase 2: learning rate",
        minimum=1e-7,
        maximum=1.0,
    )
    batch: int | None = param(
        "Slices in a step. Default: 4 without a preset.", None, minimum=1, maximum=256
    )
    seed: int | None = param(
        "Same seed, same machine, same weights. Default: 0 without a preset.",
        None,
        minimum=0,
        maximum=MAX_SEED,
    )
    augment: bool | None = param(
        "Change training slices at random: as the recipe says, else rotate, scale, "
        "brighten and darken them. Default: yes without a preset.",
        None,
    )
    folds: int | None = param(
        "Cross-validate with so many folds instead: each patient judges once, no "
        "weights are adopted. 0 trains once. Default: what the preset says (5 of "
        "mri-lesion), else 0.",
        None,
        minimum=0,
        maximum=100,
        in_dialog=False,
    )
    adopt: str = param(
        "Use the new weights at once if they are not worse on the locked validation "
        "slices (auto), or leave that to you (never).",
        "auto",
        choices=("auto", "never"),
    )
    resume: str = param(
        "Id of a cancelled or interrupted run (see `medlab list`), or the .unfinished "
        "folder of a recipe, to go on with; "
        "epochs, rates, batch and seed are those that it began with.",
        "",
        in_dialog=False,
    )
    replay: str = param(
        "Id of a finished run, or the .run folder of a recipe: trains it again and "
        "tells what differs.",
        "",
        in_dialog=False,
    )


def _parts(text: str) -> Iterator[str]:
    """Yield what commas part, but not those within brackets, braces and quotes."""
    start, depth, quoted = 0, 0, False
    for at, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        elif not quoted:
            depth += (sign in "[{") - (sign in "]}")
            if sign == "," and depth <= 0:
                yield text[start:at]
                start = at + 1
    yield text[start:]


def parse_settings(text: str) -> dict[str, Any]:
    """Return ``{"batch": 2, "loss": "focal"}`` from ``"batch=2,loss=focal"``.

    Values are JSON, or else text; lists and objects may hold commas.

    Raises
    ------
    InputError
        If a part is not a name and a value with = between.
    """
    found: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in _parts(text))):
        name, equals, value = (p.strip() for p in part.partition("="))
        if not name or not equals:
            msg = f"{part!r} sets nothing; write e.g. batch=2 or phases.0.lr=1e-4."
            raise InputError(msg)
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def train_spec(
    params: TrainParams, scheme: LabelScheme, parent: Checkpoint | None
) -> TrainSpec:
    """Return the recipe that is asked for.

    Parameters
    ----------
    params : TrainParams
        The wish.
    scheme : LabelScheme
        The project's classes.
    parent : Checkpoint or None
        What is fine-tuned where no preset is named.

    Raises
    ------
    InputError
        If there is no such preset, or both phases have no epochs.
    SpecError
        If the recipe is impossible.
    """
    if params.preset:
        spec = read_training_preset(params.preset).for_scheme(scheme)
    else:
        if parent is None:
            msg = "Name a --preset, or weights to start from with --init."
            raise InputError(msg)
        spec = TrainSpec(
            network=parent.network,
            pipeline=parent.pipeline,
            inplane_mm=parent.inplane_mm,
            resize=parent.resize,
            phases=FINE_TUNING,
            # What a slice shows has no overlap that Dice could measure.
            loss="ce" if is_classifier(parent.network) else "dice_ce",
            batch=BATCH,
        )
    changes = _changes(params, spec)
    if not params.preset:
        spec = _without_empty(with_settings(spec, changes))
        changes = {}
    return with_settings(spec, {**changes, **parse_settings(params.set)})


def wanted_folds(params: TrainParams) -> int:
    """Return the number of folds that is asked for, or that the preset has."""
    if params.folds is not None:
        return params.folds
    return read_training_preset(params.preset).folds if params.preset else 0


def _changes(params: TrainParams, spec: TrainSpec) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    last = len(spec.phases) - 1
    for part, number in (("head", 0), ("all", last)):
        for key in ("epochs", "lr"):
            value = getattr(params, f"{key}_{part}")
            if value is None:
                continue
            if part == "head" and last == 0:
                msg = (
                    "The recipe has one phase, in which everything learns: use "
                    "--epochs-all and --lr-all."
                )
                raise InputError(msg)
            if key == "epochs" and spec.phases[number].steps:
                key = "steps"
            changes[f"phases.{number}.{key}"] = value
    for key in ("batch", "seed"):
        if getattr(params, key) is not None:
            changes[key] = getattr(params, key)
    if params.augment is False:
        changes.update({"augment": "none", "augment_options": {}})
    elif params.augment and spec.augment == "none":
        changes["augment"] = "usual"
    return changes


def _without_empty(spec: TrainSpec) -> TrainSpec:
    phases = tuple(p for p in spec.phases if p.epochs or p.steps)
    if not phases:
        msg = "Both phases have 0 epochs; give at least one of them an epoch."
        raise InputError(msg)
    return replace(spec, phases=phases)
