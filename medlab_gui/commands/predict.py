"""``medlab predict``: what a network sees in a scan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.inputs import Input, open_input, weights_file
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.learning.predict import PredictedArrays, Predictor
    from medlab_gui.store.project import ProjectStore

__all__ = ["PREDICT", "PredictParams", "predict_series"]


@dataclass(frozen=True)
class PredictParams:
    """What to predict, with which weights."""

    input: str = param(
        "File, folder, or UID of a series of the project.",
        kind="series",
        positional=True,
    )
    checkpoint: str = param(
        "File of weights, id of a checkpoint of the project, or 'starter'. "
        "Default: the weights in use, else the starter.",
        "",
        kind="checkpoint",
        in_dialog=False,
    )
    output: str = param(
        "File for the mask: .nii.gz, .nii, .nrrd or .mha, on the scan's own grid. "
        "Needed where the input is a path.",
        "",
        kind="save_file",
        in_dialog=False,
    )
    entropy: str = param(
        "File for the uncertainty of each voxel, 0 to 1.",
        "",
        kind="save_file",
        in_dialog=False,
    )
    series: str = param(
        "UID of the series, where the folder holds several.", "", in_dialog=False
    )


def predict_series(
    store: ProjectStore,
    series_uid: str,
    predictor: Predictor,
    checkpoint_id: str,
    ctx: Context,
) -> tuple[str, PredictedArrays]:
    """Predict a series of the project and keep the result there.

    Returns
    -------
    str
        Id of the stored prediction.
    PredictedArrays
        The arrays on the working grid.
    """
    series = store.series(series_uid)
    result = predictor.predict(
        store.array(series.blob), series.grid.spacing, progress=ctx.progress
    )
    stored = store.add_prediction(
        series_uid, checkpoint_id, result.labels, result.entropy
    )
    return stored.id, result


def _write(params: PredictParams, scan: Input, result: PredictedArrays) -> None:
    from medlab_gui.io import write_image

    if params.output:
        write_image(
            Path(params.output).expanduser(),
            scan.back.restore(result.labels),
            scan.back.source,
        )
    if params.entropy:
        import numpy as np

        write_image(
            Path(params.entropy).expanduser(),
            scan.back.restore(result.entropy).astype(np.float32),
            scan.back.source,
        )


def run(params: PredictParams, ctx: Context) -> dict[str, Any]:
    """Predict a scan; write masks to files, or keep them in the project."""
    from_path = Path(params.input).expanduser().exists()
    if from_path and not params.output:
        msg = "Name the file for the mask, e.g. --output mask.nii.gz."
        raise InputError(msg)
    scan = open_input(params.input, ctx, params.series)

    from medlab_gui.learning.predict import Predictor

    prediction_id: str | None = None
    if scan.series_uid is None:
        path, checkpoint_id = weights_file(None, params.checkpoint)
        predictor = Predictor(path, ctx.device)
        result = predictor.predict(
            scan.volume.data, scan.volume.grid.spacing, progress=ctx.progress
        )
    else:
        with ctx.store() as store:
            path, checkpoint_id = weights_file(store, params.checkpoint)
            predictor = Predictor(path, ctx.device)
            prediction_id, result = predict_series(
                store, scan.series_uid, predictor, checkpoint_id, ctx
            )
    _write(params, scan, result)
    counts = voxel_counts(result.labels, scan, predictor)
    return {
        "series_uid": scan.series_uid,
        "prediction": prediction_id,
        "checkpoint": checkpoint_id,
        "network": predictor.meta.network.name,
        "output": params.output or None,
        "entropy": params.entropy or None,
        "n_slices": int(result.labels.shape[0]),
        "seconds_per_slice": result.seconds_per_slice,
        "device": predictor.device,
        "classes": counts,
    }


def voxel_counts(
    labels: Any, scan: Input, predictor: Predictor
) -> list[dict[str, Any]]:
    """Return voxels and millilitres of each class."""
    import numpy as np

    counts = np.bincount(np.asarray(labels).ravel(), minlength=256)
    ml = scan.volume.grid.voxel_volume_mm3 / 1000
    return [
        {
            "value": c.value,
            "name": c.name,
            "n_voxels": int(counts[c.value]),
            "volume_ml": round(float(counts[c.value] * ml), 3),
        }
        for c in predictor.meta.scheme.classes
    ]


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    found = ", ".join(f"{c['name']} {c['volume_ml']:.0f} ml" for c in result["classes"])
    where = result["output"] or "kept in the project"
    return (
        f"{result['n_slices']} slices, {result['seconds_per_slice']:.2f} s each on "
        f"{result['device']}: {found}. {where}"
    )


PREDICT = Command(
    verb="predict",
    title=N_("Predict masks"),
    help=N_("Let a network outline the classes, and say how sure it is."),
    params=PredictParams,
    run=run,
    text=text,
    where=Where.CHILD,
    lane="gpu",
    menu="medlab/model/1_run",
    shortcut="Ctrl+P",
    when="series_open",
    examples=(
        "medlab predict scans/p7 --output mask.nii.gz --entropy doubt.nii.gz --json",
        "medlab predict scan.nii.gz --checkpoint mine.safetensors --output m.nrrd",
    ),
)
