"""Why an installation failed, in a sentence, with everything in the log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from medlab_installer import pip
from medlab_installer.pip import PipError
from medlab_installer.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Temporary failure in name resolution", "cannot be reach"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED]", "PIP_CERT"),
        ("ERROR: No matching distribution found for torch==2.13.0+cpu", "torch==2.13"),
        ("ERROR: ResolutionImpossible", "do not fit together"),
        ("PermissionError: [Errno 13] Permission denied", "--env DIR"),
        ("OSError: [WinError 5] Access is denied: 'QtCore.pyd'", "close MedLab"),
        (
            "OSError: [Errno 2]\nHINT: ... does not have Windows Long Path support",
            "long",
        ),
        ("something else", "see the end"),
    ],
)
def test_reasons(output: str, told: str):
    assert told in pip.reason(output)


def test_failure_shows_the_tail_and_keeps_the_log(tmp_path: Path):
    code = (
        "import sys\n"
        "for n in range(30): print('line', n)\n"
        "print('WARNING: an index lacks it')\n"
        "print('ERROR: No matching distribution found for nothing', file=sys.stderr)\n"
        "sys.exit(1)"
    )
    log = tmp_path / "log"
    with pytest.raises(PipError) as failed:
        pip.run([sys.executable, "-c", code], log, Progress(1))
    text = str(failed.value)
    assert "no package index offers nothing" in text
    assert "line 29" in text
    assert "line 0\n" not in text
    assert "WARNING" not in text
    assert "line 0\n" in log.read_text(encoding="utf-8")


def test_without_a_network_it_is_not_the_package_that_is_missing(tmp_path: Path):
    """What pip 26 prints where no index answers."""
    code = (
        "print('WARNING: Retrying (Retry(total=0)) after connection broken by '"
        "'NewConnectionError(Failed to establish a new connection)')\n"
        "print('ERROR: Could not find a version that satisfies the requirement '"
        "'torch==2.13.0 (from versions: none)')\n"
        "print('ERROR: No matching distribution found for torch==2.13.0')\n"
        "raise SystemExit(1)"
    )
    with pytest.raises(PipError, match="cannot be reached; check the network"):
        pip.run([sys.executable, "-c", code], tmp_path / "log", Progress(1))


CONFLICT = """\
ERROR: Cannot install torch==2.13.0+cpu because these package versions have \
conflicting dependencies.

The conflict is caused by:
    The user requested torch==2.13.0+cpu
    The user requested (constraint) torch==2.13.0

To fix this you could try to:
1. loosen the range of package versions you've specified
ERROR: ResolutionImpossible: for help visit the documentation
"""


@pytest.mark.parametrize(
    ("warning", "told"),
    [
        ("WARNING: Retrying (Retry(total=0)) after 'NewConnectionError()'", "network"),
        ("WARNING: Retrying (Retry(total=0)) after 'ProxyError()'", "proxy"),
        ("", "no package index offers torch for this Python"),
    ],
)
def test_a_pin_without_any_version_is_no_conflict(tmp_path: Path, warning, told):
    """What pip 23 prints, which Python 3.11 brings: of a network it says nothing."""
    code = f"print({f'{warning}{chr(10)}{CONFLICT}'!r}); raise SystemExit(1)"
    with pytest.raises(PipError, match=told) as failed:
        pip.run([sys.executable, "-c", code], tmp_path / "log", Progress(1))
    assert "do not fit together" not in str(failed.value)


def test_a_true_conflict_is_told():
    between = "    The user requested (constraint) torch==2.13.0\n"
    true = CONFLICT.replace(between, "    napari 0.9.2 depends on torch<2\n")
    assert "do not fit together" in pip.reason(true)


def test_success_is_quiet(tmp_path: Path, capsys):
    pip.run([sys.executable, "-c", "print('ok')"], tmp_path / "log", Progress(1))
    assert capsys.readouterr().err == ""


def test_other_pythons_packages_stay_out(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    variables = pip.clean_environment()
    assert "elsewhere" not in variables.values()
    assert variables["PYTHONNOUSERSITE"] == "1"
