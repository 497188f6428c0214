"""``medlab list``: what is in the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.asked import asked_in_words
from medlab_gui.commands.command import Command
from medlab_gui.commands.values import counted
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["LIST", "ListParams"]


@dataclass(frozen=True)
class ListParams:
    """Nothing to choose."""


def run(params: ListParams, ctx: Context) -> dict[str, Any]:
    """Return studies, series, masks, weights, runs and the state of the queue."""
    from medlab_gui.commands.train import settle_runs

    with ctx.store() as store:
        settle_runs(store)
        locked = store.locked()
        series = []
        for item in store.series_list():
            annotation = store.latest_annotation(item.uid)
            said = {
                "prediction": store.latest_prediction(item.uid),
                "classification": store.latest_classification(item.uid),
            }
            series.append(
                {
                    "uid": item.uid,
                    "study_uid": item.study_uid,
                    "modality": item.modality,
                    "description": item.description,
                    "n_slices": item.n_slices,
                    "labelled": len(annotation.confirmed) if annotation else 0,
                    "locked": sum(s.series_uid == item.uid for s in locked),
                    "revision": annotation.revision if annotation else 0,
                    "problems": [p.to_dict() for p in item.problems],
                    "remedies": [
                        {"code": r.code, "effect": r.effect} for r in item.remedies
                    ],
                    **{
                        kind: None
                        if one is None
                        else {
                            "id": one.id,
                            "checkpoint": one.checkpoint_id,
                            "created": one.created,
                            "options": one.options,
                        }
                        for kind, one in said.items()
                    },
                }
            )
        current = store.current_checkpoint()
        states: dict[str, int] = {}
        for work in store.items():
            states[str(work.state)] = states.get(str(work.state), 0) + 1
        return {
            "project": ctx.project_place,
            "studies": [
                {
                    "uid": s.uid,
                    "patient_key": s.patient_key,
                    "date": s.date,
                    "description": s.description,
                }
                for s in store.studies()
            ],
            "series": series,
            "classes": [c.name for c in store.scheme().classes],
            "checkpoints": [
                {
                    "id": c.id,
                    "name": c.name,
                    "created": c.created,
                    "network": c.network.name,
                    "run": c.run_id,
                    "in_use": current is not None and c.id == current.id,
                }
                for c in store.checkpoints()
            ],
            "runs": [
                {
                    "id": r.id,
                    "kind": r.kind,
                    "state": str(r.state),
                    "started": r.started,
                    "comparison": r.comparison,
                    "message": r.message,
                }
                for r in store.runs()
            ],
            "queue": states,
        }


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = [f"Project {result['project']}", ""]
    if not result["series"]:
        lines.append("No scans yet. Take some in with: medlab import PATH")
    names = {c["id"]: c["name"] for c in result["checkpoints"]}
    for series in result["series"]:
        lines.append(
            f"{series['modality']:3} {counted(series['n_slices'], 'slice'):>11}  "
            f"{series['labelled']:3} labelled  {series['locked']:3} locked  "
            f"{series['description'] or 'no description'}  [{series['uid']}]"
        )
        lines += [f"      {r['code']}: {r['effect']}" for r in series["remedies"]]
        for kind, word in (("prediction", "predicted"), ("classification", "told")):
            if (one := series[kind]) is not None:
                how = asked_in_words(one["options"])
                by = names.get(one["checkpoint"], one["checkpoint"])
                lines.append(f"      {word} by {by}: {how}  [{one['id']}]")
    for weights in result["checkpoints"]:
        mark = "*" if weights["in_use"] else " "
        lines.append(
            f"{mark} weights {weights['name']} ({weights['network']})  "
            f"[{weights['id']}]"
        )
    for run_ in result["runs"]:
        lines.append(f"  run {run_['id']}: {run_['state']} {run_['message']}".rstrip())
    if result["queue"]:
        counts = ", ".join(f"{n} {state}" for state, n in result["queue"].items())
        lines.append(f"Queue: {counts}")
    return "\n".join(lines)


LIST = Command(
    verb="list",
    title=N_("List the project"),
    help=N_("List the project's scans, masks, weights, runs and queue."),
    params=ListParams,
    run=run,
    text=text,
    details=N_(
        "Labelled are slices that a person has accepted or drawn; locked ones judge "
        "new weights. The weights in use are marked with an asterisk. Under a series "
        "stand its newest prediction and how the network was asked. Runs whose process "
        "is gone are marked as interrupted, which is all that is written."
    ),
    examples=("medlab list --project liver --json",),
)
