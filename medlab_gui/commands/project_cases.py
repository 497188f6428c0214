"""Cases of a project: its locked slices, or the folds of cross-validated runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.commands.checkpoints import check_classes
from medlab_gui.commands.contenders import Folds, Weights
from medlab_gui.commands.inputs import scaled
from medlab_gui.commands.loaded_cases import Cases, LoadedCase, Predictors
from medlab_gui.commands.series_titles import series_titles
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import DamagedFileError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.splits import Split
    from medlab_gui.learning.dataset import SliceKey
    from medlab_gui.learning.scored import ClassifiedCases
    from medlab_gui.store.project import ProjectStore

__all__ = ["project_cases", "project_scores"]

Truth = dict["SliceKey", str]
"""Slices and the annotations that hold their truth."""


@dataclass(frozen=True)
class _Block:
    """Neighbouring slices of a series, and who judges them.

    Parameters
    ----------
    uid : str
        The series.
    slices : tuple of int
        In order, none missing between them.
    fold : str
        Empty for locked slices.
    weights : dict of str to Weights
        Network to its weights for these slices.
    """

    uid: str
    slices: tuple[int, ...]
    fold: str
    weights: dict[str, Weights]


def _blocks(truth: Truth) -> list[tuple[str, tuple[int, ...]]]:
    """Part slices by series, and where one is missing between them."""
    blocks: list[tuple[str, list[int]]] = []
    for key in sorted(truth, key=lambda k: (k.series_uid, k.slice_index)):
        uid, k = key.series_uid, key.slice_index
        if blocks and blocks[-1][0] == uid and blocks[-1][1][-1] == k - 1:
            blocks[-1][1].append(k)
        else:
            blocks.append((uid, [k]))
    return [(uid, tuple(slices)) for uid, slices in blocks]


def project_cases(networks: Sequence[Weights | Folds], ctx: Context) -> Cases:
    """Return what a project's weights are compared on; neighbours are one case.

    Cross-validated runs are judged on the slices that each fold left out, all others on
    the locked slices.

    Raises
    ------
    InputError
        If there are no locked slices, or runs were folded otherwise.
    """
    truth, blocks, notes = _judged(networks, ctx)
    return Cases(len(blocks), _each(blocks, truth, ctx), notes)


def _judged(
    networks: Sequence[Weights | Folds], ctx: Context
) -> tuple[Truth, list[_Block], tuple[str, ...]]:
    folded = [n for n in networks if isinstance(n, Folds)]
    plain = [n for n in networks if isinstance(n, Weights)]
    if folded and plain:
        msg = (
            f"{folded[0].name!r} is a cross-validation, {plain[0].name!r} is not: they "
            "were not judged on the same slices and cannot be compared."
        )
        raise InputError(msg)
    with ctx.store() as store:
        for network in (*plain, *(w for f in folded for w in f.folds.values())):
            check_classes(store, network.meta.scheme, network.name)
        if folded:
            return *_folded(folded, store), _known_before(folded, store)
        return _locked(plain, store)


def _locked(
    networks: Sequence[Weights], store: ProjectStore
) -> tuple[Truth, list[_Block], tuple[str, ...]]:
    from medlab_gui.commands.learned import fair_judges
    from medlab_gui.commands.sources import locked_source

    judges = locked_source(store)
    if not judges.keys:
        msg = (
            "The project has no locked validation slices to compare weights on; lock "
            "some with `medlab lock`, or name --truth and --images."
        )
        raise InputError(msg)
    fair = fair_judges(store, judges, {n.name: n.path for n in networks})
    fair.check()
    truth = dict(fair.source.truth)
    weights = {n.name: n for n in networks}
    blocks = [_Block(uid, ks, "", weights) for uid, ks in _blocks(truth)]
    return truth, blocks, tuple(fair.notes)


def _folded(
    networks: Sequence[Folds], store: ProjectStore
) -> tuple[Truth, list[_Block]]:
    truth: Truth = {}
    blocks = []
    first = networks[0]
    for fold in first.folds:
        sides = [_left_out(network, fold, store) for network in networks]
        for network, side in zip(networks, sides, strict=True):
            if side != sides[0] or set(network.folds) != set(first.folds):
                msg = (
                    f"{first.name!r} and {network.name!r} were folded differently; "
                    "cross-validate both with the same seed and number of folds, and "
                    "without labelling in between."
                )
                raise InputError(msg)
        truth |= sides[0]
        weights = {n.name: n.folds[fold] for n in networks}
        blocks += [_Block(uid, ks, fold, weights) for uid, ks in _blocks(sides[0])]
    return truth, blocks


def _known_before(networks: Sequence[Folds], store: ProjectStore) -> tuple[str, ...]:
    """Return sentences where folds learned from what they judge, by their beginning."""
    from medlab_gui.commands.learned import chosen_by_judges, learned_from

    notes = []
    for network in networks:
        n_judged = n_known = 0
        for fold, weights in network.folds.items():
            judged = _left_out(network, fold, store)
            n_judged += len(judged)
            n_known += len((learned_from(store, weights.path) or set()) & judged.keys())
        if n_known:
            notes.append(
                f"{network.name!r} began with weights that had learned from {n_known} "
                f"of these {counted(n_judged, 'slice')}: its scores flatter."
            )
    first = networks[0]
    if any(_split_of(first, fold, store).same_patient for fold in first.folds):
        notes.append(
            "The folds part the slices of one patient, which are alike: the scores "
            "flatter."
        )
    chose = [
        network.name
        for network in networks
        if any(_judges_chose(_split_of(network, f, store)) for f in network.folds)
    ]
    return *notes, *([chosen_by_judges(chose)] if chose else [])


def _judges_chose(split: Split) -> bool:
    """Tell whether slices that a fold judges chose its epoch, too."""
    if split.choosers is None:  # a run of before others were set aside, or as asked
        return True
    return bool({*split.choosers.keys} & {*split.validation.keys})


def _left_out(network: Folds, fold: str, store: ProjectStore) -> Truth:
    if fold not in network.folds:
        return {}
    return dict(_split_of(network, fold, store).validation.truth)


def _split_of(network: Folds, fold: str, store: ProjectStore) -> Split:
    from medlab_gui.commands.splits import read_split

    place = network.folds[fold].path.parent
    split = read_split(store, place)
    if split is None:
        msg = (
            f"The split of {network.name!r} is missing in {place}: nobody knows "
            "what it left out; train it again."
        )
        raise DamagedFileError(msg, path=place)
    return split


def _each(blocks: Sequence[_Block], truth: Truth, ctx: Context) -> Iterator[LoadedCase]:
    import numpy as np

    from medlab_gui.commands.sources import ProjectSource
    from medlab_gui.learning.comparison import Case
    from medlab_gui.learning.dataset import SliceKey

    predictors = Predictors(ctx.device)
    with ctx.store() as store:
        source = ProjectSource(store, truth)
        titles = series_titles(store, (block.uid for block in blocks))
        for n, block in enumerate(blocks):
            predictors.keep(block.weights.values())
            keys = [SliceKey(block.uid, k) for k in block.slices]
            record = store.series(block.uid)
            scan = source.scan(keys[0])
            first, last = block.slices[0], block.slices[-1] + 1
            numbers = f"{first + 1}" if last == first + 1 else f"{first + 1}-{last}"
            loaded = LoadedCase(
                Case(
                    f"{titles[block.uid]}, slices {numbers}",
                    source.group(keys[0]),
                    record.source,
                    block.fold,
                    block.uid,
                    first,
                ),
                np.stack([source.labels(key) for key in keys]),
                record.grid.spacing,
                record.grid.steps_mm,
                True,
                {},
                image=scan[first:last],
                is_ct=record.units == "HU",
                first_slice=first + 1,
            )
            report = scaled(ctx.progress, n / len(blocks), n / len(blocks))
            loaded.answers = predictors.answers(
                block.weights,
                store.array(record.blob),
                record.display.padding,
                record.grid.spacing,
                report,
                slices=block.slices,
            )
            yield loaded


def project_scores(
    networks: Sequence[Weights | Folds], ctx: Context
) -> ClassifiedCases:
    """Return what classifiers say of the slices that `project_cases` would take.

    Raises
    ------
    InputError
        As `project_cases`.
    """
    import numpy as np

    from medlab_gui.commands.sources import ProjectSource
    from medlab_gui.learning.classifier import SliceClassifier
    from medlab_gui.learning.dataset import SliceKey
    from medlab_gui.learning.duplicates import merged_groups
    from medlab_gui.learning.scored import CasePlace, ClassifiedCases
    from medlab_gui.learning.slice_scores import score_slices

    truth, blocks, notes = _judged(networks, ctx)
    names, shown, patients, folds, places = [], [], [], [], []
    probs: dict[str, list[NDArray[np.float32]]] = {n.name: [] for n in networks}
    every = sorted({b.fold for b in blocks})
    with ctx.store() as store:
        titles = series_titles(store, (b.uid for b in blocks))
        for n, fold in enumerate(every):
            mine = [b for b in blocks if b.fold == fold]
            keys = {SliceKey(b.uid, k) for b in mine for k in b.slices}
            source = ProjectSource(store, {k: truth[k] for k in keys})
            answers = {}
            for m, (name, weights) in enumerate(mine[0].weights.items()):
                start = (n + m / len(networks)) / len(every)
                answers[name] = score_slices(
                    SliceClassifier(weights.path, ctx.device),
                    source,
                    progress=scaled(ctx.progress, start, start),
                )
            # Copies count as one patient, as for the splits, which never part them.
            owner = dict(zip(source.keys, merged_groups(source), strict=True))
            for key, one in next(iter(answers.values())).items():
                uid, k = key.series_uid, key.slice_index
                names.append(f"{titles[uid]}, slice {k + 1}")
                places.append(CasePlace(store.series(uid).source, uid, k))
                shown.append(one.truth)
                patients.append(owner[key])
                folds.append(fold)
                for name, own in answers.items():
                    probs[name].append(own[key].probs)
    scheme = networks[0].meta.scheme
    empty = np.zeros((0, scheme.n_classes), np.float64)
    return ClassifiedCases(
        classes=scheme.answers,
        names=tuple(names),
        truth=np.array(shown, np.int64),
        patients=tuple(patients),
        folds=tuple(folds),
        probs={
            name: np.stack(own).astype(np.float64) if own else empty
            for name, own in probs.items()
        },
        notes=notes,
        places=tuple(places),
    )
