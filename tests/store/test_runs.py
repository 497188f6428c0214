from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from medlab_gui.core.errors import ConflictError, InputError
from medlab_gui.core.records import Run, RunState
from medlab_gui.core.specs import LIVER_PIPELINE, NetworkSpec
from medlab_gui.store.project import DEFAULT_SCHEME

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.store.project import ProjectStore

RUN = Run(
    id="r1",
    kind="fine-tune",
    spec={"batch": 2},
    state=RunState.RUNNING,
    seed=3,
    code_version="0.1",
    started="2024-01-01T00:00:00+00:00",
)


def test_a_run_comes_back_and_changes(store: ProjectStore) -> None:
    store.add_run(RUN)
    assert store.run("r1") == RUN
    done = store.update_run(
        "r1",
        state=RunState.DONE,
        checkpoint="c",
        comparison={"old": 0.1, "new": 0.2},
        message="better",
    )
    assert done == store.runs()[0]
    assert (done.state, done.checkpoint) == (RunState.DONE, "c")
    assert done.comparison == {"old": 0.1, "new": 0.2}
    assert done.finished is not None
    again = store.update_run("r1", state=RunState.RUNNING)
    assert again.finished is None
    fixed = store.update_run("r1", state=RunState.FAILED, finished="2025-01-01")
    assert fixed.finished == "2025-01-01"


def test_its_folder_is_under_the_project(store: ProjectStore) -> None:
    folder = store.run_folder("r1")
    assert folder.is_dir()
    assert folder == store.folder / "runs" / "r1" == store.run_folder("r1")
    with pytest.raises(InputError, match="not the id of a run"):
        store.run_folder("../x")


def test_what_cannot_be_is_refused(store: ProjectStore) -> None:
    store.add_run(RUN)
    with pytest.raises(ConflictError, match="run r1 already"):
        store.add_run(RUN)
    with pytest.raises(InputError, match="no run 'x'"):
        store.update_run("x", message="")
    with pytest.raises(TypeError, match="seed"):
        store.update_run("r1", seed=4)
    assert store.runs() == (RUN,)


def test_all_runs_are_read_without_their_slices(store: ProjectStore) -> None:
    """Of hundreds of locked slices they are most of a run, and nobody lists them."""
    rows = [{"series_uid": "1.2", "slice_index": k, "dice": {}} for k in range(3)]
    side = {"mean_dice": 0.5, "per_slice": rows}
    told = {"n_slices": 3, "old": side, "new": {**side, "mean_dice": 0.6}}
    store.add_run(RUN)
    done = store.update_run("r1", state=RunState.DONE, comparison=told)
    assert done.comparison == told
    assert store.run("r1").comparison == told, "one alone has them all"
    (light,) = store.runs()
    assert light.comparison == {
        "n_slices": 3,
        "old": {"mean_dice": 0.5},
        "new": {"mean_dice": 0.6},
    }
    # Judged again, it has what was judged last.
    again = {"n_slices": 1, "new": {"mean_dice": 0.7, "per_slice": rows[:1]}}
    assert store.update_run("r1", comparison=again).comparison == again
    (store.run_folder("r1") / "judged.json").write_text("{", encoding="utf-8")
    assert store.run("r1").comparison["new"] == {"mean_dice": 0.7}


def test_a_deleted_run_takes_its_own_weights_and_no_others(
    store: ProjectStore, tmp_path: Path
) -> None:
    def add_weights(name: str, run_id: str | None) -> str:
        file = tmp_path / f"{name}.safetensors"
        file.write_text(name)
        return store.add_checkpoint(
            file,
            network=NetworkSpec("unet", 1, 3, {"width": 0.25}),
            pipeline=LIVER_PIPELINE,
            scheme=DEFAULT_SCHEME,
            name=name,
            run_id=run_id,
        ).id

    for run_id in ("r1", "r2", "r3"):
        store.add_run(replace(RUN, id=run_id, state=RunState.DONE))
        (store.run_folder(run_id) / "log").write_text(run_id)
    folds = [add_weights(f"fold {n}", "r1") for n in (1, 2)]
    used = add_weights("in use", "r2")
    other = add_weights("of another run", "r3")
    foreign = add_weights("from a file", None)
    store.adopt(used, "ann", "better")
    files = {c.id: store.blob_path(c.blob) for c in store.checkpoints()}
    assert store.delete_run("r1"), "all its weights went, too"
    assert [r.id for r in store.runs()] == ["r2", "r3"]
    assert [c.id for c in store.checkpoints()] == [used, other, foreign]
    assert [files[c].exists() for c in (*folds, used, other, foreign)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert not (store.folder / "runs" / "r1").exists()
    assert (store.folder / "runs" / "r2" / "log").exists()
    assert not store.delete_run("r2"), "its weights are in use"
    assert [c.id for c in store.checkpoints()] == [used, other, foreign]
    assert [r.id for r in store.runs()] == ["r3"]
    store.update_run("r3", state=RunState.RUNNING)
    with pytest.raises(InputError, match="going on"):
        store.delete_run("r3")
