"""The window fits its screen, however small large letters make it."""

import pytest
from qtpy.QtCore import QSize

from medlab_gui.gui.dock_area import least_size


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
