"""``medlab predict`` with a folder to write to: a mask for every series."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.inputs import existing_path
from medlab_gui.commands.outputs import keep_inputs, make_folder, names_folder
from medlab_gui.commands.predict import predicted
from medlab_gui.commands.predict_files import Targets
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
    beside = _beside(params)
    if existing_path(params.input) is None:
        msg = (
            "A series of the project has one mask: name a file for it, e.g. --output "
            "mask.nii.gz, or leave --output out."
        )
        raise InputError(msg)

    from medlab_gui.learning.predict import Predictor

    predictor = Predictor(weights, ctx.device, fastest=True)

    def write(scan: Input, file: Path, progress: Callable[..., None]) -> dict[str, Any]:
        volume = scan.volume
        result = predicted(
            predictor, volume.data, scan.padding, volume.grid.spacing, params, progress
        )
        files = {name: folder / file.name for name, folder in beside.items()}
        targets = Targets(file, files.get("entropy"), files.get("probability"))
        keep_inputs(targets.files, scan.files)
        targets.write(scan, result)
        return {
            "output": str(file),
            **{name: str(path) for name, path in files.items()},
            "n_slices": int(result.labels.shape[0]),
            "seconds_per_slice": result.seconds_per_slice,
            "device": predictor.device,
            "runtime": result.runtime,
            "classes": voxel_counts(result.labels, scan, predictor),
            "problems": [p.to_dict() for p in scan.problems],
        }

    made = [folder for folder in beside.values() if make_folder(folder)]
    try:
        done = into_folder(
            params.input, as_path(params.output), params.series, ctx, write
        )
    finally:
        for folder in made:
            with suppress(OSError):  # what holds a file stays
                folder.rmdir()
    return {
        **done,
        "checkpoint": checkpoint_id,
        "network": predictor.meta.network.name,
        "asked": params.spec().to_dict(),
        "notes": [*predictor.notes, *unlearned(params)],
    }


def _beside(params: PredictParams) -> dict[str, Path]:
    """Return the folders for uncertainty and probabilities, where they are wanted.

    Their files are named as the masks are, so that each needs a folder of its own.
    """
    wanted = {"entropy": params.entropy, "probability": params.probability}
    for name, text in wanted.items():
        if text and not names_folder(text):
            msg = (
                f"--output is a folder, but --{name} names one file for all scans: "
                f"name a folder for it, too, e.g. --{name} {name}/."
            )
            raise InputError(msg)
    found = {name: as_path(text) for name, text in wanted.items() if text}
    keep_inputs([as_path(params.output), *found.values()], [])
    return found
