from __future__ import annotations

import pytest

from medlab_gui.commands.adopt import ADOPT, AdoptParams, run
from medlab_gui.commands.checkpoints import register_weights
from medlab_gui.commands.list_ import LIST, ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.core.errors import CheckpointError, InputError
from medlab_gui.core.records import Run, RunState
from tests.projects import tiny_weights


@pytest.fixture
def second(small_project, tmp_path):
    """Other weights of the same classes."""
    import torch

    from medlab_gui.learning.checkpoint import load_checkpoint, save_checkpoint

    meta, state = load_checkpoint(small_project.weights)
    path = tmp_path / "second.safetensors"
    save_checkpoint(path, {k: torch.zeros_like(v) for k, v in state.items()}, meta)
    return path


def test_there_and_back(small_project, second):
    ctx = small_project.ctx
    with ctx.store() as store:
        first = store.current_checkpoint().id
    told = run(AdoptParams(str(second)), ctx)
    assert told["before"] == first
    assert told["checkpoint"] != first
    assert repr(told["name"]) in ADOPT.text(told)
    assert run(AdoptParams("previous"), ctx)["checkpoint"] == first
    assert run(AdoptParams(told["checkpoint"]), ctx)["before"] == first
    listed = list_(ListParams(), ctx)
    assert [c["in_use"] for c in listed["checkpoints"]] == [False, True]
    words = LIST.text(listed)
    assert f"[{first}]" in words
    assert "8 labelled" not in words
    assert "11 labelled    3 locked" in words


def test_the_same_file_again_is_the_same_checkpoint(small_project):
    told = run(AdoptParams(str(small_project.weights)), small_project.ctx)
    assert told["checkpoint"] == told["before"]
    with small_project.ctx.store() as store:
        assert len(store.adoptions()) == 1


def test_weights_that_cannot_be_used(small_project, tmp_path):
    ctx = small_project.ctx
    other = tiny_weights(tmp_path / "lungs.safetensors", ("Lung", "Heart"))
    swapped = tiny_weights(tmp_path / "swapped.safetensors", ("Spleen", "Liver"))
    text = tmp_path / "text.safetensors"
    text.write_text("not weights", encoding="utf-8")
    for choice, said in (
        (str(other), "other classes"),
        (str(swapped), "other classes"),
        (str(text), "text.safetensors"),
        ("nothing", "neither a file nor weights"),
    ):
        with pytest.raises(CheckpointError, match=said):
            run(AdoptParams(choice), ctx)
    with pytest.raises(InputError, match="no earlier weights"):
        run(AdoptParams("previous"), ctx)
    with ctx.store() as store:
        assert len(store.checkpoints()) == 1, "nothing was taken in"


@pytest.mark.parametrize("new", [0.4, 0.8])
def test_who_takes_refused_weights_is_told_so(small_project, second, new):
    comparison = {
        "old": {"mean_dice": 0.5},
        "new": {"mean_dice": new},
        "reason": f"Dice 0.5000 -> {new}.",
    }
    made = Run(
        id="r",
        kind="fine-tune",
        spec={},
        state=RunState.DONE,
        seed=0,
        code_version="0",
        started="2024-05-01T10:00:00+00:00",
        comparison=comparison,
    )
    with small_project.ctx.store() as store:
        store.add_run(made)
        weights = register_weights(store, second, run_id="r")
    told = run(AdoptParams(weights.id), small_project.ctx)
    worse = " Dice 0.5000 -> 0.4." if new < 0.5 else ""
    assert told["reason"] == f"Chosen by hand.{worse}"
    assert ADOPT.text(told).endswith(told["reason"])
    with small_project.ctx.store() as store:
        assert store.adoptions()[-1].reason == told["reason"], "it is on record"
