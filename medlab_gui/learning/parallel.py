"""Several processes that train together, one for each graphics card.

``torchrun --nproc-per-node 2 -m medlab_gui train ...`` starts as many processes as
there are cards. Each takes its share of every step's slices; gradients are added up, so
that all make the same step. The first judges, writes and reports.
"""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

__all__ = ["Team", "leads"]

T = TypeVar("T")

# The others wait while the first judges all validation slices.
_PATIENCE = timedelta(hours=12)


@dataclass(frozen=True)
class Team:
    """The processes of one training; most trainings have one.

    Parameters
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        How many there are.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: str) -> Team:
        """Return the team that ``torchrun`` made, or one of this process alone.

        Parameters
        ----------
        device : str
            ``"cuda"`` (NCCL; this process gets the card of its local number) or
            ``"cpu"`` (gloo).
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2 or "RANK" not in os.environ:
            return cls()
        if device == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        if not distributed.is_initialized():
            backend = "nccl" if device == "cuda" else "gloo"
            distributed.init_process_group(backend, timeout=_PATIENCE)
            atexit.register(_leave)
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this process judges, writes and reports."""
        return self.rank == 0

    def share(self, items: list[T]) -> list[T]:
        """Return this process' part of a step's slices."""
        return items[self.rank :: self.size]

    def add_up(self, weights: Iterable[Tensor], loss: float) -> float:
        """Add up gradients (in place) and the loss over all processes."""
        if self.size == 1:
            return loss
        learning = [w for w in weights if w.requires_grad]
        parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in learning]
        total = torch.tensor([loss], dtype=torch.float32, device=parts[0].device)
        flat = torch.cat([*(p.flatten().float() for p in parts), total])
        distributed.all_reduce(flat)
        at = 0
        for weight, part in zip(learning, parts, strict=True):
            n = part.numel()
            weight.grad = flat[at : at + n].view_as(part).to(part.dtype)
            at += n
        return float(flat[-1])

    def follow(self, tensors: Iterable[Tensor]) -> None:
        """Make tensors those of the first process, in place."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)

    def told(self, value: T | None) -> T:
        """Return what the first process says; the others give None."""
        box = [value]
        if self.size > 1:
            distributed.broadcast_object_list(box, src=0)
        assert box[0] is not None
        return box[0]

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            distributed.barrier()


def leads() -> bool:
    """Tell whether this process is the first of those that ``torchrun`` started."""
    return int(os.environ.get("RANK", "0")) == 0


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
