"""The moving parts of one training; `learning.train` says in which order they move."""

from __future__ import annotations

import json
import math
import time
from contextlib import closing
from dataclasses import astuple
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.merit import BALANCED, measure, merit
from medlab_gui.core.whole_files import write_whole
from medlab_gui.learning.ahead import made_ahead
from medlab_gui.learning.augmentations import make_augmenter
from medlab_gui.learning.batches import epoch_order, in_batches, repeatable
from medlab_gui.learning.best_weights import BestWeights
from medlab_gui.learning.capsule import (
    HISTORY,
    LOG,
    RunLog,
    environment,
    gone_on_with,
    joined_digest,
    slice_prints,
    write_capsule,
)
from medlab_gui.learning.check import check_slices, check_values, named
from medlab_gui.learning.checkpoint import (
    CheckpointMeta,
    load_checkpoint,
)
from medlab_gui.learning.dataset import PreparedSlices
from medlab_gui.learning.judge import Judge
from medlab_gui.learning.losses import make_loss
from medlab_gui.learning.memory import Room, foresee, free_bytes
from medlab_gui.learning.parallel import Team
from medlab_gui.learning.progress import silent
from medlab_gui.learning.resume import TrainState
from medlab_gui.learning.schedule import Plan, Plateau, learning_rate
from medlab_gui.learning.stepper import Stepper, WeightsAverage
from medlab_gui.networks import CLASSIFIERS, build_any
from medlab_gui.networks.base import channels_last

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.training import TrainSpec
    from medlab_gui.learning.dataset import SliceSource
    from medlab_gui.learning.progress import Progress
    from medlab_gui.networks.base import Network

__all__ = ["STATE", "Trainer"]

STATE = "state.pt"


class Trainer:
    """Network, slices, optimiser and state of one training.

    Parameters
    ----------
    spec, scheme, training, validation, choosers, folder
        See `learning.train.train`.
    device : str
        ``"cpu"`` or ``"cuda"``.

    Attributes
    ----------
    watched : PreparedSlices
        What is looked at after each epoch: the slices that choose the epoch or, where
        none does, those that judge, for the curves alone.
    """

    def __init__(
        self,
        spec: TrainSpec,
        scheme: LabelScheme,
        training: SliceSource,
        validation: SliceSource,
        choosers: SliceSource | None,
        folder: Path,
        device: str,
    ) -> None:
        self.spec, self.scheme, self.folder = spec, scheme, folder
        self.training, self.validation = training, validation
        self.choosers = choosers
        self._chooses = choosers is None or bool(choosers.keys)
        self.report: Progress = silent
        self.team = Team.join(device)
        in_pieces = spec.network.name not in CLASSIFIERS
        self.room = Room(
            spec.batch, spec.patch, device, in_pieces, alone=self.team.size == 1
        )
        self.loss = make_loss(spec)
        self.augmenter = make_augmenter(spec)
        self.meta = CheckpointMeta(
            network=spec.network,
            pipeline=spec.pipeline,
            inplane_mm=spec.inplane_mm,
            scheme=scheme,
            resize=spec.resize,
        )
        folder.mkdir(parents=True, exist_ok=True)
        self._log = RunLog(folder / LOG)
        self.phase = -1
        self.place = (0, 0)
        self._n_steps_here = 0

    def log(self, line: str) -> None:
        """Write a line to the run's log."""
        if self.team.leads:
            self._log(line)

    def note(self, text: str) -> None:
        """Tell something that a person should know, and keep it with the run."""
        if text and text not in self.state.notes:
            self.state.notes.append(text)
            self.log(text)
            self.report(*self.place, text)

    def begin(
        self,
        init_from: Path | None,
        weights_folder: Path | None,
        resume: bool,
        known: Sequence[str],
    ) -> None:
        """Build the network, check and prepare the slices, take up an earlier state."""
        self.parent, self._parent_sum = "", ""
        with repeatable(self.spec.seed):
            self.network: Network = build_any(self.spec.network)
        told: list[str] = []
        if init_from is not None:
            self._start_from(init_from)
        elif self.spec.encoder_weights:
            told = self._transfer(weights_folder)
        by_class = self.network.kind == "classification"
        absent = check_slices(self.training, self.scheme, by_class=by_class)
        check_values(self.validation, self.scheme)
        self.slices = self._prepare(self.training)
        aside = self.choosers if self._chooses else None
        self.watched = self._prepare(aside or self.validation)
        self.network.to(self.room.device)
        channels_last(self.network)
        self.with_foreground = [
            self.slices.has_foreground(n) for n in range(len(self.slices))
        ]
        in_order = list(range(len(self.slices)))
        n_steps = len(in_batches(in_order, self.spec.step_batch))
        self.plan = Plan(self.spec.phases, n_steps)
        self._take_up(resume)
        self._stepper = Stepper(
            self.network, self.loss, self.spec, self.room, self.team, self.note
        )
        self.judging = Judge(self)
        self.best = BestWeights(self)
        unstopped = ""
        if self.spec.patience and not self._chooses:
            unstopped = "No slice chooses the epoch, so that no phase ends early."
        for text in (*known, absent, *told, unstopped, self._gone_on):
            self.note(text)
        if not self.state.room:
            shapes = [self.slices[n][1].shape for n in range(len(self.slices))]
            device = self.room.device
            free = -self.team.most(-free_bytes(device), device)  # where it is least
            forecast, gave_way = foresee(self.room, self.spec, shapes, free)
            self.log(forecast)
            self.note(gave_way)
        if self.spec.keep_at and self.team.leads:
            self.judging.choose_kept()
        self.started = time.monotonic()

    def _start_from(self, path: Path) -> None:
        meta, weights = load_checkpoint(path)
        if meta.network != self.spec.network:
            msg = (
                f"The weights {meta.name!r} hold another network than the "
                f"recipe asks for ({meta.network.name!r} with "
                f"{meta.network.n_classes} classes, {meta.network.options})."
            )
            raise SpecError(msg)
        self.network.load_state_dict(weights)
        self.parent = meta.name

    def _transfer(self, folder: Path | None) -> list[str]:
        """Take over registered weights; return what loaded, what did not, and why."""
        from medlab_gui.learning.registered_weights import find_weights
        from medlab_gui.learning.transferred import start_from_weights

        name = self.spec.encoder_weights
        if folder is None:
            msg = (
                f"The recipe starts from the weights {name!r}: say where they are kept."
            )
            raise SpecError(msg)
        weights = find_weights(folder, name)
        whole = self.spec.transfer == "all"
        report = start_from_weights(
            self.network, weights, self.spec.pipeline, whole=whole
        )
        self.parent = weights.title or name
        self._parent_sum = weights.sha256
        return report.lines()

    def _prepare(self, source: SliceSource) -> PreparedSlices:
        slices = PreparedSlices(
            source,
            self.spec.pipeline,
            self.spec.sampling,
            self.scheme.n_classes,
            n_channels=self.spec.network.in_channels,
        )
        for n in range(len(slices)):
            self.report(0, 0, f"Preparing slice {n + 1} of {len(slices)}")
            slices[n]
        return slices

    def _take_up(self, resume: bool) -> None:
        sides = {
            "training": slice_prints(self.training, self.spec),
            "validation": slice_prints(self.validation, self.spec),
        }
        if self.choosers is not None:
            sides["choosers"] = slice_prints(self.choosers, self.spec)
        digest = joined_digest(self.spec, sides.values())
        resumed = resume and (self.folder / STATE).exists()
        self.average: WeightsAverage | None = None
        if resumed:
            self.state = TrainState.load(self.folder / STATE, digest)
            self.network.load_state_dict(self.state.network)
            if self.state.room:
                self.room.batch, self.room.patch, self.room.device = self.state.room
                self.network.to(self.room.device)
        else:
            self.state = TrainState(digest, network=self.network.state_dict())
        if self.spec.ema:
            self.average = WeightsAverage(self.network, self.spec.ema)
            self.average.state.update(self.state.average)
        software, epoch = environment(self.room.device), self.state.n_done + 1
        self._gone_on = gone_on_with(self.folder, software, epoch) if resumed else ""
        self._capsule: dict[str, Any] = {
            "started": _now(),
            "resumed": resumed,
            "environment": software,
            "processes": self.team.size,
            "data": sides,
            "parent": self.parent,
            "parent_sha256": self._parent_sum,
            "scheme": self.scheme.to_dict(),
        }
        # All have read the state before the first writes it anew.
        self.team.wait()
        if self.team.leads:
            write_capsule(self.folder, self.spec, self._capsule)
            if resumed:
                # Killed right after its state, it had not written its last epoch here.
                self._write_curves()
            else:
                self.state.save(self.folder / STATE)
        self.log(f"{'Resumed at' if resumed else 'Began with'} epoch {epoch}.")

    def begin_phase(self, number: int) -> None:
        """Freeze what does not learn, and set up the optimiser."""
        if number == self.phase:
            return
        self.phase = number
        phase = self.spec.phases[number]
        self._stepper.begin_phase(phase, self.state.optimiser)
        self.plateau = Plateau()
        if self.state.plateau:
            best, n_bad, n_cuts = self.state.plateau
            self.plateau = Plateau(best, int(n_bad), int(n_cuts))
        self.log(f"Phase {phase.name!r}.")

    def one_epoch(self) -> tuple[float, float]:
        """Go once over the training slices; return mean loss and last learning rate."""
        done = self.state.n_done
        rng = np.random.default_rng([self.spec.seed, done])
        order = epoch_order(rng, self.with_foreground)
        steps = in_batches(order, self.spec.step_batch)
        number, epoch = self.plan.epochs[done]
        steps = steps[: self.plan.steps_of(number, epoch)]
        self.network.train()
        losses, lr = [], 0.0
        with (
            # The first process draws what a single one would; no other repeats it.
            repeatable(self.spec.seed + done + 1_000_003 * self.team.rank),
            closing(
                made_ahead(
                    steps,
                    self.slices,
                    self.augmenter,
                    rng,
                    self.team,
                    on_thread=self.room.device == "cuda",
                )
            ) as made,
        ):
            for step, (numbers, own) in enumerate(made):
                lr = self._rate(number, epoch * self.plan.epoch_steps + step, epoch)
                seed = [self.spec.seed, done, step]
                loss = self._stepper.step(own, len(numbers), lr, seed)
                if not math.isfinite(loss):
                    raise self._astray(step, numbers)
                losses.append(loss)
                self._count_step(step + 1, len(steps), loss)
        self.team.follow(self.network.buffers())
        if self.average is not None:
            self.team.follow(self.average.state.values())
        return float(np.mean(losses)), lr

    def _rate(self, number: int, step: int, epoch: int) -> float:
        return learning_rate(
            self.spec,
            self.spec.phases[number],
            step=step,
            n_steps=self.plan.phase_steps(number),
            epoch=epoch,
            n_cuts=self.plateau.n_cuts,
        )

    def _count_step(self, step: int, steps: int, loss: float) -> None:
        self.state.n_steps += 1
        self._n_steps_here += 1
        if self.average is not None:
            self.average.take(self.state.n_steps)
        if self.state.n_steps in self.spec.keep_at and self.team.leads:
            self.judging.keep_predictions()
        self.tell(step, steps, loss, None)

    def _astray(self, step: int, numbers: list[int]) -> InputError:
        keys = [self.slices.keys[n] for n in numbers]
        msg = (
            f"Training went astray in epoch {self.state.n_done + 1}, step {step + 1} "
            f"({named(keys)}): the loss or what follows from it is not a number any "
            "more. Lower the learning rate, or look for extreme values in these slices "
            "(a window in the preprocessing keeps them in range), and start again; the "
            "epochs before it are kept."
        )
        return InputError(msg)

    def tell(
        self, step: int, steps: int, loss: float, judged: dict[str, Any] | None
    ) -> None:
        """Report where the training stands: after a step, or a judged epoch."""
        before = self.plan.epochs[: self.state.n_done]
        done = sum(self.plan.steps_of(*place) for place in before) + step
        pace = (time.monotonic() - self.started) / max(1, self._n_steps_here)
        epoch, n_epochs = self.state.n_done + 1, len(self.plan.epochs)
        data = {
            "phase": self.spec.phases[self.phase].name,
            "epoch": epoch,
            "epochs": n_epochs,
            "step": step,
            "steps": steps,
            "loss": loss,
            "dice": judged and judged["dice"],
            **({BALANCED: judged[BALANCED]} if judged and BALANCED in judged else {}),
            "seconds_left": pace * (self.plan.n_steps - done),
        }
        self.place = (done, self.plan.n_steps)
        text = f"Epoch {epoch} of {n_epochs}, loss {loss:.3f}"
        self.report(*self.place, text, data)

    def judge(self) -> dict[str, Any]:
        """Return what `learning.judge.Judge` finds, at the network's pixels."""
        found = self.judging(self.state.n_done + 1) if self.team.leads else None
        return self.team.told(found)

    def class_scores(self) -> dict[str, Any]:
        """Return F1 by class, its mean and balanced accuracy, of the weights as loaded.

        F1 bears the names of masks' scores, as the Dice of classes over slices is F1.
        """
        self.average = None
        if self.choosers is not None and self._chooses:
            self.watched = self._prepare(self.validation)
        found = self.judging(self.state.n_done)
        del found["val_loss"]
        return {**found, "n_slices": len(self.watched)}

    @property
    def who_chose(self) -> dict[str, int]:
        """How many slices were set aside to choose the epoch, for the card."""
        chose = self.choosers
        return {} if chose is None else {"n_choosing_slices": len(chose.keys)}

    def keep(self, measured: dict[str, Any], *, ends_phase: bool) -> None:
        """Write down what an epoch brought; keep its weights if they are the best."""
        state = self.state
        # Of two epochs with the same score the one with the smaller loss is better.
        worth = [merit(measured) or 0.0, -measured["val_loss"]]
        if self.best.is_gone() or not self._chooses or worth > state.best:
            self.best.save(measured["epoch"])
            state.best, state.best_epoch, state.stale = worth, measured["epoch"], 0
        else:
            state.stale += 1
        # What judges has no say in how the training goes.
        loss = measured["val_loss" if self._chooses else "loss"]
        self.plateau.see(loss, self.spec.plateau_epochs)
        steps = self.plan.steps_of(*self.plan.epochs[state.n_done])
        self.tell(steps, steps, measured["loss"], measured)
        state.history.append(measured)
        state.n_done += 1
        state.network = self.network.state_dict()
        state.average = self.average.state if self.average is not None else {}
        state.optimiser = {} if ends_phase else self._stepper.optimiser.state_dict()
        state.plateau = [] if ends_phase else list(astuple(self.plateau))
        state.room = [self.room.batch, self.room.patch, self.room.device]
        if ends_phase:
            state.stale = 0
        if not self.team.leads:
            return
        # Before the state: who is killed after that does not come back to this epoch.
        self.log(
            f"Epoch {measured['epoch']}: loss {measured['loss']:.6g}, validation loss "
            f"{measured['val_loss']:.6g}, {measure(measured)} {worth[0]:.6g}, "
            f"learning rate {measured['lr']:.3g}."
        )
        state.save(self.folder / STATE)
        self._write_curves()

    def _write_curves(self) -> None:
        """Write the curves, where the window finds them after a restart."""
        text = json.dumps(self.state.history)
        write_whole(self.folder / HISTORY, text.encode())

    def seal(self, metrics: dict[str, Any]) -> None:
        """Complete the capsule with the result."""
        content = {
            **self._capsule,
            "finished": _now(),
            "notes": list(self.state.notes),
            "room": list(self.state.room),
            "metrics": metrics,
        }
        write_capsule(self.folder, self.spec, content)
        self.log("Done.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
