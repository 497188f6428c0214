"""How much memory a training needs, and what gives way where there is too little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from medlab_gui.core.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.core.training import TrainSpec

__all__ = ["Room", "foresee", "free_bytes", "is_out_of_memory", "training_bytes"]

_SMALLEST_PATCH = 64
# What the usual augmentation adds to height and width, on average.
_WIDENED = 1.2
# Of a network's weights: the weights, their gradients, and the optimiser's two moments.
_COPIES = {"adam": 4, "adamw": 4, "sgd": 3}


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory could not be had."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # What a processor's allocator says has no class of its own.
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("allocate memory", "not enough memory")
    )


@dataclass
class Room:
    """What goes through the network at once; shrinks where memory runs out.

    Parameters
    ----------
    batch : int
        Slices that go through together. Fewer than the recipe's batch change nothing
        but batch-norm statistics: their gradients are added up to the same step.
    patch : int
        Rows and columns of the piece that is learned from; 0: all of a slice.
    device : str
        ``"cpu"`` or ``"cuda"``.
    in_pieces : bool
        Whether pieces of slices may be learned from: a classifier sees whole ones.
    alone : bool
        Whether one process trains. Several have one card each, and what carries their
        gradients from card to card knows no other memory: they cannot move.
    """

    batch: int
    patch: int
    device: str
    in_pieces: bool = True
    alone: bool = True

    def __post_init__(self) -> None:
        self._asked = (self.batch, self.patch)

    def shrink(self, side: int) -> str:
        """Give way by one stage: half the batch, smaller pieces, then the processor.

        Parameters
        ----------
        side : int
            The larger of rows and columns of what was too much.

        Returns
        -------
        str
            What was done, for the person who waits.

        Raises
        ------
        ResourceError
            If there is no stage left.
        """
        what = "Memory ran out"
        if self.batch > 1:
            before, self.batch = self.batch, self.batch // 2
            return (
                f"{what}: {self.batch} instead of {before} slices at once; a step "
                "still learns from as many."
            )
        smaller = min(side, self.patch or side) // 2 // 32 * 32
        if self.in_pieces and smaller >= _SMALLEST_PATCH:
            self.patch = smaller
            return (
                f"{what} for a single slice: pieces of {smaller} x {smaller} pixels "
                "are learned from instead of whole slices."
            )
        if self.device != "cpu" and self.alone:
            self.device = "cpu"
            self.batch, self.patch = self._asked
            return f"{what} on the graphics card: the processor goes on, more slowly."
        least = "a small piece of one slice" if self.in_pieces else "one slice"
        msg = (
            f"There is not enough memory even for {least}; close other programs, or "
            "choose a smaller network (its option 'width')."
        )
        raise ResourceError(msg)


def training_bytes(
    network: NetworkSpec,
    shape_yx: tuple[float, float],
    batch: int,
    optimiser: str = "adam",
) -> int:
    """Return roughly how much memory a step of training takes; nothing is allocated.

    Parameters
    ----------
    network : NetworkSpec
        What is to be trained.
    shape_yx : tuple of float
        Rows and columns of a slice as the network will see it.
    batch : int
        Slices that go through together.
    optimiser : str
        Key of `core.training.OPTIMISERS`.

    Returns
    -------
    int
        Bytes of weights, gradients, the optimiser's moments, and of what the forward
        pass keeps for the backward pass in float32; what libraries reserve beside them
        is not in it.
    """
    from medlab_gui.networks import build_any
    from medlab_gui.networks.base import on_meta

    net = on_meta(lambda: build_any(network)).train()
    kept: dict[int, tuple[torch.UntypedStorage, int]] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage, storage.nbytes()
        return tensor

    size = (batch, network.in_channels, *(max(32, round(n)) for n in shape_yx))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = net(torch.empty(size, device="meta"))
    weights = sum(w.numel() * w.element_size() for w in net.parameters())
    activations = sum(n for _storage, n in kept.values()) - weights
    # Softmax, its logarithm and the one-hot truth of the loss.
    loss = 4 * logits.numel() * logits.element_size()
    return int(weights * _COPIES[optimiser] + max(0, activations) + loss)


def free_bytes(device: str) -> int:
    """Return how much memory is free on ``"cpu"`` or ``"cuda"``."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return int(psutil.virtual_memory().available)


def foresee(
    room: Room, spec: TrainSpec, shapes: Sequence[tuple[int, ...]], free: int
) -> tuple[str, str]:
    """Make the batch smaller where memory will not do for it, before the start.

    Parameters
    ----------
    room : Room
        Changed in place.
    spec : TrainSpec
        The recipe.
    shapes : sequence of tuple of int
        Rows and columns of the slices as the network sees them.
    free : int
        Bytes that are free (`free_bytes`).

    Returns
    -------
    forecast, gave_way : str
        What is needed and what is free; and what was made smaller, or nothing.
    """
    wider = _WIDENED if spec.augment == "usual" else 1.0
    shape = wider * max(s[0] for s in shapes), wider * max(s[1] for s in shapes)
    if room.patch:
        shape = min(shape[0], room.patch), min(shape[1], room.patch)

    def need() -> int:
        return training_bytes(spec.network, shape, room.batch, spec.optimiser)

    first, before = need(), room.batch
    while room.batch > 1 and need() > free:
        room.batch //= 2
    wanted, there = f"{first / 1e9:.1f} GB", f"{free / 1e9:.1f} GB"
    at_once = (
        "1 slice at once needs" if before == 1 else f"{before} slices at once need"
    )
    forecast = f"{at_once} about {wanted}; {there} are free."
    if room.batch == before:
        return forecast, ""
    return forecast, (
        f"{before} slices at once would need about {wanted} of memory, and {there} are "
        f"free: {room.batch} {'goes' if room.batch == 1 else 'go'} through at once; a "
        "step still learns from as many."
    )
