"""``medlab predict`` with a folder to write to: a mask for every series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.commands.inputs import existing_path
from medlab_gui.commands.predict import predicted
from medlab_gui.commands.predict_told import unlearned, voxel_counts
from medlab_gui.commands.series_folder import into_folder
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.inputs import Input
    from medlab_gui.commands.predict import PredictParams

__all__ = ["predict_all"]


def predict_all(
    params: PredictParams, weights: Path, checkpoint_id: str, ctx: Context
) -> dict[str, Any]:
    """Predict every series of a path, each as if it were alone.

    Parameters
    ----------
    params : PredictParams
        What and how; its output is a folder.
    weights : Path
        Their file; it is loaded once.
    checkpoint_id : str
        What they are called.
    ctx : Context
        Device, progress and cancellation.

    Returns
    -------
    dict
        As `series_folder.into_folder`, with ``checkpoint``, ``network``, ``asked`` and
        ``notes``; each series has what `predict` tells of one.

    Raises
    ------
    InputError
        If a file is named for what there would be several of, or the input is not a
        path.
    MedlabError
        If nothing at all could be predicted, or there is no more room to write.
    """
    if params.entropy or params.probability:
        msg = (
            "--entropy and --probability name one file each, but --output is a folder: "
            "leave them out, or predict each scan by itself."
        )
        raise InputError(msg)
    if existing_path(params.input) is None:
        msg = (
            "A series of the project has one mask: name a file for it, e.g. --output "
            "mask.nii.gz, or leave --output out."
        )
        raise InputError(msg)

    from medlab_gui.io import write_image
    from medlab_gui.learning.predict import Predictor

    predictor = Predictor(weights, ctx.device, fastest=True)

    def write(scan: Input, file: Path, progress: Callable[..., None]) -> dict[str, Any]:
        volume = scan.volume
        result = predicted(
            predictor, volume.data, scan.padding, volume.grid.spacing, params, progress
        )
        write_image(file, scan.back.restore(result.labels), scan.back.source)
        return {
            "output": str(file),
            "n_slices": int(result.labels.shape[0]),
            "seconds_per_slice": result.seconds_per_slice,
            "device": predictor.device,
            "runtime": result.runtime,
            "classes": voxel_counts(result.labels, scan, predictor),
            "problems": [p.to_dict() for p in scan.problems],
        }

    folder = as_path(params.output)
    return {
        **into_folder(params.input, folder, params.series, ctx, write),
        "checkpoint": checkpoint_id,
        "network": predictor.meta.network.name,
        "asked": params.spec().to_dict(),
        "notes": [*predictor.notes, *unlearned(params)],
    }
