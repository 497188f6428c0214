"""The model's mask and uncertainty of one slice under two recipes, from a child."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import storage_error
from medlab_gui.gui.colors import uncertainty_colors
from medlab_gui.gui.pictures import argb_image, outline_image

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QImage

    from medlab_gui.commands.command import Context
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.imaging.recipes import Effect

__all__ = ["LookKey", "ModelLook", "entropy_image", "look", "mask_image"]

LookKey = tuple[str, int, str, "tuple[Effect, ...]", "tuple[Effect, ...]"]
"""Series, slice, checkpoint, and what the model gets on the left and on the right."""

_FILL = 70


@dataclass(frozen=True, eq=False)
class ModelLook:
    """What a model says about one slice, before and after.

    Parameters
    ----------
    given : tuple of PipelineSpec
        What it gets for the original's half and for the processed one's.
    trained : PipelineSpec
        What it was trained on.
    weights : str
        Name of the checkpoint.
    result : dict
        As ``medlab compare`` returns it.
    masks : tuple of QImage
        The mask of either half, see-through.
    entropies : tuple of QImage
        The uncertainty of either half, see-through.
    """

    given: tuple[PipelineSpec, PipelineSpec]
    trained: PipelineSpec
    weights: str
    result: dict[str, Any]
    masks: tuple[QImage, QImage]
    entropies: tuple[QImage, QImage]


def look(
    context: Context,
    weights: Checkpoint,
    uid: str,
    k: int,
    given: tuple[PipelineSpec, PipelineSpec],
) -> ModelLook:
    """Ask the model in a process of its own; on a worker's thread.

    Arrays travel through a temporary folder; nothing stays.

    Parameters
    ----------
    context : Context
        Project, device, progress and cancellation.
    weights : Checkpoint
        Which model.
    uid, k : str and int
        Which slice of which series.
    given : tuple of PipelineSpec
        What it gets for the original's half and for the processed one's.
    """
    from medlab_gui.commands.compare import COMPARE, CompareParams
    from medlab_gui.commands.launch import run_command

    try:
        folder = tempfile.TemporaryDirectory(
            prefix="medlab-", ignore_cleanup_errors=True
        )
    except OSError as error:
        raise storage_error(error, Path(tempfile.gettempdir())) from error
    with folder as name:
        arrays = Path(name) / "both.npz"
        before, after = (json.dumps(spec.to_dict()) for spec in given)
        params = CompareParams(
            uid,
            str(k + 1),
            before=before,
            after=after,
            checkpoint=weights.id,
            output=str(arrays),
        )
        result = run_command(COMPARE, params, context)
        with np.load(arrays, allow_pickle=False) as both:
            labels = (both["labels_before"], both["labels_after"])
            doubts = (both["entropy_before"], both["entropy_after"])
    scheme = weights.scheme
    return ModelLook(
        given=given,
        trained=weights.pipeline,
        weights=weights.name,
        result=result,
        masks=(mask_image(labels[0], scheme), mask_image(labels[1], scheme)),
        entropies=(entropy_image(doubts[0]), entropy_image(doubts[1])),
    )


def mask_image(labels: NDArray[np.uint8], scheme: LabelScheme) -> QImage:
    """Return a mask as a tint with a border, to tell it from the person's outline.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Y, X)
        Classes of the scheme.
    scheme : LabelScheme
        Gives the colours.
    """
    colors = np.zeros(256, np.uint32)
    for c in scheme.classes:
        # Premultiplied by the share that covers.
        red, green, blue = (v * _FILL // 255 for v in c.color)
        colors[c.value] = _FILL << 24 | red << 16 | green << 8 | blue
    made = argb_image(colors[labels])
    from qtpy.QtGui import QPainter

    painter = QPainter(made)
    painter.drawImage(0, 0, outline_image(labels, scheme))
    painter.end()
    return made


def entropy_image(entropy: NDArray[Any]) -> QImage:
    """Return uncertainty in magma; what is certain is see-through.

    Parameters
    ----------
    entropy : ndarray of float, shape (Y, X)
        0 certain to 1 uniform.
    """
    rgba = uncertainty_colors()
    # As the canvas shows it, but never so thick that the picture is gone.
    alpha = 0.7 * rgba[:, 3:]
    rgb = np.rint(rgba[:, :3] * alpha * 255).astype(np.uint32)
    a = np.rint(alpha[:, 0] * 255).astype(np.uint32)
    table: NDArray[np.uint32] = (
        a << 24 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]
    ).astype(np.uint32)
    values = np.nan_to_num(np.asarray(entropy, np.float32))
    return argb_image(table[np.clip(values * 255, 0, 255).astype(np.uint8)])
