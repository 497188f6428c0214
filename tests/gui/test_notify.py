from __future__ import annotations

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit, QPushButton, QWidget

from medlab_gui.core.errors import ProjectMissingError
from medlab_gui.core.resources import resource
from medlab_gui.gui.compare_view import CompareLayout
from medlab_gui.gui.dialogs.text_report import TextReport
from medlab_gui.gui.docks.preprocess import PreprocessDock
from medlab_gui.gui.launching import tell_problems
from medlab_gui.gui.notices import Level, Notice, NoticeAction
from medlab_gui.gui.notify import NoticeBar, bug_report
from medlab_gui.gui.panes.linked_state import PaneLayout
from tests.gui.conftest import open_series, wait_for


def test_a_bug_report_holds_places_but_no_words_of_the_data():
    def reads(name):
        msg = f"cannot read /home/anna/{name}"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="cannot read") as caught:
        reads("Doe^Jane.dcm")
    report = bug_report(caught.value)
    assert "ValueError" in report
    assert "test_notify.py" in report
    for private in ("Doe", "anna", "/home"):
        assert private not in report


@pytest.mark.gui
def test_an_uncaught_error_is_a_dialog_with_details(window):
    with pytest.raises(IndexError) as caught:
        [].pop()
    error = caught.value
    window.notifier._on_uncaught(type(error), error, error.__traceback__)
    (box,) = window.notifier.dialogs
    assert "bug in MedLab" in box.windowTitle()
    assert "IndexError" in box.detailedText()
    assert "test_notify.py" in box.detailedText()


@pytest.mark.gui
def test_what_a_menu_entry_finds_is_shown(window):
    """Inspect files and Check this machine only tell: their words are the result."""
    window.bench.launch("inspect", {"path": str(resource("demo", "torso_ct.nii.gz"))})
    wait_for(lambda: window.main.findChild(TextReport) is not None)
    report = window.main.findChild(TextReport)
    assert report.windowTitle() == "Inspect files"
    assert "112 x 101 x 122" in report.lines.toPlainText()
    report.close()


@pytest.mark.gui
def test_a_written_file_is_told(window, tmp_path):
    said = []
    window.bench.noticed.connect(said.append)
    output = tmp_path / "scan.nrrd"
    window.bench.launch("export", {"output": str(output), "what": "image"})
    wait_for(lambda: bool(said))
    window.bench.noticed.disconnect(said.append)
    assert said[0].level is Level.INFO
    assert str(output) in said[0].text
    assert output.exists()


@pytest.mark.parametrize("width", [330, 480, 900])
def test_nothing_of_a_notice_is_cut_off(qtbot, width):
    picture = QWidget()
    qtbot.addWidget(picture)
    picture.resize(width, 500)
    picture.show()
    bar = NoticeBar(picture)
    text = "The two series have different frames of reference. " * 2
    bar.tell(Notice(text, Level.WARNING, actions=(NoticeAction("Do it", list),)))
    qtbot.waitExposed(picture)
    (button,) = bar.findChildren(QPushButton)
    qtbot.waitUntil(lambda: bar.text.width() > 100)
    assert bar.text.height() >= bar.text.heightForWidth(bar.text.width())
    assert bar.rect().contains(button.geometry())
    assert not button.geometry().intersects(bar.text.geometry())
    assert button.width() >= button.sizeHint().width()


@pytest.mark.gui
def test_a_notice_about_a_series_goes_when_another_opens(window, shared_window):
    problem = {"severity": "warning", "message": "It is odd."}
    worse = {"severity": "unsafe for measurement", "message": "It is very odd."}
    note = {"severity": "note", "message": "By the way."}
    taken = {
        "uid": window.bench.session.series_uid,
        "description": "Scan",
        "problems": [note, problem, worse],
    }
    tell_problems(window.bench, taken)
    bar = window.notifier.bar
    assert bar.text.text() == "Scan: It is very odd. (1 more under Studies.)"
    assert bar.isVisible()
    _window, uids = shared_window
    open_series(window, next(uids))
    assert not bar.isVisible()
    window.bench.inform("Two series were found.")
    open_series(window, next(uids))
    assert bar.isVisible(), "what is about no series stays"


@pytest.mark.gui
@pytest.mark.parametrize("what", ["another view", "the comparison"])
def test_a_notice_is_seen_whatever_is_in_the_place_of_the_canvas(window, what):
    dock = window.main.findChild(PreprocessDock)
    if what == "another view":
        window.bench.linked.layout = PaneLayout.ROW
        window.bench.linked.enlarge("sagittal")
        wait_for(lambda: not window.canvas.isVisible())
    else:
        dock.shown.compare(CompareLayout.SIDE)
    window.bench.inform("The file was written.")
    bar = window.notifier.bar
    assert bar.isVisible()
    at = bar.mapTo(window.main, bar.text.geometry().center())
    assert window.main.childAt(at) is bar.text, "nothing lies over it"
    assert bar.updatesEnabled(), "it is painted, too"
    dock.shown.compare(None)


@pytest.mark.gui
def test_a_notice_that_is_up_when_the_comparison_opens_stays_in_sight(window):
    window.bench.warn("2 strokes were recovered.")
    dock = window.main.findChild(PreprocessDock)
    dock.shown.compare(CompareLayout.SIDE)
    bar = window.notifier.bar
    at = bar.mapTo(window.main, bar.text.geometry().center())
    assert window.main.childAt(at) is bar.text, "nothing lies over it"
    assert bar.updatesEnabled(), "it is painted, too"
    dock.shown.compare(None)


@pytest.mark.gui
def test_the_next_sentence_does_not_take_a_warning_away(qtbot):
    picture = QWidget()
    qtbot.addWidget(picture)
    picture.resize(900, 500)
    picture.show()
    bar = NoticeBar(picture)
    bar.tell(Notice("Strokes were recovered.", Level.WARNING))
    bar.tell(Notice("Two slices lack.", Level.WARNING, about="1.2"))
    bar.tell(Notice("The file was written.", actions=(NoticeAction("Open", list),)))
    assert bar.text.text().splitlines() == [
        "Strokes were recovered.",
        "Two slices lack.",
        "The file was written.",
    ]
    assert bar.property("level") == "warning"
    bar.keep_about("1.3")
    assert "lack" not in bar.text.text(), "it is about a series that is not shown"
    bar.tell(Notice("Another file was written."))
    assert bar.text.text().splitlines() == [
        "Strokes were recovered.",
        "Another file was written.",
    ]
    bar.tell(Notice("Strokes were recovered.", Level.WARNING))
    assert bar.text.text() == "Strokes were recovered.", "said once"
    bar.hide()
    bar.tell(Notice("Done."))
    assert bar.text.text() == "Done.", "what was closed does not come again"


def _press(key):
    at = QApplication.focusWidget()
    QTest.keyClick(at, key)


@pytest.fixture
def active_window(window):
    window.main.activateWindow()
    wait_for(window.main.isActiveWindow)
    window.canvas.setFocus()
    yield window
    window.notifier.bar.hide()


@pytest.mark.gui
@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_what_a_notice_offers_is_within_reach_of_the_keys(active_window, key):
    window, done = active_window, []
    bar = window.notifier.bar
    offered = (
        NoticeAction("A", lambda: done.append("A")),
        NoticeAction("B", lambda: done.append("B")),
    )
    confirmed = window.bench.session.confirmed.copy()
    window.bench.noticed.emit(Notice("Two ways.", Level.WARNING, actions=offered))
    _press(Qt.Key.Key_F2)
    assert QApplication.focusWidget().text() == "A"
    _press(Qt.Key.Key_Tab)
    assert QApplication.focusWidget().text() == "B"
    bar._on_time()
    assert bar.isVisible(), "nothing goes away under somebody's fingers"
    _press(key)
    assert done == ["B"]
    assert not bar.isVisible()
    assert QApplication.focusWidget() is window.canvas
    assert (window.bench.session.confirmed == confirmed).all(), "Enter accepted nothing"


@pytest.mark.gui
def test_escape_leaves_a_notice_and_a_message_that_went_comes_back(active_window):
    window, done = active_window, []
    bar = window.notifier.bar
    offer = NoticeAction("Do it", lambda: done.append(1))
    window.bench.noticed.emit(Notice("It was read.", actions=(offer,)))
    bar._on_time()
    assert not bar.isVisible()
    _press(Qt.Key.Key_F2)
    assert bar.text.text() == "It was read."
    assert not [b for b in bar.findChildren(QPushButton) if b.isVisible()], "too late"
    _press(Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert QApplication.focusWidget() is window.canvas
    assert not done


@pytest.mark.gui
def test_what_had_the_keys_before_may_be_gone(active_window, qtbot):
    """It was a bug in MedLab then, said as soon as the message went."""
    window = active_window
    name = QLineEdit(window.canvas)
    name.show()
    name.setFocus()
    window.bench.noticed.emit(Notice("It was read."))
    _press(Qt.Key.Key_F2)
    name.deleteLater()
    QCoreApplication.sendPostedEvents(name, QEvent.Type.DeferredDelete)
    with qtbot.captureExceptions() as caught:
        _press(Qt.Key.Key_Escape)
    assert not caught
    assert not window.notifier.bar.isVisible()


@pytest.mark.gui
def test_another_notice_puts_no_other_button_under_the_fingers(active_window):
    window, done = active_window, []
    offer = NoticeAction("Do it", lambda: done.append(1))
    window.bench.noticed.emit(Notice("One.", actions=(offer,)))
    _press(Qt.Key.Key_F2)
    window.bench.noticed.emit(Notice("Two.", actions=(offer,)))
    _press(Qt.Key.Key_Space)
    assert not done
    assert not window.notifier.bar.isVisible()


@pytest.mark.gui
def test_every_picture_has_a_name_for_screen_readers(window):
    window.bench.linked.layout = PaneLayout.QUAD
    panes = [window.canvas, *window.views.panes.values(), window.views.volume]
    names = [pane.accessibleName() for pane in panes]
    assert names == ["Axial", "Coronal", "Sagittal", "3D"]


@pytest.mark.gui
def test_a_sentence_that_is_still_up_is_not_put_over_itself(window):
    """A project that vanished was told three times at another series, one by one."""
    gone = ProjectMissingError("There is no MedLab project there. Connect the drive.")
    for title in ("Save", "Open the series", "Rank slices"):
        window.bench.fail(gone, title)
    (box,) = window.notifier.dialogs
    box.close()
    wait_for(lambda: not window.notifier.dialogs)
    window.bench.fail(gone, "Save")
    assert len(window.notifier.dialogs) == 1, "the next time it is told again"
