"""How the learning rate goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medlab_gui.core.training import Phase, TrainSpec

__all__ = ["Plan", "Plateau", "learning_rate"]


@dataclass(frozen=True)
class Plan:
    """Epochs and steps of a training, once the number of slices is known.

    Parameters
    ----------
    phases : tuple of Phase
        Of the recipe.
    epoch_steps : int
        Steps in a whole epoch.
    """

    phases: tuple[Phase, ...]
    epoch_steps: int
    epochs: tuple[tuple[int, int], ...] = field(init=False)
    """Number of the phase, and of the epoch within it, for each epoch in turn."""

    def __post_init__(self) -> None:
        epochs = tuple(
            (number, epoch)
            for number, phase in enumerate(self.phases)
            for epoch in range(self._n_epochs(phase))
        )
        object.__setattr__(self, "epochs", epochs)

    def _n_epochs(self, phase: Phase) -> int:
        return math.ceil(phase.steps / self.epoch_steps) or phase.epochs

    def phase_epochs(self, number: int) -> int:
        """Return how many epochs a phase has."""
        return self._n_epochs(self.phases[number])

    def phase_steps(self, number: int) -> int:
        """Return how many steps a phase has."""
        phase = self.phases[number]
        return phase.steps or phase.epochs * self.epoch_steps

    def steps_of(self, number: int, epoch: int) -> int:
        """Return how many steps an epoch has: a phase may end within its last."""
        left = self.phase_steps(number) - epoch * self.epoch_steps
        return min(self.epoch_steps, left)

    @property
    def n_steps(self) -> int:
        """Steps of all phases together."""
        return sum(self.phase_steps(n) for n in range(len(self.phases)))


@dataclass
class Plateau:
    """Watches a validation loss that has stopped falling.

    Parameters
    ----------
    best : float
        The smallest so far in this phase.
    n_bad : int
        Epochs since.
    n_cuts : int
        How often the rate was cut.
    """

    best: float = math.inf
    n_bad: int = 0
    n_cuts: int = 0

    def see(self, loss: float, patience: int) -> None:
        """Take the loss of one more epoch."""
        if loss < self.best:
            self.best, self.n_bad = loss, 0
            return
        self.n_bad += 1
        if self.n_bad >= patience:
            self.n_cuts, self.n_bad = self.n_cuts + 1, 0


def learning_rate(
    spec: TrainSpec, phase: Phase, *, step: int, n_steps: int, epoch: int, n_cuts: int
) -> float:
    """Return the learning rate of one step.

    Parameters
    ----------
    spec : TrainSpec
        Its schedule.
    phase : Phase
        The phase; it gives the rate to begin with.
    step : int
        Steps done in this phase before this one.
    n_steps : int
        Steps of the phase.
    epoch : int
        Epochs done in this phase.
    n_cuts : int
        See `Plateau`.

    Returns
    -------
    float
        Duan et al. (J. Graphics 2020) use ``"step"`` with ``decay`` 0.90 and
        ``decay_steps`` 1,727: ``lr * decay ** (step / decay_steps)``.
    """
    if spec.schedule == "step":
        share = math.pow(spec.decay, step / spec.decay_steps)
    elif spec.schedule == "cosine":
        fallen = 0.5 * (1 + math.cos(math.pi * step / max(1, n_steps)))
        share = spec.floor + (1 - spec.floor) * fallen
    elif spec.schedule == "plateau":
        share = math.pow(spec.decay, n_cuts)
    else:
        share = math.pow(spec.decay, epoch)
    rate = phase.lr * max(share, spec.floor)
    if step < spec.warmup_steps:
        rate *= (step + 1) / (spec.warmup_steps + 1)
    return rate
