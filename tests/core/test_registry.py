import logging
from importlib.metadata import EntryPoint

import pytest

from medlab_gui.core.errors import SpecError
from medlab_gui.core.registry import Registry, load_dotted


def test_names_lead_to_things_when_used():
    registry = Registry("thing", {"pi": "math:pi", "gone": "no_such_module_x:y"})
    assert list(registry) == ["pi", "gone"]
    assert len(registry) == 2
    assert "pi" in registry
    assert registry["pi"] == pytest.approx(3.14159, abs=1e-5)
    with pytest.raises(ModuleNotFoundError):
        registry["gone"]
    assert load_dotted("os.path:join")("a", "b")


def test_unknown_name_lists_what_there_is():
    registry = Registry("network", {"unet": "math:pi", "segnet": "math:e"})
    with pytest.raises(SpecError, match="no network named 'unett'") as error:
        registry["unett"]
    assert "segnet, unet" in error.value.message
    assert "Did you mean 'unet'" in error.value.message


def test_plugins_add_names_and_cannot_take_ours(monkeypatch, caplog):
    points = [
        EntryPoint("tau", "math:tau", "medlab.things"),
        EntryPoint("pi", "math:e", "medlab.things"),
    ]
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: points if group else []
    )
    registry = Registry("thing", {"pi": "math:pi"}, "medlab.things")
    with caplog.at_level(logging.WARNING):
        assert set(registry) == {"pi", "tau"}
    assert "already taken" in caplog.text
    assert registry["pi"] == pytest.approx(3.14159, abs=1e-5)
    assert registry["tau"] == pytest.approx(6.28318, abs=1e-5)


def test_plugin_that_does_not_load_is_told_and_left_out(monkeypatch, caplog):
    points = [EntryPoint("bad", "no_such_module_x:y", "medlab.things")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    registry = Registry("thing", {"pi": "math:pi"}, "medlab.things")
    assert "bad" in registry
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(SpecError, match="plugin that brings the thing 'bad'"),
    ):
        registry["bad"]
    assert "no_such_module_x" in caplog.text
    assert list(registry) == ["pi"]
