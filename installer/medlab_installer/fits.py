"""Whether the pinned packages are made for this Python and this system at all.

Known beforehand, from the files that the package index had for every pin when the set
was made: pip would download for minutes and then say it of one package. What is written
here is renewed with the pins.
"""

from __future__ import annotations

import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass

from medlab_installer.trouble import Trouble

OLDEST = (3, 11)
NEWEST = (3, 14)
GLIBC = {"x86_64": (2, 34), "aarch64": (2, 39)}
"""The oldest C library for each kind of processor under Linux: Qt's files say so."""
DISTRIBUTIONS = {
    "x86_64": "Debian 12, Ubuntu 22.04, Fedora 35 and RHEL 9",
    "aarch64": "Debian 13, Ubuntu 24.04, Fedora 40 and RHEL 10",
}
MACOS = (14, 0)
"""The oldest macOS: torch's files say so."""


@dataclass(frozen=True)
class Here:
    """A Python and the system that it runs on.

    Parameters
    ----------
    python : tuple of int
        ``(3, 11)``.
    system : str
        As ``sys.platform`` names it.
    made_for : str
        As ``sysconfig.get_platform`` names it: ``"win-amd64"``.
    processor : str
        As ``platform.machine`` names it: ``"arm64"``.
    release : tuple of int
        Of the C library under Linux (empty where it is not glibc), and of macOS.
    implementation : str
        ``"cpython"``.
    has_lock : bool
        False for the builds without the global interpreter lock ("free-threaded").
    """

    python: tuple[int, int] = (3, 11)
    system: str = "linux"
    made_for: str = "linux-x86_64"
    processor: str = "x86_64"
    release: tuple[int, ...] = (2, 36)
    implementation: str = "cpython"
    has_lock: bool = True


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def here() -> Here:
    """Return what this script runs with and on."""
    release: tuple[int, ...] = ()
    if sys.platform == "darwin":
        release = _numbers(platform.mac_ver()[0])
    elif sys.platform.startswith("linux"):
        library, version = platform.libc_ver()
        release = _numbers(version) if library == "glibc" else ()
    return Here(
        python=sys.version_info[:2],
        system=sys.platform,
        made_for=sysconfig.get_platform(),
        processor=f"{'' if sys.maxsize > 2**32 else '32-bit '}{platform.machine()}",
        release=release,
        implementation=sys.implementation.name,
        has_lock=not sysconfig.get_config_var("Py_GIL_DISABLED"),
    )


def _said(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _another_python(system: str) -> str:
    """Return how to start one that fits: the newest that is here, else an example."""
    versions = [f"3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    if system == "win32":
        return f"py -{versions[0]}"
    there = (f"python{version}" for version in versions)
    return next(filter(shutil.which, there), f"python{versions[0]}")


def _unfit_python(at: Here) -> str:
    fits = f"Python {_said(OLDEST)} to {_said(NEWEST)}"
    another = f"{_another_python(at.system)} installer/bootstrap.py run"
    if at.implementation != "cpython":
        return (
            f"MedLab's packages are made for CPython, and this is {at.implementation}; "
            f"start this script with the usual {fits} ('{another}')."
        )
    if at.python > NEWEST:
        return (
            f"MedLab's packages are made for {fits}, and this is Python "
            f"{_said(at.python)}; start this script with one of those "
            f"('{another}'), which can be installed beside the newer one."
        )
    if not at.has_lock:
        return (
            "MedLab's packages are not made for a free-threaded Python, which this is; "
            f"start this script with the usual build of it ('{another}')."
        )
    return ""


def _unfit_windows(at: Here) -> str:
    if at.made_for == "win-amd64":
        return ""
    return (
        "MedLab's packages for Windows are made for its 64-bit Python for Intel and "
        f"AMD processors, and this one is made for {at.made_for}; install the "
        "'Windows installer (64-bit)' of python.org (Windows 11 on ARM runs it, too) "
        "and start this script with it."
    )


def _unfit_mac(at: Here) -> str:
    if at.processor != "arm64":
        return (
            "There is no PyTorch any more for Intel Macs, nor for a Python that is "
            "made for them; MedLab needs a Mac with Apple silicon (M1 or newer) and "
            "python.org's Python, which runs on it without Rosetta."
        )
    if at.release < MACOS:
        return (
            f"PyTorch needs macOS {MACOS[0]} or newer, and this is macOS "
            f"{_said(at.release)}; update macOS and start again."
        )
    return ""


def _unfit_linux(at: Here) -> str:
    oldest = GLIBC.get(at.processor)
    if oldest is None:
        return (
            "MedLab's packages for Linux are made for 64-bit Python on x86_64 and "
            f"aarch64 processors, and this is {at.processor}; use another machine."
        )
    if at.release < oldest:
        found = f"glibc {_said(at.release)}" if at.release else "another C library"
        return (
            f"Qt needs glibc {_said(oldest)} or newer ({DISTRIBUTIONS[at.processor]} "
            f"are the oldest that have it), and this Linux has {found}; use a newer "
            "release of it, or another distribution."
        )
    return ""


def why_not(at: Here) -> str:
    """Return in a sentence why MedLab cannot be installed; empty where it can.

    Parameters
    ----------
    at : Here
        Python and system.
    """
    if at.system == "win32":
        system = _unfit_windows(at)
    elif at.system == "darwin":
        system = _unfit_mac(at)
    elif at.system.startswith("linux"):
        system = _unfit_linux(at)
    else:
        system = (
            "MedLab's packages are made for Linux, macOS and Windows, and this is "
            f"{at.system}; use another machine."
        )
    # The system first: another Python would not help there.
    return system or _unfit_python(at)


def refuse_unfit() -> None:
    """Say what does not fit before anything is made or downloaded.

    Raises
    ------
    Trouble
        If the pinned packages cannot be installed here.
    """
    why = why_not(here())
    if why:
        raise Trouble(why)
