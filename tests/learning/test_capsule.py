from __future__ import annotations

import json
from dataclasses import replace

import pytest

from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.core.specs import PipelineSpec, Step
from medlab_gui.core.training import Phase
from medlab_gui.learning.capsule import (
    compare_runs,
    gone_on_with,
    read_capsule,
    slice_prints,
)
from medlab_gui.learning.dataset import ArraySource, SliceKey, Subset
from medlab_gui.learning.train import train
from tests.learning.conftest import (
    SCHEME,
    disc_scan,
    disc_source,
    judge_source,
    train_spec,
)


def run(folder, spec=None, source=None):
    return train(
        spec or train_spec(phases=(Phase("all", 1, 3e-3),)),
        SCHEME,
        source or disc_source(4, seed=1),
        judge_source(2),
        folder=folder,
        device="cpu",
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    run(folder)
    return folder


def test_a_capsule_holds_all_that_repeats_a_run(first):
    spec, content = read_capsule(first)
    assert spec == train_spec(phases=(Phase("all", 1, 3e-3),))
    assert content["data"]["training"] == slice_prints(disc_source(4, seed=1))
    assert content["data"]["validation"] == slice_prints(judge_source(2))
    environment = content["environment"]
    assert {"medlab", "code", "python", "torch", "numpy", "threads"} <= set(environment)
    assert len(environment["code"]) == 64
    assert content["metrics"]["validation"]["n_slices"] == 2
    assert content["started"] <= content["finished"]
    for name in ("checkpoint.safetensors", "checkpoint.md", "history.json", "log.txt"):
        assert (first / name).stat().st_size > 0
    log = (first / "log.txt").read_text()
    for said in ("Began with epoch 1", "slices at once need", "Epoch 1: loss", "Done."):
        assert said in log
    card = (first / "checkpoint.md").read_text()
    assert "learned from 4 slices; 2 others chose" in card


def test_going_on_with_other_software_is_told(first, tmp_path):
    _spec, content = read_capsule(first)
    now = content["environment"]
    assert gone_on_with(first, now, 3) == ""
    told = gone_on_with(first, {**now, "torch": "0.1", "processors": 99}, 3)
    assert "From epoch 3 on" in told
    assert "(torch)" in told
    assert gone_on_with(first, {**now, "torch": "0.1"}, 1) == ""
    assert "nothing written down" in gone_on_with(tmp_path, now, 2)


def test_a_run_that_went_on_with_other_software_says_so(tmp_path):
    class StopError(Exception):
        pass

    def stop(done, total=0, message="", data=None):
        if data is not None and data["epoch"] == 2:
            raise StopError

    spec = train_spec(phases=(Phase("all", 2, 3e-3),))
    options = {"folder": tmp_path, "device": "cpu"}
    sides = disc_source(4, seed=1), judge_source(2)
    with pytest.raises(StopError):
        train(spec, SCHEME, *sides, progress=stop, **options)
    capsule = tmp_path / "capsule.json"
    content = json.loads(capsule.read_text())
    content["environment"]["code"] = "that of yesterday"
    capsule.write_text(json.dumps(content))
    result = train(spec, SCHEME, *sides, resume=True, **options)
    (told,) = (note for note in result.notes if "other software" in note)
    assert "From epoch 2 on" in told
    assert told in result.checkpoint.with_suffix(".md").read_text()


def test_the_same_again_is_the_same(first, tmp_path):
    run(tmp_path)
    found = compare_runs(first, tmp_path)
    assert found["same"]
    assert found["environment"] == {}
    assert found["largest_weight_difference"] == found["largest_loss_difference"] == 0


def test_another_seed_is_not_the_same(first, tmp_path):
    run(tmp_path, train_spec(phases=(Phase("all", 1, 3e-3),), seed=5))
    found = compare_runs(first, tmp_path)
    assert not found["same"]
    assert not found["same_recipe"]
    assert found["same_data"]
    assert found["largest_weight_difference"] > 0


def test_other_data_and_another_machine_are_told(first, tmp_path):
    changed = disc_scan(4, seed=1)
    changed.data[0, 0, 0] += 1
    run(tmp_path, source=ArraySource({"s": changed}))
    capsule = tmp_path / "capsule.json"
    content = json.loads(capsule.read_text())
    content["environment"]["torch"] = "1.0"
    capsule.write_text(json.dumps(content))
    found = compare_runs(first, tmp_path)
    assert not found["same_data"]
    assert found["environment"]["torch"][1] == "1.0"


def test_all_that_a_network_sees_of_a_scan_is_in_the_fingerprints():
    """Neighbours of a slice need no labels, and still change what is learned."""
    source = disc_source(6, seed=1)
    part = Subset(source, [SliceKey("s", 0), SliceKey("s", 3)])
    changed = disc_scan(6, seed=1)
    changed.data[2] += 1
    other = Subset(ArraySource({"s": changed}), part.keys)
    flat = train_spec()
    assert slice_prints(part, flat) == slice_prints(other, flat) == slice_prints(part)
    three = replace(flat, network=replace(flat.network, in_channels=3))
    own, theirs = slice_prints(part, three), slice_prints(other, three)
    assert own[0] == theirs[0], "its neighbours are itself and slice 1"
    assert own[0]["neighbours"][0] == own[0]["image"]
    assert own[1]["neighbours"][0] != theirs[1]["neighbours"][0]
    assert own[1]["neighbours"][1] == theirs[1]["neighbours"][1]
    n4 = replace(flat, pipeline=PipelineSpec((Step("n4", {}),)))
    assert slice_prints(part, n4)[0]["scan"] != slice_prints(other, n4)[0]["scan"]


def test_what_is_no_run_gets_a_sentence(first, tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        read_capsule(tmp_path)
    (tmp_path / "capsule.json").write_text("{")
    with pytest.raises(DamagedFileError, match="is damaged"):
        read_capsule(tmp_path)
    run(tmp_path)
    (tmp_path / "history.json").unlink()
    with pytest.raises(DamagedFileError, match="was it finished"):
        compare_runs(first, tmp_path)
