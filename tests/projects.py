"""A small project with labels and weights, made in a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.commands.adopt import AdoptParams
from medlab_gui.commands.adopt import run as adopt
from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.commands.save import AnnotateParams, LockParams, run_annotate, run_lock
from medlab_gui.core.geometry import Grid
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Step

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SmallProject:
    """A phantom with a bright ball, labelled on some slices.

    Parameters
    ----------
    folder : Path
        The project.
    series_uid : str
        Its only series: 24 slices of 64 x 64 with the spacing (4, 2, 2) mm.
    image, mask, weights : Path
        The files that it was made from.
    """

    folder: Path
    series_uid: str
    image: Path
    mask: Path
    weights: Path

    @property
    def ctx(self) -> Context:
        """A context for commands on this project."""
        return Context(str(self.folder))


def tiny_weights(
    path: Path,
    classes: tuple[str, ...] = ("Liver", "Spleen"),
    network: str = "unet",
    in_channels: int = 1,
) -> Path:
    """Write an untrained network that is quick on any machine."""
    import torch

    from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
    from medlab_gui.networks import build_any

    torch.manual_seed(0)
    options = {"width": 0.0625}
    spec = NetworkSpec(network, in_channels, len(classes) + 1, options)
    meta = CheckpointMeta(
        network=spec,
        pipeline=PipelineSpec((Step("window", {"level": 40.0, "width": 400.0}),)),
        inplane_mm=None,
        scheme=LabelScheme.from_names("Abdomen", list(classes)),
        name="tiny",
    )
    save_checkpoint(path, build_any(spec).state_dict(), meta)
    return path


def ball_files(folder: Path) -> tuple[Path, Path]:
    """Write a CT-like phantom with a ball of 90 HU, and the ball's mask."""
    from medlab_gui.io import write_image

    z, y, x = np.mgrid[:24, :64, :64]
    ball = (z - 12) ** 2 * 4 + (y - 30) ** 2 + (x - 34) ** 2 < 18**2
    rng = np.random.default_rng(3)
    scan = np.where(ball, 90, -60) + rng.normal(0, 15, ball.shape)
    grid = Grid.from_spacing(ball.shape, (4.0, 2.0, 2.0))
    image, mask = folder / "ball.nii.gz", folder / "ball_mask.nii.gz"
    write_image(image, scan.astype(np.int16), grid)
    write_image(mask, ball.astype(np.uint8), grid)
    return image, mask


def make_small_project(folder: Path) -> SmallProject:
    """Make a project in which slices 6 to 16 are labelled and 14 to 16 are locked."""
    image, mask = ball_files(folder)
    ctx = Context(str(folder / "project"))
    uid = import_(ImportParams(str(image)), ctx)["series"][0]["uid"]
    run_annotate(AnnotateParams(uid, str(mask), slices="6-16"), ctx)
    run_lock(LockParams(uid, "14-16"), ctx)
    weights = tiny_weights(folder / "tiny.safetensors")
    adopt(AdoptParams(str(weights)), ctx)
    return SmallProject(folder / "project", uid, image, mask, weights)


def label_empty_slices(project: SmallProject) -> None:
    """Label slices without the ball: a classifier learns nothing from one class."""
    asked = AnnotateParams(project.series_uid, shows="none", slices="1-2")
    run_annotate(asked, project.ctx)
