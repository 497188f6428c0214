"""The list of measurements beside the picture."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit

from medlab_gui.core.measurements import Kind
from tests.gui.conftest import wait_for
from tests.gui.hand import CTRL, LEFT, NONE
from tests.gui.measure_rod import kept, measure

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["measure"]
pytestmark = pytest.mark.gui


@pytest.fixture
def dock(window, measure):
    """The dock, in front."""
    window.show_dock("measurements")
    QApplication.processEvents()
    return window.docks["measurements"].widget().widget()


def rows(dock) -> list[tuple[str, ...]]:
    items = [dock.table.topLevelItem(n) for n in range(dock.table.topLevelItemCount())]
    return [tuple(item.text(c) for c in range(3)) for item in items]


def click(dock, row: int) -> None:
    """Click on a row."""
    rect = dock.table.visualItemRect(dock.table.topLevelItem(row))
    QTest.mouseClick(dock.table.viewport(), LEFT, NONE, rect.center())


def test_the_list_says_what_where_and_how_much(window, hand, measure, dock):
    assert rows(dock) == []
    assert not dock.export.isEnabled()
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    hand.wheel(2)
    hand.key("B")
    hand.drag((24.5, 29.5), (34.5, 69.5))
    first, second = rows(dock)
    assert first[:2] == ("Distance", "7")
    assert float(first[2].removesuffix(" mm")) == pytest.approx(21.0, abs=0.4)
    assert second[:2] == ("Rectangle", "9")
    assert "120 ± 20 HU" in second[2]
    assert dock.table.currentItem().text(0) == "Rectangle"
    hand.key("Z", CTRL)
    assert [row[0] for row in rows(dock)] == ["Distance"]


def test_a_click_goes_to_the_slice_and_selects(window, hand, measure, dock):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    hand.wheel(3)
    hand.drag((30, 20), (30, 60))
    assert window.bench.session.k == 9
    click(dock, 0)
    assert window.bench.session.k == 6
    assert measure.selected.id == measure.items[0].id
    assert window.measurements.looks()[0][1].is_selected
    click(dock, 1)
    assert window.bench.session.k == 9


def test_buttons_choose_tools(window, hand, measure, dock):
    for kind, button in dock.tools.items():
        QTest.mouseClick(button, LEFT)
        assert measure.tool is kind
        assert [k for k, b in dock.tools.items() if b.isChecked()] == [kind]
    QTest.mouseClick(dock.tools[Kind.FREEHAND], LEFT)
    assert measure.tool is None
    hand.key("G")
    assert dock.tools[Kind.ANGLE].isChecked()
    assert "vertex" in dock.hint.text()
    window.bench.mode = "Annotate"
    assert not dock.tools[Kind.ANGLE].isChecked()


def test_a_measurement_gets_a_name(window, hand, measure, dock):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    item = dock.table.topLevelItem(0)
    at = dock.table.visualItemRect(item).center()
    QTest.mouseClick(dock.table.viewport(), LEFT, NONE, at)
    QTest.mouseDClick(dock.table.viewport(), LEFT, NONE, at)
    editor = dock.table.findChild(QLineEdit)
    assert editor is not None
    before = window.bench.session.confirmed.copy()
    editor.selectAll()
    QTest.keyClicks(editor, "Laesion 2")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    wait_for(lambda: measure.items[0].label == "Laesion 2")
    assert rows(dock)[0][0] == "Laesion 2"
    # Enter named it; it did not accept the slice.
    assert (window.bench.session.confirmed == before).all()
    assert kept(window)[0].label == "Laesion 2"
    ((_id, look),) = window.measurements.looks()
    assert look.text[0] == "Laesion 2"
    hand.key("Z", CTRL)
    assert rows(dock)[0][0] == "Distance"


def test_copy_and_delete(window, hand, measure, dock):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    QTest.mouseClick(dock.copy, LEFT)
    assert QApplication.clipboard().text() == rows(dock)[0][2]
    QTest.mouseClick(dock.delete, LEFT)
    assert rows(dock) == []
    assert not dock.delete.isEnabled()
    assert kept(window) == ()
    window.bench.undo()
    assert len(rows(dock)) == 1


@pytest.mark.parametrize("key", [Qt.Key.Key_Delete, Qt.Key.Key_Backspace])
def test_delete_in_the_list_deletes(window, hand, measure, dock, key):
    """Backspace, too: it is the key that a Mac calls delete."""
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    click(dock, 0)
    QTest.keyClick(dock.table, key)
    assert measure.items == ()


def test_the_table_is_written_where_the_person_says(
    window, hand, measure, dock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    hand.key("L")
    hand.drag((24, 30), (36, 70))
    chosen = (str(tmp_path / "out"), "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: chosen)
    QTest.mouseClick(dock.export, LEFT)
    wait_for(lambda: not window.bench.jobs.active)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["kind"] for row in table] == ["distance", "ellipse"]
    assert float(table[0]["length_mm"]) == pytest.approx(measure.items[0].length_mm)
    assert float(table[1]["mean"]) == pytest.approx(
        measure.values(measure.items[1]).mean
    )
    assert "2 measurements" in window.notifier.bar.text.text()
    chosen = ("", "")
    (tmp_path / "out.csv").unlink()
    QTest.mouseClick(dock.export, LEFT)
    assert not list(tmp_path.glob("*.csv"))


def test_without_a_series_there_is_nothing_to_do(window, hand, measure, dock):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    window.bench.close_series()
    assert rows(dock) == []
    assert not any(button.isEnabled() for button in dock.tools.values())
    assert not dock.export.isEnabled()
    assert "Open a series" in dock.hint.text()
