"""Actions of the Measure menu."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from medlab_gui.core.i18n import N_, _, counted
from medlab_gui.core.measurements import KIND_NAMES, Kind
from medlab_gui.gui.dialogs.replacing import with_ending
from medlab_gui.gui.plain_action import PlainAction

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.window import MedlabWindow
    from medlab_gui.gui.workbench import Workbench

__all__ = ["MEASURE_ACTIONS", "TOOL_KEYS", "copy_figures", "export_table"]

TOOL_KEYS = {
    Kind.DISTANCE: "D",
    Kind.ANGLE: "G",
    Kind.ELLIPSE: "L",
    Kind.RECTANGLE: "B",
    Kind.FREEHAND: "H",
}


def _tool(kind: Kind) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        measure = window.bench.measure
        measure.tool = None if measure.tool is kind else kind

    return run


def _show(window: MedlabWindow) -> None:
    window.bench.measure.visible = not window.bench.measure.visible


def _export(window: MedlabWindow) -> None:
    main: QWidget = window.main
    export_table(window.bench, main)


def copy_figures(bench: Workbench) -> None:
    """Put the figures of the selected measurement into the clipboard."""
    chosen = bench.measure.selected
    if chosen is not None:
        QApplication.clipboard().setText("\n".join(bench.measure.lines(chosen)))
        bench.inform(_("The figures are in the clipboard."))


def export_table(bench: Workbench, parent: QWidget) -> None:
    """Ask where to, and write the measurements of the series as a table."""
    session = bench.session
    if session is None:
        return
    start = str(Path.home() / _("measurements.csv"))
    path, _filter = QFileDialog.getSaveFileName(
        parent, _("Export measurements"), start, _("Table (*.csv)")
    )
    path = with_ending(parent, path, ".csv")
    if not path:
        return

    def done(result: dict[str, Any]) -> None:
        bench.inform(
            counted(
                result["n"],
                "1 measurement is in {file}.",
                "{n} measurements are in {file}.",
            ).replace("{file}", str(result["output"]))
        )

    given = {"output": path, "series": session.series_uid, "deleted": False}
    # What was drawn a moment ago may still be on its way to the disk.
    bench.measure.when_saved(
        lambda: bench.launch("export-measurements", given, on_done=done)
    )


MEASURE_ACTIONS = (
    *(
        PlainAction(
            f"medlab.measure.{kind}",
            KIND_NAMES[kind],
            _tool(kind),
            (key,),
            "medlab/measure/1_tools",
            "series_stored",
            f"measure_tool == '{kind}'",
        )
        for kind, key in TOOL_KEYS.items()
    ),
    PlainAction(
        "medlab.measure.end",
        N_("Put the tool away"),
        lambda w: w.bench.measure.escape(),
        ("Escape",),
        "medlab/measure/2_end",
        "measuring and not polygon_open",
    ),
    PlainAction(
        "medlab.measure.delete",
        N_("Delete the selected measurement"),
        lambda w: w.bench.measure.remove_selected(),
        ("Del", "Backspace"),  # what a Mac's keyboard calls delete is Qt's Backspace
        "medlab/measure/3_one",
        "measure_selected and not polygon_open",
    ),
    PlainAction(
        "medlab.measure.copy",
        N_("Copy its figures"),
        lambda w: copy_figures(w.bench),
        (),
        "medlab/measure/3_one",
        "measure_selected",
    ),
    PlainAction(
        "medlab.measure.visible",
        N_("Show measurements"),
        _show,
        (),
        "medlab/measure/4_all",
        "series_stored",
        "measure_visible",
    ),
    PlainAction(
        "medlab.measure.list",
        N_("List of measurements"),
        lambda w: w.show_dock("measurements"),
        ("Alt+6",),
        "medlab/measure/4_all",
    ),
    PlainAction(
        "medlab.measure.export",
        N_("Export measurements…"),
        _export,
        (),
        "medlab/measure/5_out",
        "measure_any",
    ),
)
