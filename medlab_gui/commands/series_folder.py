"""Verbs with a folder to write to: every series of a place, a file for each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.inputs import Input, existing_path, open_input, scaled
from medlab_gui.commands.outputs import (
    file_names,
    image_target,
    keep_inputs,
    make_folder,
)
from medlab_gui.core.errors import InputError, MedlabError, ResourceError
from medlab_gui.imaging.label_maps import looks_like_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io import FileSeries

    Write = Callable[[Input, Path, Callable[..., None]], dict[str, Any]]

__all__ = ["into_folder", "undone"]

_ENDING = ".nii.gz"
_LABELS = (
    "It is a label map (whole numbers that name regions) on the grid of a scan beside "
    "it, not a scan. To have it treated as one, name it with --series {uid}."
)


def into_folder(
    place: str, folder: Path, series: str, ctx: Context, write: Write
) -> dict[str, Any]:
    """Do something with every series of a place, each as if it were alone.

    Parameters
    ----------
    place : str
        A path, or the UID of a series of the project.
    folder : Path
        Where to; it is made where it is not there yet.
    series : str
        UID of the only one that is wanted; every one where empty.
    ctx : Context
        Project, progress and cancellation.
    write : callable
        ``write(scan, file, progress)`` writes the result for one and returns what was
        done as plain data.

    Returns
    -------
    dict
        ``output``, ``series`` (what was written: ``uid``, ``name`` and what ``write``
        returned), ``left_out`` (what could not be, with the reason) and
        ``label_maps`` (masks that lie among the scans, with the reason).

    Raises
    ------
    MedlabError
        If nothing at all could be written, or there is no more room to write.
    """
    path = existing_path(place)
    if path is None:
        # One series of the project: its name comes with its voxels.
        scan = open_input(place, ctx)
        wanted = [_Wanted(scan.name, place, (), lambda _: scan, has_scan_beside=False)]
    else:
        found = _found(path, series, ctx)
        wanted = [
            _Wanted(s.name, s.uid, s.files, partial(_read, s), _may_be_mask(s, found))
            for s in found
        ]
    files = [folder / n for n in file_names([w.name for w in wanted], _ENDING)]
    keep_inputs(files, [f for w in wanted for f in w.files])
    is_new = make_folder(folder)
    done: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    label_maps: list[dict[str, Any]] = []
    failure: MedlabError | None = None
    try:
        for n, (one, file) in enumerate(zip(wanted, files, strict=True)):
            start, between, end = ((n + share) / len(wanted) for share in (0, 0.2, 1))
            reading = scaled(ctx.progress, start, between)
            writing = scaled(ctx.progress, between, end)
            told = {"uid": one.uid, "name": one.name}
            try:
                output = image_target(str(file))
                scan = one.read(reading)
                if one.has_scan_beside and looks_like_labels(scan.volume.data):
                    reason = _LABELS.format(uid=one.uid)
                    label_maps.append({**told, "reason": reason})
                    continue
                told |= write(scan, output, writing)
            except (InputError, ResourceError) as error:
                failure = failure or error
                left_out.append({**told, "reason": error.message})
            else:
                done.append(told)
    finally:
        if is_new and not done:
            with suppress(OSError):
                folder.rmdir()
    if failure is not None and not done:
        raise failure
    if not done:
        msg = (
            f"{place} holds label maps only (whole numbers that name regions), no "
            "scan. Name one with --series to have it treated as a scan."
        )
        raise InputError(msg, path=path)
    return {
        "output": str(folder),
        "series": done,
        "left_out": left_out,
        "label_maps": label_maps,
    }


def undone(result: dict[str, Any]) -> str:
    """Say which series of a folder could not be written; "" where all were."""
    left_out = result.get("left_out", [])
    if not left_out:
        return ""
    names = ", ".join(repr(one["name"]) for one in left_out[:3])
    more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    done = len(result["series"])
    return (
        f"{done} of {done + len(left_out)} series were written; {names}{more} could "
        "not be: the reasons are above. Name one with --series to leave others out."
    )


@dataclass(frozen=True)
class _Wanted:
    name: str
    uid: str
    files: tuple[Path, ...]
    read: Callable[[ProgressCallback], Input]
    has_scan_beside: bool


def _may_be_mask(series: FileSeries, found: Sequence[FileSeries]) -> bool:
    """Tell whether another series lies on the grid of one that is a file of its own."""
    grid = series.grid
    return (
        series.format != "dicom"
        and grid is not None
        and any(
            other is not series and other.grid is not None and grid.same_as(other.grid)
            for other in found
        )
    )


def _found(path: Path, series: str, ctx: Context) -> list[FileSeries]:
    from medlab_gui.io import scan

    found = scan(path, progress=ctx.progress).series
    wanted = [s for s in found if series in ("", s.uid, s.original_uid)]
    if not wanted:
        known = ", ".join(s.uid for s in found)
        msg = f"{path} holds no series {series}; it holds {known}."
        raise InputError(msg, path=path)
    return wanted


def _read(series: FileSeries, progress: ProgressCallback) -> Input:
    from medlab_gui.io import read_checked

    found, native = read_checked(series, progress=progress)
    how = native.grid.canonical()
    volume = native.reoriented(how)
    return Input(
        volume,
        how,
        found.name,
        None,
        found.files,
        found.problems,
        found.display.padding,
    )
