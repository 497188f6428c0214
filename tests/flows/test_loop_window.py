"""The whole loop through the real window, with mouse drags and keys."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from medlab_gui.commands.command import Context
from medlab_gui.commands.demo import make_demo
from tests.gui.moving import move

pytestmark = [pytest.mark.gui, pytest.mark.slow]


class Driver:
    """A person at the window."""

    def __init__(self, window, qtbot) -> None:
        self.window, self.qtbot = window, qtbot
        self.bench = window.bench

    def wait(self, condition, seconds: float = 60) -> None:
        self.qtbot.waitUntil(condition, timeout=int(seconds * 1000))

    def idle(self, seconds: float = 120) -> None:
        self.wait(lambda: not self.bench.jobs.active, seconds)
        self.qtbot.wait(50)
        self.look()

    def look(self) -> None:
        """Wait until what was asked for is on the screen, as a person does."""
        self.qtbot.wait(50)
        self.wait(lambda: not self.window.paint_turns.waits)

    def key(self, key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        self.qtbot.keyClick(self.window.canvas, key, modifier)
        if modifier == Qt.KeyboardModifier.ShiftModifier:
            # Else Qt takes it for held, also in the tests that follow.
            self.qtbot.keyRelease(self.window.canvas, Qt.Key.Key_Shift)

    def drag(self, *points: tuple[float, float]) -> None:
        """Drag with the left button through points given as shares of the canvas.

        The moves are handed over here: those that QTest makes may go by way of the
        display, and come when the button is down, of which the display knows nothing.
        """
        self.look()
        canvas, held = self.window.canvas, Qt.KeyboardModifier.NoModifier
        size = canvas.size()
        places = [
            QPoint(int(x * size.width()), int(y * size.height())) for x, y in points
        ]
        move(canvas, places[0], held)
        self.qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=places[0])
        for a, b in itertools.pairwise(places):
            for step in range(1, 6):
                move(canvas, a + (b - a) * step / 5, held, Qt.MouseButton.LeftButton)
        self.qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=places[-1])

    @property
    def session(self):
        return self.bench.session

    def slice_mask(self):
        return self.session.mask[self.session.k].copy()


@pytest.fixture
def drive(qtbot):
    """Open a project's series in the window; the window is closed at the end."""
    from medlab_gui.gui.window import MedlabWindow

    windows = []

    def start(project, uid: str) -> Driver:
        window = MedlabWindow(str(project))
        windows.append(window)
        window.main.resize(1366, 768)
        window.show()
        driver = Driver(window, qtbot)
        window.bench.open_project(str(project))
        driver.wait(lambda: window.bench.store is not None)
        window.bench.open_series(uid)
        driver.wait(lambda: window.stage.is_ready)
        driver.idle()
        return driver

    yield start
    for window in windows:
        window.close()


def paint_and_undo(person: Driver) -> None:
    """Brush, undo, redo, erase: the mask and the journal follow."""
    session = person.session
    before = person.slice_mask()
    from medlab_gui.gui.view_state import Mode

    person.bench.mode = Mode.ANNOTATE
    person.key(Qt.Key.Key_1)
    person.drag((0.45, 0.45), (0.6, 0.5), (0.6, 0.62))
    painted = person.slice_mask()
    assert (painted != before).any(), "the brush paints"
    assert session.n_unsaved >= 1
    person.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(person.slice_mask(), before), "undo takes it back"
    person.key(Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(person.slice_mask(), painted), "redo brings it again"
    person.key(Qt.Key.Key_2)
    person.drag((0.45, 0.45), (0.452, 0.45))
    left = (person.slice_mask() > 0).sum()
    assert left < (painted > 0).sum(), "the eraser erases"
    assert left > (before > 0).sum(), "and leaves the rest"


def test_the_loop_on_a_small_project(small_project, drive):
    person = drive(small_project.folder, small_project.series_uid)
    bench, session = person.bench, person.session
    assert session.k == 12, "the middle slice opens"

    bench.launch("predict")
    person.wait(lambda: session.prediction is not None)
    person.idle()
    assert session.entropy is not None
    bench.launch("score")
    person.idle()
    first = bench.store.items()[0]
    bench.open_series(first.series_uid, first.slice_index)
    person.wait(lambda: session.k == first.slice_index)

    paint_and_undo(person)
    corrected = person.slice_mask()
    person.key(Qt.Key.Key_Return)
    person.wait(lambda: session.k != first.slice_index)
    person.idle()
    assert session.confirmed[first.slice_index]
    with Context(str(small_project.folder)).store() as store:
        saved = store.latest_annotation(session.series_uid)
        assert first.slice_index in saved.confirmed
        mask = store.annotation_mask(saved)
        assert np.array_equal(mask[first.slice_index], corrected)

    second = session.k
    person.key(Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    person.wait(lambda: session.k != second)
    person.idle()
    assert bench.store.item_for(session.series_uid, second).state == "skipped"

    from medlab_gui.commands.train import TrainParams

    done = []
    bench.launch("train", TrainParams(epochs_head=1, epochs_all=2), on_done=done.append)
    person.wait(lambda: bool(done), 120)
    person.idle()
    assert done[0]["comparison"]["n_slices"] == 3
    assert done[0]["adopted"], "the weights were untrained: anything is better"
    latest = bench.store.latest_prediction(session.series_uid)
    assert latest.checkpoint_id == done[0]["checkpoint"], "ranked again"


def test_what_was_painted_is_there_when_the_window_was_killed(small_project, drive):
    """The journal alone brings strokes back: nothing was saved, nothing closed."""
    person = drive(small_project.folder, small_project.series_uid)
    person.bench.go_to(2)
    paint_and_undo(person)
    painted, k = person.slice_mask(), person.session.k

    from medlab_gui.store.fold import current_mask

    with Context(str(small_project.folder)).store() as store:
        mask, _confirmed, _seq = current_mask(store, small_project.series_uid)
    assert np.array_equal(mask[k], painted)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("window") / "demo"
    made = make_demo(folder, Context(str(folder)))
    return folder, made["series"][0]


def test_the_demo_study(demo, drive):
    folder, uid = demo
    person = drive(folder, uid)
    session = person.session
    assert session.mask.shape == (20, 512, 512)
    assert session.k == 10
    assert session.prediction is not None, "the queue was ranked, so it was predicted"
    waiting = person.bench.store.items()
    first = next(
        i for i in waiting if i.series_uid == uid and i.state == "queued"
    ).slice_index
    person.bench.go_to(first)
    predicted = session.prediction[first].copy()
    assert predicted.any()
    person.key(Qt.Key.Key_Return)
    person.wait(
        lambda: (
            person.session is not None
            and (person.session is not session or session.k != first)
        )
    )
    person.idle()
    assert np.array_equal(session.mask[first], predicted)
    assert session.confirmed[first]


def test_a_real_abdomen(shared, drive, tmp_path):
    from medlab_gui.commands.import_ import ImportParams
    from medlab_gui.commands.import_ import run as import_

    folder = tmp_path / "p"
    scan = shared / "data" / "abdomen-ct-17"
    uid = import_(ImportParams(str(scan)), Context(str(folder)))["series"][0]["uid"]
    person = drive(folder, uid)
    assert person.session.k == 119 // 2
    person.bench.launch("score")
    person.wait(lambda: person.session.prediction is not None, 180)
    person.idle(180)
    paint_and_undo(person)
    person.key(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    person.idle()
    with Context(str(folder)).store() as store:
        assert store.latest_annotation(uid).revision == 1
