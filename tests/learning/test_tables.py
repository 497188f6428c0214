from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as ET

import pytest

from medlab_gui.learning.tables import Table, latex_escape, latex_file

TABLE = Table(
    "Liver & spleen",
    ("Network", "DSC %", "cases"),
    (("U-Net <a>", "90.1 ± 2.0", "7"), ("x_1", "–", "0")),
    ("A note, 100 %.",),
    "class-1",
)


def test_text_is_in_columns():
    lines = TABLE.to_text().splitlines()
    assert lines[0] == "Liver & spleen"
    assert lines[4].index("90.1") + len("90.1 ± 2.0") == lines[5].index("–") + 1
    assert lines[-1] == "A note, 100 %."


def test_csv_is_read_back():
    rows = list(csv.reader(io.StringIO(TABLE.to_csv())))
    assert rows == [list(TABLE.head), *map(list, TABLE.rows)]


def test_latex_has_nothing_that_latex_would_take_amiss():
    made = TABLE.to_latex()
    assert r"\caption{Liver \& spleen}" in made
    assert r"U-Net $<$a$>$ & 90.1 $\pm$ 2.0 & 7 \\" in made
    assert r"x\_1 & -- & 0 \\" in made
    assert made.count(r"\begin{") == made.count(r"\end{") == 2
    assert latex_escape("a\\b{c}~^#$") == (
        r"a\textbackslash{}b\{c\}\textasciitilde{}\textasciicircum{}\#\$"
    )


def test_latex_prints_a_minus_before_negative_figures():
    assert latex_escape("-42.70 ± 3") == r"$-$42.70 $\pm$ 3"
    assert latex_escape("a-1 2024-05-01 fold-2 x_-3") == (
        r"a-1 2024-05-01 fold-2 x\_-3"
    )


def test_html_is_well_formed_and_escaped():
    root = ET.fromstring(f"<div>{TABLE.to_html()}</div>")
    assert root.find("table/caption").text == "Liver & spleen"
    assert root.find("table/tbody/tr/th").text == "U-Net <a>"
    assert len(root.findall("table/tbody/tr")) == 2


def test_html_has_a_minus_before_negative_figures_and_csv_a_hyphen():
    table = Table("t", ("Network", "difference"), (("fold-2", "-21.37"),))
    assert "<td>−21.37</td>" in table.to_html()
    assert "fold-2" in table.to_html()
    assert "-21.37" in table.to_csv()


def test_rows_have_as_many_cells_as_titles():
    with pytest.raises(ValueError, match="3 cells"):
        Table("t", ("a", "b", "c"), (("1", "2"),))


def test_notes_are_no_wider_than_the_table_or_a_terminal():
    note = "word " * 60
    for wide in (4, 150):
        table = Table("t", ("n", "v"), (("x", "9" * wide),), (note,))
        lines = table.to_text().splitlines()
        assert max(map(len, lines)) <= max(80, wide + 3)
        assert " ".join(lines[6:]) == note.strip()


def wide_table(n_rows):
    head = ("Network", *(f"figure {n}" for n in range(10)))
    rows = tuple((f"net {k}, seed 0", *("42.14 ± 29.24",) * 10) for k in range(n_rows))
    return Table("Wide", head, rows, ("Note.",), "wide")


def test_a_wide_table_lies_in_blocks_and_loses_no_column():
    made = wide_table(6).to_latex()
    assert made.startswith(r"\begin{sidewaystable}")
    assert made.count(r"\begin{tabular}") == 2
    titles = [line for line in made.splitlines() if line.startswith("Network & ")]
    told = [cell for t in titles for cell in t.removesuffix(r" \\").split(" & ")[1:]]
    assert told == [f"figure {n}" for n in range(10)]
    assert made.count("net 3, seed 0 & ") == 2, "every block names its rows"
    # Where blocks would not fit below one another, it is made smaller.
    assert wide_table(24).to_latex().count(r"\begin{tabular}") == 1
    assert TABLE.to_latex().startswith(r"\begin{table}[tb]")


def test_the_latex_file_says_what_it_needs():
    """What pdfLaTeX leaves out with an error (seen) is told before."""
    said = latex_file([TABLE, TABLE])
    needs, _, body = said.partition("\n")
    assert needs == r"% needs \usepackage{booktabs,amssymb,graphicx,rotating}"
    assert body == TABLE.to_latex() + "\n" + TABLE.to_latex()
    foreign = latex_file([Table("t", ("n", "v"), (("网络", "1"),))])
    head = [line for line in foreign.splitlines() if line.startswith("%")]
    assert "LuaLaTeX" in head[1]
    assert r"\usepackage{ctex}" in head[2]
    assert "LuaLaTeX" not in latex_file([Table("Müller ± é", ("n",), (("ß",),))])


def test_a_bar_is_no_dash():
    assert latex_escape("a|b") == r"a\textbar{}b"


def test_latex_takes_no_name_for_its_own():
    """A row that begins with [ or * would be an option of the row's end before it."""
    made = Table("t", ("n", "v"), (("[3] ours", "*"), ("a→b…", "1"))).to_latex()
    assert "{[}3] ours & {*}" in made
    assert r"a$\to$b\dots{}" in made
