"""Paths that people write, and the places that take them as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.core.places import as_path
from medlab_gui.core.settings import load_settings
from medlab_gui.core.training_presets import read_training_preset
from medlab_gui.io import scan
from medlab_gui.store.project import ProjectStore

NOBODY = "~nobody of that name/x"


@pytest.fixture(autouse=True)
def fresh():
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_a_home_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert as_path("~/ct") == tmp_path / "ct"
    assert as_path(Path("ct")) == Path("ct")


@pytest.mark.parametrize("wrong", [NOBODY, "a\0b"])
def test_what_is_no_path_is_a_sentence(wrong):
    with pytest.raises(InputError):
        as_path(wrong)


@pytest.mark.parametrize("take", [scan, ProjectStore.open, read_training_preset])
def test_nobodys_home_is_a_sentence_wherever_it_is_named(take):
    with pytest.raises(InputError, match="nobody here has that home"):
        take(NOBODY)


def test_nobodys_home_in_the_settings_is_a_sentence(monkeypatch):
    monkeypatch.setenv("MEDLAB_PROJECT", NOBODY)
    with pytest.raises(InputError, match="nobody here has that home"):
        _ = load_settings().project_path
