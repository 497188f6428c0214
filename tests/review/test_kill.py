"""``kill -9`` at any moment loses no finished stroke and no saved mask."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.review.session import ReviewSession
from medlab_gui.store.fold import current_mask
from medlab_gui.store.project import ProjectStore
from tests.review.painter import painted, step

ROOT = Path(__file__).parents[2]
UID = "1.2.3"
ROUNDS = 6


class Model:
    """What a mask becomes, reckoned with whole copies and no journal."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.mask = np.zeros(shape, np.uint8)
        self.confirmed = np.zeros(shape[0], bool)
        self.stack: list[np.ndarray] = []
        self.undone: list[np.ndarray] = []

    def do(self, action: tuple) -> None:
        if action[0] in ("paint", "flood"):
            box, after = painted(self.mask, action)
            if not np.array_equal(self.mask[box], after):
                self.stack.append(self.mask.copy())
                self.undone.clear()
                self.mask[box] = after
        elif action[0] == "undo" and self.stack:
            self.undone.append(self.mask)
            self.mask = self.stack.pop()
        elif action[0] == "redo" and self.undone:
            self.stack.append(self.mask)
            self.mask = self.undone.pop()
        elif action[0] == "confirm":
            self.confirmed[action[1]] = True

    def equals(self, mask: np.ndarray, confirmed: np.ndarray) -> bool:
        return np.array_equal(self.mask, mask) and np.array_equal(
            self.confirmed, confirmed
        )


def paint_and_kill(place: Path, seed: int, n_lines: int) -> int:
    """Let the painter finish some things, kill it, return how many it told of."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.review.painter", str(place), UID, str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as child:
        assert child.stdout is not None
        told = 0
        for line in child.stdout:
            assert int(line) == told
            told += 1
            if told >= n_lines:
                break
        child.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        # What it still had told of before it died counts too.
        told += sum(line.endswith("\n") for line in child.stdout)
        child.wait(timeout=30)
    assert child.returncode != 0
    return told


@pytest.mark.slow
def test_kill_at_any_moment(place: Path) -> None:
    chance = random.Random(2)
    with ProjectStore.open(place) as store:
        shape = store.series(UID).grid.shape
    model = Model(shape)
    for seed in range(ROUNDS):
        told = paint_and_kill(place, seed, chance.randrange(1, 120))
        for n in range(told):
            model.do(step(seed, n, shape))
        with ProjectStore.open(place) as store:
            assert store.health() == []
            revisions = store.annotations(UID)
            numbers = [a.revision for a in revisions]
            assert numbers == list(range(1, len(numbers) + 1))
            for annotation in revisions:
                assert store.verify_blob(annotation.blob)
                assert store.annotation_mask(annotation).shape == shape
            mask, confirmed, _ = current_mask(store, UID)
        if not model.equals(mask, confirmed):
            # It died after the next thing was done and before it could tell.
            model.do(step(seed, told, shape))
            assert model.equals(mask, confirmed)
        with ReviewSession.open(place, UID, author="ann") as session:
            assert not session.read_only  # the lock died with its holder
            assert model.equals(session.mask, session.confirmed)
            assert session.can_undo == bool(model.stack)
            assert session.can_redo == bool(model.undone)
            unsaved = session.n_unsaved
            assert (session.recovered is not None) == (
                unsaved > 0 or session._journal.recovered_tail > 0
            )
            if unsaved and session.recovered is not None:
                assert session.recovered.n_edits == unsaved
    # The whole way back, through every kill and every save.
    with ReviewSession.open(place, UID, author="ann") as session:
        while model.stack:
            model.do(("undo",))
            assert session.undo()
            assert np.array_equal(session.mask, model.mask)
        assert not session.undo()
