"""``medlab demo``: a project to try things on, and the whole loop without a window."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError, storage_error
from medlab_gui.core.i18n import N_
from medlab_gui.core.resources import resource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medlab_gui.commands.command import Context

__all__ = ["DEMO", "DemoParams", "make_demo"]

_MARK = "demo.json"
_MAP = "5=1,1=2"
"""Liver is 5 and spleen 1 in the organ maps; 1 and 2 in the project."""


@dataclass(frozen=True)
class _Patient:
    """A shipped scan with its reference, and how the demo uses its slices."""

    image: str
    truth: str
    labelled: str
    locked: str


_PATIENTS = (
    # The starter learned from the slices near the head, 13 to 20; five near the feet
    # judge, and those between are the ones to correct.
    _Patient("liver_ct_dicom", "liver_ct_dicom_organs.nii.gz", "20", "1-5"),
    # The starter learned from this one, but for the slices that are locked here.
    _Patient("torso_ct.nii.gz", "torso_ct_organs.nii.gz", "72,76,80,84", "96-99"),
)


@dataclass(frozen=True)
class DemoParams:
    """Where the demo lives, and whether to walk through it here and now."""

    folder: str = param(
        "Folder of the demo project. Default: one in your own data folder.",
        "",
        kind="folder",
        in_dialog=False,
    )
    headless: bool = param(
        "Walk the whole loop without a window and report every step.",
        False,
        in_dialog=False,
    )
    fresh: bool = param(
        "Begin anew; a demo project that is there is kept under another name.",
        False,
        title="Begin anew",
    )
    corrections: int = param(
        "Slices that the walk corrects before it fine-tunes.",
        3,
        minimum=1,
        maximum=14,
        in_dialog=False,
    )


def _place(params: DemoParams) -> Path:
    if params.folder:
        return as_path(params.folder)
    from platformdirs import user_data_path

    return user_data_path("medlab") / ("demo-walk" if params.headless else "demo")


def _make_room(folder: Path, *, fresh: bool) -> list[str]:
    """Return the series of the demo that is there; none where it must be made.

    What is there is never deleted: an unfinished or unwanted demo gets another name.
    """
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return []
        series = _finished(folder)
        if series and not fresh:
            return series
        folder.rename(f"{folder}-{datetime.now():%Y%m%d-%H%M%S}")
    except NotADirectoryError as error:
        msg = f"{folder} is a file; name a folder for the demo with --folder."
        raise InputError(msg, path=folder) from error
    except OSError as error:
        raise storage_error(error, folder) from error
    return []


def _finished(folder: Path) -> list[str]:
    """Return the series of a demo that was made to the end, none where it was not."""
    from medlab_gui.store.project import ProjectStore

    try:
        mark = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = (
            f"{folder} holds other things than a demo of MedLab; name an empty folder "
            "with --folder."
        )
        raise InputError(msg, path=folder) from None
    except ValueError:  # cut off while it was written
        return []
    if not isinstance(mark, dict) or not ProjectStore.exists(folder):
        return []
    return list(mark.get("series", [])) if mark.get("finished") else []


def _mark(folder: Path, **content: Any) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise storage_error(error, folder) from error


def make_demo(folder: Path, ctx: Context) -> dict[str, Any]:
    """Make a demo project: two studies, labels, a locked set, weights, a queue.

    Parameters
    ----------
    folder : Path
        Where; empty or not there yet.
    ctx : Context
        Progress and cancellation.

    Returns
    -------
    dict
        ``series`` (UIDs, the study to open first), ``labelled``, ``locked``,
        ``checkpoint``, ``queue``.
    """
    from medlab_gui.commands.import_ import ImportParams
    from medlab_gui.commands.import_ import run as import_
    from medlab_gui.commands.save import (
        AnnotateParams,
        LockParams,
        run_annotate,
        run_lock,
    )
    from medlab_gui.commands.score import ScoreParams, run_score

    _mark(folder, finished=False)
    ctx = replace(ctx, project=str(folder))
    uids: list[str] = []
    labelled = locked = 0
    for patient in _PATIENTS:
        ctx.progress(len(uids), 4, f"Taking in {patient.image}")
        taken = import_(ImportParams(str(resource("demo", patient.image))), ctx)
        uid = taken["series"][0]["uid"]
        uids.append(uid)
        both = AnnotateParams(
            uid,
            str(resource("demo", patient.truth)),
            _MAP,
            f"{patient.labelled},{patient.locked}",
            "TotalSegmentator (reference)",
        )
        made = run_annotate(both, ctx)
        locked += len(run_lock(LockParams(uid, patient.locked), ctx)["locked"])
        labelled += len(made["slices"])
    ctx.progress(2, 4, "Ranking the slices")
    ranked = run_score(ScoreParams(), ctx)
    _mark(folder, finished=True, series=uids)
    return {
        "series": uids,
        "labelled": labelled - locked,
        "locked": locked,
        "checkpoint": ranked["checkpoint"],
        "queue": ranked["waiting"],
    }


class _Walk:
    """Steps with their figures and seconds."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.steps: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a step; the caller fills the figures."""
        self.ctx.progress(len(self.steps), 11, name)
        figures: dict[str, Any] = {"step": name}
        started = time.perf_counter()
        yield figures
        figures["seconds"] = round(time.perf_counter() - started, 3)
        self.steps.append(figures)


def _correct(uid: str, number: int, truth: Any, ctx: Context) -> dict[str, Any]:
    """Do what a careful person would: make the slice's mask equal to the reference.

    The correction goes through the journal, stroke by stroke (one per class and one
    that erases), as if it had been painted.
    """
    import numpy as np

    from medlab_gui.store.fold import current_mask

    k = number - 1
    with ctx.store() as store:
        mask, _confirmed, _seq = current_mask(store, uid)
        prediction = store.latest_prediction(uid)
        begun = mask[k].copy()
        if prediction is not None and not begun.any():
            begun = store.array(prediction.labels_blob)[k].copy()
        wanted = truth[k]
        changed = int((begun != wanted).sum())
        where = (slice(k, k + 1), slice(None), slice(None))
        with store.open_journal(uid) as journal:
            stroke, strokes = mask[k].copy(), 0
            for after, kind, source in (
                (begun, "accept-prediction", "model"),
                *(
                    (np.where(wanted == value, value, begun), "brush", "person")
                    for value in np.unique(wanted)
                    if value
                ),
                (wanted, "erase", "person"),
            ):
                if np.array_equal(stroke, after):
                    continue
                journal.append_edit(
                    kind,
                    where,
                    stroke[np.newaxis],
                    np.asarray(after, np.uint8)[np.newaxis],
                    author="demo",
                    source=source,
                )
                stroke, strokes = np.asarray(after, np.uint8), strokes + 1
    return {"slice": number, "voxels_corrected": changed, "strokes": strokes}


def _truth(uid: str, patient: _Patient, ctx: Context) -> Any:
    from medlab_gui.commands.inputs import read_labels
    from medlab_gui.commands.values import parse_class_map

    with ctx.store() as store:
        how, scheme = store.series(uid).reorientation, store.scheme()
    path = resource("demo", patient.truth)
    return read_labels(path, parse_class_map(_MAP), scheme, how)


def _walk(params: DemoParams, folder: Path, ctx: Context) -> dict[str, Any]:
    from medlab_gui.commands.accept import AcceptParams, run_accept
    from medlab_gui.commands.evaluate import EvaluateParams, judge_weights
    from medlab_gui.commands.launch import run_command
    from medlab_gui.commands.predict import PredictParams
    from medlab_gui.commands.predict import run as predict
    from medlab_gui.commands.queue_ import QueueParams, run_queue
    from medlab_gui.commands.score import ScoreParams, run_score
    from medlab_gui.commands.train import TRAIN, TrainParams
    from medlab_gui.core.specs import LIVER_PIPELINE
    from medlab_gui.imaging.pipeline import run_pipeline

    walk = _Walk(ctx)
    with walk.step("import") as figures:
        made = make_demo(folder, ctx)
        figures.update(made)
    uid = made["series"][0]
    ctx = replace(ctx, project=str(folder))
    with walk.step("preprocess") as figures:
        with ctx.store() as store:
            series = store.series(uid)
            picture = store.array(series.blob)[series.n_slices // 2]
        processed = run_pipeline(LIVER_PIPELINE, picture)
        figures.update(
            range_before=[float(picture.min()), float(picture.max())],
            range_after=[float(processed.min()), float(processed.max())],
            sd_after=round(float(processed.std()), 4),
        )
    with walk.step("predict") as figures:
        found = predict(PredictParams(uid), ctx)
        figures.update(
            {k: found[k] for k in ("seconds_per_slice", "device", "classes")}
        )
    with walk.step("score weights") as figures:
        before = judge_weights(EvaluateParams(), ctx)
        figures.update(before["locked"])
    truth = _truth(uid, _PATIENTS[0], ctx)
    corrected: list[dict[str, Any]] = []
    for _n in range(params.corrections):
        listed = run_queue(QueueParams(limit=10_000), ctx)["items"]
        item = next((i for i in listed if i["series_uid"] == uid), None)
        if item is None:
            break
        number = item["slice"]
        with walk.step(f"correct slice {number}") as figures:
            figures.update(_correct(uid, number, truth, ctx))
            figures.update(score=item["score"], reason=item["reason"])
            corrected.append(dict(figures))
        with walk.step(f"save slice {number}") as figures:
            saved = run_accept(AcceptParams(uid, number), ctx)
            figures.update(revision=saved["revision"], waiting=saved["waiting"])
    with walk.step("queue") as figures:
        queue = run_queue(QueueParams(limit=3), ctx)
        figures.update(waiting=queue["waiting"], next=queue["items"])
    with walk.step("fine-tune") as figures:
        trained = run_command(TRAIN, TrainParams(), ctx)
        figures.update(run=trained["run"], epochs=trained["epochs"])
    with walk.step("compare on the locked set") as figures:
        figures.update(trained["comparison"])
    decision = "adopt" if trained["adopted"] else "refuse"
    with walk.step(decision) as figures, ctx.store() as store:
        current = store.current_checkpoint()
        figures.update(in_use=current.id if current else None)
    with walk.step("rank again") as figures:
        again = run_score(ScoreParams(uid), ctx)
        figures.update(checkpoint=again["checkpoint"], waiting=again["waiting"])
    with walk.step("score weights again") as figures:
        after = judge_weights(EvaluateParams(), ctx)
        figures.update(after["locked"])
    return {
        "project": str(folder),
        "steps": walk.steps,
        "mean_dice_before": before["locked"]["mean_dice"],
        "mean_dice_after": after["locked"]["mean_dice"],
        "adopted": trained["adopted"],
        "voxels_corrected": sum(c["voxels_corrected"] for c in corrected),
    }


def run(params: DemoParams, ctx: Context) -> dict[str, Any]:
    """Make the demo project; open it, or walk the loop and report every step."""
    folder = _place(params)
    made = _make_room(folder, fresh=params.fresh or params.headless)
    if params.headless:
        return _walk(params, folder, ctx)
    made = made or make_demo(folder, ctx)["series"]
    return {
        "project": str(folder),
        "series": made,
        "open_window": ["--project", str(folder), "--series", made[0]],
    }


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    if "steps" not in result:
        return f"The demo project is in {result['project']}."
    lines = [f"{s['step']:28} {s['seconds']:8.2f} s" for s in result["steps"]]
    what = "adopted" if result["adopted"] else "refused"
    lines.append(
        f"Mean Dice on the locked slices {result['mean_dice_before']:.4f} -> "
        f"{result['mean_dice_after']:.4f}; the new weights were {what}."
    )
    return "\n".join(lines)


DEMO = Command(
    verb="demo",
    title=N_("Open the demo study"),
    help=N_("Make a project with two real studies and open it, or walk the loop."),
    params=DemoParams,
    run=run,
    text=text,
    where=Where.CHILD,
    lane="gpu",
    place="folder",
    menu="medlab/study/1_open",
    details=N_(
        "Without --headless the demo project is made on the first call and opened in "
        "the window; later calls open it again as it was left. With --headless a "
        "fresh project goes through import, preprocess, predict, correct, save, queue, "
        "fine-tune, compare, adopt or refuse and rank again, and every step is "
        "reported with its figures and seconds; nothing opens."
    ),
    examples=("medlab demo", "medlab demo --headless --json"),
)
