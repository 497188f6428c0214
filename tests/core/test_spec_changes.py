from __future__ import annotations

from medlab_gui.core.spec_changes import spec_changes


def test_what_differs_is_named_by_its_place():
    one = {
        "batch": 4,
        "network": {"name": "unet", "options": {"width": 0.5}},
        "phases": [{"name": "all", "lr": 0.001}],
        "augment": True,
    }
    other = {
        "batch": 8,
        "network": {"name": "unet", "options": {"width": 0.25}},
        "phases": [{"name": "head", "lr": 0.001}, {"name": "all", "lr": 0.0003}],
        "loss": "dice",
    }
    assert spec_changes(one, other) == [
        ("batch", "4", "8"),
        ("network.options.width", "0.5", "0.25"),
        ("phases.0.name", "all", "head"),
        ("augment", "true", ""),
        ("phases.1.name", "", "all"),
        ("phases.1.lr", "", "0.0003"),
        ("loss", "", "dice"),
    ]
    assert spec_changes(one, one) == []
    assert spec_changes({"inplane_mm": 4}, {"inplane_mm": 4.0}) == []
    assert spec_changes({"inplane_mm": 4}, {"inplane_mm": 3.0}) == [
        ("inplane_mm", "4", "3")
    ]
    assert spec_changes({}, {"a": None}) == [("a", "", "null")]


def test_a_change_is_named_as_set_takes_it():
    """Who copies "phases.1.lr" into --set changes that phase, not the one after."""
    phases = [{"name": "head", "lr": 0.001}, {"name": "all", "lr": 0.001}]
    one = {"batch": 2, "phases": phases}
    other = {"batch": 2, "phases": [phases[0], {"name": "all", "lr": 0.01}]}
    ((key, _before, after),) = spec_changes(one, other)
    place, _, last = key.rpartition(".")
    where = one
    for part in place.split("."):
        where = where[int(part)] if part.isdigit() else where[part]
    assert where is phases[1]
    assert (last, after) == ("lr", "0.01")
