"""``medlab inspect``: tell what a file is and whether its geometry is sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Telling, param
from medlab_gui.commands.inputs import problem_lines
from medlab_gui.commands.values import as_path, counted
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["INSPECT", "InspectParams"]


@dataclass(frozen=True)
class InspectParams:
    """What to look at."""

    path: str = param(
        "File or folder to look at; folders are read with all that is below them.",
        kind="open",
        title=N_("File or folder"),
        positional=True,
    )


def run(params: InspectParams, ctx: Context) -> dict[str, Any]:
    """Return what the file or folder holds, series by series, with every problem."""
    from medlab_gui.io import scan

    found = scan(as_path(params.path), progress=ctx.progress)
    return found.to_dict()


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines: list[str] = []
    for series in result["series"]:
        spacing = series["spacing_mm"]
        size = " x ".join(str(n) for n in series["shape"] or ())
        lines += [
            f"{series['modality']}  {series['name']}",
            f"  patient      {series['patient_name'] or 'not named'}",
            f"  slices       {series['n_slices']}   voxels (Z x Y x X) {size or '?'}",
        ]
        if spacing:
            shown = " x ".join(f"{v:.4g}" for v in spacing)
            lines.append(
                f"  spacing      {shown} mm (Z x Y x X)   axes {series['orientation']}"
            )
        lines.append(f"  units        {series['units'] or 'arbitrary'}")
        if series["transfer_syntax"]:
            lines.append(f"  encoding     {series['transfer_syntax']}")
        lines.append(f"  uid          {series['uid']}")
        lines += problem_lines(series["problems"])
        lines.append("")
    lines += _ways_out(result["series"])
    if result["ignored"]:
        lines.append(f"Left out: {counted(len(result['ignored']), 'file')}")
        told = (f"  {i['path']}: {i['reason']}" for i in result["ignored"][:20])
        lines += [line.replace("\n", "?") for line in told]
        if len(result["ignored"]) > 20:
            lines.append(f"  and {len(result['ignored']) - 20} more (see --json)")
    return "\n".join(lines).rstrip()


def _ways_out(series: list[dict[str, Any]]) -> list[str]:
    """Explain each way out once."""
    offered = {
        r["code"]: r for s in series for p in s["problems"] for r in p["remedies"]
    }
    if not offered:
        return []
    lines = ["Ways out (medlab import PATH --remedy CODE; nothing happens unasked):"]
    lines += [f"  {r['code']}: {r['title']}. {r['effect']}" for r in offered.values()]
    return [*lines, ""]


INSPECT = Command(
    verb="inspect",
    title=N_("Inspect files…"),
    help=N_("Tell what a file or folder holds and whether its geometry is sound."),
    params=InspectParams,
    run=run,
    text=text,
    told=Telling.REPORT,
    menu="medlab/study/3_look",
    details=N_(
        "Reads headers only and writes nothing. JSON: for each series uid, modality, "
        "description, patient_name, n_slices, shape [Z, Y, X], spacing_mm [dz, dy, "
        "dx], affine (indices k, j, i to LPS millimetres), orientation (letters of the "
        "axes i, j, k), units, transfer_syntax, problems (code, severity, message, "
        "files and remedies, the ways out) and name, by which a person tells series "
        "apart; the files that were left out, with the reason, are in ignored."
    ),
    examples=("medlab inspect scans/ --json",),
)
