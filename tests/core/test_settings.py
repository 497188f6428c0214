import json
import logging

import pytest
from pydantic import ValidationError

from medlab_gui.core.settings import load_settings, save_settings, settings_path


@pytest.fixture(autouse=True)
def fresh():
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def write(text):
    settings_path().parent.mkdir(parents=True, exist_ok=True)
    settings_path().write_text(text, encoding="utf-8")


def test_defaults_without_a_file():
    settings = load_settings()
    assert settings.device == "auto"
    assert settings.author_name
    assert not settings_path().exists()


def test_file_then_environment(monkeypatch):
    write(json.dumps({"author": "Ann", "device": "cpu", "of_another_version": 1}))
    assert load_settings().author == "Ann"
    assert load_settings().device == "cpu"
    monkeypatch.setenv("MEDLAB_AUTHOR", "Bob")
    load_settings.cache_clear()
    assert load_settings().author_name == "Bob"
    assert load_settings().device == "cpu"


def test_wrong_values_are_left_out_and_told(caplog):
    write(json.dumps({"device": "abacus", "overlay_opacity": 7, "author": "Ann"}))
    with caplog.at_level(logging.WARNING):
        settings = load_settings()
    assert (settings.device, settings.overlay_opacity) == ("auto", 0.45)
    assert settings.author == "Ann"
    assert "abacus" in caplog.text


@pytest.mark.parametrize("text", ["{ not json", "[1, 2]", ""])
def test_broken_file_never_blocks_the_start(text):
    write(text)
    assert load_settings().device == "auto"


def test_wrong_environment_never_blocks_the_start(monkeypatch):
    monkeypatch.setenv("MEDLAB_DEVICE", "abacus")
    assert load_settings().device == "auto"


def test_save_keeps_the_rest_and_refuses_wrong_values():
    write(json.dumps({"author": "Ann", "of_another_version": 1}))
    assert save_settings(device="cpu").device == "cpu"
    assert load_settings().author == "Ann"
    stored = json.loads(settings_path().read_text(encoding="utf-8"))
    assert stored == {"author": "Ann", "of_another_version": 1, "device": "cpu"}
    with pytest.raises(ValidationError):
        save_settings(overlay_opacity=3)
    assert load_settings().overlay_opacity == 0.45
    assert [p.name for p in settings_path().parent.iterdir()] == ["settings.json"]
