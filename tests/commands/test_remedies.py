"""Ways out of geometry problems on the command line: offered, asked for, remembered."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from medlab_gui.cli.main import main
from medlab_gui.commands.command import Context
from medlab_gui.commands.export import EXPORT, ExportParams
from medlab_gui.commands.export import run as export
from medlab_gui.commands.import_ import IMPORT, ImportParams, run
from medlab_gui.commands.inspect_ import INSPECT, InspectParams
from medlab_gui.commands.inspect_ import run as inspect
from medlab_gui.commands.list_ import LIST, ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.commands.save import AnnotateParams, run_annotate
from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.io import read_mask, read_one, write_image
from tests.synthetic import phantom_values, plain_grid, tilted_grid, write_series


@pytest.fixture
def ctx(tmp_path) -> Context:
    return Context(str(tmp_path / "project"))


@pytest.fixture
def tilted(tmp_path):
    write_series(tmp_path / "scan", tilted_grid())
    return str(tmp_path / "scan")


def test_inspect_lists_the_ways_out(tilted):
    told = inspect(InspectParams(tilted), Context())
    (problem,) = told["series"][0]["problems"]
    assert [r["code"] for r in problem["remedies"]] == [
        "keep-as-measured",
        "straighten",
    ]
    assert all(r["title"] and r["effect"] for r in problem["remedies"])
    words = INSPECT.text(told)
    assert "ways out: keep-as-measured, straighten" in words
    assert "straighten: Resample onto a straight grid." in words
    assert "nothing happens unasked" in words


def test_a_sound_scan_offers_nothing(tmp_path):
    write_series(tmp_path, plain_grid())
    assert "ways out" not in INSPECT.text(inspect(InspectParams(str(tmp_path)), None
                                                  or Context())).lower()  # fmt: skip


def test_what_was_chosen_stays_with_the_series(tilted, ctx):
    as_measured = run(ImportParams(tilted), ctx)["series"][0]
    told = run(ImportParams(tilted, remedy="straighten"), ctx)
    (straight,) = told["series"]
    assert straight["uid"] != as_measured["uid"]
    assert not straight["already_there"]
    assert "straighten: Slices were moved" in IMPORT.text(told)
    listed = list_(ListParams(), ctx)
    assert [s["description"] for s in listed["series"]] == [
        "phantom",
        "phantom, resampled",
    ]
    assert [[r["code"] for r in s["remedies"]] for s in listed["series"]] == [
        [],
        ["straighten"],
    ]
    assert "straighten: Slices were moved" in LIST.text(listed)
    with ctx.store() as store:
        record = store.series(straight["uid"])
        assert record.remedies[0].details["source"]["size"] == [20, 24]
        grid, data = record.grid, np.array(store.array(record.blob))
    assert grid.voxel_volume_mm3 == pytest.approx(np.prod(grid.spacing))
    inside = data != data.min()
    expected = phantom_values(grid)
    # Linear interpolation blurs the wall of the ball, and nothing else.
    assert np.mean(np.abs(data - expected.astype(int))[inside] <= 2) > 0.9


def test_a_choice_made_later_is_kept_too(tilted, ctx):
    run(ImportParams(tilted), ctx)
    (told,) = run(ImportParams(tilted, remedy="keep-as-measured"), ctx)["series"]
    assert told["already_there"]
    assert [r["code"] for r in told["remedies"]] == ["keep-as-measured"]
    (listed,) = list_(ListParams(), ctx)["series"]
    assert [r["code"] for r in listed["remedies"]] == ["keep-as-measured"]


def test_several_on_the_command_line(tmp_path, capsys):
    present = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]
    write_series(tmp_path / "scan", tilted_grid(), slices=present)
    code, _ = main(
        ["import", str(tmp_path / "scan"), "--project", str(tmp_path / "p"), "--json",
         "--remedy", "straighten", "--remedy", "even-grid"]
    )  # fmt: skip
    assert code == 0
    (series,) = json.loads(capsys.readouterr().out)["series"]
    assert [r["code"] for r in series["remedies"]] == ["straighten", "even-grid"]
    assert series["n_slices"] == 12
    assert "not-measured" in {p["code"] for p in series["problems"]}


def test_a_spacing_on_the_command_line(tmp_path, capsys):
    write_series(
        tmp_path / "scan",
        plain_grid(),
        edit=lambda ds, _: ds.__delattr__("PixelSpacing"),
    )
    place = ["import", str(tmp_path / "scan"), "--project", str(tmp_path / "p")]
    code, _ = main([*place, "--json"])
    assert code == 2
    assert "how large a pixel is" in capsys.readouterr().err
    code, _ = main([*place, "--json", "--spacing", "3,1.5,1.25"])
    assert code == 0
    (series,) = json.loads(capsys.readouterr().out)["series"]
    assert [r["code"] for r in series["remedies"]] == ["given-spacing"]
    code, _ = main([*place, "--spacing", "3,1.5"])
    assert code == 2
    assert "not a spacing" in capsys.readouterr().err


def test_what_fits_nothing_changes_nothing(tmp_path, tilted, ctx):
    with pytest.raises(InputError, match=r"last-of-each.*keep-as-measured, straighten"):
        run(ImportParams(tilted, remedy="last-of-each"), ctx)
    with pytest.raises(InputError, match="no remedy 'strighten'"):
        run(ImportParams(tilted, remedy="strighten"), ctx)
    assert not (tmp_path / "project").exists()


def test_a_mask_of_a_resampled_series_is_never_passed_off_as_the_originals(
    tmp_path, tilted, ctx
):
    (told,) = run(ImportParams(tilted, remedy="straighten"), ctx)["series"]
    uid = told["uid"]
    _, native = read_one(tilted)
    mask = (native.data > -200).astype(np.uint8)
    write_image(tmp_path / "original.nii", mask, native.grid)
    with pytest.raises(GeometryError, match="does not lie on the voxels"):
        run_annotate(AnnotateParams(uid, str(tmp_path / "original.nii")), ctx)

    with ctx.store() as store:
        series = store.series(uid)
        data = np.array(store.array(series.blob))
    labels = (data > -200).astype(np.uint8)
    own = series.reorientation
    write_image(tmp_path / "in.nii", own.restore(labels), own.source)
    run_annotate(AnnotateParams(uid, str(tmp_path / "in.nii")), ctx)

    straight = tmp_path / "straight.nii.gz"
    told = export(ExportParams(uid, str(straight)), ctx)
    assert told["grid"] == "resampled"
    assert "does not fit the original files" in EXPORT.text(told)
    assert np.array_equal(np.asarray(nibabel.load(straight).dataobj).T, labels)

    back = tmp_path / "back.nii.gz"
    told = export(ExportParams(uid, str(back), grid="original"), ctx)
    assert told["grid"] == "original"
    assert "nearest neighbour" in EXPORT.text(told)
    values, grid = read_mask(back)
    assert grid.same_as(native.grid, 0.01)
    overlap = 2 * np.logical_and(values, mask).sum() / (values.sum() + mask.sum())
    assert overlap > 0.95

    with pytest.raises(InputError, match="Only masks are carried back"):
        export(ExportParams(uid, str(tmp_path / "x.nii"), "image", "original"), ctx)


def test_an_untouched_series_says_nothing_of_resampling(tmp_path, ctx):
    write_series(tmp_path / "scan", plain_grid())
    (told,) = run(ImportParams(str(tmp_path / "scan")), ctx)["series"]
    out = export(ExportParams(told["uid"], str(tmp_path / "o.nii"), "image"), ctx)
    assert out["grid"] == "original"
    assert out["note"] == ""
    assert "resampled" not in EXPORT.text(out)


def test_a_project_of_before_has_no_choices(tmp_path, tilted, ctx):
    """Series that were taken in before there was the column."""
    import sqlite3

    (told,) = run(ImportParams(tilted), ctx)["series"]
    database = sqlite3.connect(tmp_path / "project" / "project.db")
    database.execute("UPDATE series SET remedies = NULL")
    database.commit()
    database.close()
    with ctx.store() as store:
        assert store.series(told["uid"]).remedies == ()
