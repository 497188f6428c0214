"""``medlab networks``: which networks there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["NETWORKS_COMMAND", "NetworksParams"]


@dataclass(frozen=True)
class NetworksParams:
    """For which size the work is reckoned."""

    size: int = param(
        "Side in pixels of the square slice for which multiply-adds are counted.",
        512,
        minimum=32,
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
    from medlab_gui.networks import NETWORKS, describe

    rows = []
    for done, name in enumerate(NETWORKS):
        ctx.progress(done, len(NETWORKS), name)
        spec = NetworkSpec(name, n_classes=3, options={"width": params.width})
        rows.append(describe(spec, (params.size, params.size)))
    return {"networks": rows}


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = []
    for row in result["networks"]:
        lines += [
            f"{row['name']}: {row['title']}",
            f"  {row['paper']}",
            f"  {row['n_weights'] / 1e6:.2f} M weights, "
            f"{row['multiply_adds'] / 1e9:.1f} G multiply-adds a slice",
        ]
    return "\n".join(lines)


NETWORKS_COMMAND = Command(
    verb="networks",
    title=N_("List networks"),
    help=N_("List the networks with paper, weights and multiply-adds."),
    params=NetworksParams,
    run=run,
    text=text,
    details=N_(
        "Counts are for one input channel and three classes (background and two), and "
        "for a slice of the given size. Nothing is written."
    ),
    examples=("medlab networks --width 0.25 --json",),
)
