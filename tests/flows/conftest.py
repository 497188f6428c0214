"""A small project with labels and weights, made in a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

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
    """A phantom with a bright ball, labelled on some slices."""

    folder: Path
    series_uid: str
    weights: Path


def tiny_weights(path: Path) -> Path:
    """Write an untrained network that is quick on any machine."""
    import torch

    from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
    from medlab_gui.networks import build

    torch.manual_seed(0)
    network = NetworkSpec("unet", n_classes=3, options={"width": 0.0625})
    meta = CheckpointMeta(
        network=network,
        pipeline=PipelineSpec((Step("window", {"level": 40.0, "width": 400.0}),)),
        inplane_mm=None,
        scheme=LabelScheme.from_names("Abdomen", ["Liver", "Spleen"]),
        name="tiny",
    )
    save_checkpoint(path, build(network).state_dict(), meta)
    return path


@pytest.fixture
def small_project(tmp_path: Path) -> SmallProject:
    """A project with one series of 24 slices of 64 x 64, 8 labelled and 3 locked."""
    from medlab_gui.io import write_image

    z, y, x = np.mgrid[:24, :64, :64]
    ball = (z - 12) ** 2 * 4 + (y - 30) ** 2 + (x - 34) ** 2 < 18**2
    rng = np.random.default_rng(3)
    scan = np.where(ball, 90, -60) + rng.normal(0, 15, ball.shape)
    grid = Grid.from_spacing(ball.shape, (4.0, 2.0, 2.0))
    image, mask = tmp_path / "ball.nii.gz", tmp_path / "ball_mask.nii.gz"
    write_image(image, scan.astype(np.int16), grid)
    write_image(mask, ball.astype(np.uint8), grid)

    folder = tmp_path / "project"
    ctx = Context(str(folder))
    uid = import_(ImportParams(str(image)), ctx)["series"][0]["uid"]
    run_annotate(AnnotateParams(uid, str(mask), slices="6-16"), ctx)
    run_lock(LockParams(uid, "14-16"), ctx)
    weights = tiny_weights(tmp_path / "tiny.safetensors")
    adopt(AdoptParams(str(weights)), ctx)
    return SmallProject(folder, uid, weights)
