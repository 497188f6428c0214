"""The cases that networks are compared on: one's own files, or those of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.commands.contender_names import case_name
from medlab_gui.commands.contenders import (
    CaseFiles,
    Contender,
    Folds,
    Masks,
    Weights,
    case_files,
    contenders,
)
from medlab_gui.commands.inputs import existing_path, scaled
from medlab_gui.commands.labelled_folders import folder_scores
from medlab_gui.commands.loaded_cases import Cases, LoadedCase, Predictors
from medlab_gui.commands.mask_files import read_mask_file, shared_grid
from medlab_gui.commands.project_cases import project_cases, project_scores
from medlab_gui.core.errors import GeometryError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.volume import Volume
    from medlab_gui.learning.scored import ClassifiedCases

__all__ = ["files_of_cases", "gather"]


# ---- cases from files -------------------------------------------------------------


def files_of_cases(
    truth: str, images: str, patients: Mapping[str, str]
) -> list[CaseFiles]:
    """Return the cases of a folder of true masks, with their scans.

    Raises
    ------
    InputError
        If a folder is not there or empty, or a scan of a case is missing.
    """
    place = existing_path(truth)
    if place is None:
        msg = f"{truth} does not exist. Check the name of the file or folder."
        raise InputError(msg)
    known = case_files(place)
    scans: dict[str, Path] = {}
    if images:
        folder = existing_path(images)
        if folder is None:
            msg = f"{images} does not exist. Check the name of the file or folder."
            raise InputError(msg)
        scans = case_files(folder)
        if not place.is_dir() and not folder.is_dir():
            scans = {case_name(place): folder}
        # nnU-Net writes the channel behind the name of the case.
        scans = {name.removesuffix("_0000"): path for name, path in scans.items()}
        lacking = sorted(set(known) - set(scans))
        if lacking:
            msg = (
                f"There is no scan in {images} for {_listed(lacking)}; a scan has the "
                "name of its true mask."
            )
            raise InputError(msg)
    lacking = sorted(set(known) - set(patients)) if patients else []
    if lacking:
        msg = f"--patients does not say whose {_listed(lacking)} is."
        raise InputError(msg)
    return [
        CaseFiles(name, path, scans.get(name), patients.get(name, name))
        for name, path in known.items()
    ]


def _check_folds(networks: list[Contender], names: list[str]) -> None:
    """Refuse cross-validations that part the cases differently."""
    folded = [n for n in networks if isinstance(n, Masks) and n.folds]
    for one in folded[1:]:
        for name in names:
            theirs, mine = folded[0].folds.get(name), one.folds.get(name)
            if theirs != mine:
                msg = (
                    f"{folded[0].name!r} and {one.name!r} were folded differently: the "
                    f"case {name!r} is in {theirs} and in {mine}. Compare them without "
                    "folds, all masks in one folder, or fold both alike."
                )
                raise InputError(msg)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def _check_complete(networks: list[Contender], cases: list[CaseFiles]) -> None:
    names = [c.name for c in cases]
    for network in networks:
        if isinstance(network, Folds):
            msg = (
                f"{network.name!r} is a cross-validation, which is judged on what its "
                "folds left out: leave --truth away."
            )
            raise InputError(msg)
        if isinstance(network, Weights):
            if cases[0].image is None:
                msg = (
                    f"{network.name!r} is weights: name the scans that they shall "
                    "predict with --images."
                )
                raise InputError(msg)
            continue
        if len(names) == 1 and len(network.files) == 1:
            continue  # one mask against one, whatever they are called
        lacking = sorted(set(names) - set(network.files))
        if lacking:
            theirs = _listed(sorted(network.files))
            msg = (
                f"{network.name!r} has no mask for {_listed(lacking)} (it has {theirs})"
                ". Every network is judged on the same cases: a mask has the name of "
                "the true one."
            )
            raise InputError(msg)


def _from_files(
    networks: list[Contender],
    cases: list[CaseFiles],
    maps: tuple[str, str],
    ctx: Context,
) -> Iterator[LoadedCase]:
    import numpy as np

    from medlab_gui.io import read_one
    from medlab_gui.learning.comparison import Case

    predictors = Predictors(ctx.device)
    for n, files in enumerate(cases):
        truth = read_mask_file(str(files.truth), maps[0], "--map-truth")
        masks = {}
        fold = ""
        for network in networks:
            if isinstance(network, Masks):
                one = (
                    files.name
                    if files.name in network.files
                    else next(iter(network.files))
                )
                masks[network.name] = network.read(one, maps[1])
                fold = fold or network.folds.get(one, "")
        scan, padding = None, None
        if files.image is not None:
            start = n / len(cases)
            report = scaled(ctx.progress, start, start)
            read, scan = read_one(files.image, progress=report)
            padding = read.display.padding
        grid, has_mm = shared_grid(truth, [*masks.values()])
        if scan is not None and not has_mm:
            grid, has_mm = scan.grid, True
        how = grid.canonical()

        def on_axial(mask: Any, how: Any = how, path: str = truth.path) -> Any:
            return np.ascontiguousarray(how.apply(mask.on(how.source, path)))

        loaded = LoadedCase(
            Case(
                files.name,
                files.patient,
                str((files.image or files.truth).absolute()),
                fold,
            ),
            on_axial(truth),
            how.grid.spacing,
            how.grid.steps_mm,
            has_mm,
            {name: on_axial(mask) for name, mask in masks.items()},
        )
        if scan is not None:
            loaded.is_ct = scan.units == "HU"
            loaded.image = how.apply(_scan_on(scan, grid, files))
        if loaded.image is not None:
            weights = [w for w in networks if isinstance(w, Weights)]
            report = scaled(ctx.progress, n / len(cases), n / len(cases))
            loaded.answers = predictors.answers(
                {w.name: w for w in weights},
                loaded.image,
                padding,
                loaded.spacing,
                report,
            )
        yield loaded


def _scan_on(scan: Volume, grid: Grid, files: CaseFiles) -> NDArray[Any]:
    from medlab_gui.io import mask_on_grid

    try:
        return mask_on_grid(scan.data, scan.grid, grid)
    except GeometryError as error:
        msg = (
            f"The scan {files.image} and the true mask {files.truth} are not the same "
            "voxels, and MedLab does not interpolate masks. Use the scan on which the "
            "mask was made."
        )
        raise GeometryError(msg) from error


# ---- both -------------------------------------------------------------------------


def gather(
    text: str,
    truth: str,
    images: str,
    maps: tuple[str, str],
    patients: Mapping[str, str],
    ctx: Context,
) -> tuple[list[Contender], Cases | ClassifiedCases]:
    """Return the networks and the cases that they are compared on.

    Classifiers' cases come with their scores.

    Raises
    ------
    InputError
        If something is missing, or masks and locked slices are mixed.
    """
    if truth:
        # A project is only opened for what is not a path.
        places = [line.rpartition("=")[2] for line in text.splitlines()]
        if all(existing_path(p) is not None for p in places if p):
            networks = contenders(text, None)
        else:
            with ctx.store() as store:
                networks = contenders(text, store)
        _one_scheme(networks)
        weights = [n for n in networks if not isinstance(n, Masks)]
        if _are_classifiers(networks):
            _refuse_masks_of(networks, images)
            return networks, folder_scores(weights, truth, maps[0], patients, ctx)
        cases = files_of_cases(truth, images, patients)
        _check_complete(networks, cases)
        _check_folds(networks, [c.name for c in cases])
        return networks, Cases(len(cases), _from_files(networks, cases, maps, ctx))
    with ctx.store() as store:
        networks = contenders(text, store)
    weights = [n for n in networks if not isinstance(n, Masks)]
    if len(weights) < len(networks):
        masks = next(n.name for n in networks if isinstance(n, Masks))
        msg = f"{masks!r} is masks: name the true ones with --truth."
        raise InputError(msg)
    _one_scheme(networks)
    if _are_classifiers(weights):
        return networks, project_scores(weights, ctx)
    return networks, project_cases(weights, ctx)


def _refuse_masks_of(networks: Sequence[Contender], images: str) -> None:
    """Refuse what classifiers on labelled folders have no use for."""
    masks = [n.name for n in networks if isinstance(n, Masks)]
    if masks:
        msg = (
            f"{masks[0]!r} is masks, the others are classifiers: compare like with "
            "like."
        )
        raise InputError(msg)
    if images:
        msg = (
            "Classifiers read the pictures in --truth, whose folders are named after "
            "what they show: leave --images out."
        )
        raise InputError(msg)


def _are_classifiers(networks: Sequence[Contender]) -> bool:
    """Tell whether networks classify; some that do and some that do not are refused."""
    from medlab_gui.networks import is_classifier

    kinds = {
        is_classifier(n.meta.network): n.name
        for n in networks
        if not isinstance(n, Masks)
    }
    if len(kinds) == 2:
        msg = f"{kinds[True]!r} is a classifier, {kinds[False]!r} draws masks: compare "
        msg += "like with like."
        raise InputError(msg)
    return True in kinds


def _one_scheme(networks: list[Contender]) -> None:
    weights = [n for n in networks if not isinstance(n, Masks)]
    for one in weights[1:]:
        names = [
            [c.name.casefold() for c in w.meta.scheme.classes]
            for w in (weights[0], one)
        ]
        if names[0] != names[1]:
            msg = (
                f"{weights[0].name!r} knows the classes {', '.join(names[0])}, "
                f"{one.name!r} {', '.join(names[1])}: they cannot be compared."
            )
            raise InputError(msg)
