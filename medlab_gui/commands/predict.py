"""``medlab predict``: what a network sees in a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.inputs import (
    Input,
    existing_path,
    open_input,
    problem_lines,
    project_weights,
    weights_file,
)
from medlab_gui.commands.outputs import image_target, keep_inputs
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from pathlib import Path

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
        "File for the uncertainty of each voxel, 0 (certain) to 1, float32.",
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


def _targets(params: PredictParams) -> tuple[Path | None, Path | None]:
    """Return where mask and uncertainty go, or refuse before anything is computed."""
    output, entropy = (
        image_target(text) if text else None for text in (params.output, params.entropy)
    )
    keep_inputs([p for p in (output, entropy) if p], [])
    return output, entropy


def _write(
    output: Path | None, entropy: Path | None, scan: Input, result: PredictedArrays
) -> None:
    import numpy as np

    from medlab_gui.io import write_image

    if output is not None:
        write_image(output, scan.back.restore(result.labels), scan.back.source)
    if entropy is not None:
        unsure = scan.back.restore(result.entropy).astype(np.float32)
        write_image(entropy, unsure, scan.back.source)


def run(params: PredictParams, ctx: Context) -> dict[str, Any]:
    """Predict a scan; write masks to files, or keep them in the project."""
    path = existing_path(params.input)
    if path is not None and not params.output:
        msg = "Name the file for the mask, e.g. --output mask.nii.gz."
        raise InputError(msg)
    output, entropy = _targets(params)
    weights = weights_file(None, params.checkpoint) if path is not None else None
    scan = open_input(params.input, ctx, params.series)
    keep_inputs([p for p in (output, entropy) if p], scan.files)

    from medlab_gui.learning.predict import Predictor

    prediction_id: str | None = None
    if scan.series_uid is None:
        file, checkpoint_id = weights or weights_file(None, params.checkpoint)
        predictor = Predictor(file, ctx.device)
        result = predictor.predict(
            scan.volume.data, scan.volume.grid.spacing, progress=ctx.progress
        )
    else:
        with ctx.store() as store:
            author = ctx.settings.author_name
            checkpoint = project_weights(store, params.checkpoint, author)
            checkpoint_id = checkpoint.id
            predictor = Predictor(store.blob_path(checkpoint.blob), ctx.device)
            prediction_id, result = predict_series(
                store, scan.series_uid, predictor, checkpoint_id, ctx
            )
    _write(output, entropy, scan, result)
    counts = voxel_counts(result.labels, scan, predictor)
    return {
        "series_uid": scan.series_uid,
        "prediction": prediction_id,
        "checkpoint": checkpoint_id,
        "network": predictor.meta.network.name,
        "output": str(output) if output else None,
        "entropy": str(entropy) if entropy else None,
        "n_slices": int(result.labels.shape[0]),
        "seconds_per_slice": result.seconds_per_slice,
        "device": predictor.device,
        "classes": counts,
        "problems": [p.to_dict() for p in scan.problems],
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
    found = ", ".join(f"{c['name']} {c['volume_ml']:.1f} ml" for c in result["classes"])
    lines = [
        f"{counted(result['n_slices'], 'slice')}, {result['seconds_per_slice']:.2f} s "
        f"each on {result['device']}: {found}."
    ]
    if result["prediction"]:
        lines.append("The prediction is in the project.")
    if result["output"]:
        lines.append(f"The mask is in {result['output']}.")
    if result["entropy"]:
        lines.append(f"Its uncertainty is in {result['entropy']}.")
    return "\n".join([" ".join(lines), *problem_lines(result["problems"])])


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
    when="series_stored",
    details=N_(
        "The mask has the classes of the weights as values (0 is background) and lies "
        "on the grid of the scan as it is in the file, voxel for voxel. A series of "
        "the project keeps its prediction there; --output and --entropy write it to "
        "files too. JSON: seconds_per_slice, device, checkpoint, and voxels and "
        "millilitres of each class."
    ),
    examples=(
        "medlab predict scans/p7 --output mask.nii.gz --entropy doubt.nii.gz --json",
        "medlab predict scan.nii.gz --checkpoint mine.safetensors --output m.nrrd",
    ),
)
