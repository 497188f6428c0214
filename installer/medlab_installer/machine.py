"""What the machine must have before anything can be installed."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from medlab_installer.trouble import Trouble

GB = 1_000_000_000
SPACE_CPU = 3 * GB
SPACE_CUDA = 10 * GB

LIBRARIES = {
    # Found by asking the loader about PySide6's own files and the xcb plug-in;
    # the rest of the X libraries come with these.
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
"""Shared libraries that Qt loads on Linux, and Debian's packages that hold them."""


@dataclass(frozen=True)
class Lack:
    """One thing that the machine lacks.

    Parameters
    ----------
    what : str
        What a person reads: ``"libEGL.so.1"``.
    package : str
        Debian's package that holds it.
    """

    what: str
    package: str


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _can_make_environments() -> bool:
    """Return whether this Python has what Debian puts into a package of its own."""
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


def _has_software_opengl() -> bool:
    roots = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
    patterns = ("dri/*_dri.so", "*/dri/*_dri.so", "libgallium*.so", "*/libgallium*.so")
    return any(
        next(Path(root).glob(pattern), None) for root in roots for pattern in patterns
    )


def has_display() -> bool:
    """Return whether a window can be shown at all."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def needs_own_screen() -> bool:
    """Return whether the tests must bring a screen: X on Linux, and none is there."""
    return sys.platform.startswith("linux") and not os.environ.get("DISPLAY")


def lacking(*, screen: bool) -> list[Lack]:
    """Find what must come from the operating system.

    Parameters
    ----------
    screen : bool
        Whether an X server of our own (Xvfb) is needed too.

    Returns
    -------
    list of Lack
        Empty where all is there.
    """
    lacks = []
    if not _can_make_environments():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        lacks.append(Lack("Python's venv module", f"python{version}-venv"))
    if not sys.platform.startswith("linux"):
        return lacks
    lacks += [Lack(so, deb) for so, deb in LIBRARIES.items() if not _loads(so)]
    # A driver of its own renders without Mesa, but never on our own screen.
    if (screen or not Path("/proc/driver/nvidia").exists()) and (
        not _has_software_opengl()
    ):
        lacks.append(Lack("an OpenGL renderer", "libgl1-mesa-dri"))
    if screen and shutil.which("Xvfb") is None:
        lacks.append(Lack("Xvfb", "xvfb"))
    return lacks


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _apt_prefix() -> list[str] | None:
    """Return what lets apt-get install here without asking, or None."""
    if shutil.which("apt-get") is None:
        return None
    if _is_root():
        return []
    if shutil.which("sudo"):
        try:
            asked = subprocess.run(
                ["sudo", "-n", "true"], check=False, capture_output=True, timeout=20
            )
        except subprocess.TimeoutExpired:  # it waits for a directory of users
            return None
        if asked.returncode == 0:
            return ["sudo", "-n"]
    return None


def provide(lacks: list[Lack], log: Path, *, screen: bool) -> None:
    """Install what is lacking with apt-get, or say how.

    Parameters
    ----------
    lacks : list of Lack
        What `lacking` found.
    log : Path
        Where the output of apt-get goes.
    screen : bool
        As for `lacking`, which looks again afterwards.

    Raises
    ------
    Trouble
        If it may not be installed from here, or could not be.
    """
    if not lacks:
        return
    names = ", ".join(lack.what for lack in lacks)
    packages = sorted({lack.package for lack in lacks})
    by_hand = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        msg = (
            f"This machine lacks {names}; install what holds them (on Debian: "
            f"{' '.join(packages)}) with its own package manager and start again."
        )
        raise Trouble(msg)
    prefix = _apt_prefix()
    if prefix is None:
        msg = (
            f"This machine lacks {names}; run this and start again:\n"
            f"  sudo sh -c 'apt-get update && {by_hand}'"
        )
        raise Trouble(msg)
    noninteractive = ["env", "DEBIAN_FRONTEND=noninteractive"]
    with log.open("ab") as out:
        for command in (["apt-get", "update"], by_hand.split()):
            subprocess.run(
                [*prefix, *noninteractive, *command],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
    left = lacking(screen=screen)
    if left:
        msg = (
            f"apt-get could not install {', '.join(lack.what for lack in left)} (its "
            f"output is in {log}); run 'apt-get update && {by_hand}' and look."
        )
        raise Trouble(msg)


def check_space(folder: Path, needed: int) -> None:
    """Refuse to start where the disk cannot hold the environment.

    Parameters
    ----------
    folder : Path
        Where the environment will be; it need not exist.
    needed : int
        Bytes.

    Raises
    ------
    Trouble
        If less is free.
    """
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        msg = (
            f"MedLab needs about {needed / GB:.0f} GB for its environment and "
            f"{free / GB:.1f} GB are free at {existing}; free some space, or choose "
            "another disk with --env DIR."
        )
        raise Trouble(msg)


def has_nvidia() -> bool:
    """Return whether nvidia-smi finds a device."""
    if shutil.which("nvidia-smi") is None:
        return False
    try:
        found = subprocess.run(
            ["nvidia-smi", "-L"],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0 and "GPU" in found.stdout
