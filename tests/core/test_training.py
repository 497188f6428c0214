from __future__ import annotations

import json

import pytest

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec, Resize
from medlab_gui.core.training import LossTerm, Phase, TrainSpec, with_settings
from medlab_gui.core.training_presets import read_training_preset, training_presets

NETWORK = NetworkSpec("unet", n_classes=3)
FULL = TrainSpec(
    NETWORK,
    phases=(Phase("head", 2, 1e-3, "head"), Phase("all", 0, 1e-4, ("enc",), steps=9)),
    loss=(LossTerm("dice"), LossTerm("focal", 0.5, {"gamma": 3})),
    class_weights=(0.1, 1.0, 2.0),
    batch=3,
    accumulate=2,
    augment="four-of-six",
    augment_options={"angle_deg": 5.0},
    optimiser="sgd",
    schedule="cosine",
    keep_at=(1, 5),
    encoder_weights="mine",
    transfer="all",
)


def test_every_value_goes_through_json_and_back():
    assert TrainSpec.from_dict(json.loads(FULL.to_json())) == FULL
    assert FULL.step_batch == 6


def test_a_recipe_of_an_older_version_starts_the_encoder():
    old = TrainSpec(NETWORK, encoder_weights="mine").to_dict()
    assert "transfer" not in old, "what was stored before can be resumed"
    assert TrainSpec.from_dict(old).transfer == "encoder"
    assert with_settings(TrainSpec(NETWORK), {"transfer": "all"}).transfer == "all"


def test_true_and_false_are_read_as_kinds_of_augmentation():
    assert TrainSpec(NETWORK, augment=True).augment == "usual"
    assert TrainSpec(NETWORK, augment=False).augment == "none"


def test_phases_in_steps_need_no_epochs():
    spec = TrainSpec.from_dict(
        {
            "network": {"name": "unet"},
            "phases": [{"name": "all", "steps": 50000, "lr": 3e-5}],
        }
    )
    assert (spec.phases[0].steps, spec.phases[0].epochs) == (50000, 0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"optimizer": "adam"},
            r"A training recipe does not know optimizer;.*mean 'optimiser'",
        ),
        ({"optimiser": "adm"}, r"one of adam, adamw, sgd; found 'adm'.*mean 'adam'"),
        ({"schedule": "cosin"}, r"epoch, step, cosine, plateau.*mean 'cosine'"),
        ({"augment": "4of6"}, r"usual, four-of-six, none; found '4of6'"),
        ({"augment": 3}, "found 3"),
        ({"precision": "half"}, "auto, float32"),
        ({"batch": 0}, "'batch' is a whole number of at least 1; found 0"),
        ({"batch": 2.5}, r"found 2\.5"),
        ({"batch": True}, "found True"),
        ({"seed": -1}, "'seed'"),
        ({"seed": 2**64}, "'seed' is a whole number from 0 to 2147483647"),
        ({"network": {"name": 5}}, "'name of the network' is text; found 5"),
        ({"network": {"name": "unet", "in_channels": "one"}}, "in_channels.*'one'"),
        ({"network": {"name": "unet", "in_channels": 1.5}}, r"in_channels.*1\.5"),
        ({"network": {"name": "unet", "n_classes": 1}}, "n_classes.* from 2 to 255"),
        ({"network": {"name": "unet", "options": None}}, "options.*JSON object"),
        ({"network": {}}, "A network of a recipe lacks name"),
        ({"phases": "all"}, "'phases' is a list; found 'all'"),
        ({"phases": [{"name": "a", "epochs": 1}]}, "A phase of a training lacks lr"),
        ({"phases": [{"name": 5, "epochs": 1, "lr": 0.1}]}, "name of a phase"),
        (
            {"phases": [{"name": "a", "epochs": 10**9, "lr": 0.1}]},
            "from 0 to 1000000; found",
        ),
        ({"phases": [{"name": "a", "steps": 10**9, "lr": 0.1}]}, "to 10000000"),
        (
            {"phases": [{"name": "a", "epochs": 1, "lr": 0.1, "trainable": 5}]},
            "trainable of the phase 'a'.* is a list; found 5",
        ),
        (
            {"phases": [{"name": "a", "epochs": 1, "lr": 1e6}]},
            "^lr of the phase 'a' is a number above 0 and below 10; found 1000000.0",
        ),
        ({"loss": [{}]}, "A part of a loss lacks name"),
        ({"keep_at": 5}, "'keep_at' is a list; found 5"),
        ({"class_weights": {}}, "'class_weights' is a list"),
        ({"decay": 0}, "'decay' is a number above 0 and up to 1; found 0"),
        ({"decay": 1.2}, r"found 1\.2"),
        ({"decay": float("nan")}, "found nan"),
        ({"decay": "0.9"}, r"found '0\.9'"),
        ({"ema": 1}, "below 1; found 1"),
        ({"momentum": 1.0}, "'momentum'"),
        ({"clip_norm": -1}, "'clip_norm'"),
        ({"patch": 16}, "32 and more; found 16"),
        ({"inplane_mm": 0}, "'inplane_mm'"),
        ({"resize": 8}, "'resize.pixels' is a whole number from 16 to 4096; found 8"),
        ({"resize": "big"}, "found 'big'"),
        ({"resize": {}}, "names no 'pixels'"),
        ({"resize": {"pixels": 64, "mode": "cubic"}}, "does not know mode"),
        (
            {"resize": {"pixels": 64, "interpolation": "bicubc"}},
            "bicubic, linear; found 'bicubc'. Did you mean 'bicubic'",
        ),
        ({"resize": 64, "inplane_mm": 2.0}, "set one of them to null"),
        ({"resize": 64, "patch": 96}, "'patch' is a piece of 96 .* slices of 64"),
        ({"keep_at": [0]}, "'keep_at'"),
        ({"class_weights": [1, 1]}, "2 numbers, but the network has 3 classes"),
        ({"class_weights": [1, 0, 0]}, "at least one class"),
        ({"class_weights": [1, -1, 0]}, "'class_weights'"),
        ({"loss": []}, "a name or a list"),
        ({"loss": [{"name": "dice", "factor": 2}]}, "does not know factor"),
        ({"loss": [{"name": "dice", "weight": 0}]}, "above 0"),
        ({"loss": [{"name": 3}]}, "is text; found 3"),
        ({"loss": [{"name": "ce", "options": 3}]}, "JSON object"),
        ({"augment_options": 3}, "JSON object"),
        ({"encoder_weights": 3}, "is text"),
        ({"transfer": "al"}, "encoder, all; found 'al'. Did you mean 'all'"),
        ({"phases": 3}, "'phases' is a list; found 3"),
        ({"phases": [{"name": "a", "epochs": 1}]}, "lr"),
        ({"phases": [{"name": "a", "lr": 1e-3}]}, "epochs"),
        ({"phases": [{"name": "a", "lr": 1, "epoch": 1}]}, "mean 'epochs'"),
        ({"phases": [{"name": "a", "epochs": 1.5, "lr": 1e-3}]}, r"found 1\.5"),
        ({"phases": [{"name": "a", "epochs": 1, "lr": "x"}]}, "found 'x'"),
        (
            {"phases": [{"name": "a", "epochs": 1, "lr": 1, "trainable": "hed"}]},
            "mean 'head'",
        ),
        (
            {"phases": [{"name": "a", "epochs": 1, "lr": 1, "trainable": [3]}]},
            "named by text",
        ),
    ],
)
def test_what_is_wrong_is_named(changes, said):
    data = {**TrainSpec(NETWORK).to_dict(), **changes}
    with pytest.raises(SpecError, match=said):
        TrainSpec.from_dict(data)


def test_settings_change_single_values():
    changed = with_settings(
        FULL,
        {
            "batch": 1,
            "phases.1.lr": 0.5,
            "loss.1.options.gamma": 1,
            "network.options.width": 0.25,
        },
    )
    assert changed.batch == 1
    assert changed.phases[1].lr == 0.5
    assert changed.phases[0] == FULL.phases[0]
    assert changed.loss[1].options == {"gamma": 1}
    assert changed.network.options == {"width": 0.25}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"btch": 1}, "mean 'batch'"),
        (
            {"phases.7.lr": 1},
            r"no place 'phases.7.lr': '7' is not there; there is 0",
        ),
        ({"phases.x": 1}, "'x' is not there"),
        ({"phasis.0.lr": 1}, "mean 'phases'"),
        ({"batch.size": 1}, "no place"),
        ({"batch": 0}, "at least 1"),
    ],
)
def test_settings_that_lead_nowhere_get_a_sentence(settings, said):
    with pytest.raises(SpecError, match=said):
        with_settings(FULL, settings)


def test_the_shipped_recipes_are_those_of_the_papers():
    presets = training_presets()
    assert set(presets) == {"liver-fcn", "mandible-unet", "mri-lesion", "quick-cpu"}
    for preset in presets.values():
        assert preset.title
        assert preset.about
    liver = presets["liver-fcn"].spec
    assert (liver.network.name, liver.network.n_classes) == ("msf_fcn", 3)
    assert [s.name for s in liver.pipeline.steps] == ["window", "equalize", "tv"]
    assert (liver.loss, liver.optimiser, liver.batch) == ("dice", "adam", 2)
    assert liver.phases == (Phase("all", 0, 3e-5, steps=50_000),)
    assert (liver.schedule, liver.decay, liver.decay_steps) == ("step", 0.9, 1727)
    assert liver.keep_at == (600, 18_000, 40_000)
    jaw = presets["mandible-unet"].spec
    assert jaw.network.name == "resnet_cbam_unet"
    assert jaw.loss == (LossTerm("focal", 1.0, {"gamma": 2}),)
    assert [(p.epochs, p.lr, p.trainable) for p in jaw.phases] == [
        (25, 1e-4, "head"),
        (75, 1e-5, "all"),
    ]
    assert (jaw.batch, jaw.optimiser) == (4, "adam")
    assert (liver.resize, jaw.resize) == (Resize(512), Resize(512))
    brain = presets["mri-lesion"].spec
    assert presets["mri-lesion"].folds == 5
    assert {p.folds for n, p in presets.items() if n != "mri-lesion"} == {0}
    assert brain.resize == Resize(224, "bicubic")
    assert (brain.network.n_classes, brain.inplane_mm) == (2, None)
    assert (brain.batch, brain.phases[0].epochs, brain.phases[0].lr) == (32, 50, 1e-3)
    assert (brain.augment, brain.schedule, brain.decay) == ("four-of-six", "epoch", 0.9)


def test_a_recipe_takes_the_projects_classes():
    scheme = LabelScheme.from_names("Five", ["a", "b", "c", "d"])
    spec = read_training_preset("quick-cpu").for_scheme(scheme)
    assert spec.network.n_classes == 5


def test_recipes_in_files(tmp_path):
    bare, wrapped = tmp_path / "bare.json", tmp_path / "wrapped.json"
    bare.write_text(FULL.to_json())
    wrapped.write_text(
        json.dumps({"medlab_training": 1, "title": "Mine", "spec": FULL.to_dict()})
    )
    assert read_training_preset(str(bare)).spec == FULL
    assert read_training_preset(str(wrapped)).title == "Mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is not JSON"),
        ("[]", "is a JSON object; found list"),
        ('{"medlab_training": 2, "spec": {}}', "another version"),
        ('{"medlab_training": 1, "titel": "x"}', "mean 'title'"),
        ('{"network": {"name": "unet"}, "bach": 2}', r"r\.json: .*mean 'batch'"),
    ],
)
def test_files_that_are_no_recipes_get_a_sentence(tmp_path, text, said):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(SpecError, match=said):
        read_training_preset(str(path))


def test_a_name_that_is_none_gets_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'liver-fcn'"):
        read_training_preset("liver-fnc")


def test_how_slices_are_resized_survives_files_and_settings():
    spec = TrainSpec(network=NetworkSpec("alexnet"), resize=Resize(96, "linear"))
    assert TrainSpec.from_dict(json.loads(spec.to_json())) == spec
    assert spec.sampling == Resize(96, "linear")
    assert with_settings(spec, {"resize.pixels": 64}).resize == Resize(64, "linear")
    assert with_settings(spec, {"resize": 224}).sampling == Resize(224)
    plain = with_settings(spec, {"resize": None, "inplane_mm": 2.0})
    assert plain.sampling == 2.0
    assert "resize" not in plain.to_dict(), "older runs have no such key"
    with pytest.raises(SpecError, match="set one of them to null"):
        with_settings(spec, {"inplane_mm": 2.0})


def test_a_preset_says_how_often_it_is_folded(tmp_path):
    path = tmp_path / "mine.json"
    spec = {"network": {"name": "alexnet"}}
    path.write_text(json.dumps({"medlab_training": 1, "folds": 3, "spec": spec}))
    assert read_training_preset(str(path)).folds == 3
    for wrong, said in ((1, "found 1"), ("five", "whole number")):
        data = {"medlab_training": 1, "folds": wrong, "spec": spec}
        path.write_text(json.dumps(data))
        with pytest.raises(SpecError, match=said):
            read_training_preset(str(path))
