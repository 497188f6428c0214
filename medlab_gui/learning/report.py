"""A comparison as one HTML page that needs nothing else, and as plain files."""

from __future__ import annotations

import base64
import html
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.learning.tables import latex_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medlab_gui.learning.tables import Table

__all__ = ["Panel", "RankedCase", "WorstCase", "page", "report_files"]

_MOST_RANKED = 200

_STYLE = """
:root { --ink: #1c2530; --soft: #5a6572; --line: #d8dde3; --ground: #f4f6f8; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff; line-height: 1.5;
  font-family: "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
header { background: var(--ground); border-bottom: 1px solid var(--line); }
header > div, main { max-width: 90rem; margin: 0 auto; padding: 1rem 2rem; }
h1 { font-size: 1.75rem; margin: .4rem 0; }
h2 { font-size: 1.3rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 0 0 .3rem; }
header p { margin: .2rem 0; overflow-wrap: anywhere; }
nav { margin-top: .6rem; }
nav a { margin-right: 1.4rem; }
a { color: #0a5c8c; }
.notice { color: var(--soft); }
.wide { overflow-x: auto; margin: 1.4rem 0 .3rem; }
table { border-collapse: separate; border-spacing: 0; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .3rem .55rem; text-align: right;
  border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
thead th { background: var(--ground); border-bottom: 2px solid #8894a1;
  vertical-align: bottom; }
tbody th { font-weight: 600; }
tbody tr:nth-child(even) { background: #fafbfc; }
th[scope=row], th:first-child, .words { text-align: left; }
/* What a row is called has room, and stays in sight while the figures scroll. */
th:first-child { min-width: 10rem; position: sticky; left: 0; background: #fff; }
thead th:first-child { background: var(--ground); }
tbody tr:nth-child(even) th { background: #fafbfc; }
th, td.words { white-space: normal; max-width: 26rem; }
th, td.words, h3 { overflow-wrap: break-word; }
.note { font-size: .82rem; color: var(--soft); margin: .2rem 0; max-width: 62rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1.2rem; }
figure { margin: 0; }
figcaption { font-size: .85rem; color: var(--soft); padding-top: .2rem;
  max-width: 20rem; overflow-wrap: break-word; }
svg, img { max-width: 100%; height: auto; display: block; }
.figures figure { border: 1px solid var(--line); border-radius: 6px; padding: .6rem; }
.case { border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem;
  margin: 0 0 1rem; }
.place { font-size: .85rem; margin: .1rem 0 .6rem; overflow-wrap: anywhere; }
.panels { display: flex; flex-wrap: wrap; gap: .8rem; }
.key { border-left: 1rem solid; padding: 0 1.2rem 0 .4rem; }
code { background: var(--ground); padding: .1rem .35rem; border-radius: 3px;
  user-select: all; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 9.5pt; }
  header > div, main { max-width: none; padding: 0; }
  header { background: none; }
  nav { display: none; }
  .wide { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: .2rem .4rem; }
  th:first-child { min-width: 7rem; position: static; }
  .panels figure { flex: 1 1 40mm; max-width: 62mm; }
  h2, h3, caption, .keys { break-after: avoid; }
  tr, figure, .case { break-inside: avoid; }
  a { color: inherit; }
}
"""


@dataclass(frozen=True)
class Panel:
    """A picture of a mask.

    Parameters
    ----------
    caption : str
        Whose mask it is, and how good.
    png : bytes
        The picture.
    """

    caption: str
    png: bytes


@dataclass(frozen=True)
class WorstCase:
    """A case with its pictures.

    Parameters
    ----------
    name : str
        What a person reads, with the slice.
    path : str
        What opens it; empty where nothing does.
    panels : tuple of Panel
        The truth first.
    """

    name: str
    path: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class RankedCase:
    """A case in the list of all.

    Parameters
    ----------
    name, patient : str
        What a person reads.
    path : str
        What opens it; empty where nothing does.
    figures : tuple of str
        One for each network, as it is printed.
    """

    name: str
    patient: str
    path: str
    figures: tuple[str, ...]


def page(
    title: str,
    intro: Sequence[str],
    tables: Sequence[Table],
    figures: Sequence[str],
    worst: Sequence[WorstCase] = (),
    legend: Mapping[str, str] | None = None,
    *,
    ranking: Sequence[RankedCase] = (),
    networks: Sequence[str] = (),
    ranked_by: str = "DSC % (mean over the classes), by the lowest",
) -> str:
    """Return one HTML page with everything in it; it asks for no other file.

    Parameters
    ----------
    title : str
        Of the page.
    intro : sequence of str
        Sentences at the top; the last one is a notice.
    tables : sequence of Table
        In order.
    figures : sequence of str
        SVG.
    worst : sequence of WorstCase
        The worst first.
    legend : mapping of str to str, optional
        Class to its colour in the pictures.
    ranking : sequence of RankedCase
        All cases, the worst first.
    networks : sequence of str
        Whose figures the ranking holds.
    ranked_by : str
        What they are, and in which order.
    """
    parts = {
        "Tables": [f'<div class="wide">{t.to_html()}</div>' for t in tables],
        "Figures": _figures(figures),
        "Cases, the worst first": [*_pictures(worst, legend or {})],
        "All cases": _ranking(ranking, networks, ranked_by),
    }
    used = {name: lines for name, lines in parts.items() if lines}
    links = "".join(
        f'<a href="#part-{n}">{name}</a>' for n, name in enumerate(used, start=1)
    )
    kinds = ["notice" if n == len(intro) - 1 else "" for n in range(len(intro))]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(title)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<header><div><h1>{html.escape(title)}</h1>",
        *(
            f'<p class="{kind}">{html.escape(said)}</p>'
            for kind, said in zip(kinds, intro, strict=True)
        ),
        f"<nav>{links}</nav></div></header>",
        "<main>",
    ]
    for n, (name, own) in enumerate(used.items(), start=1):
        lines += [f'<section id="part-{n}"><h2>{name}</h2>', *own, "</section>"]
    return "\n".join([*lines, "</main></body></html>", ""])


def _figures(figures: Sequence[str]) -> list[str]:
    if not figures:
        return []
    drawn = [f"<figure>{svg}</figure>" for svg in figures]
    return ['<div class="figures">', *drawn, "</div>"]


def _pictures(worst: Sequence[WorstCase], legend: Mapping[str, str]) -> list[str]:
    if not worst:
        return []
    keys = "".join(
        f'<span class="key" style="border-color:{ink}">{html.escape(name)}</span>'
        for name, ink in legend.items()
    )
    return [f'<p class="keys">{keys}</p>', *map(_case, worst)]


def _case(case: WorstCase) -> str:
    lines = ['<div class="case">', f"<h3>{html.escape(case.name)}</h3>"]
    if case.path:
        lines.append(f'<p class="place">{_link(case.path)}</p>')
    lines.append('<div class="panels">')
    for panel in case.panels:
        data = base64.b64encode(panel.png).decode()
        name = html.escape(panel.caption)
        lines.append(
            f'<figure><img alt="{name}" src="data:image/png;base64,{data}">'
            f"<figcaption>{name}</figcaption></figure>"
        )
    return "\n".join([*lines, "</div></div>"])


def _link(path: str) -> str:
    """Return a link to the file, and the line that opens it in MedLab."""
    return f"{_file(path, path)} &nbsp; <code>{html.escape(_command(path))}</code>"


def _command(path: str) -> str:
    """Return what opens it, for a terminal: quoted so that it is one word there."""
    if any(c in path for c in '"$`!'):  # a shell would read these within "..."
        return f"medlab {shlex.quote(path)}"
    return f'medlab "{path}"'


def _file(path: str, said: str) -> str:
    place = Path(path)
    if not place.is_absolute():
        return html.escape(said)
    return f'<a href="{html.escape(place.as_uri())}">{html.escape(said)}</a>'


def _ranking(
    ranking: Sequence[RankedCase], networks: Sequence[str], ranked_by: str
) -> list[str]:
    """Return the list of all cases as a table whose names are links."""
    if not ranking:
        return []
    whose = any(case.patient not in ("", case.name) for case in ranking)
    head = "".join(
        f'<th scope="col"{kind}>{html.escape(title)}</th>'
        for title, kind in (
            ("Case", ""),
            *([("Patient", ' class="words"')] if whose else []),
            *((network, "") for network in networks),
        )
    )
    rows = []
    for case in ranking[:_MOST_RANKED]:
        patient = f'<td class="words">{html.escape(case.patient)}</td>' * whose
        cells = "".join(f"<td>{html.escape(v)}</td>" for v in case.figures)
        name = _file(case.path, case.name) if case.path else html.escape(case.name)
        rows.append(f'<tr><th scope="row">{name}</th>{patient}{cells}</tr>')
    lines = [
        f'<div class="wide"><table><caption>{html.escape(ranked_by)}</caption>',
        f"<thead><tr>{head}</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody></table></div>",
    ]
    more = len(ranking) - _MOST_RANKED
    if more > 0:
        lines.append(f'<p class="note">And {more:,} more: see cases.csv.</p>')
    return lines


def report_files(
    html_page: str, tables: Sequence[Table], cases: Table, figures: dict[str, str]
) -> dict[str, str]:
    """Return the files of a report: name to text.

    Parameters
    ----------
    html_page : str
        What `page` returned.
    tables : sequence of Table
        Each becomes a CSV of its own; all are in ``tables.txt`` and ``tables.tex``.
    cases : Table
        Every case: ``cases.csv``.
    figures : dict of str to str
        Name to SVG.
    """
    files = {
        "report.html": html_page,
        "tables.txt": "\n\n".join(t.to_text() for t in tables) + "\n",
        "tables.tex": latex_file(tables),
        "cases.csv": cases.to_csv(),
    }
    files |= {f"{table.label}.csv": table.to_csv() for table in tables}
    return files | {f"{name}.svg": svg for name, svg in figures.items()}
