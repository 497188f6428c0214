"""Judging the weights of a training as it goes on."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from medlab_gui.core.errors import InputError, ResourceError
from medlab_gui.core.labels import IGNORE
from medlab_gui.core.merit import BALANCED
from medlab_gui.core.training import KEPT_FIGURE
from medlab_gui.core.whole_files import write_whole
from medlab_gui.learning.batches import collate
from medlab_gui.learning.check import named
from medlab_gui.learning.evaluate import DiceCounts
from medlab_gui.learning.kept import choose_kept, keep_step, keep_truth
from medlab_gui.learning.kept_figure import kept_figure
from medlab_gui.learning.memory import is_out_of_memory
from medlab_gui.learning.roc import balanced_accuracy
from medlab_gui.learning.stepper import use_bfloat16
from medlab_gui.learning.whole_slices import looked_at, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from medlab_gui.learning.trainer import Trainer

__all__ = ["Judge"]


class Judge:
    """Looks at the slices that choose the epoch with the weights as they are.

    Parameters
    ----------
    run : Trainer
        The training; its network is left as it was found.
    """

    def __init__(self, run: Trainer) -> None:
        self._run = run
        self._kept: list[int] = []

    @contextmanager
    def judged_weights(self) -> Iterator[None]:
        """Have the network hold what is judged: its weights, or their average."""
        network, average = self._run.network, self._run.average
        was_training = network.training
        own = None
        if average is not None:
            own = {k: t.clone() for k, t in network.state_dict().items()}
            network.load_state_dict(average.state)
        network.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            if own is not None:
                network.load_state_dict(own)
            network.train(was_training)

    def __call__(self, epoch: int) -> dict[str, Any]:
        """Return what the slices say of the weights, at the network's pixels.

        Returns
        -------
        dict
            ``val_loss``, ``dice`` (by class) and ``mean_dice``; of a classifier also
            ``balanced_accuracy``, and the Dice over slices is F1.

        Raises
        ------
        InputError
            If the network gives no numbers; the slice is named.
        """
        run = self._run
        counts = DiceCounts(run.scheme)
        losses, truth, said = [], [], []
        with self.judged_weights():
            for n in range(len(run.watched)):
                images, labels = collate([run.watched[n]])
                labels = target_of(run.network, labels)
                logits = self._look(images)
                loss = run.loss(logits, labels).item()
                if not math.isfinite(loss):
                    msg = (
                        f"Training went astray in epoch {epoch}: the network gives no "
                        f"numbers for {named([run.watched.keys[n]])}. Lower the "
                        "learning rate and start again."
                    )
                    raise InputError(msg)
                losses.append(loss)
                predicted = self._classes(n, logits)
                counts.add(predicted, labels[0].numpy())
                if run.network.kind == "classification" and labels[0] != IGNORE:
                    truth.append(int(labels[0]))
                    said.append(int(predicted.item()))
                run.report(*run.place, f"Judging slice {n + 1} of {len(run.watched)}")
        found: dict[str, Any] = {
            "val_loss": float(np.mean(losses)),
            "dice": counts.dice,
            "mean_dice": counts.mean,
        }
        if run.network.kind == "classification":
            found[BALANCED] = balanced_accuracy(truth, said)
        return found

    def choose_kept(self) -> None:
        """Choose the slices whose predictions are kept, and write their truth."""
        run = self._run
        self._kept = choose_kept(run.watched, run.spec.keep_slices)
        keep_truth(run.folder, run.watched, self._kept)

    def keep_predictions(self) -> None:
        """Write what the network says of the chosen slices now."""
        run = self._run
        with self.judged_weights():
            found = []
            for n in self._kept:
                image, labels = run.watched[n]
                classes = self._classes(n, self._look(collate([(image, labels)])[0]))
                # A classifier's answer is one pixel; a mask loses what collate added.
                found.append(classes[: labels.shape[0], : labels.shape[1]])
        keep_step(run.folder, run.state.n_steps, found)
        # Drawn anew each time, so that a run that is stopped has its figure too.
        write_whole(run.folder / KEPT_FIGURE, kept_figure(run.folder).encode())

    def _classes(self, n: int, logits: Tensor) -> NDArray[np.uint8]:
        """Return what a slice's logits (1, C, H, W) say, as predictions are kept."""
        run = self._run
        classes: NDArray[np.uint8] = logits[0].argmax(dim=0).numpy().astype(np.uint8)
        fills = None
        if run.network.kind != "classification":
            fills = run.watched.unmeasured(n)
        if fills is not None:
            # Nothing is found where nothing was measured, here as in the final scores.
            classes[: fills.shape[0], : fills.shape[1]][fills] = 0
        return classes

    def _look(self, images: Tensor) -> Tensor:
        """Return logits; of the processor where the graphics card has no room."""
        run = self._run
        device = run.room.device
        try:
            with torch.autocast(
                device, torch.bfloat16, enabled=use_bfloat16(run.spec, device)
            ):
                logits = looked_at(run.network, images.to(device))
                return logits.float().cpu()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if device == "cpu":
                msg = (
                    "There is not enough memory to judge a whole slice; close other "
                    "programs, or choose a smaller network (its option 'width')."
                )
                raise ResourceError(msg) from error
        run.note("The graphics card has no room to judge whole slices: the CPU does.")
        run.network.to("cpu")
        try:
            logits = looked_at(run.network, images)
        finally:
            run.network.to(device)
        return logits
