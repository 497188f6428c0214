"""What is pinned, and what is in the wheel."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from medlab_installer import fits
from medlab_installer.arguments import ROOT
from medlab_installer.contents import canonical
from medlab_installer.environment import CONSTRAINTS, pinned

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def needed() -> dict[str, str]:
    """Name and version of all that the project needs here, directly or not."""
    project = PROJECT["project"]
    todo = [
        Requirement(text)
        for text in [
            *project["dependencies"],
            *project["optional-dependencies"]["test"],
            *PROJECT["build-system"]["requires"],
        ]
    ]
    found: dict[str, str] = {}
    seen = set()
    while todo:
        requirement = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        key = (canonical(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        package = importlib.metadata.distribution(requirement.name)
        found[key[0]] = package.version
        for text in package.requires or ():
            child = Requirement(text)
            extras = ["", *requirement.extras]
            if child.marker is None or any(
                child.marker.evaluate({"extra": extra}) for extra in extras
            ):
                child.marker = None
                todo.append(child)
    return found


SYSTEMS = {
    "Linux": ("linux", "posix", "x86_64"),
    "Darwin": ("darwin", "posix", "arm64"),
    "Windows": ("win32", "nt", "AMD64"),
}


def test_everything_needed_is_pinned_and_installed_as_pinned():
    pins = pinned()
    differing = {
        name: (version, pins.get(name))
        for name, version in needed().items()
        # The wheels of CUDA are pinned by torch itself.
        if pins.get(name) != version.partition("+")[0]
        and not name.startswith(("nvidia-", "cuda-", "triton"))
    }
    assert not differing


@pytest.mark.parametrize("minor", range(fits.OLDEST[1], fits.NEWEST[1] + 1))
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_other_systems_and_pythons_need_is_pinned_too(system: str, minor: int):
    platform, os_name, processor = SYSTEMS[system]
    there = {
        **default_environment(),
        "platform_system": system,
        "sys_platform": platform,
        "os_name": os_name,
        "platform_machine": processor,
        "python_version": f"3.{minor}",
        "python_full_version": f"3.{minor}.1",
    }
    extras = PROJECT["project"]["optional-dependencies"]
    project = [*PROJECT["project"]["dependencies"], *extras["test"], *extras["fast"]]
    todo = [("", text) for text in project + PROJECT["build-system"]["requires"]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        extra, text = todo.pop()
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate(
            {**there, "extra": extra}
        ):
            continue
        key = (canonical(requirement.name), frozenset(requirement.extras))
        if key in seen or key[0].startswith(("nvidia-", "cuda-", "triton")):
            continue
        seen.add(key)
        try:
            needs = importlib.metadata.requires(key[0]) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system alone: what it needs cannot be asked here
        todo += [(extra, text) for extra in ("", *key[1]) for text in needs]
    assert {name for name, _ in seen} <= set(pinned())
    assert ("pyjpegls" in {name for name, _ in seen}) is (minor < 14)
    assert ("appnope" in {name for name, _ in seen}) is (system == "Darwin")


def test_pins_are_inside_the_ranges_of_the_project():
    pins = pinned()
    for text in PROJECT["project"]["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[canonical(requirement.name)]), text


def test_constraints_hold_versions_and_nothing_else():
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"(#.*|[\w.-]+==[\w.]+(  # .*)?|)", line), line
        assert "://" not in line


def test_qt_is_the_version_that_does_not_abort():
    pins = pinned()
    assert pins["pyside6-essentials"] == pins["shiboken6"] == "6.11.3"
    for bad in ("6.11.0", "6.11.1", "6.12.0"):
        (qt,) = [
            Requirement(text)
            for text in PROJECT["project"]["dependencies"]
            if text.startswith("PySide6")
        ]
        assert not qt.specifier.contains(bad)


@pytest.mark.slow
def test_the_wheel_holds_the_program_and_its_resources(tmp_path):
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "wheel",
            "-d",
            str(tmp_path),
        ],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "medlab = medlab_gui.__main__:main" in archive.read(entry).decode()
    for path in (ROOT / "resources").rglob("*"):
        if path.is_file():
            inside = path.relative_to(ROOT / "resources").as_posix()
            assert f"medlab_gui/_resources/{inside}" in names
    for path in (ROOT / "medlab_gui").rglob("*.py"):
        assert path.relative_to(ROOT).as_posix() in names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"medlab_gui"}
