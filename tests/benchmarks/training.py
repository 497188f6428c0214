"""An epoch of `quick-cpu` against the same network in a bare torch loop.

Both in one process, in turn: our epoch draws, changes, gathers and reports; the bare
loop goes over the very batches of that epoch, kept as tensors, with the same network,
loss and optimiser. Both must come to the same loss. As a program it is one side:
``python -m tests.benchmarks.training training medlab FOLDER``. ``BENCH_EPOCH_SLICES``
makes it smaller (100 slices of 512 x 512).
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tests.benchmarks.__main__ import Bench

__all__ = ["training"]

N_SLICES = int(os.environ.get("BENCH_EPOCH_SLICES", "100"))
SIDE, SPACING = 512, (5.0, 0.78, 0.78)
EPOCHS = 7
"""The first, which finds caches and memory cold, does not count; then each side comes
first as often as the other."""
_MODULE = "tests.benchmarks.training"


def training(bench: Bench) -> list[Row]:
    """Train some epochs by each in turn; what only the first costs is shown beside."""
    runs = bench.turns("training", ("medlab",), _MODULE)["medlab"]

    def of(key: str) -> float:
        return median(run[key] for run in runs)

    peer = "bare torch loop, same batches"
    return [
        Row(
            f"an epoch of quick-cpu on {N_SLICES} slices",
            of("ours"),
            of("bare"),
            "s",
            peer,
            1.1,
        ),
        Row(
            f"preparing {N_SLICES} slices {SIDE}x{SIDE} once, before the first epoch",
            of("prepare"),
            of("bare"),
            "s",
            f"an epoch of the {peer}",
        ),
    ]


def main(folder: Path) -> None:
    """Time both in turn, on a scan with a bright ball in it."""
    import torch

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.training import Phase
    from medlab_gui.core.training_presets import read_training_preset
    from medlab_gui.learning.ahead import made_ahead
    from medlab_gui.learning.batches import collate, epoch_order, in_batches, repeatable
    from medlab_gui.learning.losses import make_loss
    from medlab_gui.learning.trainer import Trainer
    from medlab_gui.networks import build
    from medlab_gui.networks.base import channels_last

    scheme = LabelScheme.from_names("Ball", ["Ball"])
    spec = read_training_preset("quick-cpu").for_scheme(scheme)
    spec = replace(spec, phases=(Phase("all", EPOCHS, spec.phases[0].lr),))
    run = Trainer(
        spec, scheme, _source(N_SLICES, 0), _source(4, 1), None, folder / "run", "cpu"
    )
    began = time.perf_counter()
    run.begin(None, None, False, "")
    prepare = time.perf_counter() - began
    run.begin_phase(0)

    # The bare loop begins with the same weights.
    with repeatable(spec.seed):
        bare = build(spec.network)
    channels_last(bare)
    bare.train()
    optimiser = torch.optim.Adam(bare.parameters(), lr=spec.phases[0].lr)
    loss_of = make_loss(spec)
    ours, theirs, apart = [], [], []
    for _epoch in range(EPOCHS):
        done = run.state.n_done
        rng = np.random.default_rng([spec.seed, done])
        steps = in_batches(epoch_order(rng, run.with_foreground), spec.step_batch)
        kept = [
            collate([sample for _place, sample in own])
            for _numbers, own in made_ahead(
                steps, run.slices, run.augmenter, rng, run.team, on_thread=False
            )
        ]
        rates = [
            run._rate(0, done * run.plan.epoch_steps + n, done)
            for n in range(len(kept))
        ]

        def bare_epoch(kept: Any = kept, rates: Any = rates) -> float:
            losses = []
            for (images, labels), rate in zip(kept, rates, strict=True):
                for group in optimiser.param_groups:
                    group["lr"] = rate
                optimiser.zero_grad(set_to_none=True)
                loss = loss_of(bare(images), labels)
                losses.append(loss.item())
                loss.backward()
                optimiser.step()
            return float(np.mean(losses))

        def our_epoch() -> float:
            return run.one_epoch()[0]

        sides = [(ours, our_epoch), (theirs, bare_epoch)]
        if done % 2:  # neither always warms the caches for the other
            sides.reverse()
        found = {}
        for times, epoch in sides:
            began = time.perf_counter()
            found[epoch is our_epoch] = epoch()
            times.append(time.perf_counter() - began)
        run.state.n_done += 1
        apart.append(abs(found[True] - found[False]) / found[False])
    if max(apart) > 1e-3:
        raise SystemExit(f"the losses are {max(apart):.2%} apart: not the same work")
    sys.stderr.write(f"losses apart by at most {max(apart):.1e}\n")
    say(ours=median(ours[1:]), bare=median(theirs[1:]), prepare=prepare)


def _source(n: int, seed: int) -> Any:
    """Return slices of a body with a ball in it, as a CT has them."""
    from medlab_gui.learning.dataset import ArraySource, ScanArrays

    rng = np.random.default_rng(seed)
    y, x = np.ogrid[:SIDE, :SIDE]
    data = np.full((n, SIDE, SIDE), -1000, np.int16)
    labels = np.zeros(data.shape, np.uint8)
    for k in range(n):
        body = ((y - 256) / 170) ** 2 + ((x - 256) / 220) ** 2 < 1
        cy, cx = rng.uniform(200, 300, 2)
        ball = np.hypot(y - cy, x - cx) < 60
        grey = np.where(ball, 110, 40) + rng.normal(0, 12, (SIDE, SIDE))
        data[k][body] = grey[body]
        labels[k][ball] = 1
    scan = ScanArrays(data, labels, SPACING, f"patient {seed}")
    return ArraySource({f"s{seed}": scan})


if __name__ == "__main__":
    main(Path(sys.argv[3]))
