"""``medlab evaluate --compare`` on the truth that a project keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.contenders import Weights
from medlab_gui.commands.evaluate import EvaluateParams, run
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.commands.predict import PredictParams
from medlab_gui.commands.predict import run as predict
from medlab_gui.commands.project_cases import project_cases
from medlab_gui.core.errors import InputError
from tests.commands.conftest import places
from tests.projects import tiny_weights
from tests.synthetic import plain_grid, write_series


def test_weights_are_compared_on_the_locked_slices(small_project, tmp_path):
    other = tiny_weights(tmp_path / "other.safetensors")
    with small_project.ctx.store() as store:
        current = store.current_checkpoint().id
    params = EvaluateParams(
        compare=places(f"now={current}", other), output=str(tmp_path / "out")
    )
    told = run(params, small_project.ctx)
    assert set(told["networks"]) == {"now", "other"}
    assert told["n_cases"] == 1  # the locked slices 14 to 16 are neighbours
    assert "slices 14-16" in told["worst"][0]["case"]
    # The same weights under two names: the same figures, and no difference.
    now, same = (told["networks"][n]["overall"]["dsc"] for n in ("now", "other"))
    assert now == same
    masks = EvaluateParams(
        compare=places(small_project.mask, other), output=str(tmp_path / "out")
    )
    with pytest.raises(InputError, match="is masks: name the true ones"):
        run(masks, small_project.ctx)


def fold_run(ctx, run_id, folds, weights, choosers=None):
    """Keep a cross-validated run whose folds left these slices out.

    Slices ``choosers`` chose the epochs; those that judge where there are none said.
    """
    import shutil

    from medlab_gui.commands.sources import ProjectSource, labelled_keys
    from medlab_gui.commands.splits import Split, write_split
    from medlab_gui.core.records import Run, RunState

    with ctx.store() as store:
        known = labelled_keys(store)
        values = {"spec": {}, "state": RunState.DONE, "seed": 0, "code_version": "0"}
        kind = "cross-validation"
        store.add_run(Run(id=run_id, kind=kind, started="2026-01-01", **values))
        for n, left_out in enumerate(folds, start=1):
            folder = store.run_folder(run_id) / f"fold-{n}"
            folder.mkdir()
            truth = {k: a for k, a in known.items() if k.slice_index in left_out}
            rest = {k: a for k, a in known.items() if k not in truth}
            apart = None
            if choosers is not None:
                aside = {k: a for k, a in rest.items() if k.slice_index in choosers}
                apart = ProjectSource(store, aside)
                rest = {k: a for k, a in rest.items() if k not in aside}
            sides = (ProjectSource(store, rest), ProjectSource(store, truth))
            split = Split(*sides, same_patient=True, choosers=apart)
            write_split(folder, split)
            shutil.copy(weights, folder / "checkpoint.safetensors")


def test_cross_validated_runs_are_judged_on_what_was_left_out(small_project, tmp_path):
    ctx, folds = small_project.ctx, ((5, 6, 7), (9, 10))
    for run_id in ("aaa", "bbb"):
        fold_run(ctx, run_id, folds, small_project.weights)
    fold_run(ctx, "ccc", ((5, 6), (9, 10)), small_project.weights)
    output = str(tmp_path / "out")
    told = run(EvaluateParams(compare=places("A=aaa", "B=bbb"), output=output), ctx)
    assert told["n_cases"] == 2
    assert {c["case"].partition(", ")[2] for c in told["worst"]} == {
        "slices 6-8",
        "slices 10-11",
    }
    table = (tmp_path / "out" / "folds.csv").read_text(encoding="utf-8-sig")
    assert table.startswith('Network,fold-1,fold-2,"folds, mean ± SD"')
    with pytest.raises(InputError, match="'A' and 'C' were folded differently"):
        run(EvaluateParams(compare=places("A=aaa", "C=ccc"), output=output), ctx)
    mixed = places("A=aaa", f"now={small_project.weights}")
    with pytest.raises(InputError, match="is a cross-validation, 'now' is not"):
        run(EvaluateParams(compare=mixed, output=output), ctx)
    truth = str(small_project.mask)
    with pytest.raises(InputError, match="leave --truth away"):
        run(EvaluateParams(compare=places("A=aaa"), truth=truth, output=output), ctx)


@pytest.mark.parametrize(
    ("choosers", "said"), [(None, "of 'A', 'B' was kept"), ((11,), ""), ((), "")]
)
def test_who_chose_the_epoch_of_folds_is_told_as_it_was(
    small_project, tmp_path, choosers, said
):
    """Slices that were set aside had chosen, and the report said that judges had."""
    ctx, folds = small_project.ctx, ((5, 6, 7), (9, 10))
    fold_run(ctx, "aaa", folds, small_project.weights, choosers)
    fold_run(ctx, "bbb", folds, small_project.weights)
    output = str(tmp_path / "out")
    told = run(EvaluateParams(compare=places("A=aaa", "B=bbb"), output=output), ctx)
    (note,) = [n for n in told["notes"] if "chose which epoch" in n]
    assert (said or "of 'B' was kept") in note
    alone = run(EvaluateParams(compare=places("A=aaa"), output=output), ctx)
    assert all(alone["notes"]), "no empty sentence"
    assert any("chose which epoch" in n for n in alone["notes"]) == (choosers is None)


def test_nothing_is_found_where_nothing_was_measured(lively, tmp_path):
    """What is compared is what a prediction gives, filling values (-2000) included."""
    from medlab_gui.learning.checkpoint import read_meta

    grid = plain_grid((4, 48, 48), (4.0, 2.0, 2.0))
    data = np.random.default_rng(4).integers(-100, 200, grid.shape).astype(np.int16)
    data[:, :, :16] = -2000

    def edit(ds, _k):
        ds.PixelRepresentation = 1
        ds.add_new("PixelPaddingValue", "SS", -976)

    write_series(tmp_path / "scan", grid, data, edit=edit)
    ctx = Context(str(tmp_path / "filled"), device="cpu")
    uid = import_(ImportParams(str(tmp_path / "scan")), ctx)["series"][0]["uid"]
    meta = read_meta(lively)
    with ctx.store() as store:
        store.set_scheme(meta.scheme)
        truth = np.zeros(grid.shape, np.uint8)
        kept = store.add_annotation(
            uid, truth, meta.scheme, confirmed=[1, 2], author="a"
        )
        store.lock_slices(uid, [1, 2], kept.id)
    cases = project_cases([Weights("lively", Path(lively), meta)], ctx)
    (case,) = cases.each
    (answer,) = case.answers
    told = predict(PredictParams(uid, checkpoint=lively), ctx)
    with ctx.store() as store:
        said = store.array(store.prediction(told["prediction"]).labels_blob)
    assert not answer.labels[:, :, :16].any()
    assert (answer.probs[0, :, :, :16] == 1).all()
    assert (answer.labels == said[1:3]).mean() > 0.999  # another runtime may round
    assert answer.labels[:, :, 16:].any()
