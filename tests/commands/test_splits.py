from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.commands.save import AnnotateParams, LockParams, run_annotate, run_lock
from medlab_gui.commands.splits import (
    JUDGES_CHOSE,
    draw_split,
    fold_sources,
    read_split,
    write_split,
)
from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.core.geometry import Grid


@pytest.fixture
def two_patients(tmp_path):
    """A project of two files that name no patient: each is one."""
    from medlab_gui.io import write_image

    ctx = Context(str(tmp_path / "two"))
    uids = []
    for name, (y0, x0), seed in (("one", (20, 20), 1), ("two", (40, 44), 2)):
        z, y, x = np.mgrid[:12, :64, :64]
        ball = (z - 6) ** 2 * 4 + (y - y0) ** 2 + (x - x0) ** 2 < 14**2
        noise = np.random.default_rng(seed).normal(0, 15, ball.shape)
        grid = Grid.from_spacing(ball.shape, (4.0, 2.0, 2.0))
        image, mask = tmp_path / f"{name}.nii", tmp_path / f"{name}_mask.nii"
        write_image(image, (np.where(ball, 90, -60) + noise).astype(np.int16), grid)
        write_image(mask, ball.astype(np.uint8), grid)
        uid = import_(ImportParams(str(image)), ctx)["series"][0]["uid"]
        run_annotate(AnnotateParams(uid, str(mask), slices="4-9"), ctx)
        uids.append(uid)
    return ctx, *uids


def indices(source):
    return [k.slice_index for k in source.keys]


def test_one_patient_judges_itself_and_neighbours_are_left_out(small_project):
    with small_project.ctx.store() as store:
        split = draw_split(store, 0)
        assert indices(split.validation) == [13, 14, 15]
        assert indices(split.training) == list(range(5, 12))
        assert split.same_patient
        assert split.note.startswith("Of 8 labelled slices 1 is next to a")


def test_a_patient_who_judges_does_not_teach(two_patients):
    project, judge_uid, other_uid = two_patients
    run_lock(LockParams(judge_uid, "8-9"), project)
    with project.store() as store:
        split = draw_split(store, 0)
        assert {k.series_uid for k in split.validation.keys} == {judge_uid}
        assert {k.series_uid for k in split.training.keys} == {other_uid}
        assert not split.same_patient
        assert "belong to patients who judge" in split.note


def test_a_patient_taken_in_twice_does_not_teach_beside_himself(two_patients, tmp_path):
    """The copy's other slices are of who judges, though they look like none of his."""
    from medlab_gui.io import read_one, write_image

    project, judge_uid, other_uid = two_patients
    _found, volume = read_one(tmp_path / "one.nii")
    copy = tmp_path / "copy.nii"
    write_image(copy, (volume.data + 1).astype(np.int16), volume.grid)
    copy_uid = import_(ImportParams(str(copy)), project)["series"][0]["uid"]
    mask = str(tmp_path / "one_mask.nii")
    run_annotate(AnnotateParams(copy_uid, mask, slices="4-9"), project)
    run_lock(LockParams(judge_uid, "8-9"), project)
    with project.store() as store:
        split = draw_split(store, 0)
        assert {k.series_uid for k in split.training.keys} == {other_uid}


def test_a_split_is_written_down_and_read_back(small_project, tmp_path):
    with small_project.ctx.store() as store:
        split = draw_split(store, 0)
        assert read_split(store, tmp_path) is None
        write_split(tmp_path, split)
        again = read_split(store, tmp_path)
        assert again.training.truth == split.training.truth
        assert again.validation.truth == split.validation.truth
        assert again.same_patient == split.same_patient
        # Older runs set nobody aside: that the judges chose is told where they go on.
        assert again.choosers is None
        assert again.note == f"{split.note} {JUDGES_CHOSE}".strip()
        write_split(tmp_path, replace(split, choosers=split.training))
        assert read_split(store, tmp_path).note == split.note
        (tmp_path / "split.json").write_text("[]")
        with pytest.raises(DamagedFileError, match="start a new run"):
            read_split(store, tmp_path)


def test_folds_never_hold_a_locked_slice(small_project):
    with small_project.ctx.store() as store:
        folds = fold_sources(store, 2, 0)
        judged = [k for fold in folds for k in indices(fold.validation)]
        assert sorted(judged) == list(range(5, 13))
        assert all(fold.same_patient for fold in folds)
        for fold in folds:
            assert not set(indices(fold.training)) & set(indices(fold.validation))
        with pytest.raises(InputError, match="7 folds cannot be made of 8"):
            fold_sources(store, 7, 0)


def test_folds_part_patients(two_patients):
    project, one, two = two_patients
    with project.store() as store:
        folds = fold_sources(store, 2, 0)
        sides = [
            tuple(
                sorted({k.series_uid for k in side.keys})
                for side in (f.training, f.validation)
            )
            for f in folds
        ]
        assert sorted(sides) == sorted([([one], [two]), ([two], [one])])
        assert not any(fold.same_patient for fold in folds)
