"""A case with all that was said of it, and the weights that say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.contenders import Weights
    from medlab_gui.learning.comparison import Case

__all__ = ["Cases", "LoadedCase", "Predictors"]


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
    has_mm : bool
        Whether there is.
    found : dict of str to ndarray of uint8, shape (Z, Y, X)
        Network to its mask.
    probs : dict of str to ndarray of float16, shape (C, Z, Y, X)
        Network to its probabilities, where it is weights.
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
    has_mm: bool
    found: dict[str, NDArray[np.uint8]]
    probs: dict[str, NDArray[np.float16]] = field(default_factory=dict)
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
    """

    n: int
    each: Iterator[LoadedCase]


class Predictors:
    """Weights are loaded once, and kept for the next case.

    Parameters
    ----------
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._made: dict[Path, Any] = {}

    def of(self, network: Weights) -> Any:
        """Return the predictor of weights."""
        if network.path not in self._made:
            from medlab_gui.learning.predict import Predictor

            self._made[network.path] = Predictor(network.path, self._device)
        return self._made[network.path]
