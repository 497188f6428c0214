"""Classifiers' scores and readers' answers, from CSV files."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

from medlab_gui.commands.contender_names import split_names
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.learning.scored import ScoredCases

__all__ = ["are_scores", "read_patients", "read_readers", "read_scores"]

Row = dict[str, str]


def are_scores(text: str) -> bool:
    """Tell whether what is compared are files of scores.

    Raises
    ------
    InputError
        If some are and some are not.
    """
    kinds = {place.lower().endswith(".csv") for _name, place in split_names(text)}
    if len(kinds) > 1:
        msg = "Compare files of scores (.csv) with each other, or masks and weights."
        raise InputError(msg)
    return kinds == {True}


def _rows(path: Path, needed: tuple[str, ...]) -> list[Row]:
    try:
        # Spreadsheets begin their files with a mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            titles = [t.strip().lower() for t in reader.fieldnames or ()]
            reader.fieldnames = titles
            lacking = [n for n in needed if n not in titles]
            if lacking:
                msg = (
                    f"{path} has no column {', '.join(lacking)}; it has "
                    f"{', '.join(titles) or 'none'}. Its first line must name them."
                )
                raise InputError(msg, path=path)
            rows = [
                {k: (v or "").strip() for k, v in row.items() if isinstance(k, str)}
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path} cannot be read as a table ({error}). Save it as CSV in UTF-8."
        raise InputError(msg, path=path) from error
    if not rows:
        msg = f"{path} has no rows below its titles."
        raise InputError(msg, path=path)
    return rows


def _number(row: Row, column: str, line: int, path: Path) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        msg = f"Line {line} of {path}: {column} is {row[column]!r}, not a number."
        raise InputError(msg, path=path)
    return value


def _one_file(path: Path) -> tuple[dict[str, Row], dict[str, float]]:
    rows: dict[str, Row] = {}
    scores: dict[str, float] = {}
    for line, row in enumerate(_rows(path, ("case", "truth", "score")), start=2):
        case = row["case"]
        if case in rows:
            msg = f"Line {line} of {path}: the case {case!r} is there twice."
            raise InputError(msg, path=path)
        if _number(row, "truth", line, path) not in (0, 1):
            msg = f"Line {line} of {path}: truth is 0 or 1; found {row['truth']!r}."
            raise InputError(msg, path=path)
        score = _number(row, "score", line, path)
        if not 0 <= score <= 1:
            msg = (
                f"Line {line} of {path}: the score {score:g} is no probability from 0 "
                "to 1."
            )
            raise InputError(msg, path=path)
        rows[case], scores[case] = row, score
    return rows, scores


def read_scores(text: str) -> ScoredCases:
    """Return the scores of several networks of the same cases.

    Parameters
    ----------
    text : str
        Lines ``name=file`` (see `split_names`). A file has the columns ``case``,
        ``truth`` (0 or 1) and ``score`` (0 to 1), and may have ``patient``, ``fold``.

    Raises
    ------
    InputError
        If a file is wrong, or they differ in cases, truth, patients or folds.
    """
    import numpy as np

    from medlab_gui.learning.scored import ScoredCases

    first: dict[str, Row] = {}
    first_path = ""
    scores = {}
    for name, place in split_names(text):
        rows, own = _one_file(as_path(place))
        if not first:
            first, first_path = rows, place
        if set(rows) != set(first):
            odd = sorted(set(rows) ^ set(first))
            msg = (
                f"{place} and {first_path} are not about the same cases: only one of "
                f"them has {', '.join(odd[:5])}."
            )
            raise InputError(msg)
        for case, row in rows.items():
            for column in ("truth", "patient", "fold"):
                mine, theirs = row.get(column, ""), first[case].get(column, "")
                if column == "truth":
                    differs = float(mine) != float(theirs)
                else:
                    differs = mine != theirs
                if differs:
                    msg = (
                        f"{place} and {first_path} differ in the {column} of the case "
                        f"{case!r}: {mine!r} and {theirs!r}."
                    )
                    raise InputError(msg)
        scores[name] = np.array([own[case] for case in first], np.float64)
    alone = [case for case, row in first.items() if not row.get("fold")]
    if 0 < len(alone) < len(first):
        msg = (
            f"{first_path} names the folds of some cases only: {', '.join(alone[:5])} "
            "would be in none. Fill the column fold in, or leave it away."
        )
        raise InputError(msg)
    return ScoredCases(
        names=tuple(first),
        truth=np.array([float(r["truth"]) == 1 for r in first.values()]),
        patients=tuple(r.get("patient") or c for c, r in first.items()),
        folds=tuple(r.get("fold", "") for r in first.values()),
        scores=scores,
    )


def read_readers(place: str, cases: ScoredCases) -> dict[str, dict[str, float]]:
    """Return what readers answered: reader to case to answer.

    Parameters
    ----------
    place : str
        A file with the columns ``reader``, ``case`` and ``score``: 0 or 1, or a degree
        of certainty.
    cases : ScoredCases
        What was read.

    Raises
    ------
    InputError
        If the file is wrong or is about other cases.
    """
    path = as_path(place)
    known = set(cases.names)
    found: dict[str, dict[str, float]] = {}
    for line, row in enumerate(_rows(path, ("reader", "case", "score")), start=2):
        if row["case"] not in known:
            msg = (
                f"Line {line} of {path}: no network has a score of the case "
                f"{row['case']!r}."
            )
            raise InputError(msg, path=path)
        answers = found.setdefault(row["reader"], {})
        if row["case"] in answers:
            msg = (
                f"Line {line} of {path}: {row['reader']!r} answers the case "
                f"{row['case']!r} twice."
            )
            raise InputError(msg, path=path)
        answers[row["case"]] = _number(row, "score", line, path)
    return found


def read_patients(place: str) -> dict[str, str]:
    """Return whose each case is: case to patient.

    Parameters
    ----------
    place : str
        A file with the columns ``case`` and ``patient``.

    Raises
    ------
    InputError
        If the file is wrong.
    """
    path = as_path(place)
    found: dict[str, str] = {}
    for line, row in enumerate(_rows(path, ("case", "patient")), start=2):
        case, patient = row["case"], row["patient"]
        if not case or not patient or found.get(case, patient) != patient:
            msg = (
                f"Line {line} of {path}: a case has one patient; found {case!r} of "
                f"{patient!r}."
            )
            raise InputError(msg, path=path)
        found[case] = patient
    return found
