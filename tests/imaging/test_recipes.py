from __future__ import annotations

from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.imaging.recipes import effective, same_effect


def test_what_a_recipe_does_is_its_steps_that_are_on_with_all_values():
    spec = PipelineSpec((Step("tv", {}, enabled=False), Step("window", {"level": 7})))
    assert effective(spec) == (("window", (("level", 7.0), ("width", 400.0))),)
    assert effective(PipelineSpec()) == ()


def test_defaults_written_out_change_nothing_and_order_does():
    written = PipelineSpec(
        (
            Step("window", {"level": 40.0, "width": 400.0}),
            Step("equalize", {}),
            Step("tv", {"weight": 0.1, "max_iter": 200}),
        )
    )
    assert same_effect(written, LIVER_PIPELINE)
    turned = PipelineSpec((*LIVER_PIPELINE.steps[1:], LIVER_PIPELINE.steps[0]))
    assert not same_effect(turned, LIVER_PIPELINE)
