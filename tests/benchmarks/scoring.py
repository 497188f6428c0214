"""Surface metrics against MONAI's, one by one, and against surface-distance.

All on the same two masks in the same process, in turn. As a program it is one side:
``python -m tests.benchmarks.scoring scoring NAME FOLDER``. Peers that are not installed
are left out, and the table says so.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tests.benchmarks.__main__ import Bench

__all__ = ["scoring"]

SHAPE, SPACING, TOLERANCE_MM = (100, 512, 512), (2.5, 0.75, 0.75), 2.0
_MODULE = "tests.benchmarks.scoring"
_PEERS = {"monai": "MONAI, one by one", "surface_distance": "surface-distance"}


def scoring(bench: Bench) -> list[Row]:
    """HD, HD95, ASD, RMSD and NSD of two classes; the whole of `evaluate` on noise."""
    rows = []
    what = "HD, HD95, ASD, RMSD, NSD of two classes, 512x512x100"
    for peer, called in _PEERS.items():
        if importlib.util.find_spec(peer) is None:
            sys.stderr.write(f"scoring: left out: {peer} is not installed\n")
            continue
        runs = bench.turns("scoring", (peer,), _MODULE)[peer]
        rows.append(Row(what, _of(runs, "ours"), _of(runs, "theirs"), "s", called, 0.2))
    runs = bench.turns("scoring", ("noise",), _MODULE)["noise"]
    rows.append(
        Row(
            "all metrics of random labels, two classes, 512x512x100",
            _of(runs, "noise"),
            _of(runs, "organs"),
            "s",
            "the same of two organs",
        )
    )
    return rows


def _of(runs: list[dict[str, Any]], key: str) -> float:
    return median(run[key] for run in runs)


# ---- one side ---------------------------------------------------------------------


def organs() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a truth and a prediction: a liver-like body with tumours in it."""
    from scipy.ndimage import gaussian_filter, zoom

    rng = np.random.default_rng(0)

    def rough() -> NDArray[Any]:
        coarse = gaussian_filter(rng.normal(size=(25, 64, 64)), 2)
        fine = zoom(coarse / coarse.std(), (4, 8, 8), order=1)
        return np.asarray(fine, np.float32)

    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    shape = rough()
    masks = []
    for n in range(2):
        own = shape + 0.4 * rough()
        body = ((z - 50 - n) / 38) ** 2 + ((y - 250) / 130) ** 2
        body = body + ((x - 200 - 2 * n) / 140) ** 2 + 0.25 * own
        tumour = np.roll(own, 20, axis=2) > 1.6
        masks.append(np.where(body < 1, np.where(tumour, 2, 1), 0).astype(np.uint8))
    return masks[0], masks[1]


def _took(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ours(found: NDArray[np.uint8], truth: NDArray[np.uint8]) -> list[list[float]]:
    from medlab_gui.learning.surfaces import surface_distances

    rows = []
    for value in (1, 2):
        d = surface_distances(found == value, truth == value, SPACING)
        rows.append([d.hd_mm, d.hd95_mm, d.asd_mm, d.rmsd_mm, d.nsd(TOLERANCE_MM)])
    return rows


def _monai(found: NDArray[np.uint8], truth: NDArray[np.uint8]) -> list[list[float]]:
    import torch
    from monai import metrics
    from monai.metrics.utils import get_edge_surface_distance

    s, t = (
        torch.from_numpy(np.stack([m == 1, m == 2])[None].astype(np.float32))
        for m in (found, truth)
    )
    shared = {"include_background": True, "spacing": list(SPACING)}
    hd = metrics.compute_hausdorff_distance(s, t, **shared)
    hd95 = metrics.compute_hausdorff_distance(s, t, percentile=95, **shared)
    asd = metrics.compute_average_surface_distance(s, t, symmetric=True, **shared)
    nsd = metrics.compute_surface_dice(s, t, [TOLERANCE_MM] * 2, **shared)
    # MONAI has no RMSD: from the distances that it gives.
    rmsd = []
    for c in range(2):
        _, both, _ = get_edge_surface_distance(
            s[0, c].bool(), t[0, c].bool(), spacing=list(SPACING), symmetric=True
        )
        all_of_them = torch.cat([d.double() for d in both])
        rmsd.append(float(all_of_them.square().mean().sqrt()))
    hd, hd95, asd, nsd = (m[0].tolist() for m in (hd, hd95, asd, nsd))
    return [[hd[c], hd95[c], asd[c], rmsd[c], nsd[c]] for c in range(2)]


def _surface_distance(found: NDArray[np.uint8], truth: NDArray[np.uint8]) -> None:
    import surface_distance as sd

    for value in (1, 2):
        d = sd.compute_surface_distances(truth == value, found == value, SPACING)
        sd.compute_robust_hausdorff(d, 100)
        sd.compute_robust_hausdorff(d, 95)
        sd.compute_average_surface_distance(d)
        sd.compute_surface_dice_at_tolerance(d, TOLERANCE_MM)


def main(side: str) -> None:
    """Time one side, and hold MONAI's figures against ours."""
    truth, found = organs()
    if side == "noise":
        from medlab_gui.learning.metrics import mask_metrics

        rng = np.random.default_rng(1)
        noise = rng.integers(0, 3, (2, *SHAPE), dtype=np.uint8)
        say(
            organs=_took(lambda: mask_metrics(found, truth, SPACING, (1, 2))),
            noise=_took(lambda: mask_metrics(noise[0], noise[1], SPACING, (1, 2))),
        )
    theirs = _monai if side == "monai" else _surface_distance
    few = [np.arange(27).reshape(3, 3, 3) % 3 for _ in range(2)]
    _ours(*few), theirs(*few)  # what they import
    figures: dict[str, Any] = {}
    ours = _took(lambda: figures.update(ours=_ours(found, truth)))
    peer = _took(lambda: figures.update(theirs=theirs(found, truth)))
    if side == "monai" and not np.allclose(
        figures["ours"], figures["theirs"], rtol=1e-6, atol=1e-6
    ):
        raise SystemExit(f"the figures differ: {figures}")
    say(ours=ours, theirs=peer)


if __name__ == "__main__":
    main(sys.argv[2])
