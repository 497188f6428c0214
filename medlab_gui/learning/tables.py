"""One table, written as text, CSV, LaTeX and HTML."""

from __future__ import annotations

import csv
import html
import io
import unicodedata
from dataclasses import dataclass

__all__ = ["MISSING", "Table", "latex_escape"]

MISSING = "–"
"""What stands where a figure is not defined."""

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
    "\n": " ",
    # After the end of a row LaTeX takes these for its own, also on the next line.
    "[": "{[}",
    "*": "{*}",
}


def latex_escape(text: str) -> str:
    """Return text that LaTeX prints as it is."""
    return "".join(_LATEX.get(c, c) for c in text)


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
        rule = "-" * max(map(_width, printed))
        return "\n".join(
            [self.title, rule, printed[0], rule, *printed[1:], rule, *self.notes]
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

        Needs booktabs, graphicx, and amssymb for ticks.
        """
        columns = "l" + "r" * (len(self.head) - 1)
        rows = [" & ".join(map(latex_escape, row)) + r" \\" for row in self.rows]
        said = latex_escape(" ".join(self.notes))
        notes = [
            r"\par\smallskip",
            rf"\parbox{{\linewidth}}{{\footnotesize {said}}}",
        ] * bool(self.notes)
        return "\n".join(
            [
                r"\begin{table}[tb]",
                r"\centering",
                rf"\caption{{{latex_escape(self.title)}}}",
                rf"\label{{tab:{self.label}}}",
                r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                " & ".join(map(latex_escape, self.head)) + r" \\",
                r"\midrule",
                *rows,
                r"\bottomrule",
                r"\end{tabular}}",
                *notes,
                r"\end{table}",
                "",
            ]
        )

    def to_html(self) -> str:
        """Return it as a ``table`` with its notes."""
        head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in self.head)
        rows = "\n".join(
            "<tr>"
            + "".join(
                f'<th scope="row">{html.escape(c)}</th>'
                if n == 0
                else f"<td>{html.escape(c)}</td>"
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
