from __future__ import annotations

import json

import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.predict import PredictParams
from medlab_gui.commands.predict import run as predict
from medlab_gui.commands.recipe import follow_recipe
from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Step
from medlab_gui.core.training import Phase, TrainSpec
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
    from medlab_gui.commands.train import TRAIN, TrainParams, run

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
