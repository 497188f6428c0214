from __future__ import annotations

from dataclasses import replace

from medlab_gui.core.specs import LIVER_PIPELINE
from medlab_gui.core.training import LossTerm, Phase
from medlab_gui.learning.card import (
    NOT_CLINICAL,
    card_text,
    loss_in_words,
    write_card,
)
from tests.learning.conftest import train_spec


def test_a_card_says_what_a_user_must_know(meta, tmp_path):
    full = replace(
        meta,
        pipeline=LIVER_PIPELINE,
        inplane_mm=3.0,
        metrics={
            "validation": {
                "dice": {"Big": 0.9123, "Small": None},
                "mean_dice": 0.9123,
                "n_slices": 8,
            },
            "test": {
                "dice": {"Big": 0.81, "Small": 0.7},
                "mean_dice": 0.755,
                "n_slices": 20,
            },
        },
        card={
            "n_training_slices": 40,
            "n_validation_slices": 8,
            "data": [{"use": "train", "what": "one | torso", "n_slices": 112}],
            "truth": "Another model's prediction.",
            "licence": "Apache-2.0.",
            "recipe": train_spec().to_dict(),
            "repeat": "medlab train --recipe x.json --output y",
        },
    )
    write_card(full, tmp_path / "card.md")
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert text == card_text(full)
    for part in (
        "# Discs",
        NOT_CLINICAL,
        "1 Big, 2 Small",
        "window (level 40, width 400), equalize (bins 256), tv (weight 0.1)",
        "| Pixels in the slice | 3 mm |",
        "| train | one / torso | 112 |",
        "learned from 40 slices; 8 others chose",
        "Another model's prediction.",
        "| Big | 0.912 |",
        "| Small | class not there |",
        "never saw: 20",
        "| mean | 0.755 |",
        "medlab train --recipe",
    ):
        assert part in text


def test_a_card_without_records_says_so(meta):
    text = card_text(replace(meta, metrics={}, card={}))
    assert "Not recorded." in text
    assert "None were measured." in text
    assert NOT_CLINICAL in text


def test_a_loss_of_several_terms_is_told_whole():
    terms = (LossTerm("dice", 0.5), LossTerm("focal", options={"gamma": 1.5}))
    spec = train_spec(loss=terms, class_weights=(0.1, 1.0, 2.5))
    assert loss_in_words(spec) == (
        "0.5 dice + focal (gamma 1.5), classes weighted 0.1, 1, 2.5"
    )


def test_one_of_something_is_told_as_one(meta):
    one = {"n_training_slices": 1, "n_validation_slices": 1, "n_choosing_slices": 0}
    recipe = train_spec(phases=(Phase("all", 1, 1e-3),)).to_dict()
    told = card_text(replace(meta, metrics={}, card={**one, "recipe": recipe}))
    assert "all: 1 epoch at 0.001" in told
    assert "from 1 slice; the last epoch was kept. 1 other only judges it." in told
    del one["n_choosing_slices"]
    told = card_text(replace(meta, metrics={}, card=one))
    assert "from 1 slice; 1 other chose the epoch to keep." in told
