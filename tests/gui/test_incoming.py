"""Folders on their way into the window: looked through, looked at, taken in."""

from __future__ import annotations

import threading
import zipfile

import numpy as np
import pytest

from medlab_gui.core.geometry import Grid
from medlab_gui.core.measurements import Plane
from medlab_gui.gui import incoming
from medlab_gui.gui.reading_note import reading_text
from medlab_gui.gui.view_state import Mode
from medlab_gui.io import write_image
from tests.gui.incoming_bench import bench, errors, idle, is_stored, nothing_written
from tests.synthetic import (
    cut_short,
    phantom_values,
    plain_grid,
    tilted_grid,
    write_series,
)

__all__ = ["bench"]
pytestmark = pytest.mark.gui


# ---- searching -------------------------------------------------------------------


class HeldSearch:
    """Holds the looking through files until it is let go."""

    def __init__(self, monkeypatch) -> None:
        self.go, real = threading.Event(), incoming.look_through

        def look_through(paths, ctx):
            assert self.go.wait(120)
            return real(paths, ctx)

        monkeypatch.setattr(incoming, "look_through", look_through)


@pytest.mark.parametrize("when", ["before it looks", "when it has just looked"])
def test_cancelling_the_search_opens_nothing(qtbot, bench, tmp_path, monkeypatch, when):
    search = HeldSearch(monkeypatch)
    write_series(tmp_path / "scan", plain_grid())
    bench.incoming.open((tmp_path / "scan",))
    assert bench.incoming.is_scanning
    has_looked = when == "when it has just looked"
    if has_looked:
        search.go.set()
        (job,) = bench.jobs.active
        assert job.wait(120)
    bench.incoming.cancel()
    search.go.set()
    idle(qtbot, bench)
    assert not bench.incoming.is_scanning
    assert [s.n_slices for s in bench.incoming.found] == [12] * has_looked
    assert bench.session is None
    assert nothing_written(bench)
    told = bench.told[-1].text
    assert told.startswith("Stopped when all" if has_looked else "Stopped before a")


def test_what_was_found_when_the_search_is_stopped_stays_listed(
    qtbot, bench, tmp_path, monkeypatch
):
    from medlab_gui.io.dicom_quick import HeaderReader

    patients(tmp_path / "disc")
    seen, go_on, real = [], threading.Event(), HeaderReader.read

    def read(self, path, file, head):
        seen.append(path)
        if len(seen) == 20:  # all of the first patient, a part of the second
            assert go_on.wait(120)
        return real(self, path, file, head)

    monkeypatch.setattr(HeaderReader, "read", read)
    bench.incoming.open((tmp_path / "disc",))
    qtbot.waitUntil(lambda: len(bench.incoming.found) == 2)
    bench.incoming.cancel()
    go_on.set()
    idle(qtbot, bench)
    assert len(seen) == 20
    found = bench.incoming.found
    assert sorted(s.n_slices for s in found) == [8, 12]
    assert bench.session is None
    assert nothing_written(bench)
    assert "Stopped after 20 of 28 files. 2 series" in bench.told[-1].text
    monkeypatch.undo()
    # What may be half a series says so, in the list and in the project.
    small = next(s for s in found if s.n_slices == 8)
    bench.incoming.open_found(small)
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)
    codes = [p.code for p in bench.session.series.problems]
    assert "search-stopped" in codes
    # Looked through to the end it opens whole, beside what came of the half.
    bench.incoming.open((tmp_path / "disc",))
    qtbot.waitUntil(lambda: bench.session.volume.grid.shape[0] == 15)
    idle(qtbot, bench)
    assert "search-stopped" not in [p.code for p in bench.session.series.problems]


@pytest.mark.parametrize("first", ["scan", "nothing"])
def test_what_was_just_found_does_not_open_over_what_is_wanted_now(
    qtbot, bench, tmp_path, first
):
    """The first search had ended by then, so that nothing could stop it any more."""
    write_series(tmp_path / "scan", plain_grid())
    write_series(tmp_path / "other", plain_grid((9, 20, 24)))
    (tmp_path / "nothing").mkdir()
    bench.incoming.open((tmp_path / first,))
    (job,) = bench.jobs.active
    assert job.wait(120)
    bench.incoming.open((tmp_path / "other",))
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)
    assert [s.n_slices for s in bench.incoming.found] == [9]
    assert bench.session.volume.grid.shape[0] == 9
    assert len(bench.store.series_list()) == 1
    assert errors(bench) == []


def test_the_rest_of_a_series_opens_beside_what_was_there(qtbot, bench, tmp_path):
    """A person drops one slice, sees it, and drops the folder."""
    for name, slices in (("one", [3]), ("all", None)):
        write_series(tmp_path / name, plain_grid(), slices=slices, series_uid="1.2.3.4")
        bench.incoming.open((tmp_path / name,))
        qtbot.waitUntil(lambda: is_stored(bench))
        idle(qtbot, bench)
    whole = bench.session
    assert whole.volume.grid.shape[0] == 12
    assert {s.n_slices for s in bench.store.series_list()} == {1, 12}
    bench.incoming.open((tmp_path / "one",))
    qtbot.waitUntil(lambda: bench.session is not whole and is_stored(bench))
    idle(qtbot, bench)
    assert bench.session.volume.grid.shape[0] == 1
    bench.incoming.open((tmp_path / "all",))
    idle(qtbot, bench)
    qtbot.waitUntil(lambda: bench.session.volume.grid.shape[0] == 12)
    assert len(bench.store.series_list()) == 2
    assert errors(bench) == []


# ---- what there is ----------------------------------------------------------------


def patients(folder):
    """Three patients; the second has most slices, the third only a single one."""

    def named(name, key, uid):
        def edit(ds, _k):
            ds.PatientName, ds.PatientID, ds.StudyInstanceUID = name, key, uid

        return edit

    write_series(folder / "a", plain_grid(), edit=named("王^小東", "a", "1.2.1"))
    many = plain_grid((15, 20, 24))
    write_series(folder / "b", many, edit=named("Müller^Käthe", "b", "1.2.2"))
    one = plain_grid()
    write_series(
        folder / "c", one, edit=named("c", "c", "1.2.3"), slices=[3], modality="MR"
    )


def test_values_that_the_sender_has_mended_open_beside_the_old_ones(
    qtbot, bench, tmp_path
):
    """The old ones opened, without a word."""
    grid = plain_grid()
    values = phantom_values(grid)
    write_series(tmp_path / "first", grid, values, series_uid="1.2.3")
    write_series(tmp_path / "mended", grid, values + 7, series_uid="1.2.3")
    for name in ("first", "mended"):
        bench.incoming.open((tmp_path / name,))
        qtbot.waitUntil(lambda: not bench.incoming.is_scanning)
        idle(qtbot, bench)
    assert "other grey values" in bench.told[-1].text
    assert bench.session.series_uid != "1.2.3"
    found = np.sort(bench.session.volume.data, axis=None)
    assert np.array_equal(found, np.sort(values + 7, axis=None))
    assert len(bench.store.series_list()) == 2


@pytest.mark.parametrize("what", ["values", "geometry"])
def test_files_that_were_overwritten_where_they_lie(qtbot, bench, tmp_path, what):
    """What the project had opened, and nobody was told."""
    grid = plain_grid((40, 20, 24))
    values = np.maximum(phantom_values(grid), -1000)
    moved = grid.affine.copy()
    write_series(tmp_path / "scan", grid, values, series_uid="1.2.3")
    open_all(qtbot, bench, tmp_path / "scan")
    assert bench.session.series_uid == "1.2.3"
    bench.close_series()
    if what == "values":
        values[7] += 9
    else:
        moved[:3, 3] += 4
    grid = Grid(grid.shape, moved)
    write_series(tmp_path / "scan", grid, values, series_uid="1.2.3")
    for _ in range(2):
        open_all(qtbot, bench, tmp_path / "scan")
        said = {"values": "1 of 40 slices than when", "geometry": "another geometry"}
        assert said[what] in bench.told[-1].text
        assert bench.session.series_uid != "1.2.3"
        assert bench.session.volume.grid.same_as(grid)
        assert np.array_equal(bench.session.volume.data, values)
        assert not bench.session.mask.any()
        bench.close_series()
    assert len(bench.store.series_list()) == 2
    assert errors(bench) == []


def test_files_that_were_damaged_where_they_lie(qtbot, bench, tmp_path):
    """The project's series opens, and it is said that the files are others now."""
    files = write_series(tmp_path / "scan", plain_grid(), series_uid="1.2.3")
    open_all(qtbot, bench, tmp_path / "scan")
    bench.close_series()
    cut_short(files[3], 100)
    open_all(qtbot, bench, tmp_path / "scan")
    assert bench.session.series_uid == "1.2.3"
    told = " ".join(n.text for n in bench.told)
    assert "cannot be compared with what the project has" in told
    assert files[3].name in told


def open_all(qtbot, bench, place):
    bench.incoming.open((place,))
    qtbot.waitUntil(lambda: not bench.incoming.is_scanning)
    idle(qtbot, bench)
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)


def test_of_several_patients_the_largest_opens_and_all_are_listed(
    qtbot, bench, tmp_path
):
    patients(tmp_path / "disc")
    bench.incoming.open((tmp_path / "disc",))
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)
    assert bench.session.volume.grid.shape[0] == 15
    assert sorted(s.n_slices for s in bench.incoming.found) == [1, 12, 15]
    assert len(bench.store.series_list()) == 1
    assert "王" in " ".join(bench.incoming.names.values())
    told = " ".join(n.text for n in bench.told)
    assert "3 series were found" in told
    # Names are in memory only.
    for path in bench.store.folder.rglob("*"):
        if path.is_file():
            assert "Käthe".encode() not in path.read_bytes()


def test_series_are_listed_while_files_are_looked_at(
    qtbot, bench, tmp_path, monkeypatch
):
    from medlab_gui.io import scan as scan_module
    from medlab_gui.io.dicom_quick import HeaderReader

    assert scan_module is not None
    patients(tmp_path / "disc")
    seen, go_on = [], threading.Event()
    real = HeaderReader.read

    def read(self, path, file, head):
        seen.append(path)
        if len(seen) == 20:  # all of the first patient, a part of the second
            assert go_on.wait(120)
        return real(self, path, file, head)

    monkeypatch.setattr(HeaderReader, "read", read)
    bench.incoming.open((tmp_path / "disc",))
    try:
        qtbot.waitUntil(lambda: len(bench.incoming.found) == 2)
        assert bench.incoming.is_scanning
        assert bench.session is None
        # What is known by halves is not opened; the wish is remembered.
        small = next(s for s in bench.incoming.found if "王" in s.patient_name)
        bench.incoming.open_found(small)
        assert bench.incoming.opening is None
    finally:
        go_on.set()
    qtbot.waitUntil(lambda: is_stored(bench))
    assert bench.session.volume.grid.shape[0] == 12


def test_what_the_project_has_opens_from_it(qtbot, bench, gate, tmp_path):
    gate.open()
    write_series(tmp_path / "scan", plain_grid())
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)
    bench.close_series()
    n = len(gate.asked)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)
    assert len(gate.asked) == n
    assert len(bench.store.series_list()) == 1


@pytest.mark.parametrize("to", ["series", "files", "project"])
def test_who_went_on_while_files_were_compared_stays_there(
    qtbot, bench, gate, tmp_path, to
):
    """When all was read, minutes later, the picture changed under the hand."""
    gate.open()
    write_series(tmp_path / "scan", plain_grid(), series_uid="1.2.3")
    write_series(tmp_path / "other", plain_grid((9, 20, 24)), series_uid="1.2.4")
    for name in ("other", "scan"):
        open_all(qtbot, bench, tmp_path / name)
    bench.close_series()
    gate.shut()
    n = len(gate.asked)
    for file in (tmp_path / "scan").iterdir():
        file.touch()
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: len(gate.asked) > n)  # they are being compared
    if to == "files":
        bench.incoming.open((tmp_path / "other",))
    elif to == "series":
        bench.open_series("1.2.4")
    else:
        bench.open_project(str(tmp_path / "another"), create=True)
        qtbot.waitUntil(lambda: bench.project_place == str(tmp_path / "another"))
    if to != "project":
        qtbot.waitUntil(lambda: is_stored(bench))
    gate.open()
    idle(qtbot, bench)
    assert errors(bench) == []
    if to == "project":
        assert bench.session is None
    else:
        assert bench.session.series_uid == "1.2.4"


@pytest.mark.parametrize("what", ["empty", "text", "zip", "nowhere"])
def test_what_holds_no_scan_is_one_sentence(qtbot, bench, tmp_path, what):
    path = tmp_path / what
    if what == "empty":
        path.mkdir()
    elif what == "text":
        path.write_text("no scan")
    elif what == "zip":
        path.write_bytes(b"PK\x03\x04" + bytes(60))
    bench.incoming.open((path,))
    qtbot.waitUntil(lambda: bool(errors(bench)))
    (sentence,) = errors(bench)
    assert what in sentence
    assert "Traceback" not in sentence
    assert bench.session is None


def test_a_zip_opens(qtbot, bench, tmp_path):
    grid = plain_grid()
    files = write_series(tmp_path / "scan", grid)
    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        for file in files:
            archive.write(file, f"disc/{file.name}")
    bench.incoming.open((tmp_path / "scan.zip",))
    qtbot.waitUntil(lambda: is_stored(bench))
    assert np.array_equal(bench.session.volume.data, phantom_values(grid))


# ---- questions ----------------------------------------------------------------------


class Person:
    """Somebody who is asked and answers when the test wants."""

    def __init__(self, bench):
        self.questions = []
        bench.incoming.ask = lambda *question: self.questions.append(question)

    def say(self, *codes, spacing=None):
        self.questions[-1][1]((list(codes), spacing))

    def refuse(self):
        self.questions[-1][2]()


def test_a_question_is_asked_over_the_picture_and_nothing_is_written_before(
    qtbot, bench, tmp_path
):
    person = Person(bench)
    write_series(tmp_path / "scan", tilted_grid())
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None and bench.session.stream.done)
    qtbot.waitUntil(lambda: not bench.jobs.active)
    assert len(person.questions) == 1
    assert bench.session.is_provisional
    assert "waiting for what you choose" in reading_text(bench)
    assert nothing_written(bench)
    person.say("keep-as-measured")
    qtbot.waitUntil(lambda: is_stored(bench))
    (series,) = bench.store.series_list()
    assert [r.code for r in series.remedies] == ["keep-as-measured"]


def test_a_way_out_opens_what_comes_of_it(qtbot, bench, tmp_path):
    person = Person(bench)
    write_series(tmp_path / "scan", tilted_grid())
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    person.say("straighten")
    qtbot.waitUntil(lambda: is_stored(bench))
    (series,) = bench.store.series_list()
    assert [r.code for r in series.remedies] == ["straighten"]
    assert len(person.questions) == 1
    assert len(bench.incoming.found) == 2  # as measured, and straightened


def test_who_does_not_want_it_is_led_back(qtbot, bench, tmp_path):
    person = Person(bench)
    write_series(tmp_path / "sound", plain_grid())
    bench.incoming.open((tmp_path / "sound",))
    qtbot.waitUntil(lambda: is_stored(bench))
    uid = bench.session.series.uid
    bench.go_to(3)
    write_series(tmp_path / "scan", tilted_grid(), series_uid="1.2.3.9")
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None and bench.session.is_provisional)
    person.refuse()
    qtbot.waitUntil(lambda: bench.session is not None and is_stored(bench))
    idle(qtbot, bench)
    assert (bench.session.series.uid, bench.session.k) == (uid, 3)
    assert len(bench.store.series_list()) == 1
    assert errors(bench) == []


def test_who_does_not_want_it_gets_nothing(qtbot, bench, tmp_path):
    person = Person(bench)
    write_series(tmp_path / "scan", tilted_grid())
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    person.refuse()
    idle(qtbot, bench)
    assert bench.session is None
    assert nothing_written(bench)


@pytest.mark.parametrize("step", ["_show", "_on_read"])
def test_a_refusal_counts_though_the_files_have_just_been_read(
    qtbot, bench, tmp_path, monkeypatch, step
):
    """The job is done by then, so that cancelling it does nothing any more."""
    from medlab_gui.gui.stream_opening import StreamOpening

    real = getattr(StreamOpening, step)

    def refused(self, *result):
        self.cancel()
        real(self, *result)

    monkeypatch.setattr(StreamOpening, step, refused)
    Person(bench)
    write_series(tmp_path / "scan", tilted_grid())
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: not bench.incoming.is_scanning)
    idle(qtbot, bench)
    assert bench.session is None
    assert nothing_written(bench)


def test_pictures_are_asked_for_their_spacing(qtbot, bench, tmp_path):
    from skimage.io import imsave

    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(5)
    values = rng.integers(0, 255, (5, 20, 24), np.uint8)
    for k, picture in enumerate(values):
        imsave(folder / f"slice{k:02d}.png", picture, check_contrast=False)
    person = Person(bench)
    bench.incoming.open((folder,))
    qtbot.waitUntil(lambda: bool(person.questions))
    assert nothing_written(bench)
    person.say(spacing=(3.0, 0.5, 0.7))
    qtbot.waitUntil(lambda: is_stored(bench))
    assert bench.session.volume.grid.spacing == pytest.approx((3.0, 0.5, 0.7))


@pytest.mark.parametrize("slices", [range(12), [3], [0, 1, 2, 3, 7, 8]])
def test_what_cannot_be_a_volume_says_why(qtbot, bench, tmp_path, slices):
    """Also where its geometry would be a question: no answer makes it whole."""
    person = Person(bench)
    files = write_series(tmp_path / "scan", plain_grid(), slices=slices)
    cut_short(files[slices.index(3)], 100)
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bool(errors(bench)) or bool(person.questions))
    assert not person.questions
    (sentence,) = errors(bench)
    assert sentence.startswith("phantom cannot be opened. ")
    (found,) = bench.incoming.found
    assert found.blocking.message in sentence
    assert bench.session is None
    assert nothing_written(bench)


# ---- scans that are not axial ----------------------------------------------------


def sagittal_grid(shape=(5, 24, 20)):
    """Slices from the right to the left, rows to the feet, columns to the back."""
    affine = np.array(
        [[4.0, 0, 0, -8], [0, 0, 1.0, -10], [0, -1.0, 0, 12], [0, 0, 0, 1]]
    )
    return Grid(shape, affine)


def test_a_sagittal_scan_opens_in_its_own_plane(qtbot, bench, tmp_path):
    grid = sagittal_grid()
    write_series(tmp_path / "in", grid, phantom_values(grid))
    bench.incoming.open((tmp_path / "in",))
    idle(qtbot, bench)
    linked = bench.linked
    assert linked.alone is Plane.SAGITTAL
    assert linked.slice_of(Plane.SAGITTAL) == 2
    bench.mode = Mode.ANNOTATE  # one paints on axial slices
    assert linked.alone is Plane.AXIAL


def test_what_asks_for_an_axial_slice_gets_it(qtbot, bench, tmp_path):
    grid = sagittal_grid()
    write_series(tmp_path / "in", grid, phantom_values(grid))
    bench.incoming.open((tmp_path / "in",))
    idle(qtbot, bench)
    uid = bench.session.series_uid
    bench.open_series(uid, 3)
    assert bench.linked.alone is Plane.AXIAL
    assert bench.session.k == 3


@pytest.mark.parametrize("down", [-1.0, 1.0])
def test_the_first_slice_that_is_read_is_the_one_shown(
    qtbot, bench, gate, tmp_path, down
):
    affine = sagittal_grid().affine.copy()
    affine[2, 1] = down
    grid = Grid((6, 24, 20), affine)
    write_series(tmp_path / "in", grid, np.full(grid.shape, 40, np.int16))
    bench.incoming.open((tmp_path / "in",))
    qtbot.waitUntil(lambda: bool(gate.asked))
    gate.let(gate.asked[0])
    qtbot.waitUntil(lambda: bench.session is not None)
    assert bench.session.is_provisional
    read = np.flatnonzero(bench.session.volume.data.any(axis=(0, 1)))
    assert read.tolist() == [bench.linked.slice_of(Plane.SAGITTAL)]


# ---- which one opens -------------------------------------------------------------


@pytest.mark.parametrize("air", [0, -1000])  # -1000: it is taken for a CT
def test_a_scan_opens_rather_than_its_masks(qtbot, bench, tmp_path, air):
    grid = plain_grid()
    scan_values = np.where(phantom_values(grid) > 0, 40, air).astype(np.int16)
    (tmp_path / "in").mkdir()
    for n, name in enumerate(["a_mask", "liver_seg", "scan", "z-label"]):
        voxels = scan_values if name == "scan" else np.roll(scan_values == 40, n)
        write_image(tmp_path / "in" / f"{name}.nii.gz", voxels.astype(np.int16), grid)
    bench.incoming.open((tmp_path / "in",))
    idle(qtbot, bench)
    assert bench.session.series.description == "scan"


def test_two_people_under_one_id_are_both_named(qtbot, bench, tmp_path):
    for n, name in enumerate(("Meier^Anna", "Schulz^Otto", "MEIER^ANNA^^^")):
        write_series(
            tmp_path / "disc" / str(n),
            plain_grid(),
            edit=lambda ds, _, name=name: setattr(ds, "PatientName", name),
        )
    bench.incoming.open((tmp_path / "disc",))
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)
    (said,) = bench.incoming.names.values()
    assert sorted(said.lower().split(" / ")) == ["meier, anna", "schulz, otto"]
