"""``medlab pace``: how fast a network learns on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Where, param
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.specs import NetworkSpec

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.learning.forecast import Pace

__all__ = ["PACE", "PaceParams", "pace_in_child"]


@dataclass(frozen=True)
class PaceParams:
    """Which network, and on what."""

    network: str = param(
        "A network's name, or its object in a recipe (JSON).",
        "unet",
        positional=True,
    )
    rows: int = param("Rows of a slice.", 512, minimum=1, maximum=16384, unit="px")
    columns: int = param(
        "Columns of a slice.", 512, minimum=1, maximum=16384, unit="px"
    )


def run(params: PaceParams, ctx: Context) -> dict[str, Any]:
    """Time a network on a small picture, and reckon for the size that is asked for."""
    from medlab_gui.learning.forecast import measure_pace

    ctx.progress(0, 1, "Measuring this machine")
    shape = float(params.rows), float(params.columns)
    return asdict(measure_pace(_network(params.network), shape, ctx.device))


def _network(given: str) -> NetworkSpec:
    if not given.lstrip().startswith("{"):
        return NetworkSpec(given.strip())
    try:
        content = json.loads(given)
    except ValueError as error:
        msg = f"This is no network in JSON ({error}); a name is enough, such as unet."
        raise InputError(msg) from error
    return NetworkSpec.from_dict(content)


def pace_in_child(
    network: NetworkSpec, shape_yx: tuple[float, float], ctx: Context
) -> Pace:
    """Time a network in a process of its own: torch would hold this one up.

    Parameters
    ----------
    network : NetworkSpec
        What is to be trained.
    shape_yx : tuple of float
        Rows and columns of a slice as the network will see it.
    ctx : Context
        Device and cancellation.
    """
    from medlab_gui.commands.launch import run_command
    from medlab_gui.learning.forecast import Pace

    rows, columns = (max(1, round(n)) for n in shape_yx)
    asked = PaceParams(json.dumps(network.to_dict()), rows, columns)
    return Pace(**run_command(PACE, asked, ctx))


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    from medlab_gui.learning.forecast import Pace

    where = "graphics card" if result["device"] == "cuda" else "processor"
    each = "{look:.3g} s to predict, {learn_head:.3g} s to learn from with the encoder "
    each += "frozen, {learn_all:.3g} s with everything"
    lines = [f"One slice on the {where}: {each.format(**result)}."]
    if Pace(**result).is_held_up:
        lines.append(
            "Other programs keep the processor busy: while they do, it takes about "
            f"{result['waiting']:.2g} times as long."
        )
    if result["bytes_slice"]:
        fixed, one, free = (
            f"{result[name] / 1e9:.2f} GB"
            for name in ("bytes_fixed", "bytes_slice", "bytes_free")
        )
        lines.append(f"Memory: {fixed}, and {one} for each slice of a batch; {free}")
        lines[-1] += " are free."
    return "\n".join(lines)


PACE = Command(
    verb="pace",
    title=N_("Measure this machine"),
    help=N_("Measure how fast a network predicts and learns here."),
    params=PaceParams,
    run=run,
    text=text,
    where=Where.CHILD,
    lane="gpu",
    details=N_(
        "Times the network on a small picture and reckons for slices of the given "
        "size; takes some seconds, is rough, and writes nothing. The dialog for "
        "fine-tuning asks it."
    ),
    examples=("medlab pace msf_fcn --rows 512 --columns 512 --json",),
)
