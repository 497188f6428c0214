from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.commands.save import AnnotateParams, run_annotate
from medlab_gui.commands.sources import labelled_keys, locked_source, training_source
from medlab_gui.commands.train import TrainParams
from medlab_gui.commands.train import run as train
from medlab_gui.core.display import Display
from medlab_gui.core.errors import InputError


def test_slices_for_training_and_for_judging_are_apart(small_project):
    with small_project.ctx.store() as store:
        learn = training_source(store, seed=0)
        judge = locked_source(store)
        assert [k.slice_index for k in learn.keys] == list(range(5, 13))
        assert [k.slice_index for k in judge.keys] == [13, 14, 15]
        key = learn.keys[6]
        assert learn.image(key).shape == learn.labels(key).shape == (64, 64)
        assert learn.spacing(key) == pytest.approx((2.0, 2.0))
        mean = float(np.mean(learn.image(key)[learn.labels(key) == 1]))
        assert mean == pytest.approx(90, abs=2), "picture and truth fit"
        (study,) = store.studies()
        assert learn.group(key) == study.patient_key


def test_the_truth_of_a_locked_slice_is_pinned(small_project, tmp_path):
    """Drawing over a locked slice's file again changes nothing in the judgement."""
    uid, ctx = small_project.series_uid, small_project.ctx
    with ctx.store() as store:
        judge = locked_source(store)
        before = [judge.labels(k).copy() for k in judge.keys]
    run_annotate(AnnotateParams(uid, str(small_project.mask), "1=2", "6-20"), ctx)
    with ctx.store() as store:
        judge = locked_source(store)
        for key, old in zip(judge.keys, before, strict=True):
            assert np.array_equal(judge.labels(key), old)
        assert {k.slice_index for k in labelled_keys(store)} == {
            *range(5, 13),
            *range(16, 20),
        }


def test_a_validation_set_is_drawn_once(small_project, tmp_path):
    ctx = Context(str(tmp_path / "fresh"))
    uid = import_(ImportParams(str(small_project.image)), ctx)["series"][0]["uid"]
    mask = str(small_project.mask)
    run_annotate(AnnotateParams(uid, mask, slices="3-5"), ctx)
    with ctx.store() as store:
        with pytest.raises(InputError, match="at least 4 labelled slices"):
            training_source(store, seed=0)
        assert store.locked() == ()
    run_annotate(AnnotateParams(uid, mask, slices="3-17"), ctx)
    with ctx.store() as store:
        learn = {k.slice_index for k in training_source(store, seed=0).keys}
        locked = [s.slice_index for s in store.locked()]
        assert 2 <= len(locked) <= 4
        assert not learn & set(locked)
        again = {k.slice_index for k in training_source(store, seed=99).keys}
        assert [s.slice_index for s in store.locked()] == locked
        assert again == learn


def test_what_is_refused_locks_nothing(small_project, tmp_path):
    """It locked empty slices for good, and then said that nothing could be learned."""
    ctx = Context(str(tmp_path / "fresh"))
    uid = import_(ImportParams(str(small_project.image)), ctx)["series"][0]["uid"]
    run_annotate(AnnotateParams(uid, shows="none", slices="6-16"), ctx)
    for folds in (0, 2):
        with pytest.raises(InputError, match="show only background"):
            train(TrainParams(preset="quick-cpu", folds=folds), ctx)
    with ctx.store() as store:
        assert store.locked() == ()
        assert store.runs() == (), "nor does a cross-validation leave a failed run"


def test_what_only_fills_the_picture_is_dark_in_training(small_project):
    with small_project.ctx.store() as store:
        source = training_source(store, seed=0)
        key = source.keys[6]
        plain = source.image(key)
        low = float(plain.min())
        series = store.series(key.series_uid)
        source._series[key.series_uid] = replace(
            series, display=Display(padding=(low - 1, low))
        )
        found = source.image(key)
        assert found.min() == plain[plain > low].min()
        assert np.array_equal(found[plain > low], plain[plain > low])
        assert np.array_equal(source.scan(key)[key.slice_index], found)
        assert np.array_equal(source.unmeasured(key), plain <= low)
