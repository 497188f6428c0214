"""``medlab evaluate``: measure masks against truth, or weights on locked slices."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.inputs import weights_file
from medlab_gui.commands.values import parse_class_map
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["EVALUATE", "EvaluateParams"]


@dataclass(frozen=True)
class EvaluateParams:
    """Two masks to compare, or weights to judge on the locked slices."""

    prediction: str = param(
        "File with the mask to judge. Without it, weights are judged on the project's "
        "locked validation slices.",
        "",
        kind="open_file",
    )
    truth: str = param("File with the true mask.", "", kind="open_file")
    map_truth: str = param(
        "Values in the truth and the classes they become, e.g. 5=1,1=2.", ""
    )
    map_prediction: str = param("The same for the mask to judge.", "", in_dialog=False)
    checkpoint: str = param(
        "Weights to judge on the locked slices; the weights in use where empty.",
        "",
        kind="checkpoint",
        in_dialog=False,
    )


def compare_files(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Compare two mask files that lie on the same grid."""
    import numpy as np

    from medlab_gui.io import mask_on_grid, read_mask
    from medlab_gui.learning.metrics import mask_metrics

    ctx.progress(0, 3, "Reading")
    truth, truth_grid = read_mask(Path(params.truth).expanduser())
    found, found_grid = read_mask(Path(params.prediction).expanduser())
    found = mask_on_grid(found, found_grid, truth_grid)
    truth = _translate(truth, params.map_truth)
    found = _translate(found, params.map_prediction)
    values = sorted({*np.unique(truth), *np.unique(found)} - {0, 255})
    ctx.progress(1, 3, "Measuring")
    metrics = mask_metrics(found, truth, truth_grid.spacing, [int(v) for v in values])
    return {
        "prediction": params.prediction,
        "truth": params.truth,
        "spacing_mm": list(truth_grid.spacing),
        "classes": {str(v): asdict(m) for v, m in metrics.classes.items()},
        "miou": metrics.miou,
    }


def _translate(mask: Any, text: str) -> Any:
    import numpy as np

    table = parse_class_map(text)
    if mask.min() < 0 or mask.max() > 255:
        msg = (
            f"A mask holds whole numbers from 0 to 255; found {mask.min()} to "
            f"{mask.max()}. Is it a mask?"
        )
        raise InputError(msg)
    if table is None:
        return mask.astype(np.uint8)
    result = np.zeros(mask.shape, np.uint8)
    for source, target in table.items():
        result[mask == source] = target
    return result


def judge_weights(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Score weights on the project's locked validation slices."""
    from medlab_gui.commands.sources import locked_source
    from medlab_gui.learning.evaluate import evaluate_slices
    from medlab_gui.learning.predict import Predictor

    with ctx.store() as store:
        source = locked_source(store)
        if not source.keys:
            msg = (
                "The project has no locked validation slices; lock some with "
                "`medlab lock`, or compare files with --prediction and --truth."
            )
            raise InputError(msg)
        path, checkpoint_id = weights_file(store, params.checkpoint)
        predictor = Predictor(path, ctx.device)
        scores = evaluate_slices(predictor, source, progress=ctx.progress)
    return {"checkpoint": checkpoint_id, "locked": scores}


def run(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Compare two files, or judge weights on the locked slices."""
    if bool(params.prediction) != bool(params.truth):
        msg = "Name both files: --prediction and --truth."
        raise InputError(msg)
    return compare_files(params, ctx) if params.truth else judge_weights(params, ctx)


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    if "locked" in result:
        scores = result["locked"]
        dice = ", ".join(f"{n} {_figure(v, 4)}" for n, v in scores["dice"].items())
        return (
            f"On {scores['n_slices']} locked slices: mean Dice "
            f"{_figure(scores['mean_dice'], 4)} ({dice})."
        )
    head = "class     DSC     VOE    RVD %   ASD mm  RMSD mm  precision  recall     IoU"
    lines = [head]
    for value, m in result["classes"].items():
        lines.append(
            f"{value:>5}  {_figure(m['dsc'], 4):>6}  {_figure(m['voe'], 4):>6}  "
            f"{_figure(m['rvd'], 2):>7}  {_figure(m['asd_mm'], 3):>7}  "
            f"{_figure(m['rmsd_mm'], 3):>7}  {_figure(m['precision'], 4):>9}  "
            f"{_figure(m['recall'], 4):>6}  {_figure(m['iou'], 4):>6}"
        )
    lines.append(f"mean IoU with background {_figure(result['miou'], 4)}")
    return "\n".join(lines)


EVALUATE = Command(
    verb="evaluate",
    title=N_("Compare masks…"),
    help=N_("Measure a mask against the truth: DSC, VOE, RVD, ASD, RMSD and more."),
    params=EvaluateParams,
    run=run,
    text=text,
    where=Where.CHILD,
    lane="gpu",
    menu="medlab/model/3_judge",
    examples=(
        "medlab evaluate --prediction mask.nii.gz --truth truth.nii.gz --json",
        "medlab evaluate --project liver",
    ),
)
