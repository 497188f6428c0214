from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from medlab_gui.cli.console import Events, Terminal, own_logs, own_stdout
from medlab_gui.core.jobs import Cancelled, Progress


class Screen(io.StringIO):
    """A standard error that somebody looks at."""

    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    """A standard output that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_progress_replaces_itself_and_goes(monkeypatch):
    screen, out = Screen(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal("medlab predict", out, as_json=False, quiet=False)
    terminal.progress(Progress(1, 4, "Predicting " + "x" * 100))
    shown = screen.getvalue()
    assert shown.startswith("\rmedlab predict:  25% Predicting x")
    assert len(shown) == 40
    terminal.result({}, "done")
    assert screen.getvalue().endswith("\r" + " " * 39 + "\r")
    assert out.getvalue() == "done\n"


@pytest.mark.parametrize(
    ("quiet", "screen"), [(True, Screen()), (False, io.StringIO())]
)
def test_progress_is_silent_where_asked_or_where_nobody_looks(
    monkeypatch, quiet, screen
):
    monkeypatch.setattr(sys, "stderr", screen)
    terminal = Terminal("medlab x", io.StringIO(), as_json=False, quiet=quiet)
    terminal.progress(Progress(1, 4, "Predicting"))
    terminal.result({}, "done")
    assert screen.getvalue() == ""


def test_a_child_stops_where_its_parent_is_gone():
    events = Events(ClosedPipe())
    with pytest.raises(Cancelled):
        events.progress(Progress(1, 2, ""))
    events.result({}, "")
    events.cancelled()


def test_each_event_is_one_line_of_plain_ascii():
    out = io.StringIO()
    events = Events(out)
    events.progress(Progress(1, float("inf"), "Läuft\nweiter", {"loss": float("nan")}))
    events.error("InputError", "a\nb")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert out.getvalue().isascii()
    assert first["message"] == "Läuft\nweiter"
    assert first["total"] is None
    assert first["data"] == {"loss": None}
    assert second == {"event": "error", "kind": "InputError", "message": "a\nb"}


def test_prints_of_others_go_to_standard_error(capsys):
    with own_stdout() as out:
        print("chatter")
        out.write("ours\n")
    print("after")
    told = capsys.readouterr()
    assert told.out == "ours\nafter\n"
    assert told.err == "chatter\n"


def test_our_warnings_are_sentences_and_those_of_libraries_are_not_shown(capsys):
    before = logging.getLogger().handlers[:]
    with own_logs():
        logging.getLogger("medlab_gui.core.settings").warning("A setting is wrong.")
        logging.getLogger("pydicom").warning("Expected implicit VR")
    assert logging.getLogger().handlers == before
    assert capsys.readouterr().err == "medlab: A setting is wrong.\n"
