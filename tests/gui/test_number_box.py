"""Numbers are taken as people of any country type them."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QLocale

from medlab_gui.gui.number_box import CountBox, NumberBox


@pytest.fixture(params=["de_DE", "en_US", "de_CH"])
def desktop(request):
    """The desktop of another country."""
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield
    QLocale.setDefault(before)


@pytest.mark.parametrize(
    ("typed", "value"), [("0.75", 0.75), ("0,75", 0.75), ("1234.5", 1234.5), ("7", 7)]
)
def test_a_point_and_a_comma_are_the_same(qtbot, desktop, typed, value):
    box = NumberBox()
    qtbot.addWidget(box)
    box.setDecimals(3)
    box.setRange(0, 10_000)
    box.setSuffix(" mm")
    box.selectAll()
    qtbot.keyClicks(box, typed)
    assert box.value() == value
    box.interpretText()
    assert box.text() == f"{value:.3f} mm"


def test_two_points_are_no_number(qtbot, desktop):
    box = NumberBox()
    qtbot.addWidget(box)
    box.selectAll()
    qtbot.keyClicks(box, "1,2.5")
    assert box.value() == 1.25, "the second one is not taken"


def test_what_is_counted_is_named_in_the_right_number(qtbot):
    box = CountBox()
    qtbot.addWidget(box)
    box.setRange(0, 1_000_000)
    box.set_things("{n} epoch", "{n} epochs")
    assert box.text() == "0 epochs"
    box.selectAll()
    qtbot.keyClicks(box, "1")
    assert box.text() == "1 epoch"
    qtbot.keyClicks(box, "25")
    assert (box.text(), box.value()) == ("125 epochs", 125)
    box.set_things("{n} iteration", "{n} iterations")
    box.setValue(1)
    assert box.text() == "1 iteration"


def test_a_count_of_nothing_named_is_a_bare_number(qtbot):
    box = CountBox()
    qtbot.addWidget(box)
    box.setValue(1)
    assert box.text() == "1"
