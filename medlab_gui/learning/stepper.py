"""One step of training: batches through the network, gradients into weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from medlab_gui.core.labels import IGNORE
from medlab_gui.learning.batches import collate, in_batches
from medlab_gui.learning.memory import is_out_of_memory
from medlab_gui.learning.whole_slices import looked_at, target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from medlab_gui.core.training import Phase, TrainSpec
    from medlab_gui.learning.memory import Room
    from medlab_gui.learning.parallel import Team
    from medlab_gui.networks.base import Network

__all__ = ["Stepper", "WeightsAverage", "crop", "use_bfloat16"]

Sample = tuple["NDArray[np.float32]", "NDArray[np.uint8]"]


def use_bfloat16(spec: TrainSpec, device: str) -> bool:
    """Tell whether a network computes in bfloat16: on cards that have it, if allowed.

    Processors without matrix units for it are slower with it, and it needs no scaling
    of the loss as float16 does.
    """
    return (
        device == "cuda"
        and spec.precision == "auto"
        and torch.cuda.is_bf16_supported(including_emulation=False)
    )


class Stepper:
    """Makes steps, in as small portions as there is memory for.

    Parameters
    ----------
    network : Network
        Changed in place.
    loss : callable
        See `learning.losses`.
    spec : TrainSpec
        Optimiser, clipping, precision.
    room : Room
        How much goes through at once; shrinks where memory runs out.
    team : Team
        The processes that train together.
    note : callable
        Is told what gave way.
    """

    def __init__(
        self,
        network: Network,
        loss: Callable[[Tensor, Tensor], Tensor],
        spec: TrainSpec,
        room: Room,
        team: Team,
        note: Callable[[str], None],
    ) -> None:
        self._network = network
        self._loss = loss
        self._spec = spec
        self._room = room
        self._team = team
        self._note = note
        self.optimiser: torch.optim.Optimizer

    def begin_phase(self, phase: Phase, state: dict[str, Any]) -> None:
        """Freeze what does not learn, and set up the optimiser."""
        self._network.freeze(phase.trainable)
        weights = [w for w in self._network.parameters() if w.requires_grad]
        self.optimiser = _optimiser(self._spec, weights, phase.lr)
        if state:
            self.optimiser.load_state_dict(state)

    def step(
        self, own: list[tuple[int, Sample]], n_slices: int, lr: float, seed: list[int]
    ) -> float:
        """Learn from some slices; return their mean loss.

        Parameters
        ----------
        own : list of (int, (image, labels))
            This process' share of the step's slices: place within the step, sample.
        n_slices : int
            Slices of the step, of all processes of the team.
        lr : float
            Learning rate.
        seed : list of int
            Decides which pieces of slices are taken, if pieces are.

        Returns
        -------
        float
            Not a number where the loss, its gradient or the network's statistics are
            none (values of a scan that are out of all range can have a loss): the
            weights are as before then.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        while True:
            too_much = 0
            try:
                loss = self._gradients(own, n_slices, seed)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                too_much = max(max(labels.shape) for _, (_, labels) in own)
            # Outside of "except": the error holds on to what filled the memory.
            # What one lacks all do without: the first writes down how the run goes on.
            too_much = self._team.most(too_much, self._room.device)
            if too_much:
                self.give_way(too_much)
                continue
            if not self._statistics_are_numbers():
                loss = math.nan  # before the others hear of it: all stop together
            loss = self._team.add_up(self._network.parameters(), loss)
            if not math.isfinite(loss):
                return math.nan
            weights = [w for w in self._network.parameters() if w.requires_grad]
            # Where nothing is to be clipped it only tells the length of the gradient.
            longest = self._spec.clip_norm or math.inf
            if not math.isfinite(nn.utils.clip_grad_norm_(weights, longest).item()):
                return math.nan
            self.optimiser.step()
            return loss

    def _statistics_are_numbers(self) -> bool:
        own = [b for b in self._network.buffers() if b.is_floating_point()]
        return not own or bool(torch.cat([b.flatten() for b in own]).isfinite().all())

    def give_way(self, side: int) -> None:
        """Make do with less memory (see `Room.shrink`), and say so."""
        self.optimiser.zero_grad(set_to_none=True)
        before = self._room.device
        self._note(self._room.shrink(side))
        if before == "cuda":
            torch.cuda.empty_cache()
        if self._room.device != before:
            self._network.to(self._room.device)
            # Moments follow the weights that they belong to.
            self.optimiser.load_state_dict(self.optimiser.state_dict())

    def _gradients(
        self, own: list[tuple[int, Sample]], n_slices: int, seed: list[int]
    ) -> float:
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for portion in _portions(own, self._room.batch):
            images, labels = collate([sample for _, sample in portion])
            if self._room.patch:
                numbers = [n for n, _ in portion]
                images, labels = crop(images, labels, self._room.patch, numbers, seed)
            share = len(portion) / n_slices
            loss = self._forward(images, labels) * share
            total += loss.item()
            if not math.isfinite(total):
                break
            loss.backward()  # type: ignore[no-untyped-call]
        return total

    def _forward(self, images: Tensor, labels: Tensor) -> Tensor:
        device = self._room.device
        with torch.autocast(
            device, torch.bfloat16, enabled=use_bfloat16(self._spec, device)
        ):
            logits = looked_at(self._network, images.to(device))
        return self._loss(logits, target_of(self._network, labels).to(device))


def _portions(items: list[Any], size: int) -> Iterator[list[Any]]:
    if size == 1:
        return iter([[item] for item in items])
    return iter(in_batches(items, size))


def _optimiser(
    spec: TrainSpec, weights: list[nn.Parameter], lr: float
) -> torch.optim.Optimizer:
    if spec.optimiser == "sgd":
        return torch.optim.SGD(
            weights, lr=lr, momentum=spec.momentum, weight_decay=spec.weight_decay
        )
    kind = torch.optim.AdamW if spec.optimiser == "adamw" else torch.optim.Adam
    return kind(weights, lr=lr, weight_decay=spec.weight_decay)


def crop(
    images: Tensor, labels: Tensor, size: int, numbers: list[int], seed: list[int]
) -> tuple[Tensor, Tensor]:
    """Return a piece of each slice, every second one round a voxel of a class.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Slices.
    labels : Tensor, shape (N, H, W)
        Their truth.
    size : int
        Rows and columns of the pieces; a smaller slice is taken whole.
    numbers : list of int
        Number of each slice within its step; with ``seed`` it decides on the place.
    seed : list of int
        Of the step.
    """
    height, width = labels.shape[1:]
    rows, columns = min(size, height), min(size, width)
    pieces = []
    for n, number in enumerate(numbers):
        rng = np.random.default_rng([*seed, number])
        top = int(rng.integers(height - rows + 1))
        left = int(rng.integers(width - columns + 1))
        inside = ((labels[n] > 0) & (labels[n] != IGNORE)).nonzero()
        if rng.random() < 0.5 and len(inside):
            y, x = inside[int(rng.integers(len(inside)))].tolist()
            top = min(max(0, y - rows // 2), height - rows)
            left = min(max(0, x - columns // 2), width - columns)
        there = slice(top, top + rows), slice(left, left + columns)
        pieces.append((images[n][:, *there], labels[n][there]))
    return (
        torch.stack([image for image, _ in pieces]),
        torch.stack([truth for _, truth in pieces]),
    )


class WeightsAverage:
    """An exponential moving average of a network's weights and statistics.

    The share of the old grows from 1/10 to ``share``: early averages would else be
    mostly the random start.

    Parameters
    ----------
    network : nn.Module
        Whose weights.
    share : float
        Of the old, in each step.
    """

    def __init__(self, network: nn.Module, share: float) -> None:
        self._network = network
        self._share = share
        self.state = {k: t.detach().clone() for k, t in network.state_dict().items()}

    @torch.no_grad()
    def take(self, n_steps: int) -> None:
        """Take the weights after a step into account.

        Parameters
        ----------
        n_steps : int
            Steps done in all.
        """
        share = min(self._share, (1 + n_steps) / (10 + n_steps))
        for name, now in self._network.state_dict().items():
            old = self.state[name]
            if old.device != now.device:
                old = self.state[name] = old.to(now.device)
            if now.is_floating_point():
                old.lerp_(now, 1 - share)
            else:
                old.copy_(now)
