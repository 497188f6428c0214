"""The queue dock with real mouse and keys, on a phantom project."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QFont, QFontMetrics, QImage
from qtpy.QtWidgets import QWidget

from medlab_gui.commands.queue_ import reprioritise
from medlab_gui.core.records import ItemState
from medlab_gui.gui.docks.queue import QueueDock, explain
from medlab_gui.gui.pictures import gray_image, outline_image, thumbnail
from medlab_gui.gui.queue_model import Column, in_order
from medlab_gui.store.project import ProjectStore
from tests.gui.docks_phantom import (
    SCHEME,
    label,
    make_project,
    phantom,
    queue_item,
)

ONE, TWO = "1.2.0.1", "1.2.1.1"


# ---- without a window ------------------------------------------------------------


def test_every_kind_of_empty_queue_is_explained():
    waiting = [queue_item(ONE, 1, 0.5)]
    done = [queue_item(ONE, 1, 0.5, state=ItemState.ACCEPTED)]
    skipped = [queue_item(ONE, 2, 0.5, state=ItemState.SKIPPED)]
    assert explain(waiting, n_series=1, has_model=True) == ""
    texts = [
        explain([], n_series=0, has_model=False),
        explain([], n_series=1, has_model=False),
        explain([], n_series=1, has_model=True),
        explain(done, n_series=1, has_model=True),
        explain(skipped, n_series=1, has_model=True),
        explain(done + skipped, n_series=1, has_model=True),
    ]
    assert len(set(texts)) == 6
    for text, word in zip(
        texts,
        (
            "no study",
            "no model",
            "Nothing is ranked",
            "its only",
            "The only",
            "1 slice is labelled, 1 was",
        ),
        strict=True,
    ):
        assert word in text


def test_order_waiting_first_then_skipped_then_done():
    items = [
        queue_item(ONE, 1, 0.9, state=ItemState.ACCEPTED),
        queue_item(ONE, 2, 0.1),
        queue_item(ONE, 3, 0.8, state=ItemState.SKIPPED),
        queue_item(ONE, 4, 0.9, priority=0.05),
        queue_item(ONE, 5, 0.3, state=ItemState.CORRECTED),
    ]
    assert [i.slice_index for i in in_order(items)] == [5, 2, 4, 3, 1]


def test_gray_and_outline_have_the_right_pixels():
    picture = np.array([[-100, 0, 100], [300, 50, -500]], dtype=np.int16)
    image = gray_image(picture, -100, 300)
    gray = [[image.pixelColor(x, y).red() for x in range(3)] for y in range(2)]
    assert gray == [[0, 63, 127], [255, 95, 0]]
    mask = np.zeros((5, 5), np.uint8)
    mask[1:4, 1:4] = 1
    line = outline_image(mask, SCHEME)
    assert line.pixelColor(2, 2).alpha() == 0
    assert line.pixelColor(1, 1).getRgb() == (*SCHEME.classes[0].color, 255)
    assert line.pixelColor(0, 0).alpha() == 0


def test_thumbnail_keeps_the_true_proportions():
    data, labels = phantom()
    image = thumbnail(data[8], (1.2, 1.0), (40, 400), 48, labels[8], SCHEME)
    assert (image.width(), image.height()) == (40, 48)
    colors = {image.pixelColor(x, y).getRgb()[:3] for x in range(40) for y in range(48)}
    assert SCHEME.classes[0].color in colors
    assert SCHEME.classes[1].color in colors


# ---- with a window ---------------------------------------------------------------


def tell_of_change(qtbot, dock):
    """Tell that the project changed, and wait until the dock has read it."""
    dock._bench.project_changed.emit()
    qtbot.waitUntil(lambda: not dock._seen.is_due)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    make_project(folder)
    return folder


@pytest.fixture
def dock(qtbot, bench):
    dock = QueueDock(bench)
    qtbot.addWidget(dock)
    dock.resize(300, 500)
    dock.show()
    qtbot.waitExposed(dock)
    return dock


def fill(qtbot, dock):
    items = [queue_item(ONE, k, 0.9 - 0.01 * k) for k in range(2, 10)]
    items += [queue_item(TWO, 8, 0.85, reason="inside Spleen")]
    dock._bench.store.replace_queue(items)
    tell_of_change(qtbot, dock)
    return items


def settled(qtbot, bench):
    qtbot.waitUntil(lambda: not bench.jobs.active)


def shown(dock, column):
    model = dock.model
    return [model.index(r, column).data() for r in range(model.rowCount())]


def test_empty_and_finished(qtbot, bench, dock):
    assert "no model" in dock.message.text()
    assert dock.table.isHidden()
    assert dock.progress.isHidden()
    fill(qtbot, dock)
    assert dock.message.isHidden()
    assert dock.table.isVisible()
    for item in bench.store.items():
        bench.store.set_item_state(item.id, ItemState.ACCEPTED, version=item.version)
    tell_of_change(qtbot, dock)
    assert "all 9 slices are labelled" in dock.message.text()
    assert dock.progress.format() == "9 of 9 done"


def test_the_states_fit_in_bold_too(qtbot, bench):
    """The row of the open slice is written so."""
    window = QWidget()
    qtbot.addWidget(window)
    large = QFont(window.font())
    large.setPointSize(16)
    window.setFont(large)
    dock = QueueDock(bench, window)
    bold = QFont(dock.font())
    bold.setBold(True)
    room = dock.table.horizontalHeader().sectionSize(Column.STATE) - 6
    for state in ("waiting", "skipped", "done ✓"):
        assert QFontMetrics(bold).horizontalAdvance(state) <= room


def test_rows_and_pictures(qtbot, bench, dock):
    fill(qtbot, dock)
    assert shown(dock, Column.SLICE)[:3] == [
        "3\nAbdomen 1",
        "4\nAbdomen 1",
        "5\nAbdomen 1",
    ]
    assert shown(dock, Column.SCORE)[0] == "0.88"
    assert shown(dock, Column.STATE) == ["waiting"] * 9
    assert "inside Spleen" in shown(dock, Column.REASON)
    picture = dock.model.index(0, Column.PICTURE)
    qtbot.waitUntil(
        lambda: isinstance(picture.data(Qt.ItemDataRole.DecorationRole), QImage)
    )
    settled(qtbot, bench)
    plain = picture.data(Qt.ItemDataRole.DecorationRole)
    # A label that is saved changes the picture: its outline is drawn.
    label(dock._bench.store.folder, ONE, range(2, 4))
    tell_of_change(qtbot, dock)
    qtbot.waitUntil(
        lambda: picture.data(Qt.ItemDataRole.DecorationRole) not in (None, plain)
    )
    settled(qtbot, bench)


def test_how_many_series_there_are_makes_no_more_questions(
    qtbot, bench, dock, monkeypatch
):
    """Two for each series of which a picture was shown: hundreds at each change."""
    fill(qtbot, dock)
    picture = dock.model.index(0, Column.PICTURE)
    role = Qt.ItemDataRole.DecorationRole
    qtbot.waitUntil(lambda: isinstance(picture.data(role), QImage))
    settled(qtbot, bench)
    assert {uid for uid, _k in dock._thumbnails._made} == {ONE, TWO}
    asked = []
    for name in ("latest_annotation", "latest_prediction", "series_list"):
        monkeypatch.setattr(ProjectStore, name, lambda *_a, n=name: asked.append(n))
    dock.refresh()
    assert asked == []
    assert isinstance(picture.data(role), QImage), "nothing changed"
    assert shown(dock, Column.SLICE)[0] == "3\nAbdomen 1"


def test_pictures_of_one_project_are_not_shown_in_another(qtbot, bench, dock, tmp_path):
    """It may have another scan under the same UID."""
    fill(qtbot, dock)
    picture = dock.model.index(0, Column.PICTURE)
    role = Qt.ItemDataRole.DecorationRole
    qtbot.waitUntil(lambda: isinstance(picture.data(role), QImage))
    settled(qtbot, bench)
    make_project(tmp_path / "other")
    bench.open_project(str(tmp_path / "other"))
    qtbot.waitUntil(lambda: bench.project_place == str(tmp_path / "other"))
    qtbot.waitUntil(lambda: dock.model.rowCount() == 0)
    assert not dock._thumbnails._made
    settled(qtbot, bench)


def test_the_next_slice_is_found_without_reading_the_queue(
    qtbot, bench, dock, monkeypatch
):
    fill(qtbot, dock)
    monkeypatch.setattr(ProjectStore, "items", None)
    bench.go_to_next()
    qtbot.waitUntil(lambda: bench.session is not None)
    assert (bench.session.series_uid, bench.session.k) == (ONE, 2)
    bench.go_to_next()
    assert (bench.session.series_uid, bench.session.k) == (ONE, 3)
    settled(qtbot, bench)


def test_why_the_first_is_first_is_told(qtbot, bench, dock):
    """The order goes by what is left of a score: a lower one can stand above."""
    fill(qtbot, dock)
    horizontal, tip = Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole
    told = dock.model.headerData(Column.SCORE, horizontal, tip)
    assert "patients take turns" in told.replace("\n", " ")
    cell = dock.model.index(dock.model.row_at((TWO, 8)), Column.SCORE)
    name = dock.model.index(cell.row(), Column.SLICE).data().split("\n")[1]
    assert f"Slice 9 ({name}), waiting: uncertainty 0.850" in cell.data(tip)


def test_a_click_opens_the_slice_and_marks_its_row(qtbot, bench, dock):
    fill(qtbot, dock)
    cell = dock.table.visualRect(dock.model.index(2, Column.REASON)).center()
    qtbot.mouseClick(dock.table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    qtbot.waitUntil(lambda: bench.session is not None)
    assert bench.session.series_uid == ONE
    assert bench.session.k == 4
    assert dock.model.index(2, 0).data(Qt.ItemDataRole.FontRole) is not None or (
        dock.model.index(2, 1).data(Qt.ItemDataRole.FontRole).bold()
    )
    assert dock._selected().slice_index == 4
    bench.go_to(7)
    qtbot.waitUntil(lambda: dock._selected().slice_index == 7)
    settled(qtbot, bench)


def test_a_saved_slice_lowers_its_neighbours_and_selection_stays(
    qtbot, folder, bench, dock
):
    fill(qtbot, dock)
    row = dock.model.row_at((ONE, 9))
    dock.table.selectRow(row)
    label(folder, ONE, range(2, 3))
    with ProjectStore.open(folder) as other:
        item = other.item_for(ONE, 2)
        other.set_item_state(item.id, ItemState.ACCEPTED, version=item.version)
        reprioritise(other)
    tell_of_change(qtbot, dock)
    order = [dock.model.item(r) for r in range(dock.model.rowCount())]
    assert order[-1].slice_index == 2
    assert order[-1].state is ItemState.ACCEPTED
    neighbour = next(i for i in order if (i.series_uid, i.slice_index) == (ONE, 3))
    assert neighbour.priority < 0.5 * neighbour.score
    assert order.index(neighbour) > 1
    assert dock._selected().slice_index == 9
    assert dock.progress.format() == "1 of 9 done"
    settled(qtbot, bench)


def test_skip_and_take_back(qtbot, bench, dock):
    fill(qtbot, dock)
    bench.open_series(ONE, 2)
    qtbot.waitUntil(lambda: bench.session is not None)
    assert dock.skip.text() == "Skip"
    qtbot.mouseClick(dock.skip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bench.store.item_for(ONE, 2).state is ItemState.SKIPPED)
    qtbot.waitUntil(lambda: "1 skipped" in dock.progress.format())
    # The next one is open by now; go back to what was skipped.
    settled(qtbot, bench)
    bench.open_series(ONE, 2)
    qtbot.waitUntil(lambda: dock.skip.text() == "Take back")
    qtbot.mouseClick(dock.skip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bench.store.item_for(ONE, 2).state is ItemState.QUEUED)
    settled(qtbot, bench)


def test_accept_saves_and_goes_on(qtbot, bench, dock):
    fill(qtbot, dock)
    bench.open_series(ONE, 2)
    qtbot.waitUntil(lambda: dock.accept.isEnabled() and bench.session is not None)
    qtbot.mouseClick(dock.accept, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bench.store.item_for(ONE, 2).state is ItemState.ACCEPTED)
    assert 2 in bench.store.latest_annotation(ONE).confirmed
    qtbot.waitUntil(
        lambda: (
            bench.session is not None
            and (bench.session.series_uid, bench.session.k) != (ONE, 2)
        )
    )
    settled(qtbot, bench)
    chosen = dock._selected()
    assert (chosen.series_uid, chosen.slice_index) == (
        bench.session.series_uid,
        bench.session.k,
    )


def test_the_dock_fits_a_small_screen_and_is_named(qtbot, dock):
    fill(qtbot, dock)
    assert dock.minimumSizeHint().width() <= 300
    assert dock.table.accessibleName()
    in_words = dock.model.index(0, 1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "Slice 3" in in_words
    assert "border of Liver" in in_words


def test_a_project_that_vanished_says_so(qtbot, bench, dock, monkeypatch):
    from medlab_gui.core.errors import ProjectMissingError

    def gone(*_args):
        msg = "There is no project any more."
        raise ProjectMissingError(msg)

    monkeypatch.setattr(type(bench.store), "items", gone)
    tell_of_change(qtbot, dock)
    assert dock.message.text() == "There is no project any more."
