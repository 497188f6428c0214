"""Pictures and scans in folders that are named after what they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.commands.contender_names import case_name, is_read
from medlab_gui.commands.contenders import Folds
from medlab_gui.commands.inputs import existing_path, scaled
from medlab_gui.commands.values import parse_class_map
from medlab_gui.core.errors import InputError
from medlab_gui.core.spec_checks import nearest
from medlab_gui.imaging.padding import without_padding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.contenders import Weights
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.learning.classifier import SliceClassifier
    from medlab_gui.learning.scored import CasePlace, ClassifiedCases

__all__ = ["LabelledFile", "folder_scores", "labelled_files"]


@dataclass(frozen=True)
class LabelledFile:
    """A file whose every slice shows one class.

    Parameters
    ----------
    path : Path
        A picture or a scan.
    name : str
        Of the case: the class's folder and the file.
    truth : int
        Value of the class, 0 of none.
    patient : str
        From a folder between, or from a table; empty where nobody says.
    """

    path: Path
    name: str
    truth: int
    patient: str


def labelled_files(
    place: str, scheme: LabelScheme, translate: str, patients: Mapping[str, str]
) -> list[LabelledFile]:
    """Return the files of a folder that has a folder for each class.

    Parameters
    ----------
    place : str
        Such as ``test`` with ``test/glioma/7.png``; ``test/glioma/anna/7.png`` is of
        the patient anna.
    scheme : LabelScheme
        The classes of the weights.
    translate : str
        Which folder is which class where the names differ: ``"notumor=0"``.
    patients : mapping of str to str
        Name of the file without its ending to the patient; may be empty.

    Raises
    ------
    InputError
        If there are no such folders, one is no class, or a patient is not known.
    """
    root = existing_path(place)
    if root is None:
        msg = f"{place} does not exist. Check the name of the file or folder."
        raise InputError(msg)
    folders = [p for p in root.iterdir() if p.is_dir()] if root.is_dir() else []
    folders = sorted(p for p in folders if not p.name.startswith("."))
    if not folders:
        msg = (
            f"{place} holds no folders. Classifiers are judged on folders named after "
            f"what their pictures show: {', '.join(scheme.answers)}."
        )
        raise InputError(msg, path=root)
    values = _values(scheme, translate)
    found: list[LabelledFile] = []
    for folder in folders:
        value = values.get(folder.name.casefold())
        if value is None:
            first = scheme.answers[1]
            hint = nearest(folder.name.casefold(), values)
            msg = (
                f"The folder {folder.name} is no class of the weights "
                f"({', '.join(scheme.answers)}).{hint} Say what it shows: "
                f"--map-truth {folder.name}=1 for {first}, {folder.name}=0 for none."
            )
            raise InputError(msg, path=folder)
        files = sorted(p for p in folder.rglob("*") if p.is_file() and is_read(p))
        if not files:
            msg = f"The folder {folder} holds no pictures and no scans."
            raise InputError(msg, path=folder)
        for path in files:
            inside = path.relative_to(folder).parts
            patient = inside[0] if len(inside) > 1 else ""
            if patients:
                patient = patients.get(case_name(path), "")
                if not patient:
                    msg = f"--patients does not say whose {case_name(path)} is."
                    raise InputError(msg)
            name = path.relative_to(root).as_posix()
            found.append(LabelledFile(path, name, value, patient))
    return found


def _values(scheme: LabelScheme, translate: str) -> dict[str, int]:
    """Return the value of each name that a folder may have."""
    known = {name.casefold(): value for value, name in enumerate(scheme.answers)}
    known.setdefault("background", 0)
    for name, value in (parse_class_map(translate) or {}).items():
        if value >= scheme.n_classes:
            msg = (
                f"--map-truth {name}={value}: the weights know the classes "
                f"{', '.join(f'{v} {n}' for v, n in enumerate(scheme.answers))}."
            )
            raise InputError(msg)
        known[str(name).casefold()] = value
    return known


def folder_scores(
    networks: Sequence[Weights | Folds],
    place: str,
    translate: str,
    patients: Mapping[str, str],
    ctx: Context,
) -> ClassifiedCases:
    """Return what classifiers say of labelled folders; each slice is a case.

    Where nobody says whose a picture is, pictures that look nearly the same count as of
    one patient. Cross-validated runs are judged fold by fold: the weights of each fold
    on all cases.

    Raises
    ------
    InputError
        As `labelled_files`, or if a file cannot be read.
    """
    import numpy as np

    from medlab_gui.learning.classifier import SliceClassifier
    from medlab_gui.learning.duplicates import merged
    from medlab_gui.learning.scored import CasePlace, ClassifiedCases

    scheme = networks[0].meta.scheme
    files = labelled_files(place, scheme, translate, patients)
    sides = _sides(networks)
    made = {
        (fold, name): SliceClassifier(weights.path, ctx.device)
        for fold, side in sides.items()
        for name, weights in side.items()
    }
    cases: list[tuple[str, int, str]] = []
    places: list[CasePlace] = []
    looks: list[NDArray[np.bool_] | None] = []
    said: dict[tuple[str, str], list[NDArray[np.float32]]] = {k: [] for k in made}
    for n, file in enumerate(files):
        share = n / len(files)
        report = scaled(ctx.progress, share, share)
        report(0, 1, f"Judging {file.name}")
        for k, (own, look) in enumerate(_asked(file, made, said, ctx)):
            cases.append((own, file.truth, file.patient or own))
            places.append(CasePlace(str(file.path.absolute()), slice_index=k))
            looks.append(look)
    owners = [patient for _name, _truth, patient in cases]
    if not any(file.patient for file in files):
        owners = merged(owners, looks)
    folds = list(sides)
    return ClassifiedCases(
        classes=scheme.answers,
        names=tuple(
            f"{name} ({fold})" if fold else name
            for fold in folds
            for name, _truth, _patient in cases
        ),
        truth=np.array([truth for _n, truth, _p in cases] * len(folds), np.int64),
        patients=tuple(owners * len(folds)),
        folds=tuple(fold for fold in folds for _case in cases),
        probs={
            network.name: np.stack(
                [row for fold in folds for row in said[fold, network.name]]
            ).astype(np.float64)
            for network in networks
        },
        places=tuple(places * len(folds)),
    )


def _sides(networks: Sequence[Weights | Folds]) -> dict[str, dict[str, Weights]]:
    """Return for each fold the weights of each network; one without a name if none."""
    folded = [n for n in networks if isinstance(n, Folds)]
    if not folded:
        return {"": {n.name: n for n in networks if not isinstance(n, Folds)}}
    names = {tuple(n.folds) if isinstance(n, Folds) else () for n in networks}
    if len(names) > 1:
        msg = (
            f"{folded[0].name!r} is a cross-validation; compare it with others of as "
            "many folds, not with single weights."
        )
        raise InputError(msg)
    return {f: {n.name: n.folds[f] for n in folded} for f in folded[0].folds}


def _asked(
    file: LabelledFile,
    made: Mapping[tuple[str, str], SliceClassifier],
    said: dict[tuple[str, str], list[NDArray[np.float32]]],
    ctx: Context,
) -> list[tuple[str, NDArray[np.bool_] | None]]:
    """Add what each network says of a file's slices; return their names and looks."""
    from medlab_gui.io import read_one
    from medlab_gui.learning.duplicates import picture_bits

    read, native = read_one(file.path, progress=ctx.progress)
    volume = native.reoriented(native.grid.canonical())
    data = without_padding(volume.data, read.display.padding)
    for key, classifier in made.items():
        found = classifier.classify(data, volume.grid.spacing)
        said[key] += list(found.probs)
    n = len(data)
    names = [f"{file.name}, slice {k + 1}" for k in range(n)] if n > 1 else [file.name]
    return [(name, picture_bits(p)) for name, p in zip(names, data, strict=True)]
