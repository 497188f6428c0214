"""Exit codes, one JSON object, clean standard output, and Ctrl+C."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from medlab_gui.cli import main as command_line
from medlab_gui.cli.main import main
from medlab_gui.commands import COMMANDS
from tests.commands.strange_verbs import TRY
from tests.synthetic import cut_short, plain_grid, write_series

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "commands" / "strange_verbs.py"

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals, devices")


@pytest.fixture
def strange(monkeypatch):
    """The command line has the strange verb alone."""
    monkeypatch.setattr(command_line, "COMMANDS", (TRY,))


def shell(*argv: str, **options) -> subprocess.Popen:
    """Start the strange command line as a program of its own."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *argv],
        **{
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "env": {**os.environ, "PYTHONPATH": str(ROOT)},
            **options,
        },
    )


@pytest.mark.parametrize(
    ("how", "code", "kind", "said"),
    [
        ("sentence", 2, "GeometryError", "The slices do not fit. Choose others."),
        ("memory", 2, "ResourceError", "not enough memory"),
        ("bug", 1, "Bug", "ZeroDivisionError in strange_verbs.py"),
    ],
)
def test_errors_have_a_code_a_sentence_and_an_object(
    strange, capsys, how, code, kind, said
):
    assert main(["try", how, "--json"]) == (code, None)
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["kind"] == kind
    assert said in error["message"]
    assert told.err == f"medlab try: {error['message']}\n"
    assert main(["try", how]) == (code, None)
    plain = capsys.readouterr()
    assert plain.out == ""
    assert plain.err == told.err
    assert "Traceback" not in plain.err


def test_results_for_people_and_for_scripts(strange, capsys, tmp_path):
    project = str(tmp_path / "p")
    code, result = main(["try", "work", "--project", project, "--device", "cpu"])
    assert code == 0
    assert capsys.readouterr().out == f"{result}\n"
    main(["try", "work", "--project", project, "--device", "cpu", "--json"])
    assert json.loads(capsys.readouterr().out) == result


def test_json_has_no_nan(strange, capsys):
    main(["try", "numbers", "--json"])
    out = capsys.readouterr().out
    assert json.loads(out) == {"nan": None, "inf": [None], "path": "a"}
    assert "NaN" not in out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["predict", "--json"], "INPUT"),
        (["networks", "--size", "nan", "--json"], "not a whole number"),
        (["export", "1.2", "--output", "m.nii", "--what", "x", "--json"], "mask"),
        (["inspct", ".", "--json"], "Did you mean 'inspect'?"),
        (["list", "--everything", "--json"], "--everything"),
    ],
)
def test_a_wrong_command_line_is_an_object_too(capsys, argv, said):
    assert main(argv) == (2, None)
    told = capsys.readouterr()
    message = json.loads(told.out)["error"]["message"]
    assert said in message
    assert message in told.err
    assert main([a for a in argv if a != "--json"]) == (2, None)
    assert capsys.readouterr().out == ""


def test_help_and_version_are_no_errors(capsys):
    assert main(["--version"])[0] == 0
    assert main(["predict", "--help"])[0] == 0
    assert main([])[0] == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.verb)
def test_every_verb_says_what_it_writes_and_how_it_ends(capsys, command):
    main([command.verb, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Exit codes: 0 done, 2 you can mend it" in shown
    assert "Examples:" in shown
    if command.verb != "doctor":
        assert command.details
        assert " ".join(command.details.split()) in shown.replace("- ", "-")


def test_a_settings_file_that_is_broken_is_told_and_left(capsys, isolated):
    isolated.mkdir()
    (isolated / "settings.json").write_text("{", encoding="utf-8")
    assert main(["list", "--json"])[0] == 0
    told = capsys.readouterr()
    json.loads(told.out)
    assert told.err.startswith("medlab: The settings in")


def test_nothing_else_reaches_standard_output(tmp_path):
    """Neither Python's print nor what C writes to the descriptor."""
    with shell("try", "chatter", "--json") as process:
        out, err = process.communicate()
    assert process.returncode == 0
    assert json.loads(out) == {"answer": 42}
    assert "a library says hello" in err
    assert "one in C" in err


@on_posix
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_ctrl_c_stops_the_work_in_order(tmp_path, number):
    note = tmp_path / "note"
    with shell("try", "wait", "--note", str(note), "--json") as process:
        pause, deadline = threading.Event(), time.monotonic() + 120
        while not (note.exists() and note.read_text(encoding="utf-8")):
            assert time.monotonic() < deadline, "it did not start"
            pause.wait(0.02)
        process.send_signal(getattr(signal, number))
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert json.loads(out)["error"]["kind"] == "Cancelled"
    assert err == "medlab try: Cancelled.\n"
    assert note.read_text(encoding="utf-8").split()[1:] == ["stopped"]


@on_posix
def test_a_reader_that_has_seen_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    with shell("try", "work", stdout=write) as process:
        os.close(write)
        _, err = process.communicate()
    assert process.returncode == 0
    assert err == ""


@on_posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_standard_output_on_a_full_disk_is_a_sentence():
    with open("/dev/full", "w") as full, shell("try", "work", stdout=full) as process:  # noqa: PTH123
        _, err = process.communicate()
    assert process.returncode == 2
    assert "cannot be written to standard output" in err
    assert "Traceback" not in err


@on_posix
@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_stream_that_is_closed_is_no_bug(closed):
    """It ended in a traceback, or gave nothing."""
    command = f"{shlex.quote(sys.executable)} -m medlab_gui networks --json {closed}"
    ended = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    if closed == "2>&-":
        assert json.loads(ended.stdout)["networks"]


def test_events_that_nobody_reads_stop_the_work(tmp_path):
    note = tmp_path / "note"
    with shell(
        "try", "wait", "--note", str(note), "--events", stdin=subprocess.PIPE
    ) as process:
        assert json.loads(process.stdout.readline())["event"] == "progress"
        process.stdout.close()
        process.wait(120)
    assert process.returncode == 130
    assert note.read_text(encoding="utf-8").split()[1:] == ["stopped"]


def test_wrong_parameters_are_an_event(strange, capsys, tmp_path):
    file = tmp_path / "params.json"
    file.write_text('{"how": 3}', encoding="utf-8")
    assert main(["try", "--params", str(file), "--events"])[0] == 2
    event = json.loads(capsys.readouterr().out)
    assert event["event"] == "error"
    assert event["kind"] == "SpecError"
    assert "type str" in event["message"]
    assert main(["try", f"--params={tmp_path / 'gone'}", "--events"])[0] == 2
    assert "gone" in json.loads(capsys.readouterr().out)["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_names_of_files_do_not_command_the_terminal(capsys, tmp_path):
    (path,) = write_series(tmp_path, plain_grid((1, 8, 9)))
    cut_short(path, 50).rename(tmp_path / "a\n\x1b[2Jb.dcm")
    (tmp_path / "note\nof \x1b]0;x\x07.txt").write_text("hello", encoding="utf-8")
    assert main(["inspect", str(tmp_path)])[0] == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "files: a??[2Jb.dcm" in said
    assert "note?of ?]0;x?.txt is not a file" in said
    (tmp_path / "a\n\x1b[2Jb.dcm").unlink()
    assert main(["inspect", str(tmp_path)])[0] == 2
    assert "\x1b" not in capsys.readouterr().err
