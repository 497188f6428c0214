from __future__ import annotations

import os

import numpy as np

from medlab_gui.core.records import Series, Severity
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore
from tests.store.conftest import SHAPE


def test_a_sound_project_has_no_problems(store: ProjectStore, series: Series) -> None:
    assert store.health() == []


def test_missing_files_and_leftovers_are_named(
    store: ProjectStore, series: Series
) -> None:
    made = store.add_annotation(
        series.uid,
        np.ones(SHAPE, np.uint8),
        DEFAULT_SCHEME,
        confirmed=[],
        author="ann",
    )
    store.blob_path(made.blob).unlink()
    part = store.folder / "blobs" / "incoming" / "x.part"
    part.write_text("half")
    os.utime(part, (0, 0))
    missing, leftover = store.health()
    assert (missing.code, missing.severity) == ("missing-files", Severity.UNSAFE)
    assert missing.files == (made.blob,)
    assert "1 of 1 files of kind 'mask'" in missing.message
    assert (leftover.code, leftover.files) == ("leftover-files", ("x.part",))
    assert store.sweep() == 1
    assert [p.code for p in store.health()] == ["missing-files"]
    place = store.folder
    store.close()
    part.write_text("half")
    os.utime(part, (0, 0))
    with ProjectStore.open(place):
        assert not part.exists()


def test_a_damaged_journal_is_named(store: ProjectStore, series: Series) -> None:
    before = np.zeros(SHAPE, np.uint8)
    with store.open_journal(series.uid) as journal:
        for value in (1, 2):
            after = np.full(SHAPE, value, np.uint8)
            journal.append_edit("x", (slice(None),) * 3, before, after, author="ann")
            before = after
    path = store.journal_path(series.uid)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])  # a torn end is nothing to worry about
    assert store.health() == []
    path.write_bytes(whole[:60] + b"?" + whole[61:])
    (problem,) = store.health()
    assert (problem.code, problem.files) == ("journal-damaged", (path.name,))
    path.write_bytes(b"?" * 100)
    assert [p.code for p in store.health()] == ["journal-damaged"]
    path.write_bytes(b"")
    assert store.health() == []
