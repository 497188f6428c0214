"""``medlab preprocess`` with a folder to write to: every series, a file for each."""

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
from medlab_gui.commands.preprocess import preprocess_one
from medlab_gui.core.errors import InputError, MedlabError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io import FileSeries

__all__ = ["preprocess_all"]

_ENDING = ".nii.gz"


def preprocess_all(
    place: str, folder: Path, spec: PipelineSpec, series: str, ctx: Context
) -> dict[str, Any]:
    """Filter every series of a place, each as if it were alone.

    Parameters
    ----------
    place : str
        A path, or the UID of a series of the project.
    folder : Path
        Where to; it is made where it is not there yet.
    spec : PipelineSpec
        The steps.
    series : str
        UID of the only one that is wanted; every one where empty.
    ctx : Context
        Project, progress and cancellation.

    Returns
    -------
    dict
        ``output``, ``pipeline``, ``series`` (what was written) and ``left_out`` (what
        could not be, with the reason).

    Raises
    ------
    MedlabError
        If nothing at all could be written, or there is no more room to write.
    """
    path = existing_path(place)
    if path is None:
        # One series of the project: its name comes with its voxels.
        scan = open_input(place, ctx)
        wanted = [_Wanted(scan.name, place, (), lambda _: scan)]
    else:
        wanted = [
            _Wanted(s.name, s.uid, s.files, partial(_read, s))
            for s in _found(path, series, ctx)
        ]
    files = [folder / n for n in file_names([w.name for w in wanted], _ENDING)]
    keep_inputs(files, [f for w in wanted for f in w.files])
    is_new = make_folder(folder)
    done: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    failure: MedlabError | None = None
    try:
        for n, (one, file) in enumerate(zip(wanted, files, strict=True)):
            progress = scaled(ctx.progress, n / len(wanted), (n + 1) / len(wanted))
            told = {"uid": one.uid, "name": one.name}
            try:
                output = image_target(str(file))
                told |= preprocess_one(one.read(progress), output, spec, progress)
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
    return {
        "output": str(folder),
        "pipeline": spec.to_dict(),
        "series": done,
        "left_out": left_out,
    }


@dataclass(frozen=True)
class _Wanted:
    name: str
    uid: str
    files: tuple[Path, ...]
    read: Callable[[ProgressCallback], Input]


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
