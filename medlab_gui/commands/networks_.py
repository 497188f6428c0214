"""``medlab networks``: which networks there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["NETWORKS_COMMAND", "NetworksParams"]

_SMALLEST = 32


@dataclass(frozen=True)
class NetworksParams:
    """For which size the work is reckoned."""

    size: int = param(
        "Side in pixels of the square slice for which multiply-adds are counted; 0 is "
        "each paper's own.",
        0,
        minimum=0,
        maximum=4096,
        unit="px",
    )
    width: float = param(
        "Share of the published number of channels; 1 is the paper.",
        1.0,
        minimum=0.01,
        maximum=4.0,
    )


def run(params: NetworksParams, ctx: Context) -> dict[str, Any]:
    """Return each network with its paper, weights and multiply-adds."""
    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.networks import CLASSIFIERS, NETWORKS, describe

    if 0 < params.size < _SMALLEST:
        msg = (
            f"Slices of {params.size} pixels are too small to count for; give at least "
            f"{_SMALLEST}, or 0 for each paper's own."
        )
        raise InputError(msg)
    size = (params.size, params.size) if params.size else None
    rows = []
    names = [*NETWORKS, *CLASSIFIERS]
    for done, name in enumerate(names):
        ctx.progress(done, len(names), name)
        # Classifiers tell two classes apart, as in their paper.
        n_classes = 2 if name in CLASSIFIERS else 3
        spec = NetworkSpec(name, n_classes=n_classes, options={"width": params.width})
        rows.append(describe(spec, size))
    return {"networks": rows}


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = []
    for row in result["networks"]:
        height, width = row["input"][1:]
        options = ", ".join(
            f"{key} {_with_others(value, row['choices'].get(key, []))}"
            for key, value in row["options"].items()
            if key != "width"
        )
        lines += [
            f"{row['name']}: {row['title']} ({row['kind']})",
            f"  {row['paper']}",
            f"  {row['n_weights'] / 1e6:.2f} M weights, "
            f"{row['multiply_adds'] / 1e9:.1f} G multiply-adds for {height} x {width}",
        ]
        if options:
            lines.append(f"  options: {options}")
        if row["transfers_from"]:
            lines.append(f"  takes over: {', '.join(row['transfers_from'])}")
    return "\n".join(lines)


def _with_others(value: Any, words: list[str]) -> str:
    others = " or ".join(word for word in words if word != value)
    return f"{value} (or {others})" if others else str(value)


NETWORKS_COMMAND = Command(
    verb="networks",
    title=N_("List networks"),
    help=N_("List the networks with paper, weights and multiply-adds."),
    params=NetworksParams,
    run=run,
    text=text,
    details=N_(
        "Counts are for one input channel and three classes (background and two; "
        "classifiers two), and for a slice of the given size. Nothing is written."
    ),
    examples=("medlab networks --width 0.25 --json",),
)
