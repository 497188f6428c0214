"""What to call trainings that nobody gave a name."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

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
    """Return what a run began with: weights by name, else its network and variant.

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
    if not isinstance(network, dict):
        return ""
    # Options that are words choose a variant: the rows of an ablation, for instance.
    words = [f"{k} {v}" for k, v in _options(run).items() if isinstance(v, str)]
    return ", ".join([str(network.get("name", "")), *words])


def _options(run: Run) -> dict[str, Any]:
    network = run.spec.get("network")
    found = network.get("options") if isinstance(network, dict) else None
    return found if isinstance(found, dict) else {}


def _width(run: Run) -> str:
    width = _options(run).get("width")
    return "" if width is None else _("width {n}").format(n=f"{width:g}")


def _encoder(run: Run) -> str:
    name = run.spec.get("encoder_weights")
    return _("encoder of {name}").format(name=name) if name else _("from random")


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
        lambda run: _("folds") if run.kind == "cross-validation" else "",
        _width,
        _encoder,
        lambda run: _("seed {n}").format(n=run.seed),
        lambda run: local_time(run.started),
        lambda run: run.id,
    ):
        said = [more(run) for run in runs]
        # What is the same for all of one title tells nothing apart.
        differ = {
            title
            for title in found
            if len({s for s, t in zip(said, found, strict=True) if t == title}) > 1
        }
        found = [
            f"{title}, {word}" if title in differ and word else title
            for title, word in zip(found, said, strict=True)
        ]
    return found
