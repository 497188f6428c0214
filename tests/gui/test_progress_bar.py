"""The progress bar waits for the next frame."""

from __future__ import annotations

import pytest

from medlab_gui.gui.progress_bar import ProgressBar

pytestmark = pytest.mark.gui


class Watched(ProgressBar):
    """Counts its paintings."""

    painted = 0

    def paintEvent(self, event):
        self.painted += 1
        super().paintEvent(event)


@pytest.fixture
def bar(qtbot):
    bar = Watched()
    qtbot.addWidget(bar)
    with qtbot.waitExposed(bar):
        bar.show()
    qtbot.waitUntil(lambda: bar.painted > 0)
    return bar


@pytest.mark.parametrize(
    "change",
    [
        lambda bar: bar.setValue(40),
        lambda bar: bar.setRange(0, 0),
        lambda bar: (bar.setRange(0, 7), bar.setValue(3)),
    ],
)
def test_it_is_drawn_with_the_next_frame_and_not_at_once(bar, change, qtbot):
    before = bar.painted
    change(bar)
    assert bar.painted == before
    qtbot.waitUntil(lambda: bar.painted > before)


def test_it_shows_what_it_is_told(bar):
    bar.setRange(2, 12)
    bar.setValue(7)
    assert (bar.minimum(), bar.maximum(), bar.value()) == (2, 12, 7)
    assert bar.updatesEnabled()
