"""A second series that lies beside the open one in files, not yet in the project."""

from __future__ import annotations

import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMenu, QWidget

from medlab_gui.gui.incoming import questions
from medlab_gui.gui.pair.choose_series import SeriesChooser
from medlab_gui.gui.pair.pair_actions import add_compare
from tests.gui.hand import LEFT
from tests.gui.incoming_bench import bench, errors, idle, is_stored
from tests.synthetic import phantom_values, plain_grid, tilted_grid, write_series

__all__ = ["bench"]
pytestmark = pytest.mark.gui

FIRST, SECOND, TILTED = "1.2.3.1", "1.2.3.2", "1.2.3.3"


def named(text, number):
    def edit(ds, _k):
        ds.SeriesDescription, ds.SeriesNumber = text, number

    return edit


@pytest.fixture
def study(qtbot, bench, tmp_path):
    """A folder of two series; the larger one is open and in the project."""
    folder, grid = tmp_path / "study", plain_grid((9, 20, 24))
    write_series(folder / "a", plain_grid(), series_uid=FIRST, edit=named("Portal", 1))
    write_series(
        folder / "b",
        grid,
        phantom_values(grid) // 2,
        series_uid=SECOND,
        edit=named("Arterial", 2),
    )
    bench.incoming.open((folder,))
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)
    assert [s.description for s in bench.store.series_list()] == ["Portal"]
    return bench


@pytest.fixture
def owner(qtbot):
    """A widget that takes dialogs, which delete themselves, with it."""
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def rows(dialog):
    return [dialog.list.item(n).text() for n in range(dialog.list.count())]


@pytest.mark.parametrize("overlay", [False, True])
def test_siblings_in_the_files_are_listed_and_come_in_when_chosen(
    qtbot, study, owner, overlay
):
    dialog = SeriesChooser(study, owner)
    assert len(rows(dialog)) == 1
    assert rows(dialog)[0].startswith("Arterial\nCT, 9 slices, not in the project yet")
    jobs = []
    study.job_started.connect(lambda job: jobs.append(job.title))
    QTest.mouseClick(dialog.over if overlay else dialog.beside, LEFT)
    qtbot.waitUntil(lambda: study.pair.second is not None)
    idle(qtbot, study)
    assert any("Arterial" in title for title in jobs)  # it has a progress bar
    second = study.pair.second
    assert second.volume.grid.shape[0] == 9
    assert (study.pair.beside, study.pair.overlay) == (not overlay, overlay)
    assert study.session.volume.grid.shape[0] == 12  # the first one stays open
    listed = {s.uid: s.description for s in study.store.series_list()}
    assert listed[second.uid] == "Arterial"
    again = SeriesChooser(study, owner)
    assert len(rows(again)) == 1
    assert "not in the project" not in rows(again)[0]
    assert errors(study) == []


def test_the_list_grows_when_the_search_ends(qtbot, study, owner, tmp_path):
    dialog = SeriesChooser(study, owner)
    write_series(tmp_path / "x" / "a", plain_grid(), series_uid=FIRST)
    write_series(tmp_path / "x" / "b", plain_grid((5, 20, 24)), series_uid="1.2.3.9")
    study.incoming.open((tmp_path / "x",))
    assert rows(dialog) == []
    assert "still being looked through" in dialog.told.text()
    assert not dialog.beside.isEnabled()
    qtbot.waitUntil(lambda: len(rows(dialog)) == 1)
    assert "5 slices" in rows(dialog)[0]
    assert dialog.beside.isEnabled()
    idle(qtbot, study)
    dialog.reject()
    study.incoming.open((tmp_path / "x",))  # nothing is told to a dialog that is gone
    idle(qtbot, study)


def test_the_menu_of_the_list_of_studies_brings_it_in(qtbot, study, owner):
    found = next(s for s in study.incoming.found if s.n_slices == 9)
    menu = QMenu(owner)
    add_compare(menu, study, found.uid)
    menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: study.pair.second is not None)
    assert study.pair.second.volume.grid.shape[0] == 9


@pytest.mark.parametrize("way", ["straighten", "keep-as-measured", "refused"])
def test_a_question_about_its_geometry_is_asked_first(
    qtbot, study, owner, tmp_path, way
):
    asked = []
    write_series(tmp_path / "study" / "c", tilted_grid(), series_uid=TILTED)
    study.incoming.open((tmp_path / "study",))
    idle(qtbot, study)
    qtbot.waitUntil(lambda: is_stored(study))
    first = study.session.series_uid
    study.incoming.ask = lambda found, answer, refuse: (
        asked.append(found),
        refuse() if way == "refused" else answer(([way], None)),
    )
    dialog = SeriesChooser(study, owner)
    tilted = next(s for s in study.incoming.found if questions(s))
    assert tilted.uid != first
    n = next(
        n
        for n in range(dialog.list.count())
        if dialog.list.item(n).data(256) == tilted.uid
    )
    dialog.list.setCurrentRow(n)
    QTest.mouseClick(dialog.beside, LEFT)
    idle(qtbot, study)
    assert [one.uid for one in asked] == [tilted.uid]
    if way == "refused":
        assert study.pair.second is None
        return
    qtbot.waitUntil(lambda: study.pair.second is not None)
    record = study.store.series(study.pair.second.uid)
    assert [a.code for a in record.remedies] == [way]
