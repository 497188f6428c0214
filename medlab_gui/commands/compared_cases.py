"""The cases that networks are compared on: files, or the project's locked slices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.contenders import (
    CaseFiles,
    Masks,
    Weights,
    case_files,
    case_name,
    contenders,
)
from medlab_gui.commands.inputs import check_classes, existing_path, scaled
from medlab_gui.commands.mask_files import read_mask_file, shared_grid
from medlab_gui.core.errors import GeometryError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.volume import Volume
    from medlab_gui.learning.comparison import Case

__all__ = ["Cases", "LoadedCase", "files_of_cases", "gather"]


@dataclass(eq=False)
class LoadedCase:
    """A case with all that was said of it, on one axial grid.

    Parameters
    ----------
    case : Case
        Its name, patient, fold and path.
    truth : ndarray of uint8, shape (Z, Y, X)
        Class values.
    spacing : tuple of float
        ``(dz, dy, dx)`` in mm, or 1 each where there is no geometry.
    has_mm : bool
        Whether there is.
    found : dict of str to ndarray of uint8, shape (Z, Y, X)
        Network to its mask.
    probs : dict of str to ndarray of float16, shape (C, Z, Y, X)
        Network to its probabilities, where it is weights.
    image : ndarray or None, shape (Z, Y, X)
        The scan.
    is_ct : bool
        Whether the scan is in Hounsfield units.
    first_slice : int
        Number of slice 0 in what opens the case, from 1.
    """

    case: Case
    truth: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    has_mm: bool
    found: dict[str, NDArray[np.uint8]]
    probs: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    image: NDArray[Any] | None = None
    is_ct: bool = False
    first_slice: int = 1


@dataclass(frozen=True)
class Cases:
    """Where the cases come from.

    Parameters
    ----------
    n : int
        How many there are.
    each : iterator of LoadedCase
        One after the other; only one is in memory.
    """

    n: int
    each: Iterator[LoadedCase]


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


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def _check_complete(networks: list[Masks | Weights], cases: list[CaseFiles]) -> None:
    names = [c.name for c in cases]
    for network in networks:
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


class _Predictors:
    """Weights are loaded once, and kept for the next case."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._made: dict[str, Any] = {}

    def of(self, network: Weights) -> Any:
        if network.name not in self._made:
            from medlab_gui.learning.predict import Predictor

            self._made[network.name] = Predictor(network.path, self._device)
        return self._made[network.name]


def _from_files(
    networks: list[Masks | Weights],
    cases: list[CaseFiles],
    maps: tuple[str, str],
    ctx: Context,
) -> Iterator[LoadedCase]:
    import numpy as np

    from medlab_gui.io import read_one
    from medlab_gui.learning.comparison import Case

    predictors = _Predictors(ctx.device)
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
        scan = None
        if files.image is not None:
            start = n / len(cases)
            report = scaled(ctx.progress, start, start)
            _series, scan = read_one(files.image, progress=report)
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
            has_mm,
            {name: on_axial(mask) for name, mask in masks.items()},
        )
        if scan is not None:
            loaded.is_ct = scan.units == "HU"
            loaded.image = how.apply(_scan_on(scan, grid, files))
        for network in networks:
            if isinstance(network, Weights):
                start = n / len(cases)
                found = predictors.of(network).predict(
                    loaded.image,
                    loaded.spacing,
                    keep_probs=True,
                    progress=scaled(ctx.progress, start, start),
                )
                loaded.found[network.name] = found.labels
                loaded.probs[network.name] = found.probs
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


# ---- cases from the locked slices of the project ------------------------------------


def _blocks(indices: list[int]) -> list[list[int]]:
    """Part slices where one is missing between them."""
    blocks: list[list[int]] = []
    for k in sorted(indices):
        if blocks and k == blocks[-1][-1] + 1:
            blocks[-1].append(k)
        else:
            blocks.append([k])
    return blocks


def _from_project(networks: list[Weights], ctx: Context) -> Cases:
    """Return the locked slices; neighbours in a series are one case."""
    from medlab_gui.commands.sources import locked_source

    with ctx.store() as store:
        source = locked_source(store)
        by_series: dict[str, list[int]] = {}
        for key in source.keys:
            by_series.setdefault(key.series_uid, []).append(key.slice_index)
        for network in networks:
            check_classes(store, network.meta.scheme, network.name)
    blocks = [(uid, block) for uid, ks in by_series.items() for block in _blocks(ks)]
    if not blocks:
        msg = (
            "The project has no locked validation slices to compare weights on; lock "
            "some with `medlab lock`, or name --truth and --images."
        )
        raise InputError(msg)
    return Cases(len(blocks), _locked_cases(networks, blocks, ctx))


def _locked_cases(
    networks: list[Weights], blocks: list[tuple[str, list[int]]], ctx: Context
) -> Iterator[LoadedCase]:
    import numpy as np

    from medlab_gui.commands.sources import locked_source
    from medlab_gui.learning.comparison import Case
    from medlab_gui.learning.dataset import SliceKey

    predictors = _Predictors(ctx.device)
    with ctx.store() as store:
        source = locked_source(store)
        for n, (uid, block) in enumerate(blocks):
            keys = [SliceKey(uid, k) for k in block]
            record = store.series(uid)
            scan = source.scan(keys[0])
            first, last = block[0], block[-1] + 1
            numbers = f"{first + 1}" if len(block) == 1 else f"{first + 1}-{last}"
            name = f"{record.description or 'series'} {uid[-6:]}, slices {numbers}"
            loaded = LoadedCase(
                Case(
                    name,
                    source.group(keys[0]),
                    record.source,
                    series_uid=uid,
                    slice_index=first,
                ),
                np.stack([source.labels(key) for key in keys]),
                record.grid.spacing,
                True,
                {},
                image=scan[first:last],
                is_ct=record.units == "HU",
                first_slice=first + 1,
            )
            for network in networks:
                start = n / len(blocks)
                found = predictors.of(network).predict(
                    scan,
                    record.grid.spacing,
                    slices=block,
                    keep_probs=True,
                    progress=scaled(ctx.progress, start, start),
                )
                loaded.found[network.name] = found.labels[first:last]
                loaded.probs[network.name] = found.probs[:, first:last]
            yield loaded


# ---- both -------------------------------------------------------------------------


def gather(
    text: str,
    truth: str,
    images: str,
    maps: tuple[str, str],
    patients: Mapping[str, str],
    ctx: Context,
) -> tuple[list[Masks | Weights], Cases]:
    """Return the networks and the cases that they are compared on.

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
        cases = files_of_cases(truth, images, patients)
        _check_complete(networks, cases)
        _one_scheme(networks)
        return networks, Cases(len(cases), _from_files(networks, cases, maps, ctx))
    with ctx.store() as store:
        networks = contenders(text, store)
    weights = [n for n in networks if isinstance(n, Weights)]
    if len(weights) < len(networks):
        masks = next(n.name for n in networks if isinstance(n, Masks))
        msg = f"{masks!r} is masks: name the true ones with --truth."
        raise InputError(msg)
    _one_scheme(networks)
    return networks, _from_project(weights, ctx)


def _one_scheme(networks: list[Masks | Weights]) -> None:
    weights = [n for n in networks if isinstance(n, Weights)]
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
