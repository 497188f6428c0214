"""The comparison of old and new weights after a training."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from medlab_gui.gui.dialogs.compare_weights import CompareWeightsDialog, worst_slices
from tests.gui.runs_phantom import ONE, add_run, comparison, folder, project

__all__ = ["folder", "project"]


def test_worst_slices_come_first_and_empty_ones_not_at_all():
    worst = worst_slices(comparison(0.8, 0.9, adopted=True))
    assert [row[1] for row in worst] == [3, 2, 1]
    assert worst[0][2:] == pytest.approx((0.5, 0.6))
    assert worst_slices({}) == []


def table_text(table):
    return [
        [table.item(r, c).text() for c in range(table.columnCount())]
        for r in range(table.rowCount())
    ]


@pytest.mark.parametrize(
    ("new", "in_use", "may"),
    [(0.85, False, True), (0.79, False, False), (0.85, True, False)],
)
def test_comparison_and_its_buttons(qtbot, project, bench, new, in_use, may):
    _folder, first, second = project
    run = add_run(
        bench.store,
        parent_checkpoint=first,
        checkpoint=second if in_use else first,
        comparison=comparison(0.80, new, adopted=in_use),
    )
    launched = []
    bench.launch = lambda verb, params=None, **_more: launched.append((verb, params))
    opened = []
    bench.open_series = lambda uid, k: opened.append((uid, k))
    dialog = CompareWeightsDialog(bench, run)
    qtbot.addWidget(dialog)
    dialog.show()
    rows = table_text(dialog.table)
    assert rows[0][:3] == ["Liver", "0.850", f"{new + 0.05:.3f}"]
    assert rows[-1][0] == "Mean"
    assert rows[-1][3][0] == ("▲" if new > 0.8 else "▼")
    assert table_text(dialog.worst)[0][0].startswith("Slice 4")
    cell = dialog.worst.visualItemRect(dialog.worst.item(0, 0)).center()
    qtbot.mouseClick(dialog.worst.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert opened == [(ONE, 3)]
    assert dialog.adopt.isEnabled() is may
    if may:
        qtbot.mouseClick(dialog.adopt, Qt.MouseButton.LeftButton)
        assert launched[0][0] == "adopt"
        assert launched[0][1] == {"checkpoint": run.checkpoint}
    else:
        qtbot.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
        assert launched == []
    assert dialog.isHidden()
