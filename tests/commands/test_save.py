"""Masks that count: annotate, save, lock."""

from __future__ import annotations

import numpy as np
import pytest
from filelock import FileLock

from medlab_gui.commands.save import (
    ANNOTATE,
    LOCK,
    SAVE,
    AnnotateParams,
    LockParams,
    SaveParams,
    run_annotate,
    run_lock,
    run_save,
)
from medlab_gui.core.errors import ConflictError, GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.io import read_mask, write_image
from medlab_gui.store.fold import current_mask


def stroke(project, k: int, value: int = 2) -> None:
    """Paint a small square into the journal, as the window does."""
    uid = project.series_uid
    with project.ctx.store() as store, store.open_journal(uid) as journal:
        where = (slice(k, k + 1), slice(2, 6), slice(2, 6))
        mask, _, _ = current_mask(store, uid)
        after = np.full((1, 4, 4), value, np.uint8)
        journal.append_edit("brush", where, mask[where], after, author="me")


def test_strokes_become_a_revision_once(small_project):
    params = SaveParams(small_project.series_uid)
    nothing = run_save(params, small_project.ctx)
    assert not nothing["saved"]
    assert nothing["revision"] == 1
    assert "nothing new" in SAVE.text(nothing)
    stroke(small_project, 2)
    told = run_save(params, small_project.ctx)
    assert told["saved"]
    assert told["revision"] == 2
    assert SAVE.text(told) == f"“{told['description']}” is saved as version 2."
    assert SAVE.text({**told, "description": ""}) == "Saved as version 2."
    assert not run_save(params, small_project.ctx)["saved"]
    with small_project.ctx.store() as store:
        latest = store.latest_annotation(small_project.series_uid)
        mask = store.annotation_mask(latest)
        assert (mask[2] == 2).sum() == 16
        assert 2 not in latest.confirmed, "painted is not vouched for"


def test_annotating_changes_the_named_slices_only(small_project, tmp_path):
    uid, ctx = small_project.series_uid, small_project.ctx
    stroke(small_project, 2)
    data, grid = read_mask(small_project.mask)
    file = write_image(tmp_path / "five.nrrd", (data * 5).astype(np.uint8), grid)
    told = run_annotate(
        AnnotateParams(uid, str(file), "5=2", "10-11,14-18", "Dr. A"), ctx
    )
    assert told["slices"] == [9, 10, 16, 17], "locked ones are left out"
    assert ANNOTATE.text(told) == "Labelled: 10-11, 17-18 (version 2)."
    with ctx.store() as store:
        latest = store.latest_annotation(uid)
        assert latest.author == "Dr. A"
        assert {9, 10, 16, 17} <= set(latest.confirmed)
        mask = store.annotation_mask(latest)
    assert np.array_equal(mask[[9, 10]], data[[9, 10]] * 2)
    assert np.array_equal(mask[[8, 13]], data[[8, 13]]), "the others stay"
    assert (mask[2] == 2).sum() == 16, "strokes that were not saved are kept"


def test_values_that_the_translation_leaves_out_are_told(small_project, tmp_path):
    data, grid = read_mask(small_project.mask)
    data[0, 0, :12] = range(20, 32)
    file = write_image(tmp_path / "organs.nrrd", data.astype(np.uint8), grid)
    uid, ctx = small_project.series_uid, small_project.ctx
    told = run_annotate(AnnotateParams(uid, str(file), "1=2", "10"), ctx)
    assert told["background"] == [*range(20, 32)]
    assert ANNOTATE.text(told).endswith(
        "holds 20, 21, 22, 23, 24, 25, 26, 27 and 4 more, which the translation does "
        "not name: they are background."
    )


def test_nothing_is_slipped_under_the_hands_of_another_window(small_project):
    """Its next stroke or undo would be one of a mask that nobody there has seen."""
    uid, ctx = small_project.series_uid, small_project.ctx
    whole = AnnotateParams(uid, slices="2", shows="none")
    with ctx.store() as store:
        path = store.journal_path(uid)
        before = store.latest_annotation(uid).revision
    path.parent.mkdir(exist_ok=True)
    with (
        FileLock(path.with_suffix(".lock"), thread_local=False),
        pytest.raises(ConflictError, match="edited in another window"),
    ):
        run_annotate(whole, ctx)
    with ctx.store() as store:
        assert store.latest_annotation(uid).revision == before
        with store.open_journal(uid):  # as the window that asks for it itself
            assert run_annotate(whole, ctx)["revision"] == before + 1
    assert run_annotate(whole, ctx)["revision"] == before + 2


def test_masks_that_cannot_be_taken(small_project, tmp_path):
    uid, ctx = small_project.series_uid, small_project.ctx
    data, grid = read_mask(small_project.mask)
    seven = write_image(tmp_path / "7.nii", (data * 7).astype(np.uint8), grid)
    moved = np.array(grid.affine)
    moved[0, 3] += 1.0
    shifted = write_image(tmp_path / "s.nii", data, Grid(grid.shape, moved))
    for params, error, said in (
        (AnnotateParams(uid, str(seven)), InputError, r"value 7, .*--map 5=1"),
        (AnnotateParams(uid, str(shifted)), GeometryError, "does not lie"),
        (AnnotateParams(uid, str(small_project.mask), slices="99"), InputError, "1 to"),
        (AnnotateParams(uid, str(small_project.mask), map="x"), InputError, "pair"),
        (
            AnnotateParams(uid, str(small_project.mask), map="5=1"),
            InputError,
            r"none of the values that are translated \(5\); it holds 1\.",
        ),
        (
            AnnotateParams(uid, str(small_project.mask), slices="14-16"),
            InputError,
            "locked validation set",
        ),
        (AnnotateParams("1.2.3", str(seven)), InputError, "no series"),
        (AnnotateParams(uid, str(tmp_path / "gone.nii")), InputError, "gone"),
    ):
        with pytest.raises(error, match=said):
            run_annotate(params, ctx)
    with ctx.store() as store:
        assert store.latest_annotation(uid).revision == 1


def test_only_labelled_slices_are_locked(small_project):
    uid, ctx = small_project.series_uid, small_project.ctx
    with pytest.raises(InputError, match="17-18 are not labelled"):
        run_lock(LockParams(uid, "16-18"), ctx)
    told = run_lock(LockParams(uid, "13"), ctx)
    assert told["locked"] == [12]
    assert told["n_locked"] == 4
    assert "4 locked slices" in LOCK.text(told)
