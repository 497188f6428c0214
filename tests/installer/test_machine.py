"""What the machine lacks is installed where that is allowed, and else named."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from medlab_installer import machine
from medlab_installer.machine import Lack
from medlab_installer.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="system libraries are Linux's matter"
)


@linux_only
def test_a_missing_library_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(machine, "_loads", lambda so: so != "libEGL.so.1")
    monkeypatch.setattr(machine, "_has_software_opengl", lambda: True)
    assert machine.lacking(screen=False) == [Lack("libEGL.so.1", "libegl1")]


@linux_only
def test_the_loader_is_really_asked():
    assert machine._loads("libc.so.6")
    assert not machine._loads("libmedlab-is-not-there.so.1")


@linux_only
def test_a_screen_of_our_own_needs_a_server_and_a_renderer(monkeypatch):
    monkeypatch.setattr(machine, "_loads", lambda so: True)
    monkeypatch.setattr(machine, "_has_software_opengl", lambda: False)
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    packages = {lack.package for lack in machine.lacking(screen=True)}
    assert packages == {"xvfb", "libgl1-mesa-dri"}


def test_missing_venv_module_is_named(monkeypatch):
    monkeypatch.setattr(machine, "_loads", lambda so: True)
    monkeypatch.setattr(machine, "_has_software_opengl", lambda: True)
    monkeypatch.setattr(machine, "_can_make_environments", lambda: False)
    (lack,) = machine.lacking(screen=False)
    assert lack.package.endswith("-venv")


def test_nothing_lacking_asks_nobody(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(machine.subprocess, "run", None)
    machine.provide([], tmp_path / "log", screen=False)


def test_who_may_not_install_is_told_the_one_command(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(machine, "_is_root", lambda: False)
    monkeypatch.setattr(
        machine.shutil, "which", lambda name: name if name == "apt-get" else None
    )
    lacks = [Lack("libGL.so.1", "libgl1"), Lack("Xvfb", "xvfb")]
    with pytest.raises(Trouble) as trouble:
        machine.provide(lacks, tmp_path / "log", screen=True)
    text = str(trouble.value)
    assert "apt-get install -y --no-install-recommends libgl1 xvfb" in text
    assert text.count("\n") == 1


def test_another_distribution_is_told_the_names(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    with pytest.raises(Trouble, match=r"lacks libGL\.so\.1.*package manager"):
        machine.provide([Lack("libGL.so.1", "libgl1")], tmp_path / "log", screen=False)


def test_a_sudo_that_does_not_answer_is_none(monkeypatch):
    def waits(command, **options):
        raise subprocess.TimeoutExpired(command, 20)

    monkeypatch.setattr(machine, "_is_root", lambda: False)
    monkeypatch.setattr(machine.shutil, "which", lambda name: name)
    monkeypatch.setattr(machine.subprocess, "run", waits)
    assert machine._apt_prefix() is None


def test_root_installs_and_looks_again(tmp_path: Path, monkeypatch):
    called = []

    def run(command, **options):
        called.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(machine, "_is_root", lambda: True)
    monkeypatch.setattr(machine.shutil, "which", lambda name: name)
    monkeypatch.setattr(machine.subprocess, "run", run)
    monkeypatch.setattr(machine, "lacking", lambda *, screen: [])
    machine.provide([Lack("libGL.so.1", "libgl1")], tmp_path / "log", screen=False)
    assert called[0][-1] == "update"
    assert called[1][-1] == "libgl1"
    monkeypatch.setattr(
        machine, "lacking", lambda *, screen: [Lack("libGL.so.1", "libgl1")]
    )
    with pytest.raises(Trouble, match="could not install libGL"):
        machine.provide([Lack("libGL.so.1", "libgl1")], tmp_path / "log", screen=False)


def test_a_small_disk_is_refused_in_figures(tmp_path: Path, monkeypatch):
    usage = type("Usage", (), {"free": 1_200_000_000})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(Trouble, match=r"about 3 GB .* 1\.2 GB are free"):
        machine.check_space(tmp_path / "not" / "yet", machine.SPACE_CPU)
    machine.check_space(tmp_path, 1_000_000_000)


@pytest.mark.parametrize(
    ("code", "output", "found"),
    [(0, "GPU 0: NVIDIA H200", True), (0, "", False), (9, "GPU 0: lost", False)],
)
def test_a_device_must_answer(monkeypatch, code, output, found):
    monkeypatch.setattr(machine.shutil, "which", lambda name: name)
    monkeypatch.setattr(
        machine.subprocess,
        "run",
        lambda command, **options: subprocess.CompletedProcess(command, code, output),
    )
    assert machine.has_nvidia() is found
