"""Training and fine-tuning: phases of epochs, the best of which is kept."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from medlab_gui import __version__
from medlab_gui.core.errors import InputError, ResourceError, SpecError
from medlab_gui.learning.augment import augment, draw
from medlab_gui.learning.batches import (
    collate,
    epoch_order,
    in_batches,
    repeatable,
)
from medlab_gui.learning.checkpoint import (
    CheckpointMeta,
    load_checkpoint,
    save_checkpoint,
    write_whole,
)
from medlab_gui.learning.dataset import PreparedSlices
from medlab_gui.learning.evaluate import DiceCounts, evaluate_slices
from medlab_gui.learning.losses import LOSSES
from medlab_gui.learning.predict import Predictor, choose_device
from medlab_gui.learning.progress import silent
from medlab_gui.learning.resume import TrainState, fingerprint
from medlab_gui.networks import build
from medlab_gui.networks.base import channels_last

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.specs import TrainSpec
    from medlab_gui.learning.dataset import SliceSource
    from medlab_gui.learning.progress import Progress
    from medlab_gui.networks.base import SegmentationNetwork

__all__ = ["TrainResult", "train"]

_STATE, _BEST, _RESULT = "state.pt", "best.safetensors", "checkpoint.safetensors"
_HISTORY = "history.json"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a training made.

    Parameters
    ----------
    checkpoint : Path
        The best epoch's weights, with metrics and card.
    metrics : dict
        ``{"validation": {"dice", "mean_dice", "n_slices"}, "best_epoch"}``, the Dice at
        the scans' own pixels.
    history : list of dict
        After each epoch: ``epoch, phase, lr, loss, val_loss, dice, mean_dice``, with
        the Dice at the network's pixels.
    epochs : int
        Epochs done.
    """

    checkpoint: Path
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    epochs: int


def train(
    spec: TrainSpec,
    scheme: LabelScheme,
    training: SliceSource,
    validation: SliceSource,
    *,
    folder: Path,
    init_from: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
    name: str = "",
    card: dict[str, Any] | None = None,
) -> TrainResult:
    """Train a network by a recipe.

    The state is written to ``folder`` before the first epoch and after each one. A
    training that was stopped or killed goes on from the last finished epoch, and ends
    with the same weights, bit for bit, as one that was not (same machine, same number
    of threads, on the CPU).

    Parameters
    ----------
    spec : TrainSpec
        The recipe.
    scheme : LabelScheme
        What the values of the masks mean.
    training, validation : SliceSource
        Slices to learn from, and slices that choose the best epoch.
    folder : Path
        For state and result; made if it is not there.
    init_from : Path, optional
        A checkpoint of the same network to start from, instead of random weights.
    resume : bool
        Go on from the state in ``folder``, if there is one.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called with each batch; may raise to stop. Its ``data`` holds ``phase, epoch,
        epochs, step, steps, loss, dice, seconds_left``; ``dice`` (class name to value)
        is None except after an epoch.
    name : str
        What a person will read as the checkpoint's name.
    card : dict, optional
        More for the model card; see `learning.card`.

    Returns
    -------
    TrainResult

    Raises
    ------
    SpecError
        If the recipe does not fit the scheme or the checkpoint to start from.
    InputError
        If there is nothing to learn from or to judge by, a mask holds unknown classes,
        training diverges, or the data changed before a resume.
    """
    run = _Run(spec, scheme, training, validation, folder, choose_device(device))
    run.report = progress or silent
    run.begin(init_from, resume)
    plan = [(p, e) for p, ph in enumerate(spec.phases) for e in range(ph.epochs)]
    run.n_epochs = len(plan)
    while run.state.n_done < len(plan):
        phase_number, epoch = plan[run.state.n_done]
        phase = spec.phases[phase_number]
        if spec.patience and run.state.stale >= spec.patience and epoch:
            run.state.n_done += phase.epochs - epoch
            run.state.stale, run.state.optimiser = 0, {}
            continue
        run.set_phase(phase_number)
        loss = run.one_epoch(phase.lr * spec.decay**epoch)
        val_loss, dice, mean_dice = run.validate()
        run.keep(
            {
                "epoch": run.state.n_done + 1,
                "phase": phase.name,
                "lr": phase.lr * spec.decay**epoch,
                "loss": loss,
                "val_loss": val_loss,
                "dice": dice,
                "mean_dice": mean_dice,
            },
            ends_phase=epoch + 1 == phase.epochs,
        )
    return run.finish(name, card or {})


@dataclass
class _Run:
    """The moving parts of one training."""

    spec: TrainSpec
    scheme: LabelScheme
    training: SliceSource
    validation: SliceSource
    folder: Path
    device: str
    report: Progress = field(default=silent, init=False)
    n_epochs: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.spec.network.n_classes != self.scheme.n_classes:
            msg = (
                f"The recipe's network has {self.spec.network.n_classes} classes but "
                f"the scheme {self.scheme.name!r} has {self.scheme.n_classes}."
            )
            raise SpecError(msg)
        for what, source in (("learn", self.training), ("judge", self.validation)):
            if not source.keys:
                msg = f"There is no labelled slice to {what} from; label some first."
                raise InputError(msg)
        self.loss: Callable[[Tensor, Tensor], Tensor] = LOSSES[self.spec.loss]
        self.meta = CheckpointMeta(
            network=self.spec.network,
            pipeline=self.spec.pipeline,
            inplane_mm=self.spec.inplane_mm,
            scheme=self.scheme,
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.phase = -1
        self.n_steps_done = 0
        self.place = (0, 0)
        self.started = time.monotonic()

    def begin(self, init_from: Path | None, resume: bool) -> None:
        """Build the network, prepare the slices, and take up an earlier state."""
        self.parent = ""
        with repeatable(self.spec.seed):
            self.network: SegmentationNetwork = build(self.spec.network)
        if init_from is not None:
            meta, weights = load_checkpoint(init_from)
            if meta.network != self.spec.network:
                msg = (
                    f"The checkpoint {meta.name!r} holds another network than the "
                    f"recipe asks for ({meta.network.name!r} with "
                    f"{meta.network.n_classes} classes, {meta.network.options})."
                )
                raise SpecError(msg)
            self.network.load_state_dict(weights)
            self.parent = meta.name
        self.network.to(self.device)
        channels_last(self.network)
        digest = fingerprint(self.spec, self.training, self.validation)
        if resume and (self.folder / _STATE).exists():
            self.state = TrainState.load(self.folder / _STATE, digest)
            self.network.load_state_dict(self.state.network)
        else:
            self.state = TrainState(digest, network=self.network.state_dict())
            self.state.save(self.folder / _STATE)
        self.slices = self._prepare(self.training)
        self.judges = self._prepare(self.validation)
        self.with_foreground = [
            self.slices.has_foreground(n) for n in range(len(self.slices))
        ]
        self.started = time.monotonic()

    def _prepare(self, source: SliceSource) -> PreparedSlices:
        slices = PreparedSlices(
            source, self.spec.pipeline, self.spec.inplane_mm, self.scheme.n_classes
        )
        for n in range(len(slices)):
            self.report(0, 0, f"Preparing slice {n + 1} of {len(slices)}")
            slices[n]
        return slices

    def set_phase(self, number: int) -> None:
        """Freeze what does not learn, and set up the optimiser."""
        if number == self.phase:
            return
        self.phase = number
        phase = self.spec.phases[number]
        self.network.freeze(phase.trainable)
        weights = [w for w in self.network.parameters() if w.requires_grad]
        self.optimiser = torch.optim.Adam(weights, lr=phase.lr)
        if self.state.optimiser:
            self.optimiser.load_state_dict(self.state.optimiser)

    def one_epoch(self, lr: float) -> float:
        """Go once over the training slices; return the mean loss."""
        number = self.state.n_done
        rng = np.random.default_rng([self.spec.seed, number])
        order = epoch_order(rng, self.with_foreground)
        batches = in_batches(order, self.spec.batch)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.network.train()
        losses = []
        with repeatable(self.spec.seed + number):
            for step, batch in enumerate(batches):
                images, labels = collate([self._sample(n, rng) for n in batch])
                losses.append(
                    self._step(images.to(self.device), labels.to(self.device))
                )
                self.n_steps_done += 1
                self._tell(step + 1, len(batches), losses[-1], None)
        return float(np.mean(losses))

    def _sample(
        self, n: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        image, labels = self.slices[n]
        if not self.spec.augment:
            return image, labels
        return augment(draw(rng, self.scheme.n_classes), image, labels)

    def _step(self, images: Tensor, labels: Tensor) -> float:
        try:
            self.optimiser.zero_grad(set_to_none=True)
            loss = self.loss(self.network(images), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        except torch.OutOfMemoryError as error:
            msg = (
                f"The graphics card has no room for batches of {self.spec.batch} "
                "slices; choose a smaller batch, or the device cpu."
            )
            raise ResourceError(msg) from error
        return self._number(loss.item())

    def _number(self, loss: float) -> float:
        if math.isfinite(loss):
            return loss
        msg = (
            f"Training went astray in epoch {self.state.n_done + 1}: the loss is not a "
            "number any more. Lower the learning rate and start again."
        )
        raise InputError(msg)

    def _tell(
        self, step: int, steps: int, loss: float, dice: dict[str, float | None] | None
    ) -> None:
        done = self.state.n_done * steps + step
        left = self.n_epochs * steps - done
        pace = (time.monotonic() - self.started) / max(1, self.n_steps_done)
        epoch = self.state.n_done + 1
        data = {
            "phase": self.spec.phases[self.phase].name,
            "epoch": epoch,
            "epochs": self.n_epochs,
            "step": step,
            "steps": steps,
            "loss": loss,
            "dice": dice,
            "seconds_left": pace * left,
        }
        text = f"Epoch {epoch} of {self.n_epochs}, loss {loss:.3f}"
        self.place = (done, self.n_epochs * steps)
        self.report(*self.place, text, data)

    @torch.no_grad()
    def validate(self) -> tuple[float, dict[str, float | None], float]:
        """Return loss, Dice by class and mean Dice at the network's pixels."""
        self.network.eval()
        counts = DiceCounts(self.scheme)
        losses = []
        for n in range(len(self.judges)):
            images, labels = collate([self.judges[n]])
            logits = self.network(images.to(self.device))
            losses.append(
                self._number(self.loss(logits, labels.to(self.device)).item())
            )
            counts.add(
                logits[0].argmax(dim=0).cpu().numpy().astype(np.uint8),
                labels[0].numpy(),
            )
            self.report(*self.place, f"Judging slice {n + 1} of {len(self.judges)}")
        return float(np.mean(losses)), counts.dice, counts.mean

    def keep(self, measured: dict[str, Any], *, ends_phase: bool) -> None:
        """Write down what an epoch brought; keep its weights if they are the best."""
        # Of two epochs with the same Dice the one with the smaller loss is better.
        worth = [measured["mean_dice"], -measured["val_loss"]]
        if not self.state.best or worth > self.state.best:
            meta = replace(self.meta, epoch=measured["epoch"])
            save_checkpoint(self.folder / _BEST, self.network.state_dict(), meta)
            self.state.best, self.state.best_epoch = worth, measured["epoch"]
            self.state.stale = 0
        else:
            self.state.stale += 1
        steps = len(in_batches(list(range(len(self.slices))), self.spec.batch))
        self._tell(steps, steps, measured["loss"], measured["dice"])
        self.state.history.append(measured)
        self.state.n_done += 1
        self.state.network = self.network.state_dict()
        self.state.optimiser = {} if ends_phase else self.optimiser.state_dict()
        if ends_phase:
            self.state.stale = 0
        self.state.save(self.folder / _STATE)
        # The curves, where the window finds them after a restart.
        curves = json.dumps(self.state.history).encode()
        write_whole(self.folder / _HISTORY, curves)

    def finish(self, name: str, card: dict[str, Any]) -> TrainResult:
        """Judge the best epoch at the scans' own pixels and write the checkpoint."""
        if not self.state.history:
            msg = "The recipe has no epochs; give at least one phase an epoch."
            raise SpecError(msg)
        meta, weights = load_checkpoint(self.folder / _BEST)
        self.network.load_state_dict(weights)
        predictor = Predictor.of_network(meta, self.network, self.device)
        scores = evaluate_slices(predictor, self.validation, progress=self.report)
        scores.pop("per_slice")
        metrics = {"validation": scores, "best_epoch": self.state.best_epoch}
        meta = replace(
            meta,
            name=name or f"{self.scheme.name} {self.spec.network.name}",
            metrics=metrics,
            card={
                "n_training_slices": len(self.slices),
                "n_validation_slices": len(self.judges),
                "parent": self.parent,
                "software": f"MedLab {__version__}",
                "recipe": self.spec.to_dict(),
                **card,
            },
        )
        result = self.folder / _RESULT
        save_checkpoint(result, weights, meta)
        return TrainResult(result, metrics, self.state.history, len(self.state.history))
