"""One table, written as text, CSV, LaTeX and HTML."""

from __future__ import annotations

import csv
import html
import io
import math
import re
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MISSING", "Table", "latex_escape", "latex_file"]

MISSING = "–"
"""What stands where a figure is not defined."""

_SHORTEST_NOTE = 80
"""Notes of a narrow table are lines of so many letters in a terminal."""

_DIGIT_PT, _GAP_PT = 5.0, 12.0
"""Of a figure and between columns, at LaTeX's usual 10 pt."""

_TEXT_PT, _LYING_PT = 345.0, 550.0
"""Width of LaTeX's text, and of a page that lies on its side."""

_LEAST_SCALE = 0.7
"""A table that would have to be made smaller than that is put on its side."""

_SMALL, _SMALL_LINES = 0.85, 32
"""Size of footnotes, and as many lines of it as a page on its side has room for."""

_BEYOND_LATIN = 0x180
"""The first letter that LaTeX's usual fonts do not have."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "✓": r"\checkmark{}",
    "−": "$-$",
    "≤": r"$\le$",
    "<": r"$<$",
    ">": r"$>$",
    "…": r"\dots{}",
    "→": r"$\to$",
    "|": r"\textbar{}",  # a dash in LaTeX's oldest fonts
    "\n": " ",
    # After the end of a row LaTeX takes these for its own, also on the next line.
    "[": "{[}",
    "*": "{*}",
}

_NEGATIVE = re.compile(r"(?<![\w.)\]-])-(?=\d)")
"""A hyphen that is a minus: before a figure, and after nothing that it could join."""


def latex_escape(text: str) -> str:
    """Return text that LaTeX prints as it is."""
    text = _NEGATIVE.sub("−", text)
    return "".join(_LATEX.get(c, c) for c in text)


def latex_file(tables: Iterable[Table]) -> str:
    r"""Return tables for LaTeX's ``\input``, with what they need as comments above."""
    body = "\n".join(table.to_latex() for table in tables)
    needs = "% needs \\usepackage{booktabs,amssymb,graphicx,rotating}\n"
    if any(ord(c) >= _BEYOND_LATIN for c in body):
        needs += (
            "% and, for letters other than Latin ones, LuaLaTeX or XeLaTeX with a font "
            "that has\n% them (of Chinese: \\usepackage{ctex}); pdfLaTeX leaves them "
            "out with an error\n"
        )
    return needs + body


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


@dataclass(frozen=True)
class Table:
    r"""Rows of words and figures, ready to be printed.

    Parameters
    ----------
    title : str
        What stands above.
    head : tuple of str
        Titles of the columns; the first column holds names.
    rows : tuple of tuple of str
        As many cells each as ``head``.
    notes : tuple of str
        Sentences below.
    label : str
        Name of the table in file names and for LaTeX's ``\ref``.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    label: str = "table"

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            msg = f"A row of the table {self.title!r} has not {len(self.head)} cells."
            raise ValueError(msg)

    def to_text(self) -> str:
        """Return it for a terminal, in columns."""
        lines = (self.head, *self.rows)
        widths = [max(_width(line[n]) for line in lines) for n in range(len(self.head))]
        printed = []
        for line in lines:
            cells = [
                " " * (w - _width(c)) + c if n else c + " " * (w - _width(c))
                for n, (c, w) in enumerate(zip(line, widths, strict=True))
            ]
            printed.append("  ".join(cells).rstrip())
        room = max(map(_width, printed))
        rule = "-" * room
        notes = [
            line
            for note in self.notes
            for line in textwrap.wrap(note, max(room, _SHORTEST_NOTE))
        ]
        return "\n".join(
            [self.title, rule, printed[0], rule, *printed[1:], rule, *notes]
        )

    def to_csv(self) -> str:
        """Return it as comma-separated values, titles first."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows(self.rows)
        return file.getvalue()

    def to_latex(self) -> str:
        """Return it as a floating ``table``, no wider than the text.

        One that is much wider lies on its side, its columns in as many blocks below
        one another as there is room for. Needs booktabs, graphicx, rotating, and
        amssymb for ticks.
        """
        blocks, lies = self._blocks()
        kind = "sidewaystable" if lies else "table"
        place = "" if lies else "[tb]"
        said = latex_escape(" ".join(self.notes))
        notes = [
            r"\par\smallskip",
            rf"\parbox{{\linewidth}}{{\footnotesize {said}}}",
        ] * bool(self.notes)
        gap = r"\par\medskip"
        parts = [line for block in blocks for line in (gap, *self._tabular(block))]
        size = [r"\footnotesize"] * lies
        return "\n".join(
            [
                rf"\begin{{{kind}}}{place}",
                r"\centering",
                rf"\caption{{{latex_escape(self.title)}}}",
                rf"\label{{tab:{self.label}}}",
                *size,
                *parts[1:],
                *notes,
                rf"\end{{{kind}}}",
                "",
            ]
        )

    def _tabular(self, columns: list[int]) -> list[str]:
        """Return the lines of some columns in LaTeX."""
        head, *rows = (
            " & ".join(latex_escape(line[n]) for n in columns) + r" \\"
            for line in (self.head, *self.rows)
        )
        return [
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
            *(r"\toprule", head, r"\midrule", *rows, r"\bottomrule"),
            r"\end{tabular}}",
        ]

    def _blocks(self) -> tuple[list[list[int]], bool]:
        """Return the columns of each block for LaTeX, and whether they lie.

        The first column, which names the rows, is in every block.
        """
        every = [*range(len(self.head))]
        lines = (self.head, *self.rows)
        widths = [_DIGIT_PT * max(_width(r[n]) for r in lines) + _GAP_PT for n in every]
        if sum(widths) * _LEAST_SCALE <= _TEXT_PT:
            return [every], False
        first, *others = (_SMALL * width for width in widths)
        wanted = math.ceil(sum(others) / max(_LYING_PT - first, *others))
        # Titles, rules and the gap between blocks take about two lines.
        n_blocks = max(1, min(wanted, _SMALL_LINES // (len(self.rows) + 2)))
        blocks: list[list[int]] = [[0] for _ in range(n_blocks)]
        before = 0.0
        for n, width in enumerate(others, start=1):
            share = (before + width / 2) / sum(others)
            blocks[int(share * n_blocks)].append(n)
            before += width
        return [block for block in blocks if len(block) > 1], True

    def to_html(self) -> str:
        """Return it as a ``table`` with its notes."""
        head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in self.head)
        rows = "\n".join(
            "<tr>"
            + "".join(
                f'<th scope="row">{html.escape(c)}</th>'
                if n == 0
                else f"<td>{html.escape(_NEGATIVE.sub('−', c))}</td>"
                for n, c in enumerate(row)
            )
            + "</tr>"
            for row in self.rows
        )
        notes = "".join(f'<p class="note">{html.escape(n)}</p>' for n in self.notes)
        return (
            f"<table><caption>{html.escape(self.title)}</caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>\n{notes}"
        )
