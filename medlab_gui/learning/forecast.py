"""How long a training will take here, and how much memory."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import torch

    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.core.training import Phase
    from medlab_gui.networks.base import Network

__all__ = ["Pace", "measure_pace"]

_COARSE_S = 0.1
"""Windows counts a thread's time in ticks of 16 ms: less than this tells little."""
_SIDE = 128
_BETWEEN_EPOCHS = 0.3
_START = 8.0
_HELD_UP = 1.5
_LARGE = 10_000_000  # weights; more are not made only to be timed


@dataclass(frozen=True)
class Pace:
    """Seconds that one slice takes on this machine.

    Parameters
    ----------
    look : float
        To predict it.
    learn_head, learn_all : float
        To learn from it with the encoder frozen, and with everything.
    device : str
        Where that was.
    bytes_fixed, bytes_slice : int
        Memory for the weights and all that belongs to them, and for each slice of a
        batch.
    bytes_free : int
        Memory that is free there.
    waiting : float
        How many times as long it took as it would have without other programs that kept
        the processor busy: 1 on a machine that is otherwise idle.
    """

    look: float
    learn_head: float
    learn_all: float
    device: str
    bytes_fixed: int = 0
    bytes_slice: int = 0
    bytes_free: int = 0
    waiting: float = 1.0

    @property
    def is_held_up(self) -> bool:
        """Whether other programs make it take much longer at present."""
        return self.waiting >= _HELD_UP

    def bytes_for(self, batch: int) -> int:
        """Return roughly how much memory a batch needs; 0 where it is not known."""
        return self.bytes_fixed + batch * self.bytes_slice if self.bytes_slice else 0

    def seconds(
        self, phases: Iterable[Phase], n_training: int, n_validation: int
    ) -> float:
        """Return roughly how long a training lasts.

        Parameters
        ----------
        phases : iterable of Phase
            What is planned.
        n_training, n_validation : int
            Slices to learn from, and slices that judge each epoch.
        """
        # The locked slices judge each epoch, and three times more at the end: the best
        # epoch, then old against new.
        total = _START + 3 * n_validation * self.look
        for phase in phases:
            learn = self.learn_head if phase.trainable == "head" else self.learn_all
            once = n_training * learn + n_validation * self.look + _BETWEEN_EPOCHS
            total += phase.epochs * once
        return total


def measure_pace(
    network: NetworkSpec, shape_yx: tuple[float, float], device: str = "auto"
) -> Pace:
    """Time the network on a small picture; takes a second or two.

    On a processor it is the time in which it worked on this that counts, so that what
    else goes on at the moment does not make a forecast of hours several times as long.

    The networks are made of convolutions, so the time grows with the number of pixels.
    Of a large network's time a small one's gives an idea, by their multiplications.

    Parameters
    ----------
    network : NetworkSpec
        What is to be trained; its weights do not matter here.
    shape_yx : tuple of float
        Rows and columns of a slice as the network will see it.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """
    import torch

    from medlab_gui.learning.memory import free_bytes, training_bytes
    from medlab_gui.learning.predict import choose_device
    from medlab_gui.networks import build_any

    where = choose_device(device)
    timed, more = _timed(network)
    net = build_any(timed).to(where)
    picture = torch.zeros(1, network.in_channels, _SIDE, _SIDE, device=where)
    factor = more * shape_yx[0] * shape_yx[1] / _SIDE**2
    net.eval()
    with torch.no_grad():
        look, *waits = _timed_runs(lambda: net(picture), where)
    times = {}
    for trainable in ("head", "all"):
        net.freeze(trainable)
        net.train()
        times[trainable], wait = _timed_runs(lambda: _learn(net, picture), where)
        waits.append(wait)
    one, two = (training_bytes(network, shape_yx, batch) for batch in (1, 2))
    return Pace(
        look * factor,
        times["head"] * factor,
        times["all"] * factor,
        where,
        bytes_fixed=max(0, 2 * one - two),
        bytes_slice=two - one,
        bytes_free=free_bytes(where),
        waiting=max(1.0, sum(waits) / len(waits)),
    )


def _timed(network: NetworkSpec) -> tuple[NetworkSpec, float]:
    """Return the network to time, and how much longer the one that is meant takes."""
    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.networks import describe

    size = _SIDE, _SIDE
    meant = describe(network, size)
    if meant["n_weights"] <= _LARGE:
        return network, 1.0
    small = NetworkSpec("unet", network.in_channels, network.n_classes, {"width": 0.25})
    return small, meant["multiply_adds"] / describe(small, size)["multiply_adds"]


def _learn(net: Network, picture: torch.Tensor) -> None:
    net.zero_grad(set_to_none=True)
    loss: torch.Tensor = net(picture).square().mean()
    loss.backward()  # type: ignore[no-untyped-call]


def _timed_runs(
    work: Callable[[], object], device: str, tries: int = 3
) -> tuple[float, float]:
    """Time a few runs, the first of which warms up.

    Returns
    -------
    seconds : float
        The shortest; on a processor, of the time that this thread had it. (It takes
        part in all that others compute for it, and is busy as long as they are.)
    waiting : float
        How many times as long as that they took by the clock on the wall.
    """
    import torch

    best, worked, passed = float("inf"), 0.0, 0.0
    for _try in range(tries):
        start, own = time.perf_counter(), time.thread_time()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        by_clock = time.perf_counter() - start
        one = by_clock if device == "cuda" else time.thread_time() - own
        if os.name == "nt" and one < _COARSE_S:
            one = by_clock
        best, worked, passed = min(best, one), worked + one, passed + by_clock
    return best, passed / worked if worked else 1.0
