"""``medlab preprocess``: the bench's chain on a whole scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Telling, param
from medlab_gui.commands.inputs import open_input, problem_lines
from medlab_gui.commands.outputs import image_target, keep_inputs, names_folder
from medlab_gui.commands.series_folder import into_folder, undone
from medlab_gui.commands.values import as_path, counted
from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.i18n import N_
from medlab_gui.core.presets import parse_pipeline, pipeline_presets, read_pipeline
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.inputs import Input
    from medlab_gui.imaging.slicewise import ProgressCallback

__all__ = ["PREPROCESS", "PreprocessParams", "chosen_pipeline", "preprocess_one"]


@dataclass(frozen=True)
class PreprocessParams:
    """What to filter, and how."""

    input: str = param(
        "File, folder, or UID of a series of the project.",
        kind="series",
        positional=True,
    )
    output: str = param(
        "File to write: .nii.gz, .nii, .nrrd or .mha, values 0 to 1, float32; or a "
        "folder, for one .nii.gz of each series.",
        kind="save",
        title=N_("File or folder to write"),
    )
    pipeline: str = param(
        "JSON file with the steps, or that JSON itself, 'liver' for the chain of the "
        "liver paper (window, equalize, tv), or 'project' for the one set in the "
        "window.",
        "liver",
        kind="recipe",
        title=N_("Recipe"),
    )
    preset: str = param(
        "Name of a recipe, as saved in the window; instead of --pipeline.",
        "",
        in_dialog=False,
    )
    off: str = param(
        "Steps to leave out, e.g. 'tv' or 'equalize,tv'.", "", in_dialog=False
    )
    series: str = param(
        "UID of the series, where the folder holds several.", "", in_dialog=False
    )


def chosen_pipeline(
    choice: str, off: str, ctx: Context, preset: str = ""
) -> PipelineSpec:
    """Return the steps that `preset` or else `choice` names, those in `off` left out.

    Raises
    ------
    InputError
        If there is no such preset or file, or both are named.
    SpecError
        If it is no pipeline, or a step or parameter does not exist.
    """
    if preset:
        presets = pipeline_presets()
        if choice != "liver":
            msg = "Name a recipe (--preset) or a file (--pipeline), not both."
            raise InputError(msg)
        if preset not in presets:
            msg = f"There is no recipe {preset!r}; there are {', '.join(presets)}."
            raise InputError(msg)
        spec = presets[preset]
    elif choice == "liver":
        spec = LIVER_PIPELINE
    elif choice == "project":
        with ctx.store() as store:
            spec = store.pipeline()
    elif choice.lstrip().startswith("{"):
        spec = parse_pipeline(choice)
    else:
        spec = read_pipeline(as_path(choice))
    names = [n.strip() for n in off.split(",") if n.strip()]
    unknown = sorted(set(names) - {s.name for s in spec.steps})
    if unknown:
        known = ", ".join(s.name for s in spec.steps)
        msg = f"There is no step {', '.join(unknown)} to leave out; there are {known}."
        raise SpecError(msg)
    return PipelineSpec(
        tuple(replace(s, enabled=s.enabled and s.name not in names) for s in spec.steps)
    )


def _checked(params: PreprocessParams, ctx: Context) -> tuple[PipelineSpec, Path]:
    """Return the steps and the place of the result, or raise what is wrong there."""
    from medlab_gui.imaging.pipeline import check_pipeline

    several = names_folder(params.output)
    output = as_path(params.output) if several else image_target(params.output)
    spec = chosen_pipeline(params.pipeline, params.off, ctx, params.preset)
    check_pipeline(spec)
    return spec, output


def run(params: PreprocessParams, ctx: Context) -> dict[str, Any]:
    """Filter every slice and write the result on the scan's own grid."""
    spec, output = _checked(params, ctx)
    if names_folder(params.output):
        done = into_folder(
            params.input, output, params.series, ctx, partial(preprocess_one, spec=spec)
        )
        return {"pipeline": spec.to_dict(), **done}
    scan = open_input(params.input, ctx, params.series)
    return {
        "pipeline": spec.to_dict(),
        **preprocess_one(scan, output, ctx.progress, spec=spec),
    }


def preprocess_one(
    scan: Input, output: Path, progress: ProgressCallback, *, spec: PipelineSpec
) -> dict[str, Any]:
    """Filter a scan, write it, and return what was done as plain data.

    Parameters
    ----------
    scan : Input
        As `open_input` returns it.
    output : Path
        The file; it appears when it is whole.
    progress : callable
        Called as ``progress(done, total, message)`` once per slice; raises to cancel.
    spec : PipelineSpec
        The steps.
    """
    from medlab_gui.imaging.pipeline import run_pipeline
    from medlab_gui.imaging.recipes import effective
    from medlab_gui.imaging.remarks import remarks
    from medlab_gui.io import write_image

    keep_inputs([output], scan.files)
    # Steps reckon with what was measured; without any, the scan stays what it is.
    data = scan.measured if effective(spec) else scan.volume.data
    result = run_pipeline(spec, data, progress=progress)
    write_image(output, scan.back.restore(result), scan.back.source)
    return {
        "output": str(output),
        "n_slices": int(result.shape[0]),
        "range": [float(result.min()), float(result.max())],
        "remarks": remarks(
            spec, float(data.min()), float(data.max()), scan.volume.units or ""
        ),
        "problems": [p.to_dict() for p in scan.problems],
    }


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    steps = [s["name"] for s in result["pipeline"]["steps"] if s["enabled"]]
    through = f"through {', '.join(steps) or 'no step'}"
    lines = []
    for one in result.get("series", [result]):
        lines.append(f"{counted(one['n_slices'], 'slice')} {through}: {one['output']}")
        lines += [f"! {said}" for said in one.get("remarks", ())]
        lines += problem_lines(one["problems"])
    lines += [
        f"{one['name']}: left out. {one['reason']}"
        for one in (*result.get("left_out", ()), *result.get("label_maps", ()))
    ]
    return "\n".join(lines)


PREPROCESS = Command(
    verb="preprocess",
    title=N_("Export processed images…"),
    help=N_("Window, equalise and denoise a whole scan and write it to a file."),
    params=PreprocessParams,
    run=run,
    check=_checked,
    text=text,
    told=Telling.NOTICE,
    undone=undone,
    menu="medlab/study/2_out",
    when="series_stored",
    details=N_(
        "The steps run on axial slices (the bias field on the whole scan), by the same "
        "code as the window's preview, to the same bits; the result is written on the "
        "grid of the scan as it is in the file. The scan itself never changes. With a "
        "folder as --output (one that is there, or a name without an ending), every "
        "series of the input is written as a file of its own, named as `medlab "
        "inspect` names it; what cannot be is told, and the exit code is then 2. Label "
        "maps that lie beside a scan, on its grid, are left out, which is told. A "
        'pipeline is JSON: {"steps": [{"name": "window", "params": {"level": 40, '
        '"width": 400}}, {"name": "equalize", "params": {"bins": 256}}, {"name": "tv", '
        '"params": {"weight": 0.1}}]}; levels and widths are in the units of the scan '
        "(HU for CT)."
    ),
    examples=(
        "medlab preprocess scans/p7 --output p7.nii.gz",
        "medlab preprocess p7.nii.gz --off tv --output flat.nrrd",
        "medlab preprocess scans/ --output processed/",
        'medlab preprocess knee.mha --preset "Knee MR" --output knee.nii.gz',
    ),
)
