"""``medlab predict``: what a network sees in a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.asked import as_before, asked
from medlab_gui.commands.checkpoints import project_weights
from medlab_gui.commands.classify import (
    chosen_weights,
    classifier_target,
    classify,
    says_classes,
)
from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.inputs import existing_path, open_input
from medlab_gui.commands.outputs import keep_inputs, names_folder
from medlab_gui.commands.predict_files import PROBABILITY_ENDINGS, Targets
from medlab_gui.commands.predict_told import text, unlearned, voxel_counts
from medlab_gui.commands.series_folder import undone
from medlab_gui.commands.values import class_values
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.predict_spec import AXES, FLIPS, PredictSpec
from medlab_gui.core.training import MAX_SEED
from medlab_gui.imaging.padding import without_padding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.learning.predict import PredictedArrays, Predictor
    from medlab_gui.store.project import ProjectStore

__all__ = ["PREDICT", "PredictParams", "predict_series", "predicted"]


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
        "Default: of a series of the project the weights in use, else the starter.",
        "",
        kind="checkpoint",
        in_dialog=False,
    )
    output: str = param(
        "File for the mask: .nii.gz, .nii, .nrrd or .mha, on the scan's own grid; or a "
        "folder, for one .nii.gz of each series. Needed where the input is a path.",
        "",
        kind="save_file",
        in_dialog=False,
    )
    entropy: str = param(
        "File for the uncertainty of each voxel, 0 (certain) to 1, float32; a folder "
        "where --output is one.",
        "",
        kind="save_file",
        in_dialog=False,
    )
    probability: str = param(
        "File for the probability of every class, float32: NIfTI with the classes, "
        "background first, along the fourth axis; a folder where --output is one.",
        "",
        kind="save_file",
        title=N_("Probabilities to a file"),
        endings=PROBABILITY_ENDINGS,
    )
    series: str = param(
        "UID of the series, where the folder holds several.", "", in_dialog=False
    )
    tiles: int = param(
        "Side of overlapping tiles that the network is shown; 0 shows it whole slices.",
        0,
        minimum=0,
        maximum=4096,
        unit="px",
    )
    overlap: float = param(
        "Share of a tile that neighbouring tiles have in common.",
        0.5,
        minimum=0.0,
        maximum=0.9,
        title="Overlap of tiles",
    )
    axes: str = param(
        "Slices that vote: axial ones, or axial, coronal and sagittal ones (all), for "
        "weights that learned such slices too.",
        "axial",
        choices=AXES,
        words=(N_("Axial"), N_("Axial, coronal and sagittal")),
        title="Slices that vote",
    )
    flips: str = param(
        "Mirrored slices that vote too: none, left-right, or all four ways; for "
        "weights that learned mirrored slices too.",
        "none",
        choices=FLIPS,
        words=(N_("None"), N_("Left-right"), N_("All four ways")),
        title="Mirrored slices",
    )
    dropout_passes: int = param(
        "Passes with random dropout that are averaged, for uncertainty (Monte-Carlo "
        "dropout); 0 leaves dropout off.",
        0,
        minimum=0,
        maximum=1000,
    )
    seed: int = param(
        "Of the dropout.", 0, minimum=0, maximum=MAX_SEED, in_dialog=False
    )
    crf: bool = param(
        "Move the mask's borders to those of the picture by a fully connected CRF "
        "(seconds a slice).",
        False,
        title="Dense CRF",
    )
    largest_component: str = param(
        "Classes of which only the largest connected part stays: names or values with "
        "commas between, or all.",
        "",
        title="Largest part only of",
        kind="classes",
    )
    fill_holes: str = param(
        "Classes whose enclosed background is filled: names or values with commas "
        "between, or all.",
        "",
        title="Fill holes of",
        kind="classes",
    )
    repeat: str = param(
        "Id of an earlier prediction of the project (see `medlab list`): ask as it was "
        "asked, with the same weights.",
        "",
        in_dialog=False,
    )

    def __post_init__(self) -> None:
        self.spec()

    def spec(self) -> PredictSpec:
        """Return how the network is asked, or raise `SpecError`."""
        return PredictSpec(
            tile=self.tiles,
            overlap=self.overlap,
            axes=self.axes,
            flips=self.flips,
            dropout_passes=self.dropout_passes,
            seed=self.seed,
            crf=self.crf,
        )


def predict_series(
    store: ProjectStore,
    series_uid: str,
    predictor: Predictor,
    checkpoint_id: str,
    ctx: Context,
    params: PredictParams | None = None,
) -> tuple[str, PredictedArrays]:
    """Predict a series of the project and keep the result there.

    Parameters
    ----------
    store : ProjectStore
        The project.
    series_uid : str
        Which series of it.
    predictor : Predictor
        The weights.
    checkpoint_id : str
        Their name in the project.
    ctx : Context
        Progress and cancellation.
    params : PredictParams, optional
        How the network is asked, and what is done to its mask.

    Returns
    -------
    str
        Id of the stored prediction.
    PredictedArrays
        The arrays on the working grid.
    """
    series = store.series(series_uid)
    data, padding = store.array(series.blob), series.display.padding
    params = params or PredictParams(series_uid)
    spacing = series.grid.spacing
    result = predicted(predictor, data, padding, spacing, params, ctx.progress)
    stored = store.add_prediction(
        series_uid,
        checkpoint_id,
        result.labels,
        result.entropy,
        asked(params, predictor.device, result.runtime),
    )
    return stored.id, result


def predicted(
    predictor: Predictor,
    data: NDArray[Any],
    padding: tuple[float, float] | None,
    spacing: tuple[float, float, float],
    params: PredictParams,
    progress: Callable[..., None],
) -> PredictedArrays:
    """Ask the network as wished, and do to its mask what is wished.

    Parameters
    ----------
    predictor : Predictor
        The weights.
    data : ndarray of numbers, shape (Z, Y, X)
        The scan on its working grid, in its own units.
    padding : tuple of float or None
        Lowest and highest of the values that only fill the picture.
    spacing : tuple of float
        ``(dz, dy, dx)`` in mm.
    params : PredictParams
        How the network is asked.
    progress : callable
        Called once per batch; raises to cancel.
    """
    from medlab_gui.imaging.masks import fill_holes, keep_largest

    scheme = predictor.meta.scheme
    largest = class_values(params.largest_component, scheme)
    filled = class_values(params.fill_holes, scheme)
    # What only fills the picture is dark for the network, as it was in training.
    result = predictor.predict(
        without_padding(data, padding),
        spacing,
        progress=progress,
        keep_probs=bool(params.probability),
        spec=params.spec(),
    ).clear(data, padding)
    keep_largest(result.labels, largest)
    fill_holes(result.labels, filled)
    return result


def check_wish(params: PredictParams, weights: Path) -> None:
    """Raise what the weights and the names of the files tell of a wish.

    Parameters
    ----------
    params : PredictParams
        The wish.
    weights : Path
        File of the weights that are meant.

    Raises
    ------
    InputError
        If a class is unknown to the weights, a file has an ending that nothing is
        written as, or something is wanted of a classifier that only masks have.
    """
    if says_classes(weights):
        classifier_target(params)
        return
    from medlab_gui.learning.checkpoint import read_meta

    scheme = read_meta(weights).scheme
    for text_of_classes in (params.largest_component, params.fill_holes):
        class_values(text_of_classes, scheme)
    if not (params.output and names_folder(params.output)):
        Targets.of(params)


def _check(params: PredictParams, ctx: Context) -> None:
    in_project = existing_path(params.input) is None
    check_wish(params, chosen_weights(params.checkpoint, in_project, ctx)[0])


def run(params: PredictParams, ctx: Context) -> dict[str, Any]:
    """Predict a scan; write masks to files, or keep them in the project."""
    if params.repeat:
        params = as_before(params, ctx)
    path = existing_path(params.input)
    known = open_input(params.input, ctx, params.series) if path is None else None
    file, checkpoint_id = chosen_weights(params.checkpoint, path is None, ctx)
    if says_classes(file):
        return classify(params, known, file, checkpoint_id, ctx)
    check_wish(params, file)
    if path is not None and not params.output:
        msg = "Name the file for the mask, e.g. --output mask.nii.gz."
        raise InputError(msg)
    if params.output and names_folder(params.output):
        from medlab_gui.commands.predict_folder import predict_all

        return predict_all(params, file, checkpoint_id, ctx)
    targets = Targets.of(params)
    scan = known or open_input(params.input, ctx, params.series)
    keep_inputs(targets.files, scan.files)

    from medlab_gui.learning.predict import Predictor

    prediction_id: str | None = None
    if scan.series_uid is None:
        predictor = Predictor(file, ctx.device, fastest=True)
        spacing = scan.volume.grid.spacing
        data, padding = scan.volume.data, scan.padding
        result = predicted(predictor, data, padding, spacing, params, ctx.progress)
    else:
        with ctx.store() as store:
            author = ctx.settings.author_name
            checkpoint = project_weights(store, params.checkpoint, author)
            checkpoint_id = checkpoint.id
            file = store.blob_path(checkpoint.blob)
            predictor = Predictor(file, ctx.device, fastest=True)
            prediction_id, result = predict_series(
                store, scan.series_uid, predictor, checkpoint_id, ctx, params
            )
    targets.write(scan, result)
    counts = voxel_counts(result.labels, scan, predictor)
    return {
        "series_uid": scan.series_uid,
        "prediction": prediction_id,
        "checkpoint": checkpoint_id,
        "network": predictor.meta.network.name,
        "output": str(targets.mask) if targets.mask else None,
        "entropy": str(targets.entropy) if targets.entropy else None,
        "probability": str(targets.probability) if targets.probability else None,
        "n_slices": int(result.labels.shape[0]),
        "seconds_per_slice": result.seconds_per_slice,
        "device": predictor.device,
        "runtime": result.runtime,
        "asked": params.spec().to_dict(),
        "notes": [*predictor.notes, *unlearned(params)],
        "classes": counts,
        "problems": [p.to_dict() for p in scan.problems],
    }


PREDICT = Command(
    verb="predict",
    title=N_("Predict masks"),
    help=N_("Let a network outline the classes, and say how sure it is."),
    params=PredictParams,
    run=run,
    check=_check,
    text=text,
    undone=undone,
    where=Where.CHILD,
    lane="gpu",
    menu="medlab/model/1_run",
    shortcut="Ctrl+P",
    when="series_stored",
    details=N_(
        "The mask has the classes of the weights as values (0 is background) and lies "
        "on the grid of the scan as it is in the file, voxel for voxel. A series of "
        "the project keeps its prediction there; --output, --entropy and --probability "
        "write files too. With a folder as --output (one that is there, or a name "
        "without an ending) every series of the input gets a mask of its own, named as "
        "`medlab inspect` names it; --entropy and --probability are folders then, too; "
        "what cannot be read is told, and the exit code is then 2. Probabilities are "
        "averaged over tiles (smooth weights), mirrored slices, dropout passes and "
        "axes; the uncertainty is the entropy of that mean. --device auto takes an "
        "NVIDIA card with mixed precision, else OpenVINO where it is installed (the "
        "extra 'fast'; the first time it converts the weights), else torch. OpenVINO "
        "reckons in bfloat16 where the processor has units for it, about twice as "
        "fast, and in float32 those slices of which more than half a thousandth of the "
        "voxels is expected to get another class by it. SegNet is left to torch. "
        "--device cpu is torch alone, in float32, and so are classifiers on a "
        "processor. JSON: "
        "seconds_per_slice, device, runtime, checkpoint, asked (the options), notes, "
        "and voxels and millilitres of each class. Weights of a classifier give a "
        "table instead: class, probabilities and entropy (0 to 1) of each slice, which "
        "say nothing about where; --output then takes .csv or .json and may be left "
        "out. How a network was asked is kept with the prediction, for `medlab list` "
        "and --repeat."
    ),
    examples=(
        "medlab predict scans/p7 --output mask.nii.gz --entropy doubt.nii.gz --json",
        "medlab predict scan.nii.gz --checkpoint mine.safetensors --output m.nrrd",
        "medlab predict p7.nii.gz --tiles 256 --axes all --flips left-right "
        "--largest-component Liver --fill-holes all --output m.nii.gz",
        "medlab predict p7.nii.gz --dropout-passes 10 --output m.nii.gz "
        "--probability p.nii.gz",
        "medlab predict scans/ --output masks/ --entropy doubt/",
        "medlab predict slices/p7 --checkpoint resnet50.safetensors --output p7.csv",
    ),
)
