"""``medlab``: which arguments run a verb, and which open the window."""

from __future__ import annotations

import sys

import pytest

from medlab_gui import __main__ as entry


@pytest.fixture
def window(monkeypatch):
    """What the window would have been opened with."""
    opened = []
    monkeypatch.setattr(entry, "_open_window", lambda a: opened.append(a) or 0)
    return opened


def test_what_opens_the_window(window, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans").mkdir()
    for argv in (
        [],
        ["scans"],
        ["gone.nii.gz"],
        ["a/b"],
        ["--project", "liver"],
        ["--project", "liver", "scans"],
        ["--series", "1.2.3"],
        ["x" * 300 + "/" + "y" * 5000],
    ):
        assert entry.main(argv) == 0
        assert window.pop() == argv


def test_what_runs_a_verb(window, capsys, tmp_path):
    assert entry.main(["list", "--project", str(tmp_path / "gone")]) == 2
    assert "gone" in capsys.readouterr().err
    assert entry.main(["--project", str(tmp_path / "gone"), "list"]) == 2
    assert "gone" in capsys.readouterr().err
    assert entry.main(["--version"]) == 0
    assert entry.main(["--help"]) == 0
    assert entry.main(["--project", "x", "--help"]) in (0, 2)
    assert entry.main(["lst"]) == 2
    assert "Did you mean 'list'?" in capsys.readouterr().err
    assert window == []


def test_a_verb_may_end_by_opening_the_window(window, monkeypatch):
    from medlab_gui.cli import main as command_line

    result = {"open_window": ["--project", "demo", "--series", "1.2"]}
    monkeypatch.setattr(command_line, "main", lambda argv: (0, result))
    assert entry.main(["demo"]) == 0
    assert window == [["--project", "demo", "--series", "1.2"]]
    assert entry.main(["demo", "--events"]) == 0
    assert len(window) == 1, "a child opens none"


def test_ctrl_c_before_the_verb_begins(monkeypatch):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_sorted_out", interrupted)
    assert entry.main(["list"]) == 130


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 and Wayland")
def test_without_a_display_there_is_a_sentence(monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert entry.main([]) == 2
    assert "no display" in capsys.readouterr().err
