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


def test_where_the_end_is_not_known_a_block_moves_but_seldom(bar, qtbot):
    bar.setRange(0, 0)
    qtbot.waitUntil(lambda: bar.painted > 1)
    first, before = bar.grab().toImage(), bar.painted
    qtbot.wait(900)
    assert 2 <= bar.painted - before <= 6  # Qt's own would be drawn 27 times
    qtbot.waitUntil(lambda: bar.grab().toImage() != first)


def test_the_block_is_at_both_ends_as_it_comes_round(bar):
    bar.setTextVisible(False)
    bar.setRange(0, 0)

    def filled():
        picture = bar.grab().toImage()
        y, wide = picture.height() // 2, picture.width()
        return [
            picture.pixelColor(round(x * wide), y).name() for x in (0.06, 0.5, 0.94)
        ]

    seen = []
    for place in (0, 3, 5, 7):
        bar._place = place
        seen.append(filled())
    empty = seen[0][1]
    assert [[name != empty for name in names] for names in seen] == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
        [True, False, True],
    ]


@pytest.mark.parametrize("still", [lambda bar: bar.hide(), lambda b: b.setRange(0, 9)])
def test_nothing_moves_that_is_hidden_or_known(bar, still, qtbot):
    bar.setRange(0, 0)
    still(bar)
    place = bar._place
    qtbot.wait(600)
    assert bar._place == place
    bar.setRange(0, 0)
    bar.show()
    qtbot.waitUntil(lambda: bar._place != place)
