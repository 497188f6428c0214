"""What `medlab doctor` looks at, one function each."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from medlab_gui.commands import advice
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import MedlabError

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.commands.command import Context

__all__ = [
    "Check",
    "Health",
    "check_codecs",
    "check_disk",
    "check_fonts",
    "check_memory",
    "check_opengl",
    "check_packages",
    "check_project",
    "check_python",
    "check_qt",
    "check_resources",
    "check_system",
    "check_torch",
    "probe_qt",
]

PROBE_SECONDS = 60.0
OLDEST_OPENGL = (2, 1)
LOW_MEMORY = 4_000_000_000
LOW_DISK = 2_000_000_000
GB = 1e9
SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "swiftshader", "gdi generic")

CODECS = {
    "JPEG 2000": ("JPEG2000Lossless", "JPEG2000"),
    "HTJ2K": ("HTJ2KLossless", "HTJ2KLosslessRPCL", "HTJ2K"),
    "JPEG-LS": ("JPEGLSLossless", "JPEGLSNearLossless"),
    "RLE": ("RLELossless",),
    "JPEG baseline": ("JPEGBaseline8Bit",),
    "JPEG lossless": ("JPEGLossless", "JPEGLosslessSV1"),
}
"""Kinds of compression, and pydicom's names of their transfer syntaxes."""


PACKAGES = (
    *("alembic", "app_model", "filelock", "napari", "nibabel", "numpy", "platformdirs"),
    *("psutil", "psygnal", "pydantic", "pydantic_settings", "pydicom", "qtpy"),
    *("safetensors", "scipy", "SimpleITK", "skimage", "sqlalchemy", "superqt"),
)
"""Names by which what MedLab cannot do without is imported."""


class Health(StrEnum):
    """What a check found."""

    OK = "ok"
    NOTE = "note"
    """Works, but somebody may want to know."""
    WARNING = "warning"
    """Something will not work, or only slowly."""
    FAULT = "fault"
    """MedLab cannot be used like this."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What it is about: ``"OpenGL"``.
    state : Health
        Whether it is well.
    found : str
        What is there.
    todo : str
        What to do; empty where nothing need be done.
    """

    name: str
    state: Health
    found: str
    todo: str = ""


def probe_qt() -> dict[str, Any]:
    """Ask a process of its own about Qt and OpenGL: it may crash, we may not."""
    command = [sys.executable, "-m", "medlab_gui.gui.gl_probe"]
    try:
        ended = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        out, complaint, code = ended.stdout, ended.stderr, ended.returncode
    except subprocess.TimeoutExpired as error:
        raw = error.stdout or b""
        out = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
        complaint, code = f"no answer within {PROBE_SECONDS:.0f} s", -1
    except OSError as error:
        out, complaint, code = "", str(error), -1
    # The last line may be torn where the process was ended.
    lines = [x for x in out.splitlines() if x.startswith("{") and x.endswith("}")]
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if code != 0:
        said = [line.strip() for line in complaint.splitlines() if line.strip()]
        found["crash"] = next(
            (
                line
                for line in said
                if "display" in line or "cannot open shared" in line
            ),
            said[-1] if said else f"it ended with code {code}",
        )
    return found


def check_python() -> Check:
    """Report the Python that runs this."""
    return Check("Python", Health.OK, f"{platform.python_version()} in {sys.prefix}")


def check_system() -> Check:
    """Report operating system, machine and cores."""
    cores = os.cpu_count() or 1
    return Check("System", Health.OK, f"{platform.platform()}, {cores} processor cores")


def check_qt(probe: dict[str, Any]) -> Check:
    """Judge what the probe says of Qt."""
    if "qt" not in probe:
        return Check(
            "Qt",
            Health.FAULT,
            f"Qt cannot be loaded: {probe.get('crash', 'no answer')}",
            advice.for_qt(),
        )
    found = f"Qt {probe['qt']}, {probe['binding']}"
    if "platform" not in probe:
        return Check(
            "Qt",
            Health.FAULT,
            f"{found}, but it cannot reach the screen: {probe.get('crash', '')}",
            advice.for_screen(),
        )
    screens = ", ".join(probe.get("screens", [])) or "none"
    return Check(
        "Qt", Health.OK, f"{found}, platform {probe['platform']}, screens: {screens}"
    )


def check_opengl(probe: dict[str, Any]) -> Check:
    """Judge what the probe says of OpenGL."""
    name = "OpenGL"
    if "renderer" in probe:
        found = f"{probe['renderer']} ({probe['vendor']}), OpenGL {probe['version']}"
        if _is_too_old(probe["version"]):
            too_old = f"{found}: MedLab needs OpenGL 2.1 or newer"
            return Check(name, Health.FAULT, too_old, advice.for_drawing())
        if any(word in probe["renderer"].lower() for word in SOFTWARE_RENDERERS):
            return Check(
                name,
                Health.NOTE,
                f"{found}: pictures are drawn by the processor",
                "If there is a graphics card, install its driver; all works without, "
                "only more slowly.",
            )
        return Check(name, Health.OK, found)
    why = probe.get("opengl_error") or probe.get("crash") or "Qt could not be asked"
    if "no display" in why or "platform" not in probe:
        return Check(
            name,
            Health.WARNING,
            f"no renderer: {why}",
            advice.for_no_screen(),
        )
    return Check(
        name,
        Health.FAULT,
        f"no renderer: {why}",
        advice.for_drawing(),
    )


def _is_too_old(version: str) -> bool:
    """Tell whether a driver's version, such as ``"1.1.0"``, cannot draw pictures."""
    number = re.match(r"(\d+)\.(\d+)", version)
    return number is not None and tuple(map(int, number.groups())) < OLDEST_OPENGL


def check_torch(device: str) -> Check:
    """Report the build of torch and where it will compute.

    Parameters
    ----------
    device : str
        What the user chose: ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check(
            "torch",
            Health.FAULT,
            f"torch cannot be loaded: {error}",
            advice.mend_environment(),
        )
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
    found = f"torch {torch.__version__} ({build})"
    if torch.cuda.is_available() and device != "cpu":
        properties = torch.cuda.get_device_properties(0)
        memory = properties.total_memory / GB
        return Check(
            "torch",
            Health.OK,
            f"{found}, computes on {properties.name} ({memory:.0f} GB)",
        )
    threads = counted(torch.get_num_threads(), "thread")
    found += f", computes on the processor with {threads}"
    if device == "auto":
        there = importlib.util.find_spec("openvino") is not None
        found += f", predicts by {'OpenVINO' if there else 'torch'}"
    if device == "cuda":
        return Check(
            "torch",
            Health.WARNING,
            f"{found}; the settings ask for cuda",
            advice.for_cuda(),
        )
    if torch.version.cuda and device == "auto":
        return Check(
            "torch",
            Health.NOTE,
            f"{found}, as no NVIDIA device answers",
            "Install the NVIDIA driver if there is such a device.",
        )
    return Check("torch", Health.OK, found)


def check_memory() -> Check:
    """Report the machine's memory."""
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / GB:.1f} GB of {memory.total / GB:.1f} GB are free"
    if memory.available < LOW_MEMORY:
        return Check(
            "Memory",
            Health.WARNING,
            found,
            "Close other programs before opening a large study or training.",
        )
    return Check("Memory", Health.OK, found)


def check_disk(name: str, folder: Path) -> Check:
    """Report the space where something is written.

    Parameters
    ----------
    name : str
        What is written there.
    folder : Path
        It need not exist yet.
    """
    import shutil

    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    name = f"Disk, {name}"
    free = shutil.disk_usage(existing).free
    found = f"{free / GB:.1f} GB free for {folder}"
    if not os.access(existing, os.W_OK):
        return Check(
            name,
            Health.FAULT,
            f"{existing} is read-only or not permitted",
            "Choose another folder, or ask for the right to write there.",
        )
    if free < LOW_DISK:
        return Check(name, Health.WARNING, found, "Free some space on this disk.")
    return Check(name, Health.OK, found)


def check_codecs() -> Check:
    """Report which kinds of compressed DICOM pixels can be read."""
    missing = [kind for kind, names in CODECS.items() if not _decodes(kind, names)]
    present = ", ".join(kind for kind in CODECS if kind not in missing)
    if not missing:
        return Check("Codecs", Health.OK, present)
    return Check(
        "Codecs",
        Health.WARNING,
        f"{present or 'none'}; not {', '.join(missing)}",
        advice.mend_environment(),
    )


def _decodes(kind: str, names: tuple[str, ...]) -> bool:
    try:
        if kind in ("JPEG lossless", "JPEG-LS"):
            import SimpleITK as sitk

            # Its GDCM decodes them: pydicom alone does not the first, and the second
            # only with a package that there is not for every Python.
            if "GDCMImageIO" in sitk.ImageFileReader().GetRegisteredImageIOs():
                return True
        from pydicom import uid
        from pydicom.pixels.decoders.base import get_decoder

        return all(get_decoder(getattr(uid, name)).is_available for name in names)
    except ImportError:  # half a package: its other half is asked for
        return False


def check_packages() -> Check:
    """Report packages that are not there at all; Qt and torch are tried elsewhere."""

    def is_there(name: str) -> bool:
        try:
            return importlib.util.find_spec(name) is not None
        except ImportError:
            return False

    missing = [name for name in PACKAGES if not is_there(name)]
    if not missing:
        return Check("Packages", Health.OK, f"all {len(PACKAGES)} are there")
    return Check(
        "Packages",
        Health.FAULT,
        f"not installed: {', '.join(missing)}",
        advice.mend_environment(),
    )


def check_fonts(probe: dict[str, Any]) -> Check:
    """Judge what the probe says of fonts."""
    count = probe.get("font_families")
    if count is None:
        return Check(
            "Fonts",
            Health.WARNING,
            "not known, as Qt could not be asked",
            "See what is said of Qt.",
        )
    if count == 0:
        return Check(
            "Fonts",
            Health.FAULT,
            "no font is installed: the window would show boxes",
            advice.for_fonts(),
        )
    if not probe.get("cjk"):
        return Check(
            "Fonts",
            Health.NOTE,
            f"{count} families, none for Chinese, Japanese or Korean",
            advice.for_cjk(),
        )
    return Check("Fonts", Health.OK, f"{count} families, also for CJK")


def check_resources() -> Check:
    """Compare the shipped weights with their checksums."""
    import hashlib

    from medlab_gui.core.resources import resource

    name, again = "Shipped files", "Install MedLab again."
    try:
        sums = resource("models", "SHA256SUMS").read_text(encoding="utf-8").split("\n")
        wanted = [line.split(maxsplit=1) for line in sums if line.strip()]
        wrong = []
        for digest, file in wanted:
            content = resource("models", file.strip().lstrip("*")).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                wrong.append(file.strip())
        demo = len(list(resource("demo").iterdir()))
    except (OSError, ValueError) as error:
        return Check(name, Health.FAULT, f"something is missing ({error})", again)
    if wrong:
        text = f"{', '.join(wrong)} is not as it was shipped"
        return Check(name, Health.FAULT, text, again)
    files = ", ".join(file.strip() for _, file in wanted)
    return Check(name, Health.OK, f"{files}: checksums are right; demo: {demo} entries")


def check_project(ctx: Context) -> Check:
    """Open the project, if there is one; say what is in it, and what was lost."""
    from medlab_gui.core.records import Severity
    from medlab_gui.store.project import ProjectStore

    place = ctx.project_place
    name = "Project"
    if not ProjectStore.exists(place):
        if ctx.project:
            return Check(
                name,
                Health.FAULT,
                f"there is no project at {place}",
                "Check --project; `medlab import --project FOLDER PATH` makes one.",
            )
        return Check(name, Health.OK, f"none yet; it will be made at {place}")
    try:
        with ctx.store() as store:
            lost = [p for p in store.health() if p.severity is not Severity.NOTE]
            todo = " ".join(p.message for p in lost)
            if any(p.code == "database-damaged" for p in lost):
                return Check(name, Health.FAULT, f"{place} is damaged", todo)
            weights, n_studies = store.current_checkpoint(), len(store.studies())
            parts = [
                "1 study" if n_studies == 1 else f"{n_studies} studies",
                f"{len(store.series_list())} series",
                counted(len(store.items()), "queued slice"),
                f"weights: {weights.id if weights else 'none'}",
            ]
            state = Health.WARNING if lost else Health.OK
            return Check(name, state, f"{place}: {', '.join(parts)}", todo)
    except MedlabError as error:
        return Check(
            name, Health.FAULT, error.message, "Choose another project (--project)."
        )
