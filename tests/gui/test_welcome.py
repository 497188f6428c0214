from __future__ import annotations

import pytest
from qtpy.QtWidgets import QLabel, QPushButton, QWidget

from medlab_gui.gui.welcome import Welcome
from medlab_gui.gui.workbench import Workbench
from medlab_gui.store.project import ProjectStore
from tests.gui.docks_phantom import make_project

pytestmark = pytest.mark.gui


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "project"
    ProjectStore.open(place, create=True).close()
    return place


@pytest.mark.parametrize("width", [325, 480, 730])
def test_nothing_of_the_page_is_cut_off(bench, qtbot, width):
    """A screen of 1920 pixels at 200 % leaves 325 to the picture."""
    canvas = QWidget()
    qtbot.addWidget(canvas)
    welcome = Welcome(bench, canvas)
    welcome.setStyleSheet("QPushButton { padding: 9px 22px; font-size: 11pt; }")
    canvas.resize(width, 480)
    canvas.show()
    qtbot.waitExposed(canvas)
    for button in welcome.findChildren(QPushButton):
        qtbot.waitUntil(lambda b=button: b.width() >= b.sizeHint().width())
        assert welcome.rect().contains(button.geometry())
    for label in welcome.findChildren(QLabel):
        if label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width())


def test_jobs_that_come_and_go_read_no_series(bench, qtbot, monkeypatch):
    """Of 300 series that took a twentieth of a second, twice for each small picture."""
    canvas = QWidget()
    qtbot.addWidget(canvas)
    welcome = Welcome(bench, canvas)
    read = []
    monkeypatch.setattr(bench.store, "series_list", lambda: read.append(1) or ())
    with qtbot.waitSignal(bench.job_finished):
        bench.submit("", lambda ctx: None)
    assert not read
    assert not welcome.isVisible()


def test_a_series_is_closed_where_its_project_has_vanished(qtbot, tmp_path):
    """Its lock stayed with the window: when the drive was back, nobody could edit."""
    place = tmp_path / "stick"
    make_project(place, 2)
    bench, canvas = Workbench(str(place)), QWidget()
    qtbot.addWidget(canvas)
    welcome = Welcome(bench, canvas)
    refused = []
    bench.noticed.connect(refused.append)
    try:
        bench.open_project(then=lambda: bench.open_series("1.2.0.1"))
        qtbot.waitUntil(lambda: bench.session is not None)
        place.rename(tmp_path / "pulled out")
        bench.open_series("1.2.1.1")
        assert bench.session is None
        assert not welcome.isHidden()
        qtbot.waitUntil(lambda: bool(refused))
        assert "stick" in refused[-1].text
        (tmp_path / "pulled out").rename(place)
        bench.open_series("1.2.0.1")
        qtbot.waitUntil(lambda: bench.session is not None)
        assert not bench.session.read_only
    finally:
        bench.close()
