"""What no source file of the product may be called or contain."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
MOST_LINES = 450
"""About 400 is what we aim at."""

# Folders that exist on a developer's machine only, and places to download from.
LOCAL = re.compile(r"(?<![\w.~$}/-])/(?:work|tmp|root|home|opt|farm|Users)/[\w.]")
# PyTorch's host has packages, and under /models/ the weights that `medlab weights list`
# names for a person to download.
HOSTS = re.compile(
    r"(?:pypi|pythonhosted|download\.pytorch|conda|anaconda|npmjs|deb\.debian|"
    r"archive\.ubuntu|files\.)[\w.-]*\.(?:org|com|io|net)(?!/models/)|"
    r"localhost:\d|127\.0\.0\.1",
    re.IGNORECASE,
)


def product_files() -> list[Path]:
    """All text files that git knows, outside the tests."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout")
    names = [name for name in listed.stdout.split("\0") if name]
    return [
        ROOT / name
        for name in names
        if not name.startswith("tests/") and (ROOT / name).is_file()
    ]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_modules_are_named_after_what_they_hold():
    vague = [
        path.relative_to(ROOT)
        for folder in ("medlab_gui", "installer", "tests", "plugins")
        for path in (ROOT / folder).rglob("*")
        if path.stem.lower() in VAGUE and (path.suffix == ".py" or path.is_dir())
    ]
    assert not vague


def test_files_are_short_enough_to_read():
    long = {
        str(path.relative_to(ROOT)): n
        for path in (ROOT / "medlab_gui").rglob("*.py")
        if (n := len(text_of(path).splitlines())) > MOST_LINES
    }
    assert not long


@pytest.mark.parametrize(
    ("pattern", "what"), [(LOCAL, "a local path"), (HOSTS, "a package host")]
)
def test_the_product_names_no_machine(pattern: re.Pattern[str], what: str):
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in product_files()
        if (match := pattern.search(text_of(path)))
    ]
    assert not found, f"{what} in {found}"


@pytest.mark.parametrize(
    "line",
    ['open("/tmp/x")', "/work/main", "PATH=/root/.cache", "see /home/me/scan.nii"],
)
def test_local_paths_would_be_seen(line: str):
    assert LOCAL.search(line)


def test_package_hosts_would_be_seen():
    assert HOSTS.search("https://download.pytorch.org/whl/cpu")
    assert HOSTS.search("https://pypi.org/simple")
    assert not HOSTS.search("https://download.pytorch.org/models/vgg16-397923af.pth")


@pytest.mark.parametrize("line", ["a/tmp/b", "resources/home/x", "~/tmp/a", "/usr/lib"])
def test_other_paths_are_no_alarm(line: str):
    assert not LOCAL.search(line)
