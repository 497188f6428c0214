"""What to call trainings that nobody gave a name."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medlab_gui.core.records import Run

__all__ = ["local_time", "origin", "run_titles"]


def local_time(iso: str | None) -> str:
    """Return an ISO time in UTC as local ``"21 Nov 03:15"``; empty where unknown."""
    if not iso:
        return ""
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%d %b %H:%M")
    except ValueError:
        return iso


def origin(run: Run, names: Mapping[str, str]) -> str:
    """Return what a run began with: weights by name, else its network.

    Parameters
    ----------
    run : Run
        A training.
    names : mapping of str to str
        Checkpoint id to what a person reads.
    """
    if run.parent_checkpoint is not None:
        unknown = _("unknown weights")
        return _("from {name}").format(name=names.get(run.parent_checkpoint) or unknown)
    network = run.spec.get("network")
    return str(network.get("name", "")) if isinstance(network, dict) else ""


def run_titles(runs: Sequence[Run], names: Mapping[str, str]) -> list[str]:
    """Return short names that tell these runs apart: ``["unet, seed 1", "segnet"]``.

    Parameters
    ----------
    runs : sequence of Run
        Those that are shown beside each other.
    names : mapping of str to str
        Checkpoint id to what a person reads.
    """
    found = [origin(run, names) for run in runs]
    for more in (
        lambda run: _("seed {n}").format(n=run.seed),
        lambda run: local_time(run.started),
        lambda run: run.id,
    ):
        found = [
            title if found.count(title) == 1 else f"{title}, {more(run)}"
            for title, run in zip(found, runs, strict=True)
        ]
    return found
