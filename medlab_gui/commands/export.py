"""``medlab export``: masks and scans as files that other programs read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Telling, param
from medlab_gui.commands.outputs import image_target
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.records import Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.records import Series
    from medlab_gui.core.remedies import AppliedRemedy

__all__ = ["EXPORT", "ExportParams"]

WHAT = ("mask", "prediction", "entropy", "image")
GRIDS = ("resampled", "original")
_CALLED = {
    "mask": "mask",
    "prediction": "prediction",
    "entropy": "uncertainty",
    "image": "scan",
}


def _resampling(series: Series) -> AppliedRemedy | None:
    """Return how a series was resampled; None where it is as it was measured."""
    return next((r for r in series.remedies if "source" in r.details), None)


@dataclass(frozen=True)
class ExportParams:
    """What to write, and where."""

    series: str = param("UID of the series.", kind="series", positional=True)
    output: str = param(
        "File to write; its name tells the format: .nii.gz, .nii, .nrrd or .mha.",
        kind="save_file",
        title=N_("File to write"),
    )
    what: str = param(
        "The mask as it stands, the latest prediction, its uncertainty, or the scan.",
        "mask",
        choices=WHAT,
        words=(
            N_("The mask as it stands"),
            N_("The latest prediction"),
            N_("The uncertainty of the latest prediction"),
            N_("The scan"),
        ),
    )
    grid: str = param(
        "Of a series that was resampled: write a mask on the resampled grid, or "
        "carried back onto the slices of the files (nearest neighbour).",
        "resampled",
        choices=GRIDS,
        words=(N_("The resampled series"), N_("The slices of the files (masks only)")),
        title=N_("On the grid of"),
        asked_of=lambda series: _resampling(series) is not None,
    )


def run(params: ExportParams, ctx: Context) -> dict[str, Any]:
    """Write it on the grid that the scan came in on, and read it back to be sure."""
    import numpy as np

    from medlab_gui.io import write_image
    from medlab_gui.store.fold import current_mask

    output = image_target(params.output)
    with ctx.store() as store:
        series = store.series(params.series)
        if params.what == "image":
            array = store.array(series.blob)
        elif params.what == "mask":
            array, confirmed, _ = current_mask(store, series.uid)
            if not array.any() and not confirmed.any():
                msg = (
                    f"There is no mask of {series.description or series.uid} yet; "
                    "accept or draw on a slice first, or write what the network says "
                    "(`--what prediction`)."
                )
                raise InputError(msg)
        else:
            stored = store.latest_prediction(series.uid)
            if stored is None:
                msg = (
                    f"There is no prediction of {series.description or series.uid} "
                    "yet; predict its masks first (`medlab predict`)."
                )
                raise InputError(msg)
            if params.what == "prediction":
                array = store.array(stored.labels_blob)
            else:
                array = store.array(stored.entropy_blob).astype(np.float32)
        back = series.reorientation
        native, grid = back.restore(array), back.source
        resampling = _resampling(series)
        if resampling is not None and params.grid == "original":
            native, grid = _carried_back(native, grid, resampling, params.what)
        unsafe = _unsafe(series)
        ctx.progress(0, 1, f"Writing {output.name}")
        write_image(output, native, grid)
    return {
        "output": str(output),
        "what": params.what,
        "series_uid": params.series,
        "shape": list(grid.shape),
        "grid": "original" if resampling is None else params.grid,
        "note": " ".join(filter(None, (_note(resampling, params.grid), unsafe))),
        "verified": True,
        "notice": "For research; not a medical device.",
    }


def _carried_back(
    native: NDArray[Any], grid: Grid, resampling: AppliedRemedy, what: str
) -> tuple[NDArray[Any], Grid]:
    """Return a mask on the slices of the files, and the grid that those go by."""
    from medlab_gui.core.geometry import Grid as Lattice
    from medlab_gui.core.slices import SliceStack
    from medlab_gui.imaging.regrid import labels_to_stack

    if what not in ("mask", "prediction"):
        msg = (
            f"Only masks are carried back onto the original slices, not the {what} of "
            "a resampled series; take it on the resampled grid, or export the series "
            "as it was measured."
        )
        raise InputError(msg)
    stack = SliceStack.from_dict(resampling.details["source"])
    original = Lattice.from_dict(resampling.details["source_grid"])
    return labels_to_stack(native, grid, stack), original


def _unsafe(series: Series) -> str:
    """Say so where other programs will measure wrongly in the file."""
    codes = [p.code for p in series.problems if p.severity is Severity.UNSAFE]
    if not codes:
        return ""
    return (
        "The scan is unsafe for measurement "
        f"({', '.join(dict.fromkeys(codes))}), and so is this file: other programs "
        "will not say so."
    )


def _note(resampling: AppliedRemedy | None, grid: str) -> str:
    if resampling is None:
        return ""
    if grid == "original":
        return (
            "The mask was made on a resampled series and carried back onto the "
            "original slices (nearest neighbour): its border may be off by half a "
            "voxel."
        )
    return (
        "The series was resampled when it was imported, and this lies on the resampled "
        "grid: it does not fit the original files voxel by voxel."
    )


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    words = (
        f"The {_CALLED[result['what']]} was written to {result['output']} and read "
        "back: it is the same voxel by voxel.",
        result["note"],
        result["notice"],
    )
    return " ".join(w for w in words if w)


EXPORT = Command(
    verb="export",
    title=N_("Export mask or scan…"),
    help=N_("Write a mask, a prediction or the scan as NIfTI, NRRD or MetaImage."),
    params=ExportParams,
    run=run,
    check=lambda params, _ctx: image_target(params.output),
    text=text,
    told=Telling.NOTICE,
    menu="medlab/study/2_out",
    shortcut="Ctrl+Shift+E",
    when="series_stored",
    details=N_(
        "Everything is written on the grid that the scan came in on; of a series that "
        "was resampled when it was imported, on the resampled grid, which is said. "
        "Masks hold the values of the classes (0 background, 255 ignore), images the "
        "values of the scan (HU for CT), entropy 0 to 1. A file is read back and "
        "compared before it takes its name. The mask holds every finished stroke, "
        "saved or not."
    ),
    examples=("medlab export 1.2.840.1 --output mask.nii.gz --project liver",),
)
