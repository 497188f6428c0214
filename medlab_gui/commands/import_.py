"""``medlab import``: take series into the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.core.errors import InputError, NotAnImageError
from medlab_gui.core.i18n import N_
from medlab_gui.core.records import Series, Severity, Study

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.io import FileSeries
    from medlab_gui.store.project import ProjectStore

__all__ = ["IMPORT", "ImportParams", "import_series"]


@dataclass(frozen=True)
class ImportParams:
    """What to take in."""

    path: str = param(
        "File or folder with the scans: DICOM, NIfTI, NRRD or MetaImage.",
        kind="open",
        positional=True,
    )
    series: str = param(
        "Take only the series with this UID (see `medlab inspect`).",
        "",
        in_dialog=False,
    )


def import_series(store: ProjectStore, found: FileSeries, ctx: Context) -> str:
    """Copy one series' voxels into the project on the working grid.

    The voxels are permuted and flipped so that slices are axial and run from the feet
    to the head; nothing is interpolated, and `Series.reorientation` leads back.

    Parameters
    ----------
    store : ProjectStore
        Where to.
    found : FileSeries
        What `io.scan` found.
    ctx : Context
        Progress and cancellation.

    Returns
    -------
    str
        UID of the series in the project.
    """
    import numpy as np

    from medlab_gui.io import read_volume

    volume = read_volume(found, progress=ctx.progress)
    how = volume.grid.canonical()
    working = volume.reoriented(how)
    blob = store.put_array(np.ascontiguousarray(working.data))
    store.add_study(
        Study(
            uid=found.study_uid,
            patient_key=found.patient_key,
            date=found.study_date,
            description=found.study_description,
        )
    )
    store.add_series(
        Series(
            uid=found.uid,
            study_uid=found.study_uid,
            modality=found.modality,
            units=volume.units,
            grid=working.grid,
            description=found.description,
            source=str(
                found.files[0].parent if len(found.files) > 1 else found.files[0]
            ),
            reorientation=how,
            blob=blob,
            problems=tuple(found.problems),
            window=found.window,
        )
    )
    return found.uid


def run(params: ImportParams, ctx: Context) -> dict[str, Any]:
    """Take every volume under the path into the project; say what was left out."""
    from medlab_gui.io import scan

    path = Path(params.path).expanduser()
    found = scan(path, progress=ctx.progress)
    wanted = [s for s in found.series if params.series in ("", s.uid)]
    if params.series and not wanted:
        known = ", ".join(s.uid for s in found.series) or "none"
        msg = f"{path} holds no series {params.series}; it holds {known}."
        raise InputError(msg, path=path)
    volumes = [s for s in wanted if s.grid is not None]
    taken: list[dict[str, Any]] = []
    if not volumes:
        why = "; ".join(
            p.message
            for s in wanted
            for p in s.problems
            if p.severity is Severity.NOT_A_VOLUME
        )
        what = why or "no DICOM, NIfTI, NRRD or MetaImage scan was found in it."
        msg = f"Nothing was imported from {path}: {what}"
        raise NotAnImageError(msg, path=path)
    with ctx.store(create=True) as store:
        for series in volumes:
            known_already = store.has_series(series.uid)
            if not known_already:
                import_series(store, series, ctx)
            taken.append(
                {
                    "uid": series.uid,
                    "description": series.description,
                    "modality": series.modality,
                    "n_slices": store.series(series.uid).n_slices,
                    "already_there": known_already,
                    "problems": [p.to_dict() for p in series.problems],
                }
            )
    left_out = [s.description or s.uid for s in wanted if s.grid is None]
    return {
        "project": ctx.project_place,
        "series": taken,
        "not_a_volume": left_out,
        "ignored": len(found.ignored),
    }


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = []
    for series in result["series"]:
        state = "was there already" if series["already_there"] else "imported"
        lines.append(
            f"{series['modality']} {series['description'] or series['uid']}: "
            f"{series['n_slices']} slices, {state}."
        )
        lines += [f"  ! {p['severity']}: {p['message']}" for p in series["problems"]]
    lines += [
        f"{name}: left out, it is not a volume." for name in result["not_a_volume"]
    ]
    return "\n".join(lines)


IMPORT = Command(
    verb="import",
    title=N_("Open study…"),
    help=N_("Take the scans of a file or folder into the project."),
    params=ImportParams,
    run=run,
    text=text,
    menu="medlab/study/1_open",
    shortcut="Ctrl+O",
    examples=(
        "medlab import scans/patient7 --project liver",
        "medlab import scan.nii.gz --project liver --json",
    ),
)
