from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medlab_gui.core.errors import InputError, StoreError
from medlab_gui.core.specs import LIVER_PIPELINE, NetworkSpec
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = NetworkSpec("unet", 1, 3, {"width": 0.25})


def add(store: ProjectStore, folder: Path, name: str, **more: object) -> str:
    file = folder / f"{name}.safetensors"
    file.write_text(name)
    made = store.add_checkpoint(
        file,
        network=NETWORK,
        pipeline=LIVER_PIPELINE,
        scheme=DEFAULT_SCHEME,
        name=name,
        **more,  # type: ignore[arg-type]
    )
    return made.id


def test_a_checkpoint_comes_back_as_it_went_in(
    store: ProjectStore, tmp_path: Path
) -> None:
    parent = add(store, tmp_path, "first")
    metrics = {"dice": {"Liver": 0.9, "Spleen": None}}
    made = store.checkpoint(
        add(
            store,
            tmp_path,
            "second",
            inplane_mm=1.5,
            metrics=metrics,
            epoch=7,
            run_id="r",
            parent=parent,
        )
    )
    assert made.network == NETWORK
    assert made.pipeline == LIVER_PIPELINE
    assert made.scheme == DEFAULT_SCHEME
    assert (made.inplane_mm, made.metrics, made.epoch) == (1.5, metrics, 7)
    assert (made.run_id, made.parent, made.name) == ("r", parent, "second")
    assert store.blob_path(made.blob).read_text() == "second"
    assert made.sha256 == made.blob
    assert [c.name for c in store.checkpoints()] == ["first", "second"]


def test_the_same_file_is_the_same_checkpoint(
    store: ProjectStore, tmp_path: Path
) -> None:
    assert add(store, tmp_path, "one") == add(store, tmp_path, "one")
    assert len(store.checkpoints()) == 1


def test_weights_are_adopted_and_there_is_a_way_back(
    store: ProjectStore, tmp_path: Path
) -> None:
    old, new = add(store, tmp_path, "old"), add(store, tmp_path, "new")
    assert store.current_checkpoint() is None
    assert store.previous_checkpoint() is None
    store.adopt(old, "ann", "the starter")
    assert store.current_checkpoint() == store.checkpoint(old)
    assert store.previous_checkpoint() is None
    store.adopt(new, "ann", "better")
    store.adopt(new, "bob", "again: nothing to do")
    assert store.previous_checkpoint() == store.checkpoint(old)
    store.adopt(old, "bob", "back")
    assert store.current_checkpoint() == store.checkpoint(old)
    assert store.previous_checkpoint() == store.checkpoint(new)
    found = [
        (a.checkpoint_id, a.previous_id, a.author, a.reason) for a in store.adoptions()
    ]
    assert found == [
        (old, None, "ann", "the starter"),
        (new, old, "ann", "better"),
        (old, new, "bob", "back"),
    ]


def test_what_is_not_there_is_said(store: ProjectStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint 'x'"):
        store.adopt("x", "ann", "why")
    with pytest.raises(StoreError, match="cannot be read"):
        store.add_checkpoint(
            tmp_path / "gone",
            network=NETWORK,
            pipeline=LIVER_PIPELINE,
            scheme=DEFAULT_SCHEME,
            name="gone",
        )
    assert store.adoptions() == ()
    assert store.checkpoints() == ()
