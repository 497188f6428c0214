"""The study browser and real drops, in the window."""

from __future__ import annotations

import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QScrollArea

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.dialogs.remedies import RemediesDialog
from medlab_gui.gui.dialogs.spacing import SpacingDialog
from medlab_gui.gui.docks.studies import StudiesDock
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.io import scan, write_image
from tests.gui.conftest import wait_for
from tests.gui.slow_files import Gate
from tests.synthetic import (
    cut_short,
    phantom_values,
    plain_grid,
    tilted_grid,
    write_series,
)

pytestmark = pytest.mark.gui


def drop(window, *paths) -> None:
    """Drop files onto the window as a file manager does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    how = (
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(window.main, QDragEnterEvent(QPoint(30, 30), *how))
    QApplication.sendEvent(window.main, QDropEvent(QPointF(30, 30), *how))


def opened(window) -> bool:
    bench = window.bench
    idle = not bench.jobs.active and bench.incoming.opening is None
    return idle and window.stage.is_ready


def shown(dock) -> list[str]:
    """Texts of the series that the search leaves."""
    tree = dock.tree
    return [tree.row_of(i).name for i in tree.series_items if not i.isHidden()]


@pytest.fixture
def dock(window):
    window.show_dock("studies")
    dock = window.main.findChild(StudiesDock)
    yield dock
    dock.search.clear()


def complete(ds, k):
    ds.StudyTime, ds.StudyID, ds.AccessionNumber = "120000", "1", "2"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]


@pytest.mark.parametrize("what", ["folder", "zip", "dicomdir", "file"])
def test_what_is_dropped_is_on_the_screen_the_right_way_up(window, tmp_path, what):
    grid = plain_grid()
    files = write_series(tmp_path / "scan", grid, edit=complete)
    expected = phantom_values(grid)
    target = tmp_path / "scan"
    if what == "zip":
        target = tmp_path / "scan.zip"
        with zipfile.ZipFile(target, "w") as archive:
            for file in files:
                archive.write(file, file.name)
    elif what == "dicomdir":
        made = FileSet()
        for file in files:
            made.add(pydicom.dcmread(file))
        made.write(tmp_path / "disc")
        made._stage["t"].cleanup()  # which pydicom leaves to the garbage collector
        target = tmp_path / "disc" / "DICOMDIR"
    elif what == "file":
        target, expected = files[4], expected[4:5]
    window.bench.close_series()
    drop(window, target)
    if what == "file":  # a single slice: its thickness is a question
        wait_for(lambda: window.main.findChild(RemediesDialog) is not None)
        window.main.findChild(RemediesDialog).accept()
    wait_for(lambda: opened(window))
    session = window.bench.session
    assert np.array_equal(session.volume.data, expected)
    assert session.k == len(expected) // 2
    assert (window.bench.view.level, window.bench.view.width) == (50, 350)
    assert window.stage.image.data is session.volume.data
    assert window.stage.image.visible


def test_the_import_does_not_move_the_picture(window, tmp_path, monkeypatch):
    from tests.gui.slow_files import Gate

    gate = Gate(monkeypatch)
    gate.let(6)
    write_series(tmp_path / "scan", plain_grid())
    window.bench.close_series()
    drop(window, tmp_path / "scan")
    wait_for(lambda: window.bench.session is not None and window.stage.image.visible)
    wait_for(lambda: window.reading.isVisible())
    view, camera = window.bench.view, window.viewer.scene.camera
    view.level, view.width = 13, 77
    camera.zoom *= 2
    zoom, center = camera.zoom, camera.center
    gate.let(*range(5))
    window.bench.go_to(9)
    assert not window.stage.image.visible  # not read: not shown as grey
    window.refresh_facts()
    assert not window.menus.is_enabled("medlab.predict")
    gate.open()
    wait_for(lambda: opened(window))
    assert (window.bench.session.k, view.level, view.width) == (9, 13, 77)
    assert camera.zoom == zoom
    assert camera.center == pytest.approx(center)
    assert window.stage.image.visible
    assert not window.reading.isVisible()
    window.refresh_facts()
    assert window.menus.is_enabled("medlab.predict")


def test_patients_are_named_in_their_script_and_searched(window, dock, tmp_path):
    def edit(name, key, uid, date, text):
        def change(ds, _k):
            ds.PatientName, ds.PatientID, ds.StudyInstanceUID = name, key, uid
            ds.StudyDate, ds.SeriesDescription = date, text

        return change

    first = edit("Wang^XiaoDong=王^小東", "w", "1.2.77.1", "20240301", "portal venous")
    second = edit("Müller^Käthe", "m", "1.2.77.2", "20230715", "knee")
    grid = plain_grid((15, 20, 24))
    write_series(tmp_path / "disc" / "a", grid, edit=first)
    files = write_series(tmp_path / "disc" / "b", plain_grid(), edit=second)
    cut_short(files[2], 90)
    drop(window, tmp_path / "disc")
    wait_for(lambda: opened(window))
    wait_for(lambda: len(dock._files) == 2)
    patients = {row.patient for row in dock._files}
    assert any("王" in p for p in patients)
    assert any("Käthe" in p for p in patients)
    broken = next(row for row in dock._files if row.name == "knee")
    assert broken.blocked
    item = next(i for i in dock.tree.series_items if dock.tree.row_of(i) == broken)
    sound = next(i for i in dock.tree.series_items if i is not item)
    assert item.foreground(0).color() != sound.foreground(0).color()
    assert broken.blocked in item.toolTip(0)
    for words, found in (
        ("王", {"portal venous"}),
        ("käthe", {"knee"}),
        ("2023-07", {"knee"}),
        ("ct venous", {"portal venous"}),
        ("ct nowhere", set()),
    ):
        dock.search.setText(words)
        listed = set(shown(dock)) & {"portal venous", "knee"}
        assert listed == found, words
    # In the project the same patient has the same name, for as long as it is known.
    dock.search.setText("venous")
    assert len(shown(dock)) == 2


def test_the_list_asks_the_project_the_same_whatever_it_holds(
    window, dock, monkeypatch
):
    asked = []
    store = window.bench.store
    monkeypatch.setattr(store, "latest_annotation", asked.append)
    dock.refresh()
    assert not asked


def test_keys_are_enough(window, dock, tmp_path):
    def edit(text, uid):
        def change(ds, _k):
            ds.SeriesDescription, ds.StudyInstanceUID = text, uid

        return change

    big = plain_grid((15, 20, 24))
    write_series(tmp_path / "disc" / "a", big, edit=edit("large", "1.2.78.1"))
    write_series(tmp_path / "disc" / "b", plain_grid(), edit=edit("small", "1.2.78.2"))
    drop(window, tmp_path / "disc")
    wait_for(lambda: opened(window))
    dock.search.setFocus()
    QTest.keyClicks(dock.search, "small")
    QTest.keyClick(dock.search, Qt.Key.Key_Down)
    row = dock.tree.row_of(dock.tree.currentItem())
    assert row.name == "small"
    QTest.keyClick(dock.tree, Qt.Key.Key_Return)
    wait_for(lambda: window.bench.session.volume.grid.shape[0] == 12)
    wait_for(lambda: opened(window))
    QTest.keyClick(dock.search, Qt.Key.Key_Escape)
    assert dock.search.text() == ""


def test_series_have_pictures(window, dock, tmp_path):
    write_series(tmp_path / "scan", plain_grid())
    drop(window, tmp_path / "scan")
    wait_for(lambda: opened(window))
    wait_for(lambda: all(not i.icon(0).isNull() for i in dock.tree.series_items))


# ---- the question about the geometry ----------------------------------------------


@pytest.fixture
def tilted(tmp_path, qtbot):
    write_series(tmp_path / "scan", tilted_grid())
    (found,) = scan(tmp_path / "scan").series
    dialog = RemediesDialog(found)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    return dialog


def test_as_measured_is_the_default(tilted):
    assert tilted.choice == (["keep-as-measured"], None)


def test_a_way_out_is_chosen(tilted):
    tilted.choose("straighten")
    assert tilted.choice == (["straighten"], None)


def test_a_file_whose_voxels_have_no_size_opens_with_a_spacing_given(window, tmp_path):
    grid = plain_grid()
    path = tmp_path / "flat.mha"
    write_image(path, phantom_values(grid), grid)
    sized = b"ElementSpacing = 1.25 1.5 3"
    assert sized in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(sized, b"ElementSpacing = 0 0 0"))
    window.bench.close_series()
    drop(window, path)
    wait_for(lambda: window.main.findChild(RemediesDialog) is not None)
    dialog = window.main.findChild(RemediesDialog)
    assert dialog.choice == (["given-spacing"], (0, 0, 0))  # the only way out
    button = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Open")
    assert not button.isEnabled()
    for box, size in zip(dialog._boxes, grid.spacing, strict=True):
        box.setValue(size)
    assert button.isEnabled()
    dialog.accept()
    wait_for(lambda: opened(window))
    session = window.bench.session
    assert np.array_equal(session.volume.data, phantom_values(grid))
    assert session.volume.grid.same_as(grid)
    record = window.bench.store.series(session.volume.series_uid)
    assert [r.code for r in record.remedies] == ["given-spacing"]


def test_the_question_is_as_high_as_its_words_and_has_no_stock_icons(window, tmp_path):
    write_series(tmp_path / "scan", tilted_grid())
    (found,) = scan(tmp_path / "scan").series
    tilted = RemediesDialog(found, window.main)
    tilted.show()
    wait_for(tilted.isVisible)
    area = tilted.findChild(QScrollArea)
    inner, seen = area.widget(), area.viewport()
    assert inner.heightForWidth(seen.width()) <= seen.height() <= inner.height() + 2
    last = max(
        label.mapTo(inner, label.rect().bottomLeft()).y()
        for label in inner.findChildren(QLabel)
        if label.isVisible()
    )
    assert seen.height() - last < 60, "no empty space below the last words"
    for button in tilted.findChildren(QPushButton):
        assert button.icon().isNull()
    tilted.close()


def test_no_length_is_shown_before_it_is_known_whether_it_is_true(
    window, dock, tmp_path
):
    from skimage.io import imsave

    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(5):
        picture = np.zeros((40, 50), np.uint8)
        picture[10:30, 10 + n : 30] = 200
        imsave(folder / f"{n}.png", picture, check_contrast=False)
    drop(window, folder)
    wait_for(lambda: window.main.findChild(SpacingDialog) is not None)
    wait_for(lambda: window.bench.session is not None)
    wait_for(lambda: window.bench.session.is_provisional)
    told = window.bench.measure.caution
    window.main.findChild(SpacingDialog).reject()
    wait_for(lambda: window.main.findChild(SpacingDialog) is None)
    assert "1 mm is assumed" in told
    wait_for(lambda: not window.bench.jobs.active)


# ---- dragging a series onto a picture ----------------------------------------------


def drag_onto(widget, mime) -> bool:
    """Let go of what is dragged over a widget; tell whether it was taken."""
    how = (
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(QPoint(30, 30), *how)
    QApplication.sendEvent(widget, enter)
    if enter.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(QPointF(30, 30), *how))
    return enter.isAccepted()


def dragged(dock, name):
    """What the tree hands over for a series."""
    items = [i for i in dock.tree.series_items if dock.tree.row_of(i).uid == name]
    return dock.tree.mimeData(items[-1:])


def test_a_dragged_series_opens_or_is_compared(window, dock):
    from medlab_gui.gui import napari_private as private

    bench, picture = window.bench, private.viewer_widget(window.viewer)
    first = bench.session.series_uid
    others = [s.uid for s in bench.store.series_list() if s.uid != first][:2]
    assert drag_onto(picture, dragged(dock, others[0]))
    menu = window.series_drops.menu
    texts = [a.text() for a in menu.actions() if a.text()]
    assert texts == [
        "Open it",
        "Compare with the open series",
        "Lay over the open series",
    ]
    menu.actions()[2].trigger()
    menu.close()
    wait_for(lambda: bench.pair.second is not None)
    assert (bench.session.series_uid, bench.pair.second.uid) == (first, others[0])
    wait_for(window.pair.pane.isVisible)
    assert drag_onto(window.pair.pane, dragged(dock, others[1]))
    wait_for(lambda: bench.pair.second.uid == others[1])
    assert drag_onto(picture, dragged(dock, others[0]))
    menu = window.series_drops.menu
    menu.actions()[0].trigger()
    menu.close()
    wait_for(lambda: opened(window) and bench.session.series_uid == others[0])
    assert not drag_onto(picture, QMimeData())


def test_a_series_that_is_only_in_files_opens_where_it_is_dropped(
    window, dock, tmp_path
):
    from medlab_gui.gui import napari_private as private

    write_series(tmp_path / "scan" / "a", plain_grid())
    write_series(tmp_path / "scan" / "b", plain_grid((6, 32, 32)))
    drop(window, tmp_path / "scan")
    wait_for(lambda: opened(window) and not window.bench.incoming.is_scanning)
    small = next(r for r in dock.rows if r.facts.startswith("CT · 6"))
    items = [i for i in dock.tree.series_items if dock.tree.row_of(i) is small]
    picture = private.viewer_widget(window.viewer)
    assert drag_onto(picture, dock.tree.mimeData(items))
    menu = QApplication.activePopupWidget()  # it could be compared, too
    assert len([a for a in menu.actions() if a.isEnabled() and a.text()]) == 3
    menu.actions()[0].trigger()
    menu.close()
    wait_for(lambda: opened(window) and window.bench.session.series_uid == small.uid)
    assert window.bench.session.volume.grid.shape[0] == 6


def test_what_is_not_read_yet_is_black_in_the_other_views_too(
    window, dock, tmp_path, monkeypatch
):
    """0 HU, which an empty array holds, would be grey tissue."""
    gate = Gate(monkeypatch)
    try:
        grid = plain_grid()
        flat = np.full(grid.shape, 100, np.int16)
        write_series(tmp_path / "scan", grid, flat)
        window.bench.linked.layout = PaneLayout.ROW
        window.bench.view.smooth = False  # each pixel is its own voxel
        gate.let(6)
        drop(window, tmp_path / "scan")
        wait_for(lambda: window.bench.session.is_provisional)
        pane = window.views.panes[Plane.CORONAL]

        def greys():
            QApplication.processEvents()
            image = pane.picture()
            places = [pane.to_canvas([k, 12])[0] for k in range(grid.shape[0])]
            return [image.pixelColor(round(x), round(y)).red() for x, y in places]

        wait_for(lambda: any(greys()))
        seen = greys()
        filled = [k for k in range(12) if window.bench.session.is_filled(k)]
        assert len(filled) < 12
        assert [k for k in range(12) if seen[k]] == filled
        gate.open()
        wait_for(lambda: opened(window) and all(greys()))
    finally:
        gate.open()
        window.bench.linked.layout = PaneLayout.ONE


def test_a_search_without_a_match_says_so_and_leads_back(window, dock):
    everything = shown(dock)
    assert everything
    assert not dock.no_match.isVisible()
    dock.search.setFocus()
    QTest.keyClicks(dock.search, "knee of nobody")
    assert shown(dock) == []
    assert dock.no_match.isVisible()
    assert "knee of nobody" in dock.no_match.text()
    QTest.keyClick(dock.search, Qt.Key.Key_Return)
    assert dock.search.hasFocus() or not window.main.isActiveWindow()
    QTest.mouseClick(dock.show_all, Qt.MouseButton.LeftButton)
    assert shown(dock) == everything
    assert not dock.no_match.isVisible()
    assert not dock.show_all.isVisible()
    QTest.keyClicks(dock.search, "ABDOMEN")
    assert 0 < len(shown(dock)) <= len(everything)
    assert not dock.no_match.isVisible()
