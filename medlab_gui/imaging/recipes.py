"""What a recipe does, whatever way it is written down."""

from __future__ import annotations

from medlab_gui.core.specs import PipelineSpec, Step

__all__ = ["Effect", "as_spec", "complete", "effective", "same_effect"]

Effect = tuple[str, tuple[tuple[str, float], ...]]
"""A step that is on: its name, and all its parameters by name."""


def complete(spec: PipelineSpec) -> PipelineSpec:
    """Return the recipe with every parameter of its steps; absent ones at default.

    Raises
    ------
    SpecError
        If a step is not known here (a plugin is missing).
    """
    # Late, so that the window opens without the filters.
    from medlab_gui.imaging.pipeline import STEPS

    full = []
    for step in spec.steps:
        defaults = {p.name: p.default for p in STEPS[step.name].params}
        full.append(Step(step.name, {**defaults, **step.params}, step.enabled))
    return PipelineSpec(tuple(full))


def effective(spec: PipelineSpec) -> tuple[Effect, ...]:
    """Return what a recipe does: its steps that are on, with all parameters."""
    return tuple(
        (s.name, tuple(sorted((name, float(v)) for name, v in s.params.items())))
        for s in complete(spec).steps
        if s.enabled
    )


def same_effect(one: PipelineSpec, other: PipelineSpec) -> bool:
    """Tell whether two recipes do the same to every picture."""
    return effective(one) == effective(other)


def as_spec(steps: tuple[Effect, ...]) -> PipelineSpec:
    """Return a recipe that does just this."""
    from medlab_gui.imaging.pipeline import STEPS

    made = []
    for name, params in steps:
        whole = {p.name for p in STEPS[name].params if p.is_integer}
        values = {p: int(v) if p in whole and v == int(v) else v for p, v in params}
        made.append(Step(name, values))
    return PipelineSpec(tuple(made))
