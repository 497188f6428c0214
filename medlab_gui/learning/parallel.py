"""Several processes that train together, one for each graphics card.

``torchrun --nproc-per-node 2 -m medlab_gui train ...`` starts as many processes as
there are cards. Each takes its share of every step's slices; gradients are added up, so
that all make the same step. The first judges, writes and reports.
"""

from __future__ import annotations

import atexit
import importlib
import os
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from medlab_gui.core.errors import MedlabError, ResourceError
from medlab_gui.learning.memory import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

__all__ = ["Team"]

T = TypeVar("T")

# The others wait while the first judges all validation slices.
_PATIENCE = timedelta(hours=12)
_AT_ONCE = timedelta(seconds=5)

_ENDED = "Another process of this training has ended, so it cannot go on"
_WHY = "medlab/why"
_board: list[Any] = []
"""What the processes met at; who ends by an error leaves word there."""


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
            # Its functions keep, as a default, the group that there is when they are
            # imported, and optimisers import them. Imported after joining they would
            # hold on to the group: its threads would outlive `_leave`, and Python's
            # end would kill them while they let go of tensors ("terminate called
            # without an active exception").
            importlib.import_module("torch.distributed.nn.functional")
            store, rank, size = next(rendezvous("env://", timeout=_PATIENCE))
            distributed.init_process_group(
                backend, store=store, rank=rank, world_size=size, timeout=_PATIENCE
            )
            _board.append(store)
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
        with _together():
            distributed.all_reduce(flat)
        at = 0
        for weight, part in zip(learning, parts, strict=True):
            n = part.numel()
            weight.grad = flat[at : at + n].view_as(part).to(part.dtype)
            at += n
        return float(flat[-1])

    def most(self, number: int, device: str) -> int:
        """Return the largest of the numbers that the processes have.

        Parameters
        ----------
        number : int
            This process' own.
        device : str
            Where they compute, ``"cpu"`` or ``"cuda"``.
        """
        if self.size == 1:
            return number
        found = torch.tensor([number], dtype=torch.int64, device=device)
        with _together():
            distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return int(found.item())

    def follow(self, tensors: Iterable[Tensor]) -> None:
        """Make tensors those of the first process, in place."""
        if self.size > 1:
            with _together():
                for tensor in tensors:
                    distributed.broadcast(tensor, src=0)

    def told(self, value: T | None) -> T:
        """Return what the first process says; the others give None."""
        found: T | None = self._say(value)
        assert found is not None
        return found

    def hear(self) -> Any:
        """Return what the first process tells by `leading`; None if it could not."""
        return self._say(None)

    def _say(self, value: Any) -> Any:
        """Return the first process' value."""
        box = [value]
        if self.size > 1:
            with _together():
                distributed.broadcast_object_list(box, src=0)
        return box[0]

    @contextmanager
    def leading(self) -> Iterator[Callable[[object], None]]:
        """Yield what tells the others, once, what is to be done.

        Where this ends before that they are told None, and do not wait for ever.
        """
        is_told = False

        def tell(what: object) -> None:
            nonlocal is_told
            is_told = True
            self._say(what)

        try:
            yield tell
        finally:
            if not is_told:
                self._say(None)

    @contextmanager
    def telling_why(self) -> Iterator[None]:
        """Let the others know why this process ends, where an error ends it."""
        try:
            yield
        except BaseException as error:
            if self.size > 1:
                _tell_why(error)
            raise

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            with _together():
                distributed.barrier()


@contextmanager
def _together() -> Iterator[None]:
    """Say what it means where one process of several is gone.

    Raises
    ------
    ResourceError
        Instead of the library's own error.
    """
    try:
        yield
    except RuntimeError as error:
        # They hold the group, which must be gone when Python ends (see `Team.join`).
        traceback.clear_frames(error.__traceback__)
        why = _told_why() or "; that one says why."
        msg = f"{_ENDED}{why} What was learned up to the last epoch is kept."
        raise ResourceError(msg) from error


def _tell_why(error: BaseException) -> None:
    """Leave word for the others; the first that ends has it."""
    if isinstance(error, MedlabError):
        why = error.message
    elif is_out_of_memory(error):
        why = "There is not enough memory for it."
    else:
        why = f"{type(error).__name__}: {error}".rstrip(": ") + "."
    if why.startswith(_ENDED) or _told_why():
        return
    with suppress(RuntimeError):  # the first process, who keeps it, may be gone
        for board in _board:
            board.set(_WHY, why)


def _told_why() -> str:
    """Return what another process left word of, as the end of a sentence, or ""."""
    with suppress(RuntimeError):
        for board in _board:
            board.set_timeout(_AT_ONCE)
            if board.check([_WHY]):
                return f": {board.get(_WHY).decode()}"
    return ""


def _leave() -> None:
    _board.clear()
    if distributed.is_initialized():
        distributed.destroy_process_group()
