"""``medlab export-run`` and ``delete-run``."""

from __future__ import annotations

import json

import pytest

from medlab_gui.commands.checkpoints import register_weights
from medlab_gui.commands.runs_ import (
    DELETE_RUN,
    EXPORT_RUN,
    DeleteRunParams,
    ExportRunParams,
    run_delete,
    run_export,
)
from medlab_gui.core.errors import InputError
from medlab_gui.core.records import Run, RunState
from medlab_gui.learning.checkpoint import read_meta
from tests.projects import tiny_weights


@pytest.fixture
def trained(small_project, tmp_path):
    """A run with weights that nothing rests on, and its files."""
    import torch
    from safetensors.torch import load

    from medlab_gui.learning.checkpoint import save_checkpoint

    made = tiny_weights(tmp_path / "made.safetensors")
    before = load(made.read_bytes())  # not mapped: Windows replaces no mapped file
    state = {k: v + 0.01 for k, v in before.items() if v.is_floating_point()}
    whole = {**before, **state}
    assert isinstance(next(iter(whole.values())), torch.Tensor)
    save_checkpoint(made, whole, read_meta(made))
    with small_project.ctx.store() as store:
        store.add_run(
            Run(
                id="abc123",
                kind="fine-tune",
                spec={"batch": 4},
                state=RunState.DONE,
                seed=0,
                code_version="0",
                started="2026-01-01T00:00:00+00:00",
                parent_checkpoint=store.current_checkpoint().id,
            )
        )
        checkpoint = register_weights(store, made, run_id="abc123")
        store.update_run("abc123", checkpoint=checkpoint.id)
        folder = store.run_folder("abc123")
    (folder / "history.json").write_text("[]", encoding="utf-8")
    (folder / "resume.pt").write_bytes(b"x")
    return small_project, checkpoint


def test_a_run_is_exported_whole(trained, tmp_path):
    project, checkpoint = trained
    out = tmp_path / "out"
    told = run_export(ExportRunParams("abc123", str(out)), project.ctx)
    names = {"run.json", "history.json", "checkpoint.safetensors", "checkpoint.md"}
    assert set(told["files"]) == names == {p.name for p in out.iterdir()}
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert (record["id"], record["state"]) == ("abc123", "done")
    assert record["checkpoint"] == checkpoint.id
    assert read_meta(out / "checkpoint.safetensors").name == checkpoint.name
    assert str(out) in EXPORT_RUN.text(told)
    with pytest.raises(InputError, match="holds a run already"):
        run_export(ExportRunParams("abc123", str(out)), project.ctx)
    with pytest.raises(InputError, match="no run 'gone'"):
        run_export(ExportRunParams("gone", str(tmp_path / "o")), project.ctx)


def test_a_deleted_run_takes_weights_along_that_nothing_rests_on(trained):
    project, checkpoint = trained
    with project.ctx.store() as store:
        blob, folder = store.blob_path(checkpoint.blob), store.run_folder("abc123")
    told = run_delete(DeleteRunParams("abc123"), project.ctx)
    assert told["weights_deleted"] is True
    assert "and its weights" in DELETE_RUN.text(told)
    with project.ctx.store() as store:
        assert store.runs() == ()
        assert checkpoint.id not in {c.id for c in store.checkpoints()}
    assert not blob.exists()
    assert not folder.exists()
    with pytest.raises(InputError, match="no run"):
        run_delete(DeleteRunParams("abc123"), project.ctx)


@pytest.mark.parametrize("why", ["in use", "was in use", "parent"])
def test_weights_that_something_rests_on_stay(trained, why):
    project, checkpoint = trained
    with project.ctx.store() as store:
        before = store.current_checkpoint()
        if why == "parent":
            other = Run("def", "fine-tune", {}, RunState.DONE, 0, "0", "2026")
            store.add_run(
                Run(
                    **{
                        **{f: getattr(other, f) for f in other.__slots__},
                        "parent_checkpoint": checkpoint.id,
                    }
                )
            )
        else:
            store.adopt(checkpoint.id, "me", "try")
        if why == "was in use":
            store.adopt(before.id, "me", "back")
    told = run_delete(DeleteRunParams("abc123"), project.ctx)
    assert told["weights_deleted"] is False
    assert "its weights stay" in DELETE_RUN.text(told)
    with project.ctx.store() as store:
        assert store.blob_path(checkpoint.blob).exists()
        assert "abc123" not in {r.id for r in store.runs()}


def test_a_run_that_goes_on_is_not_deleted(trained):
    from filelock import FileLock

    project, _checkpoint = trained
    with project.ctx.store() as store:
        store.update_run("abc123", state=RunState.RUNNING)
        folder = store.run_folder("abc123")
    with (
        FileLock(folder / "alive.lock"),
        pytest.raises(InputError, match="cancel it first"),
    ):
        run_delete(DeleteRunParams("abc123"), project.ctx)
