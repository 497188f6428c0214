"""Where a comparison's page, tables and figures go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.spreadsheets import table_bytes
from medlab_gui.core.whole_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.learning.tables import Table

__all__ = ["NOT_CLINICAL", "write_report"]

NOT_CLINICAL = (
    "For research. Figures hold for these cases and say nothing about other scanners, "
    "hospitals or diseases."
)


def write_report(
    folder: Path,
    html_page: str,
    tables: list[Table],
    cases: Table,
    figures: dict[str, str],
) -> list[str]:
    """Write a comparison into a folder; return the names of the files.

    Parameters
    ----------
    folder : Path
        Where to.
    html_page : str
        The report.
    tables : list of Table
        Written as text, LaTeX and one CSV each.
    cases : Table
        Every case.
    figures : dict of str to str
        Name to SVG.

    Raises
    ------
    StorageFullError
        If there is no room or no permission.
    """
    from medlab_gui.learning.report import report_files

    files = report_files(html_page, tables, cases, figures)
    for name, content in files.items():
        is_table = name.endswith(".csv")
        write_whole(
            folder / name, table_bytes(content) if is_table else content.encode()
        )
    return sorted(files)
