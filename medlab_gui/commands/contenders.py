"""What is compared: folders of masks, or weights; and the cases to compare on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.checkpoints import weights_file
from medlab_gui.commands.contender_names import (
    case_name,
    readable_names,
    split_names,
)
from medlab_gui.commands.inputs import existing_path
from medlab_gui.commands.mask_files import MaskFile, read_mask_file
from medlab_gui.core.errors import CheckpointError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.learning.checkpoint import CheckpointMeta
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "CaseFiles",
    "Contender",
    "Folds",
    "Masks",
    "Weights",
    "case_files",
    "check_ablation",
    "contenders",
    "repeats",
]

_NOT_READ = (".raw", ".img", ".txt", ".csv", ".md")  # beside what is read
_SEED = re.compile(r"[\s,;:._#=(-]+(seed[\s,;:._#=(-]*)?\d*$", re.IGNORECASE)
"""How names end that differ in the seed: ``", seed 1"``, ``"-1"``."""
_SWITCHES = ("residual", "cbam", "transfer")


def case_files(folder: Path) -> dict[str, Path]:
    """Return the cases in a folder: each file, and each folder of slices, is one.

    Raises
    ------
    InputError
        If there are none, or two files have one name.
    """
    if not folder.is_dir():
        return {case_name(folder): folder}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() in _NOT_READ:
            continue
        name = case_name(path)
        if name in found:
            msg = (
                f"{path.name} and {found[name].name} in {folder} are both the case "
                f"{name!r}; keep one of them."
            )
            raise InputError(msg, path=path)
        found[name] = path
    if not found:
        msg = f"{folder} is empty: there are no masks in it."
        raise InputError(msg, path=folder)
    return found


@dataclass(frozen=True)
class CaseFiles:
    """A case of one's own data.

    Parameters
    ----------
    name : str
        From the file of the truth.
    truth : Path
        The true mask.
    image : Path or None
        The scan, for pictures and for weights.
    patient : str
        Whose case it is; a patient of its own where nobody says.
    """

    name: str
    truth: Path
    image: Path | None
    patient: str


@dataclass(frozen=True)
class Masks:
    """A network of which there are predictions.

    Parameters
    ----------
    name : str
        What people call it.
    files : dict of str to Path
        Case to its predicted mask.
    folds : dict of str to str
        Case to its fold, where the folder has folders ``fold*``.
    """

    name: str
    files: dict[str, Path]
    folds: dict[str, str] = field(default_factory=dict)

    def read(self, case: str, translate: str) -> MaskFile:
        """Return the prediction of a case."""
        return read_mask_file(str(self.files[case]), translate, "--map-prediction")

    @property
    def switches(self) -> tuple[str, ...] | None:
        """Row of the ablation, as its name says it; None where it says none."""
        return _named_switches(self.name)


@dataclass(frozen=True)
class Weights:
    """A network whose weights will predict.

    Parameters
    ----------
    name : str
        What people call it.
    path : Path
        The checkpoint's file.
    meta : CheckpointMeta
        What it says of itself.
    run : Path or None
        Folder of the training that made it, where that is at hand.
    """

    name: str
    path: Path
    meta: CheckpointMeta
    run: Path | None = None

    @property
    def switches(self) -> tuple[str, ...] | None:
        """Row of the ablation, as the weights describe themselves, else as named."""
        if self.meta.network.name != "resnet_cbam_unet":
            return _named_switches(self.name)
        options = self.meta.network.options
        recipe: dict[str, Any] = self.meta.card.get("recipe") or {}
        found = {
            "residual": options.get("encoder", "residual") == "residual",
            "cbam": options.get("attention", "on") == "on",
            "transfer": bool(recipe.get("encoder_weights")),
        }
        return tuple(s for s in _SWITCHES if found[s])


@dataclass(frozen=True)
class Folds:
    """A cross-validated run: weights for each fold.

    Parameters
    ----------
    name : str
        What people call it.
    folds : dict of str to Weights
        Fold to its weights, which never saw what it left out.
    """

    name: str
    folds: dict[str, Weights]

    @property
    def meta(self) -> CheckpointMeta:
        """What the weights say of themselves; all folds the same."""
        return next(iter(self.folds.values())).meta

    @property
    def switches(self) -> tuple[str, ...] | None:
        """Row of the ablation, as the weights describe themselves."""
        return next(iter(self.folds.values())).switches


Contender = Masks | Weights | Folds


def _named_switches(name: str) -> tuple[str, ...] | None:
    """Return the switches of ``"residual+cbam"`` or ``"none"``; None of other names."""
    words = {w.strip().casefold() for w in name.split("+")}
    if words == {"none"}:
        return ()
    return tuple(s for s in _SWITCHES if s in words) if words <= {*_SWITCHES} else None


def check_ablation(networks: Sequence[Contender]) -> None:
    """Refuse networks that are no row of the ablation, or the same one.

    Trainings that differ in the seed alone may share a row.

    Raises
    ------
    InputError
        If so.
    """
    trained = {n: name for name, own in repeats(networks).items() for n in own}
    rows: dict[tuple[str, ...], str] = {}
    for network in networks:
        row = network.switches
        if row is None:
            msg = (
                f"{network.name!r} is no row of the ablation: call it by what is "
                "switched on, e.g. none=PLACE or residual+cbam+transfer=PLACE."
            )
            raise InputError(msg)
        first = rows.setdefault(row, network.name)
        alike = first in trained and trained[first] == trained.get(network.name)
        if first != network.name and not alike:
            msg = (
                f"{first!r} and {network.name!r} are the same row of the ablation "
                f"({'+'.join(row) or 'none'}), and not by their seed alone; compare "
                "one of them."
            )
            raise InputError(msg)


def repeats(networks: Sequence[Contender]) -> dict[str, tuple[str, ...]]:
    """Return what was trained more than once, with other seeds and otherwise alike.

    Returns
    -------
    dict of str to tuple of str
        A name for it, what its networks' names begin with, to the networks. Masks and
        cross-validations do not say how they came about, and are never among them.
    """
    alike: dict[str, list[str]] = {}
    for network in networks:
        recipe = network.meta.card.get("recipe") if isinstance(network, Weights) else {}
        if isinstance(network, Weights) and recipe:
            card = network.meta.card
            told = [_taught_by(recipe), *map(card.get, ("data", "split", "parent"))]
            alike.setdefault(json.dumps(told, sort_keys=True), []).append(network.name)
    found: dict[str, tuple[str, ...]] = {}
    for names in alike.values():
        if len(names) < 2:
            continue
        name = _SEED.sub("", _shared_beginning(names)) or names[0]
        if name in found or name in {n.name for n in networks} - {*names}:
            name = " / ".join(names)
        found[name] = tuple(names)
    return found


def _taught_by(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe without its seed and what is only looked at on the way."""
    beside = ("seed", "keep_at", "keep_slices")
    return {key: value for key, value in recipe.items() if key not in beside}


def _shared_beginning(names: Sequence[str]) -> str:
    letters = enumerate(zip(*names, strict=False))
    shortest = min(map(len, names))
    end = next((k for k, own in letters if len({*own}) > 1), shortest)
    return names[0][:end]


def _masks(name: str, path: Path) -> Masks:
    folders = (
        sorted(
            p
            for p in path.iterdir()
            if p.is_dir() and p.name.casefold().startswith("fold")
        )
        if path.is_dir()
        else []
    )
    if not folders:
        return Masks(name, case_files(path))
    files: dict[str, Path] = {}
    folds: dict[str, str] = {}
    for folder in folders:
        for case, file in case_files(folder).items():
            if case in files:
                msg = (
                    f"The case {case!r} of {name!r} is in {folds[case]} and in "
                    f"{folder.name}; in a cross-validation each is predicted once."
                )
                raise InputError(msg, path=file)
            files[case], folds[case] = file, folder.name
    return Masks(name, files, folds)


def _folds(name: str, run_id: str, store: ProjectStore) -> Folds:
    """Return the folds of a cross-validated run; each lies in a folder of its own."""
    from medlab_gui.learning.checkpoint import read_meta

    files = sorted(store.run_folder(run_id).glob("fold-*/checkpoint.safetensors"))
    if not files:
        msg = f"The run {run_id} has no weights of its folds; was it finished?"
        raise InputError(msg)
    folds = {f.parent.name: Weights(name, f, read_meta(f), f.parent) for f in files}
    return Folds(name, folds)


def contenders(text: str, store: ProjectStore | None) -> list[Contender]:
    """Return what is to be compared.

    Parameters
    ----------
    text : str
        Lines, see `split_names`. A place is a folder of masks, a mask file, a file of
        weights, or the id of a run or checkpoint of the project, or ``"starter"``.
    store : ProjectStore or None
        The project, where there is one.

    Raises
    ------
    InputError
        If there is no such place, or fewer than one.
    CheckpointError
        If weights cannot be read.
    """
    from medlab_gui.learning.checkpoint import read_meta

    found: list[Contender] = []
    for name, place in readable_names(split_names(text), store):
        path = existing_path(place)
        weighty = place.lower().endswith((".safetensors", ".pt", ".pth"))
        if path is not None and not weighty:
            found.append(_masks(name, path))
            continue
        runs = {run.id: run for run in store.runs()} if store is not None else {}
        chosen = place
        run = runs.get(place)
        if store is not None and run is not None and run.kind == "cross-validation":
            found.append(_folds(name, place, store))
            continue
        if run is not None:
            made = run.checkpoint
            if made is None:
                msg = f"The run {place} made no weights: it was {run.state}."
                raise InputError(msg)
            chosen = made
        try:
            file, checkpoint_id = weights_file(store, chosen)
        except CheckpointError as error:
            msg = (
                f"{place!r} is neither a folder of masks, nor a file of weights, nor a "
                "run or checkpoint of the project. Check the name."
            )
            raise InputError(msg) from error
        made_by = _run_of(store, file, checkpoint_id)
        found.append(Weights(name, file, read_meta(file), made_by))
    return found


def _run_of(store: ProjectStore | None, file: Path, checkpoint_id: str) -> Path | None:
    """Return the folder of the training behind weights, if it is still there."""
    from medlab_gui.learning.kept import KEPT

    # Beside what `train --recipe` wrote, or in the run's own folder.
    inside = (file.parent / KEPT).is_dir()
    folder = file.parent if inside else file.with_suffix(".run")
    if store is not None:
        ids = {c.id: c.run_id for c in store.checkpoints()}
        run_id = ids.get(checkpoint_id)
        if run_id is not None:
            folder = store.run_folder(run_id)
    return folder if folder.is_dir() else None
