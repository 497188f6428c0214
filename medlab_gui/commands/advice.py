"""What to do about faults of a machine, in the words of its system."""

from __future__ import annotations

import sys

__all__ = [
    "bootstrap",
    "for_cjk",
    "for_cuda",
    "for_drawing",
    "for_fonts",
    "for_no_screen",
    "for_qt",
    "for_screen",
    "mend_environment",
]

_RUNTIME = "Microsoft's Visual C++ Redistributable (x64)"


def bootstrap(arguments: str) -> str:
    """Return the command that runs the installer, as it is typed here."""
    if sys.platform == "win32":
        return rf"py installer\bootstrap.py {arguments}"
    return f"python3 installer/bootstrap.py {arguments}"


def mend_environment() -> str:
    """Return what to do where a package is gone or broken."""
    return f"Run '{bootstrap('env')}', which mends the environment."


def for_qt() -> str:
    """Return what to do where Qt cannot be loaded."""
    if sys.platform == "win32":
        return f"{mend_environment()} If that does not help, install {_RUNTIME}."
    if sys.platform == "darwin":
        return mend_environment()
    return (
        f"Run '{bootstrap('env')}', which installs the system libraries that Qt needs."
    )


def for_screen() -> str:
    """Return what to do where Qt cannot reach the screen."""
    if sys.platform in ("win32", "darwin"):
        return (
            "Start it from the desktop of whoever is logged in (not as a service, nor "
            "over ssh), and without QT_QPA_PLATFORM."
        )
    return (
        "Check DISPLAY and QT_QPA_PLATFORM; on Debian and Ubuntu "
        f"'{bootstrap('env')}' installs the libraries of the xcb plug-in."
    )


def for_no_screen() -> str:
    """Return what to do where there is no screen to draw on."""
    start = "The window needs a screen: start it from a desktop session"
    if sys.platform not in ("win32", "darwin"):
        start += ", or set DISPLAY"
    return f"{start}. All verbs of the command line work without."


def for_drawing() -> str:
    """Return what to do where there is no OpenGL, or one that is too old."""
    if sys.platform == "win32":
        return (
            "Install the driver of the graphics card's maker: what Windows has by "
            "itself, and some remote desktops, draw no pictures."
        )
    if sys.platform == "darwin":
        return (
            "macOS brings OpenGL with it: start the computer again, and sit at it "
            "rather than share its screen."
        )
    return (
        "Install the graphics driver, or Mesa for drawing by the processor "
        "(libgl1-mesa-dri on Debian and Ubuntu)."
    )


def for_fonts() -> str:
    """Return what to do where there is no font."""
    if sys.platform in ("win32", "darwin"):
        return "Restore the fonts of the system."
    return "Install fonts (fonts-dejavu-core on Debian and Ubuntu)."


def for_cjk() -> str:
    """Return what to do where names in Chinese, Japanese or Korean show as boxes."""
    text = "Install one if names of studies show as boxes "
    if sys.platform == "win32":
        return f"{text}(Settings, Apps, Optional features: supplemental fonts)."
    if sys.platform == "darwin":
        return f"{text}(with the program Font Book)."
    return f"{text}(fonts-noto-cjk on Debian and Ubuntu)."


def for_cuda() -> str:
    """Return what to do where CUDA was chosen and is not there."""
    if sys.platform == "darwin":
        return "There is no CUDA on macOS: choose auto."
    return (
        "Install the NVIDIA driver and a CUDA build "
        f"('{bootstrap('env --torch cuda')}'), or choose auto."
    )
