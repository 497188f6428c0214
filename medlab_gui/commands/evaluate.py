"""``medlab evaluate``: measure masks against truth, or weights on locked slices."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.inputs import (
    check_classes,
    refuse_black_and_white,
    weights_file,
)
from medlab_gui.commands.values import as_path, counted, parse_class_map
from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.core.geometry import Grid

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
    tolerance: float = param(
        "Distance that two surfaces may part and still agree, for the normalised "
        "surface distance.",
        2.0,
        minimum=0.0,
        maximum=100.0,
        unit="mm",
    )
    checkpoint: str = param(
        "Weights to judge on the locked slices; the weights in use where empty.",
        "",
        kind="checkpoint",
        in_dialog=False,
    )


def compare_files(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Compare two mask files that lie on the same grid."""
    import numpy as np

    from medlab_gui.core.geometry import Grid
    from medlab_gui.io import mask_on_grid
    from medlab_gui.learning.metrics import mask_metrics

    ctx.progress(0, 3, "Reading")
    truth, truth_grid = _mask(params.truth, params.map_truth)
    found, found_grid = _mask(params.prediction, params.map_prediction)
    # A mask without geometry lies where the other does; two without have none, and
    # distances are in pixels.
    has_mm = truth_grid is not None or found_grid is not None
    if truth_grid is None:
        truth_grid = found_grid or Grid.from_spacing(truth.shape, (1, 1, 1))
        truth = mask_on_grid(truth, None, truth_grid)
    try:
        found = mask_on_grid(found, found_grid, truth_grid)
    except GeometryError as error:
        own = _described(found_grid or found.shape)
        msg = (
            "The two masks do not lie on the same grid, and MedLab does not "
            f"interpolate masks: {params.prediction} has {own}, "
            f"{params.truth} has {_described(truth_grid)}."
        )
        raise GeometryError(msg) from error
    truth = _translate(truth, params.map_truth, params.truth, "--map-truth")
    found = _translate(
        found, params.map_prediction, params.prediction, "--map-prediction"
    )
    values = sorted({*np.unique(truth), *np.unique(found)} - {0, 255})
    ctx.progress(1, 3, "Measuring")
    metrics = mask_metrics(
        found,
        truth,
        truth_grid.spacing,
        [int(v) for v in values],
        tolerance_mm=params.tolerance,
    )
    return {
        "prediction": params.prediction,
        "truth": params.truth,
        "spacing_mm": list(truth_grid.spacing) if has_mm else None,
        "classes": {str(v): asdict(m) for v, m in metrics.classes.items()},
        "miou": metrics.miou,
        "accuracy": metrics.accuracy,
        "tolerance_mm": params.tolerance,
    }


def _mask(path: str, translate: str) -> tuple[Any, Grid | None]:
    from medlab_gui.io import read_mask

    table = parse_class_map(translate) or {}
    return read_mask(
        as_path(path), {k: v for k, v in table.items() if isinstance(k, str)}
    )


def _described(grid: Grid | tuple[int, ...]) -> str:
    if isinstance(grid, tuple):
        return f"{' x '.join(str(n) for n in grid)} voxels and no geometry"
    size = " x ".join(str(n) for n in grid.shape)
    spacing = " x ".join(f"{v:.4g}" for v in grid.spacing)
    corner = ", ".join(f"{v:.1f}" for v in grid.affine[:3, 3])
    axes = grid.orientation
    return f"{size} voxels of {spacing} mm (Z x Y x X), axes {axes}, from ({corner}) mm"


def _translate(mask: Any, text: str, name: str, option: str) -> Any:
    import numpy as np

    table = parse_class_map(text)
    if table is not None and not any(isinstance(k, str) for k in table):
        result = np.zeros(mask.shape, np.uint8)
        for source, target in table.items():
            result[mask == source] = target
        return result
    if table is None:
        refuse_black_and_white(np.unique(mask).tolist(), name, option)
    if mask.min() < 0 or mask.max() > 255:
        msg = (
            f"A mask holds whole numbers from 0 to 255; {name} holds {mask.min()} to "
            f"{mask.max()}. Is it a mask? If so, name the values that count, e.g. "
            f"{option} 1005=1."
        )
        raise InputError(msg)
    return mask.astype(np.uint8)


def judge_weights(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Score weights on the project's locked validation slices."""
    from medlab_gui.commands.sources import locked_source
    from medlab_gui.learning.checkpoint import read_meta

    with ctx.store() as store:
        source = locked_source(store)
        if not source.keys:
            msg = (
                "The project has no locked validation slices; lock some with "
                "`medlab lock`, or compare files with --prediction and --truth."
            )
            raise InputError(msg)
        path, checkpoint_id = weights_file(store, params.checkpoint)
        check_classes(store, read_meta(path).scheme, checkpoint_id)

        from medlab_gui.learning.evaluate import evaluate_slices
        from medlab_gui.learning.predict import Predictor

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
            f"On {counted(scores['n_slices'], 'locked slice')}: mean Dice "
            f"{_figure(scores['mean_dice'], 4)} ({dice})."
        )
    if not result["classes"]:
        return "Neither mask holds a class: both are background everywhere."
    classes = result["classes"].items()
    head = "class     DSC     VOE    RVD %  precision  recall     IoU"
    lines = [head]
    for value, m in classes:
        lines.append(
            f"{value:>5}  {_figure(m['dsc'], 4):>6}  {_figure(m['voe'], 4):>6}  "
            f"{_figure(m['rvd'], 2):>7}  {_figure(m['precision'], 4):>9}  "
            f"{_figure(m['recall'], 4):>6}  {_figure(m['iou'], 4):>6}"
        )
    lines += ["", "class   ASD mm  RMSD mm   HD95 mm    HD mm     NSD"]
    for value, m in classes:
        lines.append(
            f"{value:>5}  {_figure(m['asd_mm'], 3):>7}  {_figure(m['rmsd_mm'], 3):>7}"
            f"  {_figure(m['hd95_mm'], 3):>8}  {_figure(m['hd_mm'], 3):>7}"
            f"  {_figure(m['nsd'], 4):>6}"
        )
    lines += [
        "",
        f"accuracy {_figure(result['accuracy'], 4)}, mean IoU with background "
        f"{_figure(result['miou'], 4)}, NSD at {result['tolerance_mm']:g} mm",
    ]
    if result["spacing_mm"] is None:
        lines.append("The masks have no pixel size: distances are in pixels, not mm.")
    return "\n".join(lines)


EVALUATE = Command(
    verb="evaluate",
    title=N_("Compare masks…"),
    help=N_("Measure a mask against the truth: DSC, VOE, RVD, ASD, HD95 and more."),
    params=EvaluateParams,
    run=run,
    text=text,
    where=Where.CHILD,
    lane="gpu",
    menu="medlab/model/3_judge",
    details=N_(
        "Two mask files must lie on the same voxels, in any order of their axes; "
        "nothing is interpolated. JSON: for each class dsc, voe, precision, recall, "
        "iou, nsd (0 to 1), rvd (percent), asd_mm, rmsd_mm, hd_mm and hd95_mm "
        "(millimetres between the surfaces), null where a figure is not defined: with "
        "both masks empty all of them, with one empty the distances, while dsc, iou "
        "and nsd are 0. miou is the mean IoU with background, accuracy the share of "
        "right voxels. Voxels of the value 255 do not count. Masks may be pictures or "
        "Labelme files too; name their classes, e.g. --map-truth liver=1, and if "
        "neither has a geometry, spacing_mm is null and distances are in pixels. "
        "Nothing is written."
    ),
    examples=(
        "medlab evaluate --prediction mask.nii.gz --truth truth.nii.gz --json",
        "medlab evaluate --project liver",
    ),
)
