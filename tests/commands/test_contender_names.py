from __future__ import annotations

import pytest

from medlab_gui.commands.contender_names import readable_names, split_names
from medlab_gui.core.errors import InputError
from medlab_gui.core.records import Run, RunState


def add(store, run_id, network, seed=0):
    spec = {"network": {"name": network}}
    told = (RunState.DONE, seed, "0", "2026-01-01T00:00:00+00:00")
    store.add_run(Run(run_id, "train", spec, *told))


def named(text, store):
    return [name for name, _place in readable_names(split_names(text), store)]


def test_trainings_without_a_name_are_not_called_by_their_ids(small_project):
    with small_project.ctx.store() as store:
        current = store.current_checkpoint()
        for run_id, network, seed in (("a1", "unet", 0), ("b2", "unet", 1),
                                      ("c3", "segnet", 0)):  # fmt: skip
            add(store, run_id, network, seed)
        assert named("a1\nb2\nc3", store) == ["unet, seed 0", "unet, seed 1", "segnet"]
        assert named("a1", store) == ["unet"]
        assert named(f"Mine=a1\n{current.id}", store) == ["Mine", current.name]
        found = readable_names(split_names("a1\nc3"), store)
        assert [place for _name, place in found] == ["a1", "c3"]
        # A name that somebody gave is nobody else's.
        assert named("unet=b2\na1", store) == ["unet", "a1"]
    assert readable_names([("a1", "a1")], None) == [("a1", "a1")]


def test_two_of_one_name_are_refused():
    with pytest.raises(InputError, match="Two networks are called 'A'"):
        split_names("A=x\nA=y")
