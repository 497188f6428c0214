"""Trainings of a phantom project: their rows, reports and comparisons."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from medlab_gui.core.records import Run, RunState
from tests.gui.docks_phantom import add_weights, make_project

if TYPE_CHECKING:
    from medlab_gui.store.project import ProjectStore

ONE = "1.2.0.1"


def comparison(old: float, new: float, *, adopted: bool) -> dict[str, Any]:
    def side(mean: float) -> dict[str, Any]:
        return {
            "mean_dice": mean,
            "n_slices": 4,
            "dice": {"Liver": mean + 0.05, "Spleen": mean - 0.05},
            "per_slice": [
                {
                    "series_uid": ONE,
                    "slice_index": k,
                    "dice": {"Liver": mean - 0.1 * k, "Spleen": None},
                }
                for k in range(4)
            ]
            + [
                {
                    "series_uid": ONE,
                    "slice_index": 9,
                    "dice": {"Liver": None, "Spleen": None},
                }
            ],
        }

    return {
        "n_slices": 5,
        "old": side(old),
        "new": side(new),
        "adopted": adopted,
        "reason": f"mean Dice {old} -> {new}",
    }


_NUMBERS = itertools.count(1)


def add_run(store: ProjectStore, **changes: Any) -> Run:
    values: dict[str, Any] = {
        "id": f"run{next(_NUMBERS)}",
        "kind": "fine-tune",
        "spec": {},
        "state": RunState.DONE,
        "seed": 0,
        "code_version": "0",
        "started": "2024-05-01T10:00:00+00:00",
        **changes,
    }
    run = Run(**values)
    store.add_run(run)
    return run


def report(epoch: int, step: int, loss: float, **more: Any) -> dict[str, Any]:
    return {
        "phase": "head" if epoch == 1 else "all",
        "epoch": epoch,
        "epochs": 3,
        "step": step,
        "steps": 4,
        "loss": loss,
        "dice": None,
        "seconds_left": 90.0,
        **more,
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with two sets of weights, the second in use."""
    folder = tmp_path_factory.mktemp("runs") / "project"
    make_project(folder, n_series=1)
    return folder, add_weights(folder, "first"), add_weights(folder, "second")


@pytest.fixture
def folder(project, tmp_path):
    import shutil

    copy = tmp_path / "project"
    shutil.copytree(project[0], copy)
    return copy
