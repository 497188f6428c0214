"""``medlab queue``: what wants a person next, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.core.i18n import N_, _
from medlab_gui.core.records import ItemState, WorkItem

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "QUEUE",
    "WAITING",
    "QueueParams",
    "explain",
    "queue_state",
    "reprioritise",
    "taken_slices",
]

WAITING = (ItemState.QUEUED, ItemState.OPEN)
"""States of the items that still want a person."""


def taken_slices(store: ProjectStore) -> dict[str, set[int]]:
    """Return labelled and locked slices of each series."""
    taken: dict[str, set[int]] = {}
    for locked in store.locked():
        taken.setdefault(locked.series_uid, set()).add(locked.slice_index)
    for series in store.series_list():
        annotation = store.latest_annotation(series.uid)
        if annotation is not None:
            taken.setdefault(series.uid, set()).update(annotation.confirmed)
    return taken


def reprioritise(store: ProjectStore) -> dict[str, float]:
    """Lower what lies beside labelled slices, spread the rest; write and return it.

    Returns
    -------
    dict of str to float
        Priority of each waiting item by its id.
    """
    from medlab_gui.learning.queue import Candidate, Labelled, rank

    items = store.items(WAITING)
    patients = {s.uid: s.patient_key for s in store.studies()}
    series = {s.uid: s for s in store.series_list()}

    def place(uid: str, k: int) -> tuple[float, str]:
        one = series[uid]
        # How much of the patient lies between slices, also where they are tilted.
        return k * one.grid.heights[0], one.patient_of(patients[one.study_uid], k)

    candidates = []
    ids = {}
    for item in items:
        z_mm, patient = place(item.series_uid, item.slice_index)
        candidates.append(
            Candidate(item.series_uid, item.slice_index, z_mm, item.score, patient)
        )
        ids[item.series_uid, item.slice_index] = item.id
    labelled = [
        Labelled(uid, *place(uid, k))
        for uid, slices in taken_slices(store).items()
        for k in slices
    ]
    priorities = {
        ids[r.candidate.series_uid, r.candidate.slice_index]: r.priority
        for r in rank(candidates, labelled)
    }
    store.set_priorities(priorities)
    return priorities


@dataclass(frozen=True)
class QueueParams:
    """How much of it to show."""

    limit: int = param("Most slices to list.", 20, minimum=1, maximum=100000)


def queue_state(store: ProjectStore, limit: int) -> dict[str, Any]:
    """Return the first ``limit`` waiting items, counts of all, and a word on it."""
    items = store.items()
    names = {s.uid: s.description for s in store.series_list()}
    waiting = [i for i in items if i.state in WAITING]
    counts = {
        str(state): sum(i.state is state for i in items)
        for state in ItemState
        if any(i.state is state for i in items)
    }
    return {
        "items": [
            {
                "id": i.id,
                "series_uid": i.series_uid,
                "description": names.get(i.series_uid, ""),
                "slice": i.slice_index + 1,
                "slice_index": i.slice_index,
                "score": i.score,
                "priority": i.priority,
                "reason": i.reason,
                "state": str(i.state),
                "version": i.version,
            }
            for i in waiting[:limit]
        ],
        "waiting": len(waiting),
        "counts": counts,
        "message": explain(items, n_series=len(names)),
    }


def explain(items: tuple[WorkItem, ...] | list[WorkItem], n_series: int) -> str:
    """Say in words why a queue is empty, or how far it is."""
    waiting = sum(i.state in WAITING for i in items)
    skipped = sum(i.state is ItemState.SKIPPED for i in items)
    done = len(items) - waiting - skipped
    if not n_series:
        return _("There is no study yet. Open one, then rank its slices.")
    if not items:
        return _("Nothing is ranked yet. Rank the slices to fill the queue.")
    if waiting:
        return _("{done} of {total} done.").format(done=done, total=len(items))
    if skipped:
        return _(
            "Every ranked slice is done but {skipped} that were skipped. "
            "Fine-tune, or take the skipped ones back."
        ).format(skipped=skipped)
    return _("Every ranked slice is labelled. Fine-tune, or open another study.")


def run_queue(params: QueueParams, ctx: Context) -> dict[str, Any]:
    """Return the slices that want a person, the most urgent first."""
    with ctx.store() as store:
        return queue_state(store, params.limit)


def text_queue(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = [result["message"]]
    for n, item in enumerate(result["items"], start=1):
        lines.append(
            f"{n:3}. slice {item['slice']:4}  {item['priority']:.3f} "
            f"(score {item['score']:.3f})  {item['reason']}  {item['description']}"
        )
    return "\n".join(lines)


QUEUE = Command(
    verb="queue",
    title=N_("List the queue"),
    help=N_("List the slices that wait to be looked at, the most urgent first."),
    params=QueueParams,
    run=run_queue,
    text=text_queue,
    details=N_(
        "Changes nothing. Slices are numbered from 1 at the feet, as in the window; "
        "slice_index in the JSON counts from 0."
    ),
    examples=("medlab queue --limit 5 --project liver --json",),
)
