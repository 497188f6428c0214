from __future__ import annotations

import pytest
from qtpy.QtCore import QPointF

from medlab_gui.gui.window_drag import dragged_window

pytestmark = pytest.mark.gui


def test_across_is_the_width_and_down_the_level():
    level, width = dragged_window((40, 400), QPointF(50, -25), 500)
    assert (level, width) == (0, 480)  # the whole picture is two widths


def test_a_window_never_closes():
    far = QPointF(-10_000, 0)
    assert dragged_window((40, 400), far, 500) == (40, 4)
    assert dragged_window((40, 40), far, 500, whole=True) == (40, 1)
    # Maps in mm²/s have values of a thousandth; they need a fine hand, too.
    level, width = dragged_window((1e-3, 1e-4), QPointF(5, 5), 500)
    assert (level, width) == pytest.approx((1.002e-3, 1.02e-4))
