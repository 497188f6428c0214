"""``medlab compare``: what a network makes of one slice under two recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.checkpoints import weights_file
from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.inputs import Input, existing_path, open_input
from medlab_gui.commands.outputs import keep_inputs, target
from medlab_gui.commands.preprocess import chosen_pipeline
from medlab_gui.commands.values import parse_slices
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.specs import PipelineSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.learning.predict import PredictedArrays, Predictor

__all__ = ["COMPARE", "CompareParams"]

_RECIPE = (
    "'none', 'model' (what the weights were trained on), 'project', 'liver', a JSON "
    "file with the steps, or that JSON itself."
)


@dataclass(frozen=True)
class CompareParams:
    """Which slice, under which recipes, by which weights."""

    input: str = param(
        "File, folder, or UID of a series of the project.",
        kind="series",
        positional=True,
    )
    slice: str = param("Number of the slice, 1 for the one nearest the feet.")
    before: str = param(f"The one recipe: {_RECIPE}", "none")
    after: str = param(f"The other recipe: {_RECIPE}", "project")
    checkpoint: str = param(
        "File of weights, id of a checkpoint of the project, or 'starter'. "
        "Default: the weights in use, else the starter.",
        "",
        kind="checkpoint",
        in_dialog=False,
    )
    output: str = param(
        "File for both masks and uncertainties on the axial working grid: .npz with "
        "labels_before, entropy_before, labels_after and entropy_after.",
        "",
        kind="save_file",
        in_dialog=False,
    )
    series: str = param(
        "UID of the series, where the folder holds several.", "", in_dialog=False
    )


def _recipe(choice: str, model: PipelineSpec, ctx: Context) -> PipelineSpec:
    from medlab_gui.imaging.pipeline import check_pipeline

    if choice == "none":
        return PipelineSpec()
    if choice == "model":
        return model
    spec = chosen_pipeline(choice, "", ctx)
    check_pipeline(spec)
    return spec


def run(params: CompareParams, ctx: Context) -> dict[str, Any]:
    """Predict one slice twice; nothing is kept in the project."""
    output = target(params.output, (".npz",)) if params.output else None
    scan = open_input(params.input, ctx, params.series)
    keep_inputs([output] if output else [], scan.files)
    wanted = parse_slices(params.slice, scan.volume.data.shape[0])
    if len(wanted) != 1:
        msg = f"Name one slice to compare; found {params.slice!r}."
        raise InputError(msg)
    k = wanted[0]

    from medlab_gui.learning.predict import Predictor

    if existing_path(params.input) is None:
        with ctx.store() as store:
            weights, checkpoint_id = weights_file(store, params.checkpoint)
    else:
        weights, checkpoint_id = weights_file(None, params.checkpoint)
    ctx.progress(0, 3, "Loading the weights")
    predictor = Predictor(weights, ctx.device)
    recipes = [
        _recipe(choice, predictor.meta.pipeline, ctx)
        for choice in (params.before, params.after)
    ]
    made = []
    for n, recipe in enumerate(recipes):
        ctx.progress(1 + n, 3, "Predicting")
        made.append(
            predictor.predict(
                scan.measured,
                scan.volume.grid.spacing,
                slices=[k],
                pipeline=recipe,
            ).clear(scan.volume.data, scan.padding)
        )
    if output is not None:
        _write(output, made, k)
    ctx.progress(3, 3, "Predicting")
    sides = [
        _side(recipe, result, k, scan, predictor)
        for recipe, result in zip(recipes, made, strict=True)
    ]
    return {
        "series_uid": scan.series_uid,
        "slice": k + 1,
        "checkpoint": checkpoint_id,
        "network": predictor.meta.network.name,
        "trained_on": predictor.meta.pipeline.to_dict(),
        "before": sides[0],
        "after": sides[1],
        "dice": _agreement(made[0].labels[k], made[1].labels[k], predictor),
        "output": str(output) if output else None,
    }


def _write(output: Path, made: list[PredictedArrays], k: int) -> None:
    import numpy as np

    from medlab_gui.core.whole_files import whole_file

    with whole_file(output) as file:
        np.savez(
            file,
            labels_before=made[0].labels[k],
            entropy_before=made[0].entropy[k],
            labels_after=made[1].labels[k],
            entropy_after=made[1].entropy[k],
        )


def _side(
    recipe: PipelineSpec,
    result: PredictedArrays,
    k: int,
    scan: Input,
    predictor: Predictor,
) -> dict[str, Any]:
    import numpy as np

    from medlab_gui.imaging.recipes import same_effect
    from medlab_gui.learning.uncertainty import slice_scores

    _dz, dy, dx = scan.volume.grid.spacing
    labels = result.labels[k : k + 1]
    counts = np.bincount(labels.ravel(), minlength=256)
    scheme = predictor.meta.scheme
    score = slice_scores(
        labels, result.entropy[k : k + 1], scan.volume.grid.spacing, scheme
    )[0]
    return {
        "pipeline": recipe.to_dict(),
        "as_trained": same_effect(recipe, predictor.meta.pipeline),
        "uncertainty": float(score.value),
        "classes": [
            {
                "value": c.value,
                "name": c.name,
                "area_cm2": round(float(counts[c.value]) * dy * dx / 100, 2),
            }
            for c in scheme.classes
        ],
    }


def _agreement(
    one: NDArray[Any], other: NDArray[Any], predictor: Predictor
) -> dict[str, float | None]:
    from medlab_gui.learning.metrics import dice

    return {
        c.name: dice(
            int(((one == c.value) & (other == c.value)).sum()),
            int((one == c.value).sum()),
            int((other == c.value).sum()),
        )
        for c in predictor.meta.scheme.classes
    }


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = [f"Slice {result['slice']} by {result['checkpoint']}; nothing was kept."]
    for title in ("before", "after"):
        side = result[title]
        steps = [s["name"] for s in side["pipeline"]["steps"] if s["enabled"]]
        areas = ", ".join(f"{c['name']} {c['area_cm2']:g} cm2" for c in side["classes"])
        told = "" if side["as_trained"] else " (not what it was trained on)"
        lines.append(
            f"{title}: {', '.join(steps) or 'no step'}{told}: {areas}; "
            f"uncertainty {side['uncertainty']:.3f}"
        )
    dice = ", ".join(
        f"{name} {value:.3f}" if value is not None else f"{name} in neither"
        for name, value in result["dice"].items()
    )
    lines.append(f"Dice of the two masks: {dice}.")
    return "\n".join(lines)


COMPARE = Command(
    verb="compare",
    title=N_("Predict a slice under two recipes"),
    help=N_("Show what other preprocessing does to the mask of one slice."),
    params=CompareParams,
    run=run,
    text=text,
    where=Where.CHILD,
    lane="gpu",
    details=N_(
        "Weights give their best with the preprocessing that they were trained on; "
        "this shows what they make of another one. Nothing is stored in the project. "
        "JSON: for both recipes the area of each class in the slice and the "
        "uncertainty (as `medlab score` has it), and the Dice of the two masks."
    ),
    examples=(
        "medlab compare scans/p7 --slice 12 --before none --after liver",
        "medlab compare p7.nii.gz --slice 12 --before model --after mine.json --json",
    ),
)
