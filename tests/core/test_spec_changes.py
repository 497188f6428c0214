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
        ("phases.1.name", "all", "head"),
        ("augment", "true", ""),
        ("phases.2.name", "", "all"),
        ("phases.2.lr", "", "0.0003"),
        ("loss", "", "dice"),
    ]
    assert spec_changes(one, one) == []
    assert spec_changes({}, {"a": None}) == [("a", "", "null")]
