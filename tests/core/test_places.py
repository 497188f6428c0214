"""Paths that people write, and the places that take them as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.core.places import as_path, is_device
from medlab_gui.core.settings import load_settings
from medlab_gui.core.training_presets import read_training_preset
from medlab_gui.io import scan
from medlab_gui.store.project import ProjectStore, journal_path

NOBODY = "~nobody of that name/x"
homes_are_asked_for = pytest.mark.skipif(
    os.name == "nt", reason="Windows takes each home to lie beside one's own"
)


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


@pytest.mark.parametrize(
    "wrong", [pytest.param(NOBODY, marks=homes_are_asked_for), "a\0b"]
)
def test_what_is_no_path_is_a_sentence(wrong):
    with pytest.raises(InputError):
        as_path(wrong)


@homes_are_asked_for
@pytest.mark.parametrize("take", [scan, ProjectStore.open, read_training_preset])
def test_nobodys_home_is_a_sentence_wherever_it_is_named(take):
    with pytest.raises(InputError, match="nobody here has that home"):
        take(NOBODY)


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("AUX", True),
        ("con.nii.gz", True),
        ("nul .csv", True),
        ("LPT1.json", True),
        ("console.nii", False),
        ("com12", False),
        ("aux liver.nrrd", False),
    ],
)
def test_names_that_windows_keeps_for_devices(name, device):
    assert is_device(name) is device


def test_nothing_is_written_into_a_device(monkeypatch, tmp_path):
    from medlab_gui.commands import outputs

    monkeypatch.setattr(outputs, "WINDOWS", False)
    assert outputs.target(str(tmp_path / "aux.csv"), [".csv"]).name == "aux.csv"
    monkeypatch.setattr(outputs, "WINDOWS", True)
    with pytest.raises(InputError, match=r"keeps the name aux\.csv for a device"):
        outputs.target(str(tmp_path / "aux.csv"), [".csv"])


def test_no_series_keeps_its_strokes_in_a_device(tmp_path):
    assert journal_path(tmp_path, "1.2.840.1").name == "1.2.840.1.mlj"
    assert not is_device(journal_path(tmp_path, "COM1").name)


@homes_are_asked_for
def test_nobodys_home_in_the_settings_is_a_sentence(monkeypatch):
    monkeypatch.setenv("MEDLAB_PROJECT", NOBODY)
    with pytest.raises(InputError, match="nobody here has that home"):
        _ = load_settings().project_path
