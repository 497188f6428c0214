"""``medlab export``: masks and scans as files that other programs read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.commands.outputs import image_target
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["EXPORT", "ExportParams"]

WHAT = ("mask", "prediction", "entropy", "image")


@dataclass(frozen=True)
class ExportParams:
    """What to write, and where."""

    series: str = param("UID of the series.", kind="series", positional=True)
    output: str = param(
        "File to write; its name tells the format: .nii.gz, .nii, .nrrd or .mha.",
        kind="save_file",
    )
    what: str = param(
        "The mask as it stands, the latest prediction, its uncertainty, or the scan.",
        "mask",
        choices=WHAT,
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
                msg = f"There is no mask of {series.description or series.uid} yet."
                raise InputError(msg)
        else:
            stored = store.latest_prediction(series.uid)
            if stored is None:
                msg = (
                    f"There is no prediction of {series.description or series.uid} "
                    "yet; run `medlab predict` first."
                )
                raise InputError(msg)
            if params.what == "prediction":
                array = store.array(stored.labels_blob)
            else:
                array = store.array(stored.entropy_blob).astype(np.float32)
        back = series.reorientation
        ctx.progress(0, 1, f"Writing {output.name}")
        write_image(output, back.restore(array), back.source)
    return {
        "output": str(output),
        "what": params.what,
        "series_uid": params.series,
        "shape": list(back.source.shape),
        "verified": True,
        "notice": "For research; not a medical device.",
    }


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    return (
        f"{result['output']}: {result['what']}, read back and found the same voxel by "
        f"voxel. {result['notice']}"
    )


EXPORT = Command(
    verb="export",
    title=N_("Export mask or scan…"),
    help=N_("Write a mask, a prediction or the scan as NIfTI, NRRD or MetaImage."),
    params=ExportParams,
    run=run,
    text=text,
    menu="medlab/study/2_out",
    shortcut="Ctrl+Shift+E",
    when="series_open",
    details=N_(
        "Everything is written on the grid that the scan came in on. Masks hold the "
        "values of the classes (0 background, 255 ignore), images the values of the "
        "scan (HU for CT), entropy 0 to 1. A file is read back and compared before it "
        "takes its name. The mask holds every finished stroke, saved or not."
    ),
    examples=("medlab export 1.2.840.1 --output mask.nii.gz --project liver",),
)
