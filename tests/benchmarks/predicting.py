"""Masks of a scan on the processor, against MONAI's sliding-window inferer on torch.

The same weights and the same prepared slices in the same process, in turns. The slices
are the demo's CT over and over; the weights learn for some minutes from every other one
of them where liver and spleen are: those of no training have no opinion anywhere.
OpenVINO reckons in bfloat16 where the processor has units for it and the mask stays
(`learning.rounding`), the peer in float32; it says so. What entropy adds is what a
prediction takes beside its forward passes. As a program it is one side, a network:
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
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from tests.benchmarks.__main__ import Bench

__all__ = ["predicting"]

N_SLICES = int(os.environ.get("BENCH_SLICES", "64"))
SIDE = int(os.environ.get("BENCH_SIDE", "512"))
TURN = max(1, min(4, N_SLICES // 16))  # slices that the peer takes at a time
FASTER = {"unet": 1.4, "fcn8s": 1.9}
TITLES = {"unet": "U-Net, 64 base", "fcn8s": "FCN-8s"}
SAME = 1e-3
_LIVER, _SPLEEN = 5, 1
_STEPS, _PIECE = 100, 128
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
                ("openvino", f"predict with {found['runtime']}: {scan}", 1 / faster),
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
                        f"its forward passes, {key}",
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
    data, organs = _scan(N_SLICES, SIDE)
    eager = _taught(build(spec), data, organs)
    weights = folder / f"{network}.safetensors"
    save_checkpoint(weights, eager.state_dict(), meta)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    devices = {"torch": "cpu"}
    if importlib.util.find_spec("openvino") is not None:
        devices["openvino"] = "auto"
    work: dict[str, Callable[[NDArray[np.float32]], Any]] = {}
    forward: dict[str, _Timed] = {}
    for name, device in devices.items():
        predictor = Predictor(weights, device, fastest=True)
        if name == "openvino" and not predictor.runtime.startswith("OpenVINO"):
            raise SystemExit(f"no OpenVINO: {predictor.notes}")
        predictor._logits = forward[name] = _Timed(predictor._logits)
        work[name] = lambda part, p=predictor: p.predict(part, (1, 1, 1))
    if importlib.util.find_spec("monai") is not None:
        work["monai"] = _monai(eager)
    for one in work.values():
        one(data[:TURN])  # what is made the first time
    took = dict.fromkeys(work, 0.0)
    masks: dict[str, list[NDArray[Any]]] = {name: [] for name in work}
    runtime = ""
    for timed in forward.values():
        timed.seconds = 0.0
    for name, part in _turns(list(work), data):
        began = time.perf_counter()
        found = work[name](part)
        took[name] += time.perf_counter() - began
        if name in forward:
            took[f"{name}_bare"] = forward[name].seconds
            runtime = found.runtime if name == "openvino" else runtime
        masks[name].append(found.labels if name in forward else found)
    _same({name: np.concatenate(parts) for name, parts in masks.items()})
    say(runtime=runtime, **took)


def _turns(
    names: list[str], data: NDArray[np.float32]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield who has which slices: OpenVINO all at once, the others in turn.

    OpenVINO's comparisons of two precisions belong to a scan. There and back: nobody
    always follows the same one, and a machine that gets slower does so for both.
    """
    if "openvino" in names:
        yield "openvino", data
    others = [name for name in names if name != "openvino"]
    for n, at in enumerate(range(0, len(data), TURN)):
        for name in others if n % 2 == 0 else reversed(others):
            yield name, data[at : at + TURN]


class _Timed:
    """A function, and the seconds that were spent in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return self._function(*arguments)
        finally:
            self.seconds += time.perf_counter() - began


def _taught(network: Any, data: NDArray[np.float32], organs: NDArray[np.int64]) -> Any:
    """Train a network on pieces of the slices, with a bright organ in the middle."""
    import torch
    from torch import nn
    from torch.nn import functional

    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.out_channels != network.n_classes:
            nn.init.kaiming_normal_(module.weight)
    dice = np.random.default_rng(0)
    shown = np.argwhere(organs[: len(organs) // 2 * 2 : 2] > 0) * [2, 1, 1]
    step = torch.optim.Adam(network.parameters(), 1e-4)
    network.train()
    for n in range(_STEPS):
        pictures, truths = [], []
        for k, y, x in shown[dice.integers(len(shown), size=2)]:
            top, left = (
                int(np.clip(at - dice.integers(_PIECE), 0, SIDE - _PIECE))
                for at in (y, x)
            )
            where = (k, slice(top, top + _PIECE), slice(left, left + _PIECE))
            pictures.append(data[where])
            truths.append(organs[where])
        logits = network(torch.from_numpy(np.stack(pictures)[:, None]))
        loss = functional.cross_entropy(logits, torch.from_numpy(np.stack(truths)))
        step.zero_grad()
        loss.backward()
        step.step()
        if n % 20 == 19:
            sys.stderr.write(f"step {n + 1} of {_STEPS}: loss {loss.item():.2f}\n")
    return network.eval()


def _scan(n: int, side: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return slices in a window for soft tissue, and where liver and spleen are."""
    from medlab_gui.core.resources import resource
    from medlab_gui.io import read_one

    scan, mask = (
        one.reoriented(one.grid.canonical())
        for name in ("liver_ct_dicom", "liver_ct_dicom_organs.nii.gz")
        for _, one in [read_one(resource("demo", name), None)]
    )
    organs = np.select([mask.data == _LIVER, mask.data == _SPLEEN], [1, 2])
    first = (scan.data.shape[1] - side) // 2
    middle = slice(first, first + side)
    over = np.arange(n) % len(scan.data)
    data = np.clip((scan.data + 160.0) / 400.0, 0, 1).astype(np.float32)
    return data[over, middle, middle], organs[over, middle, middle].astype(np.int64)


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
        apart = float((mask != first).mean((1, 2)).max())
        sys.stderr.write(f"{name}: up to {apart:.2e} of a slice differ from torch's\n")
        if apart > SAME:
            raise SystemExit(f"a mask of {name} differs in {apart:.2%} of the voxels")


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]))
