"""The weights of a training's best epoch, on disk until it is finished."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medlab_gui.learning.checkpoint import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

    from medlab_gui.learning.checkpoint import CheckpointMeta
    from medlab_gui.learning.trainer import Trainer

__all__ = ["BEST", "BestWeights"]

BEST = "best.safetensors"


class BestWeights:
    """Keeps the best weights; where somebody deletes them, the best that are left.

    Parameters
    ----------
    run : Trainer
        The training; of several processes the first one writes.
    """

    def __init__(self, run: Trainer) -> None:
        self._run = run
        self._path = run.folder / BEST

    def is_gone(self) -> bool:
        """Tell whether there are none, or none any more, which is then noted."""
        run = self._run
        # All processes have to choose the same epoch.
        gone = run.team.told(not self._path.exists())
        if gone and run.state.best:
            run.note(
                f"The best weights so far, of epoch {run.state.best_epoch}, are not in "
                "the run's folder any more (was something deleted there?). The best "
                "from here on are kept."
            )
        return gone or not run.state.best

    def save(self, epoch: int) -> None:
        """Write the weights as they are judged."""
        run = self._run
        if run.team.leads:
            meta = replace(run.meta, epoch=epoch)
            with run.judging.judged_weights():
                save_checkpoint(self._path, run.network.state_dict(), meta)

    def load(self) -> tuple[CheckpointMeta, dict[str, Tensor]]:
        """Return them; those of the last epoch where they are gone, which is noted."""
        run = self._run
        if not self._path.exists():
            lost, last = run.state.best_epoch, int(run.state.history[-1]["epoch"])
            run.note(
                f"The best weights, of epoch {lost}, are not in the run's folder any "
                "more (was something deleted there?). Those of the last epoch, "
                f"{last}, are kept instead."
            )
            run.state.best_epoch = last
            self.save(last)
        return load_checkpoint(self._path)
