"""What `medlab doctor` finds, and what it says to do about it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from medlab_gui.commands import machine_checks as look
from medlab_gui.commands.command import Context
from medlab_gui.commands.doctor import DOCTOR, DoctorParams, format_report, run
from medlab_gui.commands.machine_checks import Check, Health
from medlab_gui.core import resources
from medlab_gui.core.records import Study
from tests.store.conftest import add_series

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = {
    "qt": "6.11.3",
    "binding": "PySide6 6.11.3",
    "platform": "xcb",
    "screens": ["1920 x 1080 at 1"],
    "font_families": 35,
    "cjk": True,
    "vendor": "NVIDIA Corporation",
    "renderer": "NVIDIA GeForce",
    "version": "4.6",
}

NAMES = {
    *("Python", "System", "Packages", "Qt", "OpenGL", "torch", "Memory", "Codecs"),
    "Fonts",
    *("Disk, project", "Disk, temporary files", "Project", "Shipped files"),
}


def test_the_whole_report(isolated: Path):
    seen = []
    ctx = Context()
    ctx.job._on_progress = seen.append
    report = run(DoctorParams(), ctx)
    assert {c["name"] for c in report["checks"]} == NAMES
    assert json.loads(json.dumps(report)) == report
    for check in report["checks"]:
        assert check["found"]
        assert check["state"] in {"ok", "note", "warning", "fault"}
        assert check["todo"] or check["state"] == "ok", check
    by_name = {c["name"]: c for c in report["checks"]}
    for name in ("Python", "torch", "Memory", "Disk, project"):
        assert by_name[name]["state"] != "fault", by_name[name]
    assert len(seen) == len(NAMES)
    assert not (isolated / "project").exists(), "looking must not make a project"
    text = format_report(report)
    assert all(f"{name}: " in text for name in NAMES)


def test_the_command_answers_json(monkeypatch):
    ran = subprocess.run(
        [sys.executable, "-m", "medlab_gui", "doctor", "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert set(json.loads(ran.stdout)) == {"healthy", "checks"}


@pytest.mark.skipif(sys.platform == "win32", reason="Qt there has always a display")
def test_without_a_display_there_is_a_reason(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    probe = look.probe_qt()
    assert look.check_qt(probe).state is Health.OK
    opengl = look.check_opengl(probe)
    assert opengl.state is Health.WARNING
    assert "no display" in opengl.found
    assert "DISPLAY" in opengl.todo
    assert probe["font_families"] > 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fontconfig's matter")
def test_without_a_font_it_says_so(monkeypatch, tmp_path):
    """Qt lists Sans Serif and two others although there is none."""
    config = tmp_path / "fonts.conf"
    config.write_text(
        f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>"
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))
    found = look.check_fonts(look.probe_qt())
    assert found.state is Health.FAULT
    assert "no font is installed" in found.found
    assert "fonts-dejavu-core" in found.todo


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X is Linux's matter")
def test_a_display_that_is_not_there(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":9876")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    probe = look.probe_qt()
    assert "could not connect to display" in probe["crash"]
    qt = look.check_qt(probe)
    assert qt.state is Health.FAULT
    assert "6.11" in qt.found
    assert "DISPLAY" in qt.todo
    assert look.check_opengl(probe).state is Health.WARNING
    assert look.check_fonts(probe).state is Health.WARNING


@pytest.mark.gui
def test_with_a_display_the_renderer_is_named(qapp):
    probe = look.probe_qt()
    assert look.check_qt(probe).state is Health.OK
    opengl = look.check_opengl(probe)
    assert opengl.state in (Health.OK, Health.NOTE)
    assert probe["renderer"] in opengl.found


def test_a_probe_that_hangs_or_cannot_start(monkeypatch):
    def hang(command, **options):
        raise subprocess.TimeoutExpired(command, 1, output=b'{"qt": "6"}\n{"qt')

    monkeypatch.setattr(look.subprocess, "run", hang)
    probe = look.probe_qt()
    assert probe["qt"] == "6"
    assert "no answer" in probe["crash"]

    def refuse(command, **options):
        raise OSError("no such program")

    monkeypatch.setattr(look.subprocess, "run", refuse)
    qt = look.check_qt(look.probe_qt())
    assert qt.state is Health.FAULT
    assert "no such program" in qt.found


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, Health.OK, "NVIDIA GeForce"),
        ({"renderer": "llvmpipe (LLVM 15)"}, Health.NOTE, "by the processor"),
        ({"renderer": "GDI Generic"}, Health.NOTE, "by the processor"),
    ],
)
def test_renderers(changes, state, said):
    check = look.check_opengl({**WHOLE, **changes})
    assert check.state is state
    assert said in check.found
    assert bool(check.todo) is (state is not Health.OK)


def test_a_driver_without_opengl_is_a_fault():
    probe = {k: v for k, v in WHOLE.items() if k not in ("renderer", "vendor")}
    check = look.check_opengl({**probe, "opengl_error": "the driver gives no context"})
    assert check.state is Health.FAULT
    assert "driver" in check.todo


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("1.1.0", Health.FAULT),
        ("2.0", Health.FAULT),
        ("2.1 Metal - 88", Health.OK),
        ("4.6.0 NVIDIA 550", Health.OK),
        ("OpenGL ES 3.2", Health.OK),
    ],
)
def test_what_windows_draws_by_itself_is_too_old(version, state):
    """It said that all works, only more slowly: napari cannot draw a picture there."""
    check = look.check_opengl({**WHOLE, "version": version})
    assert check.state is state
    assert ("needs OpenGL 2.1" in check.found) is (state is Health.FAULT)


FAULTS = {
    "qt": lambda: look.check_qt({"crash": "DLL load failed"}),
    "screen": lambda: look.check_qt({"qt": "6.11", "binding": "PySide6"}),
    "no screen": lambda: look.check_opengl({}),
    "drawing": lambda: look.check_opengl({**NO_RENDERER, "opengl_error": "none"}),
    "fonts": lambda: look.check_fonts({**WHOLE, "font_families": 0}),
    "cjk": lambda: look.check_fonts({**WHOLE, "cjk": False}),
    "cuda": lambda: look.check_torch("cuda"),
    "codecs": lambda: look.check_codecs(),
}
NO_RENDERER = {k: v for k, v in WHOLE.items() if k not in ("renderer", "vendor")}
ADVICE = {
    "linux": {
        "qt": "python3 installer/bootstrap.py env",
        "screen": "xcb",
        "no screen": "set DISPLAY",
        "drawing": "libgl1-mesa-dri",
        "fonts": "fonts-dejavu-core",
        "cjk": "fonts-noto-cjk",
        "cuda": "python3 installer/bootstrap.py env --torch cuda",
        "codecs": "python3 installer/bootstrap.py env",
    },
    "win32": {
        "qt": "Visual C++ Redistributable",
        "screen": "logged in",
        "no screen": "desktop session",
        "drawing": "card's maker",
        "fonts": "fonts of the system",
        "cjk": "Optional features",
        "cuda": r"py installer\bootstrap.py env --torch cuda",
        "codecs": r"py installer\bootstrap.py env",
    },
    "darwin": {
        "qt": "python3 installer/bootstrap.py env",
        "screen": "logged in",
        "no screen": "desktop session",
        "drawing": "macOS brings OpenGL",
        "fonts": "fonts of the system",
        "cjk": "Font Book",
        "cuda": "no CUDA on macOS",
        "codecs": "python3 installer/bootstrap.py env",
    },
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("system", ADVICE)
def test_advice_is_for_this_system(monkeypatch, system, fault):
    """Windows and macOS were told of Debian's packages and of DISPLAY."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(look, "_decodes", lambda kind, names: kind != "RLE")
    monkeypatch.setattr(sys, "platform", system)
    todo = FAULTS[fault]().todo
    assert ADVICE[system][fault] in todo
    others = ("Debian", "DISPLAY", "Mesa", "xcb") if system != "linux" else ("py inst",)
    assert not [word for word in others if word in todo]


@pytest.mark.parametrize(
    ("probe", "state"),
    [
        (WHOLE, Health.OK),
        ({**WHOLE, "cjk": False}, Health.NOTE),
        ({**WHOLE, "font_families": 0}, Health.FAULT),
        ({}, Health.WARNING),
    ],
)
def test_fonts(probe, state):
    assert look.check_fonts(probe).state is state


def test_torch_names_build_and_device():
    import torch

    check = look.check_torch("cpu")
    assert torch.__version__ in check.found
    n = torch.get_num_threads()
    assert f" {n} thread{'' if n == 1 else 's'}" in check.found
    if not torch.cuda.is_available():
        asked = look.check_torch("cuda")
        assert asked.state is Health.WARNING
        assert "--torch cuda" in asked.todo


@pytest.mark.parametrize(("there", "said"), [(True, "OpenVINO"), (False, "torch")])
def test_what_predicts_is_told(monkeypatch, there, said):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    spec = object() if there else None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    assert look.check_torch("auto").found.endswith(f"predicts by {said}")
    assert "predicts by" not in look.check_torch("cpu").found


def test_codecs_that_we_install_are_all_there():
    check = look.check_codecs()
    for kind in (
        "JPEG 2000",
        "HTJ2K",
        "JPEG-LS",
        "RLE",
        "JPEG baseline",
        "JPEG lossless",
    ):
        assert kind in check.found.partition("; not ")[0]
    assert check.state is Health.OK


def test_a_missing_codec_is_named(monkeypatch):
    from pydicom.pixels.decoders import base

    real = base.get_decoder

    def without(uid):
        decoder = real(uid)
        missing = "JPEG 2000" in uid.name
        return (
            type("Decoder", (), {"is_available": not missing}) if missing else decoder
        )

    monkeypatch.setattr(base, "get_decoder", without)
    check = look.check_codecs()
    assert check.state is Health.WARNING
    assert "JPEG 2000" in check.found.partition("; not ")[2]


@pytest.mark.parametrize("name", ["openjpeg", "SimpleITK"])
def test_half_a_codec_is_missing_and_no_bug(monkeypatch, name):
    """The doctor itself ended as a bug where the file of a package had gone."""
    from pydicom.pixels.decoders import base

    def gone(uid):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(base, "get_decoder", gone)
    check = look.check_codecs()
    assert check.state is Health.WARNING
    left_out = check.found.partition("; not ")[2]
    assert "JPEG 2000" in left_out
    assert ("JPEG lossless" in left_out) == (name == "SimpleITK")
    assert "bootstrap.py env" in check.todo


def test_a_package_that_is_not_there_is_a_fault(monkeypatch):
    """Without napari it said "MedLab can work here"."""
    assert look.check_packages().state is Health.OK
    real = importlib.util.find_spec

    def find(name):
        if name == "skimage":
            raise ModuleNotFoundError("No module named 'skimage'", name=name)
        return None if name == "napari" else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    check = look.check_packages()
    assert check.state is Health.FAULT
    assert check.found == "not installed: napari, skimage"
    assert "bootstrap.py env" in check.todo


def test_memory(monkeypatch):
    import psutil

    assert look.check_memory().found.count("GB") == 2
    little = type("Memory", (), {"available": 5e8, "total": 8e9})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    assert look.check_memory().state is Health.WARNING


def test_disk(tmp_path: Path, monkeypatch):
    import shutil

    assert look.check_disk("x", tmp_path / "not" / "yet").state is Health.OK
    full = type("Usage", (), {"free": 1e8})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    assert look.check_disk("x", tmp_path).state is Health.WARNING
    monkeypatch.setattr(look.os, "access", lambda path, mode: False)
    check = look.check_disk("x", tmp_path)
    assert check.state is Health.FAULT
    assert "read-only" in check.found


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch) -> Path:
    """Resources with one file of weights and its checksum."""
    models = tmp_path / "resources" / "models"
    models.mkdir(parents=True)
    (tmp_path / "resources" / "demo").mkdir()
    weights = models / "starter.safetensors"
    weights.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    (models / "SHA256SUMS").write_text(
        f"{digest}  starter.safetensors\n", encoding="utf-8"
    )
    monkeypatch.setattr(resources, "_root", lambda: tmp_path / "resources")
    return weights


def test_shipped_weights_are_compared(shipped: Path):
    assert look.check_resources().state is Health.OK
    shipped.write_bytes(b"weightz")
    changed = look.check_resources()
    assert changed.state is Health.FAULT
    assert "starter.safetensors is not as it was shipped" in changed.found
    shipped.unlink()
    assert "missing" in look.check_resources().found


def test_no_project_yet_is_well_unless_one_was_named(isolated: Path, tmp_path: Path):
    assert look.check_project(Context()).state is Health.OK
    named = look.check_project(Context(project=str(tmp_path / "gone")))
    assert named.state is Health.FAULT
    assert "no project at" in named.found


def test_a_project_is_described(tmp_path: Path):
    place = str(tmp_path / "project")
    ctx = Context(project=place)
    with ctx.store(create=True):
        pass
    check = look.check_project(ctx)
    assert check.state is Health.OK
    assert "0 series" in check.found
    (tmp_path / "project" / "project.db").write_bytes(b"not a database at all" * 99)
    broken = look.check_project(ctx)
    assert broken.state is Health.FAULT
    assert broken.todo


def test_what_a_project_lost_is_told(tmp_path: Path):
    ctx = Context(project=str(tmp_path / "project"))
    with ctx.store(create=True) as store:
        scan = store.blob_path(add_series(store).blob)
    assert look.check_project(ctx).state is Health.OK
    whole = scan.read_bytes()
    scan.chmod(0o600)
    scan.write_bytes(whole[: len(whole) // 2])
    check = look.check_project(ctx)
    assert check.state is Health.WARNING
    assert "1 of 1 scans are damaged or cut off. Restore" in check.todo
    scan.unlink()
    check = look.check_project(ctx)
    assert check.state is Health.WARNING
    assert "1 series" in check.found
    assert "1 of 1 files of kind 'scan' are missing. Restore" in check.todo
    file = tmp_path / "project" / "project.db"
    empty = file.stat().st_size
    with ctx.store() as store:
        for n in range(300):
            store.add_study(Study(f"1.2.{n}", "p", None, "x" * 200))
    whole = file.read_bytes()
    assert len(whole) > empty + 10_000
    # The first pages, which opening reads, stay.
    file.write_bytes(whole[:empty] + b"\xa5" * (len(whole) - empty))
    check = look.check_project(ctx)
    assert check.state is Health.FAULT
    assert "Restore it from a backup" in check.todo


def test_words():
    report = {
        "healthy": False,
        "checks": [
            {"name": "A", "state": "ok", "found": "well", "todo": ""},
            {"name": "B", "state": "fault", "found": "bad", "todo": "Mend it."},
        ],
    }
    text = format_report(report)
    assert text.splitlines() == [
        "ok       A: well",
        "FAULT    B: bad",
        "         -> Mend it.",
        "",
        "1 fault to mend before MedLab can work.",
    ]
    assert DOCTOR.text is format_report
    assert Check("A", Health.OK, "x").todo == ""
