"""A comparison as one HTML page that needs nothing else, and as plain files."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medlab_gui.learning.tables import Table

__all__ = ["Panel", "WorstCase", "page", "report_files"]

_STYLE = """
body { font-family: sans-serif; margin: 2em auto; max-width: 72em; color: #222; }
table { border-collapse: collapse; margin: 1.5em 0 .3em; }
caption { text-align: left; font-weight: bold; padding: .3em 0; }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd; }
th[scope=row], thead th:first-child { text-align: left; }
thead th { border-bottom: 2px solid #444; }
.note { font-size: .85em; color: #555; margin: .2em 0; max-width: 60em; }
.figures { display: flex; flex-wrap: wrap; gap: 1em; }
figure svg { max-width: 100%; height: auto; }
figure { margin: .5em 0; } figcaption { font-size: .85em; }
.case { border-top: 1px solid #ccc; padding: .8em 0; }
.panels { display: flex; flex-wrap: wrap; gap: .6em; }
.key { border-left: 1em solid; padding: 0 1.2em 0 .4em; }
code { background: #f2f2f2; padding: .1em .3em; user-select: all; }
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


def page(
    title: str,
    intro: Sequence[str],
    tables: Sequence[Table],
    figures: Sequence[str],
    worst: Sequence[WorstCase],
    legend: Mapping[str, str] | None = None,
) -> str:
    """Return one HTML page with everything in it; it asks for no other file.

    Parameters
    ----------
    title : str
        Of the page.
    intro : sequence of str
        Sentences at the top.
    tables : sequence of Table
        In order.
    figures : sequence of str
        SVG.
    worst : sequence of WorstCase
        The worst first.
    legend : mapping of str to str, optional
        Class to its colour in the pictures.
    """
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{html.escape(title)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in intro),
        *(table.to_html() for table in tables),
    ]
    if figures:
        parts += ["<h2>Figures</h2>", '<div class="figures">']
        parts += [f"<figure>{svg}</figure>" for svg in figures]
        parts.append("</div>")
    if worst:
        parts.append("<h2>Cases, the worst first</h2>")
        keys = "".join(
            f'<span class="key" style="border-color:{ink}">{html.escape(name)}</span>'
            for name, ink in (legend or {}).items()
        )
        parts.append(f"<p>{keys}</p>")
        parts += [_case(case) for case in worst]
    return "\n".join([*parts, "</body></html>", ""])


def _case(case: WorstCase) -> str:
    lines = ['<div class="case">', f"<h3>{html.escape(case.name)}</h3>"]
    if case.path:
        lines.append(f"<p>{_link(case.path)}</p>")
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
    quoted = html.escape(f'medlab "{path}"')
    place = Path(path)
    if not place.is_absolute():
        return f"<code>{quoted}</code>"
    uri = html.escape(place.as_uri())
    return f'<a href="{uri}">{html.escape(path)}</a> &nbsp; <code>{quoted}</code>'


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
        "tables.tex": "% needs \\usepackage{booktabs,amssymb}\n"
        + "\n".join(t.to_latex() for t in tables),
        "cases.csv": cases.to_csv(),
    }
    files |= {f"{table.label}.csv": table.to_csv() for table in tables}
    return files | {f"{name}.svg": svg for name, svg in figures.items()}
