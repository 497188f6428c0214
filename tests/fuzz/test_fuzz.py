"""A few hundred broken files, and those that once did harm.

``python -m tests.fuzz`` runs as many as one likes.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pytest

from medlab_gui.core.errors import InputError, ResourceError

if not sys.platform.startswith("linux"):
    pytest.skip("memory is measured by way of /proc", allow_module_level=True)

from tests.fuzz.examine import examine
from tests.fuzz.minimise import CASES
from tests.fuzz.mutate import apply, make_case
from tests.fuzz.run import ROOT, Child, run_cases
from tests.fuzz.seeds import seeds

COUNT = 300
SEED = 20261121
KNOWN = sorted(p for p in CASES.iterdir() if p.name != "README.md")


def real_scans() -> Path | None:
    """The real scans, or None: then phantoms are broken instead."""
    folder = Path(os.environ.get("MEDLAB_SHARED", ROOT.parent / "shared"))
    return folder if (folder / "data").is_dir() else None


@pytest.fixture(scope="module")
def child():
    child = Child(None)
    yield child
    child.stop()


@pytest.mark.parametrize("path", KNOWN, ids=lambda p: p.name)
def test_what_once_failed(child, path):
    files = [path] if path.is_file() else sorted(path.iterdir())
    failure = child.read({p.name: p.read_bytes() for p in files})
    assert failure is None, f"{failure.signature}: {failure.details}"


def test_nothing_but_volumes_and_sentences():
    report = run_cases(SEED, range(COUNT), real_scans(), jobs=2)
    assert report.count == COUNT
    assert not report.failures, str(report)


def test_a_case_is_the_same_in_every_run():
    first, second = seeds(None), seeds(None)
    assert first == second
    names = list(first)
    for number in range(60):
        case = make_case(1, number, names, first)
        assert case == make_case(1, number, names, second)
        assert apply(case, first) == apply(case, second)
    broken = [apply(make_case(1, n, names, first), first) for n in range(60)]
    kept = [b == first[names[n % len(names)]] for n, b in enumerate(broken)]
    assert sum(kept) < 6


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (KeyError("PatientName"), "exception"),
        (InputError("no full stop"), "sentence"),
        (InputError("The value of Rows is None here."), "sentence"),
        (ResourceError("There is not enough memory for this."), "memory"),
        (InputError("This is a sentence that a person understands."), None),
    ],
)
def test_what_counts_as_failure(tmp_path, monkeypatch, raised, kind):
    def scan(path):
        raise raised

    monkeypatch.setattr("medlab_gui.io.scan", scan)
    failure = examine(tmp_path)
    assert (failure and failure.kind) == kind


def test_warnings_and_memory_count_as_failures(tmp_path, monkeypatch):
    def warns(path):
        warnings.warn("odd", UserWarning, stacklevel=1)
        msg = "This is a sentence that a person understands."
        raise InputError(msg)

    def takes(path):
        taken = bytearray(b"x") * 200_000_000
        msg = f"These {len(taken):,} bytes were taken."
        raise InputError(msg)

    monkeypatch.setattr("medlab_gui.io.scan", warns)
    assert examine(tmp_path).kind == "warning"
    monkeypatch.setattr("medlab_gui.io.scan", takes)
    assert examine(tmp_path).kind == "memory"


def test_a_crash_is_told(monkeypatch, tmp_path):
    child = Child(None)
    try:
        assert child.ask({"sound": "ct"}) is None
        child._process.kill()
        child._process.wait()
        assert child.ask({"sound": "ct"}).kind == "crash"
        assert child.ask({"sound": "ct"}) is None
    finally:
        child.stop()
