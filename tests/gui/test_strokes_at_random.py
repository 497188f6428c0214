"""Whatever people do in whatever order, the mask seen is the one on the disk."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import Qt

from medlab_gui.gui.view_state import Mode, Tool
from tests.gui.buttons import Buttons
from tests.gui.conftest import wait_for
from tests.gui.hand import CTRL, LEFT, MIDDLE, NONE, RIGHT, Hand
from tests.gui.ink import n_strokes, same_on_disk

if TYPE_CHECKING:
    from medlab_gui.gui.window import MedlabWindow

pytestmark = pytest.mark.gui

ACTS = 120


class Impatient:
    """Somebody who does not wait for one thing to end before the next begins."""

    def __init__(self, window: MedlabWindow, hand: Hand, seed: int) -> None:
        self.window, self.hand, self.bench = window, hand, window.bench
        self.buttons = Buttons(hand)
        self.chance = random.Random(seed)

    def _place(self) -> tuple[int, int]:
        # The picture is 96 pixels wide; some places lie beside it.
        return self.chance.randrange(-8, 104), self.chance.randrange(-8, 104)

    def act(self) -> str:
        """Do something; return what."""
        act = self.chance.choice(
            (
                *(self.press, self.move, self.release) * 3,
                *(self.double, self.lost, self.wheel, self.jump),
                *(self.undo, self.redo, self.tool, self.mode),
                *(self.hide, self.key, self.edit),
            )
        )
        act()
        return act.__name__

    def press(self) -> None:
        button = self.chance.choice([LEFT, LEFT, LEFT, RIGHT, MIDDLE])
        if not self.buttons.down & button:
            held = self.chance.choice([NONE, NONE, CTRL])
            self.buttons.press(*self._place(), button, held)

    def move(self) -> None:
        self.buttons.to(*self._place())

    def release(self) -> None:
        for button in (LEFT, RIGHT, MIDDLE):
            if self.buttons.down & button:
                self.buttons.release(*self._place(), button)

    def lost(self) -> None:
        self.buttons.down = Qt.MouseButton.NoButton

    def double(self) -> None:
        self.release()
        self.buttons.double(*self._place())

    def wheel(self) -> None:
        self.hand.wheel(self.chance.choice([-2, -1, 1, 2]))

    def undo(self) -> None:
        self.bench.undo()

    def redo(self) -> None:
        self.bench.redo()

    def tool(self) -> None:
        self.bench.view.tool = self.chance.choice(list(Tool))

    def mode(self) -> None:
        self.bench.view.mode = self.chance.choice([Mode.REVIEW, *[Mode.ANNOTATE] * 3])

    def hide(self) -> None:
        self.bench.view.mask_visible = self.chance.random() < 0.8

    def jump(self) -> None:
        self.bench.go_to(self.chance.randrange(16))

    def key(self) -> None:
        self.hand.key(self.chance.choice(["Return", "C", "BracketRight", "Escape"]))

    def edit(self) -> None:
        k, value = self.chance.randrange(16), self.chance.randrange(3)
        box = (slice(k, k + 1), slice(20, 60), slice(20, 60))
        self.bench.session.apply("test", box, np.full((1, 40, 40), value, np.uint8))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_seen_and_written_agree_after_every_act(window, hand, seed):
    bench, session = window.bench, window.bench.session
    bench.view.mode, bench.view.brush_mm = Mode.ANNOTATE, 8.0
    one = Impatient(window, hand, seed)
    done: list[str] = []
    for _n in range(ACTS):
        done.append(one.act())
        wait_for(lambda: not bench.jobs.active)
        if not window.stage.mask._mouse_drag_gen:
            assert same_on_disk(window), done[-5:]
        else:
            assert window.mouse._button.held is not None, done[-5:]
    one.release()
    one.buttons.to(50, 50)
    assert same_on_disk(window), done[-5:]
    assert len(session._journal.records) > 10
    for _n in range(n_strokes(window)):
        bench.undo()
    assert not session.mask.any(), "every stroke can be taken back"
    assert same_on_disk(window)
