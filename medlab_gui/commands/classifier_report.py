"""Classifiers compared: tables, ROC curves with readers, every case."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from medlab_gui import __version__
from medlab_gui.commands.compared_networks import networks_table
from medlab_gui.commands.report_files import NOT_CLINICAL, write_report
from medlab_gui.commands.score_files import read_readers
from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.commands.contenders import Contender
    from medlab_gui.commands.evaluate import EvaluateParams
    from medlab_gui.learning.report import RankedCase
    from medlab_gui.learning.roc import Roc
    from medlab_gui.learning.scored import ClassifiedCases, ScoredCases
    from medlab_gui.learning.tables import Table

__all__ = ["compare_classifiers"]


def compare_classifiers(
    params: EvaluateParams,
    folder: Path,
    cases: ScoredCases | ClassifiedCases,
    networks: Sequence[Contender] = (),
) -> dict[str, Any]:
    """Write the report of classifiers into a folder.

    Parameters
    ----------
    params : EvaluateParams
        The wish; its readers go on the ROC plot.
    folder : Path
        Where to.
    cases : ScoredCases or ClassifiedCases
        Truth, and what each network says.
    networks : sequence of Contender
        The weights behind it; none of files of scores.

    Raises
    ------
    InputError
        If something is asked that only masks have, or readers answered about one class
        and the networks about several.
    """
    from medlab_gui.learning.report import page
    from medlab_gui.learning.scored import ClassifiedCases

    if params.ablation or params.images or params.names:
        msg = "Classifiers are compared without --images, --names and --ablation."
        raise InputError(msg)
    if not cases.names:
        msg = "There is no case to judge: no slice has a class."
        raise InputError(msg)
    notes = [*cases.notes] if isinstance(cases, ClassifiedCases) else []
    ranked, every_network = _ranked(cases), _networks(cases)
    ranking = [case for case, _opened in ranked]
    if isinstance(cases, ClassifiedCases) and len(cases.classes) == 2:
        cases = cases.against_all(1)
    if isinstance(cases, ClassifiedCases):
        tables, figures, auc = _several_classes(params, cases)
        every = _every_answer(cases)
    else:
        tables, figures, auc = _one_class(params, cases)
        every = _every_score(cases)
    compared = networks_table(networks) if networks else None
    if compared is not None:
        tables.append(compared)
    stamp = f"Made by MedLab {__version__} on {datetime.now():%Y-%m-%d %H:%M}."
    html_page = page(
        "Classifiers compared",
        [stamp, *notes, NOT_CLINICAL],
        tables,
        list(figures.values()),
        ranking=ranking,
        networks=every_network,
        ranked_by="Probability of the true class, the lowest first",
    )
    return {
        "output": str(folder),
        "files": write_report(folder, html_page, tables, every, figures),
        "auc": auc,
        "n_cases": len(cases.names),
        "notes": notes,
        "worst": [opened for _case, opened in ranked],
        "tables": [table.to_text() for table in tables],
    }


def _networks(cases: ScoredCases | ClassifiedCases) -> tuple[str, ...]:
    from medlab_gui.learning.scored import ClassifiedCases

    return tuple(cases.probs if isinstance(cases, ClassifiedCases) else cases.scores)


def _ranked(
    cases: ScoredCases | ClassifiedCases,
) -> list[tuple[RankedCase, dict[str, Any]]]:
    """Return all cases, that of which a network is least right first.

    Each is as the page shows it, and as the window opens it: its file, or its series
    and slice, and the lowest probability that a network gives its true class.
    """
    from medlab_gui.learning.report import RankedCase
    from medlab_gui.learning.scored import CasePlace, ClassifiedCases

    if isinstance(cases, ClassifiedCases):
        at = range(len(cases.names)), cases.truth
        right = [probs[at] for probs in cases.probs.values()]
    else:
        right = [abs(1 - cases.truth - score) for score in cases.scores.values()]
    places = cases.places if isinstance(cases, ClassifiedCases) else ()
    found = []
    for n, (name, patient) in enumerate(zip(cases.names, cases.patients, strict=True)):
        own = [float(one[n]) for one in right]
        place = places[n] if places else CasePlace()
        shown = tuple(f"{value:.4f}" for value in own)
        opened = {"case": name, **asdict(place), "probability": min(own)}
        found.append((RankedCase(name, patient, place.path, shown), opened))
    return sorted(found, key=lambda row: row[1]["probability"])


def _curves(cases: ScoredCases) -> dict[str, Roc]:
    from medlab_gui.learning.roc import roc

    return {
        name: curve
        for name, score in cases.scores.items()
        if (curve := roc(cases.truth, score)) is not None
    }


def _one_class(
    params: EvaluateParams, cases: ScoredCases
) -> tuple[list[Table], dict[str, str], dict[str, Any]]:
    """Return tables, figures and each network's AUC."""
    from medlab_gui.learning.figures import roc_plot
    from medlab_gui.learning.scored import (
        reader_of,
        readers_table,
        scored_tables,
    )

    answers = read_readers(params.readers, cases) if params.readers else {}
    readers = [reader_of(cases, name, own) for name, own in answers.items()]
    curves = _curves(cases)
    title = f"{cases.positive}: ROC" if cases.positive else "ROC"
    figures = {"roc": roc_plot(curves, title, readers)} if curves else {}
    auc = {name: curve.auc for name, curve in curves.items()}
    tables = scored_tables(cases)
    if answers:
        tables.insert(1, readers_table(cases, answers))
    return tables, figures, auc


def _several_classes(
    params: EvaluateParams, cases: ClassifiedCases
) -> tuple[list[Table], dict[str, str], dict[str, Any]]:
    """Return tables, a figure for each class, and each network's AUC by class."""
    from medlab_gui.learning.figures import roc_plot
    from medlab_gui.learning.scored import classified_tables

    if params.readers:
        msg = (
            "Readers' answers are of one class against none, but these weights tell "
            f"{len(cases.classes)} apart ({', '.join(cases.classes)}): leave --readers "
            "out."
        )
        raise InputError(msg)
    figures = {}
    auc: dict[str, dict[str, float]] = {name: {} for name in cases.probs}
    for value, title in enumerate(cases.classes):
        curves = _curves(cases.against_all(value))
        if curves:
            said = f"{title} against all others: ROC"
            figures[f"roc-class-{value}"] = roc_plot(curves, said)
        for name, curve in curves.items():
            auc[name][title] = curve.auc
    return classified_tables(cases), figures, auc


def _every_score(cases: ScoredCases) -> Table:
    from medlab_gui.learning.tables import Table

    rows = tuple(
        (
            *(case, cases.patients[n], cases.folds[n], str(int(cases.truth[n]))),
            *(repr(float(score[n])) for score in cases.scores.values()),
        )
        for n, case in enumerate(cases.names)
    )
    head = ("case", "patient", "fold", "truth", *cases.scores)
    return Table("Every case", head, rows)


def _every_answer(cases: ClassifiedCases) -> Table:
    from medlab_gui.learning.tables import Table

    rows = tuple(
        (
            *(case, cases.patients[n], cases.folds[n]),
            cases.classes[int(cases.truth[n])],
            *(
                repr(float(value))
                for probs in cases.probs.values()
                for value in probs[n]
            ),
        )
        for n, case in enumerate(cases.names)
    )
    columns = [f"{name}: {c}" for name in cases.probs for c in cases.classes]
    head = ("case", "patient", "fold", "truth", *columns)
    return Table("Every case", head, rows)
