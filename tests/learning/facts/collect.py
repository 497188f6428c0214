"""Writes down what independent programs measure between real masks: the facts.

``python tests/learning/facts/collect.py SHARED`` reads masks below ``SHARED/data``, and
builds a few awkward ones of its own (see ``shapes.py``), and writes ``metrics.json``:
for each pair and class the figures of MONAI 1.6.1 and of DeepMind's surface-distance
0.1, and for calibration those of torchmetrics 1.9.0. They were collected in an
environment with these beside numpy, scipy and torch. It must never import MedLab: what
it writes is what MedLab is measured by.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import surface_distance as sd
import torch
from monai import metrics
from monai.metrics.utils import get_edge_surface_distance

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))
from tests.learning.facts.shapes import (  # noqa: E402
    SHAPES,
    TOLERANCE_MM,
    flat,
    real_pairs,
)


def monai_figures(s: Any, t: Any, spacing: tuple[float, ...]) -> dict[str, float]:
    """What MONAI says of one class; RMSD from the distances that it gives."""
    one, other = (torch.from_numpy(m[None, None].astype(np.float32)) for m in (s, t))
    shared: dict[str, Any] = {"include_background": True, "spacing": list(spacing)}
    distances = metrics.compute_hausdorff_distance
    _, both, _ = get_edge_surface_distance(
        one[0, 0].bool(), other[0, 0].bool(), spacing=list(spacing), symmetric=True
    )
    every = torch.cat([d.double() for d in both])
    found = {
        "dsc": metrics.compute_dice(one, other, include_background=True),
        "iou": metrics.compute_iou(one, other, include_background=True),
        "hd_mm": distances(one, other, **shared),
        "hd95_mm": distances(one, other, percentile=95, **shared),
        "asd_mm": metrics.compute_average_surface_distance(
            one, other, symmetric=True, **shared
        ),
        "rmsd_mm": every.square().mean().sqrt(),
        "nsd": metrics.compute_surface_dice(one, other, [TOLERANCE_MM], **shared),
    }
    return {name: float(value) for name, value in found.items()}


def deepmind_figures(s: Any, t: Any, spacing: tuple[float, ...]) -> dict[str, float]:
    """What surface-distance says; its surface lies between the voxels."""
    d = sd.compute_surface_distances(t, s, spacing)
    there, back = sd.compute_average_surface_distance(d)
    return {
        "hd_mm": float(sd.compute_robust_hausdorff(d, 100)),
        "hd95_mm": float(sd.compute_robust_hausdorff(d, 95)),
        "asd_there_mm": float(there),
        "asd_back_mm": float(back),
        "nsd": float(sd.compute_surface_dice_at_tolerance(d, TOLERANCE_MM)),
    }


def calibration_figures() -> dict[str, float]:
    """What torchmetrics says of 20,000 softmaxes of three classes, 15 bins."""
    from torchmetrics.functional.classification import multiclass_calibration_error

    from tests.learning.facts.shapes import softmaxes

    probs, truth = softmaxes()
    return {
        norm: float(
            multiclass_calibration_error(
                torch.from_numpy(probs), torch.from_numpy(truth), 3, 15, norm
            )
        )
        for norm in ("l1", "max")
    }


def main(shared: Path) -> None:
    """Collect all and write it."""
    warnings.simplefilter("ignore")
    facts: dict[str, Any] = {"calibration": calibration_figures(), "pairs": {}}
    named = {name: make() for name, make in SHAPES.items()}
    named |= {name: make() for name, make in real_pairs(shared / "data").items()}
    for name, (found, truth, spacing, values) in named.items():
        found, truth, spacing = flat(found, truth, spacing)
        facts["pairs"][name] = {
            str(value): {
                "monai": monai_figures(found == value, truth == value, spacing),
                "deepmind": deepmind_figures(found == value, truth == value, spacing),
            }
            for value in values
        }
        print(name)
    text = json.dumps(facts, indent=1) + "\n"
    (HERE / "metrics.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
