"""Judge networks on the same cases, one case in memory at a time."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

from medlab_gui.commands.contenders import Contender, Masks, repeats
from medlab_gui.core.errors import InputError
from medlab_gui.core.labels import IGNORE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.loaded_cases import Answer, Cases, LoadedCase
    from medlab_gui.learning.comparison import Case, Comparison, Judged
    from medlab_gui.learning.report import WorstCase
    from medlab_gui.learning.roc import VoxelScores

__all__ = ["compare_masks"]

N_PICTURES = 8
"""So many of the worst cases are shown with pictures."""


def compare_masks(
    networks: list[Contender],
    cases: Cases,
    tolerance_mm: float,
    names: dict[int, str],
    ctx: Context,
) -> tuple[Comparison, list[WorstCase]]:
    """Judge every network on every case, one case in memory at a time.

    Parameters
    ----------
    networks : list of Contender
        What is compared.
    cases : Cases
        On what.
    tolerance_mm : float
        For the normalised surface distance.
    names : dict of int to str
        What classes are called, where weights do not say.
    ctx : Context
        Progress and cancellation.

    Returns
    -------
    comparison : Comparison
        All figures.
    worst : list of WorstCase
        The worst cases with pictures, the worst first.
    """
    from medlab_gui.learning.comparison import Comparison, Judged
    from medlab_gui.learning.metrics import mask_metrics
    from medlab_gui.learning.pictures import worst_slice
    from medlab_gui.learning.roc import VoxelScores

    known = {
        c.value: c.name
        for n in networks
        if not isinstance(n, Masks)
        for c in n.meta.scheme.classes
    }
    judged: dict[tuple[str, str], Judged] = {}
    scores: dict[tuple[str, int], VoxelScores] = {}
    seen: list[Case] = []
    kept: list[tuple[float, int, WorstCase]] = []
    has_mm = True
    for n, loaded in enumerate(cases.each):
        ctx.progress(n, cases.n, f"Judging {loaded.case.name}")
        errors = {}
        for answer in loaded.answers:
            loaded.found[answer.name] = answer.labels
            gathered = {
                value: scores.setdefault((answer.name, value), VoxelScores())
                for value in known
            }
            errors[answer.name] = _gather(answer, loaded.truth, gathered)
            del answer  # a gigabyte, and the next one is about to be made
        # As they were named, for the pictures too.
        loaded.found = {n.name: loaded.found[n.name] for n in networks}
        values = _values(loaded, known)
        for name, mask in loaded.found.items():
            agreement = mask_metrics(
                mask, loaded.truth, loaded.steps_mm, values, tolerance_mm=tolerance_mm
            )
            judged[name, loaded.case.name] = Judged(agreement, errors.get(name))
        k = worst_slice(loaded.truth, list(loaded.found.values()))
        # There a person looks first.
        case = replace(loaded.case, slice_index=loaded.case.slice_index + k)
        seen.append(case)
        has_mm = has_mm and loaded.has_mm
        _keep_worst(kept, n, loaded, judged, k)
    ctx.progress(cases.n, cases.n, "Writing")
    every = sorted({v for j in judged.values() for v in j.agreement.classes})
    judged = {k: _filled(j, every) for k, j in judged.items()}
    curves = {k: c for k, s in scores.items() if (c := s.roc()) is not None}
    comparison = Comparison(
        networks=tuple(n.name for n in networks),
        cases=tuple(seen),
        classes={v: known.get(v) or names.get(v) or f"Class {v}" for v in every},
        judged=judged,
        tolerance_mm=tolerance_mm,
        has_mm=has_mm,
        switches={n.name: s for n in networks if (s := n.switches) is not None},
        rocs=curves,
        repeats=repeats(networks),
    )
    return comparison, [w for _s, _n, w in sorted(kept, key=lambda row: -row[0])]


def _values(loaded: LoadedCase, names: dict[int, str]) -> list[int]:
    import numpy as np

    masks = (loaded.truth, *loaded.found.values())
    present = {int(v) for mask in masks for v in np.unique(mask)} - {0, IGNORE}
    strange = present - set(names)
    if names and strange:
        known = ", ".join(f"{v} {n}" for v, n in names.items())
        msg = (
            f"The case {loaded.case.name!r} holds the values "
            f"{', '.join(map(str, sorted(strange)))}, which are no classes of the "
            f"weights ({known}). Translate them with --map-truth or --map-prediction."
        )
        raise InputError(msg)
    return sorted(present | set(names))


def _gather(
    answer: Answer, truth: NDArray[np.uint8], scores: dict[int, VoxelScores]
) -> float | None:
    """Count a case's probabilities by class; return its calibration error."""
    from medlab_gui.learning.calibration import Calibration

    calibration = Calibration()
    for k, true in enumerate(truth):  # by the slice: counting makes eight bytes of two
        counts = true != IGNORE
        probs = answer.probs[:, k]
        right = (answer.labels[k] == true)[counts]
        calibration.add(probs.max(axis=0)[counts], right)
        for value, gathered in scores.items():
            gathered.add((true == value)[counts], probs[value][counts])
    return calibration.error


def _filled(judged: Judged, values: list[int]) -> Judged:
    """Return it with the classes of other cases, which it has none of."""
    from medlab_gui.learning.metrics import NOTHING

    agreement = judged.agreement
    classes = {v: agreement.classes.get(v, NOTHING) for v in values}
    return replace(judged, agreement=replace(agreement, classes=classes))


def _keep_worst(
    kept: list[tuple[float, int, WorstCase]],
    n: int,
    loaded: LoadedCase,
    judged: dict[tuple[str, str], Judged],
    k: int,
) -> None:
    """Draw slice k of a case if it is among the worst so far."""
    from medlab_gui.learning.pictures import overlays
    from medlab_gui.learning.report import Panel, WorstCase

    name = loaded.case.name
    found = {one: judged[one, name].figure("dsc", None) for one in loaded.found}
    known = [v for v in found.values() if v is not None]
    if not known:
        return
    # A heap with the best on top, which makes room.
    rank = -min(known)
    if len(kept) == N_PICTURES and rank <= kept[0][0]:
        return
    masks = [loaded.truth[k], *(m[k] for m in loaded.found.values())]
    image = None if loaded.image is None else loaded.image[k]
    drawn = overlays(image, masks, loaded.spacing[1:], loaded.is_ct)
    captions = ["truth"] + [
        own if v is None else f"{own}: DSC {100 * v:.1f} %" for own, v in found.items()
    ]
    panels = tuple(Panel(c, p) for c, p in zip(captions, drawn, strict=True))
    number = loaded.first_slice + k
    case = WorstCase(f"{name}: picture of slice {number}", loaded.case.path, panels)
    entry = (rank, -n, case)
    if len(kept) < N_PICTURES:
        heapq.heappush(kept, entry)
    else:
        heapq.heapreplace(kept, entry)
