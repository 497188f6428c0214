"""Write a comparison down: tables as text, CSV and LaTeX, figures, one HTML page."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from medlab_gui import __version__
from medlab_gui.commands.classifier_report import compare_classifiers
from medlab_gui.commands.compared_cases import gather
from medlab_gui.commands.compared_networks import networks_table
from medlab_gui.commands.comparison import compare_masks
from medlab_gui.commands.contender_names import split_names
from medlab_gui.commands.contenders import Folds, Masks, check_ablation
from medlab_gui.commands.loaded_cases import Cases
from medlab_gui.commands.outputs import make_folder
from medlab_gui.commands.report_files import NOT_CLINICAL, write_report
from medlab_gui.commands.score_files import (
    are_scores,
    read_patients,
    read_scores,
)
from medlab_gui.commands.values import as_path, parse_class_map
from medlab_gui.core.errors import InputError, MedlabError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.contenders import Contender
    from medlab_gui.commands.evaluate import EvaluateParams
    from medlab_gui.learning.comparison import Comparison
    from medlab_gui.learning.report import RankedCase

__all__ = ["compare", "comparison_text"]

_log = logging.getLogger(__name__)


def compare(params: EvaluateParams, ctx: Context) -> dict[str, Any]:
    """Judge networks on the same cases and write the report into a folder."""
    if not params.output:
        msg = "Name a folder for the report with --output."
        raise InputError(msg)
    folder = as_path(params.output)
    _keep_apart(folder, params)
    is_ours = make_folder(folder)
    try:
        return _compared(params, folder, ctx)
    except BaseException:
        if is_ours:  # cancelled or refused: nothing was asked to be left
            with suppress(OSError):
                folder.rmdir()
        raise


def _compared(params: EvaluateParams, folder: Path, ctx: Context) -> dict[str, Any]:
    if are_scores(params.compare):
        if params.truth or params.patients or params.map_truth:
            msg = (
                "Files of scores come with truth and patients; leave --truth, "
                "--map-truth and --patients out."
            )
            raise InputError(msg)
        return compare_classifiers(params, folder, read_scores(params.compare))
    maps = (params.map_truth, params.map_prediction)
    patients = read_patients(params.patients) if params.patients else {}
    networks, cases = gather(
        params.compare, params.truth, params.images, maps, patients, ctx
    )
    if not isinstance(cases, Cases):
        return compare_classifiers(params, folder, cases, networks)
    if params.readers:
        msg = "--readers goes with classifiers or files of scores (.csv)."
        raise InputError(msg)
    if params.ablation:
        check_ablation(networks)
    names = _class_names(params.names)
    comparison, worst = compare_masks(networks, cases, params.tolerance, names, ctx)

    from medlab_gui.learning.comparison_tables import cases_table, comparison_tables
    from medlab_gui.learning.pictures import class_colour
    from medlab_gui.learning.report import page

    if not comparison.classes:
        msg = "No mask holds a class: all are background everywhere."
        raise InputError(msg)
    tables = comparison_tables(comparison, ablation=params.ablation)
    compared = networks_table(networks)
    if compared is not None:
        tables.append(compared)
    figures = _figures(comparison) | _while_learning(networks)
    stamp, not_clinical = _intro(comparison)
    intro = [stamp, *cases.notes, not_clinical]
    legend = {name: class_colour(v) for v, name in comparison.classes.items()}
    html_page = page(
        "Networks compared",
        intro,
        tables,
        list(figures.values()),
        worst,
        legend,
        ranking=_ranking(comparison),
        networks=comparison.networks,
    )
    written = write_report(folder, html_page, tables, cases_table(comparison), figures)
    return {
        "output": str(folder),
        "files": written,
        "networks": _summaries(comparison),
        "n_cases": len(comparison.cases),
        "notes": [*cases.notes],
        "worst": [
            {
                "case": case.name,
                "path": case.path,
                "series_uid": case.series_uid,
                "slice_index": case.slice_index,
                "dsc": score,
            }
            for case, score in comparison.worst_first()
        ],
        "tables": [table.to_text() for table in tables],
    }


def _keep_apart(folder: Path, params: EvaluateParams) -> None:
    """Refuse to write among the files that are read."""
    places = [place for _name, place in split_names(params.compare)]
    for place in (*places, params.truth, params.images):
        if place and as_path(place).absolute() == folder.absolute():
            msg = f"{folder} is what is compared; name another folder for the report."
            raise InputError(msg, path=folder)


def _class_names(text: str) -> dict[int, str]:
    wrong = InputError(
        f"--names gives classes their names, e.g. Liver=1,Spleen=2; found {text!r}."
    )
    try:
        named = parse_class_map(text) or {}
    except InputError as error:
        raise wrong from error
    if any(isinstance(name, int) for name in named):
        raise wrong
    return {value: str(name) for name, value in named.items()}


def _intro(comparison: Comparison) -> list[str]:
    n = len(comparison.cases)
    unit = (
        "Distances are in mm."
        if comparison.has_mm
        else "The masks have no pixel size: distances are in pixels."
    )
    return [
        f"{', '.join(comparison.networks)}; {n} case{'s' * (n != 1)}; made by MedLab "
        f"{__version__} on {datetime.now():%Y-%m-%d %H:%M}. {unit}",
        NOT_CLINICAL,
    ]


def _ranking(comparison: Comparison) -> list[RankedCase]:
    from medlab_gui.learning.comparison import MEASURES
    from medlab_gui.learning.report import RankedCase

    return [
        RankedCase(
            case.name,
            case.group,
            case.path,
            tuple(
                MEASURES["dsc"].shown(
                    comparison.judged[network, case.name].figure("dsc", None)
                )
                for network in comparison.networks
            ),
        )
        for case, _lowest in comparison.worst_first()
    ]


def _figures(comparison: Comparison) -> dict[str, str]:
    from medlab_gui.learning.comparison import MEASURES
    from medlab_gui.learning.figures import box_plot, roc_plot

    figures = {}
    unit = "mm" if comparison.has_mm else "px"
    for value, name in comparison.classes.items():
        for key, axis in (("dsc", "DSC %"), ("hd95_mm", f"HD95 {unit}")):
            factor = MEASURES[key].factor
            boxes = {
                network: [
                    factor * v
                    for v in comparison.values(network, key, value)
                    if v is not None
                ]
                for network in comparison.networks
            }
            title = f"{name}: {axis.split()[0]}"
            figures[f"{key.removesuffix('_mm')}-class-{value}"] = box_plot(
                boxes, title, axis
            )
        curves = {
            network: comparison.rocs[network, value]
            for network in comparison.networks
            if (network, value) in comparison.rocs
        }
        if curves:
            figures[f"roc-class-{value}"] = roc_plot(curves, f"{name}: ROC of voxels")
    return figures


def _while_learning(networks: Sequence[Contender]) -> dict[str, str]:
    """Return what networks said of kept slices while they learned, as the papers show.

    Of a cross-validation its first fold is shown: the slices of the others are not the
    same.
    """
    from medlab_gui.learning.kept_figure import kept_figure

    figures = {}
    for n, network in enumerate(networks, start=1):
        if isinstance(network, Masks):
            continue
        one = (
            next(iter(network.folds.values()))
            if isinstance(network, Folds)
            else network
        )
        if one.run is None:
            continue
        title = f"{network.name}: predictions while it learned"
        try:
            svg = kept_figure(one.run, title)
        except MedlabError as error:
            _log.warning("No figure of how %s learned: %s", network.name, error)
            continue
        if svg:
            figures[f"kept-{n}"] = svg
    return figures


def _summaries(comparison: Comparison) -> dict[str, Any]:
    from medlab_gui.learning.comparison import MEASURES

    whole = ("accuracy", "miou", "ece")
    return {
        network: {
            "overall": {
                key: comparison.summary(network, key).to_dict()
                for key in (*whole, "dsc", "precision", "recall")
            },
            "classes": {
                str(value): {
                    "name": name,
                    **{
                        key: comparison.summary(network, key, value).to_dict()
                        for key in MEASURES
                        if key not in whole
                    },
                }
                for value, name in comparison.classes.items()
            },
            "auc": {
                str(value): comparison.rocs[network, value].auc
                for value in comparison.classes
                if (network, value) in comparison.rocs
            },
        }
        for network in comparison.networks
    }


def comparison_text(result: dict[str, Any]) -> str:
    """Say it in words: the tables, and where the report is."""
    return "\n\n".join(
        [
            *result["tables"],
            *result["notes"],
            f"The report is {result['output']}/report.html.",
        ]
    )
