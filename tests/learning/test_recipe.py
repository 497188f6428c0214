from __future__ import annotations

import json

import numpy as np
import pytest

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.resources import resource
from medlab_gui.core.training import TrainSpec
from medlab_gui.learning.checkpoint import load_checkpoint, read_meta
from medlab_gui.learning.recipe import read_recipe, train_recipe
from tests.learning.conftest import SCHEME, disc_scan, train_spec


@pytest.fixture
def recipe_file(tmp_path):
    for name in ("a.nii", "a_mask.nii", "b.nii", "b_mask.nii"):
        (tmp_path / name).touch()
    content = {
        "name": "Discs",
        "scheme": SCHEME.to_dict(),
        "spec": train_spec().to_dict(),
        "data": [
            {
                "image": "a.nii",
                "mask": "a_mask.nii",
                "map": {"7": 1, "*": 255},
                "use": "train",
                "validation_slices": [2, 3],
                "what": "a drawn scan",
            },
            {"image": "b.nii", "mask": "b_mask.nii", "map": {}, "use": "test"},
        ],
        "about": {"truth": "Drawn by a program.", "licence": "None needed."},
    }
    path = tmp_path / "discs.recipe.json"
    path.write_text(json.dumps(content))
    return path


def change(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def load(item):
    scan = disc_scan(8, seed=len(item.image.name) + ord(item.image.name[0]))
    return scan.data, scan.labels.astype(np.int64), scan.spacing, {}


def test_a_recipe_is_read(recipe_file):
    recipe = read_recipe(recipe_file)
    assert (recipe.name, recipe.scheme, recipe.spec) == ("Discs", SCHEME, train_spec())
    first, second = recipe.items
    assert first.image == recipe_file.parent / "a.nii"
    assert first.class_map == {7: 1, "*": 255}
    assert first.validation_slices == (2, 3)
    assert (second.use, second.validation_slices) == ("test", None)


def test_it_trains_tests_and_writes_the_card(recipe_file, tmp_path):
    recipe = read_recipe(recipe_file)
    result = train_recipe(recipe, load, tmp_path / "run", "cpu")
    meta = read_meta(result.checkpoint)
    assert meta.card["n_training_slices"] == 4, "8 less 2 and a neighbour on each side"
    assert meta.metrics == result.metrics
    assert meta.metrics["validation"]["n_slices"] == 2
    assert meta.metrics["test"]["n_slices"] == 8
    card = result.checkpoint.with_suffix(".md").read_text()
    for text in ("Drawn by a program.", "a drawn scan", "Not for clinical use", "8"):
        assert text in card
    load_checkpoint(result.checkpoint)


def test_a_whole_scan_chooses_the_epoch(recipe_file, tmp_path):
    first, second = json.loads(recipe_file.read_text())["data"]
    del first["validation_slices"]
    second["use"] = "validate"
    change(recipe_file, data=[first, second])
    result = train_recipe(read_recipe(recipe_file), load, tmp_path / "run", "cpu")
    meta = read_meta(result.checkpoint)
    assert meta.card["n_training_slices"] == 8
    assert meta.metrics["validation"]["n_slices"] == 8
    assert "test" not in meta.metrics
    assert (
        "| validate | b.nii | 8 |" in result.checkpoint.with_suffix(".md").read_text()
    )
    change(recipe_file, data=[first, {**second, "patient": "a.nii"}])
    with pytest.raises(SpecError, match=r"a\.nii both to train and to validate"):
        read_recipe(recipe_file)
    change(recipe_file, data=[first, {**second, "validation_slices": [0, 1]}])
    with pytest.raises(SpecError, match="found use 'validate'"):
        read_recipe(recipe_file)


def test_the_same_recipe_makes_the_same_file(recipe_file, tmp_path):
    recipe = read_recipe(recipe_file)
    files = [
        train_recipe(recipe, load, tmp_path / n, "cpu").checkpoint.read_bytes()
        for n in "ab"
    ]
    assert files[0] == files[1]


def test_slices_that_are_not_there_get_a_sentence(recipe_file, tmp_path):
    data = json.loads(recipe_file.read_text())["data"]
    data[0]["validation_slices"] = [2, 30]
    change(recipe_file, data=data)
    with pytest.raises(SpecError, match=r"end at 30, but a\.nii has 8"):
        train_recipe(read_recipe(recipe_file), load, tmp_path / "run", "cpu")


def test_masks_outside_the_scheme_get_a_sentence(recipe_file, tmp_path):
    def wrong(item):
        data, labels, spacing, unnamed = load(item)
        return data, labels + 5, spacing, unnamed

    with pytest.raises(InputError, match=r"mask of a\.nii holds \[5, 6, 7\]"):
        train_recipe(read_recipe(recipe_file), wrong, tmp_path / "run", "cpu")


def test_values_that_map_does_not_name_are_told_the_largest_first(
    recipe_file, tmp_path
):
    def load_odd(item):
        few = {3: 1, 255: 2, **dict.fromkeys(range(20, 30), 5)}
        return *load(item)[:3], few if item.use == "train" else {3: 1234}

    recipe = read_recipe(recipe_file)
    result = train_recipe(recipe, load_odd, tmp_path / "run", "cpu")
    (note,) = (text for text in result.notes if "'map'" in text)
    assert "3 (1,235 voxels in 2 masks), 20 (5 voxels in a_mask.nii), 21" in note
    assert "26 (5 voxels in a_mask.nii), 4 more. Name" in note
    assert note in result.checkpoint.with_suffix(".md").read_text()
    assert note in (tmp_path / "run" / "log.txt").read_text()
    plain = train_recipe(recipe, load, tmp_path / "plain", "cpu")
    assert not [text for text in plain.notes if "'map'" in text]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"spec": {}}, "A training recipe lacks network; it needs network"),
        ({"scheme": {}}, r"not a list of classes \(it lacks 'classes'\)"),
        ({"scheme": []}, "a name and a list of classes"),
        ({"name": None}, "'name' is text; found None"),
        ({"about": "mine"}, "'about' is a JSON object; found 'mine'"),
        ({"nme": "x"}, r"recipe\.json: A recipe does not know nme.*mean 'name'"),
        ({"data": [{"use": "train"}]}, "scan of a recipe lacks image, mask, map"),
        ({"data": [{}]}, "'use' is one of train, validate, test"),
        ({"data": [{"use": "play"}]}, "'play'"),
        ({"data": [{"use": "validat"}]}, "'validat'.*'validate'"),
        ({"data": []}, "names nothing that chooses the epoch"),
        ({"data": 3}, "'data' is a list; found 3"),
    ],
)
def test_a_wrong_recipe_gets_a_sentence(recipe_file, changes, match):
    change(recipe_file, **changes)
    with pytest.raises(SpecError, match=match):
        read_recipe(recipe_file)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"image": 5}, SpecError, "'image' is text; found 5"),
        ({"image": ""}, InputError, "recipe's scan  is neither"),
        ({"image": "."}, InputError, "neither"),
        ({"mask": None}, SpecError, "'mask' is text"),
        ({"patient": 7}, SpecError, "'patient' is text; found 7"),
        ({"map": [1]}, SpecError, "'map' is a JSON object"),
        ({"map": {"x": 1}}, SpecError, "value in the mask file.*found 'x'"),
        ({"map": {"1": 1.5}}, SpecError, r"'map' is a whole number.*found 1\.5"),
        ({"map": {"1": 300}}, SpecError, "from 0 to 255; found 300"),
        ({"validation_slices": []}, SpecError, r"\[first, last\]; found \[\]"),
        ({"validation_slices": [5]}, SpecError, r"\[first, last\]; found \[5\]"),
        ({"validation_slices": [0, 1, 2]}, SpecError, r"\[first, last\]"),
        ({"validation_slices": [3, 1]}, SpecError, r"\[first, last\]"),
        ({"validation_slices": [1.5, 2]}, SpecError, r"whole number.*found 1\.5"),
        ({"validation_slices": "ab"}, SpecError, "is a list; found 'ab'"),
    ],
)
def test_a_wrong_scan_of_a_recipe_gets_a_sentence(recipe_file, changes, error, match):
    data = json.loads(recipe_file.read_text())["data"]
    change(recipe_file, data=[{**data[0], **changes}])
    with pytest.raises(error, match=match):
        read_recipe(recipe_file)


def test_what_is_no_recipe_gets_a_sentence(tmp_path, recipe_file):
    with pytest.raises(InputError, match="cannot be read"):
        read_recipe(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("liver")
    with pytest.raises(SpecError, match="not JSON"):
        read_recipe(tmp_path / "text.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(SpecError, match="not JSON"):
        read_recipe(tmp_path / "deep.json")
    (tmp_path / "b.nii").unlink()
    with pytest.raises(InputError, match=r"b\.nii is neither"):
        read_recipe(recipe_file)


def test_the_shipped_recipe_is_that_of_the_shipped_weights():
    recipe = read_recipe(resource("models", "abdomen_starter.recipe.json"))
    weights = resource("models", "abdomen_starter.safetensors")
    meta = read_meta(weights)
    assert meta.network == recipe.spec.network
    assert meta.pipeline == recipe.spec.pipeline
    assert meta.scheme == recipe.scheme
    assert [c.name for c in meta.scheme.classes] == ["Liver", "Spleen"]
    assert TrainSpec.from_dict(meta.card["recipe"]) == recipe.spec
    assert weights.stat().st_size <= 20_000_000
    load_checkpoint(weights)
    card = resource("models", "abdomen_starter.md").read_text(encoding="utf-8")
    assert "Not for clinical use" in card
    judged = {
        name: meta.metrics[name]
        for name in ("validation", "test")
        if name in meta.metrics
    }
    assert judged["validation"]["n_slices"] == meta.card["n_validation_slices"]
    has_test = any(item.use == "test" for item in recipe.items)
    assert ("test" in judged) == has_test
    for scores in judged.values():
        assert f"| mean | {scores['mean_dice']:.3f} |" in card
    assert recipe.about == {k: meta.card[k] for k in recipe.about}
    assert [d["use"] for d in meta.card["data"]] == [i.use for i in recipe.items]
    n_judges = sum(
        last - first + 1
        for first, last in (
            i.validation_slices for i in recipe.items if i.validation_slices
        )
    )
    assert n_judges == meta.card["n_validation_slices"]
