"""``medlab import``: take series into the project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.commands.inputs import problem_lines
from medlab_gui.commands.known_series import (
    DIFFERS,
    apart_from_known,
    beside_known,
    earlier_content,
    other_patient,
    source_of,
    unread,
)
from medlab_gui.commands.values import (
    as_path,
    counted,
    parse_codes,
    parse_spacing,
)
from medlab_gui.core.errors import InputError, NotAnImageError, ResourceError
from medlab_gui.core.i18n import N_
from medlab_gui.core.records import Series, Study

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.io import FileSeries, VolumeStream
    from medlab_gui.store.project import ProjectStore

__all__ = ["IMPORT", "ImportParams", "import_series", "take_in"]


@dataclass(frozen=True)
class ImportParams:
    """What to take in."""

    path: str = param(
        "File, folder or archive (zip, tar) with the scans: DICOM, NIfTI, NRRD, "
        "MetaImage, Analyze, MGH, or slices as PNG, JPEG or TIFF.",
        kind="open",
        title=N_("File or folder"),
        positional=True,
    )
    series: str = param(
        "Take only the series with this UID (see `medlab inspect`).",
        "",
        in_dialog=False,
    )
    remedy: str = param(
        "A way out of a geometry problem (see `medlab inspect`); may be given several "
        "times. Nothing is resampled or left out unasked.",
        "",
        kind="codes",
        in_dialog=False,
    )
    spacing: str = param(
        "Distances of slices, rows and columns in mm, e.g. 5,0.7,0.7, where the files "
        "have none or wrong ones.",
        "",
        in_dialog=False,
    )


def import_series(
    store: ProjectStore,
    found: FileSeries,
    ctx: Context,
    stream: VolumeStream | None = None,
) -> str:
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
        Progress and cancellation; a cancelled import leaves nothing behind.
    stream : VolumeStream, optional
        Where its voxels are being read already; it is waited for. The project's bytes
        are the same without it.

    Returns
    -------
    str
        UID of the series in the project.
    """
    from medlab_gui.io import read_checked
    from medlab_gui.io.growing import refuse_growing

    since = None if stream is None else stream.began
    if refuse_growing(found, ctx.job.check, read_since=since):
        stream = None
    source = source_of(found)
    found, volume = read_checked(found, progress=ctx.progress, stream=stream)
    how = volume.grid.canonical()
    working = volume.reoriented(how)
    ctx.progress(0, 0, "Writing the voxels")
    blob = store.put_array(working.data, check=ctx.job.check)
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
            description=found.name,
            source=source,
            reorientation=how,
            blob=blob,
            problems=tuple(found.problems),
            window=found.window,
            display=found.display,
            remedies=found.applied,
        )
    )
    return found.uid


def run(params: ImportParams, ctx: Context) -> dict[str, Any]:
    """Take every volume under the path into the project; say what was left out."""
    from medlab_gui.io import scan

    path = as_path(params.path)
    found = scan(path, progress=ctx.progress)
    wanted = [
        s for s in found.series if params.series in ("", s.uid) or _was(s, params)
    ]
    if params.series and not wanted:
        known = ", ".join(s.uid for s in found.series)
        msg = f"{path} holds no series {params.series}; it holds {known}."
        raise InputError(msg, path=path)
    codes, spacing = parse_codes(params.remedy), parse_spacing(params.spacing)
    if codes or spacing is not None:
        from medlab_gui.io.treatment import treat_all

        wanted = treat_all(wanted, codes, spacing)
    left_out = [
        {"uid": s.uid, "description": s.name, "reason": s.blocking.message}
        for s in wanted
        if s.blocking is not None
    ]
    volumes = [s for s in wanted if s.blocking is None]
    if not volumes:
        why = " ".join(dict.fromkeys(s["reason"] for s in left_out))
        msg = f"Nothing was imported from {path}. {why}"
        raise NotAnImageError(msg, path=path)
    taken: list[dict[str, Any]] = []
    failure: InputError | ResourceError | None = None
    with ctx.store(create=True) as store:
        for series in volumes:
            try:
                taken.append(take_in(store, series, ctx))
            except (InputError, ResourceError) as error:
                # One damaged series must not keep the others of the folder out.
                failure = failure or error
                left_out.append(
                    {
                        "uid": series.uid,
                        "description": series.name,
                        "reason": error.message,
                    }
                )
        if failure is not None and not taken:
            raise failure
    return {
        "project": ctx.project_place,
        "series": taken,
        "left_out": left_out,
        "ignored": len(found.ignored),
    }


def _was(series: FileSeries, params: ImportParams) -> bool:
    """Tell whether it is a part of the series that the files call so."""
    return bool(params.series) and params.series == series.original_uid


def take_in(
    store: ProjectStore,
    series: FileSeries,
    ctx: Context,
    stream: VolumeStream | None = None,
    *,
    unread_too: bool = False,
) -> dict[str, Any]:
    """Take a series into the project unless it is there; say what came of it.

    Parameters
    ----------
    store, series, ctx, stream
        As for `import_series`.
    unread_too : bool
        Whether to go on with what the project has, and say so, where the files have to
        be compared with it and cannot be read.

    Returns
    -------
    dict
        One entry of ``"series"`` of the command's result.
    """
    from medlab_gui.io.file_stamps import stamp_of
    from medlab_gui.io.growing import refuse_rewritten

    series = apart_from_known(store, series)
    since = None if stream is None else stream.began
    stamp, known = stamp_of(series, read_since=since), series.uid
    told = [earlier_content(store, series)]
    if store.has_series(known):
        try:
            refuse_rewritten(series)
            series = beside_known(store, series, stamp, ctx.progress)
        except (InputError, ResourceError) as error:
            if not unread_too:
                raise
            # What else is odd about the files is not so of what the project has.
            series = replace(series, problems=(unread(error.message),))
            stamp = ""
    series = replace(series, problems=(*series.problems, *(p for p in told if p)))
    known_already = store.has_series(series.uid)
    if not known_already:
        import_series(store, series, ctx, stream)
    elif series.applied:
        store.set_remedies(series.uid, series.applied)
    if stamp:
        store.note_stamp(stamp, series.uid)
    record = store.series(series.uid)
    problems = [*series.problems]
    if mix_up := other_patient(store, series):
        problems.append(mix_up)
    return {
        "uid": series.uid,
        "description": series.name,
        "modality": series.modality,
        "n_slices": record.n_slices,
        "already_there": known_already,
        "beside_another": any(p.code == DIFFERS for p in problems),
        "problems": [p.to_dict() for p in problems],
        "remedies": [{"code": a.code, "effect": a.effect} for a in record.remedies],
    }


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = []
    for series in result["series"]:
        state = "was there already" if series["already_there"] else "imported"
        if series["beside_another"]:
            state += ", beside another that the project has"
        lines.append(
            f"{series['modality']} {series['description'] or series['uid']}: "
            f"{counted(series['n_slices'], 'slice')}, {state}."
        )
        lines += [f"  {r['code']}: {r['effect']}" for r in series["remedies"]]
        lines += problem_lines(series["problems"])
    lines += [
        f"{s['description'] or s['uid']}: left out. {s['reason']}"
        for s in result["left_out"]
    ]
    if result["ignored"]:
        lines.append(
            f"{counted(result['ignored'], 'other file')} held no scan to import; "
            "`medlab inspect` tells why."
        )
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
    details=N_(
        "Copies the voxels of every sound series into the project, which is made where "
        "it is not there yet. Patients' names are not copied; the path of the files "
        "is. Prints the UID by which the other verbs know each series; a series that "
        "is in the project already is not copied again, unless its files have changed: "
        "then it comes in beside the one that is there, which is said and is "
        "`beside_another` with --json; masks stay with the old one. With --remedy, the "
        "ways out that `medlab inspect` names are applied to the series that have the "
        "problem; what was done is kept with the series, and what is resampled is a "
        "series of its own."
    ),
    examples=(
        "medlab import scans/patient7 --project liver",
        "medlab import scan.nii.gz --project liver --json",
        "medlab import scans/tilted --remedy straighten --project liver",
    ),
)
