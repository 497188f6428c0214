from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.compare import COMPARE, CompareParams, run
from medlab_gui.core.errors import CheckpointError, InputError, SpecError
from medlab_gui.core.specs import PipelineSpec, Step
from medlab_gui.learning.predict import Predictor
from medlab_gui.learning.uncertainty import slice_scores

K = 11


@pytest.fixture
def recipe(tmp_path):
    spec = PipelineSpec((Step("window", {"level": 0.0, "width": 90.0}), Step("tv")))
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(spec.to_dict()), encoding="utf-8")
    return spec, file


def alone(weights, spec, data):
    """The same slice by a checkpoint that was made with the recipe."""
    predictor = Predictor(weights, "cpu")
    predictor.meta = replace(predictor.meta, pipeline=spec)
    return predictor.predict(data[K : K + 1], (4.0, 2.0, 2.0))


def test_both_sides_are_what_weights_with_that_recipe_would_say(
    small_project, lively, recipe, tmp_path
):
    spec, file = recipe
    out = tmp_path / "both.npz"
    said = run(
        CompareParams(
            small_project.series_uid,
            str(K + 1),
            before="none",
            after=str(file),
            checkpoint=lively,
            output=str(out),
        ),
        replace(small_project.ctx, device="cpu"),
    )
    with small_project.ctx.store() as store:
        data = np.asarray(store.array(store.series(small_project.series_uid).blob))
    with np.load(out, allow_pickle=False) as both:
        for name, given in (("before", PipelineSpec()), ("after", spec)):
            expected = alone(lively, given, data)
            np.testing.assert_array_equal(both[f"labels_{name}"], expected.labels[0])
            np.testing.assert_array_equal(both[f"entropy_{name}"], expected.entropy[0])
            side = said[name]
            liver = int((expected.labels == 1).sum())
            assert side["classes"][0]["area_cm2"] == pytest.approx(liver * 0.04)
            scheme = Predictor(lively, "cpu").meta.scheme
            score = slice_scores(
                expected.labels, expected.entropy, (4.0, 2.0, 2.0), scheme
            )[0].value
            assert side["uncertainty"] == pytest.approx(score)
            assert side["pipeline"] == given.to_dict()
            assert not side["as_trained"]
        one, other = both["labels_before"] == 1, both["labels_after"] == 1
    assert said["dice"]["Liver"] == pytest.approx(
        2 * (one & other).sum() / (one.sum() + other.sum())
    )
    assert said["slice"] == K + 1
    text = COMPARE.text(said)
    assert "nothing was kept" in text
    assert "window, tv (not what it was trained on)" in text


def test_the_model_s_own_recipe_is_what_predict_uses(small_project, lively, tmp_path):
    out = tmp_path / "both.npz"
    said = run(
        CompareParams(
            str(small_project.image),
            "5",
            before="model",
            after="liver",
            checkpoint=lively,
            output=str(out),
        ),
        Context(device="cpu"),
    )
    assert said["before"]["as_trained"]
    assert not said["after"]["as_trained"]
    assert said["series_uid"] is None
    from medlab_gui.io import read_one

    _found, native = read_one(small_project.image)
    volume = native.reoriented(native.grid.canonical())
    expected = Predictor(lively, "cpu").predict(
        volume.data, volume.grid.spacing, slices=[4]
    )
    with np.load(out, allow_pickle=False) as both:
        np.testing.assert_array_equal(both["labels_before"], expected.labels[4])


def test_nothing_is_kept_in_the_project(small_project, written):
    ctx = replace(small_project.ctx, device="cpu")
    with ctx.store() as store:
        before = [c.id for c in store.checkpoints()]
    run(CompareParams(small_project.series_uid, "3"), ctx)
    with ctx.store() as store:
        assert store.latest_prediction(small_project.series_uid) is None
        assert [c.id for c in store.checkpoints()] == before
    assert written() == set()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"slice": "25"}, InputError, "1 to 24"),
        ({"slice": "3-5"}, InputError, "one slice"),
        ({"slice": "x"}, InputError, "not a slice"),
        ({"after": "gone.json"}, InputError, "gone.json"),
        ({"after": "bad.json"}, SpecError, "sharpen"),
        ({"output": "both.txt"}, InputError, "must end in"),
        ({"checkpoint": "nobody"}, CheckpointError, "nobody"),
    ],
)
def test_wrong_wishes_are_refused_in_a_sentence(
    small_project, tmp_path, monkeypatch, written, change, error, said
):
    monkeypatch.chdir(tmp_path)
    bad = PipelineSpec((Step("sharpen"),))
    (tmp_path / "bad.json").write_text(json.dumps(bad.to_dict()), encoding="utf-8")
    params = CompareParams(small_project.series_uid, "3")
    with pytest.raises(error, match=said):
        run(replace(params, **change), replace(small_project.ctx, device="cpu"))
    assert written() <= {"bad.json"}
