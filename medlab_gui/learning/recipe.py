"""A recorded training: which scans, which slices, which recipe.

A recipe file is JSON::

    {"name": "...",
     "scheme": LabelScheme,
     "spec": TrainSpec,
     "data": [{"image": "demo/a.nii.gz", "mask": "demo/a_organs.nii.gz",
               "map": {"5": 1}, "use": "train", "validation_slices": [40, 60],
               "what": "CT of ..."},
              {..., "use": "test"}],
     "about": {"description": "...", "truth": "...", "licence": "..."}}

Paths are relative to MedLab's resources, then to the recipe's own folder.
``validation_slices`` are the first and last slice (on the working grid) that choose the
epoch instead of being learned from; a neighbour on each side is left out. All slices of
a scan of use ``validate`` choose the epoch. Values of a mask that ``map`` does not name
are background, which is told; ``"*": 0`` says that it is meant, ``"*": 255`` leaves
the voxels of all other values out of learning and judging.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.json_file import read_json
from medlab_gui.core.labels import IGNORE, REST, LabelScheme
from medlab_gui.core.processes import leads
from medlab_gui.core.resources import resource
from medlab_gui.core.spec_checks import (
    check_choice,
    check_kind,
    check_whole,
    known_keys,
    needed_keys,
)
from medlab_gui.core.training import TrainSpec
from medlab_gui.learning.card import write_card
from medlab_gui.learning.check import check_recipe
from medlab_gui.learning.checkpoint import load_checkpoint, save_checkpoint
from medlab_gui.learning.dataset import ArraySource, ScanArrays, SliceKey, Subset
from medlab_gui.learning.evaluate import evaluate_slices
from medlab_gui.learning.folds import without_neighbours
from medlab_gui.learning.predict import Predictor
from medlab_gui.learning.progress import silent
from medlab_gui.learning.slice_scores import evaluate_classifier
from medlab_gui.learning.train import TrainResult, train
from medlab_gui.networks import is_classifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.learning.progress import Progress

__all__ = ["Recipe", "RecipeItem", "read_recipe", "train_recipe"]

_ITEM_KEYS = ("image", "mask", "map", "use", "validation_slices", "what", "patient")

_NAMED = 8

Loaded = tuple[Any, Any, tuple[float, float, float], Mapping[int, int]]
"""Scan, mask, spacing in mm, and how many voxels have a value that is not mapped."""


@dataclass(frozen=True, slots=True)
class RecipeItem:
    """A scan of a recipe.

    Parameters
    ----------
    image, mask : Path
        The scan and its truth.
    class_map : dict of int or "*" to int
        Value in the mask file to value of the scheme; ``"*"`` is all values that are
        not named. Without it they become background, and the run's notes say so.
    use : str
        ``"train"``, ``"validate"`` (all its slices choose the epoch) or ``"test"``.
    validation_slices : tuple of int or None
        First and last slice that choose the epoch.
    what : str
        What a person reads of it.
    patient : str
        Pseudonym; the name of the image where empty.
    """

    image: Path
    mask: Path
    class_map: dict[int | str, int]
    use: str
    validation_slices: tuple[int, int] | None = None
    what: str = ""
    patient: str = ""

    @property
    def group(self) -> str:
        """The patient; scans of a recipe are of different ones unless it says so."""
        return self.patient or self.image.name

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as in a recipe's file, with absolute paths."""
        between = self.validation_slices
        return {
            "image": str(self.image.resolve()),
            "mask": str(self.mask.resolve()),
            "map": {str(k): v for k, v in self.class_map.items()},
            "use": self.use,
            "validation_slices": None if between is None else list(between),
            "what": self.what,
            "patient": self.patient,
        }


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recorded training.

    Parameters
    ----------
    name : str
        Of the checkpoint.
    scheme : LabelScheme
        What it predicts.
    spec : TrainSpec
        How it learns.
    items : tuple of RecipeItem
        From what; something among it chooses the epoch.
    about : dict
        For the model card.
    """

    name: str
    scheme: LabelScheme
    spec: TrainSpec
    items: tuple[RecipeItem, ...]
    about: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as in a recipe's file, with absolute paths."""
        return {
            "name": self.name,
            "scheme": self.scheme.to_dict(),
            "spec": self.spec.to_dict(),
            "data": [item.to_dict() for item in self.items],
            "about": self.about,
        }


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe file.

    Parameters
    ----------
    path : str or Path
        The JSON file.

    Raises
    ------
    InputError
        If the file or a scan that it names is not there.
    SpecError
        If it is not a recipe, or an incomplete one.
    """
    path = Path(path)
    data = read_json(path, "a recipe")
    try:
        recipe = _parsed(data, path.parent)
    except SpecError as error:
        raise SpecError(f"{path.name}: {error.message}", path=path) from error
    items = recipe.items
    if not any(i.use == "validate" or i.validation_slices for i in items):
        msg = (
            f"{path.name} names nothing that chooses the epoch: give a scan the use "
            "'validate', or a scan of use 'train' its validation_slices, [first, last]."
        )
        raise SpecError(msg, path=path)
    _check_patients(items, path)
    check_recipe(recipe.spec, recipe.scheme)
    return recipe


def _parsed(data: Any, folder: Path) -> Recipe:
    known_keys("recipe", data, ("name", "scheme", "spec", "data", "about"))
    needed_keys("recipe", data, ("name", "scheme", "spec", "data"))
    about = data.get("about", {})
    check_kind("name", data["name"], str)
    check_kind("data", data["data"], list)
    check_kind("about", about, dict)
    return Recipe(
        name=data["name"],
        scheme=LabelScheme.from_dict(data["scheme"]),
        spec=TrainSpec.from_dict(data["spec"]),
        items=tuple(_item(entry, folder) for entry in data["data"]),
        about=about,
    )


def _check_patients(items: tuple[RecipeItem, ...], path: Path) -> None:
    for use, other, whose in (
        ("train", "test", "the test"),
        ("validate", "test", "the test"),
        ("train", "validate", "the choice of the epoch"),
    ):
        one, another = ({i.group for i in items if i.use == u} for u in (use, other))
        if both := sorted(one & another):
            msg = (
                f"{path.name} has the patient {', '.join(both)} both to {use} and to "
                f"{other}: {whose} would flatter. Give each patient one use."
            )
            raise SpecError(msg, path=path)


def _item(entry: dict[str, Any], folder: Path) -> RecipeItem:
    known_keys("scan of a recipe", entry, _ITEM_KEYS)
    use = str(entry.get("use"))
    check_choice("use", use, ("train", "validate", "test"))
    needed_keys("scan of a recipe", entry, ("image", "mask", "map", "use"))
    between = entry.get("validation_slices")
    if between is not None and use != "train":
        msg = f"Only scans of use 'train' have validation_slices; found use {use!r}."
        raise SpecError(msg)
    for key in ("image", "mask"):
        check_kind(key, entry[key], str)
    for key in ("what", "patient"):
        check_kind(key, entry.get(key, ""), str)
    return RecipeItem(
        image=_find(entry["image"], folder),
        mask=_find(entry["mask"], folder),
        class_map=_class_map(entry["map"]),
        use=use,
        validation_slices=None if between is None else _first_last(between),
        what=entry.get("what", ""),
        patient=entry.get("patient", ""),
    )


def _class_map(found: Any) -> dict[int | str, int]:
    check_kind("map", found, dict)
    for source, target in found.items():
        if source != REST and not source.strip().lstrip("+-").isdecimal():
            msg = (
                f"'map' leads from a value in the mask file to a class, e.g. "
                f'{{"5": 1}}, "*" being all other values; found {source!r}.'
            )
            raise SpecError(msg)
        check_whole("map", target, 0, 255)
    return {s if s == REST else int(s): target for s, target in found.items()}


def _first_last(found: Any) -> tuple[int, int]:
    check_kind("validation_slices", found, list)
    for number in found:
        check_whole("validation_slices", number, 0)
    if len(found) != 2 or found[0] > found[1]:
        msg = f"'validation_slices' are [first, last]; found {found}."
        raise SpecError(msg)
    return found[0], found[1]


def _find(name: str, folder: Path) -> Path:
    parts = Path(name).parts
    candidates = [folder / name] if parts else []
    if parts and ".." not in parts:
        candidates.insert(0, resource(*parts))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    msg = f"The recipe's scan {name} is neither in MedLab's resources nor in {folder}."
    raise InputError(msg)


def train_recipe(
    recipe: Recipe,
    load: Callable[[RecipeItem], Loaded],
    folder: Path,
    device: str = "auto",
    progress: Progress | None = None,
    weights_folder: Path | None = None,
    *,
    resume: bool = False,
) -> TrainResult:
    """Train by a recipe, test on the scans kept for it, and write the model card.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    load : callable
        Returns of a `RecipeItem` the scan (Z, Y, X) on its working grid, its mask on
        the same with the values of the scheme, ``(dz, dy, dx)`` in mm, and how many
        voxels have each value of the mask's file that ``class_map`` does not name.
    folder : Path
        For state, checkpoint and card.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called with each batch; may raise to stop.
    weights_folder : Path, optional
        Where registered weights are, for a recipe's ``encoder_weights``.
    resume : bool
        Go on from the state in ``folder``, if there is one.

    Returns
    -------
    TrainResult
        Its metrics have ``"test"`` besides ``"validation"`` where the recipe has test
        scans. The card lies beside the checkpoint, with the suffix ``.md``.
    """
    report = progress or silent
    learn: dict[str, ScanArrays] = {}
    test: dict[str, ScanArrays] = {}
    judges: list[SliceKey] = []
    data: list[dict[str, Any]] = []
    unnamed: dict[Path, Mapping[int, int]] = {}
    for number, item in enumerate(recipe.items):
        report(number, len(recipe.items), f"Reading {item.image.name}")
        uid = f"{number}:{item.image.name}"
        loaded = load(item)
        scan = _scan(item, recipe.scheme, loaded)
        unnamed[item.mask] = loaded[3]
        (test if item.use == "test" else learn)[uid] = scan
        n_slices = scan.data.shape[0]
        used = {"use": item.use, "what": item.what or item.image.name}
        data.append({**used, "n_slices": n_slices})
        if item.use == "validate":
            judges += [SliceKey(uid, k) for k in range(n_slices)]
        elif item.validation_slices:
            first, last = item.validation_slices
            if last >= n_slices:
                msg = (
                    f"validation_slices end at {last}, but {item.image.name} has "
                    f"{n_slices} slice{'s' * (n_slices != 1)} (from 0)."
                )
                raise SpecError(msg)
            judges += [SliceKey(uid, k) for k in range(first, last + 1)]
    source = ArraySource(learn)
    nobody = recipe.spec.epoch_choice == "last"
    result = train(
        recipe.spec,
        recipe.scheme,
        Subset(source, without_neighbours(source.keys, judges)),
        Subset(source, judges),
        folder=folder,
        choosers=Subset(source, ()) if nobody else None,
        weights_folder=weights_folder,
        resume=resume,
        device=device,
        # A recipe says itself which slices of a scan judge.
        same_patient=True,
        progress=progress,
        name=recipe.name,
        notes=(_unnamed_in_words(unnamed),),
        card={"data": data, **recipe.about},
    )
    if not leads():
        return result
    metrics = dict(result.metrics)
    if test:
        judge: Any = ArraySource(test)
        if is_classifier(recipe.spec.network):
            made = result.checkpoint
            scores = evaluate_classifier(made, judge, device, progress=progress)
        else:
            predictor = Predictor(result.checkpoint, device)
            scores = evaluate_slices(predictor, judge, progress=progress)
        scores.pop("per_slice")
        metrics["test"] = scores
    meta, weights = load_checkpoint(result.checkpoint)
    meta = replace(meta, metrics=metrics)
    save_checkpoint(result.checkpoint, weights, meta)
    write_card(meta, result.checkpoint.with_suffix(".md"))
    return replace(result, metrics=metrics)


def _unnamed_in_words(found: Mapping[Path, Mapping[int, int]]) -> str:
    """Say which values of masks are background since ``map`` does not name them.

    Parameters
    ----------
    found : mapping of Path to (mapping of int to int)
        Mask file to the number of voxels of each such value in it.

    Returns
    -------
    str
        A sentence, or nothing. Values with the most voxels come first.
    """
    sums: Counter[int] = Counter()
    masks: dict[int, list[str]] = {}
    for path, voxels in found.items():
        sums.update(voxels)
        for value in voxels:
            masks.setdefault(value, []).append(path.name)
    if not sums:
        return ""
    words = []
    for value, n in sums.most_common(_NAMED):
        names = masks[value]
        where = names[0] if len(names) == 1 else f"{len(names)} masks"
        words.append(f"{value} ({n:,} voxel{'s' * (n != 1)} in {where})")
    more = len(sums) - len(words)
    if more:
        words.append(f"{more} more")
    return (
        "Values of masks that 'map' does not name are learned and judged as "
        f"background: {', '.join(words)}. Name them in 'map', or all of them by "
        '"*": 0 for background, 255 for voxels that do not count.'
    )


def _scan(item: RecipeItem, scheme: LabelScheme, loaded: Loaded) -> ScanArrays:
    data, mask, spacing, _ = loaded
    allowed = {0, IGNORE, *(c.value for c in scheme.classes)}
    unknown = sorted(set(np.unique(mask).tolist()) - allowed)
    if unknown:
        msg = (
            f"The mask of {item.image.name} holds {unknown}, which the scheme has not."
        )
        raise InputError(msg)
    labels: NDArray[np.uint8] = np.asarray(mask).astype(np.uint8)
    return ScanArrays(data, labels, spacing, item.group)
