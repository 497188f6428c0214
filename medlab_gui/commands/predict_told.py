"""What ``medlab predict`` tells of its masks: figures, notes, words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.commands.classify import text as classify_text
from medlab_gui.commands.inputs import problem_lines
from medlab_gui.commands.values import counted

if TYPE_CHECKING:
    from medlab_gui.commands.inputs import Input
    from medlab_gui.commands.predict import PredictParams
    from medlab_gui.learning.predict import Predictor

__all__ = ["text", "unlearned", "voxel_counts"]

_UNLEARNED = (
    "{what} voted too: compare with the mask without them, as weights that never "
    "learned from such slices find less in them."
)


def unlearned(params: PredictParams) -> list[str]:
    """Say that the mask rests on slices that few weights have learned from."""
    asked = (
        ("Coronal and sagittal slices", params.axes == "all"),
        ("Mirrored slices", params.flips != "none"),
    )
    return [_UNLEARNED.format(what=what) for what, is_so in asked if is_so]


def voxel_counts(
    labels: Any, scan: Input, predictor: Predictor
) -> list[dict[str, Any]]:
    """Return voxels and millilitres of each class."""
    import numpy as np

    counts = np.bincount(np.asarray(labels).ravel(), minlength=256)
    ml = scan.volume.grid.voxel_volume_mm3 / 1000
    return [
        {
            "value": c.value,
            "name": c.name,
            "n_voxels": int(counts[c.value]),
            "volume_ml": round(float(counts[c.value] * ml), 3),
        }
        for c in predictor.meta.scheme.classes
    ]


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    if "slices" in result:
        return classify_text(result)
    if "series" in result:
        return _text_of_several(result)
    lines = [_figures(result)]
    if result["prediction"]:
        lines.append("The prediction is in the project.")
    if result["output"]:
        lines.append(f"The mask is in {result['output']}.")
    if result["entropy"]:
        lines.append(f"Its uncertainty is in {result['entropy']}.")
    if result["probability"]:
        lines.append(f"The probabilities are in {result['probability']}.")
    lines += result["notes"]
    return "\n".join([" ".join(lines), *problem_lines(result["problems"])])


def _figures(result: dict[str, Any]) -> str:
    found = ", ".join(f"{c['name']} {c['volume_ml']:.1f} ml" for c in result["classes"])
    return (
        f"{counted(result['n_slices'], 'slice')}, {result['seconds_per_slice']:.2f} s "
        f"each on {result['device']} by {result['runtime']}: {found}."
    )


def _text_of_several(result: dict[str, Any]) -> str:
    lines = []
    for one in result["series"]:
        lines.append(f"{one['output']}: {_figures(one)}")
        lines += problem_lines(one["problems"])
    lines += [
        f"{one['name']}: left out. {one['reason']}"
        for one in (*result["left_out"], *result.get("label_maps", ()))
    ]
    return "\n".join([*lines, *result["notes"]])
