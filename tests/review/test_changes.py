"""A change is worked out, written down and made in parts, of which one can wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import ConflictError
from tests.review.conftest import draw

if TYPE_CHECKING:
    from medlab_gui.review.session import ReviewSession


def test_nothing_is_edited_while_a_change_is_under_way(session: ReviewSession) -> None:
    draw(session, 1)
    told: list[str] = []
    session.held_changed.connect(lambda: told.append(session.held))
    session.hold("One moment.")
    before = session.mask.copy()
    whole = (slice(None),) * 3
    for act in (
        lambda: draw(session, 2),
        lambda: session.apply("test", whole, np.zeros_like(session.mask)),
        session.undo,
        lambda: session.label_whole(0, 1),
    ):
        with pytest.raises(ConflictError, match="One moment"):
            act()
        np.testing.assert_array_equal(session.mask, before)
    session.release("One moment.")
    assert told == ["One moment.", ""]
    assert session.undo()
    assert not session.mask.any()


def test_a_change_is_made_of_the_mask_that_it_was_worked_out_for(
    session: ReviewSession,
) -> None:
    draw(session, 1)
    after = np.full_like(session.mask, 2)
    stale = session.prepare("test", (slice(None),) * 3, after)
    undo = session.prepare_turn(back=True)
    assert stale is not None
    assert undo is not None
    draw(session, 2, (slice(0, 1), slice(0, 2), slice(0, 2)))
    before, seq = session.mask.copy(), session.n_unsaved
    for change in (stale, undo):
        with pytest.raises(ConflictError, match="changed meanwhile"):
            session.write(change)
    np.testing.assert_array_equal(session.mask, before)
    assert session.n_unsaved == seq
    fresh = session.prepare("test", (slice(None),) * 3, after)
    assert fresh is not None
    session.write(fresh)
    session.put(fresh)
    np.testing.assert_array_equal(session.mask, after)
    assert session.turned_size(back=True) == after.size
    assert session.undo()
    np.testing.assert_array_equal(session.mask, before)
