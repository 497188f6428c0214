"""``medlab evaluate``: measure masks against truth, or weights on locked slices."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.checkpoints import check_classes, weights_file
from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.mask_files import read_mask_file, shared_grid
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["EVALUATE", "EvaluateParams"]


@dataclass(frozen=True)
class EvaluateParams:
    """Two masks to compare, weights to judge, or networks to compare."""

    prediction: str = param(
        "File with the mask to judge. Without it, weights are judged on the project's "
        "locked validation slices.",
        "",
        kind="open_file",
    )
    truth: str = param(
        "File with the true mask; with --compare a folder of them.",
        "",
        kind="open_file",
    )
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
    compare: str = param(
        "Networks to compare on the same cases: folders of predicted masks, weights, "
        "runs of the project, or files of scores (.csv), e.g. U-Net=predictions/unet.",
        "",
        kind="paths",
        in_dialog=False,
    )
    images: str = param(
        "With --compare and --truth: the folder of the scans, for pictures and for "
        "weights.",
        "",
        kind="folder",
        in_dialog=False,
    )
    output: str = param(
        "With --compare: the folder for the report.",
        "",
        kind="folder",
        in_dialog=False,
    )
    patients: str = param(
        "With --compare and --truth: whose each case is (.csv: case, patient), where "
        "patients have several.",
        "",
        kind="open_file",
        in_dialog=False,
    )
    names: str = param(
        "With --compare of masks: what the classes are called, e.g. Liver=1,Spleen=2.",
        "",
        in_dialog=False,
    )
    ablation: bool = param(
        "With --compare: the eight rows of residual encoder, CBAM and transfer "
        "learning.",
        False,
        in_dialog=False,
    )
    readers: str = param(
        "With --compare of scores: what readers answered (.csv: reader, case, score).",
        "",
        kind="open_file",
        in_dialog=False,
    )


def compare_files(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Compare two mask files that lie on the same grid."""
    import numpy as np

    from medlab_gui.learning.metrics import mask_metrics

    ctx.progress(0, 3, "Reading")
    truth = read_mask_file(params.truth, params.map_truth, "--map-truth")
    found = read_mask_file(params.prediction, params.map_prediction, "--map-prediction")
    grid, has_mm = shared_grid(truth, [found])
    s, t = found.on(grid, truth.path), truth.on(grid, found.path)
    values = sorted({*np.unique(t).tolist(), *np.unique(s).tolist()} - {0, 255})
    ctx.progress(1, 3, "Measuring")
    metrics = mask_metrics(s, t, grid.steps_mm, values, tolerance_mm=params.tolerance)
    return {
        "prediction": params.prediction,
        "truth": params.truth,
        "spacing_mm": list(grid.spacing) if has_mm else None,
        "classes": {str(v): asdict(m) for v, m in metrics.classes.items()},
        "miou": metrics.miou,
        "accuracy": metrics.accuracy,
        "tolerance_mm": params.tolerance,
    }


def judge_weights(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Score weights on the project's locked validation slices."""
    from medlab_gui.commands.judging import judged
    from medlab_gui.commands.learned import fair_judges
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
        meta = read_meta(path)
        check_classes(store, meta.scheme, checkpoint_id)
        fair = fair_judges(store, source, {meta.name or checkpoint_id: path})
        fair.check()
        scores = judged(path, fair.source, ctx.device, ctx.progress)
    return {"checkpoint": checkpoint_id, "locked": scores, "notes": fair.notes}


def run(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Compare two files or several networks, or judge weights on the locked slices."""
    if params.compare:
        if params.prediction or params.checkpoint:
            msg = (
                "--compare names all that is compared; leave --prediction and "
                "--checkpoint away."
            )
            raise InputError(msg)
        from medlab_gui.commands.comparison_report import compare

        return compare(params, ctx)
    for name in ("images", "output", "patients", "names", "ablation", "readers"):
        if getattr(params, name):
            msg = f"--{name} goes with --compare."
            raise InputError(msg)
    if bool(params.prediction) != bool(params.truth):
        msg = "Name both files: --prediction and --truth."
        raise InputError(msg)
    return compare_files(params, ctx) if params.truth else judge_weights(params, ctx)


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    if "tables" in result:
        from medlab_gui.commands.comparison_report import comparison_text

        return comparison_text(result)
    if "locked" in result:
        scores = result["locked"]
        dice = ", ".join(f"{n} {_figure(v, 4)}" for n, v in scores["dice"].items())
        if "auc" in scores:
            auc = ", ".join(f"{n} {_figure(v, 4)}" for n, v in scores["auc"].items())
            said = (
                f"What {counted(scores['n_slices'], 'locked slice')} show: accuracy "
                f"{_figure(scores['accuracy'], 4)}, balanced accuracy "
                f"{_figure(scores['balanced_accuracy'], 4)}, mean F1 "
                f"{_figure(scores['mean_dice'], 4)} ({dice}), AUC {auc}."
            )
        else:
            said = (
                f"On {counted(scores['n_slices'], 'locked slice')}: mean Dice "
                f"{_figure(scores['mean_dice'], 4)} ({dice})."
            )
        return "\n".join([said, *result["notes"]])
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
        "(millimetres between the surfaces), null where a figure is not defined: "
        "with both masks empty all of them, with one empty the distances, while dsc, "
        "iou and nsd are 0. miou is the mean IoU with background, accuracy the share "
        "of right voxels. Voxels of the value 255 do not count. Masks may be "
        "pictures or Labelme files too; name their classes, e.g. --map-truth "
        "liver=1, and if neither has a geometry, spacing_mm is null and distances "
        "are in pixels. Nothing is written. With --compare every network is judged "
        "on the same cases: the files of --truth, each mask under the name of the "
        "true one, or, for weights without --truth, the project's locked slices. "
        "Cross-validated runs are judged on what their folds left out, and weights "
        "of classifiers get ROC and AUC of slices. Folders fold1, fold2 ... inside a "
        "folder of masks are the folds of a cross-validation. Weights whose recipes "
        "differ in the seed alone are tested as one, by their mean, and a table "
        "tells how far they are apart. What networks said while they learned "
        "(keep_at of a recipe) is drawn where their run is at hand. --output gets "
        "report.html, which needs nothing else, tables.txt, tables.tex, a CSV for "
        "each table, cases.csv and the figures as SVG. Files of scores are CSV with "
        "the columns case, truth (0 or 1), score (0 to 1), and patient and fold "
        "where there are any."
    ),
    examples=(
        "medlab evaluate --prediction mask.nii.gz --truth truth.nii.gz --json",
        "medlab evaluate --project liver",
        "medlab evaluate --compare unet fcn8s --truth truth --images ct --output out",
        "medlab evaluate --compare A=a.csv B=b.csv --readers mri.csv --output out",
    ),
)
