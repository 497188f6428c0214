"""What a project has in its journals that nobody saved."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.jobs import Cancelled, JobContext
from medlab_gui.review.recovery import recoveries
from medlab_gui.review.session import ReviewSession
from medlab_gui.store.fold import fold_journal
from medlab_gui.store.project import ProjectStore
from tests.store.conftest import add_series
from tests.store.vouching import confirm

if TYPE_CHECKING:
    from pathlib import Path

BOX = (slice(2, 3), slice(3, 7), slice(4, 9))


def _draw(place: Path, uid: str, *values: int) -> None:
    with ReviewSession.open(place, uid, author="ann") as session:
        for value in values:
            session.apply("brush", BOX, np.full((1, 4, 5), value, np.uint8))


def test_every_series_with_unsaved_strokes_is_found(tmp_path: Path) -> None:
    place = tmp_path / "project"
    uids = [f"1.2.{n}" for n in range(6)]
    _untouched, saved, drawn, more, undone, confirmed = uids
    with ProjectStore.open(place, create=True) as store:
        for uid in uids:
            add_series(store, uid)
        for uid in (saved, drawn, more):
            _draw(place, uid, 1)
        fold_journal(store, saved, "ann")
        fold_journal(store, more, "ann")
        _draw(place, more, 2, 1)
        with ReviewSession.open(place, undone, author="ann") as session:
            session.apply("brush", BOX, np.ones((1, 4, 5), np.uint8))
            session.undo()
        with ReviewSession.open(place, confirmed, author="ann") as session:
            confirm(session, 1)
        found = recoveries(store)
        assert set(found) == {drawn, more, confirmed}
        assert (found[drawn].n_edits, found[drawn].since) == (1, None)
        assert found[drawn].slices == (2,)
        assert found[more].n_edits == 2
        assert found[more].since is not None
        assert found[confirmed].slices == (1,)
        for uid in found:
            # as the series itself says when it is opened
            with ReviewSession.open(place, uid, author="bob") as session:
                assert session.recovered == found[uid]


def test_what_a_window_is_working_on_is_not_told(tmp_path: Path) -> None:
    place = tmp_path / "project"
    with ProjectStore.open(place, create=True) as store:
        add_series(store, "1.2.3")
        _draw(place, "1.2.3", 1)
        with ReviewSession.open(place, "1.2.3", author="ann"):
            assert recoveries(store) == {}
        assert set(recoveries(store)) == {"1.2.3"}


def test_a_journal_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    place = tmp_path / "project"
    with ProjectStore.open(place, create=True) as store:
        for uid in ("1.2.3", "1.2.4", "1.2.5"):
            add_series(store, uid)
            _draw(place, uid, 1)
        store.journal_path("1.2.3").write_bytes(b"not a journal" * 100)
        store.journal_path("1.2.4").unlink()
        store.journal_path("1.2.4").mkdir()
        assert set(recoveries(store)) == {"1.2.5"}
        shutil.rmtree(place / "journal")
        assert recoveries(store) == {}


def test_looking_for_them_can_be_stopped_at_each_series(tmp_path: Path) -> None:
    place = tmp_path / "project"
    job = JobContext()
    asked = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 2:
            job.cancel()
        job.check()

    with ProjectStore.open(place, create=True) as store:
        for uid in ("1.2.3", "1.2.4", "1.2.5"):
            add_series(store, uid)
            _draw(place, uid, 1)
        with pytest.raises(Cancelled):
            recoveries(store, check)
    assert len(asked) == 2
