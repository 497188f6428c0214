"""Training recipes that come with MedLab, and recipes in files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.json_file import read_json
from medlab_gui.core.places import as_path
from medlab_gui.core.resources import resource
from medlab_gui.core.spec_checks import check_whole, known_keys, nearest
from medlab_gui.core.training import TrainSpec

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.core.labels import LabelScheme

__all__ = ["TrainingPreset", "read_training_preset", "training_presets"]

_KEYS = ("medlab_training", "title", "about", "folds", "spec")


@dataclass(frozen=True)
class TrainingPreset:
    """A named training recipe.

    Parameters
    ----------
    name : str
        Such as ``"liver-fcn"``.
    title, about : str
        What a person reads: what it is, and what it was made for.
    spec : TrainSpec
        The recipe; its number of classes is that of its paper.
    folds : int
        Of the cross-validation that belongs to it; 0 where it trains once.
    """

    name: str
    title: str
    about: str
    spec: TrainSpec
    folds: int = 0

    def __post_init__(self) -> None:
        check_whole("folds", self.folds, 0, 100)
        if self.folds == 1:
            msg = "'folds' is 0 (train once) or at least 2; found 1."
            raise SpecError(msg)

    def for_scheme(self, scheme: LabelScheme) -> TrainSpec:
        """Return the recipe for a project's classes.

        Raises
        ------
        SpecError
            If it weighs classes, and there are more or fewer of them.
        """
        network = replace(self.spec.network, n_classes=scheme.n_classes)
        return replace(self.spec, network=network)


def training_presets() -> dict[str, TrainingPreset]:
    """Return the recipes that come with MedLab, by name."""
    folder = resource("training")
    return {path.stem: _read(path) for path in sorted(folder.glob("*.json"))}


def read_training_preset(choice: str) -> TrainingPreset:
    """Return a recipe by its name or from a JSON file.

    Parameters
    ----------
    choice : str
        ``"liver-fcn"``, or the path of a file like those in ``resources/training``, of
        a bare `TrainSpec`, or of any JSON object that holds one as ``"spec"``.

    Raises
    ------
    InputError
        If there is no recipe of that name and no such file.
    SpecError
        If it is not a recipe, or an impossible one.
    """
    path = as_path(choice)
    if path.is_file():
        return _read(path)
    shipped = training_presets()
    if choice in shipped:
        return shipped[choice]
    msg = (
        f"There is no training recipe {choice!r}: it is neither a file nor one of "
        f"{', '.join(shipped)}.{nearest(choice, shipped)}"
    )
    raise InputError(msg)


def _read(path: Path) -> TrainingPreset:
    data = read_json(path, "a training recipe")
    try:
        return _parsed(path, data)
    except SpecError as error:
        raise SpecError(f"{path.name}: {error.message}", path=path) from error


def _parsed(path: Path, data: Any) -> TrainingPreset:
    if not isinstance(data, dict):
        msg = f"A training recipe is a JSON object; found {type(data).__name__}."
        raise SpecError(msg)
    if "medlab_training" in data:
        known_keys("training recipe", data, _KEYS)
        if data["medlab_training"] != 1:
            msg = (
                "It was written by another version of MedLab (recipe format "
                f"{data['medlab_training']!r}; this one reads 1): please update."
            )
            raise SpecError(msg)
    spec = TrainSpec.from_dict(data.get("spec", data))
    title, about = data.get("title", path.stem), data.get("about", "")
    return TrainingPreset(
        path.stem,
        str(title),
        about if isinstance(about, str) else "",
        spec,
        data.get("folds", 0),
    )
