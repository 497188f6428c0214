from __future__ import annotations

import json

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.predict import PredictParams
from medlab_gui.commands.predict import run as predict
from medlab_gui.commands.recipe import follow_recipe
from medlab_gui.commands.train import TRAIN, TrainParams, run
from medlab_gui.commands.train_runs import alive
from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Step
from medlab_gui.core.training import Phase, TrainSpec
from medlab_gui.io import read_mask, write_image
from medlab_gui.learning.capsule import compare_runs, read_capsule
from tests.projects import ball_files


@pytest.fixture
def recipe(tmp_path):
    image, mask = ball_files(tmp_path)
    spec = TrainSpec(
        NetworkSpec("unet", n_classes=2, options={"width": 0.0625}),
        PipelineSpec((Step("window", {"level": 40.0, "width": 400.0}),)),
        phases=(Phase("all", 1, 1e-3),),
    )
    content = {
        "name": "Balls",
        "scheme": LabelScheme.from_names("Ball", ["Ball"]).to_dict(),
        "spec": spec.to_dict(),
        "data": [
            {
                "image": image.name,
                "mask": mask.name,
                "map": {"1": 1},
                "use": "train",
                "validation_slices": [12, 14],
            }
        ],
    }
    file = tmp_path / "balls.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_weights_and_card_are_written_and_work(recipe, tmp_path):
    out = tmp_path / "balls.safetensors"
    told = follow_recipe(str(recipe), str(out), Context(device="cpu"))
    assert told["epochs"] == 1
    card = (tmp_path / "balls.md").read_text(encoding="utf-8")
    assert told["card"] == str(tmp_path / "balls.md")
    assert "Balls" in card
    assert "mean_dice" in str(told["metrics"])
    seen = predict(
        PredictParams(
            str(tmp_path / "ball.nii.gz"),
            checkpoint=str(out),
            output=str(tmp_path / "m.nii"),
        ),
        Context(device="cpu"),
    )
    assert [c["name"] for c in seen["classes"]] == ["Ball"]
    left = {p.name for p in tmp_path.iterdir() if p.is_file()}
    assert left == {
        *("ball.nii.gz", "ball_mask.nii.gz", "balls.json"),
        *("balls.safetensors", "balls.md", "m.nii"),
    }


def test_what_map_does_not_name_is_told_unless_it_says_so(recipe, tmp_path):
    """It was background without a word: a slip in 'map' taught what is wrong."""
    values, grid = read_mask(tmp_path / "ball_mask.nii.gz")
    values[3:5, :10, :10] = 7
    values[4, :10, 10] = 255
    write_image(tmp_path / "odd.nii.gz", values.astype(np.uint8), grid)
    content = json.loads(recipe.read_text(encoding="utf-8"))
    content["data"][0]["mask"] = "odd.nii.gz"
    said = {}
    for name, more in (
        ("silent", {}),
        ("meant", {"*": 0}),
        ("named", {"7": 0, "255": 255}),
    ):
        content["data"][0]["map"] = {"1": 1, **more}
        recipe.write_text(json.dumps(content), encoding="utf-8")
        out = tmp_path / f"{name}.safetensors"
        said[name] = follow_recipe(str(recipe), str(out), Context(device="cpu"))
    told = TRAIN.text(said["silent"])
    assert (
        "background: 7 (200 voxels in odd.nii.gz), 255 (10 voxels in odd.nii.gz)"
        in told
    )
    assert not [n for s in ("meant", "named") for n in said[s]["notes"] if "map" in n]


def stopped(recipe, out, when):
    """Follow a recipe up to a step, then cancel; return what the person reads."""

    class Stopping(Context):
        def progress(self, done, total=0, message="", data=None):
            if when(message, data):
                raise Cancelled

    with pytest.raises(Cancelled) as stop:
        follow_recipe(str(recipe), str(out), Stopping(device="cpu"))
    return str(stop.value)


def with_epochs(recipe, n):
    """Return a recipe's content, which is written with so many epochs."""
    content = json.loads(recipe.read_text(encoding="utf-8"))
    content["spec"]["phases"][0]["epochs"] = n
    recipe.write_text(json.dumps(content), encoding="utf-8")
    return content


def test_what_was_cancelled_goes_on_to_the_same_weights(recipe, tmp_path):
    with_epochs(recipe, 3)
    whole, out = tmp_path / "whole.safetensors", tmp_path / "balls.safetensors"
    follow_recipe(str(recipe), str(whole), Context(device="cpu"))
    left = tmp_path / "balls.unfinished"
    said = stopped(recipe, out, lambda _, data: data and data["epoch"] == 3)
    assert said == f"`medlab train --resume {left}` goes on."
    assert not out.exists()
    # Neither is it lost by the same command again, nor touched while it goes on.
    with pytest.raises(InputError, match=r"--resume .*balls\.unfinished` goes on"):
        follow_recipe(str(recipe), str(out), Context(device="cpu"))
    with alive(left), pytest.raises(InputError, match="another process"):
        run(TrainParams(resume=str(left)), Context(device="cpu"))
    told = run(TrainParams(resume=str(left)), Context(device="cpu"))
    assert told["output"] == str(out)
    assert told["epochs"] == 3
    assert not left.exists()
    assert read_capsule(tmp_path / "balls.run")[1]["resumed"]
    found = compare_runs(tmp_path / "whole.run", tmp_path / "balls.run")
    assert found["same"], found
    assert {p.name for p in (tmp_path / "balls.run").iterdir()} == {
        p.name for p in (tmp_path / "whole.run").iterdir()
    }


def test_what_was_cancelled_before_an_epoch_leaves_nothing(recipe, tmp_path):
    out = tmp_path / "balls.safetensors"
    before = set(tmp_path.iterdir())
    said = stopped(recipe, out, lambda message, _: message.startswith("Preparing"))
    assert said == ""
    assert set(tmp_path.iterdir()) == before


def test_a_resume_of_what_is_none_gets_a_sentence(recipe, tmp_path):
    content = with_epochs(recipe, 2)
    with pytest.raises(InputError, match="no training that was stopped"):
        run(TrainParams(resume=str(tmp_path)), Context(device="cpu"))
    out = tmp_path / "balls.safetensors"
    stopped(recipe, out, lambda _, data: data and data["epoch"] == 2)
    left = tmp_path / "balls.unfinished"
    kept = json.loads((left / "recipe.json").read_text(encoding="utf-8"))
    kept["spec"] = {**content["spec"], "seed": 7}
    (left / "recipe.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(InputError, match="recipe have changed"):
        run(TrainParams(resume=str(left)), Context(device="cpu"))
    assert (left / "state.pt").exists()


def test_recipes_and_outputs_that_are_wrong(recipe, tmp_path):
    out = str(tmp_path / "w.safetensors")
    letter = tmp_path / "letter.json"
    letter.write_text("Dear all", encoding="utf-8")
    for file, target, error, said in (
        (recipe, "", InputError, "--output"),
        (recipe, str(tmp_path / "w.pth"), InputError, "must end in"),
        (recipe, str(tmp_path / "no" / "w.safetensors"), InputError, "not exist"),
        (letter, out, SpecError, "not a recipe"),
        (tmp_path / "gone.json", out, InputError, "gone.json"),
    ):
        with pytest.raises(error, match=said):
            follow_recipe(str(file), target, Context(device="cpu"))
    (tmp_path / "ball.nii.gz").unlink()
    with pytest.raises(InputError, match=r"ball\.nii\.gz"):
        follow_recipe(str(recipe), out, Context(device="cpu"))
    assert not (tmp_path / "w.safetensors").exists()


def test_a_recipes_run_is_kept_and_repeats(recipe, tmp_path):
    out = tmp_path / "balls.safetensors"
    told = follow_recipe(str(recipe), str(out), Context(device="cpu"))
    capsule = tmp_path / "balls.run"
    assert told["capsule"] == str(capsule)
    names = {p.name for p in capsule.iterdir()}
    assert {"recipe.json", "spec.json", "capsule.json", "log.txt"} <= names
    # Weights are kept once, and nothing to resume from: a recipe begins anew.
    assert not {"state.pt", "best.safetensors"} & names
    assert (capsule / "checkpoint.safetensors").read_bytes() == out.read_bytes()
    found = run(TrainParams(replay=str(capsule)), Context(device="cpu"))
    assert found["same"]
    assert "to the last bit" in TRAIN.text(found)
    # A training again takes the old folder's place.
    follow_recipe(str(recipe), str(out), Context(device="cpu"))
    assert "replay" not in {p.name for p in capsule.iterdir()}
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".balls")]
