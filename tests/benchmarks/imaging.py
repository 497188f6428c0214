"""Filters against scikit-image, on the same slices in the same process, in turn.

As a program it is one side: ``python -m tests.benchmarks.imaging filters THREADS
FOLDER``, where THREADS is ``one`` or ``all``; the scan is the one of ``BENCH_SCAN``.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tests.benchmarks.__main__ import Bench

__all__ = ["filters"]

N_SLICES, SIZE = 100, 512
LEVEL, WIDTH, WEIGHT = 40.0, 400.0, 0.1
SAME = 1e-5
CHAIN_MS = 15.0
_MODULE = "tests.benchmarks.imaging"

# ---- the rows ---------------------------------------------------------------------


def filters(bench: Bench) -> list[Row]:
    """Total variation, equalisation, the liver paper's chain; before compiling too."""
    found = {
        threads: bench.turns("filters", (threads,), _MODULE)[threads]
        for threads in ("one", "all")
    }
    rows = []
    for threads, runs in found.items():
        n = runs[0]["threads"]
        against = f"scikit-image, {n} thread" + ("s" if n > 1 else "")
        for key, what in (
            ("tv", f"total variation, {N_SLICES} slices"),
            ("equalize", f"histogram equalisation, {N_SLICES} slices"),
        ):
            rows.append(
                Row(
                    f"{what}, {threads} thread{'s' * (threads == 'all')}",
                    _median(runs, key),
                    _median(runs, f"{key}_peer"),
                    "s",
                    against,
                    1 / 8,
                )
            )
    one = found["one"]
    rows += [
        Row(
            f"one {SIZE}x{SIZE} slice through the liver paper's chain",
            1000 * _median(one, "chain"),
            1000 * _median(one, "chain_peer"),
            "ms",
            "scikit-image",
            1 / 8,
        ),
        Row(
            "the same slice",
            1000 * _median(one, "chain"),
            CHAIN_MS,
            "ms",
            "what is promised",
            1.0,
        ),
        Row(
            "the same slice before the loops are compiled",
            1000 * _median(one, "chain_numpy"),
            1000 * _median(one, "chain_peer"),
            "ms",
            "scikit-image",
        ),
        Row(
            "longest stand-still of a thread while the loops are made and loaded",
            1000 * max(run["stall"] for run in found["all"]),
            50,
            "ms",
            "what is hardly felt",
            1.0,
        ),
    ]
    return rows


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return median(run[key] for run in runs)


# ---- one side ---------------------------------------------------------------------


def _took(work: Callable[[], Any], repeat: int = 1) -> float:
    best = float("inf")
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _scan() -> NDArray[np.int16]:
    from medlab_gui.io import read_one

    _, volume = read_one(Path(os.environ["BENCH_SCAN"]))
    data = np.asarray(volume.data)
    if data.shape[1:] != (SIZE, SIZE):
        raise SystemExit(
            f"the scan has slices of {data.shape[1:]}, not {SIZE} x {SIZE}"
        )
    return data[np.arange(N_SLICES) % len(data)].astype(np.int16)


def _peer_map(function: Callable[[Any], Any], data: NDArray[Any], n: int) -> Any:
    if n == 1:
        return np.stack([function(plane) for plane in data])
    with ThreadPoolExecutor(n) as pool:
        return np.stack(list(pool.map(function, data)))


def _standing_still() -> float:
    """Start the warm-up, and return the longest that this thread was kept waiting."""
    from medlab_gui.imaging import compiled

    compiled.warm_up()
    worst, last = 0.0, time.perf_counter()
    began = last
    while not compiled.wait_until_compiled(0):
        if last - began > 120:
            raise SystemExit("the loops are not compiled")
        time.sleep(0.001)
        now = time.perf_counter()
        worst, last = max(worst, now - last), now
    return worst


def _must_agree(what: str, ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    apart = float(np.abs(ours - theirs).max())
    if apart > SAME:
        raise SystemExit(f"{what}: the results are {apart:.2g} apart")


def main(threads: str, folder: Path) -> None:
    if threads == "one":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # A cache of this run alone: the first compile is measured too.
    os.environ["NUMBA_CACHE_DIR"] = str(folder / f"compiled-{os.getpid()}")
    from skimage.exposure import equalize_hist, rescale_intensity
    from skimage.restoration import denoise_tv_chambolle

    from medlab_gui.core.specs import LIVER_PIPELINE
    from medlab_gui.imaging import equalize, run_pipeline, total_variation, window

    n = len(os.sched_getaffinity(0))
    result: dict[str, Any] = {"threads": n}
    if threads == "all":
        result["stall"] = _standing_still()
    scan = _scan()
    middle = scan[N_SLICES // 2]
    shown = window(scan, level=LEVEL, width=WIDTH)
    even = equalize(shown)

    def chain_peer() -> Any:
        ends = (LEVEL - WIDTH / 2, LEVEL + WIDTH / 2)
        plane = rescale_intensity(middle.astype(np.float32), ends, (0.0, 1.0))
        return denoise_tv_chambolle(equalize_hist(plane), weight=WEIGHT)

    def chain() -> Any:
        return run_pipeline(LIVER_PIPELINE, middle)

    if threads == "one":
        denoise, histogram = (
            importlib.import_module(f"medlab_gui.imaging.{name}")
            for name in ("denoise", "histogram")
        )
        known = denoise.kernel, histogram.kernel
        denoise.kernel = histogram.kernel = lambda name: None  # as while compiling
        result["chain_numpy"] = _took(chain, 20)
        before = chain()
        denoise.kernel, histogram.kernel = known
        _standing_still()
        if not np.array_equal(before, chain()):
            raise SystemExit("compiled and not compiled differ")
        _must_agree("chain", chain(), chain_peer())
        result["chain"] = _took(chain, 20)
        result["chain_peer"] = _took(chain_peer, 20)

    def tv_peer(plane: Any) -> Any:
        return denoise_tv_chambolle(plane, weight=WEIGHT)

    for key, data, ours, peer in (
        ("tv", even, lambda: total_variation(even, weight=WEIGHT), tv_peer),
        ("equalize", shown, lambda: equalize(shown), equalize_hist),
    ):
        _must_agree(key, ours(), _peer_map(peer, data, n))
        result[key] = _took(ours, 3)
        result[f"{key}_peer"] = _took(lambda p=peer, d=data: _peer_map(p, d, n), 3)
    say(**result)


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]))
