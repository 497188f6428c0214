"""Recipes in words, what differs between two, and undo: without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.gui.recipe_history import RecipeHistory
from medlab_gui.gui.recipes import differences, in_words
from medlab_gui.imaging.recipes import complete, same_effect

OFF = PipelineSpec((*LIVER_PIPELINE.steps[:2], Step("tv", {}, enabled=False)))


def test_recipes_are_the_same_if_they_do_the_same():
    assert same_effect(OFF, PipelineSpec(LIVER_PIPELINE.steps[:2]))
    assert same_effect(complete(LIVER_PIPELINE), LIVER_PIPELINE)
    assert not same_effect(OFF, LIVER_PIPELINE)
    turned = PipelineSpec(tuple(reversed(LIVER_PIPELINE.steps)))
    assert not same_effect(turned, LIVER_PIPELINE)
    off = PipelineSpec(tuple(replace(s, enabled=False) for s in LIVER_PIPELINE.steps))
    assert same_effect(off, PipelineSpec())


def test_complete_adds_parameters_and_no_steps():
    full = complete(PipelineSpec((Step("tv", {"weight": 0.3}),)))
    (step,) = full.steps
    assert step.params["weight"] == 0.3
    assert step.params["max_iter"] == 200
    with pytest.raises(SpecError, match="sharpen"):
        complete(PipelineSpec((Step("sharpen"),)))


def test_recipes_in_words():
    assert in_words(LIVER_PIPELINE) == (
        "Linear window (level 40, width 400), Histogram equalisation 256, "
        "Total variation 0.1"
    )
    assert in_words(PipelineSpec()) == "no preprocessing"
    assert "Total" not in in_words(OFF)


def test_the_same_recipe_has_no_difference():
    assert differences(complete(LIVER_PIPELINE), LIVER_PIPELINE) == ()


def test_every_kind_of_difference_is_named():
    here = PipelineSpec(
        (
            Step("tv", {"weight": 0.3}),
            Step("window", {"level": 50.0, "width": 400.0}),
            Step("window", {"level": 0.5, "width": 1.0}),
        )
    )
    said = differences(here, LIVER_PIPELINE)
    assert said == (
        "Linear window: only here, the model does not get it.",
        "Histogram equalisation: the model gets it, it is not applied here.",
        "Total variation: Strength is 0.3 here, 0.1 for the model.",
        "Linear window: Level is 50 HU here, 40 HU for the model.",
        "The order differs: here Total variation, Linear window; for the model "
        "Linear window, Total variation.",
    )
    assert "50 ms here" in differences(here, LIVER_PIPELINE, unit="ms")[3]


def spec(weight: float) -> PipelineSpec:
    return PipelineSpec((Step("tv", {"weight": weight}),))


def test_undo_and_redo():
    history = RecipeHistory(spec(0.1))
    history.note(spec(0.1))
    assert not history.can_undo
    history.note(spec(0.2))
    history.note(PipelineSpec())
    assert history.undo() == spec(0.2)
    assert history.undo() == spec(0.1)
    assert history.undo() == spec(0.1)
    assert history.redo() == spec(0.2)
    assert history.can_redo
    history.note(spec(0.5))
    assert not history.can_redo
    assert history.base == spec(0.1)


def test_one_movement_of_a_slider_is_one_change():
    history = RecipeHistory(spec(0.1))
    for weight in (0.2, 0.3, 0.4):
        history.note(spec(weight), "0.weight")
    history.note(spec(0.45), "0.eps")
    assert history.undo() == spec(0.4)
    assert history.undo() == spec(0.1)
    # after an undo the same slider makes a change of its own
    history.note(spec(0.6), "0.weight")
    assert history.undo() == spec(0.1)
