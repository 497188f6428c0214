"""What a classifier says of a scan's slices: ``medlab predict`` with its weights."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.asked import asked
from medlab_gui.commands.checkpoints import project_weights, weights_file
from medlab_gui.commands.inputs import existing_path, open_input, problem_lines
from medlab_gui.commands.outputs import keep_inputs, target
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_, _
from medlab_gui.core.spreadsheets import table_bytes
from medlab_gui.imaging.padding import without_padding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.inputs import Input
    from medlab_gui.commands.predict import PredictParams
    from medlab_gui.learning.classifier import ClassifiedSlices, SliceClassifier
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "NOT_WHERE",
    "chosen_weights",
    "classifier_target",
    "classify",
    "classify_series",
    "says_classes",
    "text",
]

NOT_WHERE = N_(
    "A classifier says what a slice shows as a whole and nothing about where: there is "
    "no mask to take over or to correct."
)
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_MOST_LINES = 40
"""So many slices are printed; files and JSON have all."""


def chosen_weights(place: str, in_project: bool, ctx: Context) -> tuple[Path, str]:
    """Return the file and the id of the weights that are meant.

    Parameters
    ----------
    place : str
        As in `weights_file`. A file, and the starter for a file, need no project.
    in_project : bool
        Whether what is predicted is a series of the project.
    ctx : Context
        The project.
    """
    if not in_project and (place in ("", "starter") or existing_path(place)):
        return weights_file(None, place)
    with ctx.store() as store:
        return weights_file(store, place)


def says_classes(weights: Path) -> bool:
    """Tell whether a file of weights is a classifier's."""
    from medlab_gui.learning.checkpoint import read_meta
    from medlab_gui.networks import is_classifier

    return is_classifier(read_meta(weights).network)


def classify(
    params: PredictParams,
    scan: Input | None,
    file: Path,
    checkpoint_id: str,
    ctx: Context,
) -> dict[str, Any]:
    """Say what each slice shows; write a table, and keep it in the project.

    Parameters
    ----------
    params : PredictParams
        The wish.
    scan : Input or None
        The series of the project; None where a path is still to be read.
    file, checkpoint_id : Path and str
        The classifier's weights, see `chosen_weights`.
    ctx : Context
        Project, device, progress.

    Raises
    ------
    InputError
        If files are asked for that only masks have.
    """
    output = classifier_target(params)
    scan = scan or open_input(params.input, ctx, params.series)
    keep_inputs([output] if output else [], scan.files)

    from medlab_gui.learning.classifier import SliceClassifier

    kept: str | None = None
    if scan.series_uid is None:
        classifier = SliceClassifier(file, ctx.device)
        found = classifier.classify(
            scan.measured,
            scan.volume.grid.spacing,
            progress=ctx.progress,
            spec=params.spec(),
        )
    else:
        with ctx.store() as store:
            author = ctx.settings.author_name
            checkpoint = project_weights(store, params.checkpoint, author)
            checkpoint_id = checkpoint.id
            classifier = SliceClassifier(store.blob_path(checkpoint.blob), ctx.device)
            kept, found = classify_series(
                store, scan.series_uid, classifier, checkpoint.id, ctx, params
            )
    names = classifier.meta.scheme.answers
    rows = slice_rows(found, names, _file_names(scan))
    if output is not None:
        _write(output, rows, names)
    labels = found.labels
    return {
        "series_uid": scan.series_uid,
        "classification": kept,
        "checkpoint": checkpoint_id,
        "network": classifier.meta.network.name,
        "output": str(output) if output else None,
        "n_slices": len(rows),
        "seconds_per_slice": found.seconds_per_slice,
        "device": classifier.device,
        "runtime": found.runtime,
        "asked": params.spec().to_dict(),
        "notes": [],
        "limits": _(NOT_WHERE),
        "classes": [
            {"value": v, "name": name, "n_slices": int((labels == v).sum())}
            for v, name in enumerate(names)
        ],
        "slices": rows,
        "problems": [p.to_dict() for p in scan.problems],
    }


def classify_series(
    store: ProjectStore,
    series_uid: str,
    classifier: SliceClassifier,
    checkpoint_id: str,
    ctx: Context,
    params: PredictParams,
) -> tuple[str, ClassifiedSlices]:
    """Ask a classifier about every slice of a series, and keep what it says.

    Parameters
    ----------
    store, series_uid, checkpoint_id, ctx
        As for `commands.predict.predict_series`.
    classifier : SliceClassifier
        The weights.
    params : PredictParams
        How the network is asked.

    Returns
    -------
    str
        Id of what was kept.
    ClassifiedSlices
        What it says.
    """
    series = store.series(series_uid)
    found = classifier.classify(
        without_padding(store.array(series.blob), series.display.padding),
        series.grid.spacing,
        progress=ctx.progress,
        spec=params.spec(),
    )
    stored = store.add_classification(
        series_uid,
        checkpoint_id,
        classifier.meta.scheme.answers,
        found.probs,
        asked(params, classifier.device, found.runtime),
    )
    return stored.id, found


def slice_rows(
    found: ClassifiedSlices, names: Sequence[str], files: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return for each slice its number (from 1), class, probabilities and entropy."""
    rows = []
    for n, k in enumerate(found.slices):
        value = int(found.labels[n])
        probs = [round(float(p), 6) for p in found.probs[n]]
        rows.append(
            {
                "slice": k + 1,
                **({"file": files[k]} if files else {}),
                "class": value,
                "name": names[value],
                "probability": probs[value],
                "entropy": round(float(found.entropy[n]), 6),
                "probabilities": dict(zip(names, probs, strict=True)),
            }
        )
    return rows


def classifier_target(params: PredictParams) -> Path | None:
    """Return the file for a classifier's table; None where none is wanted.

    Raises
    ------
    InputError
        If the file is no table, or something is asked for that only masks have.
    """
    for name in ("entropy", "probability", "largest_component", "fill_holes"):
        if getattr(params, name):
            option = name.replace("_", "-")
            msg = (
                f"--{option} is about masks, and these weights are a classifier's: "
                "they say class, probabilities and entropy of each slice without it. "
                "Leave it out."
            )
            raise InputError(msg)
    if not params.output:
        return None
    if not params.output.lower().endswith((".csv", ".json")):
        msg = (
            "These weights are a classifier's: it draws no mask. Name a file for its "
            f"table, .csv or .json, instead of {params.output}."
        )
        raise InputError(msg)
    return target(params.output, (".csv", ".json"))


def _file_names(scan: Input) -> list[str]:
    """Return the picture of each slice of the working grid; nothing of other scans."""
    names = [path.name for path in scan.files]
    is_theirs = len(names) == scan.volume.data.shape[0] and scan.back.axes[0] == 0
    if not is_theirs or not all(n.lower().endswith(_PICTURES) for n in names):
        return []
    return names[::-1] if scan.back.flips[0] else names


def _write(path: Path, rows: list[dict[str, Any]], names: Sequence[str]) -> None:
    from medlab_gui.core.whole_files import write_whole

    if path.suffix.lower() == ".json":
        content = json.dumps({"limits": NOT_WHERE, "slices": rows}, indent=1)
        write_whole(path, content.encode())
        return
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    own = [k for k in rows[0] if k != "probabilities"] if rows else ["slice"]
    writer.writerow([*own, *(f"p {name}" for name in names)])
    for row in rows:
        writer.writerow([*(row[k] for k in own), *row["probabilities"].values()])
    write_whole(path, table_bytes(made.getvalue()))


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    held = ", ".join(f"{c['name']} {c['n_slices']}" for c in result["classes"])
    lines = [
        f"{counted(result['n_slices'], 'slice')}, "
        f"{1000 * result['seconds_per_slice']:.0f} ms each on {result['device']} by "
        f"{result['runtime']}: {held}."
    ]
    for row in result["slices"][:_MOST_LINES]:
        name = f"  {row['file']}" if "file" in row else ""
        lines.append(
            f"slice {row['slice']:4}  {row['name']}  {100 * row['probability']:5.1f} % "
            f" entropy {row['entropy']:.3f}{name}"
        )
    more = result["n_slices"] - _MOST_LINES
    if more > 0:
        lines.append(f"... and {more} more: --output classes.csv, or --json.")
    if result["classification"]:
        lines.append("This is in the project.")
    if result["output"]:
        lines.append(f"The table is in {result['output']}.")
    lines.append(result["limits"])
    return "\n".join([*lines, *problem_lines(result["problems"])])
