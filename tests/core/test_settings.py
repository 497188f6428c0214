import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from medlab_gui.core.errors import StorageFullError
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


WINDOW = """
import sys
from medlab_gui.core.settings import save_settings
print("ready", flush=True)
sys.stdin.readline()
for n in range(150):
    save_settings(cine_fps=1 + n % 60)
"""


def test_two_windows_may_choose_at_the_same_time():
    """Both wrote one file on the way to it, and one took it from under the other."""
    windows = [
        subprocess.Popen(
            [sys.executable, "-c", WINDOW],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    for window in windows:
        assert window.stdout.readline() == "ready\n"
    for window in windows:
        window.stdin.write("go\n")
        window.stdin.flush()
    for window in windows:
        _output, errors = window.communicate(timeout=120)
        assert window.returncode == 0, errors
    assert load_settings().cine_fps == 1 + 149 % 60
    assert [p.name for p in settings_path().parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("text", ["{ not json", "[1, 2]"])
def test_a_file_that_was_not_understood_is_kept_when_something_is_chosen(text):
    write(text)
    save_settings(device="cpu")
    assert load_settings().device == "cpu"
    kept = settings_path().with_suffix(".damaged.json")
    assert kept.read_text(encoding="utf-8") == text


def test_where_nothing_can_be_written_a_sentence_says_so(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("MEDLAB_CONFIG", str(tmp_path / "file" / "settings.json"))
    with pytest.raises(StorageFullError, match=r"settings\.json"):
        save_settings(device="cpu")
