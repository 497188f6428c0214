"""A case with all that was said of it, and the weights that say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medlab_gui.imaging.padding import without_padding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.contenders import Weights
    from medlab_gui.learning.comparison import Case
    from medlab_gui.learning.predict import PredictedArrays

__all__ = ["Answer", "Cases", "LoadedCase", "Predictors"]


@dataclass(frozen=True, eq=False)
class Answer:
    """What weights say of a case.

    Parameters
    ----------
    name : str
        The network.
    labels : ndarray of uint8, shape (Z, Y, X)
        Its mask.
    probs : ndarray of float16, shape (C, Z, Y, X)
        Its probabilities.
    """

    name: str
    labels: NDArray[np.uint8]
    probs: NDArray[np.float16]

    @classmethod
    def of(
        cls, name: str, found: PredictedArrays, slices: slice = slice(None)
    ) -> Answer:
        """Return a network's answer for some slices of what it predicted."""
        if found.probs is None:
            msg = "A case is judged by probabilities, which were not kept."
            raise ValueError(msg)
        return cls(name, found.labels[slices], found.probs[:, slices])


@dataclass(eq=False)
class LoadedCase:
    """A case with all that was said of it, on one axial grid.

    Parameters
    ----------
    case : Case
        Its name, patient, fold and path.
    truth : ndarray of uint8, shape (Z, Y, X)
        Class values.
    spacing : tuple of float
        ``(dz, dy, dx)`` in mm, or 1 each where there is no geometry.
    steps_mm : ndarray of float64, shape (3, 3)
        The same with directions (`Grid.steps_mm`), for distances.
    has_mm : bool
        Whether there is.
    found : dict of str to ndarray of uint8, shape (Z, Y, X)
        Network to its mask; of weights once their answer was taken.
    answers : iterator of Answer
        What weights say, predicted when it is asked for: probabilities of a long scan
        take a gigabyte, so that there is room for those of one network at a time.
    image : ndarray or None, shape (Z, Y, X)
        The scan.
    is_ct : bool
        Whether the scan is in Hounsfield units.
    first_slice : int
        Number of slice 0 in what opens the case, from 1.
    """

    case: Case
    truth: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    steps_mm: NDArray[np.float64]
    has_mm: bool
    found: dict[str, NDArray[np.uint8]]
    answers: Iterator[Answer] = field(default_factory=lambda: iter(()))
    image: NDArray[Any] | None = None
    is_ct: bool = False
    first_slice: int = 1


@dataclass(frozen=True)
class Cases:
    """Where the cases come from.

    Parameters
    ----------
    n : int
        How many there are.
    each : iterator of LoadedCase
        One after the other; only one is in memory.
    notes : tuple of str
        Sentences: what is not among them, and what flatters.
    """

    n: int
    each: Iterator[LoadedCase]
    notes: tuple[str, ...] = ()


class Predictors:
    """Weights are loaded once, and kept while the next cases need them.

    Parameters
    ----------
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._made: dict[Path, Any] = {}

    def keep(self, networks: Iterable[Weights]) -> None:
        """Let go of all others, such as those of another fold."""
        paths = {network.path for network in networks}
        self._made = {k: made for k, made in self._made.items() if k in paths}

    def of(self, network: Weights) -> Any:
        """Return the predictor of weights."""
        if network.path not in self._made:
            from medlab_gui.learning.predict import Predictor

            self._made[network.path] = Predictor(network.path, self._device)
        return self._made[network.path]

    def answers(
        self,
        networks: Mapping[str, Weights],
        data: NDArray[Any],
        padding: tuple[float, float] | None,
        spacing: tuple[float, float, float],
        progress: Callable[..., None],
        slices: Sequence[int] | None = None,
    ) -> Iterator[Answer]:
        """Ask one network after the other; nothing is found where nothing was measured.

        Parameters
        ----------
        networks : mapping of str to Weights
            What people call them, and their weights.
        data : ndarray, shape (Z, Y, X)
            The scan as it was read, with its filling values.
        padding : tuple of float or None
            Lowest and highest of those (`core.display.Display.padding`).
        spacing : tuple of float
            ``(dz, dy, dx)`` in mm.
        progress : callable
            As `medlab_gui.core.jobs.JobContext.progress`.
        slices : sequence of int, optional
            Those asked for, neighbours; without it all of them.
        """
        measured = without_padding(data, padding)
        part = slice(None) if slices is None else slice(slices[0], slices[-1] + 1)
        for name, network in networks.items():
            # Nothing here may hold the last answer while the next one is reckoned.
            yield Answer.of(
                name,
                self.of(network)
                .predict(
                    measured,
                    spacing,
                    slices=slices,
                    keep_probs=True,
                    progress=progress,
                )
                .clear(data, padding),
                part,
            )
