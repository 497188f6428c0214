"""The changed slices of each step; for a card, made while it learns from others."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.learning.augmentations import Augmenter
    from medlab_gui.learning.dataset import PreparedSlices
    from medlab_gui.learning.parallel import Team

    Sample = tuple[NDArray[np.float32], NDArray[np.uint8]]

__all__ = ["made_ahead"]

_AHEAD = 2
"""Steps that are made ready before they are asked for: one may be slow to make."""


def made_ahead(
    steps: Iterable[list[int]],
    slices: PreparedSlices,
    augmenter: Augmenter | None,
    rng: np.random.Generator,
    team: Team,
    *,
    on_thread: bool,
) -> Generator[tuple[list[int], list[tuple[int, Sample]]], None, None]:
    """Yield steps with their samples, changed now or before on a thread.

    Changes are drawn here and in order, so the numbers do not depend on how quick the
    thread is. Prepared slices are read here as well: a project is read by one thread.

    Parameters
    ----------
    steps : iterable of list of int
        Numbers of the slices of each step.
    slices : PreparedSlices
        The slices.
    augmenter : Augmenter or None
        What changes them.
    rng : numpy.random.Generator
        Draws the changes, of the slices of all processes.
    team : Team
        Each process makes its own share alone.
    on_thread : bool
        Change the next steps' slices while the network learns. A processor that
        computes the network on all its cores is only disturbed by it: the one that
        makes room is waited for by all others.

    Yields
    ------
    numbers : list of int
        As in ``steps``.
    own : list of (int, (image, labels))
        Place within the step and sample, of this process' share.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="medlab-augment")

    def ask(
        numbers: list[int],
    ) -> tuple[list[int], list[tuple[int, Callable[[], Sample]]]]:
        changes = [augmenter and augmenter.draw(rng) for _ in numbers]
        drawn = list(enumerate(zip(numbers, changes, strict=True)))
        own: list[tuple[int, Callable[[], Sample]]] = []
        for place, (n, change) in team.share(drawn):
            image, labels = slices[n]
            make = partial(_made, augmenter, change, image, labels)
            own.append((place, pool.submit(make).result if on_thread else make))
        return numbers, own

    left = iter(steps)
    try:
        waiting = deque(ask(numbers) for numbers in islice(left, _AHEAD))
        while waiting:
            numbers, own = waiting.popleft()
            waiting.extend(ask(more) for more in islice(left, 1))
            yield numbers, [(place, sample()) for place, sample in own]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _made(
    augmenter: Augmenter | None,
    change: object,
    image: NDArray[np.float32],
    labels: NDArray[np.uint8],
) -> Sample:
    return (
        (image, labels) if augmenter is None else augmenter.apply(change, image, labels)
    )
