"""Which networks are compared on what; only network and seed differ."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.training import TrainSpec
from medlab_gui.networks.ablation import ABLATION
from tests.results.liver import make_liver
from tests.results.mandible import make_mandible

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 0.125


@dataclass(frozen=True)
class Network:
    """A row of a table."""

    title: str
    name: str
    options: dict[str, Any]
    encoder_weights: str = ""


@dataclass(frozen=True)
class Study:
    """Networks that are trained alike and judged on the same cases."""

    name: str
    organ: str
    networks: tuple[Network, ...]
    seeds: tuple[int, ...]
    spec: dict[str, Any]
    make: Any
    cases: str
    ablation: bool = False


LIVER = Study(
    "liver",
    "Liver",
    (
        Network("FCN-8s", "fcn8s", {}),
        Network("U-Net", "unet", {}),
        Network("SegNet", "segnet", {}),
        Network("multi-scale-fusion FCN", "msf_fcn", {}),
    ),
    (0, 1, 2),
    {
        "pipeline": {
            "steps": [
                {"name": "percentile", "params": {"low": 1, "high": 99}},
                {"name": "equalize", "params": {"bins": 256}},
                {"name": "tv", "params": {"weight": 0.1}},
            ]
        },
        "inplane_mm": 3.0,
        "phases": [{"name": "all", "steps": 600, "lr": 0.001}],
        "loss": "dice_ce",
        "batch": 4,
        "augment": "usual",
        "schedule": "cosine",
        "warmup_steps": 50,
        "clip_norm": 1.0,
        "keep_at": [50, 200, 600],
        "keep_slices": 3,
    },
    make_liver,
    "liver",
)

_MANDIBLE_SPEC: dict[str, Any] = {
    "pipeline": {
        "steps": [{"name": "window", "params": {"level": 400, "width": 1800}}]
    },
    "inplane_mm": 1.5,
    "phases": [{"name": "all", "steps": 600, "lr": 0.001}],
    # Focal loss, the paper's, left the judging phantom without a mandible in so few
    # steps, alone and with Dice: its probabilities stay below one half.
    "loss": "dice_ce",
    "batch": 4,
    "augment": "none",
    "schedule": "cosine",
    "warmup_steps": 50,
    "clip_norm": 1.0,
    "keep_at": [50, 200, 600],
    "keep_slices": 3,
}

MANDIBLE = Study(
    "mandible",
    "Mandible",
    (
        Network("FCN-8s", "fcn8s", {}),
        Network("DeepLab v1", "deeplab_v1", {}),
        Network("SegNet", "segnet", {}),
        Network("residual CBAM U-Net", "resnet_cbam_unet", {}),
    ),
    (0, 1, 2),
    _MANDIBLE_SPEC,
    make_mandible,
    "mandible",
)


def _row(row: Any) -> Network:
    weights = ""
    if row.transfer:
        weights = "liver-residual" if row.residual else "liver-plain"
    return Network(row.name, "resnet_cbam_unet", row.options, weights)


ABLATIONS = Study(
    "ablation",
    "Mandible",
    tuple(map(_row, ABLATION)),
    (0,),
    {**_MANDIBLE_SPEC, "keep_at": []},
    make_mandible,
    "mandible",
    ablation=True,
)

PRETRAINED = Study(
    "pretraining",
    "Liver",
    (
        Network("liver-residual", "resnet_cbam_unet", {"encoder": "residual"}),
        Network("liver-plain", "resnet_cbam_unet", {"encoder": "plain"}),
    ),
    (0,),
    {**LIVER.spec, "keep_at": []},
    make_liver,
    "liver",
)
"""Whose encoders the rows "transfer" of the ablation start from."""

STUDIES = {s.name: s for s in (LIVER, MANDIBLE, PRETRAINED, ABLATIONS)}


def slug(network: Network, seed: int) -> str:
    """Return what the files of a training are called."""
    words = network.title.casefold().replace("+", " ").replace(".", " ").split()
    return f"{'-'.join(words)}-{seed}"


def write_recipes(study: Study, items: list[dict[str, Any]], folder: Path) -> None:
    """Write a recipe for each network and seed, as ``medlab train --recipe`` reads."""
    scheme = LabelScheme.from_names(study.organ, [study.organ])
    for network in study.networks:
        for seed in study.seeds:
            spec = TrainSpec.from_dict(
                {
                    **study.spec,
                    "network": {
                        "name": network.name,
                        "in_channels": 1,
                        "n_classes": 2,
                        "options": {"width": WIDTH, **network.options},
                    },
                    "seed": seed,
                    "encoder_weights": network.encoder_weights,
                }
            )
            recipe = {
                "name": f"{network.title}, seed {seed}",
                "scheme": scheme.to_dict(),
                "spec": spec.to_dict(),
                "data": items,
                "about": {
                    "description": "Made for resources/docs/results.md.",
                    "licence": "Not to be passed on: see the licences of the scans.",
                },
            }
            text = json.dumps(recipe, indent=1)
            path = folder / f"{study.name}-{slug(network, seed)}.json"
            path.write_text(text, encoding="utf-8")
