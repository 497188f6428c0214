"""A reviewer who draws until the process is killed; run by `test_kill`.

What is drawn follows from a seed and a number alone, so that the test knows it too.
"""

from __future__ import annotations

import random
import sys

import numpy as np

Shape = tuple[int, int, int]


def step(seed: int, n: int, shape: Shape) -> tuple:
    """Return what the reviewer does as the n-th thing."""
    chance = random.Random(f"{seed}-{n}")
    what = chance.choices(
        ["paint", "flood", "undo", "redo", "confirm", "save"], [12, 2, 4, 2, 1, 2]
    )[0]
    if what == "paint":
        k = chance.randrange(shape[0])
        j, i = (chance.randrange(size - 5) for size in shape[1:])
        return what, k, j, i, chance.randrange(3)
    if what == "flood":
        return what, chance.randrange(1 << 30)
    if what == "confirm":
        return what, chance.randrange(shape[0])
    return (what,)


def painted(mask: np.ndarray, action: tuple) -> tuple[tuple[slice, ...], np.ndarray]:
    """Return the box of a painting action and its new voxels."""
    if action[0] == "flood":
        rng = np.random.default_rng(action[1])
        return (slice(None),) * 3, rng.integers(0, 3, mask.shape).astype(np.uint8)
    _, k, j, i, value = action
    box = (slice(k, k + 1), slice(j, j + 5), slice(i, i + 5))
    return box, np.full((1, 5, 5), value, np.uint8)


def main(place: str, uid: str, seed: int) -> None:
    """Draw, save and undo, telling of each thing that is finished."""
    from medlab_gui.review.session import ReviewSession
    from medlab_gui.store.fold import fold_journal
    from medlab_gui.store.project import ProjectStore
    from tests.store.vouching import confirm

    with (
        ReviewSession.open(place, uid, author="painter") as session,
        ProjectStore.open(place) as store,
    ):
        shape = session.volume.grid.shape
        n = 0
        while True:
            action = step(seed, n, shape)
            if action[0] in ("paint", "flood"):
                session.apply(action[0], *painted(session.mask, action))
            elif action[0] == "undo":
                session.undo()
            elif action[0] == "redo":
                session.redo()
            elif action[0] == "confirm":
                confirm(session, action[1])
            else:
                made = fold_journal(store, uid, "painter")
                if made is not None:
                    session.note_saved(made)
            print(n, flush=True)
            n += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
