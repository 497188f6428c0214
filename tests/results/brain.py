"""What slices of brain MRI show: three classifiers, trained and judged by the verbs.

Other than the studies of masks this one has a project: pictures are imported as of
different patients, labelled as whole slices, cross-validated, and judged fold by fold
and on pictures that were kept away from all of it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from medlab_gui.learning.duplicates import merged, picture_bits
from medlab_gui.learning.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Verb = Callable[..., Any]
    """Runs a verb with the folder of the work and the words of a command line."""

NAME = "brain"
CLASSES = {
    "glioma": "Glioma",
    "meningioma": "Meningioma",
    "pituitary": "Pituitary",
    "notumor": "none",
}
NETWORKS = {
    "AlexNet": "alexnet",
    "ResNet-50": "resnet50",
    "Inception-V3": "inception_v3",
}
SETTINGS = (
    "network.options.width=0.125,encoder_weights=,phases.0.name=all,"
    "phases.0.trainable=all,phases.0.epochs=8,resize=96,batch=16"
)
"""What differs from the preset `mri-lesion`."""
FOLDS = 3


def prepare_brain(shared: Path, folder: Path, verb: Verb) -> None:
    """Choose pictures, import them into a project and label them.

    Of each class every third grey picture is learned from, and of the others every
    third is kept for the test where it looks nearly like none that is learned from.
    """
    place = folder / NAME
    if (place / "made.json").exists():
        return
    chosen = _chosen(shared / "data/brain-tumor-mri/Training")
    for use, paths in chosen.items():
        for path in paths:
            target = place / use / path.parent.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / path.name)
    project = ("--project", str(place / "project"), "--json")
    taken = verb(
        folder,
        *("import", str(place / "learn"), "--remedy", "different-patients"),
        *project,
    )
    names = ";".join(name for name in CLASSES.values() if name != "none")
    verb(folder, "classes", "--classes", names, *project)
    for series in json.loads(taken.stdout)["series"]:
        shows = CLASSES[series["description"]]
        verb(folder, "annotate", series["uid"], "--shows", shows, *project)
    counts = {
        use: {c: sum(p.parent.name == c for p in paths) for c in CLASSES}
        for use, paths in chosen.items()
    }
    (place / "made.json").write_text(json.dumps(counts, indent=1))


def _chosen(source: Path) -> dict[str, list[Path]]:
    """Return the pictures that are learned from, and those that test."""
    learn: list[Path] = []
    rest: list[Path] = []
    for name in CLASSES:
        grey = [p for p in sorted((source / name).iterdir()) if _is_grey(p)]
        learn += grey[::3]
        rest += grey[1::9]
    both = [*learn, *rest]
    looks = [picture_bits(np.asarray(Image.open(p).convert("L"))) for p in both]
    group = dict(zip(both, merged([str(p) for p in both], looks), strict=True))
    known = {group[p] for p in learn}
    return {"learn": learn, "test": [p for p in rest if group[p] not in known]}


def _is_grey(path: Path) -> bool:
    with Image.open(path) as image:
        pixels = np.asarray(image).astype(int)
    return pixels.ndim == 2 or not np.ptp(pixels[..., :3], axis=-1).any()


def train_brain(folder: Path, verb: Verb) -> None:
    """Cross-validate each network that has not been yet."""
    place = folder / NAME
    for title, network in NETWORKS.items():
        kept = place / f"{network}.json"
        if kept.exists():
            continue
        begun, cpu = time.monotonic(), sum(os.times()[2:4])
        done = verb(
            folder,
            *("train", "--preset", "mri-lesion", "--folds", str(FOLDS)),
            *("--set", f"network.name={network},{SETTINGS}"),
            *("--project", str(place / "project"), "--device", "cpu", "--json"),
        )
        if done.returncode:
            print(f"{title}: exit code {done.returncode}: {done.stderr[-400:]}")
            continue
        result = json.loads(done.stdout)
        spent = {
            "wall_s": round(time.monotonic() - begun),
            "cpu_s": round(sum(os.times()[2:4]) - cpu),
        }
        kept.write_text(json.dumps({**spent, **result}))
        print(f"{title}: {spent}, {result['reason']}", flush=True)


def evaluate_brain(folder: Path, verb: Verb) -> None:
    """Judge each fold by its own weights, then all on the pictures kept away."""
    place = folder / NAME
    runs = [
        f"{title}={json.loads(file.read_text())['run']}"
        for title, network in NETWORKS.items()
        if (file := place / f"{network}.json").exists()
    ]
    for report, more in (
        (f"report-{NAME}-folds", ()),
        (
            f"report-{NAME}-test",
            ("--truth", str(place / "test"), "--map-truth", "notumor=0"),
        ),
    ):
        done = verb(
            folder,
            *("evaluate", "--compare", *runs, *more, "--device", "cpu"),
            *("--output", str(folder / report), "--project", str(place / "project")),
        )
        print(f"{report}: {done.returncode} {done.stderr[-400:]}", flush=True)


def brain_costs(folder: Path) -> str:
    """Return a line for each network: minutes, and the F1 of each fold."""
    rows = []
    for title, network in NETWORKS.items():
        file = folder / NAME / f"{network}.json"
        if not file.exists():
            continue
        told = json.loads(file.read_text())
        minutes = [f"{told[k] / 60:.1f}" for k in ("cpu_s", "wall_s")]
        f1 = ", ".join(f"{fold['mean_dice']:.4f}" for fold in told["folds"])
        rows.append((title, *minutes, f1))
    if not rows:
        return ""
    head = ("Network", "min of a core", "min on the clock", "F1 of each fold")
    title = "What the cross-validations cost, and the mean F1 of the three tumours"
    return Table(title, head, tuple(rows)).to_text()


def nearest_picture(folder: Path) -> str:
    """Return how right the most similar picture is: what copies alone would give.

    No network: each test picture gets the class of the picture with the most equal bits
    of `picture_bits` among those that are learned from.
    """
    place = folder / NAME
    if not (place / "made.json").exists():
        return ""
    (learned, taught), (seen, truth) = (_looks(place / u) for u in ("learn", "test"))
    apart = np.abs(seen[:, None] - learned[None]).sum(-1) // 2
    right = taught[apart.argmin(1)] == truth
    nearest = apart.min(1)
    rows = [
        (name, str(int((truth == v).sum())), f"{100 * right[truth == v].mean():.1f}")
        for v, name in enumerate(CLASSES)
    ]
    rows.append(("all", str(len(truth)), f"{100 * right.mean():.1f}"))
    return Table(
        "No network: the class of the most similar picture that is learned from",
        ("Truth", "pictures", "right %"),
        tuple(rows),
        (
            "Similar in the 256 bits of the difference hash by which near-duplicates "
            f"are told; the nearest picture differs in {int(nearest.min())} to "
            f"{int(nearest.max())} of them, in the median {np.median(nearest):g}.",
        ),
    ).to_text()


def _looks(place: Path) -> tuple[NDArray[np.int16], NDArray[np.intp]]:
    """Return the bits of all pictures, as -1 and 1, and the number of each class."""
    bits, classes = [], []
    for number, name in enumerate(CLASSES):
        for path in sorted((place / name).iterdir()):
            found = picture_bits(np.asarray(Image.open(path).convert("L")))
            if found is not None:
                bits.append(found)
                classes.append(number)
    return np.array(bits, np.int16) * 2 - 1, np.array(classes)
