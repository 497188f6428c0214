"""Networks beside each other on the same cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.learning.statistics import Summary, mean_known, summarise
from medlab_gui.learning.tables import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from medlab_gui.learning.metrics import Agreement
    from medlab_gui.learning.roc import Roc

__all__ = ["MEASURES", "Case", "Comparison", "Judged", "Measure", "in_order"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure and how it is printed.

    Parameters
    ----------
    key : str
        Field of `MaskMetrics`, or key of `Judged.whole`.
    title : str
        With its unit.
    factor : float
        What the value is multiplied by.
    digits : int
        After the point.
    """

    key: str
    title: str
    factor: float
    digits: int

    def shown(self, value: float | None) -> str:
        """Return a value as it is printed."""
        if value is None:
            return MISSING
        return f"{value * self.factor:z.{self.digits}f}"

    def spread(self, found: Summary, n_told: int | None = None) -> str:
        """Return mean ± SD, and over how many cases if it is not ``n_told``."""
        if found.mean is None:
            return MISSING
        sd = "" if found.sd is None else f" ± {self.shown(found.sd)}"
        told = found.n + found.n_without if n_told is None else n_told
        number = "" if found.n == told else f" (n={found.n})"
        return f"{self.shown(found.mean)}{sd}{number}"


MEASURES = {
    m.key: m
    for m in (
        Measure("dsc", "DSC %", 100, 2),
        Measure("voe", "VOE %", 100, 2),
        Measure("rvd", "RVD %", 1, 2),
        Measure("asd_mm", "ASD mm", 1, 2),
        Measure("rmsd_mm", "RMSD mm", 1, 2),
        Measure("hd95_mm", "HD95 mm", 1, 2),
        Measure("hd_mm", "HD mm", 1, 2),
        Measure("nsd", "NSD %", 100, 2),
        Measure("accuracy", "ACC", 1, 4),
        Measure("precision", "P", 1, 4),
        Measure("recall", "R", 1, 4),
        Measure("iou", "IoU", 1, 4),
        Measure("miou", "MIoU", 1, 4),
        Measure("ece", "ECE", 1, 4),
    )
}


def in_order(folds: Iterable[str]) -> tuple[str, ...]:
    """Return folds' names as they are counted: ``fold2`` before ``fold10``."""
    return tuple(sorted(folds, key=lambda name: (len(name), name)))


@dataclass(frozen=True)
class Case:
    """What was judged.

    Parameters
    ----------
    name : str
        What a person reads.
    group : str
        The patient; cases of one patient are not independent.
    path : str
        What opens it: a path that MedLab opens.
    fold : str
        Of a cross-validation; empty where there is none.
    series_uid : str
        The project's series; empty where the case comes from files.
    slice_index : int
        On the series' working grid: its first slice, and once it is judged, the one on
        which most voxels are wrong.
    """

    name: str
    group: str
    path: str = ""
    fold: str = ""
    series_uid: str = ""
    slice_index: int = 0


@dataclass(frozen=True)
class Judged:
    """What a network did on one case.

    Parameters
    ----------
    agreement : Agreement
        With the truth.
    ece : float or None
        Expected calibration error, where there were probabilities.
    """

    agreement: Agreement
    ece: float | None = None

    def figure(self, key: str, value: int | None) -> float | None:
        """Return a figure of a class, or with None of the whole case.

        Of the whole case, figures of classes are the mean over the classes that have
        them.
        """
        if key == "ece":
            return self.ece
        if key in ("accuracy", "miou"):
            whole: float | None = getattr(self.agreement, key)
            return whole
        classes = self.agreement.classes
        if value is not None:
            own: float | None = getattr(classes[value], key)
            return own
        known = [v for m in classes.values() if (v := getattr(m, key)) is not None]
        return float(np.mean(known)) if known else None


@dataclass(frozen=True)
class Comparison:
    """Networks on the same cases.

    Parameters
    ----------
    networks : tuple of str
        What people call them.
    cases : tuple of Case
        What they were judged on.
    classes : dict of int to str
        Value and name of each class.
    judged : dict
        ``(network, case name)`` to what came out; every pair is there.
    tolerance_mm : float
        Of the normalised surface distance.
    has_mm : bool
        Whether distances are in mm; else they are in pixels.
    switches : dict of str to tuple of str
        Of each network for the ablation: ``"residual"``, ``"cbam"``, ``"transfer"``.
    rocs : dict
        ``(network, class value)`` to the curve over all voxels of all cases.
    repeats : dict of str to tuple of str
        What was trained more than once, with other seeds: a name for it, to its
        networks.
    """

    networks: tuple[str, ...]
    cases: tuple[Case, ...]
    classes: dict[int, str]
    judged: dict[tuple[str, str], Judged]
    tolerance_mm: float
    has_mm: bool = True
    switches: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rocs: dict[tuple[str, int], Roc] = field(default_factory=dict)
    repeats: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def values(
        self, network: str, key: str, value: int | None = None, fold: str | None = None
    ) -> list[float | None]:
        """Return a figure of each case, in the order of the cases."""
        return [
            self.judged[network, case.name].figure(key, value)
            for case in self.cases
            if fold is None or case.fold == fold
        ]

    def summary(
        self, network: str, key: str, value: int | None = None, fold: str | None = None
    ) -> Summary:
        """Return mean, SD and interval of a figure over the cases."""
        groups = [c.group for c in self.cases if fold is None or c.fold == fold]
        return summarise(self.values(network, key, value, fold), groups)

    @property
    def trainings(self) -> dict[str, tuple[str, ...]]:
        """Return the networks, those that differ in the seed alone under one name."""
        repeated = {n: name for name, own in self.repeats.items() for n in own}
        found: dict[str, tuple[str, ...]] = {}
        for network in self.networks:
            name = repeated.get(network, network)
            found[name] = (*found.get(name, ()), network)
        return found

    def mean_values(self, trainings: Sequence[str], key: str) -> list[float | None]:
        """Return a figure of each case: its mean over the trainings that have it."""
        columns = zip(*(self.values(n, key) for n in trainings), strict=True)
        return [mean_known(column) for column in columns]

    @property
    def folds(self) -> tuple[str, ...]:
        """Folds that the cases belong to, in order; none without cross-validation."""
        return in_order({c.fold for c in self.cases if c.fold})

    def worst_first(self) -> list[tuple[Case, float]]:
        """Return cases by the DSC that the least fitting network has there."""
        scored = []
        for case in self.cases:
            found = [
                self.judged[n, case.name].figure("dsc", None) for n in self.networks
            ]
            known = [v for v in found if v is not None]
            if known:
                scored.append((case, min(known)))
        return sorted(scored, key=lambda row: row[1])
