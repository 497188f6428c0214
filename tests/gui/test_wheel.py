from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent

from medlab_gui.gui.wheel import Notches

pytestmark = pytest.mark.gui


def turned(y: int, x: int = 0) -> QWheelEvent:
    return QWheelEvent(
        QPointF(1, 1),
        QPointF(1, 1),
        QPoint(),
        QPoint(x, y),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )


def test_parts_of_a_notch_add_up_in_both_directions(qapp):
    notches = Notches()
    assert [notches.of(turned(50)) for _ in range(5)] == [0, 0, 1, 0, 1]
    assert [notches.of(turned(-130)) for _ in range(2)] == [-1, -1]
    assert notches.of(turned(360)) == 2  # 10 were left over: 350 are due


def test_a_wheel_turned_sideways_counts_too(qapp):
    assert Notches().of(turned(0, 120)) == 1
