"""A small project with two patients, made of noise and ellipsoids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.geometry import Grid
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.records import ItemState, Series, Study, WorkItem
from medlab_gui.core.specs import LIVER_PIPELINE, NetworkSpec, PipelineSpec
from medlab_gui.store.project import ProjectStore

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (16, 96, 96)
SCHEME = LabelScheme.from_names("Abdomen", ["Liver", "Spleen"])
NETWORK = NetworkSpec("unet", 1, 3, {"width": 0.0625})


def phantom(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """CT-like HU and labels, both (Z, Y, X)."""
    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    body = ((y - 48) / 40) ** 2 + ((x - 48) / 45) ** 2 < 1
    liver = ((z - 8) / 7) ** 2 + ((y - 45) / 20) ** 2 + ((x - 30) / 18) ** 2 < 1
    spleen = ((z - 8) / 6) ** 2 + ((y - 55) / 11) ** 2 + ((x - 75) / 9) ** 2 < 1
    hu = np.full(SHAPE, -1000.0)
    hu[np.broadcast_to(body, SHAPE)] = 20
    hu[liver], hu[spleen] = 110, 130
    hu += rng.normal(0, 18, SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    labels[liver], labels[spleen] = 1, 2
    return np.round(hu).astype(np.int16), labels


def make_project(folder: Path, n_series: int = 2) -> list[str]:
    """Make the project; return the UIDs of its series."""
    uids = []
    with ProjectStore.open(folder, create=True) as store:
        store.set_scheme(SCHEME)
        for n in range(n_series):
            data, _labels = phantom(n)
            store.add_study(
                Study(f"1.2.{n}", f"patient{n}", "2024-05-01", "CT abdomen")
            )
            grid = Grid.from_spacing(SHAPE, (3.0, 1.2, 1.0))
            uid = f"1.2.{n}.1"
            store.add_series(
                Series(
                    uid,
                    f"1.2.{n}",
                    "CT",
                    "HU",
                    grid,
                    f"Abdomen {n + 1}",
                    "phantom",
                    grid.canonical(),
                    store.put_array(data),
                    window=(40.0, 400.0),
                )
            )
            uids.append(uid)
    return uids


def add_weights(
    folder: Path, name: str = "starter", pipeline: PipelineSpec = LIVER_PIPELINE
) -> str:
    """Put a file of weights into the project and use it; return its id."""
    from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
    from medlab_gui.networks import build

    path = folder.parent / f"{name}.safetensors"
    meta = CheckpointMeta(
        network=NETWORK, pipeline=pipeline, inplane_mm=2.0, scheme=SCHEME, name=name
    )
    save_checkpoint(path, build(NETWORK).state_dict(), meta)
    with ProjectStore.open(folder) as store:
        made = store.add_checkpoint(
            path,
            network=NETWORK,
            pipeline=pipeline,
            scheme=SCHEME,
            name=name,
            inplane_mm=2.0,
        )
        store.adopt(made.id, "test", "chosen")
    return made.id


def label(folder: Path, uid: str, slices: range, *, seed: int = 0) -> str:
    """Save the phantom's labels as confirmed on some slices."""
    with ProjectStore.open(folder) as store:
        _data, labels = phantom(seed)
        latest = store.latest_annotation(uid)
        made = store.add_annotation(
            uid,
            labels,
            SCHEME,
            confirmed=slices,
            author="test",
            parent=latest.id if latest is not None else None,
        )
    return made.id


def queue_item(uid: str, k: int, score: float, **changes: object) -> WorkItem:
    """An entry of the queue."""
    values: dict = {
        "id": f"i{uid.replace('.', '')}x{k}",
        "series_uid": uid,
        "slice_index": k,
        "score": score,
        "priority": score,
        "reason": "border of Liver",
        "state": ItemState.QUEUED,
        **changes,
    }
    return WorkItem(**values)
