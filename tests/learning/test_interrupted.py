"""Every kind of training, stopped at awkward moments, ends as if it had not been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medlab_gui.core.specs import NetworkSpec, Resize
from medlab_gui.core.training import LossTerm, Phase
from medlab_gui.learning import stepper
from medlab_gui.learning.capsule import compare_runs
from medlab_gui.learning.dataset import ArraySource, ScanArrays, Subset
from medlab_gui.learning.train import train
from medlab_gui.networks import CLASSIFIERS, NETWORKS
from tests.learning.conftest import SCHEME, disc_scan, disc_source, train_spec

TWO = (Phase("head", 2, 3e-3, "head"), Phase("all", 2, 3e-3))
PARTS = (LossTerm("dice_plain"), LossTerm("focal", 0.5, {"gamma": 1.5}))
KINDS: dict[str, dict[str, Any]] = {
    "two phases": {"phases": TWO},
    "ema": {"phases": TWO, "ema": 0.9},
    "step": {"phases": TWO, "schedule": "step", "decay": 0.9, "decay_steps": 1.5},
    "epoch": {"phases": TWO, "schedule": "epoch", "decay": 0.5},
    "cosine": {"phases": TWO, "schedule": "cosine", "floor": 0.1},
    "plateau": {
        "phases": (Phase("a", 2, 0.05), Phase("b", 3, 0.05)),
        "schedule": "plateau",
        "plateau_epochs": 1,
        "decay": 0.5,
    },
    "warm-up": {"warmup_steps": 3},
    "accumulated": {"batch": 2, "accumulate": 2},
    "clipped": {"clip_norm": 0.05},
    "early stop": {"phases": (Phase("a", 5, 1e-9), Phase("b", 2, 1e-3)), "patience": 1},
    "early stop last": {"phases": (Phase("a", 5, 1e-9),), "patience": 2},
    **{
        f"loss {name}": {"loss": name, "batch": 2}
        for name in ("dice", "dice_plain", "focal", "ce", "dice_ce")
    },
    "sum of losses": {"loss": PARTS, "class_weights": (0.5, 1.0, 2.0)},
    "adamw": {"phases": TWO, "optimiser": "adamw", "weight_decay": 0.01},
    "sgd": {"phases": TWO, "optimiser": "sgd", "weight_decay": 0.01},
    "four of six": {"augment": "four-of-six"},
    "no augmentation": {"augment": "none"},
    "pieces": {"patch": 32},
    "resized": {"resize": Resize(32)},
    "steps, kept": {
        "phases": (Phase("a", 0, 1e-2, steps=3), Phase("b", 0, 1e-2, steps=4)),
        "batch": 2,
        "keep_at": (1, 4),
        "keep_slices": 2,
    },
    "last epoch": {"epoch_choice": "last"},
    "neighbours": {"network": NetworkSpec("unet", 3, 3, {"width": 1 / 16})},
    "ignored voxels": {},
    "no chooser": {},
    "out of memory": {"network": NetworkSpec("segnet", 1, 3, {"width": 1 / 32})},
    **{
        f"network {name}": {
            "network": NetworkSpec(name, 1, 3, {"width": 1 / 32}),
            "phases": (Phase("head", 1, 3e-3, "head"), Phase("all", 1, 3e-3)),
            **({"loss": "ce"} if name in CLASSIFIERS else {}),
            **({"augment": "four-of-six"} if name in CLASSIFIERS else {}),
        }
        for name in sorted([*NETWORKS, *CLASSIFIERS])
    },
}


class Killed(BaseException):
    """The process is gone: nobody else catches it."""


MOMENTS = (
    "step 1 of epoch 1",
    "Judging",
    "before best.safetensors",
    "after best.safetensors",
    "before state.pt",
    "after state.pt",
    "step 1 of epoch 2",
    "before history.json",
    "step 1 of epoch 3",
    "before checkpoint.safetensors",
    "after checkpoint.safetensors",
    "after checkpoint.md",
)
"""Each is where the training ends that was resumed after the one before."""


class Moments:
    """Knows what a training does that can be seen, and ends it at one such thing.

    Parameters
    ----------
    end : str
        The thing; empty lets it come to its own end.
    """

    def __init__(self, end: str = "") -> None:
        self._end = end

    def pass_by(self, what: str) -> None:
        if what == self._end:
            raise Killed(what)

    def report(self, done, total=0, message="", data=None) -> None:
        self.pass_by(message.partition(" ")[0])
        if data is not None and data.get("dice", 0) is None:
            self.pass_by(f"step {data['step']} of epoch {data['epoch']}")

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also see files as they come into place: before it, and after."""
        replace = Path.replace

        def seen(this: Path, target: Any) -> Path:
            self.pass_by(f"before {Path(target).name}")
            found = replace(this, target)
            self.pass_by(f"after {Path(target).name}")
            return found

        monkeypatch.setattr(Path, "replace", seen)


def shown(group: str, n: int, seed: int) -> ArraySource:
    """Slices of one class each, for classifiers."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((n, 80, 80), np.uint8)
    for k in range(n):
        labels[k, 5:70, 5:70] = k % 3
    data = np.choose(labels, [-60, 200, 60]) + rng.normal(0, 10, labels.shape)
    return ArraySource(
        {group: ScanArrays(data.astype(np.int16), labels, (5.0, 2.0, 2.0), group)}
    )


def sides(kind: str, spec: Any) -> dict[str, Any]:
    if spec.network.name in CLASSIFIERS:
        teach, judge, choose = (
            shown(g, n, s) for g, n, s in (("a", 4, 1), ("b", 3, 2), ("c", 3, 3))
        )
    else:
        scan = disc_scan(4, seed=1)
        if kind == "ignored voxels":
            scan.labels[1, :, :20] = 255
            scan.labels[3] = 255
        teach = ArraySource({"s": scan})
        judge = disc_source(2, "judge", seed=2, group="two")
        choose = disc_source(2, "choose", seed=3, group="three")
    if kind in ("no chooser", "last epoch"):
        choose = Subset(choose, ())
    return {"training": teach, "validation": judge, "choosers": choose}


def marked(kind: str) -> Any:
    return pytest.param(
        kind, marks=pytest.mark.slow if kind.startswith("network ") else ()
    )


@pytest.fixture(params=[marked(kind) for kind in KINDS])
def kind(request, monkeypatch):
    """A kind of training; only two slices fit into the memory of one of them."""
    if request.param == "out of memory":
        forward = stepper.Stepper._forward

        def full(self, images, labels):
            loss = forward(self, images, labels)
            if len(images) > 2:
                raise MemoryError
            return loss

        monkeypatch.setattr(stepper.Stepper, "_forward", full)
    return request.param


def trained(folder, kind, monkeypatch, end="", **options):
    """Train until an end; return what came of it, or None where it was ended."""
    spec = train_spec(**KINDS[kind])
    moments = Moments(end)
    with monkeypatch.context() as watched:
        moments.watch(watched)
        try:
            return train(
                spec, SCHEME, **sides(kind, spec), folder=folder, device="cpu",
                progress=moments.report, name="Discs", **options,
            )  # fmt: skip
        except Killed:
            return None


def content(folder: Path) -> dict[str, bytes]:
    """Return all that a run leaves, but when and how often it was begun."""
    found = {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in ("log.txt", "capsule.json", "state.pt")
    }
    capsule = json.loads((folder / "capsule.json").read_text())
    for key in ("started", "finished", "resumed"):
        del capsule[key]
    found["capsule.json"] = json.dumps(capsule).encode()
    return found


def told(folder: Path) -> list[str]:
    """Return what the log says of phases and epochs, each once."""
    lines = [x.partition(" ")[2] for x in (folder / "log.txt").read_text().splitlines()]
    return list(dict.fromkeys(x for x in lines if x.startswith(("Epoch", "Phase"))))


def test_stopped_again_and_again_it_is_as_if_it_had_not_been(
    kind, tmp_path, monkeypatch
):
    whole = trained(tmp_path / "whole", kind, monkeypatch)
    n_ends = 0
    for end in MOMENTS:
        made = trained(tmp_path / "s", kind, monkeypatch, end, resume=True)
        n_ends += made is None
    assert n_ends > 9
    made = trained(tmp_path / "s", kind, monkeypatch, resume=True)
    assert made.history == whole.history
    assert made.notes == whole.notes
    assert made.metrics == whole.metrics
    assert content(tmp_path / "s") == content(tmp_path / "whole")
    assert told(tmp_path / "s") == told(tmp_path / "whole")
    assert compare_runs(tmp_path / "whole", tmp_path / "s")["same"]
