"""Systems and Pythons that the pinned packages are not made for are told beforehand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from medlab_installer import fits, main
from medlab_installer.arguments import ROOT
from medlab_installer.fits import Here, why_not

if TYPE_CHECKING:
    from pathlib import Path

LINUX = Here()
WINDOWS = Here(system="win32", made_for="win-amd64", processor="AMD64", release=())
MAC = Here(
    system="darwin",
    made_for="macosx-11.0-universal2",
    processor="arm64",
    release=(14, 7),
)


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
@pytest.mark.parametrize(
    "at",
    [
        LINUX,
        replace(LINUX, release=(2, 34)),
        replace(LINUX, made_for="linux-aarch64", processor="aarch64", release=(2, 39)),
        WINDOWS,
        # What Windows 11 on ARM says of the processor to a Python made for Intel's
        replace(WINDOWS, processor="ARM64"),
        MAC,
        replace(MAC, made_for="macosx-14.0-arm64", release=(26, 1)),
    ],
)
def test_what_fits(at: Here, minor: int):
    assert why_not(replace(at, python=(3, minor))) == ""


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (replace(LINUX, python=(3, 15)), ["3.11 to 3.14", "is Python 3.15", "python3"]),
        (replace(WINDOWS, python=(3, 15)), ["3.11 to 3.14", "'py -3.14 installer"]),
        (replace(MAC, python=(3, 16)), ["3.11 to 3.14", "is Python 3.16"]),
        (replace(LINUX, implementation="pypy"), ["CPython", "this is pypy"]),
        (replace(LINUX, python=(3, 14), has_lock=False), ["free-threaded"]),
        (replace(LINUX, release=(2, 31)), ["glibc 2.34", "2.31", "Ubuntu 22.04"]),
        (replace(LINUX, release=()), ["glibc 2.34", "another C library"]),
        (
            replace(LINUX, processor="aarch64", release=(2, 36)),
            ["glibc 2.39", "2.36", "Ubuntu 24.04"],
        ),
        (replace(LINUX, processor="riscv64"), ["x86_64 and aarch64", "riscv64"]),
        (replace(LINUX, processor="32-bit x86_64"), ["64-bit", "32-bit x86_64"]),
        (replace(WINDOWS, made_for="win32"), ["64-bit", "win32", "python.org"]),
        (replace(WINDOWS, made_for="win-arm64"), ["win-arm64", "Windows 11 on ARM"]),
        (replace(MAC, processor="x86_64"), ["Intel Macs", "Apple silicon", "Rosetta"]),
        (replace(MAC, release=(13, 6)), ["macOS 14", "13.6"]),
        (replace(LINUX, system="freebsd14"), ["Linux, macOS and Windows", "freebsd14"]),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(at: Here, said: list[str]):
    text = why_not(at)
    for words in said:
        assert words in text
    assert text.endswith(".")
    assert "\n" not in text


def test_a_python_that_fits_and_is_here_is_named(monkeypatch):
    monkeypatch.setattr(
        fits.shutil, "which", lambda name: name if name == "python3.12" else None
    )
    assert "'python3.12 installer/bootstrap.py run'" in why_not(
        replace(LINUX, python=(3, 15))
    )


def test_the_versions_are_those_of_the_script_and_the_project():
    script = (ROOT / "installer" / "bootstrap.py").read_text(encoding="utf-8")
    assert f"sys.version_info < {fits.OLDEST}" in script
    assert f"{fits._said(fits.OLDEST)} or newer (up to {fits._said(fits.NEWEST)})" in (
        script
    )
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={fits._said(fits.OLDEST)}"' in project


def test_this_python_is_looked_at_as_it_is():
    at = fits.here()
    assert at.python == sys.version_info[:2]
    assert at.system == sys.platform
    assert at.release or sys.platform == "win32"
    assert at.has_lock
    fits.refuse_unfit()


@pytest.mark.parametrize("verb", ["run", "test", "env"])
def test_nothing_is_made_where_it_cannot_fit(
    tmp_path: Path, monkeypatch, capsys, verb: str
):
    monkeypatch.setattr(fits, "here", lambda: replace(LINUX, python=(3, 15)))
    code = main.main([verb, "--env", str(tmp_path / "env")])
    said = capsys.readouterr().err
    assert code == 2
    assert said.count("\n") == 1
    assert "3.15" in said
    assert not (tmp_path / "env").exists()


def test_a_too_new_python_is_told_by_the_script_itself(tmp_path: Path):
    code = (
        "import sys, runpy; from collections import namedtuple; "
        "Version = namedtuple('Version', 'major minor micro releaselevel serial'); "
        "sys.version_info = Version(3, 15, 0, 'final', 0); "
        f"sys.argv = ['bootstrap.py', 'run', '--env', {str(tmp_path / 'env')!r}]; "
        f"runpy.run_path({str(ROOT / 'installer' / 'bootstrap.py')!r}, "
        "run_name='__main__')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT / "installer",
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("bootstrap.py: MedLab's packages are made for Python")
    assert ran.stderr.count("\n") == 1
    assert not (tmp_path / "env").exists()
