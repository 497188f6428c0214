"""The window fits its screen, however small large letters make it."""

import pytest
from qtpy.QtCore import QSize
from qtpy.QtGui import QFont
from qtpy.QtWidgets import QAbstractButton, QApplication, QCheckBox, QLabel

from medlab_gui.gui.dock_area import dock_widths, least_size
from medlab_gui.gui.letter_size import interface_points, picture_font


@pytest.mark.parametrize(
    ("screen", "least"),
    [
        ((1920, 1200), (900, 520)),
        ((1366, 768), (900, 520)),
        ((911, 512), (900, 464)),  # 1366 x 768 at 150 %
        ((800, 600), (800, 520)),
    ],
)
def test_the_window_may_always_be_as_small_as_its_screen(screen, least):
    assert least_size(QSize(*screen)) == QSize(*least)


@pytest.mark.gui
def test_the_real_window_asks_for_no_more_than_that(qtbot, monkeypatch, tmp_path):
    from medlab_gui.gui import window

    monkeypatch.setattr(window, "_room", lambda: QSize(911, 512))
    made = window.MedlabWindow(str(tmp_path / "project"))
    try:
        assert made.main.minimumHeight() <= 512 - 30
        assert made.main.minimumSizeHint().height() <= 512 - 30
        assert made.main.minimumSizeHint().width() <= 911
    finally:
        made.close()
        made.deleteLater()


@pytest.fixture
def desktop(qapp):
    """Choose the letters of the desktop."""
    before = QApplication.font()

    def choose(points):
        font = QFont(before)
        font.setPointSizeF(points)
        QApplication.setFont(font)

    yield choose
    QApplication.setFont(before)


@pytest.mark.gui
@pytest.mark.parametrize(("points", "used"), [(6, 9), (9, 9), (13, 13), (40, 18)])
def test_letters_are_as_large_as_the_desktop_has_them(desktop, points, used):
    desktop(points)
    assert interface_points() == used
    larger = min(used / 9, 1.4)
    font = picture_font(QApplication.font())
    assert font.pointSizeF() == pytest.approx(10 * larger)


@pytest.mark.gui
def test_docks_are_as_much_wider_as_the_screen_has_room(desktop):
    assert dock_widths(1366) == [270, 340]
    desktop(11)
    assert dock_widths(1366) == [330, 416]
    desktop(18)
    left, right = dock_widths(1366)
    assert left > 270
    assert right > 340
    assert 1366 - left - right > 0.4 * 1366
    assert dock_widths(800) == [270, 340], "as small screens always had them"


@pytest.mark.gui
def test_large_letters_are_large_everywhere_and_not_cut(desktop, fresh_window):
    desktop(15)
    window = fresh_window()
    for name, dock in window.docks.items():
        dock.show()
        dock.raise_()
        QApplication.processEvents()
        inner = dock.widget()
        parts = [*inner.findChildren(QAbstractButton), *inner.findChildren(QLabel)]
        for part in (p for p in parts if p.isVisible() and p.text()):
            told = f"{name}: {part.text()!r}"
            assert part.font().pointSizeF() >= 14, told
            if isinstance(part, QCheckBox):
                assert part.width() >= part.sizeHint().width(), told
    for part in (window.status.mode, window.status.saved):
        assert part.font().pointSizeF() >= 14
