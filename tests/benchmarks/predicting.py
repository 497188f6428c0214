"""Masks of a scan on the processor, against MONAI's sliding-window inferer on torch.

The same weights and the same prepared slices in the same process, a few slices by each
in turn; a median turn counts. As a program it is one side, a network:
``python -m tests.benchmarks.predicting predicting NETWORK FOLDER``. ``BENCH_SLICES``
and ``BENCH_SIDE`` make it smaller (64 slices of 512 x 512). Peers and runtimes that are
not installed are left out, and it says so.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
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

__all__ = ["predicting"]

N_SLICES = int(os.environ.get("BENCH_SLICES", "64"))
SIDE = int(os.environ.get("BENCH_SIDE", "512"))
TURN = max(1, min(4, N_SLICES // 16))
FASTER = {"unet": 1.4, "fcn8s": 1.9}
TITLES = {"unet": "U-Net, 64 base", "fcn8s": "FCN-8s"}
SAME = 1e-3
_MODULE = "tests.benchmarks.predicting"
_TIMEOUT_S = 7200.0


def predicting(bench: Bench) -> list[Row]:
    """Predict with and without the optional runtime; what entropy adds."""
    for name, what in (("monai", "the peer"), ("openvino", "the optional runtime")):
        if importlib.util.find_spec(name) is None:
            sys.stderr.write(
                f"predicting: left out: {name} ({what}) is not installed\n"
            )
    rows = []
    for network, faster in FASTER.items():
        sys.stderr.write(f"predicting: {network}, {N_SLICES} slices, once\n")
        found = bench.side("predicting", network, _MODULE, timeout_s=_TIMEOUT_S)
        scan = f"{TITLES[network]}, {N_SLICES} slices {SIDE}x{SIDE}"
        peer = "torch eager, MONAI's inferer"
        if "monai" in found:
            for key, what, target in (
                ("openvino", f"predict with OpenVINO: {scan}", 1 / faster),
                ("torch", f"predict with torch alone: {scan}", 1.0),
            ):
                if key in found:
                    rows.append(
                        Row(what, found[key], found["monai"], "s", peer, target)
                    )
        for key in ("torch", "openvino"):
            if key in found:
                rows.append(
                    Row(
                        f"masks and entropy, {key}: {scan}",
                        found[key],
                        found[f"{key}_bare"],
                        "s",
                        f"bare forward pass, {key}",
                        1.05,
                    )
                )
    return rows


# ---- one side ---------------------------------------------------------------------


def main(network: str, folder: Path) -> None:
    """Time everybody in turn, and hold their masks against one another."""
    import torch

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.specs import NetworkSpec, PipelineSpec
    from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
    from medlab_gui.learning.predict import Predictor
    from medlab_gui.networks import build

    torch.manual_seed(0)
    spec = NetworkSpec(network, 1, 3)
    meta = CheckpointMeta(
        network=spec,
        pipeline=PipelineSpec(),
        inplane_mm=None,
        scheme=LabelScheme.from_names("Two", ["One", "Other"]),
    )
    eager = _balanced(build(spec).eval())
    weights = folder / f"{network}.safetensors"
    save_checkpoint(weights, eager.state_dict(), meta)
    data = _scan(N_SLICES, SIDE)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    predictors = {"torch": Predictor(weights, "cpu", fastest=True)}
    if importlib.util.find_spec("openvino") is not None:
        predictors["openvino"] = Predictor(weights, "auto", fastest=True)
        if not predictors["openvino"].runtime.startswith("OpenVINO"):
            raise SystemExit(f"no OpenVINO: {predictors['openvino'].notes}")
    work: dict[str, Callable[[NDArray[np.float32]], Any]] = {}
    for name, predictor in predictors.items():
        work[name] = lambda part, p=predictor: p.predict(part, (1, 1, 1)).labels
        work[f"{name}_bare"] = lambda part, p=predictor: [
            p._logits(torch.from_numpy(one[None, None])) for one in part
        ]
    if importlib.util.find_spec("monai") is not None:
        work["monai"] = _monai(eager)
    for one in work.values():
        one(data[:1])  # what is made the first time
    took: dict[str, list[float]] = {name: [] for name in work}
    masks: dict[str, list[NDArray[Any]]] = {name: [] for name in work}
    for at in range(0, N_SLICES, TURN):
        # There and back: nobody always follows the same one, which leaves its caches.
        turn = list(work.items())
        for name, one in turn if at // TURN % 2 == 0 else reversed(turn):
            began = time.perf_counter()
            mask = one(data[at : at + TURN])
            took[name].append((time.perf_counter() - began) / TURN * N_SLICES)
            if not name.endswith("_bare"):
                masks[name].append(mask)
    _same({name: np.concatenate(parts) for name, parts in masks.items() if parts})
    say(**{name: median(times) for name, times in took.items()})


def _balanced(network: Any) -> Any:
    """Give a network without training an answer that is not one class everywhere."""
    import torch
    from torch import nn

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            if module.stride != (1, 1) and module.in_channels == module.out_channels:
                continue  # enlarges scores
            nn.init.kaiming_normal_(module.weight)
    with torch.inference_mode():
        logits = network(torch.from_numpy(_scan(1, 256)[:, None]))
        mean, scale = logits.mean((0, 2, 3)), logits.std()
    last = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    heads = [m for m in last if m.out_channels == network.n_classes]
    if len(heads) == 1 and heads[0].bias is not None:
        with torch.no_grad():
            heads[0].weight /= scale
            heads[0].bias.copy_((heads[0].bias - mean) / scale)
    return network


def _scan(n: int, side: int) -> NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    noise = rng.normal(size=(n, side, side))
    smooth = np.stack([gaussian_filter(one, 12) for one in noise])
    return np.asarray(0.5 + smooth / smooth.std() / 3 + 0.02 * noise, np.float32)


def _monai(network: Any) -> Callable[[NDArray[np.float32]], NDArray[Any]]:
    import torch
    from monai.inferers import SlidingWindowInferer

    inferer = SlidingWindowInferer((SIDE, SIDE), sw_batch_size=TURN, overlap=0.25)

    def predict(part: NDArray[np.float32]) -> NDArray[Any]:
        with torch.inference_mode():
            logits = inferer(torch.from_numpy(part[:, None]), network)
            return torch.softmax(logits, dim=1).argmax(dim=1).numpy()

    return predict


def _same(masks: dict[str, NDArray[Any]]) -> None:
    first = masks["torch"]
    shares = np.bincount(first.ravel().astype(int), minlength=3) / first.size
    sys.stderr.write(f"share of the classes: {shares.round(3).tolist()}\n")
    for name, mask in masks.items():
        apart = float((mask != first).mean())
        sys.stderr.write(f"{name}: {apart:.2e} of the voxels differ from torch's\n")
        if apart > SAME:
            raise SystemExit(f"the masks of {name} differ in {apart:.2%} of the voxels")


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]))
