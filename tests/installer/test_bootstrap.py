"""The script itself: readable by an old Python, and what its command line means."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from medlab_installer import arguments, main
from medlab_installer.arguments import ROOT
from medlab_installer.environment import Environment, Stamp
from medlab_installer.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = ROOT / "installer" / "bootstrap.py"


def test_an_old_python_can_read_it():
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 4))


def test_an_old_python_is_told_in_one_sentence():
    code = (
        "import sys, runpy; sys.version_info = (3, 10, 2, 'final', 0); "
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "3.11 or newer" in ran.stderr
    assert "3.10" in ran.stderr


def test_help_needs_no_environment():
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0
    for word in ("run", "test", "env", "--torch", "--env", "MEDLAB_TORCH_INDEX"):
        assert word in ran.stdout


def test_it_imports_the_standard_library_only():
    allowed = {*sys.stdlib_module_names, "medlab_installer"}
    for path in (ROOT / "installer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] in allowed, f"{path.name}: {name}"


def test_defaults():
    found = arguments.parse(["run"])
    assert (found.verb, found.torch, found.rest) == ("run", "auto", ())
    assert found.env == ROOT / ".medlab-env"
    assert found.extras == ()


def test_what_stands_behind_two_dashes_is_for_pytest(tmp_path: Path):
    found = arguments.parse(
        ["test", "--torch", "cpu", "--env", str(tmp_path / "e"), "--", "-k", "x", "--"]
    )
    assert found.rest == ("-k", "x", "--")
    assert found.env == tmp_path / "e"
    assert found.extras == ("test",)


@pytest.mark.parametrize("argv", [[], ["fly"], ["run", "--torch", "tpu"], ["run", "x"]])
def test_wrong_arguments_end_with_two(argv: list[str]):
    with pytest.raises(SystemExit) as stop:
        arguments.parse(argv)
    assert stop.value.code == 2


def test_auto_keeps_the_build_that_is_there(tmp_path: Path, monkeypatch):
    env = Environment(tmp_path)
    monkeypatch.setattr(main.machine, "has_nvidia", lambda: True)
    env.stamp_file.write_text(
        '{"fingerprint": "", "extras": [], "flavour": "cpu", "torch": "",'
        ' "packages": {}}',
        encoding="utf-8",
    )
    assert env.stamp() == Stamp("", [], "cpu", "", {})
    assert main._flavour(env, "auto") == "cpu"
    assert main._flavour(env, "cuda") == "cuda"


@pytest.mark.parametrize(("device", "flavour"), [(True, "cuda"), (False, "cpu")])
def test_auto_asks_for_the_device(tmp_path: Path, monkeypatch, device, flavour):
    monkeypatch.setattr(main.machine, "has_nvidia", lambda: device)
    monkeypatch.setattr(main.sys, "platform", "linux")
    assert main._flavour(Environment(tmp_path), "auto") == flavour


def test_no_cuda_on_macos(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(main.sys, "platform", "darwin")
    with pytest.raises(Trouble, match="no CUDA on macOS"):
        main._flavour(Environment(tmp_path), "cuda")


def test_the_build_is_named():
    cpu = {"torch": "2.13.0+cpu", "cuda": None, "device": False}
    cuda = {"torch": "2.13.0", "cuda": "13.0", "device": True}
    assert main._told(cpu, "auto", "cpu") == "torch 2.13.0+cpu, CPU only"
    assert main._told(cuda, "cuda", "cuda") == "torch 2.13.0, CUDA 13.0"
    assert "stays unused" in main._told(cpu, "auto", "cuda")
    assert "on the CPU" in main._told({**cuda, "device": False}, "auto", "cpu")
    with pytest.raises(Trouble, match="MEDLAB_TORCH_INDEX"):
        main._told(cpu, "cuda", "cuda")


def test_without_a_display_run_says_so(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(Environment, "is_ready", lambda self, wanted: True)
    monkeypatch.setattr(main.machine, "lacking", lambda *, screen: [])
    monkeypatch.setattr(main.machine, "has_display", lambda: False)
    code = main.main(["run", "--env", str(tmp_path)])
    said = capsys.readouterr().err
    assert code == 2
    assert "no display" in said
    assert "demo --headless" in said


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path, monkeypatch, capsys):
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "pyvenv.cfg"))

    monkeypatch.setattr(main, "install", full)
    assert main.main(["env", "--env", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "No space left on device" in said
    assert "--env" in said
